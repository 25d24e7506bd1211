"""Metrics: values against scikit-learn and closed forms, standard errors against derivatives and simulation."""

from functools import partial

import numpy as np
import pytest
import scipy.special
import scipy.stats
from sklearn import metrics as reference

from weights.tasks.metrics import (
    CLASS_METRICS,
    COUNT_METRICS,
    REGRESSION_METRICS,
    Measure,
    Metric,
    calibration_error,
    log_losses,
    poisson_deviances,
    score,
)

N = 300
T = scipy.special.stdtrit(N - 1, 0.975)


def binary_case(seed=0, n=N):
    """Coarse probabilities, so that many are tied, and labels drawn from them."""
    random = np.random.default_rng(seed)
    predicted = random.integers(1, 20, n) / 20
    return (random.random(n) < predicted).astype(int), np.stack([1 - predicted, predicted], axis=1)


def multiclass_case(seed=0, n=N):
    random = np.random.default_rng(seed)
    probability = random.dirichlet(np.ones(4), n)
    return np.array([random.choice(4, p=p) for p in probability]), probability


def regression_case(seed=0, n=N):
    random = np.random.default_rng(seed)
    prediction = random.normal(size=n)
    return prediction + random.normal(size=n), prediction


def count_case(seed=0, n=N):
    random = np.random.default_rng(seed)
    prediction = np.exp(random.normal(size=n))
    return random.poisson(prediction).astype(float), prediction


CASES = {"binary": binary_case, "multiclass": multiclass_case, "regression": regression_case, "count": count_case}
METRICS = {"binary": CLASS_METRICS, "multiclass": CLASS_METRICS, "regression": REGRESSION_METRICS, "count": COUNT_METRICS}
NAMES = [(kind, name) for kind in METRICS for name in METRICS[kind]]
WITH_INTERVAL = [(kind, name) for kind, name in NAMES if name != "calibration_error"]
SMOOTH = [(kind, name) for kind, name in WITH_INTERVAL if METRICS[kind][name].shares is None]
"""Those whose interval is symmetrical; shares have their own, see test_proportions.py."""
WEIGHTS = {"equal weights": None, "drawn weights": np.random.default_rng(9).integers(0, 4, N) + np.random.default_rng(9).random(N)}


def half_width(metric):
    return (metric.high - metric.low) / 2


# --- values against scikit-learn ----------------------------------------------------------------

BINARY_REFERENCE = {
    "log_loss": lambda y, p, w: reference.log_loss(y, p, sample_weight=w),
    "brier": lambda y, p, w: reference.brier_score_loss(y, p[:, 1], sample_weight=w),
    "auroc": lambda y, p, w: reference.roc_auc_score(y, p[:, 1], sample_weight=w),
    "accuracy": lambda y, p, w: reference.accuracy_score(y, p.argmax(1), sample_weight=w),
    "balanced_accuracy": lambda y, p, w: reference.balanced_accuracy_score(y, p.argmax(1), sample_weight=w),
}
MULTICLASS_REFERENCE = BINARY_REFERENCE | {
    "brier": lambda y, p, w: reference.brier_score_loss(y, p, sample_weight=w, scale_by_half=False),
    "auroc": lambda y, p, w: np.mean([reference.roc_auc_score(y == k, p[:, k], sample_weight=w) for k in range(p.shape[1])]),
}
REGRESSION_REFERENCE = {
    "rmse": lambda y, p, w: reference.root_mean_squared_error(y, p, sample_weight=w),
    "r2": lambda y, p, w: reference.r2_score(y, p, sample_weight=w),
    "mae": lambda y, p, w: reference.mean_absolute_error(y, p, sample_weight=w),
}
COUNT_REFERENCE = REGRESSION_REFERENCE | {
    "deviance": lambda y, p, w: reference.mean_poisson_deviance(y, p, sample_weight=w),
    "d2": lambda y, p, w: reference.d2_tweedie_score(y, p, sample_weight=w, power=1),
}
REFERENCE = {"binary": BINARY_REFERENCE, "multiclass": MULTICLASS_REFERENCE, "regression": REGRESSION_REFERENCE, "count": COUNT_REFERENCE}


