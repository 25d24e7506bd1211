"""The multilayer perceptron: fully connected layers, with an optional learned embedding of numbers.

The embedding gives each scaled number its own periodic features (Gorishniy et al. 2022, "On Embeddings for
Numerical Features in Tabular Deep Learning", equations 4 and 5), so that a network can bend along single
inputs; the plain number is kept beside them, as in Holzmüller et al. 2024.
"""

from __future__ import annotations

from typing import Literal

import jax
import jax.numpy as jnp
import msgspec

from weights.elements.activation import ACTIVATIONS, Activation, gain
from weights.elements.initialization import Initialization
from weights.models.base import Layer, Model, Shape, Silence, affine, first_layer, keep_all
from weights.types import Params


class Mlp(msgspec.Struct, frozen=True, tag="mlp"):
    """A multilayer perceptron.

    Attributes:
        hidden: units of each hidden layer, in order.
        embedding: "none" or "periodic", of the numeric inputs.
        n_frequencies: periodic features a number is measured by.
        embedding_size: learned features a number is turned into, beside itself.
        frequency_scale: deviation of the first frequencies, in periods per deviation of the input.
    """

    hidden: tuple[int, ...] = (128, 128)
    embedding: Literal["none", "periodic"] = "none"
    n_frequencies: int = 12
    embedding_size: int = 3
    frequency_scale: float = 0.2

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        wrong = [f"hidden layers need at least one unit, but one has {units}" for units in self.hidden if units < 1]
        sizes = {name: getattr(self, name) for name in ("n_frequencies", "embedding_size", "frequency_scale")}
        return wrong + [f"{name} must be above zero, but is {value}" for name, value in sizes.items() if not value > 0]


def mlp_model(settings: Mlp, shape: Shape, initialization: Initialization, activation: Activation) -> Model:
    """Layers ``hidden.0, hidden.1, ..., output``, and ``embedding`` where asked for.

    Hidden layers start with the gain of the activation before them; the output layer starts with none. Signals are silenced before
    each layer by `silence(x, position)`.
    """
    respond = ACTIVATIONS[activation.name]
    hidden_gain = gain(activation.name)
    embeds = settings.embedding == "periodic" and len(shape.numeric_inputs) > 0
    numeric = jnp.asarray(shape.numeric_inputs, jnp.int32)

    def init(x: jax.Array, *, key: jax.Array) -> Params:
        keys = jax.random.split(key, len(settings.hidden) + 2)
        params: Params = {}
        if embeds:
            params["embedding"] = _first_embedding(settings, len(shape.numeric_inputs), keys[-1])
            x = _embed(params["embedding"], x, numeric)
        for i, n_units in enumerate(settings.hidden):
            # Inputs have variance one as they are; what has come through an activation must be widened to have it again.
            params[f"hidden.{i}"] = first_layer(initialization, x, n_units, hidden_gain if i > 0 else 1.0, key=keys[i])
            x = respond(affine(params[f"hidden.{i}"], x))
        params["output"] = first_layer(initialization, x, shape.n_outputs, 1.0, key=keys[-2])
        return params

    def apply(params: Params, x: jax.Array, silence: Silence = keep_all) -> tuple[jax.Array, tuple[jax.Array, ...]]:
        x, activations = silence(x, 0), []
        if embeds:
            x = _embed(params["embedding"], x, numeric)
        for i in range(len(settings.hidden)):
            x = respond(affine(params[f"hidden.{i}"], x))
            activations.append(x)
            x = silence(x, i + 1)
        return affine(params["output"], x), tuple(activations)

    embedded = [j for j in shape.numeric_inputs for _ in range(settings.embedding_size)] if embeds else []
    return Model(init, apply, "hidden.0" if settings.hidden else "output", (*range(shape.n_inputs), *embedded))


def _first_embedding(settings: Mlp, n_numeric: int, key: jax.Array) -> Layer:
    frequency_key, phase_key, weight_key = jax.random.split(key, 3)
    n_frequencies, size = settings.n_frequencies, settings.embedding_size
    return {
        "frequency": settings.frequency_scale * jax.random.normal(frequency_key, (n_numeric, n_frequencies)),
        "phase": jax.random.uniform(phase_key, (n_numeric, n_frequencies)),
        "w": jax.random.normal(weight_key, (n_numeric, n_frequencies, size)) / n_frequencies**0.5,
        "b": jnp.zeros((n_numeric, size)),
    }


def _embed(layer: Layer, x: jax.Array, numeric: jax.Array) -> jax.Array:
    """Inputs (n, p) with the learned features of each numeric one behind them, (n, p + numeric * size)."""
    turns = x[:, numeric, None] * layer["frequency"] + layer["phase"]  # (n, numeric, frequencies)
    features = jnp.einsum("njf,jfd->njd", jnp.cos(2 * jnp.pi * turns), layer["w"]) + layer["b"]
    return jnp.concatenate([x, features.reshape(x.shape[0], -1)], axis=1)
