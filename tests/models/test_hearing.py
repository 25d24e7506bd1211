"""What is heard of recordings: known tones and noises, and what changes of sound do to them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sounds import RATE, tone
from weights.data.audio.column import ENDED
from weights.data.audio.decoding import fit
from weights.elements.augmentation import UNHEARD, SoundAugmentation
from weights.models.hearing import Grid, draw_changes, hear, keep_whole, place_frames, play

GRID = Grid(rate=RATE, n_samples=4000, n_bands=32, window=200, hop=100)
SEED, STEP = jnp.uint32(3), jnp.int32(7)
MIDDLES = GRID.band_edges[1:-1]


def recordings(*waves):
    return np.stack([fit(wave / np.abs(wave).max(), GRID.n_samples) for wave in waves])[..., None]


@jax.jit
def as_they_are(samples):
    return hear(GRID, play(samples))


def changed(samples, **settings):
    """Heard with each change at its largest, upwards."""
    drawn = draw_changes(UNHEARD, GRID, len(samples), seed=SEED, step=STEP)
    changes = drawn._replace(**{name: jnp.full(len(samples), value) for name, value in settings.items()})
    return hear(GRID, play(samples), changes)


def loudest_band(heard, row=0):
    """The middle of the band that tells most, in hertz: energies are compared with their mean, so of a tone that comes and goes."""
    energies = np.asarray(heard.energies[row, :, :, 0])
    return MIDDLES[energies.max(1).argmax()]


@pytest.mark.parametrize("hertz", [300, 1000, 2500])
def test_a_tone_is_heard_in_its_band(hertz):
    noisy = tone(hertz, 0.4) + 0.003 * np.random.default_rng(0).normal(size=3200)
    heard = as_they_are(recordings(noisy))
    nearest = MIDDLES[np.abs(MIDDLES - hertz).argmin()]
    assert loudest_band(heard) == pytest.approx(nearest)


def test_a_click_is_heard_in_its_frame():
    wave = 0.001 * np.random.default_rng(1).normal(size=4000)
    wave[2050] = 1.0
    energies = np.asarray(as_they_are(recordings(wave)).energies[0, :, :, 0])
    assert energies.mean(0).argmax() == 20  # frame 20 has its middle at sample 2,050


def test_the_transform_agrees_with_numpy():
    rng = np.random.default_rng(2)
    wave = rng.normal(size=4000)
    samples = recordings(wave)
    frame = samples[0, 950:1150, 0] / np.sqrt((samples.astype(float) ** 2).mean())
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(200) + 0.5) / 200)
    power = np.abs(np.fft.rfft(frame * window, 256)) ** 2 / (window**2).sum()
    from weights.models.hearing import _transform

    np.testing.assert_allclose(np.asarray(_transform(GRID, jnp.asarray(frame[None, None], jnp.float32)))[0, 0], power, atol=1e-4)


def test_frames_behind_the_end_do_not_sound_and_are_zero():
    heard = as_they_are(recordings(tone(500, 0.2), tone(500, 0.5)))
    assert heard.sounding.sum(1).tolist() == [16, 40]
    assert np.asarray(heard.energies[0, :, 16:]).any() == False  # noqa: E712
    assert heard.energies.shape == (2, 32, 40, 1)


def test_neither_loudness_nor_microphone_counts():
    rng = np.random.default_rng(3)
    wave = np.convolve(rng.normal(size=4000) * np.repeat([1, 0.3, 1, 0.5], 1000), np.ones(1), "same")
    muffled = np.convolve(wave, [1.0, 0.6], "same")
    plain, other, quiet = np.asarray(as_they_are(recordings(wave, muffled, 0.01 * wave)).energies)
    np.testing.assert_allclose(plain, quiet, atol=1e-3)
    assert np.corrcoef(plain.ravel(), other.ravel())[0, 1] > 0.95  # a filter adds a constant to each band, but at its edges


def test_no_change_changes_nothing():
    samples = recordings(tone(500, 0.3), tone(900, 0.45))
    np.testing.assert_allclose(np.asarray(changed(samples).energies), np.asarray(as_they_are(samples).energies), atol=1e-3)


def test_pitch_moves_a_voice_and_not_its_length_or_resonances():
    samples = recordings(tone(1000, 0.4))
    heard = changed(samples, pitch=1.3)
    assert float(heard.sounding.sum()) == float(as_they_are(samples).sounding.sum())
    # A single tone is both voice and resonance: bands are moved back by as much as it was played higher.
    assert loudest_band(heard) == pytest.approx(1000, rel=0.1)
    assert loudest_band(changed(samples, pitch=1.3, tract=1.3)) == pytest.approx(1300, rel=0.1)


def test_tempo_shortens_and_keeps_bands():
    samples = recordings(tone(1000, 0.4))
    heard = changed(samples, tempo=2.0)
    assert float(heard.sounding.sum()) == 16
    assert loudest_band(heard) == pytest.approx(1000, rel=0.1)


def test_a_tract_moves_resonances():
    assert loudest_band(changed(recordings(tone(1000, 0.4)), tract=1.25)) == pytest.approx(1250, rel=0.1)


def test_noise_and_babble_have_the_loudness_that_is_asked_for():
    from weights.models.hearing import _change_pitch, _make_noises

    x = jnp.asarray(np.random.default_rng(4).normal(size=(64, 4000)), jnp.float32)
    x = x / jnp.sqrt((x**2).mean(1, keepdims=True))
    drawn = draw_changes(UNHEARD, GRID, 64, seed=SEED, step=STEP)
    ways = {"noise": {}, "babble": {}, "clicks": {"sparsity": 20.0}, "hum": {"hum": 0.0125}}
    for name, way in ways.items():
        loud = {"babble" if name == "babble" else "noise": 0.5, **way}
        changes = drawn._replace(**{field: jnp.full(64, value) for field, value in loud.items()})
        added = _make_noises(x, changes)
        assert np.sqrt((np.asarray(added) ** 2).mean()) == pytest.approx(0.5, rel=0.05)
        played, _ = jax.vmap(_change_pitch)(x, added, jnp.full(64, 3000), jnp.ones(64))
        assert np.asarray(played)[:, :3000] == pytest.approx(np.asarray(x + added)[:, :3000], abs=1e-4)
        assert not np.asarray(played)[:, 3000:].any()


def test_a_room_gives_energy_back_later():
    wave = np.zeros(4000)
    wave[500:700] = np.random.default_rng(5).normal(size=200)
    dry, wet = (np.asarray(changed(recordings(wave), echo=echo, decay=0.8).energies[0, :, :, 0]).mean(0) for echo in (0.0, 0.3))
    assert (wet[9:15] > dry[9:15]).all()


def test_what_is_hidden_is_zero():
    samples = recordings(np.random.default_rng(6).normal(size=4000))
    drawn = draw_changes(UNHEARD, GRID, 1, seed=SEED, step=STEP)
    changes = drawn._replace(hidden_frames=jnp.asarray([[5.0, 3.0]]), hidden_bands=jnp.asarray([[10.0, 4.0]]))
    energies = np.asarray(hear(GRID, play(samples), changes).energies[0, :, :, 0])
    assert not energies[:, 5:8].any()
    assert not energies[10:14].any()
    assert energies[:10, 8:].any()


def test_changes_are_drawn_anew_at_every_step_and_the_same_for_a_seed():
    settings = SoundAugmentation().resolved(None)
    first, again, later = (draw_changes(settings, GRID, 200, seed=SEED, step=jnp.int32(step)) for step in (1, 1, 2))
    for a, b, c in zip(first, again, later, strict=True):
        np.testing.assert_array_equal(a, b)
        assert (np.asarray(a) != np.asarray(c)).any()
    assert 1 / 1.4 < float(first.tempo.min()) < float(first.tempo.max()) < 1.4
    assert np.median(np.asarray(first.noise) > 0) in (0, 1)
    assert ((np.asarray(first.noise) > 0) ^ (np.asarray(first.babble) > 0)).all()
    assert float(jnp.maximum(first.noise.max(), first.babble.max())) <= 0.7


def test_recordings_that_must_be_heard_whole_end_within_their_frames():
    """Of a recording as long as the longest nothing is cut off, however slow and low it becomes."""
    settings = SoundAugmentation().resolved(None)
    samples = np.zeros((64, GRID.n_samples, 1), np.int16)
    samples[::2, GRID.n_samples // 2 :] = ENDED
    changes = keep_whole(GRID, samples, draw_changes(settings, GRID, 64, seed=jnp.uint32(0), step=jnp.int32(0)))
    ends = (samples[..., 0] != ENDED).sum(1)
    places = np.asarray(place_frames(GRID, changes, GRID.n_frames + 1))
    assert (places[:, -1] >= ends - GRID.hop).all()
    assert (places[:, 0] <= 0).all()
    assert (ends / np.asarray(changes.pitch) <= GRID.n_samples + 1).all()
    assert np.asarray(changes.tempo)[::2].min() < 0.9  # shorter ones still become slower
