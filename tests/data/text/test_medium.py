"""Files of texts: which sources are some, and how they are read."""

import zipfile

import pytest

from weights.data.files.labelled import FILE_NAMES, read_files
from weights.data.table.delimited import remarks_of
from weights.data.table.read import read_table
from weights.data.text.medium import TEXT_FILES, TextOptions, holds_texts, read_new_texts
from weights.errors import DataError

LETTERS = {
    "ham/a.txt": b"see you tomorrow",
    "ham/b.txt": "Grüße, bis morgen".encode(),
    "ham/c.TXT": "Grüße".encode("cp1252"),
    "spam/d.txt": "win a prize".encode("utf-16"),
    "spam/e.txt": b"win\x00 now",
    "spam/f.text": b"",
}


def write(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def test_a_folder_for_each_class_is_read_whatever_the_encoding_of_its_files(tmp_path):
    table = read_files(write(tmp_path, LETTERS), TEXT_FILES, TextOptions())
    assert table["text"].to_pylist() == ["see you tomorrow", "Grüße, bis morgen", "Grüße", "win a prize", "win now", ""]
    assert table["class"].to_pylist() == ["ham"] * 3 + ["spam"] * 3
    assert table[FILE_NAMES].to_pylist() == [*LETTERS]
    assert remarks_of(table) == [
        "1 text is in no Unicode, and read as Western European (Windows-1252): ham/c.TXT",
        "1 text is with NUL characters, which were left out: spam/e.txt",
    ]


def test_a_zip_is_read_as_the_folder_is(tmp_path):
    archive = zipped(tmp_path / "mails.zip", LETTERS)
    assert holds_texts(archive)
    assert read_files(archive, TEXT_FILES, TextOptions()).equals(read_files(write(tmp_path / "mails", LETTERS), TEXT_FILES, TextOptions()))


def test_an_official_split_is_kept(tmp_path):
    files = {f"{part}/{label}/{i}.txt": b"some words" for part in ("train", "test") for label in ("a", "b") for i in range(2)}
    table = read_files(write(tmp_path, files), TEXT_FILES, TextOptions())
    assert table["split"].to_pylist() == ["train"] * 4 + ["test"] * 4


@pytest.mark.parametrize(
    ("files", "holds"),
    [
        (LETTERS, True),
        ({**LETTERS, "readme.md": b"", "labels.csv": b""}, True),
        ({"a/1.png": b"", "a/2.png": b"", "notes.txt": b""}, False),
        ({"table.csv": b"a,b\n"}, False),
        ({}, False),
    ],
    ids=["texts", "texts and others", "pictures", "a table", "nothing"],
)
def test_a_folder_of_texts_is_one_most_of_whose_files_are(tmp_path, files, holds):
    assert holds_texts(write(tmp_path, files)) is holds


def test_what_is_no_folder_holds_no_texts(tmp_path):
    table = write(tmp_path, {"table.txt": b"a\tb\n1\t2\n"}) / "table.txt"
    assert not holds_texts(table)
    assert not holds_texts(zipped(tmp_path / "table.zip", {"table.csv": b"a,b\n1,2\n"}))
    assert not holds_texts(tmp_path / "nowhere")
    (tmp_path / "broken.zip").write_bytes(b"PK")
    assert not holds_texts(tmp_path / "broken.zip")


def test_files_that_cannot_be_read_are_said_and_too_many_are_refused(tmp_path):
    many = {f"a/{i}.txt": b"word" for i in range(40)} | {"b/x.txt": b"y" * 2000}
    folder, medium = write(tmp_path, many), TEXT_FILES._replace(most_bytes=1000)
    table = read_files(folder, medium, TextOptions())
    assert table.num_rows == 40
    assert any("1 of 41 texts could not be read and was left out" in remark for remark in remarks_of(table))
    with pytest.raises(DataError, match="Every text must be readable here"):
        read_files(folder, medium, TextOptions(strict=True))


def test_progress_is_told(tmp_path):
    told = []
    read_files(write(tmp_path, LETTERS), TEXT_FILES, TextOptions(report_progress=told.append))
    assert told[-1] == 1.0


def test_a_file_alone_is_one_text_unless_it_is_a_table_with_the_column(tmp_path):
    write(tmp_path, {"letter.txt": b"dear all,\nsee you\n", "table.txt": b"note\tx\nsee you\t1\nbye all\t2\n"})
    letter = read_new_texts(tmp_path / "letter.txt", "note", read_table)
    assert letter["note"].to_pylist() == ["dear all,\nsee you\n"]
    assert read_new_texts(tmp_path / "table.txt", "note", read_table)["note"].to_pylist() == ["see you", "bye all"]


def test_new_files_become_a_column_of_the_name_of_training(tmp_path):
    table = read_new_texts(write(tmp_path, {"a.txt": b"one", "b.txt": b"two"}), "note", read_table)
    assert table["note"].to_pylist() == ["one", "two"]
    assert table[FILE_NAMES].to_pylist() == ["a.txt", "b.txt"]