@pytest.mark.parametrize("weight", WEIGHTS.values(), ids=WEIGHTS)
@pytest.mark.parametrize(("kind", "name"), WITH_INTERVAL)
def test_a_metric_has_the_value_scikit_learn_gives(kind, name, weight):
    y, prediction = CASES[kind]()
    value = score(METRICS[kind], y, prediction, weight=weight)[name].value
    assert value == pytest.approx(REFERENCE[kind][name](y, prediction, weight), abs=1e-12)


@pytest.mark.parametrize(("kind", "name"), WITH_INTERVAL)
def test_the_scale_of_the_weights_does_not_matter(kind, name):
    y, prediction = CASES[kind]()
    weight = WEIGHTS["drawn weights"]
    one, other = (score(METRICS[kind], y, prediction, weight=factor * weight)[name] for factor in (1, 1000))
    np.testing.assert_allclose([other.value, other.low, other.high], [one.value, one.low, one.high], rtol=1e-10)


@pytest.mark.parametrize(("kind", "name"), WITH_INTERVAL)
def test_rows_of_weight_zero_do_not_count(kind, name):
    y, prediction = CASES[kind]()
    weighted = score(METRICS[kind], y, prediction, weight=np.repeat([1.0, 0.0], [200, N - 200]))[name]
    alone = score(METRICS[kind], y[:200], prediction[:200])[name]
    np.testing.assert_allclose([weighted.value, weighted.low, weighted.high], [alone.value, alone.low, alone.high], rtol=1e-10)


@pytest.mark.parametrize(("kind", "name"), NAMES)
def test_the_order_of_the_rows_does_not_matter(kind, name):
    y, prediction = CASES[kind]()
    order = np.argsort(y, kind="stable")
    one, other = (score(METRICS[kind], y[rows], prediction[rows])[name].value for rows in (order, slice(None)))
    assert one == pytest.approx(other, abs=1e-12)


# --- values in closed form ----------------------------------------------------------------------


def test_log_losses_are_minus_the_log_of_the_probability_of_what_came():
    np.testing.assert_allclose(log_losses(np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([1, 0])), -np.log([0.75, 0.5]), rtol=1e-15)


def test_a_certain_and_wrong_claim_has_a_finite_log_loss():
    assert log_losses(np.array([[1.0, 0.0]]), np.array([1])).item() == pytest.approx(-np.log(1e-15))


def test_all_probabilities_equal_have_an_auroc_of_one_half():
    assert score(CLASS_METRICS, np.array([0, 1, 1]), np.full((3, 2), 0.5))["auroc"].value == 0.5


def test_perfect_predictions_have_perfect_scores():
    y = np.array([0, 1, 2, 1])
    values = {name: metric.value for name, metric in score(CLASS_METRICS, y, np.eye(3)[y]).items()}
    assert values == {"log_loss": 0, "brier": 0, "auroc": 1, "accuracy": 1, "balanced_accuracy": 1, "calibration_error": 0}


def test_the_auroc_of_one_class_alone_is_not_a_number_and_has_no_interval():
    auroc = score(CLASS_METRICS, np.array([1, 1]), np.full((2, 2), 0.5))["auroc"]
    assert np.isnan(auroc.value)
    assert (auroc.low, auroc.high) == (None, None)


def test_r2_of_a_constant_target_is_not_a_number_and_has_no_interval():
    r2 = score(REGRESSION_METRICS, np.array([1.0, 1.0]), np.array([1.0, 2.0]))["r2"]
    assert np.isnan(r2.value)
    assert (r2.low, r2.high) == (None, None)


def test_calibration_error_is_the_mean_gap_between_claim_and_frequency():
    predicted, y = np.array([0.1, 0.2, 0.7, 0.9]), np.array([0, 1, 1, 1])
    # Two bins of two rows: |0.15 - 0.5| and |0.8 - 1|, each with half the weight.
    probability = np.stack([1 - predicted, predicted], axis=1)
    assert calibration_error(y, probability, np.ones(4), n_bins=2) == pytest.approx(0.5 * 0.35 + 0.5 * 0.2)


