"""Random convolutional kernels: a series becomes thousands of shares of its time, and outputs are linear in these.

A kernel is a pattern of nine weights, six of -1 and three of 2, laid over a series with gaps between its places (dilation). Its sums are
compared with a threshold, and the feature is the share of the series' time in which they lie above (the proportion of positive values of
Dempster, Petitjean and Webb 2020, "ROCKET", section 3.2; the 84 patterns and thresholds at quantiles of the sums of training are those of
Dempster, Schmidt and Webb 2021, "MiniRocket", sections 3.1 to 3.3). Differences from one value to the next are read beside the values (Tan
et al. 2022, "MultiRocket", section 3.1). We depart from these in that

- each member draws its own kernels, and a population has as many in all as one of theirs;
- a kernel reads one channel, so that what channels say adds up, and an explanation shares the answer out among them;
- patterns add up to zero and do not see the level, so that some kernels are a single weight: their features are how values are
  distributed; and of each channel the length is a feature;
- shares are of a series' own length, so that series of different lengths can be compared;
- features are standardised by the rows that the member learns from.
"""

from __future__ import annotations

import itertools
import math

import jax
import jax.numpy as jnp
import msgspec
import numpy as np

from weights.data.inputs import COLUMNS, Inputs, Layout
from weights.data.series.kind import SERIES
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.architecture import Architecture, Defaults, ModelSettings
from weights.models.base import Cost, Dropout, Hidden, Layer, MemberModel, affine, first_layer
from weights.types import Params

