"""Which stretches answers rest on, where it is known: in one twelfth of one channel stands what tells rows apart."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pyarrow import parquet

import weights as wt
from weights.cli import cli
from weights.data.encoding import apply_encoding
from weights.errors import UsageError
from weights.inspection.stretches import find_stretches
from weights.questions import ask

T, PLACE = 48, slice(20, 24)
"""Twelve stretches of four values; the sixth tells."""


def planted(n: int, *, seed: int = 0) -> pa.Table:
    """A wave in the sixth stretch of the second channel makes a row "loud", and a number; noise everywhere."""
    rng = np.random.default_rng(seed)
    strength = rng.permutation(np.repeat([0.0, 1.0], n // 2))
    first, second = 0.3 * rng.normal(size=(2, n, T))
    second[:, PLACE] += np.outer(strength, [3.0, -3.0, 3.0, -3.0])
    loud = np.where(strength > 0, "loud", "quiet")
    return pa.table({"left": [*first], "right": [*second], "loud": loud, "number": 5 * strength + 0.1 * rng.normal(size=n)})


@pytest.fixture(scope="module")
def model():
    return wt.fit(planted(60).drop_columns(["number"]), "loud", seed=1)


def test_the_stretch_that_tells_is_the_one_that_costs_most(model):
    rows = planted(20, seed=1)
    inputs = apply_encoding(model.ensemble.encoding, rows)
    for i in np.flatnonzero(np.asarray(rows["loud"].to_pylist()) == "loud"):
        found = find_stretches(model.ensemble, inputs[i : i + 1], label=0)
        assert len(found.stretches) == 24
        most = max(found.stretches, key=lambda part: part.change)
        assert (most.feature, most.begin, most.end, most.agreement) == ("right", 20, 24, 1.0)
        rest = [abs(part.change) for part in found.stretches if part is not most]
        assert most.change > 3 * max(rest)


def test_an_explanation_shares_answers_out_among_channels(model):
    """The answer moves with the second channel, whose wave tells; the first is noise."""
    explanation = model.explain(planted(20, seed=1))
    left, right = (np.abs(explanation.contributions[:, explanation.features.index(name)]).mean() for name in ("left", "right"))
    assert right > 3 * left
    np.testing.assert_allclose(explanation.base + explanation.contributions.sum(1), explanation.prediction, atol=1e-6)


def test_a_change_is_what_the_answer_loses_where_a_gap_stands(model):
    """A gap in the list itself, which is read as a line, gives the same answer as hiding does."""
    rows = planted(2, seed=2)
    i = rows["loud"].to_pylist().index("loud")
    found = find_stretches(model.ensemble, apply_encoding(model.ensemble.encoding, rows.slice(i, 1)), label=0)
    cells = rows["right"][i].as_py()
    cells[PLACE] = [None] * 4
    gap = rows.slice(i, 1).set_column(1, "right", pa.array([cells]))
    before, after = (np.log(p / (1 - p)) for p in (model.predict_proba(part)[0, 0] for part in (rows.slice(i, 1), gap)))
    [change] = [part.change for part in found.stretches if (part.feature, part.begin) == ("right", 20)]
    assert change == pytest.approx(before - after, rel=1e-3)


def test_changes_of_numbers_are_in_their_own_unit():
    model = wt.fit(planted(60).drop_columns(["loud"]), "number", seed=1)
    rows = planted(20, seed=1)
    i = int(np.argmax(rows["number"].to_numpy()))
    found = find_stretches(model.ensemble, apply_encoding(model.ensemble.encoding, rows.slice(i, 1)))
    most = max(found.stretches, key=lambda part: part.change)
    assert (found.label, most.feature, most.begin) == (-1, "right", 20)
    assert 1.0 < most.change < 6.0  # of 5 that the wave makes


def test_series_of_few_values_and_of_none_have_as_many_stretches(model):
    rows = pa.table({"left": [[1.0, 2.0, 3.0]], "right": pa.array([[]], pa.list_(pa.float64()))})
    found = find_stretches(model.ensemble, apply_encoding(model.ensemble.encoding, rows))
    assert [(part.feature, part.begin, part.end) for part in found.stretches] == [("left", 0, 1), ("left", 1, 2), ("left", 2, 3)]
    assert np.isfinite([part.change for part in found.stretches]).all()
    alone = pa.table({"left": [[1.0]], "right": [[2.0]]})
    assert len(find_stretches(model.ensemble, apply_encoding(model.ensemble.encoding, alone)).stretches) == 2


def test_a_run_without_series_is_refused():
    iris = wt.fit("iris", model="linear", members=2, n_folds=2)
    with pytest.raises(UsageError, match=r"Stretches are of whole series, a list of numbers a row, but this run reads none"):
        ask(iris, "stretches", source="iris")


def test_from_file_to_fit_explanation_and_drawing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    parquet.write_table(planted(60).drop_columns(["number"]), "noise.parquet")
    parquet.write_table(planted(2, seed=3).drop_columns(["number", "loud"]), "new.parquet")
    run = CliRunner()

    def say(*words: str) -> str:
        result = run.invoke(cli, [*words], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    assert "2 series of 48 values" in say("fit", "noise.parquet", "--target", "loud", "--save", "run")
    assert re.search(r"right +48 values", say("explain", "run", "new.parquet"))
    assert re.search(r"right +21 to 24 .* 100%", say("stretches", "run", "new.parquet", "--output", "why.svg"))
    assert (tmp_path / "why.svg").read_text().startswith("<svg")
    record = json.loads(say("stretches", "run", "new.parquet", "--json"))
    assert [len(row["stretches"]) for row in record] == [24, 24]
    assert "series" in say("show", "run")
    refused = run.invoke(cli, ["summary", "run"])
    assert refused.exit_code == 2
    assert "This run reads series, and no columns" in refused.output
