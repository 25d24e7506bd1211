"""Drawings as SVG and PNG: what is drawn stands where it was put, in both, and words cannot do harm."""

from __future__ import annotations

import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from weights.errors import StorageError, UsageError
from weights.report import charts
from weights.report.charts import (
    BLUE,
    ORANGE,
    Area,
    Box,
    Dot,
    Drawing,
    Line,
    Raster,
    Text,
    check_ending,
    diverging,
    fitting,
    save,
    width_of,
    wrapped,
)

PIXELS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 255]]], np.uint8)
EVERY_MARK = [
    Text(10, 20, "<b>&\x1b[31m"),
    Text(90, 20, "right", anchor="end", bold=True),
    Box(10, 30, 20, 10, fill="#0072b2", edge="#d55e00"),
    Line([(40, 30), (60, 40)], dashed=True),
    Dot(70, 35, 4, "#009e73"),
    Raster(10, 50, 40, 40, PIXELS),
    Raster(60, 50, 20, 20, np.full((3, 3, 1), 99, np.uint8), smooth=True),
]
DRAWING = Drawing(100, 100, EVERY_MARK, "all <marks>")
SVG = "{http://www.w3.org/2000/svg}"


def test_an_svg_stands_alone_and_its_words_are_words(tmp_path):
    save(DRAWING, tmp_path / "all.svg")
    text = (tmp_path / "all.svg").read_text()
    root = ElementTree.fromstring(text)
    assert root.find(f"{SVG}title").text == "all <marks>"
    assert root.find(f"{SVG}text").text.startswith("<b>&")
    assert "\x1b" not in text
    assert not re.search(r"<script|href=\"(?!data:image/png)|https?://(?!www\.w3\.org/2000/svg)", text)
    assert len(root) == 2 + len(EVERY_MARK)


def test_a_raster_in_an_svg_holds_its_very_pixels(tmp_path):
    save(DRAWING, tmp_path / "all.svg")
    image = ElementTree.fromstring((tmp_path / "all.svg").read_text()).find(f"{SVG}image")
    inside = base64.b64decode(image.get("href").removeprefix("data:image/png;base64,"))
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(inside))), PIXELS)


def test_a_png_shows_marks_where_they_were_put(tmp_path):
    save(DRAWING, tmp_path / "all.png")
    page = np.asarray(Image.open(tmp_path / "all.png"))
    assert page.shape == (200, 200, 3)
    assert page[2, 2].tolist() == [255, 255, 255]
    assert page[70, 40].tolist() == [0x00, 0x72, 0xB2]  # inside the box
    assert page[60, 20].tolist() == [0xD5, 0x5E, 0x00]  # its edge
    assert page[70, 140].tolist() == [0x00, 0x9E, 0x73]  # the dot
    assert page[110, 30].tolist() == [255, 0, 0]  # quarters of the raster
    assert page[110, 90].tolist() == [0, 255, 0]
    assert page[170, 30].tolist() == [0, 0, 255]
    assert (page[20:42, 20:70] < 128).any()  # letters


def test_the_same_drawing_makes_the_same_file(tmp_path):
    for name in ("one.png", "two.png", "one.svg", "two.svg"):
        save(DRAWING, tmp_path / name)
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


def test_pixels_with_opacity_let_what_is_below_through(tmp_path):
    half = np.array([[[255, 0, 0, 128]]], np.uint8)
    save(Drawing(10, 10, [Raster(0, 0, 10, 10, half)], ""), tmp_path / "half.png")
    assert np.asarray(Image.open(tmp_path / "half.png"))[5, 5].tolist() == [255, 127, 127]


def test_folders_are_made_and_other_endings_refused(tmp_path):
    save(DRAWING, tmp_path / "deep" / "er" / "all.SVG")
    assert (tmp_path / "deep" / "er" / "all.SVG").exists()
    with pytest.raises(UsageError, match=r"ends in \.png or \.svg, but 'all\.jpg' came"):
        check_ending(type(tmp_path)("all.jpg"))
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        check_ending(tmp_path / "folder.png")
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        save(DRAWING, tmp_path / "file" / "all.png")


