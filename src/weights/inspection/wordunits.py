"""Words and pairs of words as inputs of a linear model, and what is left of each given those that go along with it: `WordUnits`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse
import scipy.sparse.csgraph

from weights.data.text.vocabulary import Vocabulary
from weights.types import AnyArray, BoolArray, FloatArray, IntArray

LEAST_TEXTS = 20
"""Texts that must hold a word, and lack it, for its effect to be estimated (our choice: fewer say little)."""
MOST_TESTED = 6_000
"""Words and pairs whose effects are estimated, those in most texts (our choice: their correlations are held as a matrix)."""
_ALIKE = 0.9
"""Correlation from which on words are told as one (our choice)."""
_CLEAR, _AT_ONCE, _ROUNDS = 2.5, 60, 4
"""Words that go along: how many standard errors their correlation is from zero, how many are added in a round, and rounds (our choice)."""
_LITTLE_LEFT = 0.1
"""As a share of the texts that hold a word what must be left of it, or words that exclude it are not accounted for (our choice)."""
_MOST_BESIDE = 0.1
"""As a share of the texts how many words may be accounted for (our choice)."""
_RIDGE = 1e-4
"""Added to correlations of one (our choice): they are held in single precision, and words may add up to others."""
_COST_OF_SPARSE, _ROWS_AT_ONCE = 1_000.0, 2_048
"""A product of sparse entries over one of a matrix, in time (measured); and rows that are made a matrix at a time."""


def are_enough(n_holding: AnyArray, n_rows: int) -> BoolArray:
    """Whether enough of so many texts hold a word, and lack it, of how many hold each."""
    return (n_holding >= LEAST_TEXTS) & (n_holding <= n_rows - LEAST_TEXTS)


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


class Residuals(NamedTuple):
    """What is left of units given those that go along with them.

    Attributes:
        left: times the roots of the rows' weights, (r, b).
        n_beside: how many others were accounted for, (b,).
        excluding: whether words that exclude it were not, because they leave too little of it, (b,).
    """

    left: FloatArray
    n_beside: IntArray
    excluding: BoolArray


class WordUnits(NamedTuple):
    """What is tested: words, or groups that are told as one, u of them.

    Attributes:
        words: places among the inputs of each. n_texts: that hold each (u,).
        held: which rows hold which, ones, (r, u). rooted: the same times the roots of the rows' weights.
        removes: which inputs are gone where a unit is, (p, u): its words, and pairs that they are part of.
        basis: an orthonormal basis of a constant and of what else is accounted for, times the roots, (r, c).
        correlation: between units, given these, float32, (u, u). spread: lengths of what is left of each, (u,).
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
    def of(cls, inputs: WordInputs, root: FloatArray) -> WordUnits | None:
        """All words that enough rows hold and lack."""
        n_rows, counts = inputs.flags.shape[0], np.bincount(inputs.flags.indices, minlength=inputs.flags.shape[1])
        tested = np.flatnonzero(are_enough(counts, n_rows))
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
        correlation = _multiply_columns(rooted)
        of_all = np.diag(correlation).astype(float)
        correlation -= loads.astype(np.float32) @ loads.T.astype(np.float32)
        spread = np.sqrt(np.maximum(np.diag(correlation), 1e-5 * of_all))
        _divide(correlation, spread)
        np.fill_diagonal(correlation, 1.0)
        return cls(words, n_texts, held, rooted, removes, basis, correlation, spread, scipy.sparse.csr_array((apart + apart.T) > 0), root)

    def residualise(self, chunk: IntArray) -> Residuals:
        """What is left of some units, b of them, given those that go along with them and the rest."""
        closed = self.apart[chunk].toarray()
        closed[np.arange(len(chunk)), chunk] = True
        left, n_beside = self._leave(chunk, closed)
        told = (left**2).sum(0) < _LITTLE_LEFT * self.n_texts[chunk]
        if told.any():
            # As of levels of a category, of which one is always there: the others have no say, and effects are beside their mean.
            excluding = closed[told] | (self.correlation[chunk[told]] < 0)
            left[:, told], n_beside[told] = self._leave(chunk[told], excluding)
        return Residuals(left, n_beside, told)

    def _leave(self, chunk: IntArray, closed: BoolArray) -> tuple[FloatArray, IntArray]:
        """What is left of units, rooted (r, b), given others but closed ones, (b, u), and how many these are, (b,)."""
        n_rows, most, closed = len(self.root), int(_MOST_BESIDE * len(self.root)), closed.copy()
        beside = [np.zeros(0, int) for _ in chunk]
        weights = [np.zeros(0) for _ in chunk]
        growing = [*range(len(chunk))]
        clear = _CLEAR / np.sqrt(n_rows)
        for _ in range(_ROUNDS):
            left = self.correlation[chunk[growing]] - _as_rows(beside, weights, growing, self.n).astype(np.float32) @ self.correlation
            np.abs(left, out=left)
            left[closed[growing]] = 0.0
            still = []
            for place, sizes in zip(growing, left, strict=True):
                n_new = min(_AT_ONCE, most - len(beside[place]), self.n)
                new = np.argpartition(-sizes, n_new - 1)[:n_new] if n_new > 0 else np.zeros(0, int)
                new = new[sizes[new] > clear]
                if not len(new):
                    continue
                own = np.sort(np.concatenate([beside[place], new]))
                closed[place, new] = True
                among = self.correlation[np.ix_(own, own)].astype(float) + _RIDGE * np.eye(len(own))
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


def _multiply_columns(matrix: Any) -> FloatArray:
    """The product of each two columns of a sparse matrix (r, q), float32, shape (q, q)."""
    rows = scipy.sparse.csr_array(matrix, dtype=np.float32)
    n_pairs = float((np.diff(rows.indptr).astype(float) ** 2).sum())
    if n_pairs * _COST_OF_SPARSE < rows.shape[0] * float(rows.shape[1]) ** 2:
        return np.asarray((rows.T @ rows).toarray())
    total = np.zeros((rows.shape[1],) * 2, np.float32)
    for begin in range(0, rows.shape[0], _ROWS_AT_ONCE):
        dense = rows[begin : begin + _ROWS_AT_ONCE].toarray()
        total += dense.T @ dense
    return total


def _divide(products: FloatArray, lengths: FloatArray) -> None:
    """Divide products of columns (q, q) by the lengths of both (q,), in place."""
    products /= lengths[:, None].astype(np.float32)
    products /= lengths.astype(np.float32)


def _group_alike(held: scipy.sparse.csr_array) -> list[IntArray]:
    """Places of columns of flags (r, q) that are told as one, in the order of the first of each."""
    n, counts = held.shape[0], np.bincount(held.indices, minlength=held.shape[1]).astype(float)
    correlation = _multiply_columns(held)
    correlation -= np.outer((counts / n).astype(np.float32), counts.astype(np.float32))
    _divide(correlation, np.sqrt(counts * (1 - counts / n)))
    graph = scipy.sparse.csr_array(correlation > _ALIKE)
    _, labels = scipy.sparse.csgraph.connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(labels[order])) + 1)
    return sorted(groups, key=lambda own: int(own[0]))


def _incidence(groups: Sequence[IntArray], n: int) -> scipy.sparse.csr_array:
    """Which of n things are of which group, ones, shape (n, groups)."""
    columns = np.repeat(np.arange(len(groups)), [len(own) for own in groups])
    return scipy.sparse.csr_array((np.ones(len(columns)), (np.concatenate(groups), columns)), shape=(n, len(groups)))
