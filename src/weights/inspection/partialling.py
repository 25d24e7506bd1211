"""Residuals of each feature given the others: its inputs minus their expectation given the other features.

`build_design` finds the identifiable inputs, `partial_out` gives their residuals. The rest of `inspection` builds on
both: slopes are those of residuals (Frisch and Waugh 1933; Lovell 1963; Robinson 1988), and "without this feature"
means with another value of it that the other features allow.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy.linalg

from weights.data.encoding import Boolean, Category, Encoding
from weights.errors import listed
from weights.types import BoolArray, FloatArray, IntArray

_REDUNDANT = 1e-7
"""An input of length one whose residual given the others is shorter than this is determined by them."""
_FEWEST_ROWS = 5
"""An input that differs in fewer rows has no standard error worth the name (measured: with one such row HC3 held the truth one time in
four, with two four times in five)."""
_MOST_NAMED = 3
_N_KNOTS = (3, 1)
_LARGEST_SHARE_OF_ROWS = 0.5
"""Inputs per row up to which least squares account for the others (the bound of Cattaneo, Jansson and Newey 2018, section 4)."""
_LARGEST_SHARE_WITH_HINGES = 0.2
_N_FOLDS = 5
_STRENGTHS = np.geomspace(10.0, 1e-4, 11)
_NEXT_TO_NOTHING = 1e-6
_TINY, _MIDDLING = 1e-9, 0.1


class Input(NamedTuple):
    """An input that remains. column: its place in the encoding; feature: its feature's; level: what it says, or ""."""

    column: int
    feature: int
    level: str


@dataclass(frozen=True, eq=False)
class Design:
    """The inputs of some rows, such that none is determined by the others.

    Of inputs that determine each other those remain that the others need, and so do inputs that hardly vary; neither is identifiable.

    Attributes:
        inputs: those that remain, length q.
        z: their values, float64, shape (r, q).
        weight: of the rows, mean one, shape (r,).
        lost: why an input is not identifiable, by its column; the reference level of a category has no entry.
        partners: the columns that determine it, where it is these.
        references: feature -> the level that the others of its category, or yes of its flag, are compared with.
        columns: of each feature, the places of its inputs in the encoding.
        levels: what each input of the encoding says of its feature; empty for the number or flag itself.
        numeric: whether an input of the encoding is a scaled number without a bound, shape (p,).
        numbers: places of all scaled numbers in the encoding.
    """

    inputs: list[Input]
    z: FloatArray
    weight: FloatArray
    lost: dict[int, str]
    partners: dict[int, list[int]]
    references: dict[int, str]
    columns: list[IntArray]
    levels: list[str]
    numeric: BoolArray
    numbers: IntArray

    def of(self, feature: int) -> IntArray:
        """Positions of a feature's identifiable inputs. Others of its inputs that remain are accounted for in these."""
        return np.asarray(self._identified.get(feature, []), int)

    def hardly_varies(self, column: int) -> bool:
        """Whether an input of the encoding differs in too few rows to be identifiable."""
        return column in self.lost and column not in self.partners

    @functools.cached_property
    def _identified(self) -> dict[int, list[int]]:
        identified: dict[int, list[int]] = {}
        for i, input_ in enumerate(self.inputs):
            if input_.column not in self.lost:
                identified.setdefault(input_.feature, []).append(i)
        return identified


@dataclass(frozen=True, eq=False)
class Partialled:
    """Residuals of inputs given the other features.

    Attributes:
        residuals: of each input given the inputs of all other features, shape (r, q); zero for those that are controls
            only.
        n_controls: degrees of freedom that accounting for them took.
        n_rows: that had a say in it.
        regressors: all inputs, shape (r, q); None where expectations are penalised.
        how: "least squares", "piecewise-linear least squares" (the expectation of an input is piecewise linear in each
            other one), or "ridge".
    """

    residuals: FloatArray
    n_controls: float
    n_rows: int
    how: str
    regressors: FloatArray | None = None

    @property
    def dof_inflation(self) -> float:
        """The factor by which residuals are too small, because the rows had a say in what is expected of them."""
        return float(np.sqrt(self.n_rows / max(self.n_rows - self.n_controls, 1.0)))


