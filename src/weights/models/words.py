"""Linear in words: each word, pair of words and n-gram of characters has one weight per output, and so has each column beside the texts.

Features enter with the weights of `Vocabulary.bags`, or as flags, multiplied for each output by the weight that naive Bayes would give
them (Wang and Manning 2012, "Baselines and Bigrams", section 2.1): the penalty then holds back what tells outputs apart less.
"""

from __future__ import annotations

from typing import Any, Literal

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
import scipy.sparse

from weights.data.inputs import COLUMNS, Inputs, Layout
from weights.data.text.kind import TEXT
from weights.elements.activation import Activation
from weights.elements.initialization import Initialization
from weights.models.architecture import Architecture, Defaults, ModelSettings
from weights.models.bagging import share_out, sum_leading, with_all_entries
from weights.models.base import ByColumn, Cost, Dropout, Hidden, MemberModel, SparseInputs, affine, first_layer, keep_all
from weights.types import FloatArray, IntArray, Params

_COUNTED_AS = 10.0
"""What features are multiplied by, as all of a text together are of length one (our choice: so a penalty is as strong as on columns)."""


class Words(ModelSettings, msgspec.Struct, frozen=True, tag="words"):
    """A linear model of texts, and columns beside them.

    Attributes:
        weighting: "idf", by how rare features are, or "naive-bayes", by how much more often rows hold them whose output is to rise.
    """

    weighting: Literal["idf", "naive-bayes"] = "idf"

    @property
    def reads_flags(self) -> bool:
        """Whether all that counts of a feature is that it is there."""
        return self.weighting == "naive-bayes"


def words_model(settings: Words, layout: Layout, initialization: Initialization, activation: Activation) -> MemberModel:
    """Outputs ``texts @ w[:V] + x @ w[V:] + b`` with params ``{"output": {"w": (V + p, k), "b": (k,)}}``."""
    width, parts, n_columns = layout.shape(TEXT)[-1], layout.parts_of(TEXT), layout.n_columns
    places = layout.places_in(TEXT)
    features = jnp.asarray(places - layout.place(TEXT))

    def init(inputs: Inputs, knots: jax.Array, *, key: jax.Array) -> Params:
        return {"output": first_layer(initialization, jnp.zeros((1, width + n_columns)), layout.n_outputs, 1.0, key=key)}

    def embed(params: Params, inputs: Inputs) -> Inputs:
        """What the texts of each column add to outputs, side by side, (n, columns * k), and the columns of the table."""
        w, texts = params["output"]["w"][:width], with_all_entries(inputs[TEXT], flags=settings.reads_flags)
        each = [w] if len(parts) == 1 else [jnp.where((features == i)[:, None], w, 0.0) for i in range(len(parts))]
        columns = {COLUMNS: inputs[COLUMNS]} if n_columns else {}
        return Inputs({**columns, TEXT: jnp.concatenate([sum_leading(own, texts) for own in each], axis=1)})

    def forward(params: Params, embedded: Inputs, dropout: Dropout) -> tuple[jax.Array, dict[str, Hidden]]:
        output, sums = params["output"], embedded[TEXT]
        of_texts = sums.reshape(len(sums), len(parts), -1).sum(1)
        return of_texts + affine({"w": output["w"][width:], "b": output["b"]}, embedded.x), {}

    def change(params: Params, columns: IntArray, moved: FloatArray, which: IntArray, before: FloatArray, after: FloatArray) -> FloatArray:
        return np.asarray(moved @ np.asarray(params["output"]["w"][width:])[columns])

    by_column = ByColumn(
        sums=lambda params, inputs: forward(params, embed(params, inputs), keep_all)[0],
        change=change,
        onward=lambda params, sums, dropout: (sums, {}),
    )

    def by_entry(params: Params, inputs: Inputs, slopes: Inputs) -> dict[str, jax.Array]:
        texts = with_all_entries(inputs[TEXT], flags=settings.reads_flags)
        return {TEXT: share_out(params["output"]["w"][:width], texts, slopes[TEXT], features)}

    def make_matrix(inputs: Inputs) -> scipy.sparse.csr_array:
        texts = inputs[TEXT].matrix(np.float32, flags=settings.reads_flags)
        return scipy.sparse.csr_array(scipy.sparse.hstack([texts, scipy.sparse.csr_array(inputs.x)])) if n_columns else texts

    def find_scale(matrix: Any, slopes: FloatArray, weight: FloatArray) -> FloatArray:
        scale = np.ones((width + n_columns, layout.n_outputs))
        scale[:width] = _COUNTED_AS * (find_log_ratios(matrix[:, :width], slopes, weight) if settings.reads_flags else 1.0)
        return scale

    own = tuple(layout.place(TEXT) + i for i in range(len(parts)) for _ in range(layout.n_outputs))
    columns = tuple(range(n_columns))
    return MemberModel(
        init,
        embed,
        forward,
        {"output": (*places.tolist(), *columns)},
        columns,
        block_places={TEXT: own},
        by_entry=by_entry,
        by_column=by_column,
        sparse=SparseInputs(make_matrix, find_scale),
    )


def find_log_ratios(flags: scipy.sparse.csr_array, slopes: FloatArray, weight: FloatArray) -> FloatArray:
    """Logs of how much more often features are in rows whose output is to rise than in others, shape (p, k).

    Of classes that is the ratio of the class to all others (Wang and Manning 2012, section 2.1, with rows counted, and one more of each).

    Args:
        flags: which rows hold which features, whatever their values, shape (n, p).
        slopes: of the loss at a constant prediction by each output, (n, k).
        weight: of rows, (n,).
    """
    holds = scipy.sparse.csr_array((np.ones(flags.nnz), flags.indices, flags.indptr), shape=flags.shape)
    logs = []
    for rows in (slopes < 0, slopes > 0):
        counted = rows * (weight / max(weight[weight > 0].mean(), 1e-300))[:, None]
        logs.append(np.log((1 + holds.T @ counted) / (2 + counted.sum(0))))
    return np.asarray(logs[0] - logs[1])


def cost(settings: Words, layout: Layout) -> Cost:
    """The cost for rows of this layout."""
    n_inputs = layout.shape(TEXT)[-1] + layout.n_columns
    n_weights = (n_inputs + 1) * layout.n_outputs
    n_read = layout.count_entries(TEXT) + layout.n_columns
    return Cost(n_weights, float(n_read * layout.n_outputs), n_read + layout.n_outputs, n_inputs)


WORDS = Architecture(
    Words,
    words_model,
    layers=lambda settings: ["output"],
    cost=cost,
    reads=(TEXT,),
    also_reads=(COLUMNS,),
    has_hidden=False,
    solves=True,
    sparse=True,
    in_auto=True,
    beside={"model.weighting": "naive-bayes"},
    beside_name="bayes",
    defaults=Defaults(solver="exact", weight_decay=0.0, n_members=8),
)
