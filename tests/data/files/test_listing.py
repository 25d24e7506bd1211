"""How the places of pictures in folders and zips are read: classes, parts of a split, and what is no picture."""

import pytest

from labelled_files import listed, pack, put
from weights.errors import DataError, NotFoundError


@pytest.fixture(params=["folder", "zip"])
def source(request, tmp_path):
    """The same files in a folder and in a zip, listed."""

    def make(*names):
        return put(tmp_path / "s", *names) if request.param == "folder" else pack(tmp_path / "s.zip", *names)

    return lambda *names: listed(make(*names))


def test_the_first_folder_is_the_class(source):
    assert source("dog/b.png", "cat/2020/c.jpg", "cat/a.png") == (
        [("", "cat", "cat/2020/c.jpg"), ("", "cat", "cat/a.png"), ("", "dog", "dog/b.png")],
        [],
    )


def test_folders_of_a_split_are_parts_and_the_classes_below(source):
    assert source("Test/cat/a.png", "training/dog/x/b.png", "valid/cat/c.png")[0] == [
        ("train", "dog", "training/dog/x/b.png"),
        ("val", "cat", "valid/cat/c.png"),
        ("test", "cat", "Test/cat/a.png"),
    ]


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train_set", "test_set"),
        ("training_set", "test_set"),
        ("seg_train", "seg_test"),
        ("Train-Images", "Eval-Images"),
        ("trainset", "testset"),
        ("train", "holdout"),
        ("flowers.train", "flowers.evaluation"),
    ],
)
def test_parts_are_known_by_words_within_their_names(source, train, test):
    rows, remarks = source(f"{train}/cat/a.png", f"{train}/dog/b.png", f"{test}/cat/c.png", f"{test}/dog/d.png")
    assert [(part, label) for part, label, _ in rows] == [("train", "cat"), ("train", "dog"), ("test", "cat"), ("test", "dog")]
    assert remarks == []


@pytest.mark.parametrize(
    "tops",
    [("test_positive", "test_negative"), ("training_wheels", "test_tubes"), ("trainer", "tester"), ("dev", "prod"), ("train_a", "train_b")],
)
def test_classes_with_such_words_in_their_names_are_classes(source, tops):
    rows, _ = source(*(f"{top}/a.png" for top in tops))
    assert {label for _, label, _ in rows} == {*tops}
    assert {part for part, _, _ in rows} == {""}


def test_classes_that_hold_folders_of_the_same_names_are_asked_about(source):
    rows, remarks = source("A/cat/a.png", "A/dog/b.png", "B/cat/c.png", "B/dog/d.png")
    assert {label for _, label, _ in rows} == {"A", "B"}
    assert remarks == [
        "both class folders, 'A', 'B', hold folders of the same names, 'cat', 'dog': if these are the classes, and the others parts to "
        "learn from and to test, call those train and test"
    ]


def test_one_folder_above_all_is_no_class(source):
    assert source("data/v2/cat/a.png", "data/v2/dog/b.png", "docs/read.txt")[0] == [
        ("", "cat", "data/v2/cat/a.png"),
        ("", "dog", "data/v2/dog/b.png"),
    ]


def test_pictures_without_folders_have_no_class(source):
    assert source("b.png", "a.png") == ([("", None, "a.png"), ("", None, "b.png")], [])


def test_what_is_beside_the_classes_is_told(source):
    assert source("cat/a.png", "dog/b.png", "x.png", "read.md", "cat/b.json", "sub/old.zip") == (
        [("", "cat", "cat/a.png"), ("", "dog", "dog/b.png"), ("", None, "x.png")],
        [
            "1 picture in no class folder and so without a class: 'x.png'",
            "no picture in the class folder 'sub'",
            "zips within were not opened: 'sub/old.zip'",
            "2 files that are no picture ignored",
        ],
    )


def test_what_is_beside_a_split_is_left_out(source):
    rows, remarks = source("train/cat/a.png", "test/cat/b.png", "more/c.png", "d.png")
    assert [name for _, _, name in rows] == ["train/cat/a.png", "test/cat/b.png"]
    assert remarks == ["2 pictures beside the folders of the split were left out: 'd.png', 'more/c.png'"]


def test_a_class_may_be_called_test_where_there_is_no_split(source):
    assert [label for _, label, _ in source("test/a.png", "real/b.png")[0]] == ["real", "test"]


def test_what_systems_leave_behind_is_ignored(source):
    assert source("cat/a.png", "dog/b", "__MACOSX/cat/._a.png", "cat/.DS_Store", "dog/Thumbs.db", ".git/c.png") == (
        [("", "cat", "cat/a.png"), ("", "dog", "dog/b")],
        [],
    )


def test_a_class_without_pictures_is_told(tmp_path):
    put(tmp_path, "cat/a.png")
    (tmp_path / "dog").mkdir()
    assert listed(tmp_path) == ([("", "cat", "cat/a.png")], ["no picture in the class folder 'dog'"])


def test_zips_of_a_folder_are_one_source(tmp_path):
    pack(tmp_path / "x_train.zip", "train/cat/a.png", "train/dog/b.png")
    pack(tmp_path / "x_test.zip", "x/cat/a.png", "x/dog/b.png", "deep.zip")
    assert listed(tmp_path) == (
        [
            ("train", "cat", "x_train.zip/train/cat/a.png"),
            ("train", "dog", "x_train.zip/train/dog/b.png"),
            ("test", "cat", "x_test.zip/x/cat/a.png"),
            ("test", "dog", "x_test.zip/x/dog/b.png"),
        ],
        [],
    )


def test_zips_of_pictures_stand_for_their_class(tmp_path):
    pack(tmp_path / "cats.zip", "a.png")
    pack(tmp_path / "dogs.zip", "dogs/a.png")
    assert [label for _, label, _ in listed(tmp_path)[0]] == ["cats", "dogs"]


def test_a_zip_within_a_zip_stays_closed(tmp_path):
    path = pack(tmp_path / "a.zip", "cat/a.png", "dog/b.png", "cat/more.zip")
    assert listed(path)[1] == ["zips within were not opened: 'cat/more.zip'"]


def test_sources_without_pictures_are_refused(tmp_path):
    with pytest.raises(NotFoundError, match=r"no file or folder '.*/pet'.*Did you mean 'pets'\?"):
        listed(put(tmp_path, "pets/x.txt") / "pet")
    with pytest.raises(NotFoundError, match=r"the folder '.*/a/b' does not exist either"):
        listed(tmp_path / "a" / "b" / "c")
    with pytest.raises(DataError, match=r"the folder '.*pets' holds none: it holds 'x.txt'. Name the folder that holds them"):
        listed(tmp_path / "pets")
    with pytest.raises(DataError, match=r"it holds 'm.npz'. Name the file within: '.*/arrays/m.npz'"):
        listed(put(tmp_path / "arrays", "m.npz"))
    (tmp_path / "void").mkdir()
    with pytest.raises(DataError, match=r"the folder '.*void' is empty"):
        listed(tmp_path / "void")
    for name in ("cat", "dog"):
        (tmp_path / "void" / name).mkdir()
    put(tmp_path, "void/dog/.DS_Store")
    with pytest.raises(DataError, match=r"the folder '.*void' holds only empty folders: 'cat', 'dog'. Put the pictures into them"):
        listed(tmp_path / "void")
    with pytest.raises(DataError, match=r"could not be read as a zip: File is not a zip file"):
        listed(put(tmp_path, "no.zip") / "no.zip")
