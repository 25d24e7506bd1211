"""Peers of benchmarks/recommend.py: each learns from a sparse matrix of users by items and gives scores of all items for users."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse

Scores = Callable[[np.ndarray], np.ndarray]
"""Scores of all items for users at some places, shape (q, m)."""


class Peer(NamedTuple):
    """A peer.

    Attributes:
        fit: (matrix of users by items, settings) -> scores.
        grid: values of settings, of which all combinations are tried.
        most_items: beyond which it is left out, as it would take hours.
    """

    fit: Callable[..., Scores]
    grid: dict[str, tuple[Any, ...]]
    most_items: int = 1_000_000

    def settings(self) -> Iterator[dict[str, Any]]:
        """All combinations of settings."""
        for values in itertools.product(*self.grid.values()):
            yield dict(zip(self.grid, values, strict=True))


def _by_factors(model: Any) -> Scores:
    users, items = np.asarray(model.user_factors), np.asarray(model.item_factors)
    return lambda places: users[places] @ items.T


def fit_implicit_als(x: scipy.sparse.csr_matrix, factors: int, regularization: float, alpha: float) -> Scores:
    """ALS of implicit, with events that weigh alpha."""
    import implicit

    model = implicit.als.AlternatingLeastSquares(
        factors=factors, regularization=regularization, alpha=alpha, iterations=15, random_state=0, calculate_training_loss=False
    )
    model.fit(x.astype(np.float32), show_progress=False)
    return _by_factors(model)


def fit_implicit_bpr(x: scipy.sparse.csr_matrix, factors: int, learning_rate: float, regularization: float) -> Scores:
    """BPR of implicit."""
    import implicit

    model = implicit.bpr.BayesianPersonalizedRanking(
        factors=factors, learning_rate=learning_rate, regularization=regularization, iterations=150, random_state=0
    )
    model.fit(x.astype(np.float32), show_progress=False)
    return _by_factors(model)


def fit_neighbours(x: scipy.sparse.csr_matrix, nearest: int, kind: str) -> Scores:
    """Neighbours of implicit, by cosine, TF-IDF or BM25."""
    import implicit

    model = getattr(implicit.nearest_neighbours, f"{kind}Recommender")(K=nearest)
    model.fit(x.astype(np.float64).tocsr(), show_progress=False)
    likeness = model.similarity
    return lambda places: (x[places] @ likeness).toarray()


def fit_popularity(x: scipy.sparse.csr_matrix) -> Scores:
    """How many users turned to each item."""
    counts = np.asarray(x.sum(axis=0)).ravel()
    return lambda places: np.broadcast_to(counts, (len(places), len(counts)))


def fit_rectools(x: scipy.sparse.csr_matrix, model: str, **settings: Any) -> Scores:
    """A model of RecTools, whose lists of 100 items become scores."""
    import pandas as pd
    from rectools import Columns
    from rectools import models as rectools
    from rectools.dataset import Dataset

    pairs = x.tocoo()
    frame = pd.DataFrame({Columns.User: pairs.row, Columns.Item: pairs.col, Columns.Weight: 1.0, Columns.Datetime: "2020-01-01"})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = Dataset.construct(frame)
        fitted = getattr(rectools, model)(**settings)
        fitted.fit(data)

    def score(places: np.ndarray) -> np.ndarray:
        known = np.intersect1d(places, pairs.row)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            lists = fitted.recommend(users=known, dataset=data, k=100, filter_viewed=True)
        scores = np.zeros((len(places), x.shape[1]))
        rows = np.searchsorted(places, lists[Columns.User].to_numpy())
        scores[rows, lists[Columns.Item].to_numpy()] = 1.0 / lists[Columns.Rank].to_numpy()
        return scores

    return score


def fit_lightfm(
    x: scipy.sparse.csr_matrix, no_components: int, learning_rate: float, item_features: Any = None, user_features: Any = None
) -> Scores:
    """LightFM with the loss WARP, with features where there are some."""
    import lightfm

    model = lightfm.LightFM(no_components=no_components, learning_rate=learning_rate, loss="warp", random_state=0)
    model.fit(x.tocoo().astype(np.float32), epochs=30, num_threads=2, item_features=item_features, user_features=user_features)
    (item_biases, items), (_, users) = model.get_item_representations(item_features), model.get_user_representations(user_features)
    return lambda places: users[places] @ items.T + item_biases


PEERS: dict[str, Peer] = {
    "popularity": Peer(fit_popularity, {}),
    "implicit ALS": Peer(
        fit_implicit_als, {"factors": (16, 32, 64, 128), "regularization": (0.01, 0.1, 1.0, 10.0), "alpha": (1.0, 5.0, 20.0)}
    ),
    "implicit BPR": Peer(fit_implicit_bpr, {"factors": (32, 64), "learning_rate": (0.01, 0.05), "regularization": (0.01, 0.1)}),
    "implicit neighbours": Peer(fit_neighbours, {"nearest": (20, 100, 400), "kind": ("Cosine", "TFIDF", "BM25")}),
    "RecTools EASE": Peer(
        lambda x, regularization: fit_rectools(x, "EASEModel", regularization=regularization),
        {"regularization": (100.0, 300.0, 500.0, 1000.0)},
        most_items=10_000,
    ),
    "RecTools PureSVD": Peer(lambda x, factors: fit_rectools(x, "PureSVDModel", factors=factors), {"factors": (16, 32, 64, 128)}),
    "LightFM WARP": Peer(fit_lightfm, {"no_components": (32, 64), "learning_rate": (0.02, 0.05)}),
}
