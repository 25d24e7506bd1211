"""A linear model of sparse inputs that answers each row by members that did not learn from it: `cross_fit`.

For inspection, which needs one whose parts are known: what an input adds to the outputs of a row is its weight in the member that answers.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np

from weights.elements.regularization import Regularization
from weights.tasks.base import Task
from weights.training.exact import linear_outputs, solve
from weights.training.problem import Problem, Solution
from weights.training.resampling import Resampling
from weights.training.sparse import CHOOSING_TOLERANCE
from weights.types import AnyArray, FloatArray, IntArray, ReportProgress

_STRENGTHS = np.geomspace(0.3, 1e-4, 8)
"""Of the penalty that are tried, on flags that are as large as `_COUNTED_AS` (our choice)."""
_COUNTED_AS = 3.0
_BEGUN_AT = 2
"""The place among them where trying begins (our choice: a hundredth or less is best of most texts)."""
_FEWEST_SCOUTS, _ENOUGH_JUDGED = 2, 1_000
"""Members that choose the strength, at least, and rows that they are judged on from which on no more do (our choice)."""
_SPENT_SCOUTING = 0.5
"""Share of the time that choosing takes, about."""


class CrossFit(NamedTuple):
    """A linear model by members.

    Attributes:
        rows: those that some member did not learn from, ascending, shape (r,).
        outputs: of these by the first member that did not, (r, k).
        member: which that is, shape (r,).
        weights: of each member and input, float32, (m, p, k).
    """

    rows: IntArray
    outputs: FloatArray
    member: IntArray
    weights: FloatArray


def cross_fit(
    x: Any,
    n_flags: int,
    y: AnyArray,
    weight: FloatArray,
    task: Task,
    resampling: Resampling,
    n_threads: int,
    report_progress: ReportProgress = lambda share: None,
) -> CrossFit:
    """The linear model with a penalty on the length of weights, whose strength rows say that some members did not learn from.

    Args:
        x: inputs, a sparse matrix (n, p), float32: flags, and then numbers of variance one.
        n_flags: how many are flags.
        y: encoded targets (n,).
        weight: of rows (n,).
        task: whose loss is minimised.
        resampling: rows of the members.
        n_threads: members in work at a time.
        report_progress: called with the share of solutions that is done.
    """
    scale = np.ones((x.shape[1], task.n_outputs))
    scale[:n_flags] = _COUNTED_AS
    settings, judged = Regularization(penalty="l2"), [np.flatnonzero(scored & (weight > 0)) for scored in resampling.scored]

    def pose(m: int) -> Problem:
        return Problem(task.convex, x, y, weight * resampling.counts[m], task.n_outputs, np.zeros(0, int), scale=scale)

    n_judged = np.cumsum([len(rows) for rows in judged])
    n_scouts = min(max(_FEWEST_SCOUTS, int(np.searchsorted(n_judged, _ENOUGH_JUDGED)) + 1), len(judged))
    with ThreadPoolExecutor(n_threads) as threads:

        def try_out(place: int, starts: list[Solution] | None) -> tuple[float, list[Solution]]:
            """What scouts lose with a strength, from solutions nearby, and their own."""

            def follow(m: int) -> tuple[float, Solution]:
                start, strength = None if starts is None else starts[m], float(_STRENGTHS[place])
                solution = solve(pose(m), settings, strength, tolerance=CHOOSING_TOLERANCE, start=start)
                return float(weight[judged[m]] @ _losses(task, x, judged[m], y, solution)), solution

            losses, solutions = zip(*threads.map(follow, range(n_scouts)), strict=True)
            return sum(losses), [*solutions]

        chosen, solutions = _find_best(try_out)
        report_progress(_SPENT_SCOUTING)
        strength, others = float(_STRENGTHS[chosen]), range(n_scouts, len(judged))
        for solution in threads.map(lambda m: solve(pose(m), settings, strength, tolerance=CHOOSING_TOLERANCE), others):
            solutions.append(solution)
            report_progress(_SPENT_SCOUTING + (1 - _SPENT_SCOUTING) * (len(solutions) - n_scouts) / len(others))
    member = np.where(resampling.scored.any(0), resampling.scored.argmax(0), -1)
    rows = np.flatnonzero((member >= 0) & (weight > 0))
    outputs = np.zeros((len(y), task.n_outputs))
    for m, solution in enumerate(solutions):
        own = np.flatnonzero(member == m)
        outputs[own] = linear_outputs(x, own, solution)
    return CrossFit(rows, outputs[rows], member[rows], np.stack([solution.w.astype(np.float32) for solution in solutions]))


def _losses(task: Task, x: Any, rows: IntArray, y: AnyArray, solution: Any) -> FloatArray:
    return task.convex.losses(linear_outputs(x, rows, solution), y[rows])


def _find_best(try_out: Callable[[int, list[Solution] | None], tuple[float, list[Solution]]]) -> tuple[int, list[Solution]]:
    """The place of the strength with which least is lost, and its solutions: falling ones are tried until two in a row lose more.

    Where the first is best, stronger ones are tried until one loses more.
    """
    tried: dict[int, tuple[float, list[Solution]]] = {}

    def best() -> int:
        return min(tried, key=lambda place: tried[place][0])

    for place in range(_BEGUN_AT, len(_STRENGTHS)):
        tried[place] = try_out(place, tried[place - 1][1] if tried else None)
        if place - best() == 2:
            break
    while (place := best()) == min(tried) and place > 0:
        tried[place - 1] = try_out(place - 1, None)  # near that of a weaker one a rough solution would stay
    return best(), tried[best()][1]
