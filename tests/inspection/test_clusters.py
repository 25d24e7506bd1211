"""Errors of clusters against the definition of CR2 written out in full matrices, closed forms and simulations."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.special
import statsmodels.api as sm

import weights as wt
from weights.inspection.logistic import logistic
from weights.inspection.partialling import Partialled
from weights.inspection.slopes import Rows, find_clusters, least_squares, regress_residuals

N = 90
RNG = np.random.default_rng(0)
GROUP = np.r_[np.zeros(30, int), RNG.integers(1, 9, N - 31), 9]  # one large, one of a single row
Z = np.column_stack([RNG.normal(size=N), RNG.normal(size=10)[GROUP], RNG.normal(size=(N, 3))])
Y = Z @ [1.0, 0.5, 0.0, 0.0, 0.0] + RNG.normal(size=10)[GROUP] + RNG.normal(size=N)
WEIGHT = (drawn := RNG.uniform(0.2, 3.0, N)) / drawn.mean()
WEIGHTS = pytest.mark.parametrize("weight", [np.ones(N), WEIGHT], ids=["alike", "weighted"])


def by_hand(x, outcome, group):
    """CR2 (q, q) and degrees of freedom (q,) of least squares on weighted inputs x (r, q) of a weighted outcome (r,).

    Bell and McCaffrey 2002: residuals of a cluster times the inverse root of their covariance under noise that is alike.
    """
    n, q = x.shape
    products = np.linalg.inv(x.T @ x)
    leaves = np.eye(n) - x @ products @ x.T
    noise, total, of_noise = leaves @ outcome, np.zeros((q, q)), []
    for cluster in np.unique(group):
        rows = np.flatnonzero(group == cluster)
        values, vectors = np.linalg.eigh(leaves[np.ix_(rows, rows)])
        root = vectors @ np.diag([0.0 if value < 1e-8 else value**-0.5 for value in values]) @ vectors.T
        score = x[rows].T @ root @ noise[rows]
        total += np.outer(score, score)
        of_noise.append(leaves[:, rows] @ root @ x[rows] @ products)
    each = np.stack(of_noise)
    squares = [(each[:, :, j] @ each[:, :, j].T) for j in range(q)]
    return products @ total @ products, np.asarray([np.trace(s) ** 2 / (s**2).sum() for s in squares])


def assert_as_by_hand(found, x, outcome, places):
    covariance, degrees = by_hand(x, outcome, GROUP)
    np.testing.assert_allclose(found.covariances["cluster"], covariance[np.ix_(places, places)], rtol=1e-8, atol=1e-14)
    np.testing.assert_allclose(found.degrees["cluster"], degrees[places], rtol=1e-8)


@WEIGHTS
def test_errors_of_least_squares_are_cr2_with_satterthwaites_degrees(weight):
    root = np.sqrt(weight)
    found = least_squares(Z, Y, Rows(weight, GROUP, None))
    assert_as_by_hand(found, sm.add_constant(Z) * root[:, None], Y * root, np.arange(1, 6))


@WEIGHTS
def test_errors_of_residuals_are_those_of_least_squares_where_expectations_are_linear(weight):
    """Frisch and Waugh 1933: what accounted for the others counts as well."""
    root, rows = np.sqrt(weight)[:, None], Rows(weight, GROUP, None)
    others = sm.add_constant(Z[:, 2:])
    residuals = Z[:, :2] - others @ np.linalg.lstsq(others * root, Z[:, :2] * root, rcond=None)[0]
    gap = Y - others @ np.linalg.lstsq(others * root, Y * root[:, 0], rcond=None)[0]
    partialled = Partialled(residuals, 6.0, N, "least squares", Z)
    found, expected = (
        regress_residuals(residuals, gap, np.zeros(N), partialled, rows, find_clusters(partialled, rows)),
        least_squares(Z, Y, rows).only(np.arange(2)),
    )
    np.testing.assert_allclose(found.covariances["cluster"], expected.covariances["cluster"], rtol=1e-8)
    np.testing.assert_allclose(found.degrees["cluster"], expected.degrees["cluster"], rtol=1e-8)


@WEIGHTS
def test_errors_of_log_odds_are_cr2_of_the_working_residuals(weight):
    positive = (Z[:, 0] + RNG.logistic(size=N) > 0).astype(float)
    found = logistic(Z, positive, Rows(weight, GROUP, None))
    fitted = sm.GLM(positive, sm.add_constant(Z), family=sm.families.Binomial(), var_weights=weight).fit(tol=1e-12)
    p = fitted.predict()
    root = np.sqrt(weight * p * (1 - p))
    x = sm.add_constant(Z) * root[:, None]
    assert_as_by_hand(found, x, x @ fitted.params + weight * (positive - p) / root, np.arange(1, 6))


def test_a_feature_that_one_cluster_alone_has_leaves_no_degrees():
    z = np.column_stack([GROUP == 3, Z[:, 0]]).astype(float)
    degrees = least_squares(z, Y, Rows(np.ones(N), GROUP, None)).degrees["cluster"]
    assert degrees[0] < 1 < degrees[1]


def table(seed, n_clusters, *, correlation=0.5):
    """Uneven clusters, a feature that differs within them and one that differs between them, and an outcome with shared noise."""
    rng = np.random.default_rng([n_clusters, seed])
    sizes = 0.7 ** np.arange(n_clusters)
    group = np.repeat(np.arange(n_clusters), np.maximum(np.round(sizes / sizes.sum() * 20 * n_clusters).astype(int), 2))
    x = np.column_stack([rng.normal(size=len(group)), rng.normal(size=n_clusters)[group]])
    noise = np.sqrt(correlation) * rng.normal(size=n_clusters)[group] + np.sqrt(1 - correlation) * rng.normal(size=len(group))
    return group, x, x @ [1.0, 0.5] + noise


@pytest.mark.parametrize("n_clusters", [5, 10, 20])
def test_intervals_hold_with_few_uneven_clusters(n_clusters):
    """The share of 400 tables; the usual errors hold 72 to 79 % of those of the feature between clusters (benchmarks/clusters.py)."""
    inside = []
    for seed in range(400):
        group, x, y = table(seed, n_clusters)
        found = least_squares(x, y, Rows(np.ones(len(y)), group, None))
        half = found.errors["cluster"] * scipy.special.stdtrit(found.degrees["cluster"], 0.975)
        inside.append(np.abs(found.slopes - [1.0, 0.5]) <= half)
    assert (np.mean(inside, axis=0) >= 0.93 - 3 * np.sqrt(0.93 * 0.07 / 400)).all()


@pytest.fixture(scope="module")
def of_sites():
    """A linear fit to four sites, of which one feature says which of them is private."""
    group, x, y = table(0, 4)
    columns = {"age": x[:, 0], "private": np.where(group == 2, "yes", "no"), "site": group.astype(str), "y": y}
    return wt.fit(columns, "y", group="site", model="linear", members=4, n_folds=4)


def test_the_number_of_clusters_is_said_and_that_they_are_few(of_sites):
    notes = of_sites.summary().notes
    assert of_sites.report.feature_weights.n_clusters == 4
    assert any("cluster-robust errors from 80 rows in 4 clusters" in note for note in notes)
    assert any(note.startswith("4 clusters are few") for note in notes)


def test_of_a_feature_that_too_few_clusters_differ_in_no_interval_is_given(of_sites):
    age, private = of_sites.feature_weights()
    assert age["low"] is not None
    assert (private["std_err"], private["p_value"]) == (None, None)
    assert "differs between too few clusters" in private["note"]
