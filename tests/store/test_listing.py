"""Saved runs are listed with what they are of, and nothing but a run is ever removed."""

import os

import numpy as np
import pytest

import weights as wt
from weights.api import plan_fit
from weights.errors import NotFoundError, UsageError
from weights.report.runs import run_lines
from weights.store.checkpoint import Checkpoints
from weights.store.listing import check_replaceable, describe_run, list_runs, remove_run

FRAME = {"x": [0.5 * i * (-1) ** i for i in range(40)], "y": [0.5 * i for i in range(40)]}


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
    with pytest.raises(UsageError, match=r"iris holds a run which cannot be read \(.* holds? what it should.* --overwrite to replace it"):
        check_replaceable(runs / "iris", plan_fit("iris"), overwrite=False)
    assert check_replaceable(runs / "iris", plan_fit("iris"), overwrite=True)


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


def interrupt(run) -> str:
    """What a fit that was to be saved there leaves where it is interrupted."""
    checkpoints = Checkpoints(run, "of these rows")
    with checkpoints.claim():
        checkpoints.begin(resume=False)
        checkpoints.keep("linear", lambda: ({"w": np.zeros(3)}, {"step": 1}), final=True)
    return str(checkpoints.folder)


def test_what_an_interrupted_fit_has_left_is_listed_as_unfinished_and_removed_like_a_run(runs):
    unfinished = interrupt(runs / "wine")
    [left] = [saved for saved in list_runs(runs) if saved.unfinished]
    assert (left.run, left.damaged, left.value) == (unfinished, "", None)
    lines = run_lines(list_runs(runs), str(runs))
    assert any("unfinished" in line and "wine.checkpoint" in line for line in lines)
    assert lines[-1].strip().startswith("Unfinished fits go on with their command and --resume")
    with Checkpoints(runs / "wine", "").claim(), pytest.raises(UsageError, match="is being fitted by another process"):
        remove_run(runs / "wine.checkpoint")
    (runs / "wine.checkpoint" / "thesis.tex").write_text("")
    with pytest.raises(UsageError, match="is not a saved run, so it is not removed"):
        remove_run(runs / "wine.checkpoint")
    os.unlink(runs / "wine.checkpoint" / "thesis.tex")
    remove_run(runs / "wine.checkpoint")
    assert not os.path.lexists(unfinished)
    assert not [saved for saved in list_runs(runs) if saved.unfinished]


def test_a_run_takes_the_place_of_one_of_the_same_file_and_target(runs, tmp_path):
    assert check_replaceable(runs / "iris", plan_fit("iris"), overwrite=False)
    assert not check_replaceable(runs / "new", plan_fit("iris"), overwrite=False)
    for other in (plan_fit("wine"), plan_fit("iris", "petal width (cm)"), plan_fit(FRAME, "y")):
        with pytest.raises(UsageError, match=r"holds a run of 'species' in iris. Name another folder .* \(in Python: overwrite=True\)"):
            check_replaceable(runs / "iris", other, overwrite=False)
        assert check_replaceable(runs / "iris", other, overwrite=True)


def test_a_run_of_rows_from_memory_takes_the_place_of_one_of_the_same_rows(tmp_path):
    quick = {"model": "linear", "members": 2, "inspect": False}
    wt.fit(FRAME, "y", save=tmp_path / "run", **quick)
    again = wt.fit({**FRAME}, "y", save=tmp_path / "run", strength=0.5, **quick)
    other = {**FRAME, "x": [2 * value for value in FRAME["x"]]}
    with pytest.raises(UsageError, match="holds a run of 'y' in dict"):
        wt.fit(other, "y", save=tmp_path / "run", **quick)
    assert wt.load(tmp_path / "run").specs == again.specs
    wt.fit(other, "y", save=tmp_path / "run", overwrite=True, **quick)
    with pytest.raises(UsageError, match="holds a run"):
        again.improve("wider", save=tmp_path / "run")
