"""What compiled programs need of texts: their loss from what is told at moments (Graves et al. 2006)."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import optax

from weights.tasks.base import OutputFunctions


@functools.lru_cache(maxsize=16)
def text_functions(n_moments: int, n_symbols: int) -> OutputFunctions:
    """What compiled programs need of outputs (t * (k + 1),)."""

    def loss(outputs: jax.Array, y: jax.Array) -> jax.Array:
        moments, is_none = outputs.reshape(1, n_moments, n_symbols + 1), y < 0
        codes = jnp.where(is_none, 0, y)[None]
        return optax.ctc_loss(moments, jnp.zeros((1, n_moments)), codes, is_none[None].astype(jnp.float32), blank_id=n_symbols)[0]

    def normalise(outputs: jax.Array) -> jax.Array:
        moments = outputs.reshape(*outputs.shape[:-1], n_moments, n_symbols + 1)
        return jax.nn.softmax(moments).reshape(outputs.shape)

    def margin(outputs: jax.Array, label: Any) -> jax.Array:
        """At the moment that is surest of the symbol."""
        logs = jax.nn.log_softmax(outputs.reshape(-1, n_moments, n_symbols + 1))[:, :, label]
        return (logs - jnp.log1p(-jnp.exp(jnp.minimum(logs, -1e-6)))).max(1)

    return OutputFunctions(loss, normalise, margin)
