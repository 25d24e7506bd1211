"""From interactions to a `Recommender`: settings of each model chosen, models mixed, and all learned again from everything."""

from __future__ import annotations

import time
from dataclasses import replace

import msgspec
import numpy as np
import threadpoolctl

from weights.data.interactions.events import Interactions
from weights.recommending.choosing import Chosen, choose
from weights.recommending.groupshares import FEWEST_MIXED, LEAST_SHARE, MIXED, Mixed, mix_by_group
from weights.recommending.histories import FEW, draw_group
from weights.recommending.judging import Asked, ask_of, judge, summarise
from weights.recommending.methods import FALLBACK, METHODS
from weights.recommending.mixing import Part
from weights.recommending.newitems import fit_new_items
from weights.recommending.plan import CHOOSING, LEARNING, MIXING, MOST_ASKED, MOST_LEARNED, RankingPlan
from weights.recommending.recommender import Recommender, Tags
from weights.tasks.proportions import Metric
from weights.tasks.ranking import LISTED
from weights.training.control import Control, Progress

_MOST_JUDGED, _MOST_SCORES = 10_000, 50_000_000
"""Users by whom lists are judged, and scores of these, at most (our choice)."""


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
        mixed = mix_by_group(chosen, learned, asked, plan.seed)
        control.report(Progress(MIXING, 1.0, None))
        report = msgspec.structs.replace(
            plan.begin_report(),
            metrics=mixed.metrics[MIXED],
            compared=mixed.metrics,
            decision=_explain_mixture(mixed),
            remarks=[*plan.remarks, *said],
        )
        recommender = Recommender(
            task=plan.task,
            events=plan.events,
            parts=_learn_again(plan.events, chosen, mixed.parts, control),
            names=plan.items.names,
            tags=Tags(plan.users.columns, plan.items.columns),
            groups=mixed.groups,
            report=report,
            curves={name: own.curves for name, own in chosen.items() if own.curves},
            new_items=fit_new_items(plan.events, mixed.tag_penalty),
        )
        test, n_test = _test(plan, recommender)
        report = msgspec.structs.replace(report, test=test, n_test=n_test, seconds=round(time.monotonic() - begun, 3))
    return replace(recommender, report=report)


def _count_judged(events: Interactions) -> int:
    """By how many users lists are judged, at most."""
    return min(_MOST_JUDGED, max(_MOST_SCORES // len(events.items), MOST_ASKED))


def _thin(learned: Interactions, seed: int) -> tuple[Interactions, list[str]]:
    """The events by which settings are chosen: all, or those of users drawn at random where they are very many; and that in words."""
    if len(learned) <= MOST_LEARNED:
        return learned, []
    by_user = learned.n_events
    order = np.random.default_rng(seed).permutation(len(by_user))
    chosen = order[np.cumsum(by_user[order]) <= MOST_LEARNED]
    said = f"settings are chosen, and lists judged, with what {len(chosen):,} users drawn at random teach; what answers learned from all"
    return learned.of_users(np.sort(chosen)), [said]


def _choose_all(plan: RankingPlan, learned: Interactions, asked: Asked, control: Control) -> dict[str, Chosen]:
    """Each model with the settings that find most, learned from what was not kept apart."""
    chosen: dict[str, Chosen] = {}
    known = asked[np.flatnonzero(asked.given.n_events)]
    known = known if len(known) >= FEWEST_MIXED else asked
    few = draw_group(asked, FEW, MOST_ASKED, plan.seed)
    for name in plan.settings.models:
        control.check()
        own = asked if name == FALLBACK else known
        chosen[name] = choose(METHODS[name], learned, own, few, given=plan.settings.given.get(name, {}), check=control.check)
        control.report(Progress(CHOOSING, len(chosen) / len(plan.settings.models), chosen[name].loss))
    return chosen


def _learn_again(events: Interactions, chosen: dict[str, Chosen], parts: dict[str, Part], control: Control) -> dict[str, Part]:
    """The models that count, and the fallback, learned from all events."""
    kept = {name: part for name, part in parts.items() if any(part.shares) or name == FALLBACK}
    learned = {}
    for name, part in kept.items():
        control.check()
        learned[name] = part._replace(scorer=METHODS[name].fit(events, chosen[name].settings))
        control.report(Progress(LEARNING, len(learned) / len(kept), None))
    return learned


def _explain_mixture(mixed: Mixed) -> str:
    """Why these models answer, in a sentence."""
    shares = {name: share for name, share in mixed.shares.items() if share >= LEAST_SHARE}
    named = ", ".join(f"{METHODS[name].title} {share:.0%}" for name, share in sorted(shares.items(), key=lambda item: -item[1]))
    low, high = mixed.gain.low or 0.0, mixed.gain.high or 0.0
    beyond = "beyond doubt" if low > 0 or high < 0 else "within its doubt"
    change = f"NDCG@{LISTED} {mixed.gain.value:+.4f} beside {METHODS[mixed.best].title} alone"
    return f"for the {mixed.n_users:,} users who judge, in the mean {named}: {change}, {beyond} ({low:+.4f} to {high:+.4f})"


def _test(plan: RankingPlan, recommender: Recommender) -> tuple[dict[str, Metric], int]:
    """Metrics of the users of the test, and how many they are; nothing where there is no test."""
    if plan.tested is None:
        return {}, 0
    asked = ask_of(plan.events, plan.tested).draw(_count_judged(plan.events), plan.seed)
    if not len(asked):
        return {}, 0
    return summarise(judge(recommender.score, asked), recommender.popularity, len(plan.events)), len(asked)
