"""Who learns from which rows: laws that every way of drawing them must keep."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given, settings
from hypothesis import strategies as st

from weights.errors import DataError, UsageError
from weights.spec import Members
from weights.training.resampling import Draw, resample

DRAWN = ("folds", "bootstrap", "subsample")
KINDS = (*DRAWN, "time")
exhaustive = settings(deadline=None, derandomize=True, max_examples=60)


def drawn(kind: str, n_samples: int = 60, n_members: int = 12, *, seed: int = 0, n_folds: int = 5, **roles):
    members = Members(n_members=n_members, resampling=kind, n_folds=n_folds, seed=seed)
    if kind == "time":
        roles.setdefault("time", np.arange(float(n_samples)))
    return resample(members, n_samples, **roles)


@pytest.mark.parametrize(("n_samples", "n_folds", "repeats"), [(40, 8, 1), (41, 8, 3), (7, 3, 2), (5, 5, 2)])
def test_with_folds_every_row_is_out_of_bag_equally_often(n_samples, n_folds, repeats):
    rows = drawn("folds", n_samples, n_folds * repeats, n_folds=n_folds)
    np.testing.assert_array_equal(rows.scored.sum(0), np.full(n_samples, repeats))


def test_folds_are_of_equal_size_up_to_one_row():
    sizes = drawn("folds", 43, 8, n_folds=8).scored.sum(1)
    assert set(sizes) == {5, 6}


def test_a_second_repeat_of_folds_is_cut_anew():
    rows = drawn("folds", 60, 10, n_folds=5)
    assert not np.array_equal(rows.scored[:5], rows.scored[5:])


def test_folds_hold_each_class_in_its_share():
    strata = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [50, 30, 21]))
    rows = drawn("folds", 101, 10, n_folds=5, strata=strata)
    held = np.stack([[np.sum(scored & (strata == k)) for k in range(3)] for scored in rows.scored])
    # A class of n_k rows is dealt over 5 folds, so each holds n_k / 5 rows up to rounding.
    assert np.abs(held - np.array([50, 30, 21]) / 5).max() < 1


def test_a_rare_class_is_never_missing_from_the_rows_learned_from():
    strata = np.zeros(60, int)
    strata[:2] = 1
    rows = drawn("folds", 60, 10, n_folds=5, strata=strata)
    assert (rows.counts[:, :2].sum(1) >= 1).all()


@pytest.mark.parametrize("seed", range(5))
def test_folds_of_groups_hold_each_class_and_all_rows_in_about_equal_parts(seed):
    rng = np.random.default_rng(seed)
    size = rng.geometric(0.3, 200)
    class_of_group = rng.choice(3, 200, p=[0.75, 0.2, 0.05])
    group = rng.permutation(np.repeat(np.arange(200), size))
    rows = drawn("folds", len(group), 10, seed=seed, strata=class_of_group[group], group=group)
    held = np.stack([[np.sum(scored & (class_of_group[group] == k)) for k in range(3)] for scored in rows.scored])
    n_groups = [len(np.unique(group[scored])) for scored in rows.scored]
    assert set(n_groups) == {40}
    # Groups are dealt in order of their size, so that what folds differ by adds up to the largest, and to one more at the edge of a class.
    assert np.ptp(held, axis=0).max() <= 2 * size.max()
    assert np.ptp(rows.scored.sum(1)) <= 2 * size.max()


def test_folds_of_groups_of_several_classes_hold_a_rare_one_in_about_equal_parts():
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(120), 6)
    strata = (rng.random(720) < np.repeat(rng.beta(0.2, 2.0, 120), 6)).astype(int)
    rare = drawn("folds", 720, 5, strata=strata, group=group).scored @ strata
    assert np.ptp(rare) <= 6  # the most that a group can hold; without regard to classes it is 19


@pytest.mark.parametrize("kind", DRAWN)
def test_a_member_is_judged_on_exactly_the_rows_it_never_saw(kind):
    rows = drawn(kind)
    np.testing.assert_array_equal(rows.scored, rows.counts == 0)


@pytest.mark.parametrize("kind", DRAWN)
def test_all_members_vote_alike(kind):
    np.testing.assert_array_equal(drawn(kind).member_weights, np.ones(12))


@pytest.mark.parametrize("kind", DRAWN)
@exhaustive
@given(codes=st.lists(st.integers(0, 6), min_size=4, max_size=40).filter(lambda codes: len(set(codes)) > 1), seed=st.integers(0, 99))
def test_rows_of_a_group_always_go_together(kind, codes, seed):
    group = np.array(codes)
    counts = drawn(kind, len(group), 6, seed=seed, group=group).counts
    for code in np.unique(group):
        alike = counts[:, group == code]
        np.testing.assert_array_equal(alike, alike[:, :1].repeat(alike.shape[1], axis=1))


def test_split_by_time_a_group_is_never_on_both_sides():
    group = np.arange(60) // 7  # some groups straddle the edge of two blocks
    rows = drawn("time", group=group)
    shared = [set(group[counts > 0]) & set(group[scored]) for counts, scored in zip(rows.counts, rows.scored, strict=True)]
    assert shared == [set()] * 12


@exhaustive
@given(moments=st.lists(st.integers(0, 30), min_size=6, max_size=60).filter(lambda moments: len(set(moments)) >= 3))
def test_split_by_time_nobody_is_judged_on_a_row_that_is_not_later_than_all_it_learned_from(moments):
    time = np.array(moments, float)
    rows = drawn("time", len(time), time=time)
    for counts, scored in zip(rows.counts, rows.scored, strict=True):
        assert not scored.any() or time[counts > 0].max() < time[scored].min()


def test_split_by_time_only_members_that_saw_the_newest_rows_vote():
    rows = drawn("time")
    np.testing.assert_array_equal(rows.member_weights > 0, rows.counts.all(1))


def test_split_by_time_a_member_either_votes_or_is_judged():
    rows = drawn("time")
    np.testing.assert_array_equal(rows.member_weights > 0, ~rows.scored.any(1))


def test_split_by_time_each_block_but_the_first_is_judged_once():
    rows = drawn("time", 60, 12, n_folds=5)
    np.testing.assert_array_equal(rows.scored.sum(0), np.repeat([0, 1], [10, 50]))


@exhaustive
@given(counts=st.lists(st.integers(1, 200), min_size=3, max_size=5))
@example(counts=[1, 1, 98])
def test_split_by_time_some_rows_are_judged_however_the_moments_are_spread(counts):
    time = np.repeat(np.arange(float(len(counts))), counts)
    assert drawn("time", len(time), time=time).scored.any()


def test_bootstrap_draws_as_many_rows_as_there_are():
    np.testing.assert_array_equal(drawn("bootstrap", 500).counts.sum(1, dtype=int), np.full(12, 500))


def test_bootstrap_leaves_out_a_share_of_one_over_e():
    share = drawn("bootstrap", 10_000, 4).scored.mean()
    # Empty cells of n draws into n cells have variance n (1/e - 2/e^2); four draws of 10,000; four deviations.
    assert share == pytest.approx(np.exp(-1), abs=4 * np.sqrt((np.exp(-1) - 2 * np.exp(-2)) / 40_000))


def test_bootstrap_of_groups_draws_as_many_groups_as_there_are():
    group = np.repeat(np.arange(25), 3)
    np.testing.assert_array_equal(drawn("bootstrap", 75, group=group).counts[:, ::3].sum(1, dtype=int), np.full(12, 25))


@pytest.mark.parametrize("kind", DRAWN)
def test_with_two_rows_every_member_learns_from_one_and_is_judged_on_the_other(kind):
    rows = drawn(kind, 2, 40)
    np.testing.assert_array_equal((rows.counts > 0).sum(1), np.ones(40))


def test_a_subsample_holds_the_share_asked_for_without_repeats():
    counts = resample(Members(n_members=6, resampling="subsample", share=0.3), 50).counts
    np.testing.assert_array_equal(counts.sum(1), np.full(6, 15))
    assert counts.max() == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_draws_the_same_rows(kind):
    np.testing.assert_array_equal(drawn(kind, seed=3).counts, drawn(kind, seed=3).counts)


@pytest.mark.parametrize("kind", DRAWN)
def test_another_seed_draws_other_rows(kind):
    assert not np.array_equal(drawn(kind, seed=3).counts, drawn(kind, seed=4).counts)


@pytest.mark.parametrize("kind", KINDS)
def test_a_members_rows_do_not_depend_on_how_many_members_there_are(kind):
    few, many = drawn(kind, n_members=12), drawn(kind, n_members=20)
    np.testing.assert_array_equal(few.counts, many.counts[:12])


def test_with_fewer_groups_than_folds_each_group_is_left_out_in_turn():
    group = np.repeat([4, 7, 9], 5)
    rows = resample(Members(n_members=6, n_folds=8), 15, group=group)
    np.testing.assert_array_equal(rows.scored.sum(0), np.full(15, 2))


def test_one_row_is_too_few():
    with pytest.raises(DataError, match=r"needs two rows or groups at least, but there is 1\. Add data"):
        drawn("folds", 1)


def test_one_group_is_too_few():
    with pytest.raises(DataError, match=r"needs two rows or groups at least, but there is 1\. Add data"):
        drawn("bootstrap", 10, group=np.zeros(10, int))


def test_splitting_by_time_without_a_time_column_is_a_usage_error():
    with pytest.raises(UsageError, match=r"needs a time column\. Name it with --time, or choose folds"):
        resample(Members(resampling="time"), 20)


def test_splitting_two_moments_by_time_is_a_data_error():
    with pytest.raises(DataError, match=r"three different moments at least, but there are 2\."):
        drawn("time", 10, time=np.repeat([1.0, 2.0], 5))


# Rows that pass


def draw_streamed(kind: str, keys: np.ndarray, *, n_members: int = 12, seed: int = 0, **settings):
    members = Members(n_members=n_members, resampling=kind, n_folds=5, seed=seed, **settings)
    return Draw(members, tuple(range(n_members)))(keys)


@pytest.mark.parametrize("kind", DRAWN)
def test_a_streamed_row_is_treated_alike_whenever_it_comes(kind):
    keys = np.random.default_rng(0).permutation(3_000)
    np.testing.assert_array_equal(draw_streamed(kind, keys).counts, draw_streamed(kind, np.arange(3_000)).counts[:, keys])


@pytest.mark.parametrize(("kind", "share", "mean"), [("folds", 0.8, 0.8), ("bootstrap", 1 - np.exp(-1), 1.0), ("subsample", 0.6, 0.6)])
def test_rows_that_pass_are_drawn_as_often_as_asked(kind, share, mean):
    counts = draw_streamed(kind, np.arange(50_000), share=0.6).counts
    # 12 members x 50,000 draws; deviations of at most 1 give standard errors below 1 / sqrt(50,000) = 0.0045 a member.
    np.testing.assert_allclose((counts > 0).mean(1), share, atol=4 * 0.0045)
    np.testing.assert_allclose(counts.mean(1), mean, atol=4 * 0.0045)


def test_a_bootstrap_of_rows_that_pass_draws_as_poisson_has_it():
    counts = draw_streamed("bootstrap", np.arange(200_000), n_members=1).counts[0]
    expected = scipy.stats.poisson(1).pmf(range(6)) * 200_000
    assert (
        scipy.stats.chisquare([*np.bincount(counts)[:5], (counts >= 5).sum()], [*expected[:5], 200_000 - expected[:5].sum()]).pvalue > 0.001
    )


def test_with_folds_every_streamed_row_is_out_of_bag_once_a_repeat():
    scored = draw_streamed("folds", np.arange(1_000), n_members=10).scored
    np.testing.assert_array_equal(scored[:5].sum(0), np.ones(1_000))
    np.testing.assert_array_equal(scored[5:].sum(0), np.ones(1_000))
    assert not np.array_equal(scored[:5], scored[5:])


def test_some_members_see_what_they_see_among_all():
    draw = Draw(Members(n_members=12, n_folds=5), tuple(range(12)))
    keys = np.arange(500)
    np.testing.assert_array_equal(draw.only([3, 7]).only([1])(keys).counts, draw(keys).counts[[7]])


def test_rows_that_pass_cannot_be_split_by_time():
    with pytest.raises(UsageError, match="cannot be split by time"):
        draw_streamed("time", np.arange(10))
