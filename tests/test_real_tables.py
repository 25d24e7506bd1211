"""The main job on real tables; skips where their collection is not at hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

import weights as wt
from weights.api import plan_fit


@pytest.fixture(scope="module")
def prepared(real_table):
    """Every real table, by name: what its makers say is asked of it, and what was found."""
    entries = json.loads((real_table("adult_income").parents[2] / "MANIFEST.json").read_text())
    tables = [entry for entry in entries if entry["kind"] == "table"]
    return {e["name"]: (e["task"], plan_fit(real_table(e["name"]), e["target"], model="linear")) for e in tables}


def test_every_real_table_asks_for_the_task_its_makers_name(prepared):
    named = {"regression": "regression", "binary_classification": "binary", "multiclass_classification": "multiclass"}
    assert {name: plan.task.kind for name, (_, plan) in prepared.items()} == {
        n: named[task.split(" ")[0]] for n, (task, _) in prepared.items()
    }


def test_no_real_table_is_suspected_of_a_leak(prepared):
    assert [name for name, (_, plan) in prepared.items() if any("likely leak" in remark for remark in plan.remarks)] == []


def test_income_is_predicted_as_well_as_linear_peers_do_from_file_to_folder(real_table, tmp_path):
    model = wt.fit(real_table("adult_income"), target="income", model="linear", members=8, save=tmp_path / "income")
    # scikit-learn's logistic regression on a 75/25 split of this table: log loss 0.316, AUROC 0.908.
    assert model.metrics["auroc"] > 0.90
    assert model.metrics["log_loss"] < 0.325
    answers = [m.predict_proba(real_table("adult_income")) for m in (model, wt.load(tmp_path / "income"))]
    np.testing.assert_array_equal(*answers)


def test_missing_ages_and_cabins_do_not_keep_the_titanic_from_being_read(real_table):
    model = wt.fit(real_table("titanic"), target="survived", model="linear", members=8)
    assert model.metrics["auroc"] > 0.75
