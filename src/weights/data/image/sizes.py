"""Which size and how many channels the images of a source get, by a first look at some of them."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from weights.data.files.sample import Sample
from weights.data.image.column import LEAST_SIDE
from weights.data.image.decoding import dimensions, is_grey

USUAL_SIDE, _SIDES_BY = 64, 8
"""Images of several sizes, or larger ones, become squares of at most this side, a multiple of 8 (our choice)."""


class SizeChoice(NamedTuple):
    """Height and width that all images get, and a remark if these are not theirs."""

    size: tuple[int, int]
    remarks: list[str]


def choose_size(sample: Sample) -> SizeChoice:
    """The images' own size where they have one small size; otherwise a square of the side that half of them have."""
    sizes = [size for size in sample.probe(dimensions) if size is not None]
    if len(set(sizes)) == 1 and min(sizes[0]) >= LEAST_SIDE and max(sizes[0]) <= USUAL_SIDE:
        return SizeChoice(sizes[0], [])
    if not sizes:
        return SizeChoice((USUAL_SIDE, USUAL_SIDE), [])
    side = min(-(-int(np.median([max(size) for size in sizes])) // _SIDES_BY) * _SIDES_BY, USUAL_SIDE)
    return SizeChoice((side, side), [remark_on_sizes(sizes, sample.n_files, side)])


def choose_channels(sample: Sample) -> int:
    """3 if some images have colour, and 1 otherwise."""
    with contextlib.closing(sample.probe(is_grey)) as greys:
        return 3 if any(grey is False for grey in greys) else 1


def remark_on_sizes(sizes: Sequence[tuple[int, int]], n_images: int, side: int) -> str:
    """A remark about images of which some had these heights and widths, and all became squares.

    Example:
        >>> remark_on_sizes([(30, 20), (40, 40), (30, 20)], 3, 32)
        'pictures of 2 sizes from 30 x 20 to 40 x 40 became 32 x 32 (--picture-size)'
    """
    ordered = sorted(set(sizes), key=lambda size: (size[0] * size[1], size))
    smallest, largest = (f"{height:,} x {width:,}" for height, width in (ordered[0], ordered[-1]))
    looked = "" if len(sizes) >= n_images else f" (of {len(sizes):,} looked at)"
    theirs = f"{len(ordered):,} sizes from {smallest} to {largest}{looked}" if len(ordered) > 1 else smallest
    return f"pictures of {theirs} became {side} x {side} (--picture-size)"
