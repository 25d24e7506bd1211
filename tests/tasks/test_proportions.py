"""Shares of rows: values and intervals known from elsewhere, and simulations of how often they hold the truth."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from weights.tasks.metrics import CLASS_METRICS, score
from weights.tasks.proportions import mean_share, proportion


def test_the_interval_of_a_proportion_allows_for_groups():
    """Rows of a patient share a tendency: hits are drawn with a probability of each patient's own, of which the mean is known."""
    rng, held, ignoring = np.random.default_rng(1), [], []
    group = np.repeat(np.arange(40), 10)
    for _ in range(600):
        hits = rng.random(400) < rng.beta(2, 2, 40)[group]
        one, other = proportion(hits, np.ones(400), group), proportion(hits, np.ones(400))
        held.append(one.low <= 0.5 <= one.high)
        ignoring.append(other.low <= 0.5 <= other.high)
    assert np.mean(held) >= 0.93  # 0.95 less two standard errors of 0.009
    assert np.mean(ignoring) < 0.85  # what the groups are for


def test_few_groups_make_wide_intervals():
    """Five groups of 20 rows that share a tendency: Korn and Graubard's factor for degrees of freedom is what holds here."""
    rng, held = np.random.default_rng(3), []
    group = np.repeat(np.arange(5), 20)
    for _ in range(600):
        one = proportion(rng.random(100) < rng.beta(4, 1, 5)[group], np.ones(100), group)
        held.append(one.low <= 0.8 <= one.high)
    assert np.mean(held) >= 0.93  # 0.95 less two standard errors of 0.009


def test_all_hits_are_all_whatever_rounding_makes_of_weights():
    rng = np.random.default_rng(4)
    for _ in range(200):
        one = proportion(np.ones(40, bool), rng.random(40), rng.integers(0, 5, 40))
        assert one.value == one.high == 1.0
        assert 0.2 < one.low < 0.8  # five groups at most: 0.025 to the power of a fifth is 0.48


def test_a_proportion_agrees_with_the_exact_interval():
    known = scipy.stats.binomtest(8, 10).proportion_ci(method="exact")
    found = proportion(np.array([True] * 8 + [False] * 2), np.ones(10))
    assert (found.low, found.high) == (pytest.approx(known.low), pytest.approx(known.high))
    assert proportion(np.array([True, False]), np.zeros(2)) is None
    assert proportion(np.ones(5, bool), np.ones(5)).high == 1.0


def answered(right, y):
    """Two classes, answered rightly or not, with some confidence."""
    probability = np.where(right, 0.9, 0.1)
    return np.where(np.stack([y == 0, y == 1], 1), probability[:, None], 1 - probability[:, None])


def test_sixty_of_sixty_are_not_certain_to_be_all():
    """0.025 to the power of 1/60 is 0.9404; the smaller class has 30 rows, and 0.025 to the power of 1/30 is 0.8843."""
    y = np.arange(60) % 2
    found = score(CLASS_METRICS, y, answered(np.ones(60, bool), y))
    assert (found["accuracy"].value, found["accuracy"].low, found["accuracy"].high) == (1.0, pytest.approx(0.9404, abs=1e-4), 1.0)
    assert (found["auroc"].low, found["auroc"].high) == (pytest.approx(0.8843, abs=1e-4), 1.0)
    assert found["balanced_accuracy"].low == pytest.approx(1 - (1 - 0.8843) / np.sqrt(2), abs=1e-4)
    wrong = score(CLASS_METRICS, y, answered(np.zeros(60, bool), y))
    assert (wrong["accuracy"].low, wrong["accuracy"].high) == (0.0, pytest.approx(1 - 0.9404, abs=1e-4))


def test_the_mean_over_one_part_is_the_share_itself():
    hits = np.arange(40) % 7 > 0
    assert mean_share(hits, np.zeros(40), np.ones(40)) == proportion(hits, np.ones(40))


REPETITIONS = 2_000


@pytest.mark.parametrize("n", [40, 300])
@pytest.mark.parametrize("wrong", ["a tenth", "a fiftieth", "one row"])
def test_intervals_of_shares_near_one_hold_the_truth(n, wrong):
    """At least 95 %, less two standard errors of 2,000 repetitions, 0.0097; those of Student's t hold 0.64 where one row is wrong."""
    rate = 1 - {"a tenth": 0.1, "a fiftieth": 0.02, "one row": 1 / n}[wrong]
    rng, y, held = np.random.default_rng([n, len(wrong)]), np.arange(n) % 2, []
    for _ in range(REPETITIONS):
        right = rng.random(n) < rate
        shares = [mean_share(right, parts, np.ones(n)) for parts in (np.zeros(n), y)]
        held.append([share.low <= rate <= share.high for share in shares])
    assert min(np.mean(held, 0)) >= 0.95 - 0.0097


@pytest.mark.parametrize("wrong", [0.1, 0.02])
def test_weights_and_groups_leave_intervals_of_shares_near_one_honest(wrong):
    """Drawn weights, and 60 groups of three rows that are right or wrong together."""
    rng, held = np.random.default_rng(int(100 * wrong)), []
    group = np.repeat(np.arange(60), 3)
    for _ in range(REPETITIONS):
        own, weight = rng.random(180) < 1 - wrong, rng.uniform(0.5, 2.0, 180)
        together = (rng.random(60) < 1 - wrong)[group]
        shares = proportion(own, weight), proportion(together, np.ones(180), group)
        held.append([share.low <= 1 - wrong <= share.high for share in shares])
    assert min(np.mean(held, 0)) >= 0.95 - 0.0097


@pytest.mark.parametrize(("n_speakers", "mean", "strength"), [(4, 0.91, 15), (8, 0.75, 8)])
def test_intervals_of_accuracy_over_few_speakers_hold_that_of_all_speakers(n_speakers, mean, strength):
    """Speakers' accuracies are beta variables, as spoken digits show them; 300 draws, 0.95 less nearly three deviations of 0.013."""
    rng, held = np.random.default_rng(4), []
    for _ in range(300):
        group = np.repeat(np.arange(n_speakers), rng.integers(30, 80, n_speakers))
        right = rng.random(len(group)) < rng.beta(mean * strength, (1 - mean) * strength, n_speakers)[group]
        found = mean_share(right, np.zeros(len(group)), np.ones(len(group)), group)
        held.append(found.low <= mean <= found.high)
    assert np.mean(held) >= 0.915
