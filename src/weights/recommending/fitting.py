"""From interactions to a `Recommender`: settings of each model chosen, models mixed, and all learned again from everything."""

from __future__ import annotations

import datetime
import time
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import threadpoolctl

import weights
from weights.data.interactions.events import Interactions
from weights.ensemble import Report
from weights.recommending.choosing import Chosen, choose
from weights.recommending.judging import Asked, Judged, ask_of, compare_users, judge, mean_of_users, summarise
from weights.recommending.methods import FALLBACK, METHODS
from weights.recommending.mixing import Part, find_scale, make_pool, mix, score_all
from weights.recommending.plan import CHOOSING, LEARNING, MIXING, MOST_ASKED, RankingPlan
from weights.recommending.recommender import HistoryGroup, Recommender, Tags
from weights.tasks.proportions import Metric
from weights.tasks.ranking import LISTED
from weights.training.control import Control, Progress
from weights.types import FloatArray, IntArray

MIXED = "mixture"
"""What the mixture is called beside its models."""
_MOST_JUDGED, _MOST_SCORES = 10_000, 50_000_000
"""Users by whom lists are judged, and scores of these, at most (our choice)."""
_MOST_LEARNED = 1_000_000
"""Events by which settings are chosen, at most (our choice)."""
_HISTORIES = (0, 1, 5, 20, 100)
"""Events that are known of a user, from which groups of users begin (our choice)."""
_FEWEST_MIXED = 10
"""Users by whom shares are chosen, at least (our choice)."""
_FEWEST_SHOWN = 10
"""Users that a group has at least (our choice)."""


def fit_ranking(plan: RankingPlan, control: Control) -> Recommender:
    """Learn who turns to what.

    Raises:
        DataError: there are too few users to judge by.
        TooLargeError: a model does not fit into memory.
        Interrupted: the work was asked to stop.
    """
    begun = time.monotonic()
    with threadpoolctl.threadpool_limits(plan.n_threads):
        learned = plan.events[np.flatnonzero(plan.parts.learned)]
        came = plan.events[np.flatnonzero(plan.parts.came)]
        given = plan.events[np.flatnonzero(plan.parts.given)]
        asked = ask_of(given, came).draw(_count_judged(plan.events), plan.seed)
        learned, said = _thin(learned, plan.seed)
        chosen = _choose_all(plan, learned, asked.draw(MOST_ASKED, plan.seed), control)
        mixed = _mix(chosen, asked, plan.seed)
        control.report(Progress(MIXING, 1.0, None))
        parts = _learn_again(plan.events, chosen, mixed.parts, control)
        report = Report(
            source=plan.source,
            n_samples=plan.n_samples,
            n_features=len(plan.events.items),
            metrics=mixed.metrics[MIXED],
            compared=mixed.metrics,
            decision=_explain_mixture(mixed),
            remarks=[*plan.remarks, *said],
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            version=weights.__version__,
            origin=plan.origin,
        )
        test, n_test = _test(plan, parts)
        report = msgspec.structs.replace(report, test=test, n_test=n_test, seconds=round(time.monotonic() - begun, 3))
    tags = Tags(plan.users.columns, plan.items.columns)
    return Recommender(plan.task, plan.events, parts, plan.items.names, tags, mixed.groups, report)


