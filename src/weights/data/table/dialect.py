"""How a text file is cut into rows and cells: its delimiter, and what stands before the table.

`find_dialect` looks at the first lines only; whether all rows agree is seen as they are read.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from weights.data.table.notation import is_plain_number
from weights.errors import DataError

LINE_END = re.compile(r"\r\n|\r|\n")
_DELIMITERS = (",", ";", "\t", "|")
_MOST_BEFORE = 30
_COMMENTS = ("#", "%")
_WORD = re.compile(r'"[^"]*"|\S+')
_NUMBERS_APART = re.compile(r"\d[.,]? {2,}[-+.\d?]")
"""Two numbers with several blanks between, which no other delimiter sets apart."""
_SEPARATOR_SAID = re.compile(r'\ufeff?"?sep=(.)"?\s*', re.IGNORECASE)


class Dialect(NamedTuple):
    """The delimiter of cells; the text before the table, which is not of it; and what to say about that."""

    delimiter: str
    before: str = ""
    remark: str = ""


def find_dialect(sample: str, *, default: str, name: str) -> Dialect:
    """How a file that begins so is cut.

    Args:
        sample: its first lines.
        default: delimiter of a table that has none, of one column.
        name: of the file, for messages.

    Raises:
        DataError: cells are set apart by blanks, of which some cells hold others.

    Example:
        >>> find_dialect("Report of May\\n\\nage,ill\\n31,no\\n47,yes\\n", default=",", name="t.csv")
        Dialect(delimiter=',', before='Report of May\\n\\n', remark="2 lines before the table were skipped, the first 'Report of May'")
    """
    if said := _SEPARATOR_SAID.match(sample):
        return Dialect(said[1], said[0])
    lines = [line for line in LINE_END.split(sample)[:50] if line.strip()]
    if lines and all(map(_NUMBERS_APART.search, lines[1:])) and _by_blanks(lines):
        return Dialect(" ")
    if (delimiter := _delimiter_of(sample)) is not None:
        return Dialect(delimiter)
    if _by_blanks(lines):
        return Dialect(" ")
    for end in _ends_before_table(sample):
        below = LINE_END.split(sample[end:])[:50]
        if not below[0].strip():
            continue
        below = [line for line in below if line.strip()]
        delimiter = _delimiter_of(sample[end:]) or (" " if _by_blanks(below) else None)
        if delimiter is not None and _is_header(_WORD.findall(below[0]) if delimiter == " " else below[0].split(delimiter)):
            before = LINE_END.split(sample[:end])[:-1]
            number = "1 line before the table was" if len(before) == 1 else f"{len(before)} lines before the table were"
            first = next((line.strip(" ,;\t|") for line in before if line.strip(" ,;\t|")), "")
            return Dialect(delimiter, sample[:end], f"{number} skipped, the first '{first[:60]}'")
    if len(lines) > 1 and all(re.search(r"\S\s{2,}\S", line) for line in lines):
        counts = sorted({len(_WORD.findall(line)) for line in lines})
        raise DataError(
            f"The cells of '{name}' are set apart by blanks, but its lines have {counts[0]} to {counts[-1]} words: as many were needed in "
            "each. Quote cells that hold blanks, or write commas or tabs between cells (in pandas: read_fwf(...).to_csv(...))."
        )
    return Dialect(default)


def _delimiter_of(sample: str) -> str | None:
    """The delimiter that cuts the first lines into the same number (above one) of cells, most cells first; None if none does."""
    lines = [line for line in LINE_END.split(re.sub(r'"[^"]*"', "", sample))[:50] if line.strip()]
    agreement: dict[str, tuple[float, int]] = {}
    for delimiter in _DELIMITERS:
        [(cuts, lines_alike)] = Counter(line.count(delimiter) for line in lines).most_common(1) or [(0, 0)]
        if cuts and lines[0].count(delimiter) == cuts and not _is_title(lines[0], delimiter):
            agreement[delimiter] = (round(lines_alike / len(lines), 1), cuts)
    return max(agreement, key=lambda delimiter: agreement[delimiter], default=None)


def _is_title(line: str, delimiter: str) -> bool:
    """Whether a line of three cells or more has something in one of them at most."""
    cells = line.split(delimiter)
    return len(cells) > 2 and sum(bool(cell.strip()) for cell in cells) < 2


def _ends_before_table(sample: str) -> Iterator[int]:
    """Where the first, the second line ends and so on, as long as what is before may be titles, comments or blank."""
    for number, end in enumerate(LINE_END.finditer(sample)):
        line = LINE_END.split(sample[: end.start()])[-1]
        cuts = max(line.count(delimiter) for delimiter in _DELIMITERS)
        titled = any(_is_title(line, delimiter) for delimiter in _DELIMITERS if line.count(delimiter) == cuts)
        if number == _MOST_BEFORE or not (cuts == 0 or titled or line.startswith(_COMMENTS)):
            return
        yield end.end()


def _is_header(cells: list[str]) -> bool:
    """Whether cells may be names of columns: all there, all different, none a number."""
    names = [cell.strip(' "') for cell in cells]
    return all(names) and len({*names}) == len(names) and not any(map(is_plain_number, names))


def _by_blanks(lines: list[str]) -> bool:
    """Whether blanks set cells apart: every line has as many words, and in a place below names, or in two below none, all are numbers."""
    words = [_WORD.findall(line) for line in lines]
    if len(words) < 2 or len({len(row) for row in words}) > 1 or len(words[0]) < 2:
        return False
    below = [*zip(*words[1:], strict=True)]
    n_numeric = sum(all(map(_is_number_or_none, cells)) and any(map(is_plain_number, cells)) for cells in below)
    return n_numeric > (0 if _is_header(words[0]) else 1)


def _is_number_or_none(word: str) -> bool:
    return word in ("?", "NA", "NaN", "nan", ".") or is_plain_number(word)
