"""Random kernels against features worked out in plain NumPy, one sum after the other."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from weights.data.inputs import Inputs, Layout, Part
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.kernels import KERNELS, Kernels, kernel_model

RNG = np.random.default_rng(0)
LENGTHS = (20, 13, 9, 3, 1, 0)
SERIES = np.full((6, 20, 2), np.nan, np.float32)
for row, length in zip(SERIES, LENGTHS, strict=True):
    row[:length, 0] = RNG.normal(size=length)
    row[: max(length - 1, 0), 1] = RNG.normal(size=max(length - 1, 0))
X = RNG.normal(size=(6, 3)).astype(np.float32)
ROWS = Inputs({"x": X, "series": SERIES})
LAYOUT = Layout((("x", (3,)), ("series", (20, 2))), 2, (0, 1, 2), (("series", (Part(1), Part(1))),))
SETTINGS = Kernels(n_kernels=24, n_thresholds=3)
N_FEATURES = 24 * 4 + 2


@pytest.fixture(scope="module")
def model():
    return kernel_model(SETTINGS, LAYOUT, Initialization(), Activation())


@pytest.fixture(scope="module")
def params(model):
    drawn = model.init(ROWS, jnp.zeros((0, 1)), key=jax.random.key(7))
    w = RNG.normal(size=(3 + N_FEATURES, 2)).astype(np.float32)
    return {**drawn, "output": {"w": jnp.asarray(w), "b": jnp.asarray([0.5, -0.5])}}


def see(values: np.ndarray, taps: np.ndarray, dilation: int, thresholds: np.ndarray, *, inside: bool) -> list[float]:
    """Shares of places at which sums of a kernel lie above thresholds, and the largest sum."""
    length, reach = len(values), 4 * dilation
    there = range(length) if not inside or length <= 2 * reach else range(reach, length - reach)
    at = [i + (j - 4) * dilation for i in there for j in range(9)]
    seen = np.asarray([values[i] if 0 <= i < length else 0.0 for i in at]).reshape(-1, 9)
    sums = seen @ taps
    return [*(float(np.mean(sums > threshold)) if length else 0.0 for threshold in thresholds), sums.max() if length else np.nan]


def test_features_are_shares_of_places_above_thresholds_largest_sums_and_lengths(model, params):
    layer = {name: np.asarray(values, np.float64) for name, values in params["kernels"].items()}
    alone = (layer["taps"] == np.eye(9)[4]).all(1)
    n_alone = int(alone.sum())
    features = np.asarray(model.embed(params, ROWS)["series"])
    for i in range(len(LENGTHS)):
        expected: list[float] = []
        for k in range(24):
            turn, source = divmod(k - n_alone, 4) if k >= n_alone else (1, k % 2)
            values = SERIES[i, np.isfinite(SERIES[i, :, source % 2]), source % 2].astype(np.float64)
            values = values if source < 2 else np.diff(values, prepend=values[:1])
            kernel = layer["taps"][k], int(layer["dilation"][k]), layer["thresholds"][k]
            expected += see(values, *kernel, inside=turn % 2 == 0)
        expected += [np.isfinite(SERIES[i, :, c]).sum() / 20 for c in range(2)]
        standardised = np.nan_to_num(np.clip((np.asarray(expected) - layer["center"]) / layer["scale"], -5, 5)) * (30 / N_FEATURES) ** 0.5
        np.testing.assert_allclose(features[i], standardised, atol=2e-4)  # float32, divided by scales from 0.01 on


def test_outputs_are_linear_in_columns_and_features(model, params):
    outputs, hidden = model.apply(params, ROWS)
    joined = np.concatenate([X, model.embed(params, ROWS)["series"]], axis=1)
    np.testing.assert_allclose(outputs, joined @ np.asarray(params["output"]["w"]) + np.asarray([0.5, -0.5]), rtol=1e-4, atol=1e-4)
    assert hidden == {}


def test_each_feature_is_of_one_channel(model, params):
    """Another second channel moves those features alone that are said to be of it."""
    changed = SERIES.copy()
    changed[:, :, 1] *= -2
    moved = np.asarray(model.embed(params, ROWS)["series"] != model.embed(params, ROWS.replace(series=changed))["series"]).any(0)
    of_second = np.asarray(model.block_places["series"]) == 4
    assert moved.any()
    assert not moved[~of_second].any()
    assert model.input_rows["output"] == (0, 1, 2, *model.block_places["series"])


def test_what_lies_behind_the_end_has_no_say(model, params):
    wider = np.concatenate([SERIES, np.full((6, 20, 2), np.nan, np.float32)], axis=1)
    np.testing.assert_array_equal(model.apply(params, ROWS)[0], model.apply(params, ROWS.replace(series=wider))[0])


def test_patterns_add_up_to_zero_and_do_not_see_the_level(params):
    taps = np.asarray(params["kernels"]["taps"])
    alone = (taps == np.eye(9)[4]).all(1)
    assert 0 < alone.sum() < 24
    np.testing.assert_array_equal(taps[~alone].sum(1), 0)
    assert {tuple(np.sort(pattern)) for pattern in taps[~alone]} == {(-1.0,) * 6 + (2.0,) * 3}


def test_thresholds_divide_the_places_of_training_evenly(model):
    """Of 200 series about 1/6, 1/2 and 5/6 of the sums lie below the three thresholds on average: one is drawn in each third."""
    many = np.random.default_rng(1).normal(size=(200, 20, 2)).astype(np.float32)
    rows = Inputs({"x": np.zeros((200, 3), np.float32), "series": many})
    layer = model.init(rows, jnp.zeros((0, 1)), key=jax.random.key(0))["kernels"]
    shares = np.asarray(layer["center"])[: 24 * 4].reshape(24, 4)[:, :3].mean(0)
    # A level in a third has deviation 1/3/sqrt(12), the rank among 128 places one of 0.044: of the mean of 24 kernels 0.022.
    np.testing.assert_allclose(shares, [5 / 6, 1 / 2, 1 / 6], atol=3 * 0.022)


@pytest.mark.parametrize("values", [np.nan, 1.0, 1e8])
def test_empty_constant_and_enormous_series_have_finite_features(model, values):
    rows = ROWS.replace(series=np.full_like(SERIES, values))
    drawn = model.init(rows, jnp.zeros((0, 1)), key=jax.random.key(0))
    for seen in (rows, ROWS):
        assert np.isfinite(model.embed(drawn, seen)["series"]).all()


@pytest.mark.parametrize("longest", [1, 8, 9, 10])
def test_series_shorter_than_a_kernel_are_read(longest):
    layout = Layout((("series", (longest, 1)),), 1, (), (("series", (Part(1),)),))
    model = kernel_model(SETTINGS, layout, Initialization(), Activation())
    series = RNG.normal(size=(5, longest, 1)).astype(np.float32)
    features = model.embed(model.init(Inputs({"series": series}), jnp.zeros((0, 1)), key=jax.random.key(1)), Inputs({"series": series}))
    assert np.ptp(features["series"], axis=0).max() > 0


def test_settings_follow_rows_and_channels():
    resolve = KERNELS.resolve
    assert resolve(Kernels(), LAYOUT, 100).n_kernels == 200
    assert resolve(Kernels(), LAYOUT, 10_000).n_kernels == 100
    assert resolve(Kernels(), Layout((("series", (20, 90)),), 1, (), (("series", (Part(1),) * 90),)), 100).n_kernels == 360
    assert resolve(Kernels(7), LAYOUT, 100).n_kernels == 7
    assert KERNELS.lacks(Kernels()) == "the number of kernels"
    assert len(Kernels(0, 99).check()) == 2


def test_the_cost_counts_what_there_is(params):
    held = sum(array.size for layer in params.values() for array in layer.values())
    assert KERNELS.cost(SETTINGS, LAYOUT).n_weights == held
