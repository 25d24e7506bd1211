"""What each word of texts counts: the effect of a word that is there beside one that is not, with an interval. `estimate_word_effects`.

The effect of a word is the slope of what is left of the target on what is left of whether the word is there, both given the other words
(Robinson 1988; Chernozhukov et al. 2018). What is left of the target comes from a linear model of all words, by members that did not
learn from the row, without the word and the pairs it is part of. What is left of the word is exactly orthogonal to the words that go along
with it: those that its residual is correlated with by more than chance, added in rounds until there are none. There may be more words than
texts.

Of classes, p-values come from a saddlepoint approximation of the distribution of the sum that an effect is proportional to, if it is zero
(`fewevents.py`), because the tails of few texts and rare classes are not those of a normal distribution. Where rows come in groups, or
depend on each other in time, sums of a group, or of moments near each other, take the place of rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import scipy.sparse
import scipy.special

from weights.data.bags import spread
from weights.inspection.fewevents import find_tail
from weights.inspection.slopes import Rows, variances_in_time
from weights.inspection.wordunits import WordInputs, WordUnits
from weights.tasks.base import Outcome, Task
from weights.training.crossfitting import CrossFit
from weights.types import AnyArray, BoolArray, FloatArray, IntArray, ReportProgress

_CHUNK = 256
_LEAST_LEFT, _ENOUGH_TEXTS = 0.02, 40.0
"""As a share of the texts that hold a word what must be left of it, given the others; and texts from which noise is taken as it shows."""
_DOUBTFUL = 2.5
"""z from which on tails are looked at."""
_MANY_DEGREES = 1e6
_FREQUENT = 0.02
"""Share of the texts that hold a word from which on it matters what others are answered where it is not read (our choice)."""


class Estimates(NamedTuple):
    """What is known of u units on each of K outcomes.

    Attributes:
        effect: of a word that is there beside one that is not, (u, K).
        std_err: its standard error; null_err: that if the effect were zero, both (u, K).
        degrees: of freedom of Student's t, (u,).
        p_value: if the effect is zero, (u, K).
        n_beside: how many other words each is accounted for by, (u,).
        excluding: whether it stands beside the mean of words that exclude it, see `Residuals`, (u,).
        importance: by how much the mean loss of the linear model is larger where it does not read the word, (u,).
        importance_err: its standard error, (u,).
    """

    effect: FloatArray
    std_err: FloatArray
    null_err: FloatArray
    degrees: FloatArray
    p_value: FloatArray
    n_beside: IntArray
    excluding: BoolArray
    importance: FloatArray
    importance_err: FloatArray


class WordEffects(NamedTuple):
    """Effects of u words (or groups of them that are told as one) on each of K outcomes.

    Attributes:
        words: the places among the inputs of those of each unit.
        n_texts: that hold each, (u,).
        outcomes: of the task.
        estimates: of each.
        lost: mean loss of the linear model, and of a constant.
    """

    words: list[IntArray]
    n_texts: IntArray
    outcomes: list[Outcome]
    estimates: Estimates
    lost: tuple[float, float]


def estimate_word_effects(
    task: Task,
    inputs: WordInputs,
    y: AnyArray,
    rows: Rows,
    fit: CrossFit,
    n_threads: int,
    report_progress: ReportProgress = lambda share: None,
) -> WordEffects | None:
    """Effects of all words that enough texts hold and lack; None where there is none.

    Args:
        task: what was learned.
        inputs: n rows.
        y: encoded targets (n,).
        rows: their weights, groups and moments, (n,).
        fit: a linear model of the inputs and these rows, `WordInputs.matrix`.
        n_threads: chunks of words in work at a time.
        report_progress: called with the share of words that is done.
    """
    inputs = inputs._replace(flags=inputs.flags[fit.rows], others=inputs.others[fit.rows])
    y, rows = y[fit.rows], rows.only(fit.rows)
    units = WordUnits.of(inputs, np.sqrt(rows.weight))
    if units is None:
        return None
    outcomes = [outcome for outcome in task.outcomes() if outcome.scale == "target"]
    answers = _Answers.of(task, outcomes, units, inputs.flags, y, fit)
    dependence = _Dependence.of(rows)
    chunks = [np.arange(begin, min(begin + _CHUNK, units.n)) for begin in range(0, units.n, _CHUNK)]
    parts = []
    with ThreadPoolExecutor(n_threads) as threads:
        for part in threads.map(lambda chunk: _estimate_chunk(task, outcomes, units, answers, dependence, chunk), chunks):
            parts.append(part)
            report_progress(len(parts) / len(chunks))
    estimates = Estimates(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    constant = task.prediction_losses(y, task.constant_predictions(y, rows.weight))
    lost = (float(np.average(each, weights=rows.weight)) for each in (answers.losses, constant))
    return WordEffects(units.words, units.n_texts, outcomes, estimates, (*lost,))  # type: ignore[arg-type]


class _Answers(NamedTuple):
    """What the linear model leaves of targets, and what units that rows hold change in its answers.

    Attributes:
        y: encoded targets (r,). losses: of the model's answers to them, (r,).
        residuals: of each outcome, (r, K). expected: by the model, (r, K). places: of the outcomes among predictions.
        outputs: of the model, (r, k).
        moves: what each unit adds to the outputs of a row that holds it, in the order of `starts`, float32, (entries, k).
        rows: of these entries, one unit behind the other, (entries,). starts: the first of each unit, and the end, (u + 1,).
        growth: by how much the noise is larger than the task says, (K,).
    """

    y: AnyArray
    losses: FloatArray
    residuals: FloatArray
    expected: FloatArray
    places: list[int]
    outputs: FloatArray
    moves: FloatArray
    rows: IntArray
    starts: IntArray
    growth: FloatArray

    @classmethod
    def of(
        cls, task: Task, outcomes: Sequence[Outcome], units: WordUnits, flags: scipy.sparse.csr_array, y: AnyArray, fit: CrossFit
    ) -> _Answers:
        """Those of members that did not learn from the rows."""
        places = [outcome.place for outcome in outcomes]
        predictions = task.decode(fit.outputs)
        expected = predictions.reshape(len(y), -1)[:, places]
        residuals = np.column_stack([task.observed(y, outcome) for outcome in outcomes]) - expected
        # An entry for each row, each input that it holds, and each unit that the input goes with.
        n_units = np.diff(units.removes.indptr)[flags.indices]
        of = units.removes.indices[spread(units.removes.indptr[flags.indices], n_units)].astype(np.int64)
        rows = np.repeat(np.arange(len(y)), np.diff(flags.indptr))
        keys, places_of = np.unique(of * len(y) + np.repeat(rows, n_units), return_inverse=True)
        members = fit.member[rows]
        moves = [
            np.bincount(places_of, np.repeat(fit.weights[members, flags.indices, k], n_units)).astype(np.float32)
            for k in range(fit.outputs.shape[1])
        ]
        starts = np.searchsorted(keys, np.arange(units.n + 1) * len(y))
        growth = np.ones(len(outcomes))
        for k, outcome in enumerate(outcomes):
            known = task.noise_variance(outcome, expected[:, k])
            if known is not None:
                growth[k] = max(float(np.mean(residuals[:, k] ** 2) / max(np.mean(known), 1e-300)), 1.0)
        losses = task.prediction_losses(y, predictions)
        return cls(y, losses, residuals, expected, places, fit.outputs, np.stack(moves, 1), keys % len(y), starts, growth)

    def entries_of(self, unit: int) -> tuple[IntArray, FloatArray]:
        """The rows that hold a unit (e,), and what it adds to their outputs (e, k)."""
        entries = slice(int(self.starts[unit]), int(self.starts[unit + 1]))
        return self.rows[entries], self.moves[entries].astype(float)

    def without(self, task: Task, chunk: IntArray) -> _Without:
        """Those of rows that hold units of a chunk."""
        entries = slice(int(self.starts[chunk[0]]), int(self.starts[chunk[-1] + 1]))
        rows = self.rows[entries]
        of = np.repeat(np.arange(len(chunk)), np.diff(self.starts[chunk[0] : chunk[-1] + 2]))
        moved = task.decode(self.outputs[rows] - self.moves[entries])
        more = task.prediction_losses(self.y[rows], moved) - self.losses[rows]
        return _Without(rows, of, moved.reshape(len(rows), -1)[:, self.places], more)


class _Without(NamedTuple):
    """Answers to rows without units that they hold.

    Attributes:
        rows: which rows (entries,). of: which unit of the chunk each is without, (entries,).
        expected: by the model, (entries, K). more: by how much its loss is larger, (entries,).
    """

    rows: IntArray
    of: IntArray
    expected: FloatArray
    more: FloatArray


class _Dependence(NamedTuple):
    """What of rows counts as one observation: each, those of a group, or those near in time.

    Attributes:
        weight: of rows, shares of one (r,).
        groups: which rows are of which group, ones, (G, r); None without groups.
        time: moments (r,), or None.
    """

    weight: FloatArray
    groups: scipy.sparse.csr_array | None
    time: FloatArray | None

    @classmethod
    def of(cls, rows: Rows) -> _Dependence:
        """That of these rows."""
        groups = None
        if rows.group is not None:
            codes = np.unique(rows.group, return_inverse=True)[1]
            groups = scipy.sparse.csr_array((np.ones(len(codes)), (codes, np.arange(len(codes)))))
        return cls(rows.weight / rows.weight.sum(), groups, rows.time)

    @property
    def is_none(self) -> bool:
        """Whether rows are independent."""
        return self.groups is None and self.time is None

    def variances(self, contributions: FloatArray, share: FloatArray) -> FloatArray:
        """Of sums of contributions of rows, (r, b), whose shares in them add up to one, (r, b): shape (b,).

        Sums of a group lack the part that the group itself has in the estimate (CR2 of a mean, as in `dependence.py`).
        """
        if self.groups is not None:
            of_group = self.groups @ share
            return np.asarray(((self.groups @ contributions) ** 2 / (1 - of_group).clip(0.1)).sum(0))
        return (contributions**2).sum(0) if self.time is None else variances_in_time(contributions, self.time)

    def degrees(self, share: FloatArray) -> FloatArray:
        """Degrees of freedom of Student's t: as many rows, or groups less one, as count alike, (b,)."""
        own = share if self.groups is None else self.groups @ share
        return np.maximum(1 / np.maximum((own**2).sum(0), 1e-300) - (self.groups is not None), 0.0)


