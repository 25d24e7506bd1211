"""Bags: rows of few numbers of very many."""

import numpy as np
import pytest
import scipy.sparse

from weights.data.bags import Bags, join_bags, lay_side_by_side, spread

DENSE = np.array([[0, 2, 0, 1], [0, 0, 0, 0], [3, 0, 4, 5], [0, 0, 6, 0]], float)


def made(dense=DENSE, n_leading=2):
    """Bags with the numbers of a matrix, and flags that are these plus a half."""
    matrix = scipy.sparse.csr_array(dense)
    return Bags.of(matrix, matrix.data + 0.5, n_leading)


def dense(bags, **which):
    return bags.matrix(**which).toarray()


@pytest.mark.parametrize("rows", [slice(1, 3), slice(0, 0), np.array([2, 0, 0]), DENSE[:, 3] > 0], ids=["slice", "none", "codes", "flags"])
def test_some_rows_are_those_of_the_matrix(rows):
    chosen = made()[rows]
    np.testing.assert_array_equal(dense(chosen), DENSE[rows])
    np.testing.assert_array_equal(chosen.leading, (DENSE[rows][:, :2] > 0).sum(1))
    assert chosen.shape == (len(chosen), 4)


def test_some_rows_share_the_entries_of_all_until_they_are_made_compact():
    bags = made()
    chosen = bags[np.array([3, 2])]
    assert chosen.entries is bags.entries
    assert chosen.compact().entries.ids.tolist() == [2, 0, 2, 3]
    assert bags.compact() is bags


def test_flags_are_chosen_with_their_rows():
    np.testing.assert_array_equal(dense(made()[2:3], flags=True), [[3.5, 0, 4.5, 5.5]])


def test_padded_rows_are_empty_and_so_are_padded_entries():
    padded = made()[1:].padded(8)
    np.testing.assert_array_equal(dense(padded), np.concatenate([DENSE[1:], np.zeros((5, 4))]))
    assert len(padded.entries.ids) == 1 << 12


def test_tables_of_similar_length_are_padded_alike():
    many = [made(np.ones((n, 4)) * (np.arange(4) < 3)).padded(2_000) for n in (1_400, 1_500, 1_900)]
    assert {len(bags.entries.ids) for bags in many} == {1 << 13}


def test_parts_are_joined_row_by_row():
    bags = made()
    joined = join_bags([bags[2:], bags[np.array([0])]])
    np.testing.assert_array_equal(dense(joined), DENSE[[2, 3, 0]])
    np.testing.assert_array_equal(dense(joined, flags=True), dense(bags, flags=True)[[2, 3, 0]])
    np.testing.assert_array_equal(joined.leading, bags.leading[[2, 3, 0]])


def test_columns_stand_side_by_side_what_leads_first():
    first, second = made(), made(DENSE[::-1] * 10, n_leading=1)
    laid = lay_side_by_side([first, second])
    np.testing.assert_array_equal(dense(laid), np.hstack([DENSE[:, :2], 10 * DENSE[::-1, :1], DENSE[:, 2:], 10 * DENSE[::-1, 1:]]))
    assert (laid.n_leading, laid.width) == (3, 8)
    np.testing.assert_array_equal(laid.leading, (dense(laid)[:, :3] > 0).sum(1))
    np.testing.assert_array_equal(dense(laid, flags=True)[2], [3.5, 0, 0, 4.5, 5.5, 0, 0, 0])


def test_one_column_alone_stays_as_it_is():
    bags = made()
    assert lay_side_by_side([bags]) is bags


def test_rows_may_all_be_empty():
    bags = Bags.empty(3, 5, 2)
    assert len(bags) == 3
    assert not dense(bags.padded(4)).any()
    assert not dense(join_bags([bags, bags])).any()


def test_places_are_spread_over_their_sizes():
    assert spread(np.array([5, 0, 2]), np.array([1, 0, 2])).tolist() == [5, 2, 3]
    assert spread(np.zeros(0, int), np.zeros(0, int)).tolist() == []


def test_rows_are_put_in_the_place_of_others():
    bags = made().put(np.array([2, 1]), made()[np.array([0, 3])])
    expected = DENSE.copy()
    expected[[2, 1]] = DENSE[[0, 3]]
    np.testing.assert_array_equal(dense(bags), expected)
    np.testing.assert_array_equal(bags.leading, (expected[:, :2] > 0).sum(1))
    assert len(bags.entries.ids) & (len(bags.entries.ids) - 1) == 0
    again = bags.put(slice(0, 2), made()[1:3])
    np.testing.assert_array_equal(dense(again), [DENSE[1], DENSE[2], *expected[2:]])


def test_leading_entries_are_a_matrix_of_their_own():
    np.testing.assert_array_equal(made()[np.array([3, 2, 0])].leading_matrix().toarray(), DENSE[[3, 2, 0]][:, :2])
