"""Which arrays of an .npz file are pictures, and what their values become."""

import io
import zipfile

import numpy as np
import pytest

from weights.data.image.arrays import from_array, read_arrays
from weights.errors import DataError, NotFoundError, TooLargeError

PICTURES = np.arange(4 * 8 * 8, dtype=np.uint8).reshape(4, 8, 8)


def saved(folder, **arrays):
    np.savez_compressed(folder / "a.npz", **arrays)
    return folder / "a.npz"


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (["train_images", "val_images", "test_images"], ["train"] * 4 + ["val"] * 4 + ["test"] * 4),
        (["x_test", "x_train"], ["train"] * 4 + ["test"] * 4),
        (["X_train"], ["train"] * 4),
        (["images"], [""] * 4),
        (["x"], [""] * 4),
        (["X"], [""] * 4),
        (["X", "x_train", "x_test"], ["train"] * 4 + ["test"] * 4),
    ],
)
def test_arrays_are_found_by_their_names(tmp_path, names, parts):
    found = read_arrays(saved(tmp_path, **dict.fromkeys(names, PICTURES)))
    assert (found.parts, found.labels) == (parts, None)
    np.testing.assert_array_equal(found.pictures[:4], PICTURES)


def test_what_was_not_read_is_told(tmp_path):
    assert read_arrays(saved(tmp_path, images=PICTURES, notes=np.zeros(3))).remarks == ["of 'a.npz' not read: notes"]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (np.array([[3], [1], [2], [1]], np.uint8), np.array([3, 1, 2, 1])),
        (np.array(["a", "b", "a", "b"]), np.array(["a", "b", "a", "b"])),
        (np.array([b"a", b"b", b"a", b"b"]), np.array(["a", "b", "a", "b"])),
        (np.array([0.5, 1, 2, 3], np.float32), np.array([0.5, 1, 2, 3])),
    ],
)
def test_labels_are_numbers_or_text(tmp_path, labels, expected):
    found = read_arrays(saved(tmp_path, images=PICTURES, labels=labels)).labels
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_x_and_y_are_pictures_and_labels_in_whatever_case(tmp_path):
    found = read_arrays(saved(tmp_path, X=PICTURES, Y=np.arange(4)))
    assert (found.labels.tolist(), found.remarks) == ([0, 1, 2, 3], [])
    assert read_arrays(saved(tmp_path, images=PICTURES, x=PICTURES, y=np.arange(4))).remarks == ["of 'a.npz' not read: x, y"]
    with pytest.raises(DataError, match=r"'x' of '.*' must have a shape \(n, h, w\) .* but it is \(4, 64\)"):
        read_arrays(saved(tmp_path, x=PICTURES.reshape(4, 64), y=np.arange(4)))


@pytest.mark.parametrize("shape", [(4, 8, 8, 1), (4, 8, 8, 3), (4, 8, 8, 4)])
def test_channels_come_last(tmp_path, shape):
    found = read_arrays(saved(tmp_path, images=np.zeros(shape, np.uint8))).pictures
    assert found[0].shape == ((8, 8) if shape[3] == 1 else shape[1:])


@pytest.mark.parametrize(
    ("values", "remark"),
    [
        (PICTURES / 255, "the pictures' values (float64, 0 to 1) were multiplied by 255"),
        (PICTURES.astype(np.float16), "the pictures' values (float16, 0 to 255) were rounded to bytes"),
        (PICTURES.astype(np.int64), "the pictures' values (int64, 0 to 255) were rounded to bytes"),
    ],
)
def test_numbers_in_a_known_range_become_bytes(tmp_path, values, remark):
    found = read_arrays(saved(tmp_path, images=values))
    np.testing.assert_array_equal(found.pictures, PICTURES)
    assert found.remarks == [remark]


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": PICTURES}, r"Arrays called train_images, .* were needed, but '.*' holds a. Rename them"),
        ({"images": np.zeros((4, 3, 8, 8), np.uint8)}, r"must have their channels last, but their shape is \(4, 3, 8, 8\)"),
        ({"images": np.zeros((4, 64), np.uint8)}, r"must have a shape \(n, h, w\) or \(n, h, w, c\).* but it is \(4, 64\)"),
        ({"images": PICTURES.astype(np.uint16) * 256}, "from 0 to 1 or from 0 to 255, but they are uint16 from 0 to 65,280"),
        ({"images": np.full((4, 8, 8), np.nan)}, "but they are float64 from nan to nan"),
        ({"images": PICTURES - 1.0}, "but they are float64 from -1 to 254"),
        ({"images": PICTURES.astype(str)}, "must be numbers, but they are of type <U3"),
        ({"images": PICTURES, "labels": np.zeros(3)}, r"one for each of 4 pictures, but their shape is \(3,\)"),
        ({"images": PICTURES, "labels": np.zeros((4, 14))}, r"their shape is \(4, 14\). Save one label a picture"),
        ({"images": PICTURES, "labels": np.array([{}, 1, 2, 3])}, "must be numbers or text, but they are of type object"),
        ({"x_train": PICTURES, "y_train": np.zeros(4), "x_test": PICTURES}, "Either all parts of .* but 1 of 2 have none"),
        ({"images": np.zeros((1, 1, 50_000_001), np.uint8)}, "more than the 50,000,000 that are read"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(tmp_path, arrays, message):
    with pytest.raises(DataError, match=message):
        read_arrays(saved(tmp_path, **arrays))


def claimed(path, shape, content):
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": "|u1", "fortran_order": False, "shape": shape})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("images.npy", head.getvalue() + content)
    return path


def test_more_than_fits_into_memory_is_refused_before_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("WEIGHTS_MEMORY", "1MB")
    with pytest.raises(TooLargeError, match=r"about 2.0 MB of memory, but 1.0 MB may be used"):
        read_arrays(claimed(tmp_path / "a.npz", (1000, 100, 10), bytes(1_000_000)))


def test_an_array_that_claims_more_than_is_there_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"'images' of '.*' should take 1,000,000,000,000 bytes, but"):
        read_arrays(claimed(tmp_path / "a.npz", (1_000_000, 1000, 1000), b"few"))