def build_design(encoding: Encoding, x: FloatArray, weight: FloatArray, bounded: Sequence[int] = ()) -> Design:
    """The identifiable inputs; of several that determine each other none is, and one stays for the others' sake.

    Args:
        encoding: names of the inputs.
        x: unclipped inputs, float64, shape (r, p).
        weight: of rows, mean one, shape (r,).
        bounded: those of x that are clipped all the same, because that is how members read them.
    """
    by_feature, levels = columns_by_feature(encoding), _levels(encoding)
    candidates, references = _drop_references(encoding, by_feature, levels, x, weight)
    lost: dict[int, str] = {}
    varying = []
    for input_ in candidates:
        values = x[weight > 0, input_.column]
        n_others = len(values) - (np.unique(values, return_counts=True)[1].max() if len(values) else 0)
        if n_others:
            varying.append(input_)
        if n_others < _FEWEST_ROWS:
            lost[input_.column] = f"it differs in {n_others} rows only" if n_others else "it has one value only in the rows that were used"
    columns = [input_.column for input_ in varying]
    standard = _standardised(x[:, columns], weight)
    kept, partners = _independent(standard, rows=int(np.count_nonzero(weight)))
    tied = {columns[i]: [columns[k] for k in others] for i, others in partners.items()}
    for column, others in tied.items():
        lost[column] = f"it is determined by {_named(encoding, column, others)}; drop one to learn of the other"
    remain = [varying[i] for i in kept]
    numbers = np.asarray(encoding.numeric_inputs, int)
    numeric = np.isin(np.arange(x.shape[1]), np.setdiff1d(numbers, bounded))
    return Design(remain, x[:, [input_.column for input_ in remain]], weight, lost, tied, references, by_feature, levels, numeric, numbers)


def columns_by_feature(encoding: Encoding) -> list[IntArray]:
    """Of each feature, the places of its inputs, which stand side by side."""
    groups = np.asarray(encoding.column_groups)
    return np.split(np.arange(len(groups)), np.flatnonzero(np.diff(groups)) + 1)


def _levels(encoding: Encoding) -> list[str]:
    names = [encoding.columns[feature].name for feature in encoding.column_groups]
    return [name.removeprefix(own).removeprefix(" = ").strip() for name, own in zip(encoding.inputs, names, strict=True)]


def _named(encoding: Encoding, column: int, others: list[int]) -> str:
    """The features that these inputs are of; of the input's own feature, the inputs."""
    own = encoding.column_groups[column]
    features = dict.fromkeys(f"'{encoding.columns[encoding.column_groups[k]].name}'" for k in others if encoding.column_groups[k] != own)
    named = [*features] or [f"'{encoding.inputs[k]}'" for k in others]
    return listed(named, _MOST_NAMED)


def partial_out(design: Design, *, piecewise_linear: bool) -> Partialled:
    """Residuals of each input, its feature's other inputs not counted among the others.

    Args:
        design: from `build_design`.
        piecewise_linear: whether expectations are piecewise linear in numbers, where there are rows enough for it;
            otherwise they are linear.
    """
    z, weight = _centred(design.z, design.weight), design.weight
    n_rows = _n_rows(design)
    for n_knots in _N_KNOTS if piecewise_linear else ():
        extra, owner = _make_hinges(design, n_knots)
        if len(owner) and 1 + z.shape[1] + len(owner) <= _LARGEST_SHARE_WITH_HINGES * n_rows:
            partialled = _partial_out_piecewise_linearly(design, z, _centred(extra, weight), owner)
            return _keep_determined_linear(partialled, design, z)
    if z.shape[1] <= _LARGEST_SHARE_OF_ROWS * n_rows:
        return _partial_out_linearly(design, z)
    return _partial_out_by_ridge(design)


def _n_rows(design: Design) -> int:
    return int(np.count_nonzero(design.weight))


def partial_out_jointly(design: Design, x: FloatArray, features: list[int]) -> FloatArray:
    """Residuals of some inputs x (r, b) of these features given all others, linearly, shape (r, b)."""
    others = [i for i, input_ in enumerate(design.inputs) if input_.feature not in features]
    root = np.sqrt(design.weight)[:, None]
    z, x = _standardised(design.z[:, others], design.weight), _centred(x, design.weight)
    penalty = _MIDDLING if len(others) > _LARGEST_SHARE_OF_ROWS * _n_rows(design) else _TINY
    if len(others) > len(z):  # solved for the rows, which are fewer
        slopes = z.T @ scipy.linalg.solve(z @ z.T + penalty * np.eye(len(z)), root * x, assume_a="pos")
    else:
        slopes = scipy.linalg.solve(z.T @ z + penalty * np.eye(len(others)), z.T @ (root * x), assume_a="pos")
    return x - z @ slopes / root


# Identifiable inputs


