"""Random convolutional kernels: a series becomes about a thousand features, and outputs are linear in these.

A kernel is a pattern of nine weights, six of -1 and three of 2, laid over a series with gaps between its places (dilation). Features
are the largest of its sums, and the shares of places at which they lie above thresholds (ROCKET: Dempster, Petitjean and Webb 2020,
section 3; the 84 patterns, and thresholds at quantiles of sums in training, are those of MiniRocket: Dempster, Schmidt and Webb 2021,
section 3). Half of the kernels are laid wholly inside, half beyond the ends as well, where there is zero. Differences from one value to
the next are read beside the values (MultiRocket: Tan et al. 2022, section 3). We depart from these in that

- each member draws its own kernels, so that a population has as many in all as one of theirs;
- a kernel reads one channel, so that what channels say adds up, and an explanation shares the answer out among them;
- patterns add up to zero and do not see the level, so that some kernels are a single weight, whose shares are how values are distributed;
  and of each channel the length is a feature;
- shares are of a series' own length, so that series of different lengths can be compared;
- features are standardised by the rows that the member learns from, bounded, and so small that together they count as some columns would.
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
from weights.models.base import Cost, Dropout, Hidden, Layer, MemberModel, affine
from weights.types import Params

_N_TAPS = 9
_PATTERNS = np.asarray([[2.0 if i in high else -1.0 for i in range(_N_TAPS)] for high in itertools.combinations(range(_N_TAPS), 3)])
_ALONE = np.eye(_N_TAPS)[_N_TAPS // 2]
"""The kernel of a single weight."""
_SHARE_ALONE = 0.05
"""Of kernels that read a level (our choice)."""
_MANY_ROWS = 2_000
_MANY_KERNELS, _FEWER_KERNELS, _LEAST_PER_CHANNEL = 200, 100, 4
"""Kernels of a member for few rows and for many, and for each channel at least (our choice)."""
_MOST_KERNELS, _MOST_THRESHOLDS = 1 << 14, 32
"""Beyond which settings are a mistake, or a saved run was tampered with."""
_PLACES_SEEN = 128
"""At which a kernel's thresholds are found (our choice)."""
_LEAST_SCALE, _BOUND = 0.01, 5.0
"""By which a feature is divided at least, as shares that hardly differ are hardly more than noise, and where it ends (our choice)."""


_AS_MANY_COLUMNS = 30.0
"""As which all features of series together are penalised, or a column beside them would be held back as one of a thousand (our choice)."""


