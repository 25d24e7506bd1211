"""Labels are read as they are written where they were text, by what they mean where they were not."""

from __future__ import annotations

import pyarrow as pa
import pytest

from weights.data.table.labels import find_form, read_labels
from weights.errors import DataError


def cells(*values):
    return pa.chunked_array([pa.array(values)])


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (pa.int8(), "numbers"),
        (pa.decimal128(5, 2), "numbers"),
        (pa.bool_(), "truth values"),
        (pa.date32(), "moments"),
        (pa.string(), "text"),
    ],
)
def test_the_form_of_labels_follows_from_their_type(kind, form):
    assert find_form(kind) == form


@pytest.mark.parametrize(
    ("raw", "levels", "form", "codes"),
    [
        (cells("1.10", "1.1", None), ["1.1", "1.10"], "text", [1, 0, -1]),
        (cells("TRUE", "True"), ["True"], "text", [-1, 0]),
        (cells("1.10", "1.1", "1.2"), ["1.1"], "numbers", [0, 0, -1]),
        (cells(1.0, 2.0), ["1", "2"], "text", [0, 1]),
        (cells("1", "2.0", "3"), ["1.0", "2", "3", "3.0"], "text", [0, 1, 2]),
        (cells(1, 2), ["1.0", "2.0"], "text", [0, 1]),
        (cells(True, False), ["FALSE", "TRUE"], "text", [1, 0]),
        (cells("TRUE", "False"), ["false", "true"], "truth values", [1, 0]),
        (cells("2024-01-05", "2024-01-05T00:00:00Z"), ["2024-01-05"], "moments", [0, 0]),
        (cells("1.10", "1.1"), ["1.1"], "", [0, 0]),
        (cells(3), [], "text", [-1]),
    ],
)
def test_cells_become_what_they_would_have_been_in_training(raw, levels, form, codes):
    assert read_labels(raw, "c", levels, form).tolist() == codes


@pytest.mark.parametrize(
    ("raw", "levels"),
    [(cells(1.1), ["1.1", "1.10"]), (cells(12000), ["12E3"]), (cells(7), ["007"]), (cells(True), ["True", "TRUE"])],
)
def test_what_does_not_say_which_label_it_is_is_refused(raw, levels):
    with pytest.raises(DataError, match="which do not say how they were written"):
        read_labels(raw, "c", levels, "text")
