"""From options to an ensemble: what is said of the share that each of the trained gets."""

from __future__ import annotations

import re

import numpy as np
import pytest

from planted import planted
from weights.api import plan_fit
from weights.fitting import _compared_with_simplest, train_ensemble
from weights.inspection.decomposition import Judged
from weights.tasks.number import Number
from weights.training.control import Control
from weights.training.stacking import Stacking

QUICK = {"members": 4, "hidden": (16,), "n_steps": 300}


@pytest.fixture(scope="module")
def mixtures():
    """The ensembles of both planted tables."""
    return {kind: train_ensemble(plan_fit(planted(400, kind, noise=0.3), "y", **QUICK), Control()) for kind in ("line", "product")}


def share_of_linear(ensemble) -> float:
    return sum(population.stacking_weight for population in ensemble.populations if population.name == "linear")


def test_on_a_line_the_solved_members_have_most_of_the_share(mixtures):
    assert share_of_linear(mixtures["line"]) > 0.7


def test_on_a_product_the_networks_have_most_of_the_share(mixtures):
    assert sum(population.stacking_weight for population in mixtures["product"].populations) > 0.8
    assert share_of_linear(mixtures["product"]) < 0.1


def test_a_mixture_that_gains_nothing_is_not_said_to_gain(mixtures):
    decision = mixtures["line"].report.decision
    assert " lower than " not in decision.replace("not known to be lower than", "")
    assert re.search(r"linear answers alone: stacking .* did not lower|linear answers alone: .* no share|as good, and simpler$", decision)


def test_a_mixture_that_gains_is_said_to_be_better_and_by_how_much(mixtures):
    decision = mixtures["product"].report.decision
    found = re.search(
        r"'s out-of-bag squared error is (\S+) lower than linear's alone \(95 % interval of the gain (\S+) to (\S+)\)$", decision
    )
    gain, low, high = (float(number) for number in found.groups())
    report = mixtures["product"].report
    before, after = report.compared["linear"]["rmse"].value, report.metrics["rmse"].value
    assert 0 < low < gain < high
    assert gain == pytest.approx(before**2 - after**2, rel=0.01)  # three digits are printed


ROWS = Judged(np.zeros(300), np.ones(300), None)
NOISE = np.random.default_rng(0).normal(size=300)


def stacking_of(after: np.ndarray, kept: int | None) -> Stacking:
    """Answers of linear members whose squared errors are 2, and of what was kept, with these errors."""
    nothing = np.zeros(3)
    return Stacking(nothing, nothing, after**0.5, nothing, nothing, [np.full(300, 2.0**0.5), after**0.5], kept)


@pytest.mark.parametrize(
    ("after", "kept", "said"),
    [
        (1 + 0.01 * NOISE, None, r"the stacked ensemble's .* is 1 lower than linear's alone \(95 % interval of the gain 0.999 to 1\)"),
        (
            1.99 + 0.2 * NOISE,
            None,
            r"the stacked .* is not known to be lower than linear's .* -0.\d+ to 0.\d+\): --model linear is as good, .*",
        ),
        (2 + 0 * NOISE, 0, "linear answers alone: stacking linear, mlp did not lower the out-of-bag squared error"),
        (1 + 0.01 * NOISE, 1, r"mlp answers alone: stacking .* error; mlp's out-of-bag squared error is 1 lower than linear's alone .*"),
    ],
    ids=["better", "chance", "simplest alone", "other alone"],
)
def test_the_decision_follows_from_the_interval_of_the_gain(after, kept, said):
    assert re.fullmatch(said, _compared_with_simplest(stacking_of(after, kept), ["linear", "mlp"], ROWS, Number("y")))


def test_every_model_alone_and_the_constant_one_are_compared_with_the_mixture(mixtures):
    assert [*mixtures["product"].report.compared] == ["linear", "mlp", "mlp-loose", "constant"]


def test_models_that_were_left_out_on_the_way_are_named_and_not_compared(mixtures):
    compared, remarks = mixtures["line"].report.compared, " ".join(mixtures["line"].report.remarks)
    assert {"linear", "constant"} <= {*compared}
    for name in {"mlp", "mlp-loose"} - {*compared}:
        assert f"{name} was not trained to its end" in remarks


def test_with_one_model_there_is_nothing_to_decide():
    assert train_ensemble(plan_fit(planted(), "y", model="linear", members=4), Control()).report.decision == ""


def test_the_constant_model_has_the_spread_of_the_target_as_its_error():
    data = planted()
    report = train_ensemble(plan_fit(data, "y", model="linear", members=4, n_folds=4), Control()).report
    assert report.compared["constant"]["rmse"].value == pytest.approx(data["y"].std())
