"""The multilayer perceptron: fully connected layers, behind a learned embedding of numbers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import msgspec
import numpy as np

from weights.data.inputs import COLUMNS, Inputs, Layout
from weights.elements.activation import ACTIVATIONS, Activation, gain
from weights.elements.initialization import Initialization
from weights.models.architecture import Architecture, Defaults, ModelSettings
from weights.models.base import ByColumn, Cost, Dropout, Hidden, MemberModel, affine, first_layer
from weights.models.embedding import change_of_features, embed_numbers, first_embedding
from weights.types import FloatArray, IntArray, Params

_MOST_EMBEDDED = 512
_BINS_IN_ALL = 2048


class Mlp(ModelSettings, msgspec.Struct, frozen=True, tag="mlp"):
    """A multilayer perceptron.

    Attributes:
        hidden: units of each hidden layer, in order.
        embedding: "piecewise" or "none", of the numeric inputs; None means piecewise, if there are some, and at most 512.
        n_bins: of each number; None means 16 to 128, the fewer the more numbers there are.
        embedding_size: learned features a number is turned into, beside itself; None means 1 to 4, the fewer the more numbers.
    """

    hidden: tuple[int, ...] = (128, 128)
    embedding: Literal["none", "piecewise"] | None = None
    n_bins: int | None = None
    embedding_size: int | None = None

    def check(self) -> list[str]:
        """What is wrong with these settings, in words."""
        wrong = [f"hidden layers need at least one unit, but one has {units}" for units in self.hidden if units < 1]
        sizes = {name: getattr(self, name) for name in ("n_bins", "embedding_size")}
        return wrong + [f"{name} must be above zero, but is {value}" for name, value in sizes.items() if value is not None and value < 1]

    def resolved(self, n_numeric: int) -> Mlp:
        """With everything filled in for so many numeric inputs (our choices: a table of many numbers needs less of each)."""
        embedding = self.embedding or ("piecewise" if 0 < n_numeric <= _MOST_EMBEDDED else "none")
        if n_numeric == 0 or embedding == "none":
            return Mlp(self.hidden, "none")
        n_bins = self.n_bins or min(max(_BINS_IN_ALL // n_numeric, 16), 128)
        size = self.embedding_size or (4 if n_numeric <= 64 else 2 if n_numeric <= 128 else 1)
        return Mlp(self.hidden, embedding, n_bins, size)


class FirstSums(NamedTuple):
    """What a first layer adds up of other blocks than columns.

    init(n_units, key): its params by layer. embed(params, inputs): by block what is added up, (n, h) of each feature side by side.
    add_up(embedded): the sum over features, (n, h). input_rows: as of `MemberModel`.
    """

    init: Callable[..., Params]
    embed: Callable[[Params, Inputs], dict[str, jax.Array]]
    add_up: Callable[[Inputs], jax.Array]
    input_rows: Mapping[str, tuple[int, ...]]


def name_hidden(settings: Mlp) -> list[str]:
    """Names of the hidden layers, as signals pass."""
    return [f"hidden.{i}" for i in range(len(settings.hidden))]


def mlp_model(
    settings: Mlp, layout: Layout, initialization: Initialization, activation: Activation, *, first: FirstSums | None = None
) -> MemberModel:
    """Layers ``hidden.0, hidden.1, ..., output``, and ``embedding`` where asked for; settings are resolved.

    Hidden layers start with the gain of the activation before them; the output layer starts with none. Signals are silenced before
    each layer by `dropout(x, position)`. What the first layer adds up of other blocks than columns is `first`.
    """
    respond = ACTIVATIONS[activation.name]
    hidden_gain = gain(activation.name)
    embeds = settings.embedding == "piecewise" and len(layout.numeric) > 0
    size = settings.embedding_size or 0
    numeric = jnp.asarray(layout.numeric, jnp.int32)
    names = tuple(name_hidden(settings))
    layers = (*names, "output")

    def embed(params: Params, inputs: Inputs) -> Inputs:
        """Columns (n, p) with the features of each numeric one behind them, (n, p + numeric * size), and what the rest adds up to."""
        x = inputs.x
        x = jnp.concatenate([x, embed_numbers(params["embedding"], x[:, numeric])], axis=1) if embeds else x
        own = {} if first and not layout.n_columns else {COLUMNS: x}
        return Inputs({**own, **(first.embed(params, inputs) if first else {})})

    def init(inputs: Inputs, knots: jax.Array, *, key: jax.Array) -> Params:
        keys = jax.random.split(key, len(settings.hidden) + 2)
        params: Params = {"embedding": first_embedding(knots, size, key=keys[-1])} if embeds else {}
        params |= first.init(settings.hidden[0] if settings.hidden else layout.n_outputs, key=jax.random.fold_in(key, 1)) if first else {}
        x = embed(params, inputs).x
        for i, (name, n_units) in enumerate(zip(names, settings.hidden, strict=True)):
            # Inputs have variance one as they are; what has come through an activation must be widened to have it again.
            params[name] = first_layer(initialization, x, n_units, hidden_gain if i > 0 else 1.0, key=keys[i])
            x = respond(affine(params[name], x))
        params["output"] = first_layer(initialization, x, layout.n_outputs, 1.0, key=keys[-2])
        return params

    def add_up(params: Params, embedded: Inputs) -> jax.Array:
        sums = affine(params[layers[0]], embedded.x)
        return sums + first.add_up(embedded) if first else sums

    def forward(params: Params, embedded: Inputs, dropout: Dropout) -> tuple[jax.Array, dict[str, Hidden]]:
        return onward(params, add_up(params, embedded), dropout)

    def onward(params: Params, sums: jax.Array, dropout: Dropout) -> tuple[jax.Array, dict[str, Hidden]]:
        hidden = {}
        for name, following in itertools.pairwise(layers):
            hidden[name] = Hidden(sums, respond(sums))
            sums = affine(params[following], dropout(hidden[name].activations, len(hidden)))
        return sums, hidden

    def sums_of(params: Params, inputs: Inputs) -> jax.Array:
        return add_up(params, embed(params, inputs))

    def change(params: Params, columns: IntArray, moved: FloatArray, which: IntArray, before: FloatArray, after: FloatArray) -> FloatArray:
        w = np.asarray(params[layers[0]]["w"])
        of_columns = moved @ w[columns]
        if not embeds or not len(which):
            return of_columns
        rows = layout.n_columns + which[:, None] * size + np.arange(size)
        return of_columns + change_of_features(params["embedding"], which, before, after) @ w[rows.ravel()]

    places = (*range(layout.n_columns), *([j for j in layout.numeric for _ in range(size)] if embeds else []))
    others = first.input_rows if first else {}
    by_column = ByColumn(sums_of, change, onward)
    return MemberModel(init, embed, forward, {layers[0]: places, **others}, places, by_column=by_column)


def layer_names(settings: Mlp) -> list[str]:
    """Names of the layers, as signals pass."""
    return [*(["embedding"] if settings.embedding != "none" else []), *name_hidden(settings), "output"]


def cost(settings: Mlp, layout: Layout) -> Cost:
    """The cost of resolved settings for rows of this layout."""
    n_embedded = len(layout.numeric) * (settings.embedding_size or 0)
    widths = [layout.n_columns + n_embedded, *settings.hidden, layout.n_outputs]
    n_weights = sum(a * b + b for a, b in itertools.pairwise(widths)) + n_embedded * ((settings.n_bins or 0) + 1)
    return Cost(n_weights, float(n_weights), sum(widths), widths[-2])


MLP = Architecture(
    Mlp,
    mlp_model,
    layers=layer_names,
    cost=cost,
    resolve=lambda settings, layout, n_samples: settings.resolved(len(layout.numeric)),
    n_bins=lambda settings: settings.n_bins or 0,
    capacity="hidden",
    in_auto=True,
    # Large clean tables want free weights, small noisy ones such as are held back, and out-of-bag rows give both their stacking weights.
    # Both run through one program, hence no dropout of exactly zero.
    beside={"optimization.weight_decay": 0.1, "regularization.dropout": 0.02},
    defaults=Defaults(dropout=0.1),  # from out-of-bag losses on a dozen real tables
)
