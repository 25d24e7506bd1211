"""What `weights data SOURCE` prints: a line for each column, as wide as the terminal is, and what to look at."""

from __future__ import annotations

import textwrap

from weights.api import Look
from weights.data.dataset import Feature
from weights.data.glance import Glance
from weights.errors import printable
from weights.report.terminal import count_kinds, note_lines
from weights.summary import labelled

USUAL_WIDTH = 120
_LEAST_WIDTH = 60
_WIDEST_NAME, _WIDEST_EXAMPLE = 28, 24


def look_lines(look: Look, width: int = USUAL_WIDTH) -> list[str]:
    """Every column of a table: its kind, missing cells, what it holds, an example, and below it what was remarked and is suspicious.

    Args:
        look: what was found.
        width: of the terminal, in letters.
    """
    width = max(width, _LEAST_WIDTH)
    asks = f"; {look.task.target} asks for a {look.task.kind} task" if look.task else ""
    lines = [labelled(look.source, f"{look.n_samples:,} rows, {count_kinds(look.features)}{asks}")]
    glances = {glance.name: glance for glance in look.columns}
    features = {feature.name: feature for feature in look.features}
    target = [] if look.task is None else [Feature(look.task.target, "target")]
    shown = [*target, *(feature for name, feature in features.items() if look.task is None or name != look.task.target)]
    rows = [["column", "kind", "missing", "least, quartiles, largest; or levels and their rows", "example"]]
    for feature in shown:
        glance = glances.get(feature.name, Glance(feature.name, 0, 0))
        rows.append(
            [printable(feature.name), feature.kind, _missing(glance, look.n_samples), _holds(glance), printable(glance.example or "")]
        )
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    widths[0] = min(widths[0], max(_WIDEST_NAME, width // 5) if width >= USUAL_WIDTH else width // 5)
    left = width - 2 - 2 * 4 - sum(widths[:3])
    widths[4] = min(widths[4], _WIDEST_EXAMPLE, max(left // 4, 8))
    widths[3] = min(widths[3], max(left - widths[4], 8))
    told = {feature.name: [feature.note, *(glances[feature.name].suspicious if feature.name in glances else [])] for feature in shown}
    lines += [*note_lines(look.remarks), _line(rows[0], widths)]
    for row, feature in zip(rows[1:], shown, strict=True):
        lines.append(_line(row, widths))
        for words in filter(None, told[feature.name]):
            lines += textwrap.wrap(printable(words), width, initial_indent="      ", subsequent_indent="      ")
    return lines


def _line(cells: list[str], widths: list[int]) -> str:
    """Cells in columns of these widths, cut where they are longer; the third, of numbers, ends where its column does."""
    cut = [cell if len(cell) <= w else f"{cell[: w - 1]}…" for cell, w in zip(cells, widths, strict=True)]
    return "  " + "  ".join(f"{c:>{w}}" if i == 2 else f"{c:<{w}}" for i, (c, w) in enumerate(zip(cut, widths, strict=True))).rstrip()


def _missing(glance: Glance, n_rows: int) -> str:
    """How many cells are missing, and what share that is."""
    if not glance.n_missing:
        return ""
    return f"{glance.n_missing:,} ({100 * glance.n_missing / max(n_rows, glance.n_missing):.2g} %)"


def _holds(glance: Glance) -> str:
    """Quartiles between the ends, or levels with their rows."""
    if glance.quartiles:
        least, *quartiles, most = glance.quartiles
        return f"{least} [{' '.join(quartiles)}] {most}"
    words = ", ".join(f"{printable(level.label)} {level.n_rows:,}" for level in glance.levels[:4])
    more = glance.n_distinct - min(len(glance.levels), 4)
    if glance.levels:
        return f"{glance.n_distinct} levels: {words}, ..." if more > 0 else words
    return f"{glance.n_distinct:,} different" if glance.n_distinct > 1 else ""
