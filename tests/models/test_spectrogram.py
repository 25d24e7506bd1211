"""The network of recordings: what its settings become, and what has no say in its answers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sounds import RATE, tone
from weights.data.audio.column import ENDED
from weights.data.audio.decoding import fit
from weights.data.inputs import Inputs, Layout
from weights.elements.activation import Activation
from weights.elements.augmentation import SoundAugmentation
from weights.elements.initialization import Initialization
from weights.models.spectrogram import Spectrogram, cost, grid_of, spectrogram_model

LAYOUT = Layout((("sound", (4000, 1)),), 3, rates=(("sound", RATE),))
SETTINGS = Spectrogram(bands=16, widths=(4, 8)).resolved(LAYOUT)
KNOTS = jnp.zeros((0, 1))


def member(layout=LAYOUT, settings=SETTINGS):
    return spectrogram_model(settings, layout, Initialization(name="he"), Activation(name="relu"))


def rows(seconds=(0.2, 0.5), n_samples=4000):
    return Inputs({"sound": np.stack([fit(2 * tone(500 + 300 * i, s), n_samples) for i, s in enumerate(seconds)])[..., None]})


def answer(model, params, inputs):
    return np.asarray(jax.jit(lambda params, inputs: model.apply(params, inputs)[0])(params, inputs))


def test_settings_are_filled_in_for_recordings_of_any_length():
    assert SETTINGS.hop == 0.0125
    assert Spectrogram().resolved(LAYOUT).widths == (8, 16, 32, 64)
    long = Layout((("sound", (RATE * 20, 1)),), 3, rates=(("sound", RATE),))
    assert grid_of(Spectrogram().resolved(long), long).n_frames <= 320
    assert not Spectrogram().is_resolved
    assert SETTINGS.is_resolved


@pytest.mark.parametrize(
    ("settings", "said"), [({"bands": 1}, "bands"), ({"hop": 9.0}, "hop"), ({"window": 0.0}, "window"), ({"widths": ()}, "widths")]
)
def test_settings_out_of_bounds_are_refused(settings, said):
    assert said in " ".join(Spectrogram(**settings).check())


def test_what_is_behind_the_end_has_no_say():
    model, inputs = member(), rows()
    params = model.init(inputs, KNOTS, key=jax.random.key(0))
    longer = LAYOUT._replace(blocks=(("sound", (4400, 1)),))
    padded = Inputs({"sound": np.concatenate([inputs["sound"], np.full((2, 400, 1), ENDED, np.int16)], 1)})
    other = spectrogram_model(SETTINGS, longer, Initialization(name="he"), Activation(name="relu"))
    np.testing.assert_allclose(answer(model, params, inputs)[0], answer(other, params, padded)[0], rtol=1e-4, atol=1e-5)


def test_a_recording_of_a_moment_is_answered_and_one_of_nothing_too():
    model, inputs = member(), rows((0.02, 0.5))
    params = model.init(inputs, KNOTS, key=jax.random.key(0))
    nothing = Inputs({"sound": np.full((1, 4000, 1), ENDED, np.int16)})
    assert np.isfinite(answer(model, params, inputs)).all()
    assert np.isfinite(answer(model, params, nothing)).all()


def test_rows_are_seen_changed_while_members_learn_and_embedded_once():
    model, inputs = member(), rows()
    params = model.init(inputs, KNOTS, key=jax.random.key(0))
    seen = model.view(inputs, SoundAugmentation().resolved(LAYOUT), seed=jnp.uint32(1), step=jnp.int32(1))
    plain, changed = answer(model, params, inputs), answer(model, params, seen)
    assert changed.shape == plain.shape
    assert np.abs(plain - changed).max() > 1e-3


def test_the_cost_counts_the_transform():
    grid = grid_of(SETTINGS, LAYOUT)
    assert cost(SETTINGS, LAYOUT).n_multiplications > grid.n_multiplications == grid.n_frames * grid.n_bins * (2 * 200 + 16)
