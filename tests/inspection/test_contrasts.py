"""Effects on the log odds of networks, and what stands for a contrast that cannot be estimated."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.special
import statsmodels.api as sm

import weights as wt
from weights.inspection.contrasts import Estimator
from weights.inspection.joint import find_p_values
from weights.inspection.logistic import logistic
from weights.inspection.outofbag import Without
from weights.inspection.partialling import Design, Partialled
from weights.inspection.slopes import Rows
from weights.tasks.base import Scaled
from weights.tasks.classes import Binary

NETWORK = {"model": "mlp", "members": 5, "n_folds": 5, "hidden": (32,), "n_bins": 8, "n_steps": 300, "batch_size": 64, "threads": 1}
N = 1_000


def heavy(seed: int):
    """Inputs of Student's t with five degrees and classes by log odds that are linear in them."""
    rng = np.random.default_rng([21, seed])
    x = rng.standard_t(5, (N, 3)) / np.sqrt(5 / 3)
    return x, np.where(x @ [1.0, -0.5, 0.0] + rng.logistic(size=N) > 0, "yes", "no")


def test_log_odds_of_networks_hold_under_heavy_tails():
    """Networks shrink log odds where inputs lie far out; before their answers there had a say, the first was 0.92."""
    tables = [heavy(seed) for seed in range(12)]
    estimates = []
    for seed, (x, y) in enumerate(tables):
        records = wt.fit(x, y, seed=seed, **NETWORK).feature_weights(scale="link")
        estimates.append([[row[name] for name in ("effect", "low", "high")] for row in records])
    effect, low, high = np.moveaxis(np.asarray(estimates), 2, 0)
    truth = np.array([1.0, -0.5, 0.0])
    # Three standard errors of a mean of twelve, of estimates that vary by 0.1.
    np.testing.assert_allclose(effect.mean(0), truth, atol=3 * 0.1 / np.sqrt(12))
    assert ((low <= truth) & (truth <= high)).mean() >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 36)


def test_a_level_of_which_hardly_a_row_of_the_rarer_class_is_expected_says_so():
    rng = np.random.default_rng(0)
    n = 1_500
    columns = {"x": rng.normal(size=n), "site": np.where(np.arange(n) < 12, "small", "large")}
    records = wt.fit(columns | {"y": np.where(rng.uniform(size=n) < 0.03, "ill", "well")}, "y", model="linear", members=5).feature_weights()
    row = next(row for row in records if row["feature"] == "site")
    assert row["effect"] is not None
    assert (row["std_err"], row["p_value"], row["low"]) == (None, None, None)
    assert "too few rows to tell" in row["note"]


@pytest.mark.parametrize(("answers", "value"), [("classes", 455), ("classes", 4550), ("numbers", 4550)])
def test_a_row_that_makes_a_slope_nearly_alone_is_named_with_its_value(answers, value):
    rng = np.random.default_rng(0)
    age, dose = rng.integers(20, 90, 500).astype(float), rng.normal(50, 10, 500)
    y = np.where(rng.uniform(size=500) < 1 / (1 + np.exp((55 - age) / 15)), "yes", "no") if answers == "classes" else rng.normal(size=500)
    age[17] = value
    first, second = wt.fit({"age": age, "dose": dose, "y": y}, "y", model="linear", members=5).feature_weights()
    assert f"of this slope rests on one row, of value {value}: repair that cell" in first["note"]
    assert "the rarer class" not in first["note"]
    assert second["note"] == ""


@pytest.mark.parametrize("model", ["linear", "mlp"])
def test_a_category_of_pure_noise_is_not_found_in_classes_of_which_one_is_rare(model):
    """50 levels of uneven size, one row in ten: Wald's test found it in every table."""
    chance = 1 / (1 + np.arange(50))
    p_values = []
    for seed in range(6):
        rng = np.random.default_rng([23, seed])
        columns = {"level": rng.choice(50, N, p=chance / chance.sum()).astype(str), "x": rng.normal(size=N)}
        columns["y"] = np.where(rng.uniform(size=N) < 0.1, "yes", "no")
        settings = NETWORK if model == "mlp" else {"model": "linear", "members": 5}
        fitted = wt.fit(columns, "y", seed=seed, **settings)
        p_values += [row["p_value"] for scale in ("target", "link") for row in fitted.feature_weights(scale=scale)[:1]]
    # Of six tables three false alarms come twice in a thousand; both scales agree on most.
    assert np.sum(np.asarray(p_values) <= 0.05) <= 4
    assert np.min(p_values) > 1e-4


