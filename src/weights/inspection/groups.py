"""Features that move together, so that the data cannot say which of them matters: `correlated_groups`."""

from __future__ import annotations

import numpy as np
import scipy.cluster.hierarchy

from weights.data.encoding import Category, ColumnEncoding, Encoding
from weights.inspection.partialling import Design
from weights.types import FloatArray, IntArray, ReportProgress

_CORRELATED = 0.7
"""Correlation from which on the importance of features together is estimated as well (our choice)."""
_MOST_GROUPS = 12
_MOST_ROWS = 20_000
_MOST_AT_ONCE = 1_000_000
"""Products of inputs that are held at a time."""
_MOST_FEATURES = 2_000
"""Of more features every two cannot be compared (our choice)."""


def correlated_groups(
    encoding: Encoding, x: FloatArray, design: Design, report_progress: ReportProgress = lambda share: None
) -> list[list[int]]:
    """Groups of features, the largest first: those that determine each other, or whose correlations average 0.7 in size.

    Of categories it is the first canonical correlation (Hotelling 1936), less what many levels reach by chance. Features are joined by
    average linkage.

    Args:
        encoding: of the rows.
        x: unclipped inputs, float64, shape (r, p).
        design: the identifiable inputs.
        report_progress: called now and then with zero.
    """
    blocks = [_main_inputs(column, columns) for column, columns in zip(encoding.columns, design.columns, strict=True)]
    varying = [j for j, block in enumerate(blocks) if np.ptp(x[:, block], axis=0).any()]
    if not 2 <= len(varying) <= _MOST_FEATURES:
        return []
    some = x[:: -(-len(x) // _MOST_ROWS)]
    size = _association([_where_known(some, encoding.columns[j], design.columns[j]) for j in varying], report_progress)
    owner = {int(column): i for i, j in enumerate(varying) for column in blocks[j]}
    for column, partners in design.partners.items():
        for partner in partners:
            if column in owner and partner in owner:
                size[owner[column], owner[partner]] = size[owner[partner], owner[column]] = 1.0
    tree = scipy.cluster.hierarchy.average(1 - size[np.triu_indices(len(varying), 1)])
    labels = scipy.cluster.hierarchy.fcluster(tree, 1 - _CORRELATED, criterion="distance")
    groups = [[varying[i] for i in np.flatnonzero(labels == label)] for label in np.unique(labels)]
    return sorted((group for group in groups if len(group) > 1), key=len, reverse=True)[:_MOST_GROUPS]


def _association(blocks: list[FloatArray], report_progress: ReportProgress) -> FloatArray:
    """The size of the correlation between every two blocks of inputs (r, b), shape (blocks, blocks)."""
    n, bases = len(blocks[0]), [_orthonormal(block) for block in blocks]
    first = np.stack([basis[:, 0] for basis in bases], axis=1)
    size = np.abs(first.T @ first)
    by_width: dict[int, list[int]] = {}
    for i, basis in enumerate(bases):
        by_width.setdefault(basis.shape[1], []).append(i)
    alike = {width: (np.array(places), np.concatenate([bases[i] for i in places], axis=1)) for width, places in by_width.items()}
    for width, (places, of_these) in alike.items():
        for other_width, (others, of_others) in alike.items():
            if not 1 < width >= other_width:
                continue
            by_chance = (n - 1) / max(n - width - other_width, 1)
            at_once = max(_MOST_AT_ONCE // (width * of_others.shape[1]), 1)
            for begin in range(0, len(places), at_once):
                some = slice(begin, begin + at_once)
                products = of_others.T @ of_these[:, begin * width : (begin + at_once) * width]
                pairs = products.reshape(len(others), other_width, -1, width).transpose(2, 0, 1, 3)
                squared = np.linalg.eigvalsh(pairs @ pairs.transpose(0, 1, 3, 2))[:, :, -1]
                correlation = np.sqrt((1 - (1 - squared) * by_chance).clip(0.0))
                size[np.ix_(places[some], others)] = correlation
                size[np.ix_(others, places[some])] = correlation.T
                report_progress(0.0)
    np.fill_diagonal(size, 1.0)
    return size.clip(0, 1)


def _main_inputs(column: ColumnEncoding, columns: IntArray) -> IntArray:
    """The levels of a category, or the number itself, without the indicator of missing cells."""
    return columns[: len(columns) - column.missing] if isinstance(column, Category) else columns[:1]


def _where_known(x: FloatArray, column: ColumnEncoding, columns: IntArray) -> FloatArray:
    """These inputs (r, b), of which gaps say nothing: a missing level counts as the average one, as missing numbers do already."""
    levels = x[:, _main_inputs(column, columns)]
    absent = x[:, columns[-1:]] if isinstance(column, Category) and column.missing else np.zeros((len(x), 1))
    return levels + absent * levels.sum(0) / max(len(x) - absent.sum(), 1.0)


def _orthonormal(block: FloatArray) -> FloatArray:
    """An orthonormal basis of what varies in a block, the direction of most variation first."""
    directions, lengths, _ = np.linalg.svd(block - block.mean(0), full_matrices=False)
    n_varying = int((lengths > 1e-9 * max(lengths[0], 1.0)).sum())
    return directions[:, :n_varying] if n_varying else np.zeros((len(block), 1))
