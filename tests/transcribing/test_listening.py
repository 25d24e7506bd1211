"""Windows: every moment once, whatever the pieces, and near the begin and the end those that are there."""

from __future__ import annotations

import numpy as np
import pytest
from tests.sounds import RATE, write_tones

import weights as wt
from weights.errors import UsageError
from weights.transcribing.listening import Listener


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return wt.fit(str(write_tones(tmp_path_factory.mktemp("tones"))), members=2, n_folds=2, n_steps=4)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.3, 2.99, 3.0, 3.5, 7.23])
def test_every_moment_is_given_once_with_its_loudness(model, seconds):
    sound = 0.1 * np.random.default_rng(0).normal(size=round(seconds * RATE)).astype(np.float32)
    listener = Listener(model.ensemble)
    parts = [part for piece in np.array_split(sound, 17) for part in listener.feed(piece)] + [listener.finish()]
    loudness = np.concatenate([part.loudness for part in parts])
    n = -(-len(sound) // listener.size)
    assert len(loudness) == n == sum(part.said.shape[1] for part in parts)
    padded = np.pad(sound.astype(float), (0, n * listener.size - len(sound))).reshape(-1, listener.size)
    assert loudness == pytest.approx((padded**2).mean(1), rel=0.1)  # an offset is taken off, which noise has by chance
    assert all(np.exp(part.said).sum(-1) == pytest.approx(np.ones(part.said.shape[:2]), abs=1e-4) for part in parts)


def test_looking_ahead_changes_nothing_that_comes_later(model):
    sound = 0.1 * np.random.default_rng(1).normal(size=5 * RATE).astype(np.float32)
    plain, looking = Listener(model.ensemble), Listener(model.ensemble)
    parts = [plain.feed(sound), looking.feed(sound[: 2 * RATE])]
    assert parts[1] == []
    assert looking.look_ahead().said.shape[1] == 2 * RATE // looking.size
    parts[1] = looking.feed(sound[2 * RATE :])
    assert all(np.allclose(a.said, b.said, atol=1e-4) for a, b in zip(*parts, strict=True))


def test_models_of_other_data_do_not_listen():
    with pytest.raises(UsageError, match="run of recordings of single words"):
        Listener(wt.fit("iris", model="linear", members=2).ensemble)
