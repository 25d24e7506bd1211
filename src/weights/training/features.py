"""What the outputs of solved members are linear in: `Features`.

Of a model that is linear in columns these are the columns, the same for all members, with numbers read as `reading.choose` chose. A model
that draws something of its own for each member, such as random kernels, turns rows into features that differ from member to member.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from weights.data.inputs import FARTHEST, NUMBERS, Inputs, Layout
from weights.models.registry import architecture_of, build
from weights.spec import Spec, program_spec
from weights.training.job import Job
from weights.training.problem import Problem, Solution
from weights.types import FloatArray, Params

_SAMPLE = 512
"""Of a member's own rows those by which it draws what it is to have (our choice)."""
_BLOCK = 1024


class Features:
    """Of the members of a job what they are solved for.

    Attributes:
        as_they_are: limits within which numbers are read as they are, no limit for any, shape (numeric,), empty where none can be.
        groups: the feature that each input is of, see `Encoding.groups`, shape (p,).
        used: 0 for inputs that are masked, else 1, shape (p,).
    """

    def __init__(self, job: Job) -> None:
        spec = job.specs[0]
        self.job, self._of_columns = job, architecture_of(spec.model).linear
        model = build(spec.model, job.layout, spec.initialization, spec.activation)
        places, self._sparse = model.input_rows["output"], model.sparse
        self._is_shared = self._of_columns or self._sparse is not None
        n_unbounded = len(places) - job.layout.n_columns if self._of_columns else 0
        self.as_they_are = np.full(n_unbounded, FARTHEST)
        own = np.asarray(places[: len(places) - n_unbounded], int)
        self.groups, self.used = job.groups[own], job.used[own]
        self._drawn: dict[int, tuple[Params, FloatArray]] = {}
        self._read: tuple[FloatArray, FloatArray] | None = None
        self._matrix: Any = None
        self._reading = threading.Lock()

    @property
    def is_sparse(self) -> bool:
        """Whether they are a sparse matrix."""
        return self._sparse is not None

    def of_rows(self, inputs: Inputs, limits: FloatArray) -> FloatArray:
        """The columns of rows as a linear model reads them, with numbers as they are up to these limits, float32, shape (n, p)."""
        unbounded = limits > 0
        x = inputs.x
        if unbounded.any():
            x = np.array(x)
            x[:, np.asarray(self.job.layout.numeric)[unbounded]] = within(inputs[NUMBERS][:, unbounded], limits[unbounded])
        return x if self.used.all() else x * self.used

    def pose(self, m: int, limits: FloatArray) -> Problem:
        """What is solved for member m, of the rows that it learns from; masked inputs are zero, so that their weights are too."""
        return self.pose_rows(m, limits, self.job.weight * self.job.resampling.counts[m])

    def pose_rows(self, m: int, limits: FloatArray, weight: FloatArray) -> Problem:
        """The same of rows of these weights (n,)."""
        job, x, scale = self.job, self.of(m, limits), None
        if self._sparse is not None:
            rows = np.flatnonzero(weight)
            constant = job.task.constant_outputs(job.y[rows], weight[rows])
            outputs = np.broadcast_to(constant, (len(job.y), job.task.n_outputs))
            scale = self.used[:, None] * self._sparse.scale(x, job.task.convex.evaluate(outputs, job.y)[1], weight)
        return Problem(job.task.convex, x, job.y, weight, job.task.n_outputs, self.groups, scale=scale)

    def of(self, m: int, limits: FloatArray) -> Any:
        """The features of all rows for member m, float32, shape (n, p), or a sparse matrix of them."""
        if self._of_columns:
            with self._reading:
                if self._read is None or not np.array_equal(self._read[0], limits):
                    self._read = limits, self.of_rows(self.job.inputs, limits)
                return self._read[1]
        if self._sparse is not None:
            with self._reading:
                self._matrix = self._sparse.matrix(self.job.inputs) if self._matrix is None else self._matrix
                return self._matrix
        if m not in self._drawn:
            self._drawn[m] = self._draw(m)
        return self._drawn[m][1]

    def nearest(self, m: int, solutions: Sequence[Solution]) -> Solution | None:
        """Which of the solutions of the first members is for the features of member m; None if none is."""
        place = 0 if self._of_columns else m  # sparse solutions are not so exact that nothing is left of where they began
        return solutions[place] if place < len(solutions) else None

    def as_params(self, m: int, solution: Solution, limits: FloatArray) -> Params:
        """The params of member m with this solution."""
        w = solution.w * self.used[:, None]
        if not self._is_shared:
            return {**self._drawn[m][0], "output": {"w": w, "b": solution.b}}
        if not len(limits):
            return {"output": {"w": w, "b": solution.b}}
        numeric, unbounded = np.asarray(self.job.layout.numeric), limits > 0
        own, behind = w.copy(), np.where(unbounded[:, None], w[numeric], 0.0)
        own[numeric[unbounded]] = 0.0
        return {"output": {"w": np.concatenate([own, behind]), "b": solution.b, "limit": limits}}

    def _draw(self, m: int) -> tuple[Params, FloatArray]:
        """First params of member m, drawn by rows that it learns from, and what they make of all rows."""
        job = self.job
        init, embed = _programs(program_spec(job.specs[m]), job.layout)
        own = np.random.default_rng(int(job.seeds[m])).permutation(np.flatnonzero(job.resampling.counts[m] * job.weight))
        params = jax.tree.map(np.asarray, init(job.inputs[np.resize(own, _SAMPLE)], job.seeds[m]))
        most, parts = job.layout.rows_at_once(_BLOCK), []
        for begin in range(0, len(job.inputs), most):
            rows = job.inputs[begin : begin + most]
            padded = rows.padded(min(most, 1 << (max(len(rows), 16) - 1).bit_length()))
            parts.append(np.asarray(embed(params, padded))[: len(rows)])
        features = np.concatenate(parts)
        return params, features if self.used.all() else features * self.used


def within(numbers: FloatArray, limits: FloatArray) -> FloatArray:
    """Numbers (n, numeric) as they are up to their limits; those beyond are zero, which is the median."""
    return np.where(np.abs(numbers) <= limits, numbers, 0.0)


@functools.lru_cache(maxsize=32)
def _programs(spec: Spec, layout: Layout) -> tuple[Callable[..., Params], Callable[..., jax.Array]]:
    """(inputs, seed) -> first params of a member; (params, inputs) -> features (n, p) in the order of its weights."""
    model = build(spec.model, layout, spec.initialization, spec.activation)

    def init(inputs: Inputs, seed: jax.Array) -> Params:
        return model.init(inputs, jnp.zeros((0, 1), jnp.float32), key=jax.random.key(seed))

    def embed(params: Params, inputs: Inputs) -> jax.Array:
        return jnp.concatenate([*model.embed(params, inputs).blocks.values()], axis=1)

    return jax.jit(init), jax.jit(embed)
