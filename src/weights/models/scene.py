"""Rows as images on which maps are drawn: `Scene`, what an architecture that reads places says of a row it is asked about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from weights.types import AnyArray, BoolArray, FloatArray


class SceneWords(NamedTuple):
    """What is said of images: what one is called, what stands above it, what places are with more and with less in them, and stripes."""

    noun: str = "picture"
    caption: str = "picture"
    more: str = "brighter"
    less: str = "darker"
    stripes: str = "gratings"


class Liking(NamedTuple):
    """What excites a filter of the first layer most.

    Attributes:
        colour: whether a difference of colours does, more than one of brightness.
        orientation: of the stripes it prefers, degrees counterclockwise from horizontal, below 180; None without a preference.
        width: of the filter, in periods of these stripes.
        is_flat: whether stripes of all directions excite it nearly alike.
    """

    colour: bool
    orientation: float | None
    width: float
    is_flat: bool


SILENT = "silent"
"""Filters that next to nothing excites."""


class FilterNames(NamedTuple):
    """What filters are called: all names there are, without `SILENT`, and the one for what a filter likes."""

    every: tuple[str, ...]
    name: Callable[[Liking], str]


class Scene(NamedTuple):
    """A row as an image, and rows in which places of it are hidden.

    Attributes:
        block: that is looked at.
        words: what is said of it.
        image: of which gradients are taken, shape (height, width, channels).
        shown: how it is drawn, uint8, of the same shape.
        width: how far across there is something, of which maps are made.
        at_images: (images, float32, (n, height, width, channels)) -> blocks of rows of these images; the gradient is that of `block`.
        as_images: (gradients by `block`) -> their values at each place, (n, height, width, channels).
        hide: (places, (n, height, width)) -> the block of rows in which these are hidden.
        locate: (places, (height, width)) -> where these are, in words.
        rest, contrast: what images hold where nothing is shown, and by how much more and less where something is.
        filter_names: of the first layer's filters, by what they respond to.
        listen: (places, (height, width)) -> these alone as sound, int16, shape (t,), and its rate; None where there is nothing to hear.
    """

    block: str
    words: SceneWords
    image: FloatArray
    shown: AnyArray
    width: int
    at_images: Callable[[FloatArray], dict[str, Any]]
    as_images: Callable[[FloatArray], FloatArray]
    hide: Callable[[BoolArray], AnyArray]
    locate: Callable[[BoolArray], str]
    rest: float
    contrast: float
    filter_names: FilterNames
    listen: Callable[[BoolArray], tuple[AnyArray, int]] | None = None


def box_of(places: BoolArray) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of the places that are marked, the last two outside."""
    rows, columns = (np.flatnonzero(places.any(axis)) for axis in (1, 0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1