def test_damaged_files_are_refused(tmp_path):
    path = saved(tmp_path, images=np.random.default_rng(0).integers(0, 256, (50, 8, 8), np.uint8))
    content = path.read_bytes()
    for damaged in (content[:-30], b"", b"text", content[:400] + bytes(500) + content[900:]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"could not be read as .npz"):
            read_arrays(path)
    with pytest.raises(NotFoundError, match=r"Did you mean 'a.npz'"):
        read_arrays(tmp_path / "b.npz")


@pytest.mark.parametrize("shape", [(4, 8, 8), (4, 8, 8, 1), (4, 8, 8, 3), (4, 8, 8, 4)])
def test_an_array_at_hand_is_taken_as_those_of_files_are(shape):
    found = from_array(np.full(shape, 0.5))
    assert found.pictures[0].shape == ((8, 8) if shape[-1] in (1, 8) else shape[1:])
    assert (found.labels, found.parts, found.pictures[3].max()) == (None, [""] * 4, 128)
    assert found.remarks == ["the pictures' values (float64, 0.5 to 0.5) were multiplied by 255"]


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (PICTURES[0], r"\(n, h, w\) or \(n, h, w, c\), but it is \(8, 8\). If it is one grey picture, give picture\[None\]"),
        (np.zeros((8, 8, 3), np.uint8), r"but it is \(8, 8, 3\). If it is one picture in colour, give picture\[None\]"),
        (np.zeros((4, 3, 8, 8), np.uint8), r"must have their channels last, but their shape is \(4, 3, 8, 8\). Give numpy.moveaxis"),
        (np.zeros((2, 2, 8, 8, 3), np.uint8), r"with c 1, 3 or 4, but it is \(2, 2, 8, 8, 3\)"),
        (PICTURES.astype(str), "The pictures of the array must be numbers, but they are of type <U3"),
        (PICTURES - 1.0, "from 0 to 1 or from 0 to 255, but they are float64 from -1 to 254"),
    ],
)
def test_an_array_that_is_none_of_pictures_is_refused(array, message):
    with pytest.raises(DataError, match=message):
        from_array(array)


@pytest.mark.parametrize(
    ("train", "test", "ranges"),
    [
        (PICTURES / 255, PICTURES.astype(float), "x_train up to 1, x_test up to 255"),
        (PICTURES, (PICTURES > 100).astype(np.uint8), "x_train up to 255, x_test up to 1"),
        (PICTURES.astype(np.int64), (PICTURES > 100).astype(np.uint8), "x_train up to 255, x_test up to 1"),
    ],
)
def test_parts_of_different_ranges_are_refused(tmp_path, train, test, ranges):
    path = saved(tmp_path, x_train=train, y_train=np.arange(4), x_test=test, y_test=np.arange(4))
    with pytest.raises(DataError, match=f"one range in all parts, but they differ: {ranges}. Save all as uint8"):
        read_arrays(path)


def test_shares_beside_bytes_are_both_read(tmp_path):
    path = saved(tmp_path, x_train=PICTURES / 255, y_train=np.arange(4), x_test=PICTURES, y_test=np.arange(4))
    pictures = read_arrays(path).pictures
    np.testing.assert_array_equal(pictures[0], pictures[4])
