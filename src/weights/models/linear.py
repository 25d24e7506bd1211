"""The linear model: every input has one weight per output, and that is all.

With the losses of task.py it is least squares, logistic or multinomial regression. Where its optimum is solved, a number enters as it
is, as it is up to a limit beyond which it counts as the median, or bounded, whichever rows that members did not learn from say
(training/reading.py); one of its two weights is then zero.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import msgspec

from weights.data.inputs import COLUMNS, FARTHEST, NUMBERS, Inputs, Layout
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.architecture import Architecture, Defaults, ModelSettings
from weights.models.base import Cost, Dropout, Hidden, Layer, MemberModel, affine, first_layer
from weights.types import Params


class Linear(ModelSettings, msgspec.Struct, frozen=True, tag="linear"):
    """A linear model.

    Attributes:
        unbounded: whether numbers may enter without a bound; None means where the optimum is solved and no number came without one anyway.
    """

    unbounded: bool | None = None


def linear_model(settings: Linear, layout: Layout, initialization: Initialization, activation: Activation) -> MemberModel:
    """Outputs ``x @ w + b`` with params ``{"output": {"w": (p, k), "b": (k,)}}``.

    Where numbers are read without a bound, they stand behind the columns, and the params hold their ``limit`` (numeric,) too.
    """
    places = _find_places(settings, layout)
    reads_numbers = len(places) > layout.n_columns

    def init(inputs: Inputs, knots: jax.Array, *, key: jax.Array) -> Params:
        limits = {"limit": jnp.full(len(layout.numeric), FARTHEST)} if reads_numbers else {}
        return {"output": first_layer(initialization, read(limits, inputs), layout.n_outputs, 1.0, key=key) | limits}

    def read(layer: Layer, inputs: Inputs) -> jax.Array:
        x = inputs[COLUMNS]
        if not reads_numbers:
            return x
        numbers, limit = inputs[NUMBERS], jax.lax.stop_gradient(layer["limit"])
        return jnp.concatenate([x, jnp.where(jnp.abs(numbers) <= limit, numbers, 0.0)], axis=1)

    def embed(params: Params, inputs: Inputs) -> Inputs:
        return Inputs({COLUMNS: read(params["output"], inputs)})

    def forward(params: Params, embedded: Inputs, dropout: Dropout) -> tuple[jax.Array, dict[str, Hidden]]:
        return affine(params["output"], embedded[COLUMNS]), {}

    return MemberModel(init, embed, forward, {"output": places}, places)


def _find_places(settings: Linear, layout: Layout) -> tuple[int, ...]:
    """The place of the input that each weight is of."""
    return (*range(layout.n_columns), *(layout.numeric if settings.unbounded and NUMBERS in layout.names else ()))


def cost(settings: Linear, layout: Layout) -> Cost:
    """The cost for rows of this layout."""
    n_inputs = len(_find_places(settings, layout))
    n_weights = (n_inputs + 1) * layout.n_outputs
    return Cost(n_weights, float(n_weights), n_inputs + layout.n_outputs, n_inputs)


def _resolve(settings: Linear, layout: Layout, n_samples: int) -> Linear:
    """Numbers may enter without a bound where they are offered so, if nobody said."""
    return Linear(NUMBERS in layout.names if settings.unbounded is None else settings.unbounded)


LINEAR = Architecture(
    Linear,
    linear_model,
    layers=lambda settings: ["output"],
    cost=cost,
    resolve=_resolve,
    also_reads=(NUMBERS,),
    has_hidden=False,
    linear=True,
    solves=True,
    in_auto=True,
    defaults=Defaults(solver="exact", weight_decay=0.0),  # there is a penalty of its own
)
