"""Tables of pictures: rows, columns, sizes, what is left out, and where the bytes lie."""

import collections
import tempfile
import zipfile

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from weights.data import image
from weights.data.delimited import remarks_of
from weights.data.image import (
    holds_pictures,
    is_picture,
    picture_array,
    picture_field,
    picture_size,
    read_picture_files,
    read_pictures,
)
from weights.errors import DataError, NotFoundError, StorageError, UsageError


def paint(path, colour=7, size=(10, 12), mode="L", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size[::-1], colour).save(path, **options)


def values(table):
    """The first byte of each picture."""
    return picture_array(table["picture"])[:, 0].tolist()


def test_a_folder_of_classes_becomes_a_table(tmp_path):
    paint(tmp_path / "dog" / "b.png", 3)
    paint(tmp_path / "cat" / "z.png", 2)
    paint(tmp_path / "cat" / "a.png", 1)
    table = read_pictures(tmp_path)
    assert table.schema.field("picture").equals(picture_field(10, 12, 1), check_metadata=True)
    assert table.drop(["picture"]).to_pydict() == {"class": ["cat", "cat", "dog"], "file": ["cat/a.png", "cat/z.png", "dog/b.png"]}
    assert (values(table), remarks_of(table)) == ([1, 2, 3], [])


def test_bytes_lie_row_by_row_and_pixel_by_pixel(tmp_path):
    pixels = np.arange(8 * 9 * 3, dtype=np.uint8).reshape(8, 9, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    table = read_pictures(tmp_path / "a.png")
    assert table.column_names == ["picture", "file"]
    assert picture_size(table.schema.field("picture")) == (8, 9, 3)
    np.testing.assert_array_equal(picture_array(table["picture"])[0], pixels.ravel())


def test_an_official_split_is_kept_and_its_validation_part_learned_from(tmp_path):
    for value, part in enumerate(["test", "train", "val"]):
        paint(tmp_path / part / "cat" / "a.png", value)
    table = read_pictures(tmp_path)
    assert (values(table), table["split"].to_pylist()) == ([1, 2, 0], ["train", "train", "test"])
    assert remarks_of(table) == [
        "the official validation part (1 picture) is learned from as well: members are judged on rows they did not see"
    ]


@pytest.mark.parametrize("part", ["test", "train"])
def test_one_part_alone_is_no_split(tmp_path, part):
    paint(tmp_path / part / "cat" / "a.png")
    assert read_pictures(tmp_path).column_names == ["picture", "class", "file"]


def test_zips_are_read_like_folders(tmp_path):
    paint(tmp_path / "s" / "train" / "cat" / "a.png", 1)
    paint(tmp_path / "s" / "test" / "cat" / "a.png", 2)
    for part in ("train", "test"):
        with zipfile.ZipFile(tmp_path / "s" / f"pets_{part}.zip", "w") as archive:
            archive.write(tmp_path / "s" / part / "cat" / "a.png", "cat/a.png")
            archive.write(tmp_path / "s" / part / "cat" / "a.png", "dog/a.png")
        (tmp_path / "s" / part / "cat" / "a.png").unlink()
    table = read_pictures(tmp_path / "s")
    assert (values(table), table["split"].to_pylist()) == ([1, 1, 2, 2], ["train", "train", "test", "test"])
    assert table["class"].to_pylist() == ["cat", "dog", "cat", "dog"]


def test_arrays_become_a_table_without_names(tmp_path):
    pictures = np.arange(6 * 8 * 8, dtype=np.uint8).reshape(6, 8, 8)
    np.savez(tmp_path / "a.npz", x_train=pictures[:4], y_train=np.arange(4), x_test=pictures[4:], y_test=np.arange(2))
    table = read_pictures(tmp_path / "a.npz")
    np.testing.assert_array_equal(picture_array(table["picture"]), pictures.reshape(6, 64))
    assert table.drop(["picture"]).to_pydict() == {"class": [0, 1, 2, 3, 0, 1], "split": ["train"] * 4 + ["test"] * 2}
    assert picture_size(read_pictures(tmp_path / "a.npz", size=(16, 20), channels=3).schema.field("picture")) == (16, 20, 3)


def test_pictures_are_not_copied_and_cannot_be_changed(tmp_path):
    for i in range(3):
        paint(tmp_path / f"{i}.png", i)
    table = read_pictures(tmp_path)
    once, again = picture_array(table["picture"]), picture_array(table["picture"].slice(1))
    assert np.shares_memory(once, again)
    assert np.shares_memory(once, np.frombuffer(table["picture"].chunk(0).values.buffers()[1], np.uint8))
    np.testing.assert_array_equal(once[1:], again)
    assert not once.flags.writeable
    chunked = pa.chunked_array([table["picture"].chunk(0), table["picture"].chunk(0).slice(2)])
    assert picture_array(chunked)[:, 0].tolist() == [0, 1, 2, 2]
    assert picture_array(table["picture"].slice(0, 0)).shape == (0, 120)
    assert picture_array(table["picture"].take([2, 0]))[:, 0].tolist() == [2, 0]


def test_no_file_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    paint(tmp_path / "s" / "a.png")
    table = read_pictures(tmp_path / "s")
    assert list((tmp_path / "tmp").iterdir()) == []
    assert values(table) == [7]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [([(10, 12)], (10, 12)), ([(10, 12), (12, 10)], (64, 64)), ([(64, 64)], (64, 64)), ([(65, 20)], (64, 64)), ([(6, 20)], (64, 64))],
)
def test_the_size_is_theirs_where_they_have_one_small_size(tmp_path, sizes, expected):
    for i, size in enumerate(sizes):
        paint(tmp_path / f"{i}.png", size=size)
    assert picture_size(read_pictures(tmp_path).schema.field("picture")) == (*expected, 1)


