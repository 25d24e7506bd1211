"""A saved recommender comes back bit for bit; one that no fit could have written is refused in words."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import weights
from damages import change_arrays, change_json, set_at
from preferences import SAID, draw_preferences
from small import rank_items
from weights.errors import CorruptError
from weights.store.format import load
from weights.store.recommenders import arrays_of


@pytest.fixture(scope="module")
def saved(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    rank_items().save(folder)
    return folder


@pytest.fixture
def run(saved, tmp_path) -> Path:
    """A copy of the saved run that a test may damage."""
    return shutil.copytree(saved, tmp_path / "run")


def same(first, second) -> bool:
    own, other = arrays_of(first), arrays_of(second)
    return [*own] == [*other] and all(np.array_equal(own[name], other[name], equal_nan=own[name].dtype.kind == "f") for name in own)


def test_what_was_saved_comes_back_bit_for_bit(saved):
    recommender = load(saved)
    assert same(recommender, rank_items().recommender)
    assert recommender.report == rank_items().recommender.report
    assert recommender.groups == rank_items().recommender.groups


def test_ids_of_text_names_and_tags_of_users_come_back(tmp_path):
    rows = draw_preferences()
    rows = {**rows, "user": np.array([f"Ünï {n}" for n in range(400)])[rows["user"]]}
    users = {"user": np.unique(rows["user"]), "age": np.arange(len(np.unique(rows["user"])))}
    model = weights.fit(rows, users=users, **{**SAID, "time": None}, model="items", strength=5.0, emphasis=0.0)
    model.save(tmp_path / "run")
    assert same(load(tmp_path / "run"), model.recommender)


DAMAGES = {
    "an event of no user": ("events/user", lambda a: np.full_like(a, 999), "that there are not|in the order"),
    "an event twice": ("events/item", np.zeros_like, "in the order of users and items"),
    "a value that is none": ("events/value", lambda a: np.where(np.arange(len(a)) == 3, np.nan, a), "not finite"),
    "ids out of order": ("items/numbers", lambda a: a[::-1].copy(), "items that are not in ascending order"),
    "numbers of another type": ("events/item", lambda a: a.astype(np.float64), "have the type float64"),
    "letters that are none": ("names/letters", lambda a: np.full_like(a, 255), "texts of names that are none"),
    "texts that end nowhere": ("names/ends", lambda a: a + 5, "end where they cannot"),
    "tags that there are not": ("item_tags/place", lambda a: a + 10_000, "tags of items that there are not"),
    "tags that end nowhere": ("item_tags/ends", lambda a: a[::-1].copy(), "end where they cannot"),
    "names of some items only": ("names/ends", lambda a: a[:-1], "lists none|needs"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_arrays_that_no_fit_could_have_written_are_refused(run, damage):
    name, change, message = DAMAGES[damage]
    array = arrays_of(rank_items().recommender)[name]
    change_arrays(run, {name: change(array)})
    with pytest.raises(CorruptError, match=message):
        load(run)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("parts", "popularity"), {"settings": {}, "scale": 0.0, "shares": [0.0] * 5}, "shares or scales"),
        (("parts", "other"), {"settings": {}, "scale": 1.0, "shares": [0.0] * 5}, "models that are not known: other"),
        (("parts", "popularity", "shares"), [1.0], "shares of models that are not 5"),
        (("curves",), {"items": {"strength": {"values": [1.0], "gains": [], "chosen": 1.0, "follows": -1}}}, "curves of settings"),
        (("tag_penalty",), -1.0, "a penalty of tags that is -1.0"),
        (("task", "protocol"), "never", "no way to part events"),
        (("task", "columns", "item"), "user", "two roles are the same column"),
        (("parts", "popularity", "settings", "half_life"), -1.0, "settings of 'popularity' that cannot be"),
    ],
)
def test_a_config_that_no_fit_could_have_written_is_refused(run, path, value, message):
    change_json(run, "config.json", lambda config: set_at(config, path, value))
    with pytest.raises(CorruptError, match=message):
        load(run)


def test_arrays_that_are_missing_or_not_known_are_refused(run):
    change_arrays(run, {"events/value": None})
    with pytest.raises(CorruptError, match="events/value"):
        load(run)


def test_the_card_says_how_good_lists_are_and_whose_ids_lie_there(saved):
    card = (saved / "README.md").read_text()
    assert "ndcg@10" in card
    assert "with the ids of users" in card