def _estimate_chunk(
    task: Task, outcomes: Sequence[Outcome], units: WordUnits, answers: _Answers, dependence: _Dependence, chunk: IntArray
) -> Estimates:
    left, n_beside, excluding = units.residualise(chunk)
    without = answers.without(task, chunk)
    rows, of, n_units = without.rows, without.of, len(chunk)
    changes = answers.expected[rows] - without.expected
    square = (left**2).sum(0)
    held = left[rows, of] * units.root[rows]
    scale = np.bincount(of, held, n_units)  # their own squares, as the others are orthogonal
    known_apart = square > _LEAST_LEFT * units.n_texts[chunk]
    scale = np.where(known_apart, scale, np.nan)
    gather = scipy.sparse.csr_array((np.ones(len(of)), (of, np.arange(len(of)))), shape=(n_units, len(of)))
    rooted = left * units.root[:, None]
    effect = (rooted.T @ answers.residuals + np.asarray(gather @ (held[:, None] * changes))) / scale[:, None]
    makes = rooted / scale
    share = left**2 / np.maximum(square, 1e-300)
    leverage = share + (n_beside + units.basis.shape[1]) / len(left)
    importance = _weigh_importance(task, answers, without, dependence, chunk)
    degrees = dependence.degrees(share)
    noise = answers.residuals[rows]
    if not dependence.is_none:
        makes = makes / np.sqrt((1 - leverage).clip(0.1)) if dependence.groups is None else makes

        def err(own: FloatArray | float) -> FloatArray:
            noise_without = noise + changes - own
            return np.sqrt(_vary_together(dependence, share, makes, answers.residuals, without, noise_without))

        std_err = err(effect[of])
        # In order of time the others are too small for tests: in four of twelve simulations without effects a word was announced at 10 %.
        null_err = std_err if dependence.time is None else err(0.0)
        p_value = _student(effect, null_err, degrees)
        return Estimates(effect, std_err, null_err, degrees, p_value, n_beside, excluding, *importance)
    squares = makes**2 / (1 - leverage).clip(0.1)
    own_squares = squares[rows, of][:, None]

    def vary(everywhere: FloatArray, here: FloatArray) -> FloatArray:
        """Variances of slopes, (b, K), of noise of these variances in all rows (r, K), and of others where rows hold the unit."""
        return np.maximum(squares.T @ everywhere + np.asarray(gather @ (own_squares * (here - everywhere[rows]))), 0.0)

    shown = vary(answers.residuals**2, (noise + changes - effect[of]) ** 2)
    known = [task.noise_variance(outcome, answers.expected[:, k]) for k, outcome in enumerate(outcomes)]
    if any(each is None for each in known):
        std_err = np.sqrt(shown)
        return Estimates(effect, std_err, std_err, degrees, _student(effect, std_err, degrees), n_beside, excluding, *importance)
    everywhere = np.column_stack([each for each in known if each is not None])
    null_here, here = (
        np.column_stack([each for k, outcome in enumerate(outcomes) if (each := task.noise_variance(outcome, means[:, k])) is not None])
        for means in (without.expected, _within(outcomes, without.expected + np.nan_to_num(effect)[of]))
    )
    enough = (degrees >= _ENOUGH_TEXTS)[:, None]
    variance, null = (vary(everywhere, each) * answers.growth for each in (here, null_here))
    # What rows show of noise beyond what the task says counts for tests as well, so that these and intervals say one thing.
    growth = np.where(enough, np.maximum(shown / np.maximum(variance, 1e-300), 1.0), 1.0)
    std_err, null_err = np.sqrt(variance * growth), np.sqrt(null * growth)
    z = effect / np.maximum(null_err, 1e-300)
    p_value = 2 * scipy.special.ndtr(-np.abs(z))
    if all(outcome.range == (0.0, 1.0) for outcome in outcomes):
        rest = np.maximum(null / answers.growth - np.asarray(gather @ (own_squares * null_here)), 0.0)
        for unit, k in zip(*np.nonzero(np.abs(np.nan_to_num(z)) > _DOUBTFUL), strict=True):
            mine = of == unit
            own_growth = float(answers.growth[k] * growth[unit, k])
            own_makes, chances = makes[rows[mine], unit], without.expected[mine, k]
            tail = find_tail(own_makes, chances, float(rest[unit, k]), float(effect[unit, k]), own_growth)
            p_value[unit, k] = min(2 * tail, 1.0)
    return Estimates(effect, std_err, null_err, np.full(n_units, _MANY_DEGREES), p_value, n_beside, excluding, *importance)


