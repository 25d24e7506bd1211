"""Strings of recordings: what a batch of single words becomes so that words are told apart where they follow each other.

Of four recordings of a batch, one stays alone and three become a string, with gaps, pauses and overlaps, in voices of one speaker where
rows of a speaker are neighbours. Some of those that stay alone are left out, so that noise without words is met too.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp

from weights.elements.regularization import uniforms
from weights.models.hearing import Played, equalise

JOINED = 4
"""Recordings that become two strings: one of a word, one of three."""
_LENGTH = 2.2
"""Time of a string, in times of the longest recording."""
_OVERLAP, _GAP, _EDGE, _PAUSE = 0.03, 0.35, 0.2, 0.8
"""Seconds that words overlap at most, that lie between them, that lie around a string, and of a pause."""
_PAUSING, _EMPTY = 0.15, 0.12
"""Shares of the gaps that are pauses, and of the strings of a word in which there is none."""
_LEVEL = 0.35
"""Deviation of the logarithm of how loud words of a string are."""
_WHOLE = 0.05
"""Seconds of a word that may be cut off at the end of a string (all our choices)."""
_STREAM = 0x57A
"""Of numbers of chance, apart from those of augmentation."""


class Words(NamedTuple):
    """The words of strings, p of each at most.

    Attributes:
        rows: which recording of the batch each word is, (s, p).
        starts, ends: samples at which words begin and end, (s, p).
        holds: whether a word is there, (s, p).
    """

    rows: jax.Array
    starts: jax.Array
    ends: jax.Array
    holds: jax.Array


def string_length(n_samples: int) -> int:
    """Samples of a string of recordings that have so many."""
    return round(_LENGTH * n_samples)


def compose(played: Played, rate: int, *, seed: jax.Array, step: jax.Array) -> tuple[Played, Words]:
    """Strings of the recordings of a batch (b, t), two of each four that follow each other; where b is no multiple, some come twice.

    A string is 2.2 times as long as a recording.
    """
    n = -(-len(played.samples) // JOINED)
    rows = (jnp.arange(n * JOINED) % len(played.samples)).reshape(n, JOINED)
    alone = jnp.concatenate([rows[:, :1]] * (JOINED - 1), 1)
    rows = jnp.concatenate([alone, rows[:, 1:]])
    places = jnp.arange(JOINED - 1)
    meant = (jnp.arange(2 * n)[:, None] >= n) | (places == 0)
    chance = uniforms((7, *rows.shape), seed, step, _STREAM)
    is_string = (meant.sum(1) > 1)[:, None]
    lengths = jnp.where(meant, played.n_samples[rows], 0.0)
    gaps = (chance[0] * (_GAP + _OVERLAP) - _OVERLAP) + jnp.where(chance[1] < _PAUSING, chance[2] * _PAUSE, 0.0)
    gaps = jnp.where(places == 0, _EDGE * chance[3], gaps) * rate * meant * is_string
    ends = jnp.cumsum(gaps + lengths, 1)
    starts = (ends - lengths).astype(jnp.int32)
    size = string_length(played.samples.shape[1])
    n_samples = jnp.clip(ends[:, -1] + _EDGE * rate * chance[4, :, 0] * is_string[:, 0], 1, size)
    is_empty = (chance[5, :, :1] < _EMPTY) & ~is_string
    # Sums of two numbers of chance, of deviation one.
    levels = jnp.exp(_LEVEL * jnp.sqrt(6.0) * (chance[6] + jnp.roll(chance[6], 1, 0) - 1.0))
    x, moments = jnp.zeros((2 * n, size)), jnp.arange(size)
    for place in range(JOINED - 1):
        inside = moments - starts[:, place, None]
        recordings = played.samples[rows[:, place]]
        there = (inside >= 0) & (inside < lengths[:, place, None]) & ~is_empty
        sound = jnp.take_along_axis(recordings, jnp.clip(inside, 0, recordings.shape[1] - 1), 1)
        x = x + jnp.where(there, sound * levels[:, place, None], 0.0)
    holds = meant & ~is_empty & (ends <= size + _WHOLE * rate)
    return equalise(x, n_samples), Words(rows, starts, starts + lengths, holds)


def cover(words: Words, moments: jax.Array) -> jax.Array:
    """Which part of each moment a word takes, (s, m, p), where moments begin and end at samples (s, m + 1); words together at most all."""
    begins, ends = moments[:, :-1, None], moments[:, 1:, None]
    common = jnp.minimum(ends, words.ends[:, None]) - jnp.maximum(begins, words.starts[:, None])
    shares = jnp.maximum(common, 0.0) / jnp.maximum(ends - begins, 1e-6) * words.holds[:, None]
    return shares / jnp.maximum(shares.sum(2, keepdims=True), 1.0)
