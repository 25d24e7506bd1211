"""What is drawn of pictures, and the words of all drawings: each function turns what was found into a `Drawing`, and computes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from weights.data.image.kind import PICTURE
from weights.ensemble import Ensemble, Predictions
from weights.inspection.excitation import Unit
from weights.inspection.gratings import Filter, Filters
from weights.inspection.saliency import Saliency
from weights.report.charts import (
    BLUE,
    FAINT,
    GOLD,
    GREEN,
    INK,
    LARGE,
    LINE,
    ORANGE,
    PURPLE,
    SMALL,
    Box,
    Drawing,
    Line,
    Mark,
    Raster,
    Text,
    diverging,
    fitting,
)
from weights.report.terminal import thinning
from weights.types import AnyArray, BoolArray, FloatArray
from weights.verdicts import Usefulness

_MARGIN, _GAP = 24, 12
_COLOURS = BLUE, GREEN, PURPLE, ORANGE, GOLD
"""Of kinds of filters, in their order; the last, silent, is drawn as a line."""


class Named(NamedTuple):
    """A picture to be shown with the words below it."""

    picture: AnyArray
    above: str
    below: str = ""


def saliency_figure(
    saliencies: Sequence[Saliency], names: Sequence[str], titles: Sequence[str], *, footnote: str = PICTURE.disclaimer
) -> Drawing:
    """Pictures, one below the other, each beside what its answer rests on.

    Args:
        saliencies: one a picture.
        names: of the pictures.
        titles: what is answered, in words.
        footnote: the last line.
    """
    side = 220
    noun = saliencies[0].words.noun
    width = 2 * _MARGIN + 4 * side + 3 * _GAP
    marks: list[Mark] = []
    y = float(_MARGIN)
    for saliency, name, title in zip(saliencies, names, titles, strict=True):
        height = side * saliency.picture.shape[0] / saliency.picture.shape[1]
        marks.append(Text(_MARGIN, y + LARGE, fitting(f"{title}: {name}", width - 2 * _MARGIN - 20, LARGE, middle=True), LARGE, bold=True))
        y += LARGE + 26
        largest = float(np.abs(saliency.mean_occlusion).max())
        _, caption, more, less, _ = saliency.words
        against = f"for it (orange), against (blue); full: {largest:.2g}"
        for i, head in enumerate((caption, against, f"for it if {more}, if {less}", "dark: members disagree")):
            marks.append(Text(_MARGIN + i * (side + _GAP), y, fitting(head, side, SMALL), SMALL, FAINT))
        y += 8
        marks += _panels(saliency, [(_MARGIN + i * (side + _GAP), y, side, height) for i in range(4)])
        y += height + 18
        for words in saliency_words(saliency):
            marks.append(Text(_MARGIN, y, fitting(words, width - 2 * _MARGIN, SMALL), SMALL))
            y += 16
        y += 20
    marks.append(Text(_MARGIN, y, footnote, SMALL, FAINT))
    return Drawing(width, y + _MARGIN, marks, f"What the answers to {len(saliencies)} {noun}s rest on")


def _panels(saliency: Saliency, places: Sequence[tuple[float, float, float, float]]) -> list[Mark]:
    """The picture, the two maps over it, and the agreement, at these places: x, y, width and height."""
    sure = np.clip((saliency.agreement - 0.5) / 0.5, 0.0, 1.0)
    faded, steepest = _faded(saliency.picture), float(np.abs(saliency.mean_gradients).max())
    occlusion = diverging(saliency.mean_occlusion, float(np.abs(saliency.mean_occlusion).max()), 0.85 * sure)
    marks: list[Mark] = [Raster(*places[0], saliency.picture), Raster(*places[1], faded), Raster(*places[2], faded)]
    marks.append(Raster(*places[1], occlusion, smooth=True))
    marks.append(Raster(*places[2], diverging(saliency.mean_gradients, steepest, 0.85), smooth=True))
    marks.append(Raster(*places[3], (70 + 180 * sure[..., None]).round().astype(np.uint8)))
    for place in places[:3]:
        marks += [Line(edge, INK, 1.6) for edge in _outline(saliency.critical, *place)]
    return [*marks, *(Box(*place, edge=LINE) for place in places)]


def saliency_words(saliency: Saliency) -> list[str]:
    """What the maps of a picture say and how far they can be trusted, in sentences."""
    if saliency.without is not None:
        lines = [
            f"Outlined: {saliency.critical.mean():.0%} of the {saliency.words.noun}, within {saliency.where}. "
            f"With it hidden, the answer goes from {answer_words(saliency.prediction)} to {answer_words(saliency.without)}."
        ]
    else:
        lines = ["No place speaks for this answer with most members agreeing."]
    if saliency.members_agree is None:
        return [*lines, "There is one member alone, so that neither agreement nor chance is known."]
    among, left_over, chance = saliency.member_correlation, saliency.randomised[-1].correlation, saliency.chance
    agree = "members look at the same places" if saliency.members_agree else "members look at different places: read little into the maps"
    lines.append(
        f"Rank correlation of two members' maps: occlusion {among.occlusion:.2f} (chance {chance.occlusion:.2f}), "
        f"gradients {among.gradients:.2f} ({chance.gradients:.2f}); {agree}."
    )
    verdicts = saliency.depends_on_weights
    failing = [name for name, passes in verdicts.items() if passes is False]
    open_ones = [name for name, passes in verdicts.items() if passes is None]
    if failing:
        verdict = f"the map of {' and that of '.join(failing)} SHOWS THE {saliency.words.noun.upper()}, NOT WHAT WAS LEARNED"
    elif open_ones:
        verdict = f"members agree too little on {' and '.join(open_ones)} to say by this whether the map depends on what was learned"
    else:
        verdict = "the maps depend on what was learned"
    lines.append(f"With all weights randomised: occlusion {left_over.occlusion:.2f}, gradients {left_over.gradients:.2f}; {verdict}.")
    return lines


def answer_words(answer: float) -> str:
    """A probability, or a value, in three digits; never 1 where it is less.

    Example:
        >>> answer_words(0.99999), answer_words(12.345)
        ('more than 0.999', '12.3')
    """
    return "more than 0.999" if 0.999 < answer < 1 else f"{answer:.3g}"


def filters_figure(filters: Filters, *, most_members: int = 8) -> Drawing:
    """The first layer's filters, a line for each member, sorted and marked by what they respond to."""
    n_members = min(len(filters.by_member), most_members)
    n_units = len(filters.by_member[0])
    across = min(n_units, 32)
    cell, gap = 28, 6
    lines_each = -(-n_units // across)
    left = _MARGIN + 78
    width = max(left + across * (cell + gap) + _MARGIN, 620)
    title = f"What the first layer responds to in a {filters.words.noun}"
    marks: list[Mark] = [Text(_MARGIN, _MARGIN + LARGE, title, LARGE, bold=True)]
    *heard, silent = kinds = [*filters.untrained]
    colours = {**dict(zip(heard, _COLOURS, strict=False)), silent: LINE}
    y = _MARGIN + LARGE + 28.0
    for kind in kinds:
        shares = filters.shares(kind)
        marks.append(Box(_MARGIN, y - 10, 12, 12, colours[kind]))
        spread = f" ± {100 * shares.std(ddof=1):.0f}" if len(shares) > 1 else ""
        words = (
            f"{kind}: {100 * shares.mean():.0f}{spread} % of the filters of a member; {100 * filters.untrained[kind]:.0f} % before training"
        )
        marks.append(Text(_MARGIN + 20, y, words, SMALL))
        y += 18
    y += 10
    for member in range(n_members):
        order = sorted(range(n_units), key=lambda unit: _order_of_kind(filters.by_member[member][unit], kinds))
        marks.append(Text(_MARGIN, y + cell / 2 + 4, f"member {member}", SMALL, FAINT))
        for place, unit in enumerate(order):
            row, column = divmod(place, across)
            x, top = left + column * (cell + gap), y + row * (cell + gap + 4)
            marks.append(Raster(x, top, cell, cell, _filter_pixels(filters.patterns[member, unit])))
            marks.append(Box(x, top + cell + 1, cell, 3, colours[filters.by_member[member][unit].kind]))
        y += lines_each * (cell + gap + 4) + 6
    more = f" {len(filters.by_member) - n_members} more members are not drawn." if len(filters.by_member) > n_members else ""
    words = f"Named by measured responses to {filters.words.stripes}; grey is no weight.{more}"
    marks.append(Text(_MARGIN, y + 10, words, SMALL, FAINT))
    return Drawing(width, y + 10 + _MARGIN, marks, "Filters of the first layer by what they respond to")


def units_figure(
    units: Sequence[Unit], draw: Callable[[int], AnyArray], labels: Sequence[str] | None, *, layer: str, member: int
) -> Drawing:
    """Units of a deeper layer, a line each: the rows that excite it most, with the patch that does so outlined, and below enlarged.

    Args:
        units: what was found.
        draw: gives a row as it is drawn, shape (height, width, channels).
        labels: the class of each in words, or None.
        layer: its name.
        member: its number.
    """
    side, left = 84, _MARGIN + 150
    n_patches = max(len(unit.patches) for unit in units)
    width = max(left + n_patches * (side + _GAP) + _MARGIN, 620)
    title = f"What excites units of {layer} of member {member} most"
    marks: list[Mark] = [_titled(title, width)]
    y = _MARGIN + LARGE + 22.0
    shapes = [draw(patch.row).shape for patch in units[0].patches[:1]]
    height = side * shapes[0][0] / shapes[0][1]
    for unit in units:
        marks.append(Text(_MARGIN, y + 16, f"unit {unit.number}", bold=True))
        if np.isfinite(unit.eta_squared):
            marks.append(Text(_MARGIN, y + 34, f"{100 * unit.eta_squared:.0f} % of its variance", SMALL, FAINT))
            marks.append(Text(_MARGIN, y + 49, "lies between classes", SMALL, FAINT))
        for i, patch in enumerate(unit.patches):
            x, picture = left + i * (side + _GAP), draw(patch.row)
            top, first, bottom, last = patch.box
            marks.append(Raster(x, y, side, height, picture))
            scale_x, scale_y = side / picture.shape[1], height / picture.shape[0]
            box = (x + first * scale_x, y + top * scale_y, (last - first) * scale_x, (bottom - top) * scale_y)
            marks.append(Box(*box, edge=ORANGE, thickness=1.6))
            part = picture[top:bottom, first:last]
            shrink = min(side / part.shape[1], height / part.shape[0])
            marks.append(Raster(x, y + height + 4, part.shape[1] * shrink, part.shape[0] * shrink, part))
            if labels is not None:
                words = fitting(labels[patch.row], side, SMALL)
                marks.append(Text(x, y + 2 * height + 18, words, SMALL, FAINT))
        y += 2 * height + 34
    marks.append(
        Text(_MARGIN, y + 10, "Outlined: the places that hold the gradient of the activation; below, the same enlarged.", SMALL, FAINT)
    )
    return Drawing(width, y + 10 + _MARGIN, marks, title)


def gallery_figure(sorts: Mapping[str, Sequence[Named]], *, title: str, footnote: str) -> Drawing:
    """Pictures by sort, such as right, wrong and uncertain, each with words above and below it."""
    side, across = 96, 8
    width = 2 * _MARGIN + across * side + (across - 1) * _GAP
    marks: list[Mark] = [_titled(title, width)]
    y = _MARGIN + LARGE + 16.0
    for head, shown in sorts.items():
        y += 18
        marks.append(Text(_MARGIN, y, head, bold=True))
        y += 12
        if not shown:
            marks.append(Text(_MARGIN, y + 8, "none", SMALL, FAINT))
            y += 20
        for begin in range(0, len(shown), across):
            line = shown[begin : begin + across]
            height = side * line[0].picture.shape[0] / line[0].picture.shape[1]
            for i, named in enumerate(line):
                x = _MARGIN + i * (side + _GAP)
                marks.append(Raster(x, y, side, height, named.picture))
                marks.append(Text(x, y + height + 14, fitting(named.above, side, SMALL, middle=True), SMALL))
                marks.append(Text(x, y + height + 28, fitting(named.below, side, SMALL, middle=True), SMALL, FAINT))
            y += height + 40
    marks.append(Text(_MARGIN, y + 10, fitting(footnote, width - 2 * _MARGIN, SMALL), SMALL, FAINT))
    return Drawing(width, y + 10 + _MARGIN, marks, title)


def title_figure(ensemble: Ensemble, what: str) -> str:
    """The title of a figure: of which target, from which rows, and what it shows."""
    return f"{ensemble.task.target} from {ensemble.report.source}: {what}"


def describe_rows(predictions: Predictions, *, test: bool = False, usefulness: Usefulness | None = None) -> str:
    """Whose answers are drawn, and where intervals take rows as independent that may not be, in sentences."""
    whose = "Answers to the rows that were for the test only." if test else "Answers of members that never saw the row."
    in_time = usefulness is not None and usefulness.unit == "moments"
    alike = "Intervals take rows as independent; those near in time may be alike, and know less." if in_time else ""
    return " ".join(filter(None, [whose, thinning(predictions), alike]))


def _titled(title: str, width: float) -> Text:
    return Text(_MARGIN, _MARGIN + LARGE, fitting(title, width - 2 * _MARGIN - 20, LARGE), LARGE, bold=True)


def _order_of_kind(filter_: Filter, kinds: Sequence[str]) -> tuple[Any, ...]:
    return kinds.index(filter_.kind), filter_.colours or "", filter_.orientation is None, filter_.orientation or 0.0


def _filter_pixels(pattern: FloatArray) -> AnyArray:
    """A filter as pixels: grey where it has no weight, its largest weight black, white or full colour."""
    largest = np.abs(pattern).max()
    return np.clip(127.5 + 127.5 * pattern / (largest if largest > 0 else 1.0), 0, 255).round().astype(np.uint8)


def _faded(picture: AnyArray) -> AnyArray:
    """A picture in grey and of less contrast, below colours that speak."""
    grey = picture.astype(float).mean(2, keepdims=True)
    return (140 + 0.45 * (grey - 128)).clip(0, 255).round().astype(np.uint8)


def _outline(places: BoolArray, x: float, y: float, width: float, height: float) -> list[list[tuple[float, float]]]:
    """The borders of marked places, as lines over a picture."""
    if not places.any():
        return []
    padded = np.pad(places, 1)
    step_x, step_y = width / places.shape[1], height / places.shape[0]
    lines = []
    for row, column in np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1]):
        lines.append([(x + column * step_x, y + row * step_y), (x + (column + 1) * step_x, y + row * step_y)])
    for row, column in np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1]):
        lines.append([(x + column * step_x, y + row * step_y), (x + column * step_x, y + (row + 1) * step_y)])
    return lines