def _drop_references(
    encoding: Encoding, columns: list[IntArray], levels: list[str], x: FloatArray, weight: FloatArray
) -> tuple[list[Input], dict[int, str]]:
    """Every input but the reference level of each category."""
    inputs, references = [], {}
    for feature, (column, own) in enumerate(zip(encoding.columns, columns, strict=True)):
        reference = own[reference_level(column, weight @ x[:, own])] if isinstance(column, Category) else -1
        for i in own:
            if i == reference:
                references[feature] = levels[i]
            else:
                inputs.append(Input(int(i), feature, column.yes if isinstance(column, Boolean) and not levels[i] else levels[i]))
        if isinstance(column, Boolean):
            references[feature] = column.no
    return inputs, references


def reference_level(column: Category, totals: FloatArray) -> int:
    """The level that others of a category are compared with, the most frequent known one, by the total weight of each."""
    known = totals[: len(totals) - column.missing]
    return int(np.argmax(known if known.any() else totals))


def _standardised(x: FloatArray, weight: FloatArray) -> FloatArray:
    rooted = _centred(x, weight) * np.sqrt(weight)[:, None]
    return rooted / np.linalg.norm(rooted, axis=0)


def _centred(z: FloatArray, weight: FloatArray) -> FloatArray:
    return z - weight @ z / weight.sum()


def _independent(z: FloatArray, *, rows: int) -> tuple[list[int], dict[int, list[int]]]:
    """Columns that stay, and for each column that is not identifiable those that determine it.

    Of columns that determine each other none is identifiable; all but the needed ones go, and the needed ones stay as controls.
    With fewer rows than columns only copies count: any column would be determined by enough others.
    """
    if z.shape[1] == 0:
        return [], {}
    if rows <= z.shape[1] + 1:
        return _drop_copies(z)
    upper = scipy.linalg.qr(z, mode="r", check_finite=False)[0][: z.shape[1]]
    _, lengths, directions = scipy.linalg.svd(upper, check_finite=False)
    idle = directions[lengths < _REDUNDANT * max(lengths[0], 1.0)]
    if not len(idle):
        return [*range(z.shape[1])], {}
    tied = np.flatnonzero(np.abs(idle).max(0) > _REDUNDANT**0.5)
    partners = {}
    for i in tied:
        # The dependency that involves column i most, among the combinations of idle directions.
        dependency = np.abs(idle[:, i] @ idle)
        partners[int(i)] = [int(k) for k in tied if k != i and dependency[k] > _REDUNDANT**0.5]
    order = scipy.linalg.qr(upper[:, tied], mode="r", pivoting=True, check_finite=False)[1]
    needed = {int(tied[k]) for k in order[: len(tied) - len(idle)]}
    return [i for i in range(z.shape[1]) if i not in partners or i in needed], partners


def _drop_copies(z: FloatArray) -> tuple[list[int], dict[int, list[int]]]:
    """Copies lie equally far along any direction, so only neighbours along one need be compared."""
    along = np.abs(np.random.default_rng(0xC0).normal(size=len(z)) @ z)
    order = np.argsort(along, kind="stable")
    runs = np.split(order, np.flatnonzero(np.diff(along[order]) > _REDUNDANT**0.5) + 1)
    partners: dict[int, list[int]] = {}
    for run in (run for run in runs if len(run) > 1):
        alike = np.abs(z[:, run].T @ z[:, run]) > 1 - _REDUNDANT
        partners |= {int(i): sorted(int(k) for k in run[alike[a]] if k != i) for a, i in enumerate(run) if alike[a].sum() > 1}
    return [i for i in range(z.shape[1]) if not any(k < i for k in partners.get(i, []))], partners


# Accounting for the others


def _partial_out_linearly(design: Design, z: FloatArray) -> Partialled:
    """From one factorisation: what the inverse of all products says of one block, it says given all others."""
    root = np.sqrt(design.weight)[:, None]
    r = scipy.linalg.qr(z * root, mode="r", check_finite=False)[0][: z.shape[1]]
    inverse = scipy.linalg.solve_triangular(r, np.eye(len(r)), check_finite=False)
    products = inverse @ inverse.T
    scores = z @ products
    residuals = np.zeros_like(z)
    for feature in range(len(design.columns)):
        own = design.of(feature)
        if len(own):
            residuals[:, own] = scores[:, own] @ np.linalg.inv(products[np.ix_(own, own)])
    return Partialled(residuals, 1.0 + z.shape[1], _n_rows(design), "least squares", z)


