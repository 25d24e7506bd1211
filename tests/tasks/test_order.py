"""Numbers that are quantities are told from names of classes by the order that rows show."""

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris

from weights.tasks.order import order_p_value


def points(n: int, most: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Points of a test, which one of four columns goes along with."""
    rng = np.random.default_rng(seed)
    skill = rng.normal(size=n)
    scored = np.clip(np.round(most / 2 + skill * most / 5), 0, most).astype(int)
    return np.unique(scored, return_inverse=True)[1], np.column_stack([skill + rng.normal(size=n), rng.normal(size=(n, 3))])


@pytest.mark.parametrize("most", [4, 6, 10])
@pytest.mark.parametrize("n", [200, 1000])
def test_points_are_in_an_order(n, most):
    assert max(order_p_value(*points(n, most, seed)) for seed in range(5)) < 0.05


def test_one_hump_of_ten_numbers_is_an_order_without_any_column():
    codes, _ = points(1000, 10, 0)
    assert order_p_value(codes, np.zeros((1000, 0))) < 0.05


@pytest.mark.parametrize("load", [load_digits, load_iris])
def test_digits_and_kinds_of_flowers_are_names(load):
    x, codes = load(return_X_y=True)
    assert order_p_value(codes, x) > 0.05


def test_four_numbers_are_too_few_to_tell():
    codes = np.repeat(np.arange(4), [10, 40, 30, 5])
    assert order_p_value(codes, codes[:, None] + 0.0) > 0.05


def test_names_given_at_random_are_in_an_order_one_time_in_twenty():
    """Of 400 tables with random shares and places of seven classes; 5 % and three binomial errors of 1.1 % allow for up to 8.3 %."""
    rng = np.random.default_rng(0)

    def draw() -> float:
        codes = np.unique(rng.choice(7, 300, p=rng.dirichlet(np.full(7, 1.5))), return_inverse=True)[1]
        return order_p_value(codes, rng.normal(size=(7, 5))[codes] + rng.normal(size=(300, 5)))

    assert np.mean([draw() <= 0.05 for _ in range(400)]) <= 0.083


def test_the_order_of_rows_and_the_unit_of_columns_change_nothing():
    codes, x = points(300, 8, 1)
    other = np.random.default_rng(0).permutation(300)
    assert order_p_value(codes[other], x[other]) == pytest.approx(order_p_value(codes, 10 * x))
