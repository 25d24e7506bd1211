"""Whether the intervals of a run hold what they claim is tried on its own rows: what comes back, and that it is what was claimed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import scipy.stats
from pyarrow import csv
from statsmodels.stats.proportion import proportion_confint

from weights import api
from weights.checking import Check, Held, _held, check_intervals
from weights.errors import DataError, Interrupted, NotFoundError, UsageError
from weights.prepared import GivenRows
from weights.preparing import read_whole, ready_again

SETTINGS = {"model": "linear", "members": 8}
SLOPES = {"a": 2.0, "b": 1.0, "c": 0.0, "d": 0.0}
ROUNDING = 1e-12
"""Bounds are a middle and a half width: where they meet 0 or 1, the last digit may be off."""


def write_table(path: Path, slopes: dict[str, float], n: int, *, seed: int) -> Path:
    """A CSV file of independent normal features, a value y with these slopes and noise of one, and its sign as class."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(n, len(slopes)))
    y = x @ np.array([*slopes.values()]) + random.normal(size=n)
    csv.write_csv(pa.table({**dict(zip(slopes, x.T, strict=True)), "y": y, "state": np.where(y > 0, "up", "down")}), path)
    return path


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Path:
    return write_table(tmp_path_factory.mktemp("checking") / "values.csv", SLOPES, 120, seed=0)


@pytest.fixture(scope="module")
def model(table) -> api.Model:
    """A run that was saved and loaded again."""
    api.fit(table, "y", drop=["state"], save=table.with_name("run"), **SETTINGS)
    return api.load(table.with_name("run"))


@pytest.fixture(scope="module")
def check(model) -> Check:
    return api.check_intervals(model, simulations=3)


@pytest.fixture(scope="module")
def check_of_classes(table) -> Check:
    return api.check_intervals(api.fit(table, "state", drop=["y"], **SETTINGS), simulations=3)


@pytest.fixture(params=["values", "classes"])
def either(request) -> Check:
    return request.getfixturevalue("check" if request.param == "values" else "check_of_classes")


# What comes back


def test_a_check_says_how_much_it_simulated(check):
    assert (check.n_simulations, check.n_rows) == (3, 120)


def test_what_was_measured_is_a_share_within_its_interval(either):
    for held in either.held:
        assert -ROUNDING <= held.low <= held.measured <= held.high + ROUNDING <= 1 + 2 * ROUNDING


def test_intervals_claim_95_percent(either):
    assert {held.nominal for held in either.held} == {0.95}


def test_every_kind_of_feature_is_told_apart(check):
    # Slopes of 2 and 1 are some twenty and ten standard errors, of the two of 0 one was cut out.
    assert [(held.what, held.kind) for held in check.held] == [
        ("effect", "null"),
        ("effect", "strong"),
        ("effect", "weak"),
        ("importance", "null"),
    ]


def test_intervals_are_counted_over_all_simulations(check):
    assert [held.n_intervals for held in check.held] == [3, 6, 3, 3]


def test_the_features_that_matter_least_are_cut_out(model, check):
    # Three in ten of four features are one.
    [least, *_] = sorted(model.report.feature_weights.importances, key=lambda one: one.value)
    assert check.null_features == least.features


def test_the_same_seed_gives_the_same_result(model, check):
    assert api.check_intervals(model, simulations=3, seed=0) == check


def test_checking_leaves_the_run_as_it_was(model, check, table):
    assert model.report == api.load(table.with_name("run")).report


def test_the_progress_goes_on_within_simulations_and_ends_with_the_last(model):
    reported = []
    api.check_intervals(model, simulations=2, progress=reported.append)
    assert {progress.name for progress in reported} == {"simulations"}
    shares = [progress.share for progress in reported]
    assert shares == sorted(shares)
    assert {0.5, 1.0} <= {*shares}
    assert len({*shares}) > 4


def test_the_rows_may_have_moved(model, check, table, tmp_path):
    moved = tmp_path / "moved.csv"
    moved.write_bytes(table.read_bytes())
    assert api.check_intervals(model, moved, simulations=3) == check


# The interval around what was measured


@pytest.mark.parametrize("n_held", [0, 1, 9, 10])
def test_simulations_of_one_interval_each_have_wilsons_interval(n_held):
    found = _held("effect", "weak", [[i < n_held] for i in range(10)])
    # We take 1.96 for 1.959964.
    assert (found.low, found.high) == pytest.approx(proportion_confint(n_held, 10, method="wilson"), abs=1e-5)


def test_intervals_that_fail_together_count_as_one():
    # In four of five simulations all ten held the truth, in one none: no more is known than from five intervals.
    found = _held("effect", "weak", [[True] * 10] * 4 + [[False] * 10])
    assert (found.measured, found.n_intervals) == (0.8, 50)
    assert (found.low, found.high) == pytest.approx(proportion_confint(4, 5, method="wilson"), abs=1e-5)  # as above


