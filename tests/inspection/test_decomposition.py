"""A loss is cut into parts that add up, and the parts are what closed forms say they are."""

from __future__ import annotations

import numpy as np
import pytest

from weights.api import fit
from weights.inspection.decomposition import Judged, MemberPredictions, average, decompose, row_terms
from weights.tasks.class_losses import log_probabilities
from weights.tasks.classes import Binary, Multiclass
from weights.tasks.count import Count
from weights.tasks.number import Number

TASKS = {
    "regression": Number("y", center=3.0, scale=2.0),
    "binary": Binary("y", classes=["a", "b"]),
    "multiclass": Multiclass("y", classes=["a", "b", "c"]),
    "count": Count("y", scale=3.0),
}


def drawn(kind, *, n=40, n_members=(3, 2), seed=0):
    """Targets, predictions of two populations for every row, stacking weights and offsets."""
    rng, task = np.random.default_rng(seed), TASKS[kind]
    y = rng.normal(size=n) if kind == "regression" else rng.integers(0, len(task.classes) or 4, n)
    every = np.arange(n)
    said = [MemberPredictions(p, every, rng.normal(size=(n, task.n_outputs))) for p, m in enumerate(n_members) for _ in range(m)]
    return task, y, said, rng.uniform(0.2, 0.9, (n, len(n_members))), 0.1 * rng.normal(size=(n, task.n_outputs))


def judged(y, weight=None, group=None):
    return Judged(y, np.ones(len(y)) if weight is None else weight, group)


@pytest.mark.parametrize("kind", TASKS)
def test_the_parts_add_up_to_the_loss(kind):
    task, y, predictions, stacking_weights, offset = drawn(kind)
    found = decompose(task, judged(y, np.linspace(0.5, 1.5, 40)), predictions, stacking_weights, offset)
    assert found.bias.value + found.variance.value - found.diversity.value == pytest.approx(found.loss.value, abs=1e-12)


@pytest.mark.parametrize("kind", TASKS)
def test_diversity_does_not_depend_on_what_came_and_is_not_negative(kind):
    task, y, predictions, stacking_weights, offset = drawn(kind)
    other = y[::-1].copy()
    before, after = (row_terms(task, targets, predictions, stacking_weights, offset).diversity for targets in (y, other))
    np.testing.assert_allclose(before, after, atol=1e-12)
    assert before.min() >= 0


@pytest.mark.parametrize("kind", TASKS)
def test_the_loss_is_that_of_the_answers_together(kind):
    task, y, predictions, stacking_weights, offset = drawn(kind)
    means = [
        np.mean([log_probabilities(v.outputs) if kind == "multiclass" else v.outputs for v in predictions if v.population == p], 0)
        for p in (0, 1)
    ]
    together = stacking_weights[:, :1] * means[0] + stacking_weights[:, 1:] * means[1] + offset
    answer = task.decode(together)
    expected = -np.log(answer[np.arange(40), y]) if task.classes else task.prediction_losses(y, answer)
    np.testing.assert_allclose(row_terms(task, y, predictions, stacking_weights, offset).loss, expected, rtol=1e-9)


def smoothed(smooth, truth, sigma, *, repetitions=400, m=2):
    """Bias with noise, and variance, of linear smoothers (n, n) with a fixed design: means over repetitions and their standard errors."""
    rng, every = np.random.default_rng(5), np.arange(len(truth))
    ones, zeros = np.ones((len(truth), 1)), np.zeros((len(truth), 1))
    found = []
    for _ in range(repetitions):
        predictions = [MemberPredictions(0, every, (smooth @ (truth + sigma * rng.normal(size=len(truth))))[:, None]) for _ in range(m)]
        y = truth + sigma * rng.normal(size=len(truth))
        one = decompose(Number("y"), judged(y), predictions, ones, zeros)
        found.append((one.bias.value, one.variance.value, one.loss.value))
    return np.mean(found, 0), np.std(found, 0, ddof=1) / np.sqrt(repetitions)


def ridge():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(60, 8))
    return x @ np.linalg.solve(x.T @ x + 20 * np.eye(8), x.T), x @ rng.normal(size=8)


def kernel():
    t = np.linspace(0, 1, 60)
    near = np.exp(-0.5 * ((t[:, None] - t) / 0.08) ** 2)
    return near / near.sum(1, keepdims=True), np.sin(6 * t)


@pytest.mark.parametrize("make", [ridge, kernel])
def test_bias_and_variance_of_linear_smoothers_are_their_closed_forms(make):
    """For members that learned from independent targets, within three standard errors of the simulation."""
    (smooth, truth), sigma = make(), 0.7
    means, errors = smoothed(smooth, truth, sigma)
    bias = np.mean((smooth @ truth - truth) ** 2) + sigma**2
    variance = sigma**2 * np.mean((smooth**2).sum(1))
    assert np.all(np.abs(means - [bias, variance, bias + variance / 2]) < 3 * errors)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "count"])
def test_bias_of_log_loss_and_deviance_is_what_very_many_members_lose(kind):
    """Four members that differ by a little, 300 times; within three standard errors and, for the second order, 1 % of the variance."""
    task, n = TASKS[kind], 50
    rng = np.random.default_rng(3)
    middle, every = rng.normal(size=(n, task.n_outputs)), np.arange(n)
    y = rng.integers(0, len(task.classes) or 4, n)
    ones, zeros = np.ones((n, 1)), np.zeros((n, task.n_outputs))
    many = [MemberPredictions(0, every, middle + 0.3 * rng.normal(size=middle.shape)) for _ in range(3000)]
    expected = row_terms(task, y, many, ones, zeros).loss.mean()
    found = []
    for _ in range(300):
        few = [MemberPredictions(0, every, middle + 0.3 * rng.normal(size=middle.shape)) for _ in range(4)]
        one = decompose(task, judged(y), few, ones, zeros)
        found.append((one.bias.value, one.variance.value))
    error = np.std(found, 0, ddof=1)[0] / np.sqrt(300)
    assert abs(np.mean(found, 0)[0] - expected) < 3 * error + 0.01 * np.mean(found, 0)[1]


