"""A kind of data made up here, lists of points of any length, joins through the registries alone: nothing in the package knows of it."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

import weights as wt
from contract import LAWS, Case, Sample, cases, fit_once, label, make_columns
from weights.cli import cli
from weights.data.inputs import Inputs
from weights.data.kind import BlockEncoding, Kind
from weights.data.registry import KINDS
from weights.elements.activation import ACTIVATIONS
from weights.errors import CorruptError, DataError
from weights.models.architecture import Architecture, Defaults, ModelSettings
from weights.models.base import Cost, Hidden, MemberModel, affine, first_layer
from weights.models.registry import ARCHITECTURES
from weights.questions import ask

POINT = pa.list_(pa.float64(), 2)


# The kind: a cell is a list of points in the plane


class Points(BlockEncoding, msgspec.Struct, frozen=True, tag_field="kind", tag="points"):
    """At most so many points a row, centred and scaled."""

    name: str
    most: int
    center: list[float]
    scale: float


def holds_points(field: pa.Field) -> bool:
    return pa.types.is_list(field.type) and field.type.value_type == POINT


def fit_points(table: pa.Table, name: str) -> Points:
    every = np.asarray([point for row in table[name].to_pylist() for point in row or []])
    most = max(len(row or []) for row in table[name].to_pylist())
    return Points(name, most, every.mean(0).tolist(), float(every.std()) or 1.0)


def apply_points(column: Points, table: pa.Table) -> np.ndarray:
    if not holds_points(table.schema.field(column.name)):
        raise DataError(f"Lists of points were needed in '{column.name}', but it holds {table.schema.field(column.name).type}.")
    points = np.zeros((table.num_rows, column.most, 3), np.float32)
    for row, cells in zip(points, table[column.name].to_pylist(), strict=True):
        known = np.asarray((cells or [])[: column.most]).reshape(-1, 2)
        row[: len(known), :2] = (known - column.center) / column.scale
        row[: len(known), 2] = 1.0
    return points


def hash_points(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray([hash(str(row)) for row in column.to_pylist()]).astype(np.uint64)


POINTS = Kind(
    block="points",
    encoding=Points,
    recognises=holds_points,
    fit=fit_points,
    apply=apply_points,
    shape=lambda column: (column.most, 3),
    describe=lambda column: f"lists of up to {column.most} points",
    remark=lambda field: "points in the plane",
    hash_values=hash_points,
    check=lambda column: [] if column.most > 0 else [f"lists hold {column.most} points"],
    plural="points",
)


# A model that reads it: what each point says, averaged over the points of a row


class Pooled(ModelSettings, msgspec.Struct, frozen=True, tag="pooled"):
    """A hidden layer for each point, and a mean over points (Zaheer et al. 2017, "Deep Sets")."""

    hidden: tuple[int, ...] = (8,)


def pooled_model(settings: Pooled, layout: Any, initialization: Any, activation: Any) -> MemberModel:
    respond, place = ACTIVATIONS[activation.name], layout.place("points")

    def init(inputs: Inputs, knots: jax.Array, *, key: jax.Array) -> Any:
        keys = jax.random.split(key)
        hidden = first_layer(initialization, inputs["points"].reshape(-1, 3), settings.hidden[0], 1.0, key=keys[0])
        output = first_layer(initialization, jnp.zeros((1, settings.hidden[0])), layout.n_outputs, 1.0, key=keys[1])
        return {"hidden.0": hidden, "output": output}

    def forward(params: Any, embedded: Inputs, dropout: Any) -> tuple[jax.Array, dict[str, Hidden]]:
        points = embedded["points"]
        sums = affine(params["hidden.0"], points)
        layer = Hidden(sums, respond(sums))
        known = points[..., 2:]
        means = (dropout(layer.activations, 1) * known).sum(1) / jnp.maximum(known.sum(1), 1.0)
        return affine(params["output"], means), {"hidden.0": layer}

    return MemberModel(init, lambda params, inputs: Inputs({"points": inputs["points"]}), forward, {"hidden.0": (place,) * 3})


def pooled_cost(settings: Pooled, layout: Any) -> Cost:
    n_points, n_units = layout.shape("points")[0], settings.hidden[0]
    n_weights = 4 * n_units + (n_units + 1) * layout.n_outputs
    return Cost(n_weights, float(3 * n_units * n_points), n_points * n_units, n_units)


POOLED = Architecture(
    Pooled,
    pooled_model,
    layers=lambda settings: ["hidden.0", "output"],
    cost=pooled_cost,
    reads=("points",),
    capacity="hidden",
    in_auto=True,
    defaults=Defaults(optimizer="adam", n_members=4),
)


def make_points(signal: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """One to five points around the signal."""
    rows = [(value + 0.3 * rng.normal(size=(rng.integers(1, 6), 2))).tolist() for value in signal]
    return pa.table({"places": pa.array(rows, pa.list_(POINT))})


def make_points_and_columns(signal: np.ndarray, rng: np.random.Generator) -> pa.Table:
    points = make_points(signal, rng)
    return make_columns(signal, rng).append_column(points.schema.field(0), points.column(0))


SAMPLES = {
    "points": Sample(make_points, frozenset({"points"})),
    "points and columns": Sample(make_points_and_columns, frozenset({"x", "points"})),
}


def table_of(n: int = 200, seed: int = 0) -> pa.Table:
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=n)
    label = pa.array(np.where(signal + 0.2 * rng.normal(size=n) > 0, "east", "west"))
    return make_points_and_columns(signal, rng).append_column("side", label)


@pytest.fixture
def registered(monkeypatch):
    """The kind and the model stand in the registries."""
    monkeypatch.setitem(KINDS, "points", POINTS)
    monkeypatch.setitem(ARCHITECTURES, "pooled", POOLED)


def list_cases() -> list[Case]:
    before = dict(ARCHITECTURES)
    ARCHITECTURES["pooled"] = POOLED
    try:
        return [case for case in cases(SAMPLES) if case.architecture == "pooled"]
    finally:
        ARCHITECTURES.clear()
        ARCHITECTURES.update(before)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("case", list_cases(), ids=label)
def test_the_laws_hold_for_it(case, law, tmp_path):
    law(case, fit_once(case), tmp_path)


@pytest.mark.usefixtures("registered")
def test_its_block_alone_is_learned_from_by_the_model_that_reads_it():
    table = table_of().select(["places", "side"])
    model = wt.fit(table, "side", n_steps=300, members=4, n_folds=4)
    assert [population.name for population in model.ensemble.populations] == ["pooled"]
    assert model.metrics["accuracy"] > 0.8  # the noise of the label leaves about 0.94, chance 0.5


@pytest.mark.usefixtures("registered")
def test_beside_columns_all_models_answer_together_from_file_to_explanation(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parquet.write_table(table_of(), "places.parquet")
    parquet.write_table(table_of(20, seed=1).drop_columns(["side"]), "new.parquet")
    run = CliRunner()

    def say(*words: str) -> str:
        result = run.invoke(cli, [*words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    said = say("fit", "places.parquet", "--target", "side", "--save", "run", "--members", "8", "--steps", "60", "--set", "n_folds=4")
    assert "lists of up to 5 points" in said
    assert {"linear", "mlp", "pooled"} <= {*wt.load("run").report.compared}
    assert "1 points" in say("show", "run")
    assert len(say("predict", "run", "new.parquet").splitlines()) == 21
    assert "places" in say("explain", "run", "new.parquet")
    assert "number" in say("summary", "run")
    record = ask(wt.load("run"), "explain", source="new.parquet").record[0]
    total = record["base"] + sum(part["contribution"] for part in record["contributions"])
    assert total == pytest.approx(record["prediction"], abs=1e-6)


@pytest.mark.usefixtures("registered")
def test_a_column_that_lost_its_kind_is_refused_in_its_words():
    model = wt.fit(table_of(60).select(["places", "side"]), "side", n_steps=10, members=2, n_folds=2)
    with pytest.raises(DataError, match=r"Lists of points were needed in 'places', but it holds string"):
        model.predict({"places": ["a", "b"]})


def test_a_run_of_a_kind_that_is_no_longer_known_says_so(tmp_path, monkeypatch):
    with monkeypatch.context() as known:
        known.setitem(KINDS, "points", POINTS)
        known.setitem(ARCHITECTURES, "pooled", POOLED)
        wt.fit(table_of(60).select(["places", "side"]), "side", n_steps=10, members=2, n_folds=2, save=tmp_path / "run")
    with pytest.raises(CorruptError, match=r"'pooled' is not one of linear, mlp, kernels, words, bag, convolution, patches"):
        wt.load(tmp_path / "run")
