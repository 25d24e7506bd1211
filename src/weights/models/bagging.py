"""What a layer adds up for rows that are bags: sums of the rows of a matrix of weights that their entries name."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from weights.data.bags import Bags
from weights.elements.regularization import dropout_mask

_ENTRIES_AT_ONCE = 1 << 12
"""Entries that are added up at a time (our choice): so one program serves rows of any length."""
_STREAM = 0xBA6
"""Of numbers of chance, apart from those of dropout, whose streams are layers."""

jax.tree_util.register_pytree_node(
    Bags,
    lambda bags: ((bags.entries, bags.starts, bags.sizes, bags.leading, bags.thinned), (bags.width, bags.n_leading)),
    lambda sizes, parts: Bags(*parts[:4], width=sizes[0], n_leading=sizes[1], thinned=parts[4]),
)


def thin(bags: Bags, rate: float, *, seed: jax.Array, step: jax.Array) -> Bags:
    """The rows of which entries count with a chance of ``1 - rate``, and then for ``1 / (1 - rate)``, anew at each step."""
    return bags.replace(thinned=(jnp.float32(rate), seed, step))


def with_all_entries(bags: Bags, *, flags: bool = False) -> Bags:
    """The rows as if all features led; of flags instead of values if asked for."""
    entries = bags.entries._replace(values=bags.entries.flags) if flags else bags.entries
    return bags.replace(entries=entries, leading=bags.sizes, n_leading=bags.width)


def sum_leading(w: jax.Array, bags: Bags) -> jax.Array:
    """Sums over the leading entries of each row, shape (n, h): of their values times the row of w (leading features, h) that each names.

    No other rows of w are read, and only these have a gradient. Bags have none. Outside of a program it is a product in NumPy.
    """
    if isinstance(bags.sizes, np.ndarray) and not isinstance(w, jax.core.Tracer):
        return bags.leading_matrix() @ np.asarray(w)
    return _sum_up(w, jax.tree.map(jnp.asarray, bags))


def share_out(w: jax.Array, bags: Bags, slopes: jax.Array, features: jax.Array) -> jax.Array:
    """What each entry adds to the sums of its row times these slopes, shape (entries,), zero for those that do not lead.

    Args:
        w: as of `sum_leading`.
        bags: n rows, their entries one row behind the other.
        slopes: of each row by the sums of each column of bags, side by side, (n, columns * h).
        features: which column each row of w is of, counted from 0, (leading features,).
    """
    ends = jnp.cumsum(bags.sizes)
    by_column = slopes.reshape(len(bags), -1, w.shape[1])

    def share(entries: jax.Array) -> jax.Array:
        rows = jnp.minimum(jnp.searchsorted(ends, entries, side="right"), len(bags) - 1)
        ids = jnp.minimum(bags.entries.ids[entries], len(w) - 1)
        leads = (entries - bags.starts[rows] < bags.leading[rows]) & (entries < ends[-1])
        return jnp.where(leads, bags.entries.values[entries] * jnp.sum(w[ids] * by_column[rows, features[ids]], axis=1), 0.0)

    n = len(bags.entries.ids)
    return jax.lax.map(share, jnp.arange(n).reshape(-1, min(n, _ENTRIES_AT_ONCE))).ravel()


@jax.custom_vjp
def _sum_up(w: jax.Array, bags: Bags) -> jax.Array:
    def add(turn: jax.Array, sums: jax.Array) -> jax.Array:
        ids, values, rows = _read_entries(bags, turn)
        return sums + jax.ops.segment_sum(w[ids] * values[:, None], rows, len(bags), indices_are_sorted=True)

    return jax.lax.fori_loop(0, _count_turns(bags), add, jnp.zeros((len(bags), w.shape[1]), w.dtype))


def _sum_forward(w: jax.Array, bags: Bags) -> tuple[jax.Array, tuple[jax.Array, Bags]]:
    return _sum_up(w, bags), (w, bags)


def _sum_back(kept: tuple[jax.Array, Bags], slope: jax.Array) -> tuple[jax.Array, None]:
    w, bags = kept

    def add(turn: jax.Array, total: jax.Array) -> jax.Array:
        ids, values, rows = _read_entries(bags, turn)
        return total.at[ids].add(slope[rows] * values[:, None])

    return jax.lax.fori_loop(0, _count_turns(bags), add, jnp.zeros_like(w)), None


_sum_up.defvjp(_sum_forward, _sum_back)


def _count_turns(bags: Bags) -> jax.Array:
    return (bags.leading.sum() + _ENTRIES_AT_ONCE - 1) // _ENTRIES_AT_ONCE


def _read_entries(bags: Bags, turn: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Features, values and rows of the leading entries that come at a turn, each (entries,); behind the last, values are zero."""
    ends = jnp.cumsum(bags.leading)
    entries = turn * _ENTRIES_AT_ONCE + jnp.arange(_ENTRIES_AT_ONCE)
    rows = jnp.minimum(jnp.searchsorted(ends, entries, side="right", method="compare_all"), len(bags) - 1)
    there = entries < ends[-1]
    places = jnp.where(there, bags.starts[rows] + entries - (ends[rows] - bags.leading[rows]), 0)
    values = jnp.where(there, bags.entries.values[places], 0.0)
    if bags.thinned is not None:
        rate, seed, step = bags.thinned
        values = values * dropout_mask(values.shape, rate, seed + jnp.uint32(0x9E3779B9) * turn.astype(jnp.uint32), step, _STREAM)
    return bags.entries.ids[places], values, rows
