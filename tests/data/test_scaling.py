"""Scales of numbers and places in cycles, by values known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from weights.data.scaling import center_and_scale, clipped, encode_cycle, find_varying_cycles, range_of

DAY = 86400.0


def test_normal_data_are_centred_by_the_median_and_scaled_to_variance_one():
    center, scale = center_and_scale(np.append(np.random.default_rng(0).normal(5, 3, 100_001), np.nan))
    # Standard errors of median and quartile distance: 1.25 and 1.65 standard deviations over the root of n.
    assert center == pytest.approx(5, abs=5 * 1.25 * 3 / 316)
    assert scale == pytest.approx(3, abs=5 * 1.65 * 3 / 316 / 1.349)


def test_ends_leave_out_what_is_infinite():
    assert range_of(np.asarray([np.inf, 2.0, np.nan, -1.0])) == (-1.0, 2.0)
    assert range_of(np.asarray([np.nan])) == (None, None)


def test_the_clip_bends_smoothly_and_holds_infinities():
    np.testing.assert_allclose(clipped(np.asarray([0.0, 3.0, -np.inf]), 4.0), [0.0, 2.4, -4.0])


def test_cycles_are_those_that_vary_and_are_gone_through():
    assert find_varying_cycles(np.arange(0, 3 * DAY, 3600)) == ["day"]
    assert find_varying_cycles(np.arange(20) * DAY) == ["week"]
    np.testing.assert_allclose(encode_cycle(np.asarray([DAY / 4]), "day"), [[1.0], [0.0]], atol=1e-12)