def test_calibration_error_of_several_classes_judges_the_largest_probability():
    probability = np.array([[0.6, 0.3, 0.1], [0.2, 0.8, 0.0]])
    assert calibration_error(np.array([0, 2]), probability, np.ones(2), n_bins=1) == pytest.approx(0.7 - 0.5)


def test_a_constant_claim_that_agrees_with_the_frequency_has_no_calibration_error():
    y = np.repeat([0, 1], 100)
    assert calibration_error(y, np.full((200, 2), 0.5), np.ones(200)) == pytest.approx(0)


def test_calibration_error_comes_without_an_interval():
    metric = score(CLASS_METRICS, *binary_case())["calibration_error"]
    assert (metric.low, metric.high) == (None, None)


def test_the_metric_that_training_minimises_comes_first():
    assert [next(iter(METRICS[kind])) for kind in METRICS] == ["log_loss", "log_loss", "rmse", "deviance"]


# --- intervals ----------------------------------------------------------------------------------


def test_the_interval_of_accuracy_is_that_of_a_proportion():
    y, probability = binary_case()
    accuracy = score(CLASS_METRICS, y, probability)["accuracy"]
    exact = scipy.stats.binomtest(int((probability.argmax(1) == y).sum()), N).proportion_ci(method="exact")
    assert (accuracy.low, accuracy.high) == (pytest.approx(exact.low), pytest.approx(exact.high))


def test_the_interval_of_mean_absolute_error_is_that_of_a_mean():
    y, prediction = regression_case()
    assert half_width(score(REGRESSION_METRICS, y, prediction)["mae"]) == pytest.approx(T * np.abs(y - prediction).std(ddof=1) / np.sqrt(N))


@pytest.mark.parametrize("weighted", [False, True], ids=["equal weights", "drawn weights"])
@pytest.mark.parametrize(("kind", "name"), SMOOTH)
def test_a_standard_error_is_that_of_the_infinitesimal_jackknife(kind, name, weighted):
    # se^2 = sum of (w dM/dw)^2 (Efron 1982, chapter 6); the derivative is taken by central differences. What a row itself has in a mean
    # makes its term larger, by its share of the weight of its class, at most one in 20 here.
    y, prediction = CASES[kind](seed=2, n=120)
    weight = np.random.default_rng(5).uniform(0.5, 2.0, 120) if weighted else np.ones(120)
    step = 1e-4
    shifted = [
        [score(METRICS[kind], y, prediction, weight=weight + sign * step * (np.arange(120) == row))[name].value for sign in (1, -1)]
        for row in range(120)
    ]
    derivative = (np.array(shifted) @ [1, -1]) / (2 * step)
    expected = scipy.special.stdtrit(119, 0.975) * np.sqrt(np.sum((weight * derivative) ** 2))
    assert half_width(score(METRICS[kind], y, prediction, weight=weight)[name]) == pytest.approx(expected, rel=0.025)


@pytest.mark.parametrize(("kind", "name"), SMOOTH)
def test_rows_repeated_within_groups_give_the_interval_of_the_rows_alone(kind, name):
    y, prediction = CASES[kind]()
    alone = score(METRICS[kind], y, prediction)[name]
    repeated = score(METRICS[kind], np.tile(y, 3), np.tile(prediction.T, 3).T, group=np.tile(np.arange(N), 3))[name]
    np.testing.assert_allclose([repeated.value, repeated.low, repeated.high], [alone.value, alone.low, alone.high], rtol=1e-10)


@pytest.mark.parametrize(("kind", "name"), SMOOTH)
def test_rows_repeated_without_groups_give_an_interval_that_is_too_narrow(kind, name):
    y, prediction = CASES[kind]()
    repeated = score(METRICS[kind], np.tile(y, 4), np.tile(prediction.T, 4).T)[name]
    # A quarter of the variance; the t quantile of four times as many rows is up to 0.7 % smaller.
    assert half_width(repeated) == pytest.approx(half_width(score(METRICS[kind], y, prediction)[name]) / 2, rel=0.007)


