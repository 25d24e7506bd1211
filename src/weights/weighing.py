"""What columns and words are worth in a fit: which rows are asked, and by which members. `weigh_columns` and `weigh_words`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import threadpoolctl

from weights.data.encoding import Encoding
from weights.data.inputs import NUMBERS, Layout
from weights.data.scaling import clipped
from weights.effects import FeatureWeights
from weights.ensemble import Population, limits_of
from weights.inspection.contrasts import InspectedRows
from weights.inspection.feature_weights import estimate_feature_weights
from weights.inspection.outofbag import OutOfBag, OutOfBagMembers
from weights.inspection.slopes import Rows
from weights.inspection.wordweights import MOST_TEXTS, AskedTexts, estimate_word_weights, has_words
from weights.models.registry import architecture_of
from weights.prepared import WEIGHING, Prepared
from weights.training.control import Control, Progress
from weights.training.features import within
from weights.training.job import Job
from weights.training.reading import find_tailed, share_bounded
from weights.types import BoolArray, FloatArray
from weights.wordweights import WordWeights

_FEW_COPIES = 0.05
"""Share of rows that are copies up to which these are left out, so that all others are independent (our choice)."""
_MOST_MULTIPLICATIONS, _FEWEST_INSPECTED = 2.5e10, 1_000
"""Weights of networks that are multiplied with a value of a feature when all features are inspected, and rows that are
inspected in any case (our choice): what more rows would add is little beside the wait."""


def has_weights(encoding: Encoding) -> bool:
    """Whether there are columns, or words, that effects can be estimated of."""
    return bool(encoding.columns) or has_words(encoding)


def weigh_columns(
    prepared: Prepared, oob_members: list[OutOfBagMembers], offset: FloatArray, covered: BoolArray, control: Control
) -> FeatureWeights | None:
    """The effect and importance of each column, on rows kept for inspection that members are judged on; None if not asked for."""
    if not prepared.inspect or not prepared.dataset.encoding.columns:
        return None
    with threadpoolctl.threadpool_limits(1):  # members are asked on several cores already
        asked = choose_inspected_rows(prepared, oob_members, offset, covered, control.n_threads)
        return estimate_feature_weights(asked, _report_weighing(control))


def weigh_words(prepared: Prepared, job: Job, control: Control) -> tuple[WordWeights | None, list[str]]:
    """The effect and importance of words, by members of a linear model that learn from the rows that those of a job learn from.

    Of many rows `MOST_TEXTS` are asked, drawn at random.
    """
    dataset = prepared.dataset
    if not prepared.inspect or not has_words(dataset.encoding):
        return None, []
    rows, texts = _rows_of_texts(prepared), job.first_repeat()
    if (n_rows := len(texts.inputs)) > MOST_TEXTS:
        chosen = np.sort(np.random.default_rng(0x3E2).choice(n_rows, MOST_TEXTS, replace=False))
        rows, texts = rows.only(chosen), texts.of_rows(chosen)
    with threadpoolctl.threadpool_limits(1):  # members are solved on several cores already
        asked = AskedTexts(prepared.task, dataset.encoding, texts.inputs, texts.y, rows, texts.resampling, control.n_threads)
        return estimate_word_weights(asked, _report_weighing(control))


def _rows_of_texts(prepared: Prepared) -> Rows:
    """The rows whose words are asked about: of texts with copies, if these are few, the first counts and no other."""
    dataset = prepared.dataset
    weight, group = dataset.sample_weight, dataset.group
    if group is not None and dataset.roles.group is None:
        first = np.zeros(len(group), bool)
        first[np.unique(group, return_index=True)[1]] = True
        if first.mean() >= 1 - _FEW_COPIES:
            weight, group = weight * first, None
    return Rows(weight / weight.mean(), group, dataset.time)


def _report_weighing(control: Control) -> Callable[[float], None]:
    def report(share: float) -> None:
        control.check("The estimation of feature weights")
        control.report(Progress(WEIGHING, share, None))

    return report


def choose_inspected_rows(
    prepared: Prepared, oob_members: list[OutOfBagMembers], offset: FloatArray, covered: BoolArray, n_threads: int
) -> InspectedRows:
    """The rows that `inspection` asks these members about: those that were kept for it and that are covered (n,)."""
    dataset, linear = prepared.dataset, all(architecture_of(members.population.spec.model).linear for members in oob_members)
    places = np.flatnonzero(covered[dataset.inspected.rows] & (dataset.sample_weight[dataset.inspected.rows] > 0))
    most = len(places) if linear else _most_inspected(oob_members, prepared.layout, len(dataset.encoding.columns))
    if len(places) > most:
        places = np.sort(np.random.default_rng(0x3E1).choice(places, most, replace=False))
    here = dataset.inspected.rows[places]
    weight = dataset.sample_weight[here]
    group, moments = (None if values is None else values[here] for values in (dataset.group, dataset.time))
    here_unseen = [members._replace(unseen=members.unseen[:, here]) for members in oob_members]
    populations, numeric = [members.population for members in oob_members], list(prepared.layout.numeric)
    limits, bounded = limits_of(populations, dataset.encoding), find_bounded(populations, prepared)
    inputs, x = dataset.inputs[here], dataset.inspected.x[places]
    if NUMBERS in inputs.blocks:
        inputs = inputs.replace(**{NUMBERS: within(inputs[NUMBERS], limits)})
    x[:, numeric] = within(x[:, numeric], limits)
    x[:, bounded] = clipped(x[:, bounded], dataset.encoding.clip)
    answers = OutOfBag(prepared.task, prepared.layout, here_unseen, offset, inputs, n_threads)
    asked = Rows(weight / weight.mean(), group, moments)
    return InspectedRows(prepared.task, dataset.encoding, x, prepared.y[here], asked, answers, linear, bounded)


def find_bounded(populations: list[Population], prepared: Prepared) -> list[int]:
    """Inputs with rows far beyond the bound that most members of a population keep within it which need not."""
    layout = prepared.layout
    shares = [share for population in populations if np.isfinite(share := share_bounded(population, layout)).all()]
    if not shares:
        return []
    bounded = find_tailed(layout, prepared.dataset.inputs) & (np.mean(shares, 0) > 0.5)
    return [j for j, is_bounded in zip(layout.numeric, bounded, strict=True) if is_bounded]


def _most_inspected(oob_members: list[OutOfBagMembers], layout: Layout, n_features: int) -> int:
    """Rows for which networks can be asked about every feature in about half a minute."""
    n_asked = 0.0
    for population, unseen in oob_members:
        architecture = architecture_of(population.spec.model)
        if architecture.linear:
            continue
        n_weights = sum(array[0].size for layer in population.params.values() for array in layer.values())
        n_products = architecture.cost(population.spec.model, layout).n_multiplications
        n_asked += max(n_weights, n_products) * unseen.mean(1).sum()  # by as many members each row is answered
    return max(int(_MOST_MULTIPLICATIONS / (n_asked * n_features)), _FEWEST_INSPECTED)
