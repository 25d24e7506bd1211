"""A network over texts: each word, pair of words and n-gram of characters has a vector, and those of a text are added up.

What they add up to, and what columns of a table add, is what the first layer of a multilayer perceptron reads (fastText: Joulin et al.
2017, "Bag of Tricks for Efficient Text Classification"; deep averaging networks: Iyyer et al. 2015). Vectors are added with the weights
of `Vocabulary.bags`, and only those of features that a batch holds are read.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import msgspec

from weights.data.inputs import COLUMNS, Inputs, Layout
from weights.data.text.kind import TEXT
from weights.elements.activation import Activation
from weights.elements.augmentation import TextAugmentation
from weights.elements.initialization import Initialization, draw
from weights.models.architecture import LEAST_BATCH, Architecture, Defaults, Pace, count_steps
from weights.models.bagging import share_out, sum_leading, thin
from weights.models.base import Cost, MemberModel
from weights.models.mlp import FirstSums, Mlp, layer_names, mlp_model
from weights.models.mlp import cost as cost_of_columns
from weights.types import Params

VECTORS = "words"
"""The layer of vectors, ``w`` (leading features, h)."""
_UNITS_FOR_AN_OUTPUT, _FEWEST_UNITS, _MOST_UNITS = 4, 32, 128
"""Of the one hidden layer (our choice): on films 32 lose what 128 do in half the time, on 77 intents 64 lose a tenth more than 128."""
_START = 0.1
"""Spread of what a text adds up to at first (our choice, by out-of-bag losses of 77 intents)."""


class Bag(Mlp, msgspec.Struct, frozen=True, tag="bag"):
    """A multilayer perceptron over texts, and columns beside them; settings as of `Mlp`.

    Attributes:
        hidden: units of each hidden layer; words have vectors for the first. None named means one layer of 32 to 128, the more the more
            outputs there are.
    """

    hidden: tuple[int, ...] = ()


def bag_model(settings: Bag, layout: Layout, initialization: Initialization, activation: Activation) -> MemberModel:
    """Layers ``words, hidden.0, ..., output``, and ``embedding`` where there are numbers beside the texts; settings are resolved."""
    n_leading, parts = layout.n_leading(TEXT), layout.parts_of(TEXT)
    places = layout.places_in(TEXT)[:n_leading]
    features = jnp.asarray(places - layout.place(TEXT))

    def init(n_units: int, *, key: jax.Array) -> Params:
        w = draw(initialization, (n_leading, n_units), 1.0, key=key)
        return {VECTORS: {"w": w * (_START * n_leading**0.5)}}

    def embed(params: Params, inputs: Inputs) -> dict[str, jax.Array]:
        w, texts = params[VECTORS]["w"], inputs[TEXT]
        each = [w] if len(parts) == 1 else [jnp.where((features == i)[:, None], w, 0.0) for i in range(len(parts))]
        return {TEXT: jnp.concatenate([sum_leading(own, texts) for own in each], axis=1)}

    def add_up(embedded: Inputs) -> jax.Array:
        sums = embedded[TEXT]
        return sums.reshape(len(sums), len(parts), -1).sum(1)

    def view(inputs: Inputs, augmentation: TextAugmentation, *, seed: jax.Array, step: jax.Array) -> Inputs:
        rate = augmentation.word_dropout
        return inputs.replace(**{TEXT: thin(inputs[TEXT], rate, seed=seed, step=step)}) if rate else inputs

    def by_entry(params: Params, inputs: Inputs, slopes: Inputs) -> dict[str, jax.Array]:
        return {TEXT: share_out(params[VECTORS]["w"], inputs[TEXT], slopes[TEXT], features)}

    first = FirstSums(init, embed, add_up, {VECTORS: tuple(places.tolist())})
    model = mlp_model(settings, layout, initialization, activation, first=first)
    n_units = settings.hidden[0]
    own = tuple(layout.place(TEXT) + i for i in range(len(parts)) for _ in range(n_units))
    return model._replace(view=view, block_places={TEXT: own}, by_entry=by_entry)


def cost(settings: Bag, layout: Layout) -> Cost:
    """The cost of resolved settings for rows of this layout."""
    columns, n_units = cost_of_columns(settings, layout), settings.hidden[0]
    n_vectors, n_entries = layout.n_leading(TEXT), layout.count_entries(TEXT, leading=True)
    return columns._replace(
        n_weights=columns.n_weights + n_vectors * n_units, n_multiplications=columns.n_multiplications + n_entries * n_units
    )


def _resolve(settings: Bag, layout: Layout, n_samples: int) -> Bag:
    columns = _with_hidden(settings, layout.n_outputs).resolved(len(layout.numeric) if COLUMNS in layout.names else 0)
    return Bag(columns.hidden, columns.embedding, columns.n_bins, columns.embedding_size)


def _with_hidden(settings: Bag, n_outputs: int = 1) -> Bag:
    """The settings with a hidden layer, where none is named."""
    wanted = 1 << (_UNITS_FOR_AN_OUTPUT * n_outputs - 1).bit_length()
    return msgspec.structs.replace(settings, hidden=settings.hidden or (min(max(wanted, _FEWEST_UNITS), _MOST_UNITS),))


BAG = Architecture(
    Bag,
    bag_model,
    layers=lambda settings: [VECTORS, *layer_names(_with_hidden(settings))],
    cost=cost,
    resolve=_resolve,
    n_bins=lambda settings: settings.n_bins or 0,
    reads=(TEXT,),
    also_reads=(COLUMNS,),
    augmentation=TextAugmentation,
    capacity="hidden",
    in_auto=True,
    defaults=Defaults(
        learning_rate=1e-2,
        weight_decay=0.0,
        dropout=0.5,
        batch_size=lambda n_samples: 128 if n_samples > 4_000 else 64 if n_samples > 1_000 else LEAST_BATCH,
        n_steps=lambda n_samples, batch_size: count_steps(n_samples, batch_size, n_passes=8, least=300, most=6_000),
        n_members=8,
    ),
    pace=Pace(multiplication=8.0),  # entries are looked up one by one
)
