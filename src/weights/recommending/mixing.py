"""How much each model counts in the scores of a list: shares that find most of what was kept apart.

Scores of different models have different units; each is divided by its standard deviation over users and items, and counts by a share at
least zero. Shares are those of the least loss of lists (one minus NDCG@100), found by trying one after the other from the model that finds
most alone, because a list is not a smooth function of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from weights.data.interactions.events import Interactions
from weights.errors import DataError
from weights.recommending.histories import HISTORIES, find_groups
from weights.recommending.judging import Asked, find_first, leave_out_known
from weights.recommending.methods import Scorer
from weights.recommending.newitems import NewItems
from weights.tasks.ranking import LISTED, Ranks, ndcg
from weights.types import FloatArray, IntArray

_N_CANDIDATES = 200
"""Items of each model's list among which those of the mixture are looked for (our choice)."""
_STEPS = (0.0, 0.1, 0.2, 0.4, 0.7, 1.0, 1.5, 2.5, 4.0)
"""Shares that are tried, of the share of the first (our choice)."""
_BLOCK = 2_048
_N_FOLDS = 5
_DOUBT = 2.0
"""Standard errors beyond which a difference is no chance (our choice)."""
_LEAST_GAIN = 1e-5


class Pool(NamedTuple):
    """Scores of the items among which those of a list of any mixture are, for each of q users.

    Attributes:
        scores: of each model, in its standard deviations, shape (q, models, c); minus infinity beyond the items of a user.
        wanted: the places among the c of what came, shape (w,). owner: whose it is, shape (w,).
    """

    scores: FloatArray
    wanted: IntArray
    owner: IntArray

    def take(self, users: IntArray) -> Pool:
        """Those of some users, who are in ascending order."""
        kept = np.isin(self.owner, users)
        return Pool(self.scores[users], self.wanted[kept], np.searchsorted(users, self.owner[kept]))


def find_scale(scores: FloatArray) -> float:
    """The standard deviation of scores over users and items; one where they are all alike."""
    return float(scores.std()) or 1.0


class Part(NamedTuple):
    """A model in a mixture.

    Attributes:
        scorer: the model. scale: what its scores are divided by.
        shares: how much they count for users of each group of `HISTORIES`.
    """

    scorer: Scorer
    scale: float
    shares: tuple[float, ...] = (1.0,) * len(HISTORIES)

    def share_of(self, events: Interactions) -> FloatArray:
        """How much its scores count for users, shape (q,)."""
        return np.take(self.shares, find_groups(events))


def mean_shares(parts: Mapping[str, Part], events: Interactions) -> dict[str, float]:
    """How much each model counts in the mean over users."""
    return {name: float(part.share_of(events).mean()) for name, part in parts.items()}


def score_all(parts: Sequence[Part], fallback: Part, new: NewItems | None, events: Interactions) -> FloatArray:
    """The scores of a mixture, shape (q, m); where it says nothing of a user, as all are alike, those of the fallback.

    Args:
        parts: the models.
        fallback: what answers users of whom nothing is known.
        new: how items without events are scored; as models do if None.
        events: what is known of users.
    """
    total = np.zeros(events.shape, np.float32)
    for part in parts:
        if (share := part.share_of(events)).any():
            scores = np.array(part.scorer.score(events), np.float32)
            scores *= (share / part.scale).astype(np.float32)[:, None]
            total += scores
    unknown = total.max(axis=1) == total.min(axis=1)
    if unknown.any():
        total[unknown] = fallback.scorer.score(events.of_users(np.flatnonzero(unknown))) / fallback.scale
    return total if new is None else new.fill(total)


def make_pool(asked: Asked, parts: Sequence[Part], fallback: Part, new: NewItems | None = None) -> Pool:
    """The scores of what may stand on a list, of each model alone; arguments as `score_all`."""
    of_users, wanted = [], []
    for block in asked.blocks():
        scores = [leave_out_known(score_all([part], fallback, new, block.given), block.known) for part in parts]
        first = np.concatenate([find_first(own, _N_CANDIDATES) for own in scores], axis=1)
        for user in range(len(block)):
            came = block.came.indices[block.came.indptr[user] : block.came.indptr[user + 1]]
            items = np.unique(np.concatenate([first[user], came]))
            of_users.append(np.stack([own[user, items] for own in scores]))
            wanted.append(np.searchsorted(items, came))
    most = max(own.shape[1] for own in of_users)
    padded = np.full((len(of_users), len(parts), most), -np.inf, np.float32)
    for user, own in enumerate(of_users):
        padded[user, :, : own.shape[1]] = own
    return Pool(padded, np.concatenate(wanted), np.repeat(np.arange(len(wanted)), [len(own) for own in wanted]))


