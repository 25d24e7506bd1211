"""Records of users lie in the folder of a run under names that tell nothing, outlive a save, and are refused where they are damaged."""

from __future__ import annotations

import pytest

from small import rank_items
from weights.errors import CorruptError
from weights.recommending.userrecords import Step, UserRecord
from weights.store.format import save
from weights.store.listing import list_runs
from weights.store.userrecords import USERS, UserRecords
from weights.store.verify import is_saved

STEP = Step([1], [5.0], [None], "2026-01-01T00:00:00+00:00")


@pytest.fixture
def run(tmp_path):
    rank_items().save(tmp_path / "run")
    rank_items().records.folder = None  # the model is shared, and stays in memory
    return tmp_path / "run"


@pytest.mark.parametrize("user", [42, "42", "../../etc/passwd", "Ünï", "", 2**62])
def test_a_record_is_read_as_it_was_written_whatever_the_id(run, user):
    records = UserRecords(run)
    records.write(UserRecord(user, [STEP]))
    assert UserRecords(run).read(user) == UserRecord(user, [STEP])
    assert [path.parent.name for path in run.rglob("*.json") if path.parent != run] == [USERS]
    assert len(UserRecords(run).read_all()) == 1
    assert is_saved(run)
    records.write(UserRecord(user))
    assert UserRecords(run).read(user) is None


def test_the_same_digits_as_number_and_text_are_two_users(run):
    records = UserRecords(run)
    records.write(UserRecord(42, [STEP]))
    assert records.read("42") is None


def test_records_outlive_a_save_and_move_with_a_model(run, tmp_path):
    UserRecords(run).write(UserRecord(7, [STEP]))
    save(rank_items().recommender, run)
    assert UserRecords(run).read(7) == UserRecord(7, [STEP])
    assert len(list_runs(run.parent)) == 1
    memory = UserRecords()
    memory.write(UserRecord(9, [STEP]))
    save(rank_items().recommender, tmp_path / "other")
    memory.move_to(tmp_path / "other")
    assert UserRecords(tmp_path / "other").read(9) == UserRecord(9, [STEP])


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"user": 8}', b'{"user": 7, "steps": [], "more": 1}', b'{"user": 7, "steps": [{"items": [1]}]}']
)
def test_a_damaged_record_is_refused_in_words(run, content):
    UserRecords(run).write(UserRecord(7, [STEP]))
    [path] = (run / USERS).iterdir()
    path.write_bytes(content)
    with pytest.raises(CorruptError, match="Remove it, or restore it"):
        UserRecords(run).read(7)
