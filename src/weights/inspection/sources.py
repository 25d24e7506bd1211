"""Who or what recordings come from: `find_sources` names columns, and parts of file names, that tell it although nobody said so.

Rows of one speaker are alike. Where members learn from some of them and are judged on others, figures are those of speakers who were
heard, so that it is said how to keep each on one side (`--group`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from weights.data.dataset import Dataset
from weights.errors import listed, printable
from weights.tasks.base import Task
from weights.types import AnyArray, FloatArray, IntArray

_MOST_ROWS, _FEWEST_ROWS = 2_000, 40
"""Rows that are looked at, spread evenly, and below which nothing is said (our choices)."""
_LEAST_SHARE, _FEWEST_EACH = 0.1, 5
"""Share of the variance between rows that sources explain, beyond chance, to be named, and rows that each has on average (our choices)."""
_PARTS = re.compile(r"[_\-./\\ ]+")
_MOSTLY, _MOST_NAMED = 0.9, 5


def find_sources(dataset: Dataset, task: Task, y: AnyArray) -> list[str]:
    """A sentence where a column, or a part of the names of files, tells apart who or what rows come from; none with a group.

    What rows are like, whatever they are of (`Kind.origin`), less the mean of each class, is explained by such sources to an adjusted
    share of its variance (Ezekiel 1930) of a tenth or more. On spoken digits speakers have .34, anything else at most .01.
    """
    if dataset.roles.group is not None or len(dataset.inputs) < _FEWEST_ROWS:
        return []
    kinds = [(block, kind) for block, kind in zip(dataset.encoding.blocks, dataset.encoding.kinds, strict=True) if kind.origin is not None]
    if not kinds:
        return []
    block, kind = kinds[0]
    assert kind.origin is not None
    rows = np.unique(np.linspace(0, len(dataset.inputs) - 1, _MOST_ROWS).astype(int))
    strata = task.strata(y[rows])
    if strata is None:  # what is said, or measured, could not be told from who says it
        return []
    described = _without_means(kind.origin(block, dataset.inputs[kind.block][rows]), strata)
    found = [(share_explained(described, codes[rows]), codes, words, advice) for codes, words, advice in _list_candidates(dataset)]
    share, codes, words, advice = max(found, key=lambda each: each[0], default=(0.0, np.zeros(0, int), "", ""))
    if share < _LEAST_SHARE:
        return []
    of = f"{words} tells {len(np.unique(codes))} sources of {kind.plural} apart, as speakers are"
    return [f"{of}: out of bag, members have heard all of them. To judge them on sources that they never heard, {advice}"]


def share_explained(values: FloatArray, codes: IntArray) -> float:
    """The share of the variance of values (n, d) between groups (n,), adjusted for their number; 0 for too many groups, or one.

    Example:
        >>> values = np.random.default_rng(0).normal(size=(100, 3)) + np.repeat([0.0, 2.0], 50)[:, None]
        >>> round(share_explained(values, np.repeat([0, 1], 50)), 1), abs(share_explained(values, np.arange(100) % 2)) < 0.05
        (0.5, True)
    """
    codes = np.unique(codes, return_inverse=True)[1]
    n, n_groups = len(codes), int(codes.max()) + 1
    if n_groups < 2 or n < _FEWEST_EACH * n_groups:
        return 0.0
    centred = values - values.mean(0)
    total = float((centred**2).sum())
    left = float((_without_means(values, codes) ** 2).sum())
    return 1.0 - left / total * (n - 1) / (n - n_groups) if total > 0 else 0.0


def _without_means(values: FloatArray, codes: IntArray) -> FloatArray:
    """Values (n, d) less the mean of each group."""
    codes = np.unique(codes, return_inverse=True)[1]
    means = np.zeros((int(codes.max()) + 1, values.shape[1]))
    np.add.at(means, codes, values)
    return values - (means / np.bincount(codes)[:, None])[codes]


def _list_candidates(dataset: Dataset) -> Iterator[tuple[IntArray, str, str]]:
    """Codes of rows (n,) by columns, and by parts of the names of their files; what tells them, and how to name it."""
    groups = np.asarray(dataset.encoding.column_groups)
    for j, column in enumerate(dataset.encoding.columns):
        codes = np.unique(dataset.inputs.x[:, groups == j], axis=0, return_inverse=True)[1].ravel()
        yield codes, f"'{printable(column.name)}'", f"name it with --group {printable(column.name)}"
    if dataset.names is None:
        return
    parts = [_PARTS.split(str(name)) for name in dataset.names.to_pylist()]
    lengths = np.array([*map(len, parts)])
    usual = int(np.bincount(lengths).argmax())
    if (lengths == usual).mean() < _MOSTLY:
        return
    for place in range(usual):
        cells = [own[place] if len(own) == usual else "" for own in parts]
        names, codes = np.unique(cells, return_inverse=True)
        shown = listed([printable(name) for name in names if name], _MOST_NAMED)
        yield codes, f"a part of the names of files ({shown})", "put it in a column of a table, and name that with --group"
