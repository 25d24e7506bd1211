"""How much each model counts for users of whom about as much is known, and how lists of such a mixture fare."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from weights.data.interactions.events import Interactions
from weights.recommending.choosing import Chosen
from weights.recommending.histories import HISTORIES, HistoryGroup, draw_group, find_groups
from weights.recommending.judging import Asked, Judged, compare_users, judge, mean_of_users, summarise
from weights.recommending.methods import FALLBACK
from weights.recommending.mixing import (
    Mixture,
    Part,
    Pool,
    find_scale,
    gain_crossed,
    gain_of_users,
    is_beyond_doubt,
    make_pool,
    mean_shares,
    mix,
    score_all,
)
from weights.recommending.newitems import NewItems, choose_penalty, fit_new_items
from weights.recommending.plan import MOST_ASKED
from weights.tasks.proportions import Metric
from weights.tasks.ranking import LISTED
from weights.types import FloatArray, IntArray

MIXED = "mixture"
"""What the mixture is called beside its models."""
FEWEST_MIXED = 10
"""Users by whom shares are chosen, at least (our choice)."""
LEAST_SHARE = 0.005
"""From which on a model is named among those that answer (our choice)."""
_FEWEST_SHOWN = 10
"""Users that a group has at least (our choice)."""


class Mixed(NamedTuple):
    """A mixture of models that were learned from what was not kept apart, and how it fares.

    Attributes:
        parts: the models, with their shares.
        shares: how much each counts, in the mean over users.
        tag_penalty: with which tags predict scores of items without events; None where items have none.
        metrics: of lists of the mixture, and of each model alone.
        groups: how lists fare by how much was known of users.
        gain: of NDCG@100 by the mixture, beside the best model alone. best: which that is. n_users: who were judged.
    """

    parts: dict[str, Part]
    shares: dict[str, float]
    tag_penalty: float | None
    metrics: dict[str, dict[str, Metric]]
    groups: list[HistoryGroup]
    gain: Metric
    best: str
    n_users: int


class _Models(NamedTuple):
    """Models that are to be mixed, each as if it were all, and how items without events are scored."""

    alone: dict[str, Part]
    new: NewItems | None

    @property
    def fallback(self) -> Part:
        return self.alone[FALLBACK]

    def judge(self, parts: Sequence[Part], users: Asked) -> Judged:
        """How lists by a mixture fare."""
        return judge(lambda events: score_all(parts, self.fallback, self.new, events), users)

    def judge_shares(self, shares: FloatArray, users: Asked) -> Judged:
        """The same by the shares of models."""
        of_all = ((share,) * len(HISTORIES) for share in shares.tolist())
        return self.judge([part._replace(shares=own) for part, own in zip(self.alone.values(), of_all, strict=True)], users)

    def pool(self, users: Asked) -> Pool:
        """Scores of what may stand on lists."""
        return make_pool(users, [*self.alone.values()], self.fallback, self.new)


class _Shares(NamedTuple):
    """The shares of models for a group of users, and who had a say in them, in ascending order."""

    mixture: Mixture
    users: IntArray

    def part(self, asked: Asked) -> Iterator[tuple[FloatArray, Asked]]:
        """Users in parts, each with shares in which none of them had a say."""
        for k, shares in enumerate(self.mixture.crossed):
            yield shares, asked[np.flatnonzero(np.isin(asked.users, self.users[self.mixture.fold == k]))]
        yield self.mixture.shares, asked[np.flatnonzero(~np.isin(asked.users, self.users))]


def mix_by_group(chosen: Mapping[str, Chosen], learned: Interactions, asked: Asked, seed: int) -> Mixed:
    """The mixture, judged on users who had no say in the shares by which they are answered.

    Args:
        chosen: models that learned from what was not kept apart, by name.
        learned: that.
        asked: users whose lists are judged.
        seed: of what is drawn.
    """
    mixers = asked.draw(MOST_ASKED, seed)
    alone = {name: Part(own.scorer, find_scale(own.scorer.score(mixers.given))) for name, own in chosen.items()}
    penalty = choose_penalty(min(chosen.values(), key=lambda own: own.loss).scorer.score, learned, mixers)
    models = _Models(alone, fit_new_items(learned, penalty))
    groups = find_groups(asked.given)
    fallback = _Shares(Mixture(np.eye(len(alone))[[*alone].index(FALLBACK)], np.zeros(0, np.int64), np.zeros((0, len(alone)))), groups[:0])
    new, known = (_mix_all(models, asked[np.flatnonzero(own)], fallback, seed) for own in (groups == 0, groups > 0))
    shares = [new, *(_mix_for(models, asked, group, known, seed) for group in range(1, len(HISTORIES)))]
    by_model = zip(alone.items(), np.asarray([own.mixture.shares for own in shares]).T.tolist(), strict=True)
    parts = {name: part._replace(shares=tuple(own)) for (name, part), own in by_model}
    judging = [part for group, own in enumerate(shares) for part in own.part(asked[np.flatnonzero(groups == group)]) if len(part[1])]
    crossed = _put_together([models.judge_shares(*part) for part in judging], np.concatenate([users.users for _, users in judging]))
    apart = {name: models.judge([part], asked) for name, part in alone.items()}
    popularity = np.bincount(asked.given.item, minlength=len(asked.given.items))
    metrics = {name: summarise(own, popularity, len(asked.given)) for name, own in {MIXED: crossed, **apart}.items()}
    loss = f"ndcg@{LISTED}"
    best = max(apart, key=lambda name: float(apart[name].by_user[loss].mean()))
    gain = compare_users(crossed.by_user, apart[best].by_user, loss)
    return Mixed(parts, mean_shares(parts, asked.given), penalty, metrics, _describe_groups(crossed, asked, parts), gain, best, len(asked))


def _mix_all(models: _Models, users: Asked, fallback: _Shares, seed: int) -> _Shares:
    """The shares of models for users; those of the fallback where there are few."""
    mixers = users.draw(MOST_ASKED, seed)
    return fallback if len(users) < FEWEST_MIXED else _Shares(mix(models.pool(mixers), seed=seed), mixers.users)


def _mix_for(models: _Models, asked: Asked, group: int, usual: _Shares, seed: int) -> _Shares:
    """The shares of models for users of a group: the usual ones, unless others find more beyond doubt.

    Args:
        models: to mix.
        asked: users, of all groups.
        group: its number in `HISTORIES`.
        usual: shares of all groups.
        seed: of what is drawn.
    """
    mixers = draw_group(asked, group, MOST_ASKED, seed)
    if len(mixers) < FEWEST_MIXED:
        return usual
    pool = models.pool(mixers)
    mixture = mix(pool, seed=seed)
    change = gain_crossed(pool, mixture.fold, mixture.crossed) - gain_of_users(pool, usual.mixture.shares)
    return _Shares(mixture, mixers.users) if is_beyond_doubt(change) else usual


def _put_together(judged: Sequence[Judged], users: IntArray) -> Judged:
    """How lists of all users fare, in ascending order of users."""
    order = np.argsort(users)
    by_user = {name: np.concatenate([own.by_user[name] for own in judged])[order] for name in judged[0].by_user}
    return Judged(by_user, np.sum([own.listed for own in judged], axis=0))


def _describe_groups(judged: Judged, asked: Asked, parts: Mapping[str, Part]) -> list[HistoryGroup]:
    """How lists fare by how much was known of users."""
    groups, described = find_groups(asked.given), []
    for group, (fewest, beyond) in enumerate(zip(HISTORIES, (*HISTORIES[1:], None), strict=True)):
        own = groups == group
        if own.sum() >= _FEWEST_SHOWN:
            metrics = {name: mean_of_users(values[own], name) for name, values in judged.by_user.items()}
            shares = {name: part.shares[group] for name, part in parts.items()}
            described.append(HistoryGroup(fewest, None if beyond is None else beyond - 1, int(own.sum()), metrics, shares))
    return described
