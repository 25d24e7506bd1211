"""Figures of simulations: only those of tables alike are given, and what was published is sane."""

from __future__ import annotations

import msgspec
import pytest

from weights.effects import FeatureWeights, TableShape
from weights.inspection import measured
from weights.inspection.measured import MeasuredCoverage, MeasuredSize, find_measured

COVERAGE = [MeasuredCoverage(kind, n, p, 1, 1, 0.95, 0.95, "one") for kind in ("linear", "neural") for n in (200, 1000) for p in (5, 20)]
SIZES = [
    MeasuredSize("linear", scale, n, levels, rarest, 1, 0.04, 0.06)
    for scale in ("target", "link")
    for n in (200, 1000)
    for levels in (2, 10)
    for rarest in (None, 0.5, 0.1)
    if scale == "target" or rarest is not None
]


READ = measured._read


@pytest.fixture(autouse=True)
def simulated(monkeypatch):
    """These simulated tables only."""
    monkeypatch.setattr(measured, "_read", lambda name, kind: COVERAGE if kind is MeasuredCoverage else SIZES)


@pytest.fixture
def published(monkeypatch, simulated):
    """Those that were published."""
    monkeypatch.setattr(measured, "_read", READ)


def weights(n=1000, p=5, *, linear=True, n_levels=0, rarest=None, kurtosis=3.0) -> FeatureWeights:
    shape = TableShape(n_levels, rarest, kurtosis)
    return FeatureWeights([], [], [], [], {}, {}, "R2", "robust", "least squares", linear, n, p, [], shape=shape)


@pytest.mark.parametrize(("n", "p", "nearest"), [(1000, 5, (1000, 5)), (400, 9, (200, 5)), (600, 11, (1000, 20)), (2400, 49, (1000, 20))])
def test_of_tables_alike_the_nearest_by_ratios_is_chosen(n, p, nearest):
    like = find_measured(weights(n, p), "target")
    assert (like.n, like.p) == nearest


@pytest.mark.parametrize(
    "different",
    [{"n": 2_600}, {"n": 79}, {"p": 51}, {"p": 1}, {"kurtosis": 31.0}],
    ids=["more rows", "fewer rows", "more inputs", "fewer inputs", "heavier tails"],
)
def test_of_numbers_no_figures_are_given_where_no_table_was_alike(different):
    table = weights(**different)
    assert not isinstance(find_measured(table, "target"), MeasuredCoverage)


def test_figures_of_the_other_kind_are_never_given():
    assert find_measured(weights(linear=False), "target").kind == "neural"
    assert find_measured(weights(linear=False, n_levels=10), "target") is None


@pytest.mark.parametrize(
    ("shape", "levels", "rarest"),
    [
        ({"n_levels": 12}, 10, None),
        ({"n_levels": 12, "rarest": 0.4}, 10, 0.5),
        ({"rarest": 0.2}, 2, 0.1),
        ({"kurtosis": 100.0, "rarest": 0.3}, 2, 0.5),
    ],
    ids=["levels", "levels and classes", "a rare class", "heavy tails"],
)
def test_with_levels_rare_classes_or_heavy_tails_figures_are_those_of_false_alarms(shape, levels, rarest):
    size = find_measured(weights(**shape), "target")
    assert (size.levels, size.rarest) == (levels, rarest)


@pytest.mark.parametrize("shape", [{"n_levels": 26}, {"rarest": 0.03}, {"n_levels": 10, "kurtosis": 400.0}])
def test_no_figures_are_given_of_more_levels_rarer_classes_or_heavier_tails(shape):
    assert find_measured(weights(**shape), "target") is None


def test_coverage_is_not_that_of_another_scale():
    assert find_measured(weights(rarest=0.5), "link") is None  # coverage of log odds was not tried
    assert find_measured(weights(n_levels=10, rarest=0.5), "link").scale == "link"


def test_runs_of_older_versions_do_not_say_what_they_are_like():
    assert find_measured(msgspec.structs.replace(weights(), shape=None), "target") is None


# What was published


@pytest.mark.usefixtures("published")
def test_published_shares_are_shares_and_were_measured_on_something():
    for covered in measured._read(measured._COVERAGE, MeasuredCoverage):
        assert 0 < covered.least <= covered.mean <= 1
        assert min(covered.n, covered.p, covered.n_cells, covered.repetitions) >= 1
    for size in measured._read(measured._SIZES, MeasuredSize):
        assert 0 <= size.least <= size.most <= 1
        assert min(size.n, size.levels, size.repetitions) >= 1


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("linear", [True, False])
def test_both_kinds_were_published(linear):
    assert find_measured(weights(linear=linear), "target") is not None
