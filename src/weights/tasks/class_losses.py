"""Losses of classes from log odds or unnormalised log probabilities, in JAX for compiled programs and in NumPy with their derivatives."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from weights.types import AnyArray, FloatArray


def log_probabilities(outputs: FloatArray) -> FloatArray:
    """Log class probabilities, float64, shape (..., classes), from log odds (..., 1) or unnormalised logs (..., k)."""
    outputs = outputs.astype(np.float64)
    if outputs.shape[-1] == 1:
        outputs = np.concatenate([np.zeros_like(outputs), outputs], axis=-1)
    highest = outputs.max(-1, keepdims=True)
    return outputs - highest - np.log(np.sum(np.exp(outputs - highest), axis=-1, keepdims=True))


def log_losses_of(outputs: FloatArray, y: AnyArray) -> FloatArray:
    """Minus the log probability of the class that came, shape (n,), from outputs (n, k)."""
    return -log_probabilities(outputs)[np.arange(len(y)), y]


def evaluate_classes(outputs: FloatArray, y: AnyArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Losses (n,), first derivatives (n, k) and probabilities (n, k) of unnormalised log probabilities (n, k)."""
    logs, came = log_probabilities(outputs), (np.arange(len(y)), y)
    responses = np.exp(logs)
    slopes = responses.copy()
    slopes[came] -= 1.0
    return -logs[came], slopes, responses


def evaluate_log_odds(outputs: FloatArray, y: AnyArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Losses (n,), first derivatives (n, 1) and probabilities (n, 1) of log odds (n, 1)."""
    losses, slopes, responses = evaluate_classes(outputs, y)
    return losses, slopes[:, 1:], responses[:, 1:]


def logistic(outputs: jax.Array, y: jax.Array) -> jax.Array:
    """The log loss of a sample, (), from log odds (1,) and its class code."""
    return jax.nn.softplus(outputs[0]) - y * outputs[0]


def multinomial(outputs: jax.Array, y: jax.Array) -> jax.Array:
    """The log loss of a sample, (), from unnormalised log probabilities (k,) and its class code."""
    return jax.nn.logsumexp(outputs) - jnp.take(outputs, y)


def odds_against_others(outputs: jax.Array, label: Any) -> jax.Array:
    """The log odds of a class against all others, shape (n,), from unnormalised log probabilities (n, k)."""
    others = jnp.where(jnp.arange(outputs.shape[1]) == label, -jnp.inf, outputs)
    return outputs[:, label] - jax.nn.logsumexp(others, axis=1)
