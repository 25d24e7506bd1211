"""Conformal bounds against noise whose size and shape are known; `benchmarks/intervals.py` measures them on real tables."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from weights.conformal import Conformal, score_classes, score_residuals, smallest_holding

LEVEL = 0.9


def held(low, y, high) -> np.ndarray:
    return (low <= y) & (y <= high)


def tolerance(n_new: int, n_scores: int, level: float = LEVEL) -> float:
    """Four binomial deviations of a share of so many new rows that lie within quantiles of so many scores."""
    return 4 * np.sqrt(level * (1 - level) * (1 / n_new + 1 / n_scores))


class World:
    """Rows whose values are a prediction that is right plus noise: a scale that depends on the row, times draws of mean zero."""

    def __init__(self, scale, noise, n: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.x = np.column_stack([random.normal(size=(n, 2)), random.random(n) < 0.3]).astype(np.float32)
        self.predictions = 50 + 10 * self.x[:, 0].astype(float)
        self.scale = scale(self.x)
        self.y = self.predictions + self.scale * noise(random, n)

    def scores(self, **more) -> Conformal:
        return score_residuals(self.y - self.predictions, self.predictions, self.x, np.ones(len(self.y)), **more)


def normal(random, n):
    return random.normal(size=n)


def exponential(random, n):
    return random.exponential(size=n) - 1


SCALES = {
    "grows with the prediction": lambda x: np.exp(0.7 * x[:, 0].astype(float)),
    "of a group": lambda x: 1.0 + 3.0 * x[:, 2],
    "in the middle of a column": lambda x: 0.3 + np.abs(x[:, 1].astype(float)),
}


@pytest.mark.parametrize("noise", [normal, exponential])
@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES.keys())
def test_bounds_hold_their_level_in_every_quarter_and_group_where_noise_differs(scale, noise):
    seen, new = World(scale, noise, 4_000, 1), World(scale, noise, 20_000, 2)
    bounds = seen.scores().bounds(new.predictions, new.x, LEVEL)
    within = held(bounds.low, new.y, bounds.high)
    assert within.mean() == pytest.approx(LEVEL, abs=tolerance(20_000, 4_000))
    quarter = np.searchsorted(np.quantile(new.predictions, [0.25, 0.5, 0.75]), new.predictions)
    for here in [*(quarter == q for q in range(4))]:
        assert within[here].mean() == pytest.approx(LEVEL, abs=tolerance(5_000, 1_000))
    for here in (new.x[:, 2] == 1, new.x[:, 2] == 0, np.abs(new.x[:, 1]) < 0.5, np.abs(new.x[:, 1]) > 1.5):
        # Besides, a difficulty learned from 4,000 rows is a little off, and half of that is allowed of the six points promised.
        assert within[here].mean() == pytest.approx(LEVEL, abs=tolerance(here.sum(), here.mean() * 4_000) + 0.03)


def test_bounds_are_hardly_wider_than_the_best_ones():
    """Normal noise of known scale: the shortest interval is 1.645 deviations on either side."""
    seen, new = (World(SCALES["grows with the prediction"], normal, n, seed) for n, seed in ((4_000, 3), (20_000, 4)))
    bounds = seen.scores().bounds(new.predictions, new.x, LEVEL)
    best = 2 * scipy.stats.norm.ppf(0.95) * new.scale
    # Of the mean width the quantile of 4,000 scores has an error of 1.5 %, and slopes are a few percent off.
    assert np.mean(bounds.high - bounds.low) == pytest.approx(np.mean(best), rel=0.06)
    constant = 2 * np.quantile(np.abs(new.y - new.predictions), LEVEL)
    assert np.mean(bounds.high - bounds.low) < 0.95 * constant


def test_bounds_of_skewed_noise_reach_farther_where_values_are():
    """Exponential noise less its mean lies within 1 below, and its shortest 90 % interval is 2.30 wide (0 to -log 0.1)."""
    seen, new = (World(lambda x: np.ones(len(x)), exponential, n, seed) for n, seed in ((4_000, 5), (20_000, 6)))
    bounds = seen.scores().bounds(new.predictions, new.x, LEVEL)
    below, above = np.mean(new.predictions - bounds.low), np.mean(bounds.high - new.predictions)
    assert above > 1.3 * below
    symmetric = 2 * np.quantile(np.abs(new.y - new.predictions), LEVEL)
    assert -np.log(0.1) < above + below < 0.97 * symmetric
    assert held(bounds.low, new.y, bounds.high).mean() == pytest.approx(LEVEL, abs=tolerance(20_000, 4_000))


def test_bounds_of_counts_hold_their_level():
    random = np.random.default_rng(7)
    rate = np.exp(random.uniform(-1, 4, 24_000))
    y, x = random.poisson(rate).astype(float), np.zeros((24_000, 0))
    seen = score_residuals((y - rate)[:4_000], rate[:4_000], x[:4_000], np.ones(4_000))
    bounds, new, counts = seen.bounds(rate[4_000:], x[4_000:], LEVEL), rate[4_000:], y[4_000:]
    within = held(bounds.low, counts, bounds.high)
    assert within.mean() == pytest.approx(LEVEL, abs=tolerance(20_000, 4_000))
    quarter = np.searchsorted(np.quantile(new, [0.25, 0.5, 0.75]), new)
    for q in range(4):
        assert within[quarter == q].mean() == pytest.approx(LEVEL, abs=tolerance(5_000, 1_000))
    # Poisson counts deviate by the root of their rate.
    rise = np.log(np.mean((bounds.high - bounds.low)[new > 30])) - np.log(np.mean((bounds.high - bounds.low)[(new > 5) & (new < 10)]))
    assert rise == pytest.approx(0.5 * np.log(np.mean(new[new > 30]) / np.mean(new[(new > 5) & (new < 10)])), abs=0.15)


@pytest.mark.parametrize("n", [30, 150, 500])
def test_choosing_the_shortest_interval_costs_nothing_of_the_level(n):
    """Normal noise of one size, whose best interval is symmetric, over 200 tables: where few rows choose, chance must not gain."""
    shares = []
    for seed in range(200):
        scores = World(lambda x: np.ones(len(x)), normal, n, seed).scores()
        row = World(lambda x: np.ones(len(x)), normal, 40, 10_000 + seed)
        bounds = scores.bounds(row.predictions, row.x, LEVEL)
        shares.append(np.mean(scipy.stats.norm.cdf(bounds.high - row.predictions) - scipy.stats.norm.cdf(bounds.low - row.predictions)))
    # Chance of the mean over 200 tables: four standard errors. Ranks of n scores ask for up to 1 / n more than the level.
    chance = 4 * np.std(shares) / np.sqrt(200)
    assert LEVEL - chance <= np.mean(shares) <= LEVEL + 1 / n + 0.01 + chance


def test_rows_that_answer_together_and_alone_have_the_same_bits():
    seen = World(SCALES["of a group"], normal, 1_000, 8)
    scores = seen.scores()
    together = scores.bounds(seen.predictions, seen.x, LEVEL)
    for i in (0, 77, 999):
        alone = scores.bounds(seen.predictions[i : i + 1], seen.x[i : i + 1], LEVEL)
        assert (alone.low[0], alone.high[0]) == (together.low[i], together.high[i])


def test_rows_of_a_group_have_no_say_in_each_others_difficulty():
    """Each group has noise of its own size, and a column that tells it: with rows dealt singly the column would know the size."""
    random = np.random.default_rng(9)
    group = np.repeat(np.arange(10), 100)
    x = (np.arange(10)[:, None] == group).T.astype(np.float32)
    size = np.exp(random.normal(size=10))[group]
    residuals = size * random.normal(size=1_000)
    together, apart = (score_residuals(residuals, np.zeros(1_000), x, np.ones(1_000), of) for of in (None, group))
    spread = [np.std([np.abs(scores.scores[group == g]).mean() for g in range(10)]) for scores in (together, apart)]
    unscaled = np.std([np.abs(residuals[group == g]).mean() for g in range(10)]) / np.abs(residuals).mean()
    assert spread[0] < 0.3 * unscaled
    assert spread[1] / np.abs(apart.scores).mean() > 0.7 * unscaled


@pytest.mark.parametrize("x", [np.zeros((500, 0)), np.ones((500, 3)), np.random.default_rng(0).normal(size=(500, 700))])
def test_columns_that_say_nothing_or_are_too_many_leave_the_prediction(x):
    random = np.random.default_rng(10)
    predictions = random.random(500)
    scores = score_residuals(random.normal(size=500), predictions, x, np.ones(500))
    assert set(scores.difficulty.inputs) == {0}
    assert np.isfinite(scores.bounds(predictions, x, LEVEL).high).all()


def test_a_model_that_is_never_wrong_has_bounds_without_width():
    bounds = score_residuals(np.zeros(200), np.arange(200.0), np.zeros((200, 0)), np.ones(200)).bounds(
        np.array([3.0]), np.zeros((1, 0)), 0.5
    )
    assert (bounds.low[0], bounds.high[0]) == (3.0, 3.0)


def test_predictions_that_are_all_alike_are_one_bin():
    random = np.random.default_rng(11)
    scores = score_residuals(random.normal(size=2_000), np.full(2_000, 5.0), np.zeros((2_000, 0)), np.ones(2_000))
    bounds = scores.bounds(np.array([-100.0, 5.0, 100.0]), np.zeros((3, 0)), LEVEL)
    assert len(np.unique((bounds.high - bounds.low).round(9))) == 1


def test_scores_of_few_numbers_are_absolute_residuals_in_order():
    scores = score_residuals(np.array([-0.5, 0.0, 3.0]), np.zeros(3), np.zeros((3, 0)), np.ones(3))
    assert (scores.scores.tolist(), scores.predictions) == ([0.0, 0.5, 3.0], None)


def test_rows_of_weight_zero_give_no_score():
    scores = score_residuals(np.array([1.0, 2.0, 3.0]), np.zeros(3), np.zeros((3, 0)), np.array([1.0, 0.0, 2.0]))
    assert scores.scores.tolist() == [1.0, 3.0]
    probability = np.array([[0.7, 0.3], [0.5, 0.5]])
    assert score_classes(probability, np.array([0, 1]), np.array([1.0, 0.0])).scores.tolist() == pytest.approx([0.3])


def test_scores_of_classes_are_the_probability_missed_in_order():
    answers = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]])
    np.testing.assert_allclose(score_classes(answers, np.array([0, 1]), np.ones(2)).scores, [0.3, 0.7])


def test_many_scores_are_thinned_without_moving_their_quantiles():
    second = np.random.default_rng(0).permutation(np.arange(50_000) / 50_000)
    scores = score_classes(np.stack([1 - second, second], axis=1), np.zeros(50_000, int), np.ones(50_000)).scores
    assert len(scores) == 20_000
    np.testing.assert_allclose(np.quantile(scores, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], rtol=1e-3)
    residuals = np.random.default_rng(0).normal(size=30_000)
    assert len(score_residuals(residuals, np.zeros(30_000), np.zeros((30_000, 0)), np.ones(30_000)).scores) == 20_000


@pytest.mark.parametrize(("level", "score"), [(0.1, 1.0), (0.5, 5.0), (0.85, 9.0), (0.9, 9.0), (0.95, np.inf)])
def test_the_smallest_score_that_holds_a_level_has_the_rank_that_one_more_row_asks_for(level, score):
    assert smallest_holding(np.random.default_rng(0).permutation(np.arange(1.0, 10.0)), level) == score
    assert (smallest_holding(np.tile(np.arange(1.0, 10.0), (2, 1)), level) == score).all()
