"""Whether a model is of use: planted signals are useful, shuffled targets are not, and classes that are never answered are named."""

from __future__ import annotations

import numpy as np
import pytest

import weights as wt
from weights.ensemble import Predictions
from weights.inspection.decomposition import Judged
from weights.inspection.usefulness import find_unanswered, judge_usefulness
from weights.tasks.classes import Binary
from weights.tasks.number import Number

TASK = Binary("state", ["well", "ill"])


def predictions_of(p: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> Predictions:
    weight = np.ones(len(y)) if weight is None else weight
    return Predictions(np.stack([1 - p, p], axis=1), y, np.arange(len(y)), weight)


def values_of(answers: np.ndarray, y: np.ndarray) -> Predictions:
    return Predictions(answers, y, np.arange(len(y)), np.ones(len(y)))


@pytest.mark.parametrize(("slope", "verdict"), [(1.0, "better"), (0.0, "no better"), (-1.0, "worse")])
def test_values_are_useful_if_they_follow_the_target(slope, verdict):
    y = np.random.default_rng(0).normal(size=200)
    known = judge_usefulness(Number("y"), Judged(y, np.ones(200), None), values_of(slope * y + y.mean() * (slope == 0), y))
    assert known.verdict == verdict
    assert known.loss == pytest.approx(((y - slope * y - y.mean() * (slope == 0)) ** 2).mean())
    assert known.constant == pytest.approx(y.var())
    assert bool(known.complaint) == (verdict != "better")


def test_a_single_answer_that_is_far_wrong_does_not_hide_what_the_others_know():
    """Of 100 rows one has a probability of 1e-12 of what came: the log loss cannot tell, squared errors can."""
    y = np.arange(100) % 2
    p = np.where(y == 1, 0.9, 0.1)
    p[1] = 1e-12
    predictions = predictions_of(p, y)
    known = judge_usefulness(TASK, Judged(y, np.ones(100), None), predictions)
    assert (known.measure, known.verdict, known.complaint) == ("squared error", "better", "")
    assert (known.loss, known.constant) == pytest.approx((0.01 * 0.99 + 0.01, 0.25))


def test_rows_that_follow_each_other_in_time_tell_less():
    random = np.random.default_rng(1)
    y = random.normal(size=400).cumsum() / 10
    answers = y + 1.0 * np.repeat(random.normal(size=8), 50)
    by_unit = [
        judge_usefulness(Number("y"), Judged(y, np.ones(400), group, time), values_of(answers, y))
        for group, time in ((None, None), (None, np.arange(400.0)), (np.arange(400) // 50, None))
    ]
    assert [known.unit for known in by_unit] == ["rows", "moments", "groups"]
    assert by_unit[0].n_units == 400
    assert by_unit[1].n_units < 40
    assert by_unit[2].n_units == 8


def test_one_group_tells_nothing():
    y = np.random.default_rng(0).normal(size=50)
    known = judge_usefulness(Number("y"), Judged(y, np.ones(50), np.zeros(50, int)), values_of(0.9 * y, y))
    assert (known.verdict, known.low, known.high) == ("unclear", None, None)
    assert known.complaint.startswith("not known to be better than the mean")


def test_a_class_that_is_never_answered_has_its_share_as_threshold():
    """Of 100 rows 20 are ill, none with a probability above 0.4; from 0.2 on 15 of these are found, with 10 of the others."""
    y = np.repeat([1, 0], [20, 80])
    p = np.r_[np.full(15, 0.4), np.full(5, 0.1), np.full(10, 0.3), np.full(70, 0.1)]
    [known] = find_unanswered(TASK, Judged(y, np.ones(100), None), predictions_of(p, y))
    assert (known.label, known.n_rows, known.n_answered, known.threshold) == ("ill", 20, 0, 0.2)
    assert (known.sensitivity.value, known.specificity.value) == (0.75, 0.875)


@pytest.mark.parametrize(("n_answered", "named"), [(0, 1), (4, 1), (5, 0), (50, 0)])
def test_a_class_is_hardly_ever_answered_below_a_twentieth_of_its_rows(n_answered, named):
    y = np.repeat([1, 0], [100, 300])
    p = np.full(400, 0.25)
    p[:n_answered] = 0.9
    assert len(find_unanswered(TASK, Judged(y, np.ones(400), None), predictions_of(p, y))) == named


def test_weights_of_classes_move_the_threshold_with_the_probabilities():
    """Rows of class ill count four times in the fit: their share of the weight is a half."""
    y = np.repeat([1, 0], [20, 80])
    known = find_unanswered(TASK, Judged(y, np.where(y == 1, 4.0, 1.0), None), predictions_of(np.full(100, 0.45), y))
    assert [each.threshold for each in known] == [0.5]


N_TABLES = 20


def verdicts_of(slope: float, n: int = 120) -> list[str]:
    """Verdicts on small tables of a class that depends on one of three features, by fits of linear models."""
    verdicts = []
    for seed in range(N_TABLES):
        random = np.random.default_rng([seed, 11])
        x = random.normal(size=(n, 3))
        y = np.where(random.random(n) < 1 / (1 + np.exp(1.0 - slope * x[:, 0])), "yes", "no")
        table = {f"x{j}": x[:, j] for j in range(3)} | {"y": y}
        verdicts.append(wt.fit(table, "y", model="linear", members=5, n_folds=5, inspect=False, threads=1).report.usefulness.verdict)
    return verdicts


def test_targets_that_no_feature_knows_are_said_to_be_unknown():
    # At most one in 40 should look better by chance: of 20 tables more than two would once in 80 times (binomial).
    assert verdicts_of(0.0).count("better") <= 2


def test_a_useful_model_is_not_called_useless():
    """But for one table, where a single answer that is far wrong hides what the others know."""
    assert verdicts_of(4.0).count("better") >= N_TABLES - 1


def test_values_are_of_no_class_that_could_be_answered():
    y = np.arange(10.0)
    assert find_unanswered(Number("y"), Judged(y, np.ones(10), None), values_of(y, y)) == []
