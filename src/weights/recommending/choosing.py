"""Which settings of a model find most of what was kept apart: one after the other is moved along its ladder as far as that gains."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgspec

from weights.data.interactions.events import Interactions
from weights.recommending.judging import Asked, mean_loss
from weights.recommending.methods import Ladder, Method, Scorer

_LEAST_GAIN = 1e-4
"""Of NDCG@100, for which settings are moved (our choice)."""
_MOST_LOSS = 1e-3
"""Of NDCG@100, that a step up may cost which pays with the events that were kept apart, and a step down must gain (our choice)."""
_N_TURNS = 2
"""Turns through all ladders, at most: what one setting should be depends on the others."""


class Chosen(NamedTuple):
    """A model with the settings that were chosen.

    Attributes:
        settings: of the model. scorer: learned with them from what was not kept apart.
        loss: one minus NDCG@100. tried: how many settings were judged.
    """

    settings: Any
    scorer: Scorer
    loss: float
    tried: int


def choose(
    method: Method,
    learned: Interactions,
    asked: Asked,
    few: Asked,
    *,
    given: Mapping[str, Any],
    check: Callable[[], None] = lambda: None,
) -> Chosen:
    """The settings of a model that lose least of lists.

    Args:
        method: the model.
        learned: events to learn from.
        asked: users whose lists are judged.
        few: users of whom little is known, who judge of settings that are for such.
        given: settings that were said, which are not moved.
        check: raises where the work is to stop.
    """
    ladders = {name: ladder for name, ladder in method.ladders.items() if name not in given and ladder.acts(learned)}
    settings = msgspec.structs.replace(method.settings(), **given)
    losses: dict[tuple[Any, bool], float] = {}
    kept: dict[Any, Scorer] = {}

    def loss_of(settings: Any, by_few: bool = False) -> float:
        if (settings, by_few) not in losses:
            check()
            scorer = kept[settings] if settings in kept else method.fit(learned, settings)
            losses[settings, by_few] = mean_loss(scorer.score, few if by_few else asked)
            if losses[settings, by_few] == min(loss for (_, judges), loss in losses.items() if judges is by_few):
                kept.clear()
                kept[settings] = scorer
        return losses[settings, by_few]

    for _ in range(_N_TURNS):
        before = settings
        for name, ladder in ladders.items():
            settings = _move(settings, name, ladder, functools.partial(loss_of, by_few=ladder.few and len(few) > 0))
        if settings == before:
            break
    loss = loss_of(settings)
    return Chosen(settings, kept[settings] if settings in kept else method.fit(learned, settings), loss, len(losses))


def _move(settings: Any, name: str, ladder: Ladder, loss_of: Callable[[Any], float]) -> Any:
    """Settings after one was moved along its ladder, up or down, as long as that gains."""
    usual = getattr(settings, name)
    for step in (1, -1):
        needed = -step * _MOST_LOSS if ladder.grows else _LEAST_GAIN
        place = ladder.values.index(usual) + step
        while 0 <= place < len(ladder.values):
            moved = msgspec.structs.replace(settings, **{name: ladder.values[place]})
            if loss_of(moved) > loss_of(settings) - needed:
                break
            settings, place = moved, place + step
        if getattr(settings, name) != usual:
            break
    return settings
