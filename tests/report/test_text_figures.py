"""Texts with coloured words: in a terminal, on a page, and drawn."""

import re
from html.parser import HTMLParser

from weights.report.charts import BLUE, ORANGE, Box, Text, mixed
from weights.report.text_figures import text_lines, texts_figure, texts_of, texts_page


def word(shown, contribution, *, low=None, high=None, spaced=True):
    return {"word": shown, "contribution": contribution, "low": low, "high": high, "spaced": spaced}


WORDS = [
    word("It", 0.01),
    word("is", -0.002, spaced=True),
    word("broken", -0.4, low=-0.5, high=-0.3),
    word("<b>", 0.3),
    word("!", 0.1, spaced=False),
]
PART = {
    "feature": "review",
    "value": "It is",
    "contribution": 0.0,
    "low": None,
    "high": None,
    "words": WORDS,
    "without": {"words": ["broken"], "prediction": 0.75},
}
PLAIN = {"feature": "price", "value": 3.0, "contribution": 0.2, "low": -0.1, "high": 0.5}
RECORD = {"row": 1, "class": "up", "prediction": 0.5, "base": 0.3, "beginning": "an empty text", "contributions": [PLAIN, PART]}


def test_the_strongest_words_stand_in_brackets_where_there_are_no_colours():
    lines = [*text_lines(RECORD, color=False)]
    assert lines[:2] == ["  review", "    It is [-broken] [+<b>][+!]"]
    assert lines[2] == "       -0.400  [-0.500 -0.300]  broken"
    assert lines[-1] == "    without 'broken' the answer is 0.750"


def test_colours_of_a_terminal_change_no_letter():
    [_, text, *_] = text_lines(RECORD, color=True)
    assert "\x1b[" in text
    assert re.sub(r"\x1b\[[0-9;]*m", "", text) == "    It is broken <b>!"


def test_a_long_text_is_wrapped_between_words():
    words = [word("w" * 9, 0.1 * (i % 3)) for i in range(60)]
    lines = [*text_lines({"contributions": [{**PART, "words": words}]}, color=False)]
    own = [line for line in lines if "wwww" in line and "  w" not in line.strip()]
    assert len(own) > 5
    assert max(map(len, own)) <= 4 + 96


def test_other_features_are_no_texts():
    assert texts_of(RECORD) == [PART]
    assert texts_of({"contributions": [PLAIN, {**PART, "words": []}]}) == []


class Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.shown, self.titles = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.titles += [value for name, value in attrs if name == "title"]

    def handle_data(self, data):
        self.shown.append(data)


def test_a_page_stands_alone_and_nothing_that_texts_hold_is_read_as_its_tags():
    hostile = {**PART, "feature": "<script>alert(1)</script>", "words": [word("<img src=x onerror=alert(1)>", 0.2), word("'\"&", -0.1)]}
    page = texts_page([RECORD, {**RECORD, "contributions": [hostile]}], ["Row 1", "<i>Row 2</i>"])
    reader = Reader()
    reader.feed(page)
    assert not {"script", "img", "i", "link", "iframe"} & {*reader.tags}
    assert "http" not in page
    assert "".join(reader.shown).count("onerror") == 1
    assert "-0.400 [-0.500 -0.300]" in reader.titles


def test_words_are_drawn_on_their_colour_in_the_order_of_the_text():
    drawing = texts_figure([RECORD], ["Row 1"])
    assert [mark.words for mark in drawing.marks if isinstance(mark, Text)][1:9] == [
        "Row 1",
        "review",
        "It",
        "is",
        "broken",
        "<b>",
        "!",
        "without 'broken' the answer is 0.750",
    ]
    boxes = [mark.fill for mark in drawing.marks if isinstance(mark, Box)]
    assert boxes == [mixed(BLUE, 0.75), mixed(ORANGE, 0.75 * 0.75), mixed(ORANGE, 0.75 * 0.25)]


def test_rows_beyond_those_that_are_drawn_are_counted():
    drawing = texts_figure([RECORD] * 25, ["Row"] * 25)
    assert any("5 more rows" in mark.words for mark in drawing.marks if isinstance(mark, Text))