def test_a_png_of_too_many_pixels_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"20000 x 20000 pixels, too many for a PNG\. Write an \.svg"):
        save(Drawing(10_000, 10_000, [], ""), tmp_path / "large.png")


def test_words_are_cut_to_their_width():
    assert fitting("short", 200) == "short"
    cut = fitting("a name that is much too long for its place", 80)
    assert cut.endswith("…")
    assert charts.width_of(cut) <= 80
    assert fitting("anything", 0) == "…"


def test_long_words_are_cut_at_once_and_in_the_middle_if_asked():
    assert len(fitting("x" * 100_000, 80)) < 60
    cut = fitting("beginning of a very long name and its end", 120, middle=True)
    assert cut.startswith("begin")
    assert cut.endswith("end")
    assert charts.width_of("\ud800") > 0  # half a letter, which no font has


def test_letters_that_the_font_lacks_lose_their_accents_and_nothing_is_drawn_as_a_box(tmp_path):
    for name, words in (("accents", "Grüne Äpfel"), ("plain", "Grune Apfel")):
        save(Drawing(100, 30, [Text(5, 20, words)], ""), tmp_path / f"{name}.png")
    accents, plain = (np.asarray(Image.open(tmp_path / f"{name}.png")).copy() for name in ("accents", "plain"))
    assert (accents < 128).sum() > 0
    assert abs(int((accents < 128).sum()) - int((plain < 128).sum())) < 200  # dots at most, where the font has them


def test_turned_words_run_upwards(tmp_path):
    save(Drawing(60, 100, [Text(30, 90, "upwards", turned=True)], ""), tmp_path / "turned.png")
    with Image.open(tmp_path / "turned.png") as drawn:
        rows, columns = np.nonzero(np.asarray(drawn.convert("L")) < 128)
    assert np.ptp(rows) > 3 * np.ptp(columns)
    assert rows.max() <= 182
    assert rows.max() > 170


def test_signs_have_colours_and_sizes_opacity():
    colours = diverging(np.array([[-2.0, 0.0, 1.0]]), 2.0)
    assert colours[0, 0].tolist() == [0x00, 0x72, 0xB2, 255]
    assert colours[0, 1, 3] == 0
    assert colours[0, 2].tolist() == [0xD5, 0x5E, 0x00, 128]
    assert (BLUE, ORANGE) == ("#0072b2", "#d55e00")
    assert diverging(np.zeros((2, 2)), 0.0)[..., 3].max() == 0


def test_an_area_is_filled_in_both_formats(tmp_path):
    drawing = Drawing(40, 40, [Area([(10, 10), (30, 10), (30, 30), (10, 30)], "#0072b2")], "a")
    save(drawing, tmp_path / "a.svg")
    save(drawing, tmp_path / "a.png")
    assert '<polygon points="10,10 30,10 30,30 10,30" fill="#0072b2"/>' in (tmp_path / "a.svg").read_text()
    assert np.asarray(Image.open(tmp_path / "a.png"))[40, 40].tolist() == [0x00, 0x72, 0xB2]


def test_a_box_thinner_than_a_pixel_is_drawn(tmp_path):
    save(Drawing(40, 40, [Box(10, 10, 20, 0.1, "#0072b2")], "a"), tmp_path / "a.png")


@pytest.mark.parametrize("width", [1.0, 30.0, 90.0, 1_000.0])
def test_wrapped_words_lose_no_letter_and_fit(width):
    words = "automobile or a-truck-of-a-very-long-name, Ünterweiß"
    lines = wrapped(words, width)
    assert "".join(lines).replace(" ", "") == words.replace(" ", "")
    assert all(width_of(line) <= width or len(line) == 1 for line in lines)


def test_wrapped_words_end_where_there_is_no_more_room():
    assert wrapped("one two three four five six", 40, most=2)[0] == "one"
    assert "…" in wrapped("one two three four five six", 40, most=2)[1]
    assert wrapped("", 40) == [""]
