"""Ensembles of pictures made by hand."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import weights
from small import compiled
from sounds import RATE, rise_or_fall
from weights.conformal import Conformal
from weights.data.dataset import Feature
from weights.data.encoding import Encoding, Numeric
from weights.data.image.column import Picture
from weights.ensemble import Ensemble, Population, Report
from weights.spec import Spec, resolve, with_settings
from weights.tasks.classes import task_of
from weights.tasks.metrics import Metric


def _by_hand(filters, *, side=16, members=1, classes=("plain", "marked"), activation="relu", columns=()):
    """Members whose first layer has these filters (h, 3, 3, channels); the rest is drawn at random. They read these columns as well."""
    filters = np.asarray(filters, np.float32)
    channels = filters.shape[3]
    task = task_of("class", list(classes))
    settings = {"model": "convolution", "widths": (len(filters), 8), "blocks": (0, 0), "activation": activation}
    own = [Numeric(name, 0.0, 1.0, False) for name in columns]
    encoding = Encoding(own, None, blocks=[Picture("picture", side, side, channels)])
    layout = encoding.layout(task.n_outputs)
    spec = resolve(with_settings(Spec(), settings), 1000, layout)
    model = compiled(spec.model, layout, spec.initialization, spec.activation)
    drawn = [model.init(layout.zeros(2), jnp.zeros((len(columns), 1)), key=jax.random.key(m)) for m in range(members)]
    params = jax.tree.map(lambda *arrays: np.stack(arrays), *drawn)
    params["hidden.0"]["w"] = np.repeat(filters.reshape(len(filters), -1).T[None], members, 0)
    features = [*(Feature(name, "numeric") for name in columns), Feature("picture", "picture")]
    report = Report(
        "by hand", 1000, len(features), {"log_loss": Metric(0.5)}, compared={"constant": {"log_loss": Metric(0.7)}}, version="0"
    )
    population = Population("convolution", spec, params, np.ones(members))
    return Ensemble(task, encoding, features, [population], np.zeros(task.n_outputs), Conformal(np.array([0.5])), report)


@pytest.fixture(scope="session")
def by_hand():
    """What makes such an ensemble, see `_by_hand`."""
    return _by_hand


@pytest.fixture(scope="session")
def of_tones():
    """A run of two members that tells tones that rise from tones that fall, and its recordings."""
    rng = np.random.default_rng(0)
    words = ["rise", "fall"] * 30
    recordings = weights.Recordings([rise_or_fall(rng, word) for word in words], RATE)
    return weights.fit(recordings, words, members=2, n_folds=2, n_steps=120, widths=(8, 8), blocks=(0, 0), words=0), recordings