def _make_hinges(design: Design, n_knots: int) -> tuple[FloatArray, IntArray]:
    """Hinges of the numbers at quantiles, shape (r, h), and the feature each belongs to, shape (h,)."""
    hinges, owner = [], []
    for i, input_ in enumerate(design.inputs):
        values = design.z[:, i]
        if input_.level or len(np.unique(values)) <= 2 * n_knots + 2:
            continue
        for knot in np.unique(np.quantile(values, np.linspace(0, 1, n_knots + 2)[1:-1])):
            hinge = np.maximum(values - knot, 0.0)
            if hinge.std() > 0:
                hinges.append(hinge)
                owner.append(input_.feature)
    return (np.stack(hinges, 1) if hinges else np.zeros((len(design.z), 0))), np.asarray(owner, int)


def _partial_out_piecewise_linearly(design: Design, z: FloatArray, hinges: FloatArray, owner: IntArray) -> Partialled:
    both = np.column_stack([z, hinges])
    scale = np.sqrt(design.weight @ both**2 / len(both))
    both /= scale
    gram = (both * design.weight[:, None]).T @ both / len(both)
    inverse = scipy.linalg.inv(gram + _TINY * np.eye(len(gram)))
    residuals, n_inputs = np.zeros_like(z), z.shape[1]
    for feature in range(len(design.columns)):
        own = design.of(feature)
        if not len(own):
            continue
        # Without the feature's own hinges, which would account for the feature itself.
        own_hinges = n_inputs + np.flatnonzero(owner == feature)
        rest = np.setdiff1d(np.arange(len(gram)), own_hinges)
        products = inverse[:, own]
        if len(own_hinges):
            products = products - inverse[:, own_hinges] @ np.linalg.solve(
                inverse[np.ix_(own_hinges, own_hinges)], inverse[np.ix_(own_hinges, own)]
            )
        residuals[:, own] = both[:, rest] @ products[rest] @ np.linalg.inv(products[own]) * scale[own]
    return Partialled(residuals, 1.0 + len(gram), _n_rows(design), "piecewise-linear least squares", z)


def _keep_determined_linear(partialled: Partialled, design: Design, z: FloatArray) -> Partialled:
    """The same, but linear expectations of inputs that hinges determine, such as hours over a median beside hours."""
    determined = design.weight @ partialled.residuals**2 <= _NEXT_TO_NOTHING * (design.weight @ z**2)
    if not determined.any():
        return partialled
    residuals = np.where(determined, _partial_out_linearly(design, z).residuals, partialled.residuals)
    return Partialled(residuals, partialled.n_controls, partialled.n_rows, partialled.how, partialled.regressors)


def _partial_out_by_ridge(design: Design) -> Partialled:
    """Residuals where inputs are many: penalised, on rows that had no say in the slopes; strengths by the same rows.

    With the singular values s and right vectors V of the other rows, standardised, the inverse of all products plus a strength is one
    over the strength, plus V diag(1 / (s^2 + strength) - 1 / strength) V': as cheap as rows are few.
    """
    z, weight = design.z, design.weight
    fold = np.random.default_rng(0x51D).permutation(len(z)) % _N_FOLDS
    residuals = np.zeros((len(_STRENGTHS), *z.shape))
    blocks = [own for feature in range(len(design.columns)) if len(own := design.of(feature))]
    by_size = [np.stack([own for own in blocks if len(own) == size]) for size in sorted({len(own) for own in blocks})]
    for number in range(_N_FOLDS):
        here, others = fold == number, fold != number
        share = weight[others] / weight[others].sum()
        mean = share @ z[others]
        scale = np.sqrt(share @ (z[others] - mean) ** 2)
        scale[scale == 0] = 1.0
        _, values, vectors = scipy.linalg.svd((z[others] - mean) / scale * np.sqrt(share)[:, None], full_matrices=False, check_finite=False)
        apart = (z[here] - mean) / scale
        along = apart @ vectors.T
        for s, strength in enumerate(_STRENGTHS):
            change = 1 / (values**2 + strength) - 1 / strength
            scores = apart / strength + (along * change) @ vectors
            for own in by_size:  # (features, inputs of each)
                along_own = vectors[:, own].transpose(1, 2, 0)
                products = np.eye(own.shape[1]) / strength + (along_own * change) @ along_own.transpose(0, 2, 1)
                partial = np.einsum("rfb,fbc->rfc", scores[:, own], np.linalg.inv(products))
                residuals[s][np.ix_(here, own.ravel())] = partial.reshape(len(apart), -1) * scale[own.ravel()]
    best = np.einsum("r,srq->sq", weight, residuals**2).argmin(0)
    chosen = np.take_along_axis(residuals, best[None, None, :].repeat(len(z), 1), 0)[0]
    return Partialled(chosen, 0.0, _n_rows(design), "ridge")
