"""What holds for every kind of data, every task and every architecture: laws, and the small samples that they are tried on.

A new kind joins by a row in `SAMPLES` (or, made up in a test, by calling `cases` with a sample of its own); a task and an architecture
join by being listed in their registries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np
import pyarrow as pa
import pytest

import weights as wt
from weights import api
from weights.data.audio.column import ENDED, sound_field
from weights.data.image.column import picture_field
from weights.errors import DataError, Interrupted
from weights.fitting import job
from weights.models.registry import ARCHITECTURES
from weights.store.format import load
from weights.tasks.registry import TASKS
from weights.training.control import Control
from weights.training.population import train

N_ROWS = 40
SMALL = {"members": 2, "n_folds": 2, "seed": 3}
STEPS = {"n_steps": 6, "batch_size": 16, "patience": 0}


class Sample(NamedTuple):
    """A kind of data: its columns from a signal (n,) that they show, and the blocks that these become."""

    make: Callable[[np.ndarray, np.random.Generator], pa.Table]
    blocks: frozenset[str]


def make_columns(signal: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """A number and a word that show the signal, and noise."""
    word = np.where(signal + rng.normal(size=len(signal)) > 0, "high", "low")
    return pa.table({"number": signal + 0.3 * rng.normal(size=len(signal)), "word": word, "noise": rng.normal(size=len(signal))})


def make_pictures(signal: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Pictures of 8 x 8 whose right half is the brighter the larger the signal is."""
    ramp = np.linspace(-1, 1, 8)[None, None, :] * signal[:, None, None]
    pixels = np.clip(128 + 40 * ramp + 10 * rng.normal(size=(len(signal), 8, 8)), 0, 255).astype(np.uint8)
    field = picture_field(8, 8, 1)
    column = pa.FixedSizeListArray.from_arrays(pa.array(pixels.ravel()), type=field.type)
    return pa.Table.from_arrays([column], schema=pa.schema([field]))


