"""From options to an ensemble: which settings are tried, and which of the trained is kept."""

from __future__ import annotations

import numpy as np
import pytest

from weights.api import plan_fit
from weights.errors import DataError, UsageError
from weights.fitting import check_memory, races, train_ensemble, within_budget
from weights.training.plan import Plan
from weights.training.population import Control

QUICK = {"members": 4, "hidden": (16,), "n_steps": 300}


def planted(kind: str) -> dict[str, np.ndarray]:
    """A target that is a line in two columns, or their product."""
    random = np.random.default_rng(0)
    a, b = random.normal(size=(2, 400))
    return {"a": a, "b": b, "y": (a + b if kind == "line" else a * b) + 0.3 * random.normal(size=400)}


def test_auto_tries_the_simpler_model_first():
    assert [*plan_fit(planted("line"), "y", **QUICK).candidates] == ["linear", "mlp"]


def test_beside_a_network_the_linear_model_stays_solved():
    specs = plan_fit(planted("line"), "y", learning_rate=0.01, **QUICK).candidates
    assert (specs["linear"].solved, specs["mlp"].optimization.learning_rate) == (True, 0.01)


def test_a_setting_that_no_model_could_use_is_refused_with_auto_too():
    with pytest.raises(UsageError, match=r"activation\.name has no choice 'gelo'\. Did you mean 'gelu'\?"):
        plan_fit(planted("line"), "y", activation="gelo")


def test_an_optimizer_that_was_asked_for_trains_both_models():
    specs = plan_fit(planted("line"), "y", optimization="adam").candidates
    assert [spec.optimization.name for spec in specs.values()] == ["adam", "adam"]


def test_on_a_line_the_simpler_model_is_kept_and_it_is_said_why():
    report = train_ensemble(plan_fit(planted("line"), "y", **QUICK), Control()).report
    assert report.decision.startswith("linear was chosen, being simpler")


def test_on_a_product_the_network_is_kept():
    report = train_ensemble(plan_fit(planted("product"), "y", **QUICK), Control()).report
    assert report.decision.startswith("mlp was chosen: its out-of-bag squared error is")


def test_the_constant_model_has_the_spread_of_the_target_as_its_error():
    data = planted("line")
    report = train_ensemble(plan_fit(data, "y", model="linear", members=4), Control()).report
    assert report.compared["constant"]["rmse"].value == pytest.approx(data["y"].std())


def test_a_search_that_only_the_network_knows_is_raced_there_only():
    specs = plan_fit(planted("line"), "y", **QUICK).candidates
    assert [*races(specs, {"hidden": [(4,), (8,)]}, 400)] == ["mlp"]


def test_a_search_of_too_many_candidates_is_refused():
    specs = plan_fit(planted("line"), "y", model="mlp").candidates
    with pytest.raises(UsageError, match="spans 100 candidates, and at most 64 are raced"):
        races(specs, {"learning_rate": [0.1] * 10, "dropout": [0.1] * 10}, 400)


def test_a_smaller_budget_means_fewer_steps():
    prepared = plan_fit(planted("line"), "y", model="mlp")
    few, many = (
        within_budget(prepared.candidates, seconds, prepared.shape, 400, 1)["mlp"].optimization.n_steps for seconds in (4.0, 400.0)
    )
    assert few < many


def test_a_fit_beyond_the_free_memory_is_refused_before_it_starts():
    with pytest.raises(DataError, match=r"needs about 1000000.0 GB of memory, but .* GB are free"):
        check_memory([Plan("mlp", 1, 1, 1, 1, 1.0, 1e6)])
