"""Augmented pictures: what each change does, that none is the same twice, and that all can be switched off."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import pytest

from weights.data.inputs import Layout
from weights.elements import augmentation
from weights.elements.augmentation import NOTHING, Augmentation

PICTURE = (12, 16, 3)
X = np.random.default_rng(0).integers(0, 256, (400, *PICTURE), dtype=np.uint8)
augmented = jax.jit(augmentation.augmented, static_argnums=0)
second_shares = jax.jit(augmentation.second_shares, static_argnums=(0, 1))
SEED, STEP = jnp.uint32(3), jnp.int32(5)


def changed(x=X, seed=SEED, step=STEP, **settings):
    seen = augmented(msgspec.structs.replace(NOTHING, **settings), jnp.asarray(x), seed=seed, step=step)
    assert seen.dtype == jnp.float32
    return np.asarray(seen)


def original(x=X):
    return x.astype(np.float32)


def test_nothing_is_changed_where_all_is_switched_off():
    np.testing.assert_array_equal(changed(), original())


def test_half_of_the_pictures_are_mirrored():
    seen, mirrored = changed(flip=True), original()[:, :, ::-1]
    same, turned = (np.array([np.array_equal(a, b) for a, b in zip(seen, other, strict=True)]) for other in (original(), mirrored))
    assert (same ^ turned).all()
    assert abs(turned.mean() - 0.5) < 0.1  # four standard deviations of 400 coins


def test_pictures_are_shifted_by_whole_pixels_up_to_the_share_asked_for():
    seen, before = changed(shift=0.25), original()
    padded = np.pad(before, ((0, 0), (3, 3), (4, 4), (0, 0)), mode="edge")
    found = []
    for one, wide in zip(seen, padded, strict=True):
        found += [(i, j) for i in range(7) for j in range(9) if np.array_equal(one, wide[i : i + 12, j : j + 16])][:1]
    assert len(found) == len(X)
    assert {i for i, _ in found} == {*range(7)}
    assert {j for _, j in found} == {*range(9)}


def test_a_turn_by_nothing_is_the_picture_itself_and_by_more_is_not():
    almost = changed(rotate=1e-6)
    np.testing.assert_allclose(almost, original(), atol=1e-2)
    assert np.abs(changed(rotate=20.0) - original()).mean() > 10


def test_pictures_turn_about_their_middle_and_keep_their_scale():
    """A straight slope of brightness turned by an angle is a straight slope in that direction."""
    _, x = np.mgrid[:12, :16]
    slope = np.repeat((60 + 8 * x).astype(np.uint8)[None, ..., None], 3, 3).repeat(100, 0)
    seen = changed(slope, rotate=30.0)[:, 3:9, 5:11, 0]  # whose sources lie within the picture
    down, across = (np.diff(seen, axis=axis).mean((1, 2)) for axis in (1, 2))
    np.testing.assert_allclose(np.hypot(down, across), 8.0, atol=1e-2)
    np.testing.assert_allclose(seen.mean((1, 2)), 60 + 8 * 7.5, atol=1e-1)
    angles = np.rad2deg(np.arctan2(down, across))
    assert 20 < np.abs(angles).max() <= 30.01
    assert angles.min() < -10 < 10 < angles.max()


def test_crops_look_closer_and_farther():
    _, x = np.mgrid[:12, :16]
    slope = np.repeat((60 + 8 * x).astype(np.uint8)[None, ..., None], 3, 3).repeat(100, 0)
    scales = np.diff(changed(slope, crop=0.2)[:, 3:9, 5:11, 0], axis=2).mean((1, 2)) / 8
    assert 0.8 <= scales.min() < 0.85
    assert 1.15 < scales.max() <= 1.2001


def test_brightness_and_contrast_change_within_bounds():
    even = np.full((200, *PICTURE), 100, np.uint8)
    seen = changed(even, brightness=0.2)
    assert np.ptp(seen, axis=(1, 2, 3)).max() < 1e-3
    assert 49 <= seen.min() < 55
    assert 145 < seen.max() <= 151
    spread = changed(brightness=0.2).std((1, 2, 3)) / original().std((1, 2, 3))
    assert 0.8 <= spread.min() < 0.83
    assert 1.17 < spread.max() <= 1.2001


@pytest.mark.parametrize("other", [{"seed": jnp.uint32(4)}, {"step": jnp.int32(6)}], ids=["seed", "step"])
def test_other_members_and_other_steps_see_other_pictures(other):
    settings = {"flip": True, "shift": 0.2}
    np.testing.assert_array_equal(changed(**settings), changed(**settings))
    assert np.mean([np.array_equal(a, b) for a, b in zip(changed(**settings), changed(**settings, **other), strict=True)]) < 0.1


def test_shares_of_second_pictures_are_even_up_to_the_largest():
    shares = np.asarray(second_shares(msgspec.structs.replace(NOTHING, mixup=0.4), 4000, seed=SEED, step=STEP))
    # Deciles of 4,000 even numbers, each within five standard errors (0.4 * sqrt(0.25 / 4000) at most).
    np.testing.assert_allclose(np.quantile(shares, np.arange(1, 10) / 10), 0.04 * np.arange(1, 10), atol=0.016)


def test_what_is_done_by_itself_depends_on_colour():
    colour, grey = (Layout((("pixels", (32, 32, c)),), 2) for c in (3, 1))
    assert Augmentation().resolved(colour).flip is True
    assert Augmentation().resolved(grey).flip is False
    assert Augmentation(flip=True, shift=0.0).resolved(grey).flip is True
    assert Augmentation().resolved(colour, random=False) == NOTHING


@pytest.mark.parametrize(
    ("name", "value", "most"),
    [("shift", 0.6, 0.5), ("crop", -0.1, 0.5), ("rotate", 181.0, 180), ("brightness", 1.5, 1), ("mixup", 0.7, 0.5)],
)
def test_settings_that_cannot_be_are_named(name, value, most):
    assert Augmentation(**{name: value}).check() == [f"{name} must be between 0 and {most:g}, but is {value}"]