def _vary_together(
    dependence: _Dependence, share: FloatArray, makes: FloatArray, residuals: FloatArray, without: _Without, here: FloatArray
) -> FloatArray:
    """Variances of slopes, (b, K), of noise in all rows (r, K), and of other noise where rows hold the unit, (entries, K)."""
    variances = []
    for k in range(residuals.shape[1]):
        contributions = makes * residuals[:, k, None]
        contributions[without.rows, without.of] = makes[without.rows, without.of] * here[:, k]
        variances.append(dependence.variances(contributions, share))
    return np.stack(variances, 1)


def _weigh_importance(
    task: Task, answers: _Answers, without: _Without, dependence: _Dependence, chunk: IntArray
) -> tuple[FloatArray, FloatArray]:
    """The increase of the mean loss where units are not read, and its standard error, both (b,).

    Rows are then answered with what a unit adds on average. That is next to nothing where few hold it, and looked at where many do.
    """
    n_units, n_rows = len(chunk), len(answers.y)
    contributions = np.zeros((n_rows, n_units))
    contributions[without.rows, without.of] = without.more
    frequent = np.flatnonzero(np.bincount(without.of, minlength=n_units) >= _FREQUENT * n_rows)
    for unit in frequent:
        rows, moves = answers.entries_of(chunk[unit])
        outputs = answers.outputs + dependence.weight[rows] @ moves
        outputs[rows] -= moves
        contributions[:, unit] = task.prediction_losses(answers.y, task.decode(outputs)) - answers.losses
    importance = dependence.weight @ contributions
    share = np.broadcast_to(dependence.weight[:, None], contributions.shape)
    return importance, np.sqrt(dependence.variances(dependence.weight[:, None] * (contributions - importance), share))


def _student(effect: FloatArray, std_err: FloatArray, degrees: FloatArray) -> FloatArray:
    """P-values of Student's t."""
    return np.asarray(2 * scipy.special.stdtr(np.maximum(degrees, 1e-3)[:, None], -np.abs(effect / np.maximum(std_err, 1e-300))))


def _within(outcomes: Sequence[Outcome], means: FloatArray) -> FloatArray:
    """Means as far as outcomes can have them."""
    low, high = (np.asarray([outcome.range[i] for outcome in outcomes]) for i in (0, 1))
    return np.clip(means, low, high)
