"""Texts with their words coloured by what they add to the answer: in a terminal, on a page of HTML, and drawn. Nothing is computed here.

Orange raises the answer or the probability that is explained, blue lowers it, the stronger the more.
Records are those of `answering.explanations`.
"""

from __future__ import annotations

import html
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from weights.errors import printable
from weights.inspection.explanation import NOTHING
from weights.report.axes import BELOW_TITLE, MARGIN, lay_out
from weights.report.charts import BLUE, FAINT, INK, ORANGE, SMALL, USUAL, Box, Drawing, Mark, Text, mixed, width_of
from weights.tables import compact

Record = Mapping[str, Any]
_WIDTH, _LETTERS = 640.0, 96
"""Of lines: pixels in a drawing, letters in a terminal."""
_MOST_ROWS = 20
"""Rows that are drawn (our choice)."""
_LISTED = 5
"""Words that are listed with their intervals (our choice)."""
_LINE = 21.0
_PALE = 0.08
"""Share of the strongest contribution of a text below which a word has no colour."""
_STRENGTHS = ((0.6, "\x1b[48;5;208m\x1b[38;5;16m", "\x1b[48;5;75m\x1b[38;5;16m"), (0.25, "\x1b[38;5;208m", "\x1b[38;5;75m"))
"""From which share of the strongest contribution on words of a terminal look how, if they speak for the answer or against it."""
_PLAIN = "\x1b[0m"


def texts_of(record: Record) -> list[Record]:
    """The parts of an explained row that are texts with words."""
    return [part for part in record["contributions"] if part.get("words")]


def text_lines(record: Record, *, color: bool) -> Iterator[str]:
    """The texts of an explained row, its strongest words with their intervals, and what is answered without some."""
    for part in texts_of(record):
        yield f"  {printable(part['feature'])}"
        yield from (f"    {line}" for line in _wrap(part["words"], color=color))
        told = (word for word in part["words"] if abs(word["contribution"]) > NOTHING)
        for word in sorted(told, key=lambda word: -abs(word["contribution"]))[:_LISTED]:
            interval = "" if word["low"] is None else f"  [{_signed(word['low'])} {_signed(word['high'])}]"
            yield f"    {_signed(word['contribution']):>9}{interval}  {printable(word['word'])}"
        if part["without"]:
            removed = ", ".join(f"'{printable(word)}'" for word in part["without"]["words"])
            yield f"    without {removed} the answer is {compact(part['without']['prediction'])}"


def _wrap(words: Sequence[Record], *, color: bool) -> Iterator[str]:
    """The words in lines, coloured, or without colours the strongest in brackets: [+word], [-word]."""
    largest, line, length = _find_largest(words), "", 0
    for word in words:
        share, shown = word["contribution"] / largest, printable(word["word"])
        look = next((looks[share < 0] for least, *looks in _STRENGTHS if abs(share) >= least), "")
        marked = f"[{'-' if share < 0 else '+'}{shown}]" if look and not color else shown
        blank = " " if word["spaced"] and line else ""
        if length + len(blank) + len(marked) > _LETTERS and line:
            yield line
            line, length, blank = "", 0, ""
        line += blank + (f"{look}{marked}{_PLAIN}" if look and color else marked)
        length += len(blank) + len(marked)
    if line:
        yield line


def texts_page(records: Sequence[Record], titles: Sequence[str]) -> str:
    """The same as a page of HTML that stands alone: no script, no other file; a word's contribution shows where it is pointed at."""
    parts = [_page_row(record, title) for record, title in zip(records, titles, strict=True)]
    return _PAGE.replace("ROWS", "\n".join(parts))


def _page_row(record: Record, title: str) -> str:
    features = "".join(
        f"<tr><td>{html.escape(printable(part['feature']))}</td><td>{html.escape(_show_value(part))}</td>"
        f"<td class='n'>{_signed(part['contribution'])}</td><td class='n'>{_show_interval(part)}</td></tr>"
        for part in record["contributions"]
    )
    table = f"<table><tr><th>feature</th><th>value</th><th class='n'>contribution</th><th class='n'>interval</th></tr>{features}</table>"
    return f"<section><h2>{html.escape(title)}</h2>{table}{''.join(map(_page_text, texts_of(record)))}</section>"