def make_both(signal: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Such a picture beside such columns."""
    pictures = make_pictures(signal, rng)
    columns = make_columns(signal, rng)
    schema = pa.schema([columns.schema.field(0), pictures.schema.field(0), *list(columns.schema)[1:]])
    return pa.Table.from_arrays([columns[0], pictures[0], *columns.columns[1:]], schema=schema)


def make_series(signal: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Two channels of 3 to 12 values each around the signal, of which the second has gaps."""
    first = [(value + 0.5 * rng.normal(size=rng.integers(3, 13))).tolist() for value in signal]
    second = [[None if rng.random() < 0.2 else float(value) for value in value + rng.normal(size=8)] for value in signal]
    return pa.table({"left": first, "right": second})


def make_series_and_columns(signal: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Such series beside such columns."""
    series, columns = make_series(signal, rng), make_columns(signal, rng)
    return pa.table([series[0], *columns.columns, series[1]], names=["left", *columns.column_names, "right"])


def make_texts(signal: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Texts that hold the more good words, and the fewer bad ones, the larger the signal is; and titles of one such word."""
    good, bad, other = (np.asarray(words.split()) for words in ("fine great superb", "poor dull awful", "the film plot was an actor and 7"))

    def write(value: float) -> str:
        chosen = [rng.choice(good if rng.random() < 1 / (1 + np.exp(-2 * value)) else bad) for _ in range(3)]
        return " ".join(rng.permutation([*chosen, *rng.choice(other, 6)]))

    return pa.table({"review": [write(value) for value in signal], "title": [f"a {rng.choice(other)} of {write(v)}" for v in signal]})


def make_texts_and_columns(signal: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Such texts beside such columns."""
    texts, columns = make_texts(signal, rng), make_columns(signal, rng)
    return pa.table([texts[0], *columns.columns], names=["review", *columns.column_names])


def make_recordings(signal: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Recordings of noise, from which a second tone stands out the more the larger the signal is, of a tenth to a fifth of a second."""
    field = sound_field(400, 2000)
    column = np.full((len(signal), 400), ENDED, np.int16)
    for row, value in zip(column, signal, strict=True):
        n = rng.integers(200, 400)
        high = np.sin(np.arange(n) * 1.8) * (np.arange(n) > n / 2) / (1 + np.exp(-2 * value))
        row[:n] = 8000 * (np.sin(np.arange(n) * 0.6) + high + 0.1 * rng.normal(size=n))
    return pa.Table.from_arrays([pa.FixedSizeListArray.from_arrays(pa.array(column.ravel()), type=field.type)], schema=pa.schema([field]))


def make_recordings_and_columns(signal: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Such recordings beside such columns."""
    recordings, columns = make_recordings(signal, rng), make_columns(signal, rng)
    schema = pa.schema([recordings.schema.field(0), *list(columns.schema)])
    return pa.Table.from_arrays([recordings[0], *columns.columns], schema=schema)


SAMPLES = {
    "columns": Sample(make_columns, frozenset({"x"})),
    "pictures": Sample(make_pictures, frozenset({"pixels"})),
    "columns and pictures": Sample(make_both, frozenset({"x", "pixels"})),
    "series": Sample(make_series, frozenset({"series"})),
    "columns and series": Sample(make_series_and_columns, frozenset({"x", "series"})),
    "texts": Sample(make_texts, frozenset({"text"})),
    "recordings": Sample(make_recordings, frozenset({"sound"})),
    "columns and recordings": Sample(make_recordings_and_columns, frozenset({"x", "sound"})),
    "columns and texts": Sample(make_texts_and_columns, frozenset({"x", "text"})),
}
TARGETS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "binary": lambda signal: np.where(signal > 0, "yes", "no"),
    "multiclass": lambda signal: np.asarray(["a", "b", "c"])[np.digitize(signal, [-0.5, 0.5])],
    "regression": lambda signal: 10 + 3 * signal,
    "count": lambda signal: np.floor(np.exp(1 + 0.5 * signal)).astype(int),
    "transcript": lambda signal: np.where(signal > 0, "high tone", "low"),
}
"""A target of each task, from the signal."""


class Case(NamedTuple):
    """A kind of data, a task and an architecture, and the table that they are tried on."""

    name: str
    task: str
    architecture: str
    table: pa.Table

    def options(self) -> dict[str, Any]:
        """What is said to the fit."""
        steps = {} if ARCHITECTURES[self.architecture].defaults.solver else STEPS
        return {**SMALL, **steps, "task": self.task, "model": self.architecture, "inspect": False}


def cases(samples: dict[str, Sample]) -> Iterator[Case]:
    """Every architecture on every kind of data of which it reads all, for every task."""
    for name, sample in samples.items():
        for architecture, known in ARCHITECTURES.items():
            for task in TASKS if {*known.reads} <= sample.blocks <= {*known.reads, *known.also_reads} else ():
                if TASKS[task].whole and not known.tells_moments:
                    continue
                rng = np.random.default_rng(0)
                signal = rng.normal(size=N_ROWS)
                table = sample.make(signal, rng)
                yield Case(name, task, architecture, table.append_column("target", pa.array(TARGETS[task](signal))))


def label(case: Case) -> str:
    """The case in a few words."""
    return f"{case.name}-{case.task}-{case.architecture}"


_FITTED: dict[str, wt.Model] = {}


def fit_once(case: Case) -> wt.Model:
    """The model of a case, fitted once for all laws."""
    if label(case) not in _FITTED:
        _FITTED[label(case)] = wt.fit(case.table, "target", **case.options())
    return _FITTED[label(case)]


def answer(model: wt.Model, table: Any) -> np.ndarray:
    """What a model answers: probabilities, of texts those at all moments, or values."""
    if model.ensemble.task.n_moments:
        return model.ensemble.answer(model._encode(table))
    return model.predict_proba(table) if model.classes else model.predict(table)


def holds_row_order(case: Case, model: wt.Model, folder: Any) -> None:
    """Each row is answered by itself, wherever it stands and in whatever order columns come."""
    order = np.random.default_rng(1).permutation(N_ROWS)
    shuffled = case.table.take(pa.array(order))
    shuffled = shuffled.select([*reversed(shuffled.column_names)])
    np.testing.assert_allclose(answer(model, shuffled), answer(model, case.table)[order], rtol=1e-5, atol=1e-6)


def leaves_input_alone(case: Case, model: wt.Model, folder: Any) -> None:
    """A table that is answered stays as it was."""
    copy = pa.Table.from_batches(pa.ipc.open_stream(_serialise(case.table)).read_all().to_batches())
    answer(model, case.table)
    assert case.table.equals(copy, check_metadata=True)


def survives_saving(case: Case, model: wt.Model, folder: Any) -> None:
    """A saved run answers with the same bits, and says the same of itself."""
    model.save(folder / "run")
    again = wt.Model(load(folder / "run"))
    np.testing.assert_array_equal(answer(again, case.table), answer(model, case.table))
    assert (again.ensemble.task, again.ensemble.encoding, again.report) == (
        model.ensemble.task,
        model.ensemble.encoding,
        model.report,
    )


def follows_its_seed(case: Case, model: wt.Model, folder: Any) -> None:
    """The same seed gives the same bits, whatever the number of threads."""
    again = wt.fit(case.table, "target", **case.options(), threads=1)
    np.testing.assert_array_equal(answer(again, case.table), answer(model, case.table))


def resumes_to_the_same_bits(case: Case, model: wt.Model, folder: Any) -> None:
    """A run that is stopped after two rounds and goes on ends with the params of one that was not."""
    prepared = api.plan_fit(case.table, "target", **case.options())
    [(name, spec)] = prepared.candidates.items()
    made = job(name, spec, prepared)
    whole = train(made, Control(n_threads=1, measuring=False))
    kept: dict[str, Any] = {}
    asked = iter([False, False, True])
    control = Control(n_threads=1, measuring=False, stopping=lambda: next(asked, True))
    control.keep = lambda name, snapshot, final: kept.update({name: snapshot()})
    if ARCHITECTURES[case.architecture].defaults.solver:
        return  # a solved member is solved anew
    with pytest.raises(Interrupted):
        train(made, control)
    resumed = train(made, replace(Control(n_threads=1, measuring=False), resume=kept))
    for one, other in zip(jax.tree.leaves(resumed.population.params), jax.tree.leaves(whole.population.params), strict=True):
        np.testing.assert_array_equal(one, other)


def refuses_a_missing_column(case: Case, model: wt.Model, folder: Any) -> None:
    """New rows without a column that is needed are refused, and the column is named."""
    name = model.ensemble.encoding.names[0]
    without = case.table.drop_columns([name, "target"]) if case.table.num_columns > 2 else pa.table({"other": [1.0] * N_ROWS})
    with pytest.raises(DataError, match=rf"'{name}'"):
        model.predict(without)


def names_its_target(case: Case, model: wt.Model, folder: Any) -> None:
    """What a run shows and what its card says names the target."""
    from weights.questions import ask
    from weights.store.card import model_card

    assert any("target" in line for line in ask(model, "show").lines)
    assert "# target from" in model_card(model.ensemble)


LAWS = (
    holds_row_order,
    leaves_input_alone,
    survives_saving,
    follows_its_seed,
    resumes_to_the_same_bits,
    refuses_a_missing_column,
    names_its_target,
)


def _serialise(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
