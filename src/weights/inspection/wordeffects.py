"""What each word of texts counts: the effect of a word that is there beside one that is not, with an interval. `estimate_word_effects`.

The effect of a word is the slope of what is left of the target on what is left of whether the word is there, both given the other words
(Robinson 1988; Chernozhukov et al. 2018). What is left of the target comes from a linear model of all words, by members that did not
learn from the row, without the word and the pairs it is part of. What is left of the word is exactly orthogonal to the words that go along
with it: those that its residual is correlated with by more than chance, added in rounds until there are none. There may be more words than
texts.

Of classes, p-values come from a saddlepoint approximation of the distribution of the sum that an effect is proportional to, if it is zero
(Lugannani and Rice 1980), because the tails of few texts and rare classes are not those of a normal distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.sparse
import scipy.sparse.csgraph
import scipy.special

from weights.data.text.vocabulary import Vocabulary
from weights.tasks.base import Outcome, Task
from weights.training.crossfitting import CrossFit
from weights.types import AnyArray, FloatArray, IntArray

LEAST_TEXTS = 20
"""Texts that must hold a word, and lack it, for its effect to be estimated (our choice: fewer say little)."""
MOST_TESTED = 6_000
"""Words and pairs whose effects are estimated, those in most texts (our choice: their correlations are held as a matrix)."""
_ALIKE = 0.9
"""Correlation from which on words are told as one (our choice)."""
_CLEAR, _AT_ONCE, _ROUNDS = 2.5, 60, 4
"""Words that go along: how many standard errors their correlation is from zero, how many are added in a round, and rounds (our choice)."""
_MOST_BESIDE = 0.1
"""As a share of the texts how many words may be accounted for (our choice)."""
_CHUNK = 256
_LEAST_LEFT, _ENOUGH_TEXTS = 0.02, 40.0
"""As a share of the texts that hold a word what must be left of it, given the others; and texts from which noise is taken as it shows."""
_DOUBTFUL = 2.5
"""z from which on tails are looked at."""


class WordInputs(NamedTuple):
    """Words and pairs of the texts of rows as inputs of a linear model.

    Attributes:
        flags: which rows hold which, float32, ones, shape (r, p).
        columns: the name of the column that each is of, length p. texts: how each is written.
        parts: for each pair the places of its words among the p, -1 for none; -1 for words too, shape (p, 2).
        others: what else is accounted for, such as other columns, shape (r, c).
    """

    flags: scipy.sparse.csr_array
    columns: list[str]
    texts: list[str]
    parts: IntArray
    others: FloatArray

    def matrix(self) -> scipy.sparse.csr_array:
        """All inputs, float32, the others of variance one, shape (r, p + c)."""
        spread = self.others.std(0)
        scaled = (self.others - self.others.mean(0)) / np.where(spread > 0, spread, 1.0)
        return scipy.sparse.csr_array(scipy.sparse.hstack([self.flags, scipy.sparse.csr_array(scaled.astype(np.float32))]))


class WordEffects(NamedTuple):
    """Effects of u words (or groups of them that are told as one) on each of K outcomes.

    Attributes:
        words: the places among the inputs of those of each unit.
        n_texts: that hold each, shape (u,).
        outcomes: of the task.
        effect: of a word that is there beside one that is not, shape (u, K).
        std_err: its standard error; null_err: that if the effect were zero, both (u, K).
        degrees: of freedom of Student's t, shape (u,).
        p_value: if the effect is zero, shape (u, K).
        n_beside: how many other words each is accounted for by, shape (u,).
    """

    words: list[IntArray]
    n_texts: IntArray
    outcomes: list[Outcome]
    effect: FloatArray
    std_err: FloatArray
    null_err: FloatArray
    degrees: FloatArray
    p_value: FloatArray
    n_beside: IntArray


def word_inputs(
    matrices: Sequence[scipy.sparse.csr_array], names: Sequence[str], vocabularies: Sequence[Vocabulary], others: FloatArray
) -> WordInputs:
    """The words and pairs of several columns of texts as inputs, and how long each text is beside other columns.

    Args:
        matrices: of each column the features that rows hold, whatever their values, shape (r, width).
        names: of the columns.
        vocabularies: of these.
        others: columns of numbers, shape (r, c).
    """
    flags, columns, texts, parts, lengths = [], [], [], [], []
    begin = 0
    for matrix, name, vocabulary in zip(matrices, names, vocabularies, strict=True):
        numbers = np.concatenate(vocabulary.numbers[:2])
        own = matrix[:, numbers].astype(np.float32)
        own.data[:] = 1.0
        flags.append(own)
        place = {word: begin + i for i, word in enumerate(vocabulary.words)}
        of_pairs = [[place.get(word, -1) for word in pair.split(" ")] for pair in vocabulary.pairs]
        parts += [[-1, -1]] * len(vocabulary.words) + of_pairs
        texts += [*vocabulary.words, *vocabulary.pairs]
        columns += [name] * len(numbers)
        lengths.append(np.log1p(np.asarray(own[:, : len(vocabulary.words)].sum(1)).ravel()))
        begin += len(numbers)
    joined = scipy.sparse.csr_array(scipy.sparse.hstack(flags, format="csr"))
    joined.sort_indices()
    return WordInputs(joined, columns, texts, np.asarray(parts, int).reshape(-1, 2), np.column_stack([others, *lengths]))


def estimate_word_effects(
    task: Task, inputs: WordInputs, y: AnyArray, weight: FloatArray, fit: CrossFit, n_threads: int
) -> WordEffects | None:
    """Effects of all words that enough texts hold and lack; None where there is none.

    Args:
        task: what was learned.
        inputs: n rows.
        y: encoded targets (n,).
        weight: of rows (n,).
        fit: a linear model of the inputs and these rows, `WordInputs.matrix`.
        n_threads: chunks of words in work at a time.
    """
    inputs = inputs._replace(flags=inputs.flags[fit.rows], others=inputs.others[fit.rows])
    units = _Units.of(inputs, np.sqrt(weight[fit.rows] / weight[fit.rows].mean()))
    if units is None:
        return None
    outcomes = [outcome for outcome in task.outcomes() if outcome.scale == "target"]
    answers = _Answers.of(task, outcomes, units, inputs.flags, y[fit.rows], fit)
    chunks = [np.arange(begin, min(begin + _CHUNK, units.n)) for begin in range(0, units.n, _CHUNK)]
    with ThreadPoolExecutor(n_threads) as threads:
        parts = [*threads.map(lambda chunk: _estimate_chunk(task, outcomes, units, answers, chunk), chunks)]
    effect, std_err, null_err, degrees, p_value, n_beside = (np.concatenate(each) for each in zip(*parts, strict=True))
    return WordEffects(units.words, units.n_texts, outcomes, effect, std_err, null_err, degrees, p_value, n_beside)


class _Units(NamedTuple):
    """What is tested: words, or groups that are told as one, u of them.

    Attributes:
        words: places among the inputs of each. n_texts: that hold each (u,).
        held: which rows hold which, ones, (r, u). rooted: the same times the roots of the rows' weights.
        removes: which inputs are gone where a unit is, (p, u): its words, and pairs that they are part of.
        basis: an orthonormal basis of a constant and of what else is accounted for, times the roots, (r, c).
        correlation: between units, given these, (u, u). spread: lengths of what is left of each, (u,).
        apart: which units do not account for which, because one removes words of the other, (u, u).
        root: of the weights of rows, (r,).
    """

    words: list[IntArray]
    n_texts: IntArray
    held: scipy.sparse.csr_array
    rooted: scipy.sparse.csc_array
    removes: scipy.sparse.csr_array
    basis: FloatArray
    correlation: FloatArray
    spread: FloatArray
    apart: scipy.sparse.csr_array
    root: FloatArray

    @property
    def n(self) -> int:
        """How many there are."""
        return len(self.words)

    @classmethod
    def of(cls, inputs: WordInputs, root: FloatArray) -> _Units | None:
        """All words that enough rows hold and lack."""
        n_rows, counts = inputs.flags.shape[0], np.bincount(inputs.flags.indices, minlength=inputs.flags.shape[1])
        tested = np.flatnonzero((counts >= LEAST_TEXTS) & (counts <= n_rows - LEAST_TEXTS))
        if len(tested) > MOST_TESTED:
            tested = np.sort(tested[np.argsort(-counts[tested], kind="stable")[:MOST_TESTED]])
        if not len(tested):
            return None
        held = scipy.sparse.csr_array(inputs.flags[:, tested].astype(np.float64))
        words = [tested[own] for own in _group_alike(held)]
        members = _incidence(words, inputs.flags.shape[1])
        if len(words) < len(tested):
            held = scipy.sparse.csr_array(inputs.flags.astype(np.float64) @ members)
            held.data[:] = 1.0
        n_texts = np.bincount(held.indices, minlength=len(words))
        kept = np.flatnonzero(n_texts <= n_rows - LEAST_TEXTS)
        words, members, held, n_texts = [words[i] for i in kept], members[:, kept], held[:, kept], n_texts[kept]
        pairs = np.flatnonzero((inputs.parts >= 0).any(1))
        of_pair = [(pair, word) for pair in pairs for word in {*inputs.parts[pair].tolist()} - {-1}]
        rows, columns = np.asarray(of_pair, int).reshape(-1, 2).T
        within = scipy.sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=(len(counts), len(counts)))
        removes = scipy.sparse.csr_array((members + within @ members) > 0).astype(np.float64)
        apart = scipy.sparse.csr_array((removes.T @ members) > 0)
        regressors = np.column_stack([np.ones(n_rows), inputs.others]) * root[:, None]
        basis, values, _ = np.linalg.svd(regressors, full_matrices=False)
        basis = basis[:, values > 1e-10 * values[0]]
        rooted = scipy.sparse.csc_array(held * root[:, None])
        loads = rooted.T @ basis
        products = (rooted.T @ rooted).toarray() - loads @ loads.T
        spread = np.sqrt(np.diag(products).clip(1e-300))
        correlation = products / np.outer(spread, spread)
        return cls(words, n_texts, held, rooted, removes, basis, correlation, spread, scipy.sparse.csr_array((apart + apart.T) > 0), root)

    def residualise(self, chunk: IntArray) -> tuple[FloatArray, IntArray]:
        """What is left of some units given those that go along with them and the rest, rooted (r, b), and how many these are (b,)."""
        n_rows, most = len(self.root), int(_MOST_BESIDE * len(self.root))
        beside = [np.zeros(0, int) for _ in chunk]
        weights = [np.zeros(0) for _ in chunk]
        closed = self.apart[chunk].toarray()
        closed[np.arange(len(chunk)), chunk] = True
        growing = [*range(len(chunk))]
        for _ in range(_ROUNDS):
            left = self.correlation[chunk[growing]] - _as_rows(beside, weights, growing, self.n) @ self.correlation
            left = np.where(closed[growing], 0.0, np.abs(left)) * np.sqrt(n_rows)
            still = []
            for place, sizes in zip(growing, left, strict=True):
                n_new = min(_AT_ONCE, most - len(beside[place]), self.n)
                new = np.argpartition(-sizes, n_new - 1)[:n_new] if n_new > 0 else np.zeros(0, int)
                new = new[sizes[new] > _CLEAR]
                if not len(new):
                    continue
                own = np.sort(np.concatenate([beside[place], new]))
                closed[place, new] = True
                among = self.correlation[np.ix_(own, own)] + 1e-6 * np.eye(len(own))
                weights[place] = scipy.linalg.solve(among, self.correlation[own, chunk[place]], assume_a="pos", check_finite=False)
                beside[place] = own
                still.append(place)
            growing = still
            if not growing:
                break
        scaled = [own * self.spread[unit] / self.spread[others] for own, unit, others in zip(weights, chunk, beside, strict=True)]
        taken = self.rooted @ _as_rows(beside, scaled, [*range(len(chunk))], self.n).T
        left_over = (self.rooted[:, chunk] - scipy.sparse.csc_array(taken)).toarray()
        return left_over - self.basis @ (self.basis.T @ left_over), np.asarray([*map(len, beside)])


def _as_rows(columns: Sequence[IntArray], values: Sequence[FloatArray], which: Sequence[int], n: int) -> scipy.sparse.csr_array:
    """Some of these values as rows of a sparse matrix, shape (which, n)."""
    ends = np.cumsum([0, *(len(columns[i]) for i in which)])
    if not ends[-1]:
        return scipy.sparse.csr_array((len(which), n))
    joined = np.concatenate([values[i] for i in which]), np.concatenate([columns[i] for i in which])
    return scipy.sparse.csr_array((*joined, ends), shape=(len(which), n))


def _group_alike(held: scipy.sparse.csr_array) -> list[IntArray]:
    """Places of columns of flags (r, q) that are told as one, in the order of the first of each."""
    counts = np.bincount(held.indices, minlength=held.shape[1])
    both = scipy.sparse.coo_array(held.T @ held)
    n = held.shape[0]
    mean = counts / n
    variance = mean * (1 - mean)
    a, b = both.coords
    correlation = (both.data / n - mean[a] * mean[b]) / np.sqrt(variance[a] * variance[b])
    alike = correlation > _ALIKE
    graph = scipy.sparse.csr_array((np.ones(alike.sum()), (a[alike], b[alike])), shape=both.shape)
    _, labels = scipy.sparse.csgraph.connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return sorted(groups, key=lambda own: int(own[0]))


def _incidence(groups: Sequence[IntArray], n: int) -> scipy.sparse.csr_array:
    """Which of n things are of which group, ones, shape (n, groups)."""
    columns = np.repeat(np.arange(len(groups)), [len(own) for own in groups])
    return scipy.sparse.csr_array((np.ones(len(columns)), (np.concatenate(groups), columns)), shape=(n, len(groups)))


class _Answers(NamedTuple):
    """What the linear model leaves of targets, and what units that rows hold change in its answers.

    Attributes:
        residuals: of each outcome, (r, K). expected: by the model, (r, K). places: of the outcomes among predictions.
        outputs: of the model, (r, k).
        moves: what each unit adds to the outputs of a row that holds it, in the order of `starts`, float32, (entries, k).
        rows: of these entries, one unit behind the other, (entries,). starts: the first of each unit, and the end, (u + 1,).
        growth: by how much the noise is larger than the task says, (K,).
    """

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
        cls, task: Task, outcomes: Sequence[Outcome], units: _Units, flags: scipy.sparse.csr_array, y: AnyArray, fit: CrossFit
    ) -> _Answers:
        """Those of members that did not learn from the rows."""
        places = [outcome.place for outcome in outcomes]
        expected = task.decode(fit.outputs).reshape(len(y), -1)[:, places]
        residuals = np.column_stack([task.observed(y, outcome) for outcome in outcomes]) - expected
        members = np.repeat(fit.member, np.diff(flags.indptr))
        moves = []
        for k in range(fit.outputs.shape[1]):
            weights = fit.weights[members, flags.indices, k].astype(np.float64)
            weighted = scipy.sparse.csr_array((weights, flags.indices, flags.indptr), shape=flags.shape)
            product = scipy.sparse.csc_array(weighted @ units.removes)
            product.sort_indices()
            moves.append(product.data.astype(np.float32))
        growth = np.ones(len(outcomes))
        for k, outcome in enumerate(outcomes):
            known = task.noise_variance(outcome, expected[:, k])
            if known is not None:
                growth[k] = max(float(np.mean(residuals[:, k] ** 2) / max(np.mean(known), 1e-300)), 1.0)
        return cls(residuals, expected, places, fit.outputs, np.stack(moves, 1), product.indices, product.indptr, growth)

    def without(self, task: Task, chunk: IntArray) -> tuple[IntArray, IntArray, FloatArray]:
        """Rows that hold units of a chunk, the places of these in it, both (entries,), and answers without them, (entries, K)."""
        entries = slice(int(self.starts[chunk[0]]), int(self.starts[chunk[-1] + 1]))
        rows = self.rows[entries]
        of = np.repeat(np.arange(len(chunk)), np.diff(self.starts[chunk[0] : chunk[-1] + 2]))
        moved = task.decode(self.outputs[rows] - self.moves[entries])
        return rows, of, moved.reshape(len(rows), -1)[:, self.places]


class _Chunk(NamedTuple):
    """Estimates of some units: as of `WordEffects`."""

    effect: FloatArray
    std_err: FloatArray
    null_err: FloatArray
    degrees: FloatArray
    p_value: FloatArray
    n_beside: IntArray


def _estimate_chunk(task: Task, outcomes: Sequence[Outcome], units: _Units, answers: _Answers, chunk: IntArray) -> _Chunk:
    left, n_beside = units.residualise(chunk)
    rows, of, without = answers.without(task, chunk)
    changes = answers.expected[rows] - without
    square = (left**2).sum(0)
    held = left[rows, of] * units.root[rows]
    scale = np.bincount(of, held, len(chunk))  # their own squares, as the others are orthogonal
    known_apart = square > _LEAST_LEFT * units.n_texts[chunk]
    scale = np.where(known_apart, scale, np.nan)

    def add(values: FloatArray) -> FloatArray:
        """Sums over the entries of each unit, (b, K)."""
        return np.asarray(scipy.sparse.csr_array((np.ones(len(of)), (of, np.arange(len(of)))), shape=(len(chunk), len(of))) @ values)

    rooted = left * units.root[:, None]
    effect = (rooted.T @ answers.residuals + add(held[:, None] * changes)) / scale[:, None]
    makes = rooted / scale
    leverage = left**2 / np.maximum(square, 1e-300) + (n_beside + units.basis.shape[1]) / len(left)
    squares = makes**2 / (1 - leverage).clip(0.1)
    own = squares[rows, of][:, None]
    noise = answers.residuals[rows]

    def vary(everywhere: FloatArray, here: FloatArray) -> FloatArray:
        """Variances of slopes, (b, K), of noise of these variances in all rows (r, K), and of others where rows hold the unit."""
        return np.maximum(squares.T @ everywhere + add(own * (here - everywhere[rows])), 0.0)

    shown = vary(answers.residuals**2, (noise + changes - effect[of]) ** 2)
    null_shown = vary(answers.residuals**2, (noise + changes) ** 2)
    degrees = square**2 / np.maximum((left**4).sum(0), 1e-300)
    known = [task.noise_variance(outcome, answers.expected[:, k]) for k, outcome in enumerate(outcomes)]
    if any(each is None for each in known):
        std_err, null_err = np.sqrt(shown), np.sqrt(null_shown)
        p_value = 2 * scipy.special.stdtr(degrees[:, None], -np.abs(effect / np.maximum(null_err, 1e-300)))
        return _Chunk(effect, std_err, null_err, degrees, p_value, n_beside)
    everywhere = np.column_stack([each for each in known if each is not None])
    null_here, here = (
        np.column_stack([each for k, outcome in enumerate(outcomes) if (each := task.noise_variance(outcome, means[:, k])) is not None])
        for means in (without, _within(outcomes, without + np.nan_to_num(effect)[of]))
    )
    enough = (degrees >= _ENOUGH_TEXTS)[:, None]
    variance, null = (vary(everywhere, each) * answers.growth for each in (here, null_here))
    std_err = np.sqrt(np.where(enough, np.maximum(variance, shown), variance))
    null_err = np.sqrt(null)
    z = effect / np.maximum(null_err, 1e-300)
    p_value = 2 * scipy.special.ndtr(-np.abs(z))
    if all(outcome.range == (0.0, 1.0) for outcome in outcomes):
        rest = np.maximum(null / answers.growth - add(own * null_here), 0.0)
        for unit, k in zip(*np.nonzero(np.abs(np.nan_to_num(z)) > _DOUBTFUL), strict=True):
            mine = of == unit
            tail = _find_tail(
                makes[rows[mine], unit], without[mine, k], float(rest[unit, k]), float(effect[unit, k]), float(answers.growth[k])
            )
            p_value[unit, k] = min(2 * tail, 1.0)
    return _Chunk(effect, std_err, null_err, np.full(len(chunk), 1e6), p_value, n_beside)


def _within(outcomes: Sequence[Outcome], means: FloatArray) -> FloatArray:
    """Means as far as outcomes can have them."""
    low, high = (np.asarray([outcome.range[i] for outcome in outcomes]) for i in (0, 1))
    return np.clip(means, low, high)


def _find_tail(makes: FloatArray, chances: FloatArray, rest: float, value: float, growth: float) -> float:
    """The probability that ``sum_i makes_i (y_i - chances_i)`` and a normal number of variance `rest` is as far from zero as a value.

    The y are zero or one, with these chances (n,). Lugannani and Rice (1980, equation 10), for the value less half a step, as a sum of so
    few moves in steps; noise that is larger than chances say widens it by the root of its growth.
    """
    side = 1.0 if value > 0 else -1.0
    a = makes * side
    target = abs(value) - 0.5 * float(np.median(np.abs(a)))
    if target <= 0:
        return 0.5
    chances = np.clip(chances, 1e-9, 1 - 1e-9)

    def derivatives(t: float) -> tuple[float, float, float]:
        exponent = np.minimum(t * a, 700.0)
        moved = chances * np.exp(exponent) / (1 - chances + chances * np.exp(exponent))
        cumulant = float(np.sum(np.log1p(chances * np.expm1(exponent)) - t * a * chances)) + 0.5 * t**2 * rest
        return cumulant, float(a @ (moved - chances)) + t * rest, float(a**2 @ (moved * (1 - moved))) + rest

    high = 1.0 / max(float(np.abs(a).max()), 1e-300)
    while derivatives(high)[1] < target and high < 1e12:
        high *= 2.0
    if derivatives(high)[1] < target:
        return 1e-300
    t = float(scipy.optimize.brentq(lambda at: derivatives(at)[1] - target, 0.0, high, rtol=1e-6))
    cumulant, _, curvature = derivatives(t)
    root = float(np.sqrt(max(2 * (t * target - cumulant), 0.0)))
    if root < 1e-3:
        return 0.5
    scaled = t * float(np.sqrt(curvature))
    tail = float(scipy.special.ndtr(-root)) + float(np.exp(-0.5 * root**2) / np.sqrt(2 * np.pi)) * (1 / scaled - 1 / root)
    tail = min(max(tail, 1e-300), 0.5)
    return float(scipy.special.ndtr(scipy.special.ndtri(tail) / np.sqrt(growth)))
