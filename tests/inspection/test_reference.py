"""The intercept: the constants of regressions that statsmodels gives of inputs beside the reference row, and where there is none."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import scipy.special
import statsmodels.api as sm

import weights as wt
from weights.inspection.logistic import logistic
from weights.inspection.poisson import poisson
from weights.inspection.slopes import Rows, least_squares

N = 400
RNG = np.random.default_rng(4)
AGE = RNG.normal(60.0, 12.0, N)
GAP = RNG.uniform(size=N) < 0.2
DOSE = RNG.exponential(2.0, N)
WARD = RNG.choice(["north", "south", "west"], N, p=[0.2, 0.5, 0.3])
SMOKES = RNG.uniform(size=N) < 0.3
SITE = RNG.integers(0, 25, N)
LINK = 0.03 * (AGE - 60) + 0.2 * DOSE + 0.6 * (WARD == "west") - 0.5 * SMOKES
COLUMNS = {"age": AGE, "dose": pa.array(DOSE, mask=GAP), "ward": WARD, "smokes": SMOKES}
TARGETS = {
    "number": 3 * LINK + RNG.normal(size=N),
    "class": np.where(LINK - 1 + RNG.logistic(size=N) > 0, "ill", "well"),
    "count": RNG.poisson(np.exp(LINK)).astype(float),
}
LINEAR = {"model": "linear", "members": 5, "n_folds": 5, "threads": 1}  # in folds all rows have answers
TASKS = {"number": {}, "class": {"positive": "ill"}, "count": {"task": "count"}}
BESIDE_REFERENCE = np.column_stack(
    [
        AGE - AGE.mean(),
        np.where(GAP, np.median(DOSE[~GAP]), DOSE) - DOSE[~GAP].mean(),
        GAP,
        WARD == "north",
        WARD == "west",
        SMOKES,
    ]
).astype(float)


def fit(target: str, columns=COLUMNS, **options) -> wt.Model:
    return wt.fit(pa.table({**columns, "y": TARGETS[target]}), "y", **{**LINEAR, **TASKS[target], **options})


def intercepts(model: wt.Model, **options) -> list[dict]:
    n_features = len(model.feature_weights(**options))
    return model.feature_weights(intercept=True, **options)[n_features:]


def as_peer(target: str, y):
    x = sm.add_constant(BESIDE_REFERENCE)
    return {
        "number": lambda: sm.OLS(y, x).fit(cov_type="HC2"),
        "class": lambda: sm.Logit((y == "ill").astype(float), x).fit(disp=0, tol=1e-13),
        "count": lambda: sm.GLM(y, x, family=sm.families.Poisson()).fit(scale="X2", tol=1e-13),
    }[target]()


@pytest.mark.parametrize("target", TASKS)
def test_the_intercept_is_the_constant_of_the_regression_beside_the_reference_row(target):
    errors = "robust" if target == "number" else "classical"
    [row] = intercepts(fit(target), scale="link", errors=errors)
    peer = as_peer(target, TARGETS[target])
    assert row["feature"] == "(intercept)"
    # Inputs and targets are kept in float32, seven digits.
    assert row["effect"] == pytest.approx(peer.params[0], rel=1e-5, abs=1e-5 * peer.bse[0])
    assert row["std_err"] == pytest.approx(peer.bse[0], rel=1e-5)


def test_the_note_says_which_row_is_the_reference():
    [row] = intercepts(fit("number"))
    assert row["note"] == "what is expected of a row with numbers at their means, ward south, smokes no"


@pytest.mark.parametrize(("target", "inverse"), [("class", scipy.special.expit), ("count", np.exp)])
def test_on_the_target_scale_it_is_a_probability_or_a_mean_between_bounds_transformed_alike(target, inverse):
    model = fit(target)
    [link], [here] = intercepts(model, scale="link", level=0.9), intercepts(model, level=0.9)
    assert [here[name] for name in ("low", "effect", "high")] == pytest.approx([inverse(link[name]) for name in ("low", "effect", "high")])
    # The delta method, with the derivative as a difference.
    slope = (inverse(link["effect"] + 1e-5) - inverse(link["effect"] - 1e-5)) / 2e-5
    assert here["std_err"] == pytest.approx(slope * link["std_err"], rel=1e-6)


def test_odds_of_the_reference_row_are_the_exponential_of_their_logarithm():
    model = fit("class")
    [link], [odds] = intercepts(model, scale="link"), intercepts(model, scale="odds")
    assert [odds[name] for name in ("low", "effect", "high")] == pytest.approx(np.exp([link[name] for name in ("low", "effect", "high")]))


def test_it_is_not_tested_and_changes_nothing_of_what_is_said_of_features():
    model = fit("class")
    asked = {"adjust": "holm", "sort": "p", "top": 2}
    *features, row = model.feature_weights(intercept=True, **asked)
    assert features == model.feature_weights(**asked)
    assert {row[name] for name in ("z", "p_value", "importance", "selected", "sign_agreement", "per_sd")} == {None}


def test_effects_and_the_reference_row_call_flags_as_they_are_written():
    model = fit("number", {**COLUMNS, "smokes": np.where(SMOKES, "Y", "N")})
    assert next(row["note"] for row in model.feature_weights() if row["feature"] == "smokes") == "Y (beside N)"
    assert intercepts(model)[0]["note"].endswith("ward south, smokes N")


def test_the_table_ends_with_it():
    lines = fit("class").summary(top=1).lines()
    place = next(i for i, line in enumerate(lines) if line.startswith("  (intercept)"))
    assert place == 3  # title, heads, one feature
    assert any("(intercept): what is expected of a row with numbers at their means, ward south, smokes no" in line for line in lines)


def test_several_classes_have_shares_that_add_up_to_one():
    rng = np.random.default_rng(0)
    y = np.where(rng.uniform(size=N) < 0.2, "c", np.where(AGE / 12 + rng.logistic(size=N) > 5, "a", "b"))
    model = wt.fit(pa.table({**COLUMNS, "y": y}), "y", **LINEAR)
    rows = intercepts(model)
    assert [row["class"] for row in rows] == ["a", "b", "c"]
    assert sum(row["effect"] for row in rows) == pytest.approx(1.0, abs=1e-9)
    assert intercepts(model, scale="link") == []


def test_networks_have_none():
    model = fit("number", model="mlp", hidden=(8,), n_bins=4, n_steps=20, batch_size=64)
    assert intercepts(model) == []
    assert "(intercept)" not in str(model.summary())


def test_there_is_none_where_no_row_can_be_like_that():
    north = {**COLUMNS, "southern": WARD == "south"}
    [row] = intercepts(fit("number", north))
    assert (row["effect"], row["low"]) == (None, None)
    assert row["note"].startswith("not identifiable, because no row can have all of this: '")


def test_copies_of_a_number_do_not_matter():
    [row] = intercepts(fit("number", {**COLUMNS, "months": 12 * AGE}))
    [known] = intercepts(fit("number"))
    assert row["effect"] == pytest.approx(known["effect"], rel=1e-5)


def test_a_level_without_end_does_not_matter_but_a_number_that_separates_the_classes_does():
    rare = np.where(np.arange(N) % 40 == 0, "east", "elsewhere")
    y = np.where(rare == "east", "well", TARGETS["class"])
    settings = {**LINEAR, "positive": "ill"}
    model = wt.fit(pa.table({**COLUMNS, "rare": rare, "y": y}), "y", **settings)
    rest = rare != "east"
    x = sm.add_constant(BESIDE_REFERENCE)[rest]
    peer = sm.Logit((y[rest] == "ill").astype(float), x).fit(disp=0, tol=1e-13)
    [row] = intercepts(model, scale="link")
    assert row["effect"] == pytest.approx(peer.params[0], rel=1e-4)
    separated = wt.fit(pa.table({"age": AGE, "dose": DOSE, "y": np.where(AGE > 61, "ill", "well")}), "y", **settings)
    [row] = intercepts(separated, scale="link")
    assert row["effect"] is None
    assert "no finite log odds fit best" in row["note"]


def test_there_is_no_interval_where_events_are_too_few_for_the_inputs():
    rng = np.random.default_rng(1)
    y = np.full(N, "well")
    y[rng.choice(N, 8, replace=False)] = "ill"
    [row] = intercepts(wt.fit(pa.table({**COLUMNS, "y": y}), "y", **LINEAR, positive="ill"))
    assert row["std_err"] is None
    assert "too few for as many inputs" in row["note"]


def covers(regress, draw, origin: float, group: bool, seed: int) -> bool:
    """Whether the 95 % interval of the level of 200 rows holds what is true of the reference row."""
    rng = np.random.default_rng([8, seed])
    number, level, site = rng.normal(5, 1, 200), rng.uniform(size=200) < 0.3, rng.integers(0, 15, 200)
    slopes = regress(
        np.column_stack([number - number.mean(), level]),
        draw(rng, origin + 0.5 * (number - 5) + 0.8 * level, site),
        Rows(np.ones(200), site if group else None, None),
    )
    kind = "cluster" if group else "robust"
    half = slopes.level.errors[kind][0] * scipy.special.stdtrit(slopes.level.degrees[kind][0], 0.975)
    return abs(slopes.level.slopes[0] - origin - 0.5 * (number.mean() - 5)) <= half


DRAWN = {
    "heavy tails": (least_squares, lambda rng, mean, site: mean + rng.standard_t(3, 200), 2.0, False),
    "sites": (least_squares, lambda rng, mean, site: mean + rng.normal(size=15)[site] + rng.normal(size=200), 2.0, True),
    "classes": (logistic, lambda rng, mean, site: (rng.logistic(size=200) < mean).astype(float), -1.5, False),
    "counts": (poisson, lambda rng, mean, site: rng.poisson(np.exp(mean) * rng.gamma(2, 0.5, 200)).astype(float), 0.5, False),
}


@pytest.mark.parametrize("drawn", DRAWN.values(), ids=DRAWN)
def test_intervals_of_the_intercept_hold_what_is_true(drawn):
    held = [covers(*drawn, seed) for seed in range(200)]
    # Three standard errors of a share of 0.95 among 200.
    assert np.mean(held) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 200)
