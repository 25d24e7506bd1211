"""The linear model: every input has one weight per output, and that is all.

With the losses of task.py it is least squares, logistic or multinomial regression.
"""

from __future__ import annotations

import jax
import msgspec

from weights.data.inputs import COLUMNS, Inputs, Layout
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.architecture import Architecture, Defaults, ModelSettings
from weights.models.base import Cost, Dropout, Hidden, MemberModel, affine, first_layer
from weights.types import Params


class Linear(ModelSettings, msgspec.Struct, frozen=True, tag="linear"):
    """A linear model has no settings of its own."""


def linear_model(settings: Linear, layout: Layout, initialization: Initialization, activation: Activation) -> MemberModel:
    """Outputs ``x @ w + b`` with params ``{"output": {"w": (p, k), "b": (k,)}}``."""
    places = tuple(range(layout.n_columns))

    def init(inputs: Inputs, knots: jax.Array, *, key: jax.Array) -> Params:
        return {"output": first_layer(initialization, inputs[COLUMNS], layout.n_outputs, 1.0, key=key)}

    def embed(params: Params, inputs: Inputs) -> Inputs:
        return Inputs({COLUMNS: inputs[COLUMNS]})

    def forward(params: Params, embedded: Inputs, dropout: Dropout) -> tuple[jax.Array, dict[str, Hidden]]:
        return affine(params["output"], embedded[COLUMNS]), {}

    return MemberModel(init, embed, forward, {"output": places}, places)


def cost(settings: Linear, layout: Layout) -> Cost:
    """The cost for rows of this layout."""
    n_weights = (layout.n_columns + 1) * layout.n_outputs
    return Cost(n_weights, float(n_weights), layout.n_columns + layout.n_outputs, layout.n_columns)


LINEAR = Architecture(
    Linear,
    linear_model,
    layers=lambda settings: ["output"],
    cost=cost,
    has_hidden=False,
    linear=True,
    in_auto=True,
    defaults=Defaults(solver="exact", weight_decay=0.0),  # there is a penalty of its own
)