def test_with_one_member_a_row_variance_is_not_known():
    task, y, predictions, stacking_weights, offset = drawn("regression", n_members=(1, 1))
    found = decompose(task, judged(y), predictions, stacking_weights, offset)
    assert found.variance is None
    assert found.bias.value - found.diversity.value == pytest.approx(found.loss.value)


def test_rows_with_one_member_are_taken_to_vary_as_the_others_do():
    """The same spread everywhere, but half of the rows have one prediction only."""
    rng, n = np.random.default_rng(0), 4000
    first, rest = np.arange(n), np.arange(n // 2)
    predictions = [MemberPredictions(0, rows, rng.normal(size=(len(rows), 1))) for rows in (first, rest)]
    found = decompose(Number("y"), judged(np.zeros(n)), predictions, np.ones((n, 1)), np.zeros((n, 1)))
    assert found.bias.value == pytest.approx(0.0, abs=0.05)  # 3 standard deviations of a mean of 4,000 squares


def test_noise_is_separated_where_rows_agree_in_all_inputs():
    """Pure error of 300 pairs: its standard error is sqrt(2 / 300) of the variance, 0.08."""
    rng = np.random.default_rng(2)
    x = np.repeat(rng.normal(size=(300, 2)), 2, axis=0)
    y = x[:, 0] + rng.normal(size=600)
    predictions = [MemberPredictions(0, np.arange(600), x[:, :1])] * 2
    found = decompose(Number("y"), judged(y), predictions, np.ones((600, 1)), np.zeros((600, 1)), x=x)
    assert found.noise.value == pytest.approx(1.0, abs=0.25)
    parts = found.bias.value + found.noise.value + found.variance.value - found.diversity.value
    assert parts == pytest.approx(found.loss.value)


def test_rows_of_weight_zero_tell_nothing_of_noise():
    """The same pairs, beside others of weight zero that are far from each other."""
    rng = np.random.default_rng(2)
    x = np.repeat(rng.normal(size=(300, 2)), 2, axis=0)
    y = x[:, 0] + rng.normal(size=600)
    every, weight = np.arange(1200), np.repeat([1.0, 0.0], 600)
    predictions = [MemberPredictions(0, every, np.zeros((1200, 1)))] * 2
    both, far = np.concatenate([x, x]), np.concatenate([y, 100 * y])
    task, ones, zeros = Number("y"), np.ones((1200, 1)), np.zeros((1200, 1))
    found = decompose(task, judged(far, weight), predictions, ones, zeros, x=both)
    alone = decompose(task, judged(y), [MemberPredictions(0, every[:600], np.zeros((600, 1)))] * 2, ones[:600], zeros[:600], x=x)
    assert found.noise.value == pytest.approx(alone.noise.value)


def test_rows_that_agree_tell_no_noise_of_a_deviance():
    """What a squared error loses to noise is its variance; what a deviance loses is not."""
    predictions = [MemberPredictions(0, np.arange(600), np.zeros((600, 1)))] * 2
    x, y = np.repeat(np.arange(300.0), 2)[:, None], np.random.default_rng(2).poisson(1.0, 600)
    assert decompose(TASKS["count"], judged(y), predictions, np.ones((600, 1)), np.zeros((600, 1)), x=x).noise is None


def test_rows_of_groups_tell_no_noise():
    y, x = np.random.default_rng(0).normal(size=400), np.repeat(np.arange(200.0), 2)[:, None]
    predictions = [MemberPredictions(0, np.arange(400), np.zeros((400, 1)))] * 2
    grouped = judged(y, group=np.repeat(np.arange(200), 2))
    assert decompose(Number("y"), grouped, predictions, np.ones((400, 1)), np.zeros((400, 1)), x=x).noise is None


def test_few_repeated_rows_tell_no_noise():
    task, y, predictions, stacking_weights, offset = drawn("regression")
    assert decompose(task, judged(y), predictions, stacking_weights, offset, x=np.arange(40.0)[:, None]).noise is None


def test_errors_of_groups_are_larger_where_rows_of_a_group_agree():
    values = np.repeat(np.random.default_rng(0).normal(size=50), 4)
    apart, together = (average(values, judged(values, group=group)).std_err for group in (None, np.repeat(np.arange(50), 4)))
    # Four equal rows tell as much as one; degrees of freedom are 49 of 50 instead of 199 of 200.
    assert together == pytest.approx(2 * apart * np.sqrt((199 / 200) / (49 / 50)))


@pytest.mark.parametrize(("source", "options"), [("diabetes", {}), ("wine", {}), ("breast-cancer", {"model": "linear"})])
def test_a_fit_cuts_the_loss_that_it_reports(source, options):
    quick = {} if options.get("model") == "linear" else {"hidden": (8,), "n_steps": 100, "embedding": "none"}
    model = fit(source, inspect=False, **quick, **options)
    found = model.report.decomposition
    reported = model.metrics["rmse"] ** 2 if source == "diabetes" else model.metrics["log_loss"]
    assert found.loss.value == pytest.approx(reported, rel=1e-6)
    assert found.bias.value + found.variance.value - found.diversity.value == pytest.approx(found.loss.value, rel=1e-6)
    assert found.constant > found.loss.value
