"""P-values of many tests, against statsmodels and worked examples."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from weights.multiplicity import adjust_by_family, adjusted


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


def test_one_test_a_family_is_benjamini_and_hochbergs_correction():
    p = np.random.default_rng(0).random(40) ** 2
    np.testing.assert_allclose(adjust_by_family(p[:, None])[:, 0], adjusted(p.tolist(), "bh"))


def test_a_family_is_below_a_level_where_its_corrected_least_is_among_enough():
    p = np.array([[0.001, 0.9, np.nan], [0.3, 0.012, 0.5], [0.6, 0.7, 0.8], [np.nan] * 3])
    found = adjust_by_family(p)
    np.testing.assert_allclose(found[:, 0][[0]], [3 * 0.002])  # of three families
    np.testing.assert_allclose(found[1, 1], 3 * 0.036 / 2)
    assert np.isnan(found[3]).all()
    assert np.isnan(found[0, 2])


def test_of_families_without_an_effect_few_are_announced_however_many_tests_the_others_have():
    """A tenth of announced families at most, with four standard errors; with one correction for all tests it would be a third."""
    rng, shares, naive = np.random.default_rng(1), [], []
    for _ in range(300):
        p = rng.random((60, 5))
        p[:10] = 1e-12
        found = adjust_by_family(p) <= 0.1
        shares.append(found[10:].any(1).sum() / found.any(1).sum())
        flat = np.reshape(adjusted(p.ravel().tolist(), "bh"), p.shape) <= 0.1
        naive.append(flat[10:].any(1).sum() / flat.any(1).sum())
    assert np.mean(shares) <= 0.1 + 4 * np.std(shares) / np.sqrt(300)
    assert np.mean(naive) > 0.2