def gain_of_users(pool: Pool, shares: FloatArray) -> FloatArray:
    """NDCG@100 of each user by a mixture, shape (q,)."""
    used = np.flatnonzero(shares)
    mixed = np.einsum("m,qmc->qc", shares[used].astype(np.float32), pool.scores[:, used])
    sought = mixed[pool.owner, pool.wanted]
    place, columns = np.empty(len(sought), np.int64), np.arange(mixed.shape[1])
    for begin in range(0, len(sought), _BLOCK):
        own = slice(begin, begin + _BLOCK)
        rows, score, item = mixed[pool.owner[own]], sought[own, None], pool.wanted[own, None]
        place[own] = np.count_nonzero((rows > score) | ((rows == score) & (columns < item)), axis=1)
    return ndcg(Ranks(place, pool.owner, len(pool.scores)), LISTED)


def find_shares(pool: Pool) -> FloatArray:
    """The shares of models whose lists find most, tried from the model that finds most alone, of equal ones the last, shape (models,)."""
    n_models = pool.scores.shape[1]
    alone = [float(gain_of_users(pool, own).mean()) for own in np.eye(n_models)]
    first = n_models - 1 - int(np.argmax(alone[::-1]))
    rungs, most, before = np.where(np.arange(n_models) == first, _STEPS.index(1.0), 0), alone[first], -1.0
    while most > before + _LEAST_GAIN:
        before = most
        for model in range(n_models):
            for step in (1, -1) if model != first else ():
                while 0 <= rungs[model] + step < len(_STEPS):
                    tried = rungs + step * (np.arange(n_models) == model)
                    gain = float(gain_of_users(pool, np.take(_STEPS, tried)).mean())
                    if gain <= most + _LEAST_GAIN:
                        break
                    rungs, most = tried, gain
    shares = np.take(_STEPS, rungs)
    return np.asarray(shares / shares.sum())


class Mixture(NamedTuple):
    """How much models count, and how much of that is known.

    Attributes:
        shares: of each model, adding up to one, shape (models,).
        fold: which fold each user belongs to, shape (q,).
        crossed: the shares that answer the users of each fold, which all others gave, shape (folds, models).
    """

    shares: FloatArray
    fold: IntArray
    crossed: FloatArray


def mix(pool: Pool, *, seed: int = 0) -> Mixture:
    """The shares of models that all users give, and those that all but each fold of them give.

    One model alone answers only where a mixture, of whose shares no user had a say in the own, finds less beyond doubt: as much found,
    lists that follow the user are worth more than one list for all.

    Raises:
        DataError: there are fewer than two users.
    """
    n_users, n_models, _ = pool.scores.shape
    if n_users < 2:
        raise DataError("Models are mixed by what two users found at least, but there are fewer of whom something was kept apart.")
    n_folds = min(_N_FOLDS, n_users)
    fold = np.random.default_rng(seed).permutation(n_users) % n_folds  # none is empty
    others = [np.flatnonzero(fold != k) for k in range(n_folds)]
    crossed = np.stack([find_shares(pool.take(users)) for users in others])
    alone = np.stack([gain_of_users(pool, own) for own in np.eye(n_models)])
    if is_beyond_doubt(alone[np.argmax(alone.mean(axis=1))] - gain_crossed(pool, fold, crossed)):
        crossed = np.eye(n_models)[[np.argmax(alone[:, users].mean(axis=1)) for users in others]]
        return Mixture(np.eye(n_models)[np.argmax(alone.mean(axis=1))], fold, crossed)
    return Mixture(find_shares(pool), fold, crossed)


def gain_crossed(pool: Pool, fold: IntArray, crossed: FloatArray) -> FloatArray:
    """NDCG@100 of each user by the shares that answer the own fold, shape (q,); arguments as `Mixture` has them."""
    gain = np.empty(len(fold))
    for k, shares in enumerate(crossed):
        gain[fold == k] = gain_of_users(pool.take(np.flatnonzero(fold == k)), shares)
    return gain


def is_beyond_doubt(change: FloatArray) -> bool:
    """Whether the mean of a change over users is above zero by more than chance makes of it."""
    return bool(change.mean() > _DOUBT * change.std() / np.sqrt(len(change)))
