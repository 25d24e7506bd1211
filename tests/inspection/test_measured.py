"""Measured coverage: the nearest simulated table is found, and what was published is sane."""

from __future__ import annotations

import pytest

from weights.inspection import measured
from weights.inspection.measured import MeasuredCoverage, measured_coverage


def table(n, p, kind="linear") -> MeasuredCoverage:
    return MeasuredCoverage(kind, n, p, n_cells=1, repetitions=1, mean=0.95, least=0.95, worst="one")


@pytest.fixture
def tables(monkeypatch):
    """Simulated tables of these shapes only."""

    def only(*made):
        monkeypatch.setattr(measured, "_all", lambda: list(made))

    return only


@pytest.mark.parametrize(
    ("n_rows", "n_inputs", "nearest"),
    [
        (100, 10, (100, 10)),
        (310, 10, (100, 10)),  # 316 is ten to the power of 2.5, as many times 100 as 1000 is times it
        (325, 10, (1000, 10)),
        (100, 31, (100, 10)),
        (100, 33, (100, 100)),
        (90_000, 0, (1000, 10)),
        (1, 5_000, (100, 100)),
    ],
)
def test_the_table_nearest_by_ratios_is_chosen(tables, n_rows, n_inputs, nearest):
    tables(table(100, 10), table(1000, 10), table(100, 100))
    found = measured_coverage(linear=True, n_rows=n_rows, n_inputs=n_inputs)
    assert (found.n, found.p) == nearest


@pytest.mark.parametrize(("linear", "kind"), [(True, "linear"), (False, "neural")])
def test_figures_of_the_other_kind_are_never_given(tables, linear, kind):
    other = "neural" if linear else "linear"
    tables(table(100, 10, other), table(9_000, 900, kind))
    assert measured_coverage(linear=linear, n_rows=100, n_inputs=10).kind == kind


def test_where_nothing_was_measured_there_are_no_figures(tables):
    tables(table(100, 10, "neural"))
    assert measured_coverage(linear=True, n_rows=100, n_inputs=10) is None


# What was published

PUBLISHED = measured._all()
EACH = pytest.mark.parametrize("one", PUBLISHED, ids=lambda one: f"{one.kind} {one.n} x {one.p}")


@EACH
def test_published_shares_are_shares_and_the_least_is_not_above_the_mean(one):
    assert 0 < one.least <= one.mean <= 1


@EACH
def test_published_figures_say_what_they_were_measured_on(one):
    assert one.kind in ("linear", "neural")
    assert min(one.n, one.p, one.n_cells, one.repetitions) >= 1
    assert one.worst


def test_every_kind_and_shape_was_published_once():
    shapes = [(one.kind, one.n, one.p) for one in PUBLISHED]
    assert len(shapes) == len(set(shapes))


@pytest.mark.parametrize("linear", [True, False])
def test_both_kinds_were_published(linear):
    assert measured_coverage(linear=linear, n_rows=500, n_inputs=10) is not None
