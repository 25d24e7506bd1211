"""How values of pictures become bytes, by a first look at some of them: `choose_tones`."""

from __future__ import annotations

from weights.data.files.places import Content
from weights.data.files.sample import Sample
from weights.data.image.column import USUAL_TONES, Tones
from weights.data.image.decoding import Range, measure_range

_DIM = 31
"""Highest value up to which pictures with 8 bits are masks or counts rather than dark (our choice)."""
_WHITE_INK = 224
"""Mean grey from which on what is not transparent would not be seen over white (our choice)."""
_TRANSPARENT = 0.98
"""Share of opaque area below which a picture is drawn on nothing."""


def choose_tones(sample: Sample) -> Tones:
    """What is white in all pictures, and what lies behind transparent ones.

    White is the end of the bits that occur: with values up to 3,900 in 16 bits it is 4,095, in masks of 0 and 1 it is 1. Pictures
    drawn with white ink on nothing are laid over black.
    """
    is_bright = False

    def measure(content: Content) -> Range | None:
        nonlocal is_bright
        measured = measure_range(content) if not is_bright or _may_differ(content) else None
        is_bright = is_bright or (measured is not None and measured.highest > _DIM)
        return measured

    ranges = [measured for measured in sample.probe(measure) if measured is not None]
    highest, highest_16 = (max((getattr(each, name) for each in ranges), default=0) for name in ("highest", "highest_16"))
    drawn = [each.ink for each in ranges if 0 < each.area < _TRANSPARENT]
    return Tones(
        _end_of_bits(highest) if 0 < highest <= _DIM else USUAL_TONES.white,
        _end_of_bits(highest_16) if highest_16 else USUAL_TONES.white_16,
        0 if drawn and sum(drawn) / len(drawn) >= _WHITE_INK else USUAL_TONES.backdrop,
    )


def remark_on_tones(tones: Tones) -> list[str]:
    """What is said of tones that are not the usual ones.

    Example:
        >>> remark_on_tones(Tones(white_16=4095))
        ['pictures of 16 bits use no value above 4,095, which is shown as white']
    """
    said = []
    if tones.white != USUAL_TONES.white:
        said.append(f"pictures use no value above {tones.white}, which is shown as white")
    if tones.white_16 != USUAL_TONES.white_16:
        said.append(f"pictures of 16 bits use no value above {tones.white_16:,}, which is shown as white")
    if tones.backdrop != USUAL_TONES.backdrop:
        said.append("pictures are drawn with white on nothing, and were laid over black")
    return said


def _may_differ(content: Content) -> bool:
    """Whether a picture may have 16 bits or transparency, which JPEG has not."""
    return not (isinstance(content, bytes) and content.startswith(b"\xff\xd8"))


def _end_of_bits(highest: int) -> int:
    """The highest number with as many bits."""
    return (1 << highest.bit_length()) - 1