_N_TAPS = 9
_PATTERNS = np.asarray([[2.0 if i in high else -1.0 for i in range(_N_TAPS)] for high in itertools.combinations(range(_N_TAPS), 3)])
_ALONE = np.eye(_N_TAPS)[_N_TAPS // 2]
"""The kernel of a single weight."""
_SHARE_ALONE = 0.05
"""Of kernels that read a level (our choice)."""
_MANY_ROWS = 2_000
_MANY_KERNELS, _FEWER_KERNELS, _LEAST_PER_CHANNEL = 256, 128, 4
"""Kernels of a member for few rows and for many, and for each channel at least (our choice)."""
_MOST_KERNELS, _MOST_THRESHOLDS = 1 << 14, 64
"""Beyond which settings are a mistake, or a saved run was tampered with."""
_VALUES_SEEN = 1 << 13
"""Of a sample of rows, from which thresholds are drawn (our choice)."""
_LEAST_SCALE = 0.01
"""By which a feature is divided at least: shares that hardly differ are hardly more than noise (our choice)."""


class Kernels(ModelSettings, msgspec.Struct, frozen=True, tag="kernels"):
    """Random kernels and a linear model of what they see.

    Attributes:
        n_kernels: of each member; None means 256, with more than 2,000 rows 128, and four or more for each channel.
        n_thresholds: of each kernel.
    """

    n_kernels: int | None = None
    n_thresholds: int = 4

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        wrong = []
        if self.n_kernels is not None and not 1 <= self.n_kernels <= _MOST_KERNELS:
            wrong.append(f"n_kernels must be from 1 to {_MOST_KERNELS}, but is {self.n_kernels}")
        if not 1 <= self.n_thresholds <= _MOST_THRESHOLDS:
            wrong.append(f"n_thresholds must be from 1 to {_MOST_THRESHOLDS}, but is {self.n_thresholds}")
        return wrong


def kernel_model(settings: Kernels, layout: Layout, initialization: Initialization, activation: Activation) -> MemberModel:
    """Outputs linear in the features of series and in columns, with params ``kernels`` and ``output``; settings are resolved.

    The layer ``kernels`` holds of K kernels their ``taps`` (K, 9), ``dilation`` (K,) and ``thresholds`` (K, q), and of f features, K q and
    one more for each channel, ``center`` and ``scale`` (f,). None of these is learned.
    """
    longest, n_channels = layout.shape(SERIES)
    n_kernels, n_thresholds = settings.n_kernels or 0, settings.n_thresholds
    alone, sources = _share_out(n_kernels, n_channels)
    n_features = n_kernels * n_thresholds + n_channels
    furthest = math.log2(max((longest - 1) / (_N_TAPS - 1), 1.0))
    margin = int(2**furthest) * (_N_TAPS // 2)

    def init(inputs: Inputs, knots: jax.Array, *, key: jax.Array) -> Params:
        keys = jax.random.split(key, 4)
        drawn = jnp.asarray(_PATTERNS, jnp.float32)[jax.random.randint(keys[0], (n_kernels,), 0, len(_PATTERNS))]
        taps = jnp.where(alone[:, None], jnp.asarray(_ALONE, jnp.float32), drawn)
        dilation = jnp.floor(2.0 ** (furthest * jax.random.uniform(keys[1], (n_kernels,))))
        levels = (jnp.arange(n_thresholds) + jax.random.uniform(keys[2], (n_kernels, n_thresholds))) / n_thresholds
        some = inputs[SERIES][: max(_VALUES_SEEN // longest, 16)]
        layer = {"taps": taps, "dilation": dilation, "thresholds": find_thresholds(some, taps, dilation, levels)}
        features = read_features(layer, inputs[SERIES])
        scale = jnp.sqrt(jnp.var(features, 0) + _LEAST_SCALE**2)
        kernels = layer | {"center": features.mean(0), "scale": scale}
        x = jnp.zeros((1, n_features + layout.n_columns))
        return {"kernels": kernels, "output": first_layer(initialization, x, layout.n_outputs, 1.0, key=keys[3])}

    def find_thresholds(series: jax.Array, taps: jax.Array, dilation: jax.Array, levels: jax.Array) -> jax.Array:
        """Quantiles at these levels (K, q) of the sums of each kernel, shape (K, q)."""
        signals, known = _signals(series, margin)

        def find(kernel: tuple[jax.Array, ...]) -> jax.Array:
            taps, dilation, source, levels = kernel
            sums = _slide(signals[source], taps, dilation, margin, series.shape[1])
            return jnp.nanquantile(jnp.where(known[source % n_channels], sums, jnp.nan), levels)

        return jnp.nan_to_num(jax.lax.map(find, (taps, dilation, sources, levels)))

    def read_features(layer: Layer, series: jax.Array) -> jax.Array:
        """Shares of time above each threshold of each kernel, and lengths as shares of the longest, shape (n, f)."""
        signals, known = _signals(series, margin)
        lengths = known.sum(1).astype(jnp.float32)  # (channels, n)

        def share(kernel: tuple[jax.Array, ...]) -> jax.Array:
            taps, dilation, thresholds, source = kernel
            channel = source % n_channels
            sums = _slide(signals[source], taps, dilation, margin, series.shape[1])
            above = (sums > thresholds[:, None, None]) & known[channel]
            return above.sum(1) / jnp.maximum(lengths[channel], 1.0)

        shares = jax.lax.map(share, (layer["taps"], layer["dilation"], layer["thresholds"], sources))  # (K, q, n)
        return jnp.concatenate([shares.reshape(n_kernels * n_thresholds, -1), lengths / longest]).T

    def embed(params: Params, inputs: Inputs) -> Inputs:
        layer = params["kernels"]
        features = (read_features(layer, inputs[SERIES]) - layer["center"]) / layer["scale"]
        return Inputs({**inputs.only((COLUMNS,)).blocks, SERIES: features})

    def forward(params: Params, embedded: Inputs, dropout: Dropout) -> tuple[jax.Array, dict[str, Hidden]]:
        return affine(params["output"], jnp.concatenate([*embedded.blocks.values()], axis=1)), {}

    own = layout.place(SERIES) + np.append(np.repeat(np.asarray(sources) % n_channels, n_thresholds), np.arange(n_channels))
    columns, features = tuple(range(layout.n_columns)), tuple(own.tolist())
    return MemberModel(init, embed, forward, {"output": (*columns, *features)}, columns, block_places={SERIES: features})


def _share_out(n_kernels: int, n_channels: int) -> tuple[jax.Array, jax.Array]:
    """Which kernels are a single weight, and what each reads: the values of a channel, or behind them its differences, both (K,)."""
    alone = np.arange(n_kernels) < min(max(round(_SHARE_ALONE * n_kernels), n_channels), n_kernels)
    first = np.arange(n_kernels)
    return jnp.asarray(alone), jnp.asarray(np.where(alone, first % n_channels, (first - alone.sum()) % (2 * n_channels)))


def _signals(series: jax.Array, margin: int) -> tuple[jax.Array, jax.Array]:
    """What kernels read, with zeros beyond both ends, (2 channels, margin + t + margin, n), and where series are, (channels, t, n).

    Rows come last, because sums over time are then sums of vectors.
    """
    series = series.transpose(2, 1, 0)
    known = jnp.isfinite(series)
    values = jnp.where(known, series, 0.0)
    changes = jnp.where(known[:, 1:], values[:, 1:] - values[:, :-1], 0.0)
    changes = jnp.pad(changes, ((0, 0), (1, 0), (0, 0)))
    return jnp.pad(jnp.concatenate([values, changes]), ((0, 0), (margin, margin), (0, 0))), known


def _slide(signal: jax.Array, taps: jax.Array, dilation: jax.Array, margin: int, n_places: int) -> jax.Array:
    """Sums of a kernel at each of so many places of a signal (margin + t + margin, n), shape (t, n)."""
    begin, step = margin - (_N_TAPS // 2) * dilation.astype(jnp.int32), dilation.astype(jnp.int32)
    seen = (jax.lax.dynamic_slice_in_dim(signal, begin + j * step, n_places) for j in range(_N_TAPS))
    return sum(taps[j] * part for j, part in enumerate(seen))  # type: ignore[return-value]


def cost(settings: Kernels, layout: Layout) -> Cost:
    """The cost of resolved settings for rows of this layout."""
    longest, n_channels = layout.shape(SERIES)
    n_kernels, q = settings.n_kernels or 0, settings.n_thresholds
    n_features = n_kernels * q + n_channels
    n_inputs = n_features + layout.n_columns
    n_weights = (n_inputs + 1) * layout.n_outputs
    n_held = n_weights + n_kernels * (_N_TAPS + 1 + q) + 2 * n_features
    return Cost(n_held, float(n_weights + n_kernels * (_N_TAPS + q) * longest), n_inputs + layout.n_outputs, n_inputs)


def _resolve(settings: Kernels, layout: Layout, n_samples: int) -> Kernels:
    usual = _MANY_KERNELS if n_samples <= _MANY_ROWS else _FEWER_KERNELS
    least = min(_LEAST_PER_CHANNEL * layout.shape(SERIES)[-1], _MOST_KERNELS)
    return Kernels(settings.n_kernels or max(usual, least), settings.n_thresholds)


KERNELS = Architecture(
    Kernels,
    kernel_model,
    layers=lambda settings: ["kernels", "output"],
    cost=cost,
    resolve=_resolve,
    lacks=lambda settings: "the number of kernels" if settings.n_kernels is None else "",
    reads=(SERIES,),
    also_reads=(COLUMNS,),
    has_hidden=False,
    solves=True,
    takes_steps=False,
    in_auto=True,
    defaults=Defaults(solver="exact", weight_decay=0.0, n_members=8),
)
