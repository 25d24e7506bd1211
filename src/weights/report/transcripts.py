"""Transcripts for people: a line for each word, subtitles in WebVTT, and rows for a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from weights.errors import printable
from weights.summary import labelled, percent
from weights.tables import aligned
from weights.tasks.worderrors import WordErrors
from weights.transcribing.many import Transcripts, split_heard
from weights.transcribing.transcriber import Word

UNKNOWN = "(not a known word)"
_MOST_CONFUSED = 10
_TOGETHER, _LONGEST = 0.8, 6.0
"""Seconds between words, and of all together, up to which they share a subtitle (our choices)."""


def word_line(word: Word, n_members: int) -> str:
    """A word with its times, how probable it is, and how many members say so.

    Example:
        >>> word_line(Word("seven", 0.35, 0.8, 0.982, 1.0), 8)
        '    0.35 to     0.80 s   98.2 %  8 of 8 members  seven'
    """
    name = f"{UNKNOWN}, nearest {printable(str(word.nearest))}" if word.word is None else printable(str(word.word))
    members = f"{round(word.agreement * n_members)} of {n_members} members"
    return f"{word.start:8.2f} to {word.end:8.2f} s  {100 * word.probability:5.1f} %  {members}  {name}"


def write_vtt(words: Iterable[Word]) -> Iterator[str]:
    """Lines of subtitles in WebVTT; words that follow each other closely share one.

    Example:
        >>> print(*write_vtt([Word("one", 0.1, 0.4, 0.9, 1.0), Word("two", 0.5, 0.9, 0.9, 1.0)]), sep="\\n")
        WEBVTT
        <BLANKLINE>
        00:00:00.100 --> 00:00:00.900
        one two
        <BLANKLINE>
    """
    yield "WEBVTT"
    yield ""
    together: list[Word] = []
    for word in words:
        if together and (word.start - together[-1].end > _TOGETHER or word.end - together[0].start > _LONGEST):
            yield from _write_cue(together)
            together = []
        together.append(word)
    if together:
        yield from _write_cue(together)


def _write_cue(words: Sequence[Word]) -> Iterator[str]:
    yield f"{_clock(words[0].start)} --> {_clock(words[-1].end)}"
    # What marks up subtitles is written out.
    yield " ".join(_escape(UNKNOWN if word.word is None else printable(str(word.word))) for word in words)
    yield ""


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(seconds: float) -> str:
    whole = round(seconds * 1000)
    return f"{whole // 3_600_000:02}:{whole // 60_000 % 60:02}:{whole // 1000 % 60:02}.{whole % 1000:03}"


def transcript_lines(found: Transcripts) -> list[str]:
    """A line for each recording: its name, the least sure word, what is heard, and, where it is known to differ, what was said."""
    rows = [["recording", "least sure", "heard"]]
    for name, words in zip(found.names, found.words, strict=True):
        least = f"{100 * min(word.probability for word in words):.0f} %" if words else ""
        rows.append([printable(name), least, " ".join(UNKNOWN if word.word is None else printable(str(word.word)) for word in words)])
    if found.said is not None:
        rows[0].append("said, where that differs")
        for row, words, said in zip(rows[1:], found.words, found.said, strict=True):
            row.append("" if said is None or said == split_heard(words) else printable(" ".join(said)))
    return aligned(rows, to_right=[1])


def error_lines(errors: WordErrors, *, grouped: bool) -> list[str]:
    """The word error rate with its interval, what errors are, and which words are taken for which."""
    over = "the groups, such as speakers" if grouped else "the choice of recordings"
    sorts = f"{errors.substitutions:,} others, {errors.insertions:,} too many, {errors.deletions:,} missing"
    lines = [labelled("Word errors", f"{percent(errors.rate)} of {errors.n_words:,} words: {sorts}")]
    interval = f"95 % interval over {over}" if errors.rate.low is not None else "no interval: there is one recording, or one group"
    lines.append(f"  [{interval}; small letters, without punctuation]")
    if errors.confusions:
        rows = [["said", "taken for", "times"]]
        for (said, taken), n in errors.confusions.most_common(_MOST_CONFUSED):
            rows.append([printable(str(said)), printable(str(taken)) or UNKNOWN, f"{n:,}"])
        lines += aligned(rows, to_right=[2])
        if (left := len(errors.confusions) - _MOST_CONFUSED) > 0:
            lines.append(f"  and {left:,} more pairs (--json)")
    return lines


def error_record(errors: WordErrors | None) -> dict[str, Any] | None:
    """Word errors as JSON holds them; None where they are not known."""
    if errors is None:
        return None
    confusions = [{"said": said, "taken_for": taken, "n": n} for (said, taken), n in errors.confusions.most_common()]
    return {**errors._asdict(), "confusions": confusions}


def transcripts_table(found: Transcripts) -> pa.Table:
    """Words of several recordings as rows, as `words_table`, behind the name of the recording."""
    tables = [words_table(words) for words in found.words]
    names = [name for name, words in zip(found.names, found.words, strict=True) for _ in words]
    return pa.concat_tables(tables).add_column(0, "recording", pa.array(names, pa.string()))


def words_table(words: Sequence[Word]) -> pa.Table:
    """Words as rows: word, start, end, probability, agreement, nearest."""
    names = Word.__struct_fields__
    columns = {name: [getattr(word, name) for word in words] for name in names}
    texts = {name: [None if value is None else str(value) for value in columns[name]] for name in ("word", "nearest")}
    return pa.table(
        {name: pa.array(texts[name], pa.string()) if name in texts else pa.array(columns[name], pa.float64()) for name in names}
    )
