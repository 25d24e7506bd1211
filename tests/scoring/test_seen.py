"""Rows of training among those that are scored: noticed where they are more than chance, never otherwise, and said where unknown."""

from __future__ import annotations

import csv

import numpy as np
import pytest

import weights as wt

LINEAR = {"model": "linear", "members": 5, "n_folds": 5, "inspect": False}


def drawn(n: int, seed: int, *, coarse: bool = False) -> dict:
    rng = np.random.default_rng(seed)
    x = rng.integers(0, 3, n) if coarse else rng.normal(size=n)
    return {"x": x, "ward": rng.choice(["north", "south"], n), "ill": np.where(x + rng.logistic(size=n) > 0, "yes", "no")}


def first(rows: dict, n: int) -> dict:
    return {name: values[:n] for name, values in rows.items()}


def both(one: dict, other: dict) -> dict:
    return {name: np.concatenate([values, other[name]]) for name, values in one.items()}


def write(path, rows: dict) -> str:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(rows)
        writer.writerows(zip(*rows.values(), strict=True))
    return str(path)


def seen(score) -> list[str]:
    return [note for note in score.notes if "learned from" in note]


def test_rows_of_training_under_another_name_are_noticed(tmp_path):
    learned, new = drawn(300, 0), drawn(100, 1)
    model = wt.fit(write(tmp_path / "old.csv", learned), "ill", **LINEAR)
    # Columns that models do not read may differ, as numbers of rows do.
    mixed = both(new, first(learned, 10)) | {"row": np.arange(110)}
    [note] = seen(model.score(write(tmp_path / "new.csv", mixed)))
    assert note.startswith("10 of 110 rows are among those that the run learned from")
    assert seen(model.score(write(tmp_path / "new.csv", new))) == []


def test_equal_rows_of_a_coarse_table_are_no_sign(tmp_path):
    """Of twelve different rows each new one is equal to some of training."""
    model = wt.fit(write(tmp_path / "old.csv", drawn(300, 0, coarse=True)), "ill", **LINEAR)
    assert seen(model.score(drawn(200, 1, coarse=True))) == []


def test_rows_of_the_test_were_not_learned_from(tmp_path):
    rows = drawn(300, 0) | {"part": np.where(np.arange(300) < 100, "test", "train")}
    model = wt.fit(write(tmp_path / "old.csv", rows), "ill", split="part", **LINEAR)
    assert seen(model.score(first(rows, 100))) == []
    assert len(seen(model.score(rows))) == 1


@pytest.mark.parametrize("gone", ["removed", "other columns"])
def test_where_the_rows_of_training_are_not_what_they_were_that_is_said(tmp_path, gone):
    path = tmp_path / "old.csv"
    model = wt.fit(write(path, drawn(100, 0)), "ill", **LINEAR)
    path.unlink()
    if gone == "other columns":
        write(path, {"x": np.arange(5.0), "other": np.arange(5)})
    assert seen(model.score(drawn(50, 1))) == [
        f"whether the run learned from some of these rows could not be looked up: '{path}' is not there any more, or not as it was"
    ]


def test_rows_from_memory_cannot_be_compared():
    model = wt.fit(drawn(100, 0), "ill", **LINEAR)
    assert seen(model.score(drawn(50, 1)))[0].endswith("those of training came from memory")
