"""Texts as a medium of labelled files: a folder or a zip of .txt files, usually in one folder for each class.

`holds_texts` says what is one, `TEXT_FILES` how it is read, and `read_new_texts` reads whatever comes to be answered.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from weights.data.files.labelled import FILE_NAMES, read_files, rename_columns
from weights.data.files.medium import DecodedFile, Form, Medium, holds_mostly
from weights.data.files.places import read_content
from weights.data.files.sample import Sample
from weights.types import ReportProgress

COLUMN = "text"
"""The column that files of texts become."""
_ENDINGS = (".txt", ".text")
_OTHER = "in no Unicode, and read as Western European (Windows-1252)"
_NUL = "with NUL characters, which were left out"


@dataclass(frozen=True, kw_only=True)
class TextOptions:
    """How files of texts are to be read.

    Attributes:
        strict: refuse a file that cannot be read, instead of leaving it out.
        report_progress: called now and then with the share of files that is done.
    """

    strict: bool = False
    report_progress: ReportProgress = lambda share: None


def _choose_form(sample: Sample, options: TextOptions) -> Form:
    return Form(pa.field(COLUMN, pa.string()), _decode, [])


TEXT_FILES: Medium[TextOptions] = Medium(
    name="text",
    plural="texts",
    formats=dict.fromkeys(_ENDINGS, "text"),
    needed="TXT",
    bundles=(),
    most_bytes=20_000_000,  # our choice: a book takes a twentieth of it
    small_bytes=1 << 30,
    choose_form=_choose_form,
    oddities=(_OTHER, _NUL),
)


def holds_texts(source: Any) -> bool:
    """Whether a source is a folder, or a zip but not of a table, most of whose files are texts by their names.

    Example:
        >>> holds_texts("letter.txt"), holds_texts({"x": [1]})
        (False, False)
    """
    return holds_mostly(source, TEXT_FILES)


def read_new_texts(data: Any, name: str, read: Callable[[Any], pa.Table]) -> pa.Table:
    """Texts to be answered, in a column of this name: from a folder or a zip of files, a file that is one text, or a table.

    Args:
        data: the source.
        name: of the column.
        read: makes a table of a path or a frame.
    """
    if holds_texts(data):
        return rename_columns(read_files(Path(data), TEXT_FILES, TextOptions(strict=True)), {COLUMN: name})
    if isinstance(data, str | os.PathLike) and Path(data).suffix.lower() in _ENDINGS and Path(data).is_file():
        content = read_content(Path(data), TEXT_FILES.most_bytes)
        text = content if isinstance(content, str) else _decode(content)
        if isinstance(text, DecodedFile) and name not in str(text.values[0]).split("\n", 1)[0]:
            return pa.table({name: pa.array(text.values, pa.string()), FILE_NAMES: [Path(data).name]})
    return read(data)


def _decode(content: bytes | np.ndarray) -> DecodedFile | str:
    """The text of a file: UTF-8, UTF-16 where its first bytes say so, else Windows-1252."""
    raw, oddities = bytes(content), []
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = raw.decode("utf-16", "replace")
    else:
        try:
            text = raw.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = raw.decode("cp1252", "replace")
            oddities.append(_OTHER)
    if "\0" in text:
        text = text.replace("\0", "")
        oddities.append(_NUL)
    return DecodedFile(np.asarray([text], object), "text", tuple(oddities))