@pytest.mark.parametrize(
    "codes", [np.arange(N) + 7, np.arange(N) - 1, np.arange(N)[::-1]], ids=["from seven", "from minus one", "downwards"]
)
def test_a_group_for_each_row_is_as_good_as_none(codes):
    y, prediction = regression_case()
    grouped, alone = (score(REGRESSION_METRICS, y, prediction, group=group)["mae"] for group in (codes, None))
    np.testing.assert_allclose([grouped.low, grouped.high], [alone.low, alone.high], rtol=1e-12)


def wrong_and_certain(n_classes):
    y = np.arange(30) % n_classes
    return y, np.eye(n_classes)[(y + 1) % n_classes]


@pytest.mark.parametrize(("y", "probability"), [wrong_and_certain(2), wrong_and_certain(3), multiclass_case(), binary_case(3, 5)])
def test_every_value_lies_within_its_interval(y, probability):
    kind = "binary" if probability.shape[1] == 2 else "multiclass"
    outside = [name for name, m in score(METRICS[kind], y, probability).items() if m.low is not None and not m.low <= m.value <= m.high]
    assert outside == []


def test_intervals_stay_within_what_is_possible():
    y, probability = binary_case(seed=3, n=5)
    intervals = {name: metric for name, metric in score(CLASS_METRICS, y, probability).items() if metric.low is not None}
    assert all(metric.low >= 0 for metric in intervals.values())
    assert all(metric.high <= 1 for name, metric in intervals.items() if name != "log_loss")


@pytest.mark.parametrize("of_groups", [False, True])
def test_what_rests_on_a_class_of_one_row_or_group_has_no_interval(of_groups):
    y = np.array([0] * 20 + [1] * 20 + [2] * (3 if of_groups else 1))
    probability = np.random.default_rng(0).dirichlet(np.ones(3), len(y))
    group = np.minimum(np.arange(len(y)), 40) if of_groups else None
    found = score(CLASS_METRICS, y, probability, group=group)
    assert [name for name, metric in found.items() if metric.low is None] == ["auroc", "balanced_accuracy", "calibration_error"]
    apart = score(
        CLASS_METRICS, np.append(y, 2), np.append(probability, probability[-1:], 0), group=None if group is None else np.append(group, 41)
    )
    assert [name for name, metric in apart.items() if metric.low is None] == ["calibration_error"]


def test_rows_of_weight_zero_make_no_class_large_enough():
    y, probability = np.repeat([0, 1], 10), binary_case(n=20)[1]
    weight = np.r_[np.ones(11), np.zeros(9)]
    assert score(CLASS_METRICS, y, probability, weight=weight)["balanced_accuracy"].low is None
    assert score(CLASS_METRICS, y, probability, weight=1 - weight)["balanced_accuracy"].low is not None  # of one class, which has nine


def test_a_metric_without_interval_says_so():
    assert Metric(0.5) == Metric(0.5, None, None)


# --- coverage -----------------------------------------------------------------------------------

# Claimed probabilities p are uniform on (0, 1) and true, so the right answers are integrals over p:
# accuracy 3/4, log loss 1/2, AUROC 5/6 (positives have density 2p, negatives 2(1-p)), Brier 1/6, and recall 3/4
# of each class. In the regression the prediction explains half of the variance and noise is standard normal.
# Of counts, means are one to eight with equal chance, and expectations are sums over Poisson's probabilities.
_MEANS, _COUNTS = np.arange(1.0, 9), np.arange(80.0)
_CHANCE = scipy.special.xlogy(_COUNTS, _MEANS[:, None]) - _MEANS[:, None] - scipy.special.gammaln(_COUNTS + 1)
_CHANCE = np.exp(_CHANCE) / len(_MEANS)
_MEAN_DEVIANCE = (_CHANCE * poisson_deviances(_COUNTS, _MEANS[:, None])).sum()
_CONSTANT_DEVIANCE = (_CHANCE * poisson_deviances(_COUNTS, _MEANS.mean())).sum()
TRUTH = {
    ("binary", "accuracy"): 3 / 4,
    ("binary", "balanced_accuracy"): 3 / 4,
    ("binary", "log_loss"): 1 / 2,
    ("binary", "auroc"): 5 / 6,
    ("binary", "brier"): 1 / 6,
    ("regression", "rmse"): 1.0,
    ("regression", "r2"): 1 / 2,
    ("regression", "mae"): np.sqrt(2 / np.pi),
    ("count", "deviance"): _MEAN_DEVIANCE,
    ("count", "d2"): 1 - _MEAN_DEVIANCE / _CONSTANT_DEVIANCE,
    ("count", "rmse"): np.sqrt(_MEANS.mean()),
}
REPETITIONS = 2000