def _count_judged(events: Interactions) -> int:
    """By how many users lists are judged, at most."""
    return min(_MOST_JUDGED, max(_MOST_SCORES // len(events.items), MOST_ASKED))


def _thin(learned: Interactions, seed: int) -> tuple[Interactions, list[str]]:
    """The events by which settings are chosen: all, or those of users drawn at random where they are very many; and that in words."""
    if len(learned) <= _MOST_LEARNED:
        return learned, []
    by_user = learned.n_events
    order = np.random.default_rng(seed).permutation(len(by_user))
    chosen = order[np.cumsum(by_user[order]) <= _MOST_LEARNED]
    said = f"settings are chosen, and lists judged, with what {len(chosen):,} users drawn at random teach; what answers learned from all"
    return learned[np.flatnonzero(np.isin(learned.user, chosen))], [said]


def _choose_all(plan: RankingPlan, learned: Interactions, asked: Asked, control: Control) -> dict[str, Chosen]:
    """Each model with the settings that find most, learned from what was not kept apart."""
    chosen: dict[str, Chosen] = {}
    known = asked[np.flatnonzero(asked.given.n_events)]
    known = known if len(known) >= _FEWEST_MIXED else asked
    for name in plan.settings.models:
        control.check()
        own = asked if name == FALLBACK else known
        chosen[name] = choose(METHODS[name], learned, own, given=plan.settings.given.get(name, {}), check=control.check)
        control.report(Progress(CHOOSING, len(chosen) / len(plan.settings.models), chosen[name].loss))
    return chosen


class _Mixed(NamedTuple):
    """A mixture of models that were learned from what was not kept apart, and how it fares."""

    parts: dict[str, Part]
    metrics: dict[str, dict[str, Metric]]
    groups: list[HistoryGroup]
    gain: Metric
    best: str
    n_users: int


class _Shares(NamedTuple):
    """The shares of models for some users, and how lists of these fare by shares in which the own user had no say."""

    shares: FloatArray
    judged: list[Judged]
    users: list[IntArray]


def _mix(chosen: dict[str, Chosen], asked: Asked, seed: int) -> _Mixed:
    """The mixture, judged on users who had no say in the shares by which they are answered."""
    mixers = asked.draw(MOST_ASKED, seed)
    scales = {name: find_scale(own.scorer.score(mixers.given)) for name, own in chosen.items()}
    alone = {name: Part(own.scorer, scales[name], 1.0, 1.0) for name, own in chosen.items()}
    has_events = asked.given.n_events > 0
    known, new = (_mix_for(alone, asked[np.flatnonzero(own)], seed) for own in (has_events, ~has_events))
    shares = zip(alone.items(), known.shares.tolist(), new.shares.tolist(), strict=True)
    parts = {name: part._replace(share=share, new_share=new_share) for (name, part), share, new_share in shares}
    crossed = _put_together([*known.judged, *new.judged], np.concatenate([*known.users, *new.users]))
    by_model = {name: _judge_mixture([part], alone[FALLBACK], asked) for name, part in alone.items()}
    popularity = np.bincount(asked.given.item, minlength=len(asked.given.items))
    metrics = {name: summarise(own, popularity, len(asked.given)) for name, own in {MIXED: crossed, **by_model}.items()}
    loss = f"ndcg@{LISTED}"
    best = max(by_model, key=lambda name: float(by_model[name].by_user[loss].mean()))
    gain = compare_users(crossed.by_user, by_model[best].by_user, loss)
    return _Mixed(parts, metrics, _group_by_history(crossed, asked), gain, best, len(asked))


def _judge_mixture(parts: Sequence[Part], fallback: Part, users: Asked) -> Judged:
    """How lists by a mixture fare."""
    return judge(lambda events: score_all(parts, fallback, events), users)


def _mix_for(alone: dict[str, Part], users: Asked, seed: int) -> _Shares:
    """The shares of models for users of a kind: all of the fallback where there are few of them."""
    n_models, fallback = len(alone), alone[FALLBACK]

    def judge_by(shares: FloatArray, some: Asked) -> Judged:
        mixed = [part._replace(share=share, new_share=share) for part, share in zip(alone.values(), shares.tolist(), strict=True)]
        return _judge_mixture(mixed, fallback, some)

    if len(users) < _FEWEST_MIXED:
        shares = np.eye(n_models)[[*alone].index(FALLBACK)]
        return _Shares(shares, [judge_by(shares, users)] if len(users) else [], [users.users])
    mixers = users.draw(MOST_ASKED, seed)
    mixture = mix(make_pool(mixers, [*alone.values()], fallback), seed=seed)
    folds = [mixers[np.flatnonzero(mixture.fold == k)] for k in range(len(mixture.crossed))]
    judged = [judge_by(shares, own) for shares, own in zip(mixture.crossed, folds, strict=True)]
    rest = users[np.flatnonzero(~np.isin(users.users, mixers.users))]
    judged += [judge_by(mixture.shares, rest)] if len(rest) else []
    return _Shares(mixture.shares, judged, [*(own.users for own in folds), rest.users])


def _put_together(judged: Sequence[Judged], users: IntArray) -> Judged:
    """How lists of all users fare, in ascending order of users."""
    order = np.argsort(users)
    by_user = {name: np.concatenate([own.by_user[name] for own in judged])[order] for name in judged[0].by_user}
    return Judged(by_user, np.sum([own.listed for own in judged], axis=0))


def _group_by_history(judged: Judged, asked: Asked) -> list[HistoryGroup]:
    """How lists fare by how many events were known of users."""
    known = asked.given.n_events
    groups = []
    for fewest, beyond in zip(_HISTORIES, (*_HISTORIES[1:], None), strict=True):
        own = (known >= fewest) & (known < (np.inf if beyond is None else beyond))
        if own.sum() >= _FEWEST_SHOWN:
            metrics = {name: mean_of_users(values[own], name) for name, values in judged.by_user.items()}
            groups.append(HistoryGroup(fewest, None if beyond is None else beyond - 1, int(own.sum()), metrics))
    return groups


def _learn_again(events: Interactions, chosen: dict[str, Chosen], parts: dict[str, Part], control: Control) -> dict[str, Part]:
    """The models that count, and the fallback, learned from all events."""
    kept = {name: part for name, part in parts.items() if part.share or part.new_share or name == FALLBACK}
    learned = {}
    for name, part in kept.items():
        control.check()
        learned[name] = part._replace(scorer=METHODS[name].fit(events, chosen[name].settings))
        control.report(Progress(LEARNING, len(learned) / len(kept), None))
    return learned


def _explain_mixture(mixed: _Mixed) -> str:
    """Why these models answer, in a sentence."""
    shares = {name: part.share for name, part in mixed.parts.items() if part.share}
    found = f"found most of what came of {mixed.n_users:,} users"
    if len(shares) == 1:
        return f"{METHODS[min(shares)].title} {found}, and no mixture found more"
    named = ", ".join(f"{METHODS[name].title} {share:.0%}" for name, share in sorted(shares.items(), key=lambda item: -item[1]))
    low, high = mixed.gain.low or 0.0, mixed.gain.high or 0.0
    beyond = "beyond doubt" if low > 0 else "within its doubt"
    change = f"NDCG@{LISTED} {mixed.gain.value:+.4f} beside {METHODS[mixed.best].title} alone"
    return f"{named} {found}; {change}, {beyond} ({low:+.4f} to {high:+.4f})"


def _test(plan: RankingPlan, parts: dict[str, Part]) -> tuple[dict[str, Metric], int]:
    """Metrics of the users of the test, and how many they are; nothing where there is no test."""
    if plan.tested is None:
        return {}, 0
    asked = ask_of(plan.events, plan.tested).draw(_count_judged(plan.events), plan.seed)
    if not len(asked):
        return {}, 0
    judged = _judge_mixture([*parts.values()], parts[FALLBACK], asked)
    popularity = np.bincount(plan.events.item, minlength=len(plan.events.items))
    return summarise(judged, popularity, len(plan.events)), len(asked)
