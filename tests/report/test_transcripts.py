"""Transcripts as lines, subtitles and rows."""

from __future__ import annotations

from weights.report.transcripts import transcript_lines, word_line, words_table, write_vtt
from weights.transcribing.many import Transcripts
from weights.transcribing.transcriber import Word

WORDS = [Word("one", 3599.95, 3600.2, 0.9, 1.0), Word(None, 3600.4, 3600.9, 0.31, 0.5, "<b>"), Word(2, 3605.0, 3605.4, 1.0, 1.0)]


def test_words_that_follow_each_other_share_a_subtitle_and_markup_is_written_out():
    assert [*write_vtt(WORDS)] == [
        "WEBVTT",
        "",
        "00:59:59.950 --> 01:00:00.900",
        "one (not a known word)",
        "",
        "01:00:05.000 --> 01:00:05.400",
        "2",
        "",
    ]
    assert "&lt;b&gt;" in [*write_vtt([Word("<b>", 0.0, 1.0, 1.0, 1.0)])][3]
    assert [*write_vtt([])] == ["WEBVTT", ""]


def test_a_word_that_is_none_of_those_known_is_said_to_be_none_with_the_nearest():
    assert word_line(WORDS[1], 8).endswith("31.0 %  4 of 8 members  (not a known word), nearest <b>")
    assert word_line(Word("evil\n\x1b[2J", 0.0, 1.0, 1.0, 1.0), 2).count("\n") == 0


def test_rows_hold_all_that_is_known():
    assert words_table(WORDS).to_pylist()[1] == {
        "word": None,
        "start": 3600.4,
        "end": 3600.9,
        "probability": 0.31,
        "agreement": 0.5,
        "nearest": "<b>",
    }
    assert words_table(WORDS)["word"].to_pylist() == ["one", None, "2"]
    assert words_table([]).num_rows == 0


def test_what_was_said_stands_beside_what_was_heard_where_they_differ():
    heard = [WORDS[:1], WORDS[1:2], WORDS[2:]]
    lines = transcript_lines(Transcripts(["a", "b", "c"], heard, said=[["one"], ["two"], None]))
    assert lines[0].split("  ")[-1].strip() == "said, where that differs"
    assert [line.rstrip().endswith("two") for line in lines[1:]] == [False, True, False]
    assert "said" not in transcript_lines(Transcripts(["a"], heard[:1]))[0]
