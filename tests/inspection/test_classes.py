"""Confusion, operating points and calibration: counts by hand, and intervals that hold what they promise in simulations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from weights.ensemble import Predictions
from weights.errors import DataError, UsageError
from weights.inspection.classes import calibration, confusion, operating_point


def predictions(ill, y, *, weight=None, group=None):
    """Answers that give the second of two classes these probabilities."""
    ill, y = np.asarray(ill, float), np.asarray(y)
    return Predictions(np.stack([1 - ill, ill], 1), y, np.arange(len(y)), np.ones(len(y)) if weight is None else weight, group)


def test_confusion_counts_truth_by_answer():
    found = confusion(predictions([0.9, 0.4, 0.2, 0.6, 0.1], [1, 1, 0, 0, 0]), ["well", "ill"])
    assert found.counts == [[2, 1], [1, 1]]
    assert [recall.value for recall in found.recalls] == [pytest.approx(2 / 3), 0.5]


def test_a_class_without_rows_has_no_recall():
    assert confusion(predictions([0.1, 0.2], [0, 0]), ["well", "ill"]).recalls[1] is None


def test_the_threshold_is_the_highest_that_finds_the_share():
    predicted = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 0.05, 0.35])
    point = operating_point(predictions(predicted, [1] * 10 + [0, 0]), ["well", "ill"], 1, 0.8)
    assert point.threshold == pytest.approx(0.3)
    assert (point.out_of_bag.tp, point.out_of_bag.fn) == (8, 2)
    assert (point.out_of_bag.fp, point.out_of_bag.tn) == (1, 1)
    assert point.out_of_bag.sensitivity.value == pytest.approx(0.8)
    assert point.out_of_bag.precision.value == pytest.approx(8 / 9)


def test_weights_decide_which_threshold_finds_the_share():
    weight = np.array([1.0, 1.0, 8.0, 1.0])
    point = operating_point(predictions([0.2, 0.5, 0.9, 0.1], [1, 1, 1, 0], weight=weight), ["well", "ill"], 1, 0.8)
    assert point.threshold == pytest.approx(0.9)


def test_rows_of_the_test_are_judged_by_the_same_threshold():
    test = predictions([0.1, 0.95], [1, 1])
    point = operating_point(predictions([0.5, 0.9, 0.1], [1, 1, 0]), ["well", "ill"], 1, 0.9, test=test)
    assert point.threshold == pytest.approx(0.5)
    assert (point.test.tp, point.test.fn) == (1, 1)
    assert point.test.specificity is None


def test_impossible_points_are_refused_in_words():
    with pytest.raises(UsageError, match=r"must be between 0 and 1, but is 1\.0"):
        operating_point(predictions([0.5, 0.9], [1, 0]), ["well", "ill"], 1, 1.0)
    with pytest.raises(DataError, match="rows of 'ill' and of others"):
        operating_point(predictions([0.5, 0.9], [0, 0]), ["well", "ill"], 1, 0.9)


def test_the_intervals_of_an_operating_point_hold_the_truth():
    """Scores are normal, so that the true shares beyond any threshold are known.

    1,000 repetitions: a coverage of 0.95 is measured with a standard error of 0.007, and the interval of a proportion is never too
    narrow, but may be too wide (Clopper and Pearson), so that only the lower bound is strict.
    """
    rng, held = np.random.default_rng(0), []
    for _ in range(1_000):
        ill, well = rng.normal(1.5, 1, 60), rng.normal(0, 1, 90)
        y = np.repeat([1, 0], [60, 90])
        point = operating_point(predictions(scipy.stats.norm.cdf(np.append(ill, well)), y), ["well", "ill"], 1, 0.9)
        cut = scipy.stats.norm.ppf(point.threshold)
        truth = 1 - scipy.stats.norm.cdf(cut - 1.5), scipy.stats.norm.cdf(cut)
        found = point.out_of_bag
        held.append([m.low <= t <= m.high for m, t in zip((found.sensitivity, found.specificity), truth, strict=True)])
    sensitivity, specificity = np.mean(held, 0)
    assert 0.928 <= sensitivity <= 0.972  # three standard errors
    assert 0.935 <= specificity <= 0.99


def test_ties_widen_the_interval_of_the_sensitivity():
    """Probabilities of three values, so that the law of order statistics does not hold; asked for 0.6, found 0.9 or so."""
    rng, held = np.random.default_rng(5), []
    for _ in range(600):
        ill = rng.choice([0.2, 0.6, 0.9], 50, p=[0.1, 0.3, 0.6])
        point = operating_point(predictions(np.append(ill, [0.1] * 10), [1] * 50 + [0] * 10), ["well", "ill"], 1, 0.7)
        truth = 1.0 if point.threshold < 0.3 else 0.9 if point.threshold < 0.7 else 0.6
        held.append(point.out_of_bag.sensitivity.low <= truth <= point.out_of_bag.sensitivity.high)
    assert np.mean(held) >= 0.93


def test_the_threshold_is_told_so_that_its_row_reaches_it():
    y = [1] * 20 + [0]
    for predicted in (0.98765432, 0.9999999, 0.00012345678):
        point = operating_point(predictions([predicted] * 20 + [0.0], y), ["well", "ill"], 1, 0.9)
        assert float(point.rounded_threshold) <= predicted
        assert float(point.rounded_threshold) > predicted * 0.998


def test_rare_classes_stay_whole_when_rows_are_thinned():
    y = (np.arange(50_000) < 300).astype(int)
    thinned = predictions(np.linspace(0, 1, 50_000), y).thinned(2_000, y)
    assert len(thinned.y) == 2_000
    assert (thinned.y == 1).sum() == 300
    assert thinned.weight[thinned.y == 0].sum() == pytest.approx(49_700)


def test_calibrated_probabilities_are_observed_as_predicted():
    rng = np.random.default_rng(2)
    predicted = rng.random(20_000)
    bins = calibration(predictions(predicted, rng.random(20_000) < predicted), 1)
    assert len(bins) == 10
    assert sum(one.n for one in bins) == 20_000
    for one in bins:
        assert one.observed.value == pytest.approx(one.predicted, abs=0.045)  # four standard errors of a share of 2,000
        assert one.observed.low < one.observed.value < one.observed.high


def test_empty_bins_are_left_out():
    bins = calibration(predictions([0.25] * 50 + [1.0] * 40, [0, 1] * 45), 1)
    assert [(one.predicted, one.n) for one in bins] == [(pytest.approx(0.25), 50), (pytest.approx(1.0), 40)]
