"""JSON lines: the table they hold; what they may not hold is in tests/hostile."""

import json

from weights.data.table import textfile
from weights.data.table.jsonlines import read_json_lines


def test_keys_that_a_row_lacks_are_missing(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n{"b": "x"}\n')
    assert read_json_lines(tmp_path / "a.jsonl").to_pydict() == {"a": [1, None], "b": [None, "x"]}


def test_text_and_nesting_may_be_cut_anywhere_between_two_pieces(tmp_path, monkeypatch):
    rows = [{"a": 'say "[[{" \\', "b": [1, 2]}, {"a": "\\\\", "b": [3]}] * 20
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for chunk in (1, 2, 3, 5, 7):
        monkeypatch.setattr(textfile, "_CHUNK", chunk)
        assert read_json_lines(tmp_path / "a.jsonl").to_pylist() == rows
