"""Counts as a task: what is learned of them, their losses, means and simulated outcomes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

import weights as wt
from weights.errors import DataError, UsageError
from weights.inspection.coefficients import coefficients
from weights.tasks.count import Count, find_count, looks_counted
from weights.tasks.metrics import poisson_deviances

TASK = Count("claims", scale=2.0, least=0.0)
COUNTS = np.array([0.0, 1.0, 7.0])
Y = COUNTS / 2


def column(values) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values)])


def found(values) -> Count:
    return find_count(column(values), "claims", class_weight=None, remark="")


def test_counts_are_learned_over_their_mean():
    task = found([0, 1, 7, 0])
    assert (task.scale, task.encode(column([4, 0])).tolist()) == (2.0, [2.0, 0.0])


@pytest.mark.parametrize("scale", [0.1, 1 / 3, 7.3])
def test_counts_come_back_whole(scale):
    task, counts = Count("claims", scale=scale), np.arange(1000)
    np.testing.assert_array_equal(task.original(task.encode(column(counts))), counts)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, -1, 2], r"^Counts must be whole numbers from zero on, but row 2 of 'claims' holds -1\. Repair or leave out the row"),
        ([1.0, 2.0, 0.5], r"row 3 of 'claims' holds 0\.5\. .* or use --task regression"),
        ([0, 0], r"The counts of 'claims' must vary, but they are 0 in all 2 rows\. Name another target\."),
        ([1.0, np.inf], r"must be a finite number, but row 2 holds inf"),
        (["a", "b"], r"must be numeric, but 2 of 2 rows hold something else"),
    ],
)
def test_what_is_no_count_is_refused(values, message):
    with pytest.raises(DataError, match=message):
        found(values)


def test_class_weights_are_refused():
    with pytest.raises(UsageError, match="Class weights need classes, but 'claims' is a count"):
        find_count(column([0, 1]), "claims", class_weight="balanced", remark="")


def test_outputs_are_logs_of_means_over_that_of_training():
    outputs = np.log([[0.5], [1.0], [3.0]])
    np.testing.assert_allclose(TASK.decode(outputs), [1.0, 2.0, 6.0])
    np.testing.assert_allclose(TASK.to_scales(outputs).link[:, 0], np.log([1.0, 2.0, 6.0]), atol=1e-12)


def test_losses_of_outputs_and_of_predictions_agree():
    outputs = np.array([[0.5], [-1.0], [2.0]])
    of_outputs = TASK.loss_scale * TASK.row_losses(outputs, Y)
    np.testing.assert_allclose(of_outputs, TASK.prediction_losses(Y, TASK.decode(outputs)))
    np.testing.assert_allclose(of_outputs[0], 2 * 2 * np.exp(0.5))  # of no events twice the mean


def test_squared_errors_are_those_of_counts():
    np.testing.assert_allclose(TASK.squared_errors(Y, np.array([1.0, 1.0, 4.0])), [1.0, 0.0, 9.0])


def test_losses_go_on_along_a_line_where_an_exponential_would_overflow():
    losses = TASK.row_losses(np.array([[1e3], [1e3 + 1], [-1e3]]), np.zeros(3))
    np.testing.assert_allclose([losses[1] - losses[0], losses[2]], [np.exp(20), 0.0], rtol=1e-6)


def test_moves_cost_what_the_loss_says_to_second_order():
    """The mean over counts of the loss of a moved mean, less that of the mean itself, is mean (exp(move) - 1 - move), doubled."""
    outputs, moved = np.array([[0.3]]), np.array([[1e-3]])
    exact = 2 * TASK.decode(outputs) * (np.expm1(1e-3) - 1e-3)
    np.testing.assert_allclose(TASK.excess_losses(outputs, moved), exact, rtol=1e-3)


def test_a_constant_is_the_weighted_mean_on_both_scales():
    weight = np.array([1.0, 1.0, 2.0])
    constant = TASK.constant_predictions(Y, weight)
    assert constant.tolist() == [3.75] * 3
    np.testing.assert_allclose(TASK.decode(TASK.constant_outputs(Y, weight)[None]), 3.75)
    assert np.isfinite(TASK.constant_outputs(np.zeros(3), weight)).all()


def test_no_bound_is_below_zero():
    model = wt.fit(table(), "claims", task="count", model="linear", members=4, n_folds=4, inspect=False)
    bounds = model.interval(table(), level=0.9)
    assert bounds.low.min() == 0.0
    held = (bounds.low <= table()["claims"].to_numpy()) & (table()["claims"].to_numpy() <= bounds.high)
    assert held.mean() > 0.9 - 3 * np.sqrt(0.9 * 0.1 / 600)


@pytest.mark.parametrize("dispersed", [0.0, 0.8])
def test_simulated_counts_have_the_means_and_the_overdispersion_of_those_there_are(dispersed):
    rng, n = np.random.default_rng(0), 100_000
    means = rng.choice([0.5, 2.0, 6.0], n)
    counts = rng.poisson(means * (rng.gamma(1 / dispersed, dispersed, n) if dispersed else 1.0))
    drawn = TASK.original(TASK.simulate(means, counts - means, np.arange(n), rng))
    for mean in (0.5, 2.0, 6.0):
        own = drawn[means == mean]
        variance = mean + dispersed * mean**2
        # Four standard errors of a mean; variances within a tenth, of which the errors are below 2 %.
        assert own.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / len(own)))
        assert own.var() == pytest.approx(variance, rel=0.1)


def test_simulated_counts_of_a_unit_depend_on_each_other():
    """The covariance of two rows of a unit is the variance of their frailty times their means, 0.8 * 4 * 4."""
    rng, n = np.random.default_rng(0), 20_000
    means, units = np.full(2 * n, 4.0), np.repeat(np.arange(n), 2)
    counts = rng.poisson(means * rng.gamma(1 / 0.8, 0.8, n)[units])
    drawn = TASK.original(TASK.simulate(means, counts - means, units, rng)).reshape(n, 2)
    assert np.cov(drawn.T)[0, 1] == pytest.approx(0.8 * 16, rel=0.1)


def test_a_mean_that_is_no_number_above_zero_and_a_center_are_noticed():
    assert TASK.check() == []
    assert Count("y", 1.0, 0.0, least=0.0).check() == ["the target's scale is 0.0", "counts start at 1.0 and lie in 0.0 to None"]


RNG = np.random.default_rng(1)


@pytest.mark.parametrize(
    ("values", "counted"),
    [
        (RNG.poisson(0.1, 300), True),
        (RNG.poisson(3.0, 300), True),
        (RNG.poisson(RNG.gamma(0.5, 20.0, 300)), True),
        (RNG.integers(0, 10, 300), False),  # digits
        (RNG.poisson(3.0, 300) + 0.5, False),
        (RNG.poisson(3.0, 300) - 1, False),
        (RNG.poisson(40.0, 300), False),  # none is zero
        (9 - RNG.poisson(3.0, 300).clip(0, 9), False),  # skewed to the left
        (RNG.integers(0, 2, 300), False),
        (RNG.poisson(0.5, 20), False),  # too few
    ],
)
def test_counts_are_known_by_their_looks(values, counted):
    assert looks_counted(values.astype(float)) is counted


def table(n=600, seed=0):
    rng = np.random.default_rng(seed)
    x, word = rng.normal(size=n), rng.choice(["a", "b", "c"], n)
    return pa.table({"x": x, "word": word, "claims": rng.poisson(np.exp(-0.5 + 0.6 * x + 0.5 * (word == "b")))})


NETWORK = {"hidden": (8,), "n_steps": 100, "embedding": "none"}


@pytest.mark.parametrize("options", [{"model": "linear"}, {"model": "mlp", **NETWORK}], ids=["linear", "mlp"])
def test_a_fit_to_counts_is_saved_and_cuts_the_deviance_that_it_reports(options, tmp_path):
    model = wt.fit(table(), "claims", task="count", members=10, n_folds=5, **options)
    model.save(tmp_path / "run")
    assert wt.load(tmp_path / "run").metrics == model.metrics
    parts = model.report.decomposition
    assert parts.loss.value == pytest.approx(model.metrics["deviance"], rel=1e-6)
    assert parts.bias.value + parts.variance.value - parts.diversity.value == pytest.approx(parts.loss.value, rel=1e-6)
    assert model.metrics["d2"] > 0.1


@pytest.mark.parametrize("options", [{"model": "linear"}, {"model": "mlp", **NETWORK}], ids=["linear", "mlp"])
def test_log_rates_of_a_fit_are_those_of_its_rows(options):
    """Within three standard errors of what was planted, and errors near 1 / sqrt(events * variance) = 1 / sqrt(0.9 * 600)."""
    model = wt.fit(table(), "claims", task="count", members=10, n_folds=5, **options)
    [x] = [contrast for contrast in model.report.feature_weights.contrasts if (contrast.feature, contrast.scale) == ("x", "link")]
    assert abs(x.effect - 0.6) < 3 * x.std_errs["robust"]
    assert x.std_errs["robust"] == pytest.approx(1 / np.sqrt(0.9 * 600), rel=0.3)


def test_coefficients_of_a_linear_fit_give_the_log_of_the_mean():
    rng = np.random.default_rng(0)
    data = pa.table({"x": rng.normal(size=300), "z": rng.normal(size=300), "claims": rng.poisson(2.0, 300)})
    model = wt.fit(data, "claims", task="count", model="linear", members=4, n_folds=4, inspect=False, clip=None)
    slopes, intercepts = coefficients(model.ensemble)
    x = np.column_stack([data["x"], data["z"]])
    np.testing.assert_allclose(np.log(model.predict(data)), (x @ slopes + intercepts)[:, 0], atol=1e-5)


def test_a_level_without_events_has_no_finite_log_rate():
    data = table()
    claims = np.where(data["word"].to_numpy(zero_copy_only=False) == "a", 0, data["claims"])
    model = wt.fit(data.set_column(2, "claims", [claims]), "claims", task="count", model="linear", members=4, n_folds=4)
    notes = {c.level: c.note for c in model.report.feature_weights.contrasts if (c.feature, c.scale) == ("word", "link") and c.note}
    assert list(notes.values()) == ["no finite log rate fits best, because all its counts are zero"]


def test_deviances_are_zero_where_counts_are_what_was_expected():
    np.testing.assert_allclose(poisson_deviances(COUNTS, COUNTS), 0.0, atol=1e-12)