def drawn_binary(random):
    predicted = random.random(N)
    return (random.random(N) < predicted).astype(int), np.stack([1 - predicted, predicted], axis=1), None


def drawn_regression(random):
    prediction = random.normal(size=N)
    return prediction + random.normal(size=N), prediction, None


def drawn_count(random):
    prediction = random.choice(_MEANS, N)
    return random.poisson(prediction).astype(float), prediction, None


def in_groups(draw, random):
    """Groups of one to five equal rows: 300 groups, dependent rows."""
    y, prediction, _ = draw(random)
    group = np.repeat(np.arange(N), random.integers(1, 6, N))
    return y[group], prediction[group], group


def coverage(draw, kind):
    """How often the interval of each metric holds the truth."""
    random = np.random.default_rng(20)
    names = [name for of_kind, name in TRUTH if of_kind == kind]
    hits = dict.fromkeys(names, 0)
    for _ in range(REPETITIONS):
        y, prediction, group = draw(random)
        result = score(METRICS[kind], y, prediction, group=group)
        for name in names:
            hits[name] += result[name].low <= TRUTH[kind, name] <= result[name].high
    return {name: count / REPETITIONS for name, count in hits.items()}


@pytest.mark.parametrize("grouped", [False, True], ids=["independent rows", "grouped rows"])
@pytest.mark.parametrize(
    ("kind", "draw"),
    [("binary", drawn_binary), ("regression", drawn_regression), ("count", drawn_count)],
    ids=["binary", "regression", "count"],
)
def test_intervals_hold_the_true_value_95_percent_of_the_time(kind, draw, grouped):
    # The coverage found in 2000 repetitions has a standard deviation of sqrt(0.95 * 0.05 / 2000) = 0.0049; the tolerance
    # is three of them, 0.015, and 0.01 for the normal approximation (an error of order 1/n) at 300 rows or groups.
    found = coverage(partial(in_groups, draw) if grouped else draw, kind)
    assert found == {name: pytest.approx(0.95, abs=0.025) for name in found}


def test_a_metric_is_one_row_of_the_table(monkeypatch):
    """A metric declared here is scored with an interval, kept with a run and shown, without a change elsewhere."""
    import weights as wt
    from weights.report import terminal

    def hinge(y, probability, weight):
        losses = np.maximum(0.0, 1 - (2 * y - 1) * (2 * probability[:, 1] - 1))
        share = weight / weight.sum()
        return float(share @ losses), share * (losses - share @ losses)

    monkeypatch.setitem(CLASS_METRICS, "hinge_loss", Measure(hinge, high=2.0, title="Hinge", show="{:.2f}!".format))
    model = wt.fit("breast-cancer", model="linear", members=4, n_folds=4, inspect=False)
    metric = model.report.metrics["hinge_loss"]
    assert metric.low < metric.value < metric.high
    assert any(line.split()[:2] == ["Hinge", f"{metric.value:.2f}!"] for line in terminal.result_lines(model.ensemble))


@pytest.mark.parametrize(
    ("value", "shown", "in_percent"),
    [
        (1.0, "1.000", "100.0 %"),
        (1 - 1e-16, "1.000", "100.0 %"),
        (0.9995, "0.9995", "99.95 %"),
        (0.99996, "0.99996", "99.996 %"),
        (1 - 1e-9, ">0.999999", ">99.9999 %"),
        (1e-9, "<0.000001", "<0.0001 %"),
        (-0.0001, "-0.0001", "-0.01 %"),
        (1.00001, "1.000", "100.0 %"),
        (0.0, "0.000", "0.0 %"),
        (0.25, "0.250", "25.0 %"),
    ],
)
def test_a_share_that_is_nearly_all_or_nothing_is_not_shown_as_that(value, shown, in_percent):
    assert CLASS_METRICS["auroc"].show(value) == shown
    assert CLASS_METRICS["accuracy"].show(value) == in_percent
