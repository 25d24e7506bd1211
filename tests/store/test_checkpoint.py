"""Checkpoints: written when due, read back bit for bit, and never continued with anything they do not belong to."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save as save_tensors

from weights.errors import CorruptError, NotFoundError, StorageError, UsageError
from weights.spec import Spec, with_settings
from weights.store.checkpoint import Checkpoints, fingerprint
from weights.training.control import Snapshot

ARRAYS = {
    "state/0": np.arange(6, dtype=np.float32).reshape(2, 3),
    "state/1": np.array([3, 3], np.int32),
    "infos/0": np.array([[np.nan, np.inf, -0.0]]),
}
VALUES = {"round": 3, "curve": [float.hex(0.1)], "members": [[2, float.hex(0.1), ""], [-1, float.hex(float("inf")), "it failed"]]}
SNAPSHOT = Snapshot(ARRAYS, VALUES)


def snapshot() -> Snapshot:
    return SNAPSHOT


@pytest.fixture
def checkpoints(tmp_path) -> Checkpoints:
    """A folder that was claimed for a run."""
    checkpoints = Checkpoints(tmp_path / "run", "mine", every_seconds=0.0)
    checkpoints.begin(resume=False)
    return checkpoints


@pytest.fixture
def patient(tmp_path) -> Checkpoints:
    """The same, but with an hour between two checkpoints."""
    checkpoints = Checkpoints(tmp_path / "run", "mine", every_seconds=3600.0)
    checkpoints.begin(resume=False)
    return checkpoints


@pytest.fixture
def file(checkpoints):
    """A checkpoint of the population "mlp"."""
    checkpoints.keep("mlp", snapshot, True)
    return checkpoints.folder / "mlp.checkpoint"


def test_a_checkpoint_lies_beside_the_run(checkpoints, tmp_path):
    assert checkpoints.folder == tmp_path / "run.checkpoint"


@pytest.mark.usefixtures("file")
def test_arrays_come_back_as_the_same_bits(checkpoints):
    found = checkpoints.begin(resume=True)["mlp"].arrays
    assert {name: (a.dtype, a.shape, a.tobytes()) for name, a in found.items()} == {
        name: (a.dtype, a.shape, a.tobytes()) for name, a in ARRAYS.items()
    }


@pytest.mark.usefixtures("file")
def test_values_come_back_equal(checkpoints):
    assert checkpoints.begin(resume=True)["mlp"].values == VALUES


def test_each_population_has_its_own_file(checkpoints):
    for name in ("linear", "mlp"):
        checkpoints.keep(name, snapshot, True)
    assert [*checkpoints.begin(resume=True)] == ["linear", "mlp"]


def test_a_newer_snapshot_replaces_the_older(checkpoints, file):
    checkpoints.keep("mlp", lambda: Snapshot(ARRAYS, {**VALUES, "round": 4}), True)
    assert checkpoints.begin(resume=True)["mlp"].values["round"] == 4


def test_nothing_unfinished_is_left_in_the_folder(file):
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []


def test_between_two_checkpoints_some_time_must_pass(patient):
    patient.keep("mlp", snapshot, False)
    assert patient.begin(resume=True) == {}


def test_the_last_checkpoint_before_stopping_is_written_at_any_time(patient):
    patient.keep("mlp", snapshot, True)
    assert [*patient.begin(resume=True)] == ["mlp"]


def test_a_run_that_was_interrupted_before_its_first_checkpoint_can_be_resumed(checkpoints):
    assert checkpoints.begin(resume=True) == {}


@pytest.mark.usefixtures("file")
def test_an_interrupted_run_is_not_overwritten(checkpoints):
    with pytest.raises(UsageError, match=r"An interrupted run waits in '.*run\.checkpoint'\. Go on with --resume, or remove that folder"):
        checkpoints.begin(resume=False)
    assert [*checkpoints.begin(resume=True)] == ["mlp"]


def test_a_checkpoint_that_is_due_is_written(checkpoints):
    checkpoints.keep("mlp", snapshot, False)
    assert [*checkpoints.begin(resume=True)] == ["mlp"]


@pytest.mark.usefixtures("file")
def test_removing_leaves_nothing(checkpoints, tmp_path):
    checkpoints.remove()
    assert [*tmp_path.iterdir()] == []


def test_removing_what_is_not_there_is_no_error(tmp_path):
    Checkpoints(tmp_path / "run", "mine").remove()


def test_a_missing_checkpoint_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match=r"There is no checkpoint at '.*run\.checkpoint' to resume from\. Run the same command without"):
        Checkpoints(tmp_path / "run", "mine").begin(resume=True)


@pytest.mark.usefixtures("file")
def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"was made from other data, settings or another version\. Use the very command"):
        Checkpoints(tmp_path / "run", "yours").begin(resume=True)


@pytest.mark.parametrize(
    "content", [lambda b: b[:-1], lambda b: b[:40], lambda b: b"", lambda b: bytes(4_000)], ids=["cut", "short", "empty", "zeros"]
)
def test_a_file_that_is_not_whole_is_corrupt(checkpoints, file, content):
    file.write_bytes(content(file.read_bytes()))
    with pytest.raises(CorruptError, match=r"mlp\.checkpoint' is not as it was written\. Remove '.*' and run without --resume"):
        checkpoints.begin(resume=True)


@pytest.mark.parametrize("metadata", [None, {"fingerprint": "mine"}, {"values": "{}"}, {"fingerprint": "mine", "values": "{"}])
def test_other_safetensors_are_no_checkpoint(checkpoints, file, metadata):
    file.write_bytes(save_tensors(ARRAYS, metadata))
    with pytest.raises(CorruptError, match=r"mlp\.checkpoint' is not as it was written\. Remove '.*' and run without --resume"):
        checkpoints.begin(resume=True)


def test_every_flipped_byte_is_noticed(checkpoints, file):
    content, random, unnoticed = file.read_bytes(), np.random.default_rng(0), []
    for position in range(len(content)):
        flipped = bytearray(content)
        flipped[position] ^= int(random.integers(1, 256))
        file.write_bytes(flipped)
        try:
            checkpoints.begin(resume=True)
            unnoticed.append(position)
        except CorruptError:
            pass
    assert unnoticed == []


def test_a_checkpoint_that_cannot_be_written_is_said(checkpoints):
    checkpoints.remove()
    with pytest.raises(StorageError, match=r"'.*mlp\.checkpoint' could not be written: .*\. Free space or choose another place"):
        checkpoints.keep("mlp", snapshot, True)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "letter").write_text("")
    with pytest.raises(StorageError, match=r"'.*run\.checkpoint' could not be written: .*\. Free space or choose another place"):
        Checkpoints(tmp_path / "letter" / "run", "mine").begin(resume=False)


def test_a_run_that_had_nothing_to_keep_yet_may_be_started_anew(checkpoints):
    (checkpoints.folder / ".mlp.checkpoint.new").write_bytes(b"cut o")
    assert checkpoints.begin(resume=False) == {}


def test_a_folder_that_was_made_but_not_yet_marked_may_be_started_anew(checkpoints):
    (checkpoints.folder / "fingerprint").unlink()
    assert checkpoints.begin(resume=False) == {}


def test_a_checkpoint_without_its_mark_is_corrupt(checkpoints, file):
    (file.parent / "fingerprint").unlink()
    with pytest.raises(CorruptError, match=r"fingerprint' is not as it was written"):
        checkpoints.begin(resume=True)


def test_a_file_of_another_run_is_refused(checkpoints, file, tmp_path):
    other = Checkpoints(tmp_path / "other", "yours")
    other.begin(resume=False)
    other.keep("mlp", snapshot, True)
    file.write_bytes((other.folder / "mlp.checkpoint").read_bytes())
    with pytest.raises(CorruptError, match=r"mlp\.checkpoint' is not as it was written"):
        checkpoints.begin(resume=True)


def test_a_file_of_another_population_is_refused(checkpoints, file):
    (file.parent / "linear.checkpoint").write_bytes(file.read_bytes())
    with pytest.raises(CorruptError, match=r"linear\.checkpoint' is not as it was written"):
        checkpoints.begin(resume=True)


def test_an_ensemble_of_ten_thousand_members_can_be_resumed(checkpoints):
    arrays = {f"{kind}/{m}": np.zeros(1) for kind in ("infos", "outputs") for m in range(10_000)}
    checkpoints.keep("mlp", lambda: Snapshot(arrays, VALUES), True)
    assert len(checkpoints.begin(resume=True)["mlp"].arrays) == 20_000


def test_a_run_is_claimed_by_one_fit_at_a_time(checkpoints, tmp_path):
    with (
        checkpoints.claim(),
        pytest.raises(UsageError, match=r"run' is being fitted by another process\. Wait until it has ended, or choose another"),
        Checkpoints(tmp_path / "run", "mine").claim(),
    ):
        pass


def test_a_claim_leaves_nothing(checkpoints, tmp_path):
    with checkpoints.claim():
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["run.checkpoint"]


# Fingerprints


def test_the_same_content_has_the_same_fingerprint():
    parts = (np.arange(3.0), Spec(), "0.1.0")
    assert fingerprint(*parts) == fingerprint(np.arange(3.0), Spec(), "0.1.0")


@pytest.mark.parametrize(
    "other",
    [
        (np.arange(3.0) + 1e-9, Spec()),
        (np.arange(3.0, dtype=np.float32), Spec()),
        (np.arange(3.0)[:, None], Spec()),
        (np.arange(3.0), with_settings(Spec(), {"members.seed": 1})),
        (np.arange(3.0), with_settings(Spec(), {"n_steps": 7})),
        (np.arange(3.0),),
    ],
    ids=["value", "type", "shape", "seed", "steps", "fewer"],
)
def test_other_content_has_another_fingerprint(other):
    assert fingerprint(np.arange(3.0), Spec()) != fingerprint(*other)


def test_the_layout_of_an_array_in_memory_does_not_matter():
    array = np.arange(6.0).reshape(2, 3)
    assert fingerprint(array) == fingerprint(np.asfortranarray(array))