def _page_text(part: Record) -> str:
    largest, shown = _find_largest(part["words"]), []
    for word in part["words"]:
        share = word["contribution"] / largest
        says = f"{_signed(word['contribution'])} {_show_interval(word)}".strip()
        color = f" style='background:{_color(share)}'" if abs(share) >= _PALE else ""
        shown.append(
            f"{' ' if word['spaced'] else ''}<span title='{html.escape(says)}'{color}>{html.escape(printable(word['word']))}</span>"
        )
    without = ""
    if part["without"]:
        removed = ", ".join(f"<q>{html.escape(printable(word))}</q>" for word in part["without"]["words"])
        without = f"<p class='w'>Without {removed} the answer is {compact(part['without']['prediction'])}.</p>"
    return f"<h3>{html.escape(printable(part['feature']))}</h3><p class='t' dir='auto'>{''.join(shown).strip()}</p>{without}"


_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>What answers rest on</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#1b1f24;background:#fff}
h1{font-size:1.3rem}h2{font-size:1.05rem;border-top:1px solid #d0d7de;padding-top:1rem}h3{font-size:.9rem;color:#5f6b76;margin-bottom:.2rem}
.t{font-size:1.05rem;line-height:1.9;white-space:pre-wrap;overflow-wrap:anywhere}.t span{border-radius:3px;padding:1px 2px}
table{border-collapse:collapse;font-size:.85rem}td,th{padding:.1rem 1rem .1rem 0;text-align:left}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.w{color:#5f6b76;font-size:.9rem}
</style>
<h1>What answers rest on</h1>
<p class="w">Orange words raise the answer, or the probability that is named, blue ones lower it, the stronger the more; point at one for
its contribution and its interval. Contributions of words add up to that of their text, those of features to the answer.</p>
ROWS
</html>
"""


def texts_figure(records: Sequence[Record], titles: Sequence[str]) -> Drawing:
    """The texts of explained rows, one below the other, each word on its colour."""
    marks: list[Mark] = []
    top = BELOW_TITLE
    for record, title in zip(records[:_MOST_ROWS], titles, strict=False):
        marks.append(Text(MARGIN, top, title, bold=True))
        top += 8
        for part in texts_of(record):
            own, top = _draw_text(part, top)
            marks += own
        top += 26
    n_left = len(records) - _MOST_ROWS
    more = f" {n_left:,} more rows." if n_left > 0 else ""
    caption = f"Orange words speak for what is answered, blue ones against it; full colour: the strongest of the text.{more}"
    return lay_out(marks, title="What answers rest on", caption=caption, width=_WIDTH + 2 * MARGIN, bottom=top + 30)


def _draw_text(part: Record, top: float) -> tuple[list[Mark], float]:
    """The marks of a text, and where they end."""
    marks: list[Mark] = [Text(MARGIN, top + 15, part["feature"], SMALL, FAINT)]
    top, x, largest = top + 20 + _LINE - 5, float(MARGIN), _find_largest(part["words"])
    for word in part["words"]:
        x += 4.0 if word["spaced"] and x > MARGIN else 0.0
        width = width_of(word["word"], USUAL)
        if x + width > MARGIN + _WIDTH and x > MARGIN:
            x, top = float(MARGIN), top + _LINE
        share = word["contribution"] / largest
        if abs(share) >= _PALE:
            marks.append(Box(x - 1, top - 13, width + 2, 17, _color(share)))
        marks.append(Text(x, top, word["word"], USUAL, INK))
        x += width
    if part["without"]:
        removed = ", ".join(f"'{word}'" for word in part["without"]["words"])
        top += _LINE
        marks.append(Text(MARGIN, top, f"without {removed} the answer is {compact(part['without']['prediction'])}", SMALL, FAINT))
    return marks, top


def _find_largest(words: Sequence[Record]) -> float:
    return max((abs(word["contribution"]) for word in words), default=0.0) or 1.0


def _color(share: float) -> str:
    return mixed(ORANGE if share > 0 else BLUE, 0.75 * abs(share))


def _signed(value: float) -> str:
    return f"{'+' if value > 0 else ''}{compact(value)}"


def _show_interval(part: Record) -> str:
    return "" if part["low"] is None else f"[{_signed(part['low'])} {_signed(part['high'])}]"


def _show_value(part: Record) -> str:
    value = part["value"]
    if part.get("words"):
        return f"{len(part['words']):,} words"
    return "missing" if value is None else compact(value) if isinstance(value, float) else printable(str(value))
