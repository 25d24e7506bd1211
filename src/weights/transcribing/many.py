"""Transcripts of many recordings at once, and how good they are: `list_recordings` finds them, `transcribe_each` hears them.

Recordings come as a folder, or as a table that names files; where a column of it holds what is said, `judge` counts word errors.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from weights.data.audio.decoding import FORMAT_OF_SUFFIX, FORMATS_IN_WORDS
from weights.data.audio.medium import RECORDINGS
from weights.data.audio.stream import find_faults
from weights.data.files.naming import find_column, folder_of
from weights.data.steering import read_group
from weights.data.table.columns import as_text
from weights.data.table.read import is_table_name, read_table
from weights.ensemble import Ensemble
from weights.errors import DataError, NotFoundError, UsageError, listed, printable, suggest
from weights.tasks.transcripts import split_words
from weights.tasks.worderrors import WordErrors, count_word_errors
from weights.transcribing.sources import read_pieces
from weights.transcribing.transcriber import Transcriber, Word, transcribe
from weights.types import IntArray


class Listed(NamedTuple):
    """Recordings: their names and paths, what is said in each as words, None where that is missing, and codes of who speaks, (n,)."""

    names: list[str]
    paths: list[Path]
    said: list[list[str] | None] | None = None
    group: IntArray | None = None


class Transcripts(NamedTuple):
    """What was heard in recordings: their names, the words of each, and, where it is known, what was said, as words, and the errors."""

    names: list[str]
    words: list[list[Word]]
    errors: WordErrors | None = None
    said: list[list[str] | None] | None = None


def holds_many(source: Any) -> bool:
    """Whether a source is a folder or a table of recordings, not one recording.

    Example:
        >>> holds_many("call.wav"), holds_many("calls.csv"), holds_many("-")
        (False, True, False)
    """
    if isinstance(source, pa.Table):
        return True
    if not isinstance(source, str | os.PathLike) or os.fspath(source) == "-":
        return False
    return Path(source).is_dir() or is_table_name(Path(source))


def list_recordings(source: Any, *, said: str | None = None, group: str | None = None) -> Listed:
    """The recordings of a folder, or of the rows of a table.

    Args:
        source: path of a folder or a table, or a table in memory.
        said: the column of what is said in them; None where that is not known.
        group: the column of who speaks, or of what else belongs together.

    Raises:
        NotFoundError: there is none, or no such column. DataError: no column names recordings, or cells are missing.
        UsageError: a folder has no columns.
    """
    if group is not None and said is None:
        raise UsageError("Who speaks matters where errors are counted. Name the column of what is said, too (--said).")
    if isinstance(source, str | os.PathLike) and Path(source).is_dir():
        if said is not None or group is not None:
            raise UsageError("What is said, or who speaks, stands in a table that names the files, but a folder came. Give a table.")
        folder = Path(source)
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in FORMAT_OF_SUFFIX and path.is_file())
        if not paths:
            raise DataError(f"The folder '{printable(str(source))}' holds no recordings. Name one with {FORMATS_IN_WORDS} files.")
        return Listed([str(path.relative_to(folder)) for path in paths], paths)
    named = [name for name in (said, group) if name is not None]
    table = read_table(source, verbatim=named)
    for name in named:
        if name not in table.column_names:
            raise NotFoundError(f"There is no column '{printable(name)}' in the table. {suggest(name, table.column_names)}")
    folder = folder_of(source)
    column = find_column(table, folder, RECORDINGS, excluded=named)
    if column is None:
        raise DataError(f"A column must name recordings, but none does. Call them by their files' names ({FORMATS_IN_WORDS}).")
    names = as_text(table[column]).to_pylist()
    if (row := next((row for row, name in enumerate(names, start=1) if name is None), None)) is not None:
        raise DataError(f"Each row must name a recording, but row {row} of '{printable(column)}' is empty. Leave it out.")
    if said is not None and table[said].null_count == table.num_rows:
        raise DataError(f"Something must be said in a recording at least, but '{printable(said)}' is empty in all rows. Leave --said out.")
    texts = None if said is None else [None if text is None else split_words(text) for text in as_text(table[said]).to_pylist()]
    return Listed(names, [folder / name for name in names], texts, read_group(table, group))


def transcribe_each(
    ensemble: Ensemble, recordings: Listed, *, report_progress: Callable[[float], None] = lambda share: None, **options: Any
) -> Transcripts:
    """The words of each recording, and their errors where it is known what is said.

    Args:
        ensemble: learned from recordings of single words, or of texts.
        recordings: where they are.
        report_progress: called with the share of them that is done.
        **options: lexicon, phrases, as `Transcriber`.

    Raises:
        DataError: recordings are not there, or cannot be read. UsageError: as `Transcriber`.
    """
    if faults := find_faults(recordings.paths):
        raise DataError(f"{len(faults):,} of {len(recordings.paths):,} recordings cannot be read: {listed(faults, 3)}. Leave them out.")
    kept: dict[str, Any] = {name: None if values is None else [*values] for name, values in options.items()}  # asked about again and again
    words = []
    for i, path in enumerate(recordings.paths, start=1):
        transcriber = Transcriber(ensemble, **kept)
        words.append([*transcribe(transcriber, read_pieces(path, transcriber.rate))])
        report_progress(i / len(recordings.paths))
    errors = None if recordings.said is None else judge(words, recordings.said, group=recordings.group)
    return Transcripts(recordings.names, words, errors, recordings.said)


def notes_on_words(ensemble: Ensemble, recordings: Listed) -> list[str]:
    """That words which were said are none that the run can hear, if there are such; nothing where words are spelled."""
    if recordings.said is None or ensemble.task.spells:
        return []
    known = {part for name in ensemble.task.heard for part in split_words(str(name))}
    said = Counter(word for words in recordings.said for word in words or [])
    never = [word for word, _ in said.most_common() if word not in known]
    if not never:
        return []
    share = 100 * sum(said[word] for word in never) / said.total()
    words = f"{listed([*map(printable, never)], 5)} (it learned {listed(sorted(known), 10)})"
    return [f"{share:.0f} % of the words that were said are none that the run learned, and count as errors: {words}"]


def judge(words: Sequence[Sequence[Word]], said: Sequence[Sequence[str] | None], *, group: IntArray | None = None) -> WordErrors:
    """The word errors of transcripts, in small letters without punctuation; one said to be no known word is an error, and empty.

    Recordings of which nobody knows what is said (None) are left out.

    Example:
        >>> heard = [Word("Seven", 0.1, 0.5, 0.9, 1.0), Word(None, 0.6, 0.9, 0.3, 0.5, "two")]
        >>> judge([heard], [["seven", "two"]]).substitutions
        1
    """
    known = [row for row, own in enumerate(said) if own is not None]
    heard, texts = [split_heard(words[row]) for row in known], [own for own in said if own is not None]
    return count_word_errors(heard, texts, group=None if group is None else group[known])


def split_heard(words: Iterable[Word]) -> list[str]:
    """Words that were heard as texts are compared; one that is not known is empty."""
    return [part for word in words for part in ([""] if word.word is None else split_words(str(word.word)))]
