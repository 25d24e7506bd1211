"""P-values of many tests, against statsmodels and worked examples."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from weights.multiplicity import adjusted


def test_holm_multiplies_the_smallest_by_the_number_of_tests_and_never_falls():
    # 3 x 0.01; 2 x 0.02; and 1 x 0.03, which may not be below the one before.
    assert adjusted([0.03, 0.01, 0.02], "holm") == pytest.approx([0.04, 0.03, 0.04], rel=1e-15)


def test_benjamini_and_hochberg_multiply_by_the_number_of_tests_over_the_rank_and_never_rise():
    # 4/3 x 0.03, 4/1 x 0.01, 4/2 x 0.025 which may not be above the one behind, 4/4 x 0.9.
    assert adjusted([0.03, 0.01, 0.025, 0.9], "bh") == pytest.approx([0.04, 0.04, 0.04, 0.9], rel=1e-15)


P_VALUES = {
    "uniform": np.random.default_rng(0).uniform(size=20),
    "mostly small": np.random.default_rng(1).uniform(size=50) ** 4,
    "with ties": np.round(np.random.default_rng(2).uniform(size=30), 1),
    "at the ends": np.array([0.0, 1.0, 0.0, 1.0, 1e-300]),
    "one": np.array([0.04]),
}


@pytest.mark.parametrize("p", P_VALUES.values(), ids=P_VALUES)
@pytest.mark.parametrize(("how", "theirs"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_p_values_are_adjusted_as_in_statsmodels(p, how, theirs):
    # The same products in another order: a few units in the last place.
    np.testing.assert_allclose(adjusted(p.tolist(), how), multipletests(p, method=theirs)[1], rtol=1e-14)


@pytest.mark.parametrize(("how", "theirs"), [("holm", "holm"), ("bh", "fdr_bh")])
def test_a_missing_p_value_stays_so_and_does_not_count(how, theirs):
    found = adjusted([None, 0.01, 0.04, None, 0.03, None], how)
    assert [i for i, p in enumerate(found) if p is None] == [0, 3, 5]
    # The same products in another order: a few units in the last place.
    np.testing.assert_allclose([p for p in found if p is not None], multipletests([0.01, 0.04, 0.03], method=theirs)[1], rtol=1e-14)


@pytest.mark.parametrize("how", ["none", "holm", "bh"])
@pytest.mark.parametrize("nothing", [[], [None, None]])
def test_no_p_values_are_adjusted_to_none(how, nothing):
    assert adjusted(nothing, how) == nothing


def test_p_values_stay_as_they_are_if_no_adjustment_is_asked_for():
    assert adjusted([0.3, None, 0.01], "none") == [0.3, None, 0.01]


def test_adjusting_does_not_change_its_argument():
    p = [0.03, None, 0.01]
    adjusted(p, "holm")
    assert p == [0.03, None, 0.01]
