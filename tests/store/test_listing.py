"""Saved runs are listed with what they are of, and nothing but a run is ever removed."""

import os

import pytest

import weights as wt
from weights.errors import NotFoundError, UsageError
from weights.store.listing import describe_run, is_like, list_runs, remove_run


@pytest.fixture(scope="module")
def model():
    return wt.fit("iris", model="linear", members=2, inspect=False)


@pytest.fixture
def runs(model, tmp_path):
    model.save(tmp_path / "runs" / "iris")
    model.save(tmp_path / "runs" / "of may" / "iris")
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "runs" / "notes" / "config.json").write_text("{}")
    return tmp_path / "runs"


def test_a_run_says_what_it_is_of(runs, model):
    saved = describe_run(runs / "iris")
    assert (saved.data, saved.target, saved.task, saved.models, saved.n_samples) == ("iris", "species", "multiclass", ["linear"], 150)
    assert (saved.metric, saved.value.value) == ("log_loss", model.metrics["log_loss"])
    assert saved.created == model.report.created


def test_runs_are_found_in_a_folder_and_those_in_it(runs):
    assert {saved.run for saved in list_runs(runs)} == {str(runs / "iris"), str(runs / "of may" / "iris")}
    assert [saved.run for saved in list_runs(runs / "iris")] == [str(runs / "iris")]
    with pytest.raises(NotFoundError, match="There is no folder"):
        list_runs(runs / "none")


def test_a_damaged_run_is_listed_with_the_reason(runs):
    (runs / "iris" / "metrics.json").write_text("{")
    [damaged] = [saved for saved in list_runs(runs) if saved.damaged]
    assert "does not hold what it should" in damaged.damaged
    assert not is_like(runs / "iris", "species", None)


def test_only_a_run_is_removed(runs):
    (runs / "link").symlink_to(runs / "iris")
    (runs / "iris" / "thesis.tex").write_text("")
    for name in ("notes", "iris", "link", "of may"):
        with pytest.raises(UsageError, match="is not a saved run, so it is not removed"):
            remove_run(runs / name)
    with pytest.raises(NotFoundError, match="There is no saved run"):
        remove_run(runs / "none")
    os.unlink(runs / "iris" / "thesis.tex")
    remove_run(runs / "iris")
    assert sorted(os.listdir(runs)) == ["link", "notes", "of may"]


def test_runs_are_alike_by_their_file_and_target(runs, model):
    origin = model.report.origin
    assert is_like(runs / "iris", "species", origin)
    assert not is_like(runs / "iris", "petal", origin)
    assert not is_like(runs / "iris", "species", None)
