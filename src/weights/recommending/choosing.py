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
_ALIKE = 5e-4
"""Of NDCG@100, up to which a setting finds about as much as another (our choice)."""
_N_TURNS = 2
"""Turns through all ladders, at most: what one setting should be depends on the others."""


class Curve(msgspec.Struct, frozen=True):
    """How lists fare along a setting, all others as chosen.

    Attributes:
        values: that were tried, ascending. gains: NDCG@100 of each.
        chosen: which was. follows: as `Ladder` has it.
    """

    values: list[float]
    gains: list[float]
    chosen: float
    follows: int

    @property
    def verdict(self) -> str:
        """What the next value on either side does to lists, in words."""
        at = self.values.index(self.chosen)
        words = [f"{self.chosen:g} is chosen"]
        for side in (-1, 1):
            if 0 <= at + side < len(self.values):
                change, does = self.gains[at + side] - self.gains[at], "overfits" if side * self.follows > 0 else "underfits"
                words.append(f"{self.values[at + side]:g} {does if change < -_ALIKE else 'finds about as much'} ({change:+.4f})")
        return ", ".join(words)


class Chosen(NamedTuple):
    """A model with the settings that were chosen.

    Attributes:
        settings: of the model. scorer: learned with them from what was not kept apart.
        loss: one minus NDCG@100. tried: how many settings were judged.
        curves: how lists fare along each setting by which a model follows the data more or less closely.
    """

    settings: Any
    scorer: Scorer
    loss: float
    tried: int
    curves: dict[str, Curve]


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
    scorer = kept[settings] if settings in kept else method.fit(learned, settings)
    curves = {name: _draw_curve(settings, name, ladder, losses) for name, ladder in ladders.items() if ladder.follows}
    return Chosen(settings, scorer, loss, len(losses), curves)


def _draw_curve(settings: Any, name: str, ladder: Ladder, losses: Mapping[tuple[Any, bool], float]) -> Curve:
    """How lists fare along a setting, as far as it was tried with all others as chosen."""
    along = [(value, losses.get((msgspec.structs.replace(settings, **{name: value}), False))) for value in ladder.values]
    tried = [(float(value), 1.0 - loss) for value, loss in along if loss is not None]
    return Curve([value for value, _ in tried], [gain for _, gain in tried], float(getattr(settings, name)), ladder.follows)


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
