"""From ratings to a `Rater`: learned without what is kept apart, judged by it, and learned again from everything."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import msgspec
import numpy as np
import threadpoolctl

from weights.data.interactions.events import Interactions
from weights.dependence import error_of_mean
from weights.ensemble import Report
from weights.rating.biases import fit_biases
from weights.rating.gibbs import Draws, sample_factors
from weights.rating.planning import JUDGING, LEARNING, RatingPlan
from weights.rating.rater import Rater
from weights.recommending.recommender import Tags
from weights.tasks.metrics import score
from weights.tasks.proportions import Metric
from weights.tasks.rating import Rating
from weights.training.control import Control, Progress
from weights.types import FloatArray

DRAWN = "factors"
"""What drawn factors are called beside plainer models."""
_MOST_SCORES = 20_000
"""Ratings kept apart whose errors say how far intervals reach, at most (our choice)."""


def fit_ratings(plan: RatingPlan, control: Control) -> Rater:
    """Learn how users rate items.

    Raises:
        Interrupted: the work was asked to stop.
    """
    begun = time.monotonic()
    with threadpoolctl.threadpool_limits(plan.n_threads):
        judged = _judge(plan, control)
        draws = sample_factors(plan.events, plan.settings, seed=plan.seed, report=_reporting(LEARNING, control))
        rater = _make(plan, draws, judged.scores, judged.report)
        tested = plan.tested
        n_test = 0 if tested is None else len(tested)
        test = _measure(tested, rater.predict(plan.events, tested.user, tested.item).mean) if tested is not None and n_test else {}
    seconds = round(time.monotonic() - begun, 3)
    return replace(rater, report=msgspec.structs.replace(judged.report, test=test, n_test=n_test, seconds=seconds))


class _Judged(NamedTuple):
    """How what was learned without ratings that were kept apart predicts them.

    Attributes:
        scores: how far these lay from what was predicted, in standard deviations, ascending, shape (c,).
        report: with metrics.
    """

    scores: FloatArray
    report: Report


def _judge(plan: RatingPlan, control: Control) -> _Judged:
    """How predictions fare on ratings that were kept apart, beside plainer ones."""
    learned, given, came = (plan.events[np.flatnonzero(part)] for part in (plan.parts.learned, plan.parts.given, plan.parts.came))
    report = plan.begin_report()
    draws = sample_factors(learned, plan.settings, seed=plan.seed, report=_reporting(JUDGING, control))
    rater = _make(plan, draws, np.zeros(0), report)
    predicted = rater.predict(given, came.user, came.item)
    biases = np.clip(fit_biases(learned).predict(came), rater.low, rater.high)
    answers = {DRAWN: predicted.mean, "biases": biases, "mean": np.full(len(came), learned.value.mean())}
    compared = {name: _measure(came, mean) for name, mean in answers.items()}
    scores = np.sort(np.abs(came.value - predicted.mean) / predicted.deviation)
    scores = scores if len(scores) <= _MOST_SCORES else np.quantile(scores, np.linspace(0, 1, _MOST_SCORES))
    decision = _compare(came, predicted.mean, biases)
    return _Judged(scores, msgspec.structs.replace(report, metrics=compared[DRAWN], compared=compared, decision=decision))


def _make(plan: RatingPlan, draws: Draws, scores: FloatArray, report: Report) -> Rater:
    return Rater(
        task=plan.task,
        settings=plan.settings,
        events=plan.events,
        draws=draws,
        scores=scores,
        low=float(plan.events.value.min()),
        high=float(plan.events.value.max()),
        names=plan.items.names,
        tags=Tags(plan.users.columns, plan.items.columns),
        report=report,
    )


def _measure(came: Interactions, mean: FloatArray) -> dict[str, Metric]:
    """The metrics of predictions of ratings, with intervals over users."""
    return score(Rating.metrics, came.value, mean, group=came.user)


def _compare(came: Interactions, mean: FloatArray, biases: FloatArray) -> str:
    """By how much squared errors are less than those of biases, and how sure that is, in a sentence."""
    less = (came.value - biases) ** 2 - (came.value - mean) ** 2
    error = error_of_mean((less - less.mean()) / len(less), np.full(len(less), 1 / len(less)), group=came.user)
    half, value = error.half_width() or np.inf, float(less.mean())
    beyond = "beyond doubt" if value > half else "within its doubt"
    share = value / max(float(np.mean((came.value - biases) ** 2)), 1e-300)
    between = f"{beyond} ({value - half:+.3g} to {value + half:+.3g})"
    return f"factors leave {share:.1%} less squared error than biases of users and items alone, {between}"


def _reporting(name: str, control: Control) -> Callable[[float], None]:
    """What reports the share of rounds that are done of a stage, and raises where the work is to stop."""

    def report(share: float) -> None:
        control.check()
        control.report(Progress(name, share, None))

    return report