def test_one_picture_of_colour_makes_all_coloured(tmp_path):
    paint(tmp_path / "a.png", 5)
    paint(tmp_path / "b.png", (5, 5, 5), mode="RGB")
    assert picture_size(read_pictures(tmp_path).schema.field("picture"))[2] == 1
    paint(tmp_path / "c.png", (9, 5, 5), mode="RGB")
    table = read_pictures(tmp_path)
    assert [row[:3].tolist() for row in picture_array(table["picture"])] == [[5, 5, 5], [5, 5, 5], [9, 5, 5]]
    assert values(read_pictures(tmp_path, channels=1)) == [5, 5, 6]


@pytest.fixture
def flawed(tmp_path):
    """A folder of 60 pictures, two of which cannot be read."""
    for i in range(60):
        paint(tmp_path / "flawed" / f"{i:02}.png", i)
    (tmp_path / "flawed" / "07.png").write_bytes(b"")
    (tmp_path / "flawed" / "30.png").write_bytes((tmp_path / "flawed" / "30.png").read_bytes()[:45])
    return tmp_path / "flawed"


def test_unreadable_pictures_leave_no_holes_and_are_told(flawed):
    table = read_pictures(flawed)
    assert values(table) == [i for i in range(60) if i not in (7, 30)]
    assert table["file"].to_pylist()[6:8] == ["06.png", "08.png"]
    assert remarks_of(table) == [
        "2 of 60 pictures could not be read and were left out: 07.png (is empty (0 bytes)), 30.png (is cut off)",
    ]


def test_unreadable_pictures_are_refused_when_strict(flawed):
    with pytest.raises(DataError, match=r"Every picture must be readable here, but 2 of 60 are not: 07.png \(is empty"):
        read_pictures(flawed, strict=True)


def test_too_many_unreadable_pictures_are_refused(flawed):
    (flawed / "50.png").write_text("hello")
    assert len(read_pictures(flawed)) == 57
    (flawed / "51\n.png").write_text("hello")
    with pytest.raises(DataError, match=r"At most 5% of pictures .* 4 of 61 in '.*' are: 07.png .*50.png \(is text, .*\) and 1 more"):
        read_pictures(flawed)


