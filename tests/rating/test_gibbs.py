"""Draws are those of the distributions that the papers name: conditionals as algebra has them, and posteriors that hold the truth."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import scipy.sparse

from ratings import NOISE, STARS, draw_ratings
from weights.data.interactions.events import read_interactions
from weights.data.interactions.tags import with_ones
from weights.rating import gibbs
from weights.rating.gibbs import Population, RatingSettings, sample_factors, see

EVENTS = read_interactions(pa.table(draw_ratings()), STARS)[0]


def test_a_side_is_drawn_from_its_conditional_distribution():
    """4,000 users of the same ratings: their mean and covariance are those of the normal distribution, within four standard errors."""
    random, d, n = np.random.default_rng(0), 3, 4_000
    items, value = random.normal(size=(5, d)), np.array([1.0, -0.5, 0.3, 2.0, 0.0])
    ratings = scipy.sparse.csr_matrix((np.tile(value, n), (np.repeat(np.arange(n), 5), np.tile(np.arange(5), n))), (n, 5))
    side = gibbs._make_side(ratings, with_ones(None, n))
    root = random.normal(size=(d, d))
    population = Population(random.normal(size=(1, d)), root @ root.T + np.eye(d))
    drawn = gibbs._draw_side(items, side, population, 0.5, random)
    seen = see(items)
    precision = population.precision + seen.T @ seen / 0.5
    mean = np.linalg.solve(precision, seen.T @ (value - items[:, 0]) / 0.5 + population.precision @ population.slopes[0])
    covariance = np.linalg.inv(precision)
    assert np.all(np.abs(drawn.mean(axis=0) - mean) < 4 * np.sqrt(np.diag(covariance) / n))
    assert np.cov(drawn.T) == pytest.approx(covariance, abs=4 * np.max(np.diag(covariance)) * np.sqrt(2 / n))


def test_precisions_are_wishart():
    """The mean of a Wishart distribution is its degrees times its scale, here the inverse of the matrix: within five standard errors."""
    random, scatter = np.random.default_rng(1), np.array([[2.0, 0.6], [0.6, 1.0]])
    drawn = np.mean([gibbs._draw_wishart(scatter, 9.0, random) for _ in range(4_000)], axis=0)
    assert drawn == pytest.approx(9.0 * np.linalg.inv(scatter), rel=0.03)


def test_populations_follow_tags():
    """Factors around twice their tag: the prior adds one and twice the squared slopes, over 600, to the variance."""
    random = np.random.default_rng(2)
    tags = scipy.sparse.csr_matrix((random.random((600, 1)) < 0.5).astype(float))
    factors = 2.0 * tags.toarray() + np.array([0.0, 1.0]) + 0.3 * random.normal(size=(600, 2))
    side = gibbs._make_side(scipy.sparse.csr_matrix((600, 1)), with_ones(tags, 600))
    drawn = [gibbs._draw_population(factors, side, random) for _ in range(50)]
    assert np.mean([own.slopes for own in drawn], axis=0) == pytest.approx(np.array([[0.0, 1.0], [2.0, 2.0]]), abs=0.1)
    spread = np.linalg.inv(np.mean([own.precision for own in drawn], axis=0))
    assert np.diag(spread) == pytest.approx(0.09 + (1 + 2 * np.array([4.0, 5.0])) / 600, rel=0.15)


def test_the_noise_of_ratings_is_found():
    """Half a unit was planted: within a tenth of it (1,600 ratings leave about 2 %, factors that are one too many the rest)."""
    draws = sample_factors(EVENTS, RatingSettings(n_factors=3, n_draws=30, n_warmup=40), seed=0)
    assert np.sqrt(draws.noise.mean()) == pytest.approx(NOISE, rel=0.1)
    assert draws.items.shape == (30, 50, 4)
    assert draws.items.dtype == np.float32


def test_draws_are_the_same_again_and_others_with_another_seed():
    settings = RatingSettings(n_factors=2, n_draws=2, n_warmup=1, thinning=1)
    first, again, other = (sample_factors(EVENTS, settings, seed=seed) for seed in (0, 0, 1))
    assert np.array_equal(first.items, again.items)
    assert not np.array_equal(first.items, other.items)


def test_the_work_reports_and_can_be_stopped():
    shares = []
    settings = RatingSettings(n_factors=2, n_draws=3, n_warmup=2, thinning=2)
    sample_factors(EVENTS, settings, report=shares.append)
    assert len(shares) == settings.n_rounds == 8
    assert shares[-1] == 1.0
