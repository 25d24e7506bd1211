"""Options as they are declared: what a record says of its fields, and how texts are read."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import pytest

from weights.errors import UsageError
from weights.options import check_names, list_choices, list_options, option, parse_pairs, read_texts


class Options(msgspec.Struct, frozen=True):
    rows: Annotated[Any, option("The rows.", argument=True)]
    share: Annotated[float | None, option("A share: {choices}.", "SHARE", choices=lambda: ("a", "b"))] = None
    fast: Annotated[bool, option("Be fast.", None, "--fast/--slow")] = False
    words: Annotated[list[str], option("Words.", "WORD", "--word", parse=lambda texts, flag: [*texts, flag], repeated=True)] = []


ROWS, SHARE, FAST, WORDS = list_options(Options)


def test_a_field_is_an_option_with_its_type_default_and_flag():
    assert [known.type for known in (ROWS, SHARE, FAST, WORDS)] == [str, float, bool, str]
    assert [known.default for known in (ROWS, SHARE, FAST, WORDS)] == [msgspec.NODEFAULT, None, False, ()]
    assert [known.flag for known in (SHARE, FAST, WORDS)] == ["--share", "--fast", "--word"]


def test_choices_are_named_when_help_is_shown():
    assert SHARE.help == "A share: a, b."


def test_texts_are_read_and_what_was_not_given_is_left_out():
    assert read_texts([SHARE, FAST, WORDS], {"share": 0.5, "words": ("x",)}) == {"share": 0.5, "words": ["x", "--word"]}
    assert read_texts([SHARE, WORDS], {"share": None, "words": ()}) == {}


def test_a_name_nobody_knows_is_refused_with_its_likeness():
    check_names(["share"], ["share", "fast"], "drawing")
    with pytest.raises(UsageError, match=r"There is no option 'fasd' of drawing\. Did you mean 'fast'\?"):
        check_names(["fasd"], ["share", "fast"], "drawing")


def test_a_text_that_came_where_a_value_is_needed_is_read_as_one():
    assert read_texts([SHARE, FAST], {"share": "0.5", "fast": "true"}) == {"share": 0.5, "fast": True}
    with pytest.raises(UsageError, match=r"--share takes a number, but 'much' came\."):
        read_texts([SHARE], {"share": "much"})


def test_a_name_that_is_given_twice_is_refused():
    with pytest.raises(UsageError, match="--set was given twice for 'lags'"):
        parse_pairs(["lags=1", "lags=2"], "--set")


def test_all_combinations_are_listed_unless_they_are_none_or_too_many():
    assert list_choices({"a": [1, 2], "b": ["x"]}, "a=1,2") == [{"a": 1, "b": "x"}, {"a": 2, "b": "x"}]
    for nothing in ({}, {"a": []}):
        with pytest.raises(UsageError, match=r"Name what to vary and its values, such as a=1,2\."):
            list_choices(nothing, "a=1,2")
    with pytest.raises(UsageError, match="These are 65 variants, and at most 64 are compared"):
        list_choices({"a": [*range(65)]}, "a=1,2")