def test_where_members_say_the_opposite_of_an_effect_it_is_said_with_what_goes_along():
    """Of two features that move together a strong penalty gives both one direction."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=600)
    b = a + 0.3 * rng.normal(size=600)
    y = a - 0.5 * b + 0.05 * rng.normal(size=600)
    records = wt.fit({"a": a, "b": b, "y": y}, "y", model="linear", members=5, strength=3.0).feature_weights()
    row = next(row for row in records if row["feature"] == "b")
    assert row["effect"] == pytest.approx(-0.5, abs=0.05)
    assert row["sign_agreement"] < 0.5
    assert "most members say the opposite (sign 0 %)" in row["note"]
    assert "it moves with 'a' (correlation 0.96)" in row["note"]


def test_noise_that_is_only_rounding_makes_no_interval():
    """z was printed as -7206628751024885."""
    x = np.random.default_rng(0).normal(size=200)
    row = wt.fit({"x": x, "z": np.arange(200.0), "y": np.where(x > 0, 2.0, 1.0) * 0 + 3 * x}, "y", model="linear").feature_weights()[0]
    assert row["effect"] == pytest.approx(3, rel=1e-5)
    assert row["z"] is None or abs(row["z"]) < 1e9


def test_a_category_is_tested_on_log_odds_by_the_noise_of_its_own_rows():
    """Levels differ in what else goes along with them, so that their noise does: taken for alike, the p-value would be another."""
    rng = np.random.default_rng(2)
    level = rng.integers(0, 4, N)
    x = rng.normal(size=N) + 0.8 * level
    y = (rng.uniform(size=N) < scipy.special.expit(1.2 * x - 4)).astype(float)
    columns = {"level": np.array([f"l{k}" for k in level]), "x": x, "y": np.where(y == 1, "yes", "no")}
    records = wt.fit(columns, "y", model="linear", members=5, n_folds=5).feature_weights(scale="link")
    counts = np.bincount(level)
    z = np.column_stack([x, level[:, None] == np.setdiff1d(np.arange(4), counts.argmax())]).astype(float)
    rows, own = Rows(np.ones(N), None, None), np.arange(1, 4)
    expected = find_p_values(logistic(z, y, rows).only(own), level, rows, lambda p: p * (1 - p))["robust"]
    assert next(row["p_value"] for row in records if row["feature"] == "level") == pytest.approx(expected, rel=1e-4)


def test_log_odds_beside_what_networks_expect_are_tested_by_the_likelihood_ratio(monkeypatch):
    """Statsmodels' logistic regression has what is expected without the inputs as an offset, and once more without each of them."""
    rng = np.random.default_rng(8)
    offset = rng.normal(size=N) - 2.5
    inputs = np.column_stack([rng.uniform(size=N) < share for share in (0.03, 0.06, 0.5)]).astype(float)
    positive = (rng.uniform(size=N) < scipy.special.expit(offset + inputs @ [1.5, 0.0, 0.7])).astype(float)
    task, rows = Binary("state", ["ill", "well"]), Rows(np.ones(N), None, None)
    design = Design([], inputs, rows.weight, {}, {}, {}, {}, [], np.zeros(3, bool), np.zeros(0, int))
    partialled = Partialled(inputs - inputs.mean(0), 3.0, N, "piecewise-linear least squares", inputs)
    monkeypatch.setattr("weights.inspection.contrasts.partial_out", lambda *given, **how: partialled)
    log_odds = np.column_stack([-offset, offset])
    expected = Scaled(scipy.special.expit(log_odds), log_odds)
    inspected = SimpleNamespace(task=task, rows=rows, linear=False, answers=SimpleNamespace(baseline=expected))
    estimator = Estimator(inspected, design, partialled)
    outcome = next(outcome for outcome in task.outcomes() if outcome.scale == "link")
    slopes = estimator.regress(outcome, np.arange(3), Without(expected, []), positive)

    def fit(x: np.ndarray):
        return sm.GLM(positive, x, sm.families.Binomial(), offset=offset).fit()

    whole = fit(partialled.residuals)
    np.testing.assert_allclose(slopes.slopes, whole.params, rtol=1e-5)
    for j in range(3):
        ratio = 2 * (whole.llf - fit(np.delete(partialled.residuals, j, 1)).llf)
        growth = (slopes.null_errors["robust"][j] / slopes.errors["robust"][j]) ** 2
        assert (whole.params[j] / whole.bse[j]) ** 2 / growth == pytest.approx(ratio, rel=0.1)  # one step away