def test_no_readable_picture_is_refused(tmp_path):
    (tmp_path / "a\x1b.png").write_text("hello")
    with pytest.raises(DataError, match=r"of 1 in '.*' there is none: a\\x1b.png \(is text, not a picture\)"):
        read_pictures(tmp_path)
    np.savez(tmp_path / "a.npz", images=np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(DataError, match=r"there is none: row 0 \(is 2 x 2 pixels, too small"):
        read_pictures(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", images=np.zeros((0, 8, 8), np.uint8))
    with pytest.raises(DataError, match=r"At least one picture was needed"):
        read_pictures(tmp_path / "b.npz")


def test_what_deserves_a_remark_is_counted(tmp_path):
    paint(tmp_path / "a.jpg", format="PNG")
    paint(tmp_path / "b.gif", save_all=True, append_images=[Image.new("L", (12, 10), 200)])
    Image.fromarray(np.full((10, 12), 4000, np.uint16)).save(tmp_path / "c.png")
    assert remarks_of(read_pictures(tmp_path)) == [
        "1 picture is of another format than the name says, and read as that: a.jpg is PNG",
        "1 picture is of several frames or pages, of which the first was read: b.gif",
        "1 picture is of 16 bits with no value above 4,095, which will look dark: c.png",
    ]


def test_the_order_is_that_of_the_names_whatever_the_threads_do(tmp_path, monkeypatch):
    monkeypatch.setattr(image, "_threads_for", lambda sample: 4)
    for i in range(150):
        paint(tmp_path / f"{i:03}.png", i, size=(400, 400) if i % 3 == 0 else (10, 10))
    table = read_pictures(tmp_path, size=(8, 8))
    assert values(table) == list(range(150))
    assert table["file"].to_pylist() == [f"{i:03}.png" for i in range(150)]


def test_small_pictures_are_read_by_one_thread_and_larger_ones_by_several():
    assert image._threads_for([np.zeros((8, 8), np.uint8)]) == 1
    assert image._threads_for([np.zeros((80, 80), np.uint8)]) >= 2
    assert image._threads_for([None]) >= 2


def test_progress_is_told_now_and_then(tmp_path):
    for i in range(120):
        paint(tmp_path / f"{i}.png")
    told = []
    read_pictures(tmp_path, tell=told.append)
    assert told == [50 / 120, 100 / 120, 1.0]


def test_an_interrupt_stops_the_threads(tmp_path, monkeypatch):
    for i in range(600):
        paint(tmp_path / f"{i}.png")
    begun = collections.Counter()
    real = image.content_of

    def counted(place):
        begun["files"] += 1
        return real(place)

    def interrupt(share):
        raise KeyboardInterrupt

    monkeypatch.setattr(image, "content_of", counted)
    monkeypatch.setattr(image, "_threads_for", lambda sample: 2)
    with pytest.raises(KeyboardInterrupt):
        read_pictures(tmp_path, size=(8, 8), channels=1, tell=interrupt)
    assert begun["files"] < 300


def test_files_that_a_table_names_are_read_in_its_order(tmp_path):
    paint(tmp_path / "a.png", 1)
    paint(tmp_path / "far" / "b.png", 2)
    found = read_picture_files(["far/b.png", str(tmp_path / "a.png"), "far/b.png"], tmp_path)
    assert picture_array(found.pictures)[:, 0].tolist() == [2, 1, 2]
    assert (found.keep.tolist(), found.remarks, is_picture(found.field)) == ([True] * 3, [], True)


def test_files_that_are_not_there_are_left_out(tmp_path):
    paint(tmp_path / "a.png", 1)
    names = ["a.png"] * 38 + ["gone.png", None]
    found = read_picture_files(names, tmp_path)
    assert (found.keep.tolist(), len(found.pictures)) == ([True] * 38 + [False] * 2, 38)
    assert found.remarks == ["2 of 40 pictures could not be read and were left out: gone.png (is not there), row 39 (has no name)"]
    with pytest.raises(DataError, match=r"Every picture must be readable here, but 2 of 40 are not: gone.png \(is not there\)"):
        read_picture_files(names, tmp_path, strict=True)


def test_addresses_are_no_files(tmp_path):
    with pytest.raises(DataError, match=r"row 1 holds an address, 'https://a.b/c.png'. Download them first"):
        read_picture_files(["a.png", "https://a.b/c.png"], tmp_path)


@pytest.mark.parametrize(
    ("options", "message"), [({"size": (4, 64)}, r"from 8 to 512, but the size is \(4, 64\)"), ({"channels": 2}, "but 2")]
)
def test_options_out_of_bounds_are_refused(tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        read_pictures(tmp_path, **options)


def test_a_source_that_is_not_there_is_refused(tmp_path):
    for name in ("a", "a.zip", "a.npz", "a.png"):
        with pytest.raises(NotFoundError, match=f"no file or folder '.*{name}'"):
            read_pictures(tmp_path / name)


def test_a_disk_without_room_is_told_before_decoding(tmp_path, monkeypatch):
    usage = collections.namedtuple("usage", "free")
    monkeypatch.setattr(image.shutil, "disk_usage", lambda folder: usage(10))
    paint(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"The decoded pictures \(1\) need 0.0 MB in .* Make room, set TMPDIR"):
        read_pictures(tmp_path)


def test_a_disk_that_fills_up_is_an_error(tmp_path):
    paint(tmp_path / "a.png")
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(StorageError, match=r"No space left on device. Make room"):
        image._write(full, np.zeros((8, 8, 1), np.uint8))


def test_sources_of_pictures_are_known_by_their_names(tmp_path):
    assert all(map(holds_pictures, [tmp_path, str(tmp_path), "a.zip", "a.npz", "a.JPEG", "a.dcm"]))
    assert not any(map(holds_pictures, ["a.csv", "breast-cancer", {"x": [1]}, np.zeros((2, 2)), None]))


def test_a_picture_is_known_by_type_and_metadata():
    field = picture_field(8, 9, 3)
    assert is_picture(field)
    assert picture_size(field) == (8, 9, 3)
    for other in (
        field.remove_metadata(),
        field.with_type(pa.list_(pa.uint8(), 7)),
        field.with_type(pa.list_(pa.int8(), 216)),
        pa.field("x", pa.int8()),
    ):
        assert not is_picture(other)