class Kernels(ModelSettings, msgspec.Struct, frozen=True, tag="kernels"):
    """Random kernels and a linear model of what they see.

    Attributes:
        n_kernels: of each member; None means 200, with more than 2,000 rows 100, and four or more for each channel.
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

    The layer ``kernels`` holds of K kernels their ``taps`` (K, 9), ``dilation`` (K,) and ``thresholds`` (K, q), and ``center`` and
    ``scale`` (f,) of f features: q + 1 for each kernel, and one for each channel. None of these is learned.
    """
    longest, n_channels = layout.shape(SERIES)
    n_kernels, n_thresholds = settings.n_kernels or 0, settings.n_thresholds
    alone, inside, sources = _share_out(n_kernels, n_channels)
    n_features = n_kernels * (n_thresholds + 1) + n_channels
    counted_as = math.sqrt(_AS_MANY_COLUMNS / n_features)
    furthest = math.log2(max((longest - 1) / (_N_TAPS - 1), 1.0))
    margin = int(2**furthest) * (_N_TAPS // 2)

    def init(inputs: Inputs, knots: jax.Array, *, key: jax.Array) -> Params:
        drawn = jax.random.uniform(key, (3 * _PLACES_SEEN + 2, n_kernels))  # at once: each draw takes a second to compile
        patterns = jnp.asarray(_PATTERNS, jnp.float32)[(drawn[0] * len(_PATTERNS)).astype(jnp.int32)]
        taps = jnp.where(alone[:, None], jnp.asarray(_ALONE, jnp.float32), patterns)
        dilation = jnp.floor(2.0 ** (furthest * drawn[1]))
        layer = {"taps": taps, "dilation": dilation, "thresholds": find_thresholds(inputs[SERIES], taps, dilation, drawn[2:])}
        features = read_features(layer, inputs[SERIES])
        center, scale = jnp.nan_to_num(jnp.nanmean(features, 0)), jnp.sqrt(jnp.nan_to_num(jnp.nanvar(features, 0)) + _LEAST_SCALE**2)
        kernels = layer | {"center": center, "scale": scale}
        n_inputs = n_features + layout.n_columns
        return {"kernels": kernels, "output": {"w": jnp.zeros((n_inputs, layout.n_outputs)), "b": jnp.zeros(layout.n_outputs)}}

    def find_thresholds(series: jax.Array, taps: jax.Array, dilation: jax.Array, drawn: jax.Array) -> jax.Array:
        """Quantiles of the sums of each kernel at some places of the series, (K, q): one at a random level of each q-th of levels."""
        signals, lengths = _signals(series, margin)
        which = drawn.reshape(3, _PLACES_SEEN, n_kernels).transpose(0, 2, 1)
        rows = (which[0] * len(series)).astype(jnp.int32)
        length = jnp.take_along_axis(lengths[sources % n_channels], rows, 1)  # (K, places)
        reach = _find_reach(inside[:, None], dilation[:, None], length)
        places = reach + (which[1] * (length - 2 * reach)).astype(jnp.int32) + margin
        away = (jnp.arange(_N_TAPS) - _N_TAPS // 2) * dilation[:, None].astype(jnp.int32)
        seen = signals[sources[:, None, None], places[:, :, None] + away[:, None], rows[:, :, None]]
        sums = jnp.sort(jnp.einsum("kpj,kj->kp", seen, taps), axis=1)
        levels = (jnp.arange(n_thresholds) + which[2, :, :n_thresholds]) / n_thresholds
        # A little above what was seen, or rounding would say on which side the same sum lies.
        return jnp.take_along_axis(sums, (levels * _PLACES_SEEN).astype(jnp.int32), 1) + 1e-4 * sums.std(1, keepdims=True)

    def read_features(layer: Layer, series: jax.Array) -> jax.Array:
        """Of each kernel shares of places above its thresholds and the largest sum, NaN where there is none, and lengths, (n, f)."""
        signals, lengths = _signals(series, margin)
        place = jnp.arange(series.shape[1])[:, None]

        def see(kernel: tuple[jax.Array, ...]) -> jax.Array:
            taps, dilation, thresholds, source, inside = kernel
            length = lengths[source % n_channels]
            reach = _find_reach(inside, dilation, length)
            there = (place >= reach) & (place < length - reach)
            sums = jnp.where(there, _slide(signals[source], taps, dilation, margin, len(place)), -jnp.inf)  # (t, n)
            shares = (sums > thresholds[:, None, None]).sum(1) / jnp.maximum(length - 2 * reach, 1)
            return jnp.concatenate([shares, jnp.where(length > 0, sums.max(0), jnp.nan)[None]])

        seen = jax.lax.map(see, (layer["taps"], layer["dilation"], layer["thresholds"], sources, inside))  # (K, q + 1, n)
        return jnp.concatenate([seen.reshape(-1, len(series)), lengths / longest]).T

    def embed(params: Params, inputs: Inputs) -> Inputs:
        layer = params["kernels"]
        features = (read_features(layer, inputs[SERIES]) - layer["center"]) / layer["scale"]
        features = counted_as * jnp.nan_to_num(jnp.clip(features, -_BOUND, _BOUND))
        return Inputs({**inputs.only((COLUMNS,)).blocks, SERIES: features})

    def forward(params: Params, embedded: Inputs, dropout: Dropout) -> tuple[jax.Array, dict[str, Hidden]]:
        return affine(params["output"], jnp.concatenate([*embedded.blocks.values()], axis=1)), {}

    own = layout.place(SERIES) + np.append(np.repeat(np.asarray(sources) % n_channels, n_thresholds + 1), np.arange(n_channels))
    columns, features = tuple(range(layout.n_columns)), tuple(own.tolist())
    return MemberModel(init, embed, forward, {"output": (*columns, *features)}, columns, block_places={SERIES: features})


def _share_out(n_kernels: int, n_channels: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Which kernels are a single weight, which are laid inside, and what each reads, all (K,).

    A kernel reads the values of a channel, or, counted behind all these, its differences.
    """
    kernel, n_alone = np.arange(n_kernels), min(max(round(_SHARE_ALONE * n_kernels), n_channels), n_kernels)
    turn, source = np.divmod(np.maximum(kernel - n_alone, 0), 2 * n_channels)
    alone = kernel < n_alone
    return jnp.asarray(alone), jnp.asarray(~alone & (turn % 2 == 0)), jnp.asarray(np.where(alone, kernel % n_channels, source))


def _signals(series: jax.Array, margin: int) -> tuple[jax.Array, jax.Array]:
    """What kernels read, with zeros beyond both ends, (2 channels, margin + t + margin, n), and lengths, (channels, n).

    Rows come last, because sums over time are then sums of vectors.
    """
    series = series.transpose(2, 1, 0)
    known = jnp.isfinite(series)
    values = jnp.where(known, series, 0.0)
    changes = jnp.where(known[:, 1:], values[:, 1:] - values[:, :-1], 0.0)
    changes = jnp.pad(changes, ((0, 0), (1, 0), (0, 0)))
    return jnp.pad(jnp.concatenate([values, changes]), ((0, 0), (margin, margin), (0, 0))), known.sum(1)


def _find_reach(inside: jax.Array, dilation: jax.Array, length: jax.Array) -> jax.Array:
    """How far from the ends a kernel stays, in places: so far that it lies inside, if it is to and there is room."""
    reach = jnp.where(inside, _N_TAPS // 2 * dilation, 0).astype(jnp.int32)
    return jnp.where(length > 2 * reach, reach, 0)


def _slide(signal: jax.Array, taps: jax.Array, dilation: jax.Array, margin: int, n_places: int) -> jax.Array:
    """Sums of a kernel at each of so many places of a signal (margin + t + margin, n), shape (t, n)."""
    begin, step = margin - (_N_TAPS // 2) * dilation.astype(jnp.int32), dilation.astype(jnp.int32)
    seen = (jax.lax.dynamic_slice_in_dim(signal, begin + j * step, n_places) for j in range(_N_TAPS))
    return sum(taps[j] * part for j, part in enumerate(seen))  # type: ignore[return-value]


def cost(settings: Kernels, layout: Layout) -> Cost:
    """The cost of resolved settings for rows of this layout."""
    longest, n_channels = layout.shape(SERIES)
    n_kernels, q = settings.n_kernels or 0, settings.n_thresholds
    n_features = n_kernels * (q + 1) + n_channels
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
    capacity="n_kernels",
    has_hidden=False,
    solves=True,
    takes_steps=False,
    in_auto=True,
    defaults=Defaults(solver="exact", weight_decay=0.0, n_members=8),
)