def test_intervals_that_fail_apart_count_each():
    # One of ten in every simulation: less alike than chance would have them.
    found = _held("effect", "weak", [[False] + [True] * 9] * 5)
    assert (found.low, found.high) == pytest.approx(proportion_confint(45, 50, method="wilson"), abs=1e-5)  # as above


# What is refused


@pytest.mark.parametrize("n_simulations", [1, 0, -5])
def test_too_few_simulations_are_refused(model, n_simulations):
    with pytest.raises(UsageError, match=f"At least two simulations are needed, but {n_simulations} came"):
        api.check_intervals(model, simulations=n_simulations)


def test_a_fit_without_inspection_is_refused(table):
    bare = api.fit(table, "y", drop=["state"], inspect=False, **SETTINGS)
    with pytest.raises(UsageError, match=r"fitted without inspection, so it has no intervals to check\. Fit again without --no-inspect"):
        api.check_intervals(bare, simulations=2)


def test_rows_that_came_from_memory_are_refused():
    random = np.random.default_rng(0)
    model = api.fit({"a": random.normal(size=40), "y": random.normal(size=40)}, "y", **SETTINGS)
    with pytest.raises(UsageError, match=r"came from memory and were not saved with the run\. Give them again"):
        api.check_intervals(api.Model(model.ensemble), simulations=2)


def test_rows_of_other_features_are_refused(model, tmp_path):
    other = write_table(tmp_path / "other.csv", {"a": 2.0, "b": 1.0, "e": 0.0}, 120, seed=0)
    with pytest.raises(
        DataError, match=r"The rows must be those the run was fitted to, and .* their columns are not as they were\. Were they changed"
    ):
        api.check_intervals(model, other, simulations=2)


def test_rows_without_the_target_are_refused(model, tmp_path):
    (tmp_path / "new.csv").write_text("a,b,c,d\n1,2,3,4\n")
    with pytest.raises(NotFoundError, match=r"has no column 'y' to use as target"):
        api.check_intervals(model, tmp_path / "new.csv", simulations=2)


def test_rows_that_are_gone_are_not_found(table, tmp_path):
    gone = tmp_path / "gone.csv"
    gone.write_bytes(table.read_bytes())
    model = api.fit(gone, "y", drop=["state"], **SETTINGS)
    gone.unlink()
    with pytest.raises(NotFoundError, match=r"There is no file or bundled example called '.*gone\.csv'"):
        api.check_intervals(model, simulations=2)


def test_a_check_that_is_asked_to_stop_does(model):
    origin = model.report.origin
    rows = read_whole(GivenRows(origin.source), origin.roles, merge=origin.merged)
    prepared = ready_again(rows, model.ensemble.task, model.specs, 1)
    with pytest.raises(Interrupted, match=r"The check was stopped\."):
        check_intervals(model.ensemble, prepared, n_simulations=2, stopping=lambda: True)


# The claim


@pytest.fixture(scope="module")
def claims(tmp_path_factory) -> Check:
    """Forty simulations of a table that linear models are right for: 300 rows and six features, two of which have no effect."""
    slopes = {"a": 1.0, "b": -0.5, "c": 0.3, "d": 0.1, "e": 0.0, "f": 0.0}
    path = write_table(tmp_path_factory.mktemp("claims") / "linear.csv", slopes, 300, seed=0)
    return api.check_intervals(api.fit(path, "y", drop=["state"], **SETTINGS), simulations=40)


def test_intervals_of_effects_hold_the_truth_95_times_in_100_where_the_model_is_right(claims):
    found = [held for held in claims.held if held.what == "effect"]
    n_intervals, n_held = sum(held.n_intervals for held in found), sum(round(held.measured * held.n_intervals) for held in found)
    assert n_intervals == 40 * 6
    # Features are independent, hence nearly so the errors of their slopes: 240 intervals at 95 % hold 219 to 236 truths (91.3 to 98.3 %)
    # in 99 of 100 such checks, by the binomial distribution.
    low, high = scipy.stats.binom.interval(0.99, n_intervals, 0.95)
    assert (low, high) == (219, 236)
    assert low <= n_held <= high


def test_a_feature_without_importance_is_rarely_said_to_have_some(claims):
    # One interval a simulation, of which one in forty may lie above zero: more than four of forty come in less than 1 of 200 such checks.
    [importance] = [held for held in claims.held if held.what == "importance"]
    assert (importance.kind, importance.n_intervals) == ("null", 40)
    assert importance.measured >= 36 / 40


def test_a_check_shows_itself_as_a_table():
    check = Check(40, 1500, [Held("effect", "strong", 0.95, 0.941, 0.92, 0.96, 300)], ["<luck>"])
    assert repr(check) == str(check)
    assert ["effect", "strong", "95", "%", "94.1", "%", "[92.0", "96.0]", "300"] in [line.split() for line in str(check).splitlines()]
    assert "&lt;luck&gt;" in check._repr_html_()
