"""What is said of pictures that were read, and when too many cannot be."""

import numpy as np
import pytest

from weights.data.files.medium import DecodedFile
from weights.data.files.unreadable import ReadReport, check_unreadable, describe_damage, find_signature
from weights.data.image.medium import IMAGES
from weights.errors import DataError

PIXELS = np.zeros((8, 8, 1), np.uint8)
SEVERAL, BRIGHTER, COLOURED = IMAGES.oddities
EMPTY = ("a.png", "is empty (0 bytes)")


def noted(**results):
    report = ReadReport(IMAGES)
    for name, result in results.items():
        report.take(name.replace("_", "."), result)
    return report.remarks(len(results))


def test_a_picture_that_is_as_it_should_be_is_no_remark():
    assert noted(a_png=DecodedFile(PIXELS, "PNG")) == []


def test_what_deserves_a_remark_is_counted():
    assert noted(
        a_jpg=DecodedFile(PIXELS, "PNG"),
        b_gif=DecodedFile(PIXELS, "GIF", (SEVERAL,)),
        c_png=DecodedFile(PIXELS, "PNG", (BRIGHTER,)),
        d_png=DecodedFile(PIXELS, "PNG", (COLOURED,)),
    ) == [
        "1 picture is of another format than the name says, and read as that: a.jpg is PNG",
        "1 picture is of several frames or pages, of which the first was read: b.gif",
        "1 picture is brighter than those looked at first, and cut where these are white: c.png",
        "1 picture is in colour, and read in grey as those looked at first: d.png",
    ]


def test_of_many_some_are_named():
    [said] = noted(**{f"{name}_jpg": DecodedFile(PIXELS, "PNG") for name in "abcde"})
    assert said.startswith("5 pictures are of another format")
    assert said.endswith("a.jpg is PNG, b.jpg is PNG, c.jpg is PNG and 2 more")


def test_what_was_left_out_is_told_with_its_reason():
    ok = DecodedFile(PIXELS, "PNG")
    assert noted(a_png="is cut off", b_png=ok) == ["1 of 2 pictures could not be read and was left out: a.png (is cut off)"]
    assert noted(a_png="is cut off", b_png="is empty", c_png=ok)[0].startswith("2 of 3 pictures could not be read and were left out: ")


@pytest.mark.parametrize(
    ("reasons", "strict", "message"),
    [
        ([EMPTY], True, r"Every picture must be readable here, but 1 of 6 is not: a.png \(is empty \(0 bytes\)\)"),
        ([EMPTY, ("b", "is text")], True, "but 2 of 6 are not"),
        ([EMPTY], False, "At most 5% of pictures may be unreadable, but 1 of 6 in 'scans' is: a.png"),
        ([EMPTY, ("b", "is text")], False, "but 2 of 6 in 'scans' are: a.png .* b "),
        ([(f"{i}", "is text") for i in range(6)], False, "needed, but of 6 in 'scans' there is none: 0 .* and 3 more. Repair them"),
    ],
)
def test_a_source_of_which_too_much_cannot_be_read_is_refused(reasons, strict, message):
    with pytest.raises(DataError, match=message):
        check_unreadable(reasons, 6, "scans", IMAGES, strict=strict)


def test_one_in_twenty_may_be_unreadable():
    check_unreadable([EMPTY], 20, "scans", IMAGES, strict=False)
    check_unreadable([], 6, "scans", IMAGES, strict=True)


def test_damage_is_said_in_one_line_and_signatures_are_found_where_they_stand():
    assert describe_damage(MemoryError()) == "does not fit into memory"
    assert describe_damage(ValueError("bad\nworse")) == "is damaged (bad)"
    assert describe_damage(ValueError()) == "is damaged (ValueError)"
    known = [(0, (b"AB",), "is one"), (2, (b"CD", b"EF"), "is another")]
    assert find_signature(b"xxEF", known) == "is another"
    assert find_signature(b"xEFx", known) is None
