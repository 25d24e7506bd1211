"""Judging a fitted ensemble on labelled rows that it never saw: `score_rows`."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import pyarrow as pa

from weights.data.encoding import apply_encoding
from weights.data.newrows import describe_new_rows
from weights.data.repeats import describe_repeats
from weights.data.steering import read_group, read_sample_weight
from weights.data.table.columns import as_text, is_missing
from weights.data.table.rownumbers import kept_numbers, rows_numbered, take_numbers
from weights.ensemble import Ensemble, Predictions
from weights.errors import DataError, UsageError, abridged, listed, printable, suggest
from weights.inspection.classes import Bin, OperatingPoint, calibration, operating_point
from weights.inspection.comparison import FEWEST_OF_CLASS, FEWEST_ROWS, compare
from weights.inspection.drift import find_drift
from weights.scoring.levels import score_levels, score_predictions
from weights.scoring.records import Coverage, MeanOutcome, Score, ScoredMetric
from weights.scoring.seen import describe_seen
from weights.tasks.metrics import MEAN_GAP, Metric, score
from weights.tasks.proportions import proportion
from weights.types import AnyArray, FloatArray

_MOST_UNKNOWN = 5


def score_rows(
    ensemble: Ensemble,
    table: pa.Table,
    *,
    by: str | None = None,
    label: Any = None,
    sensitivity: float = 0.95,
    level: float = 0.9,
    source: Any = None,
) -> Score:
    """How good an ensemble is on labelled rows that it never saw, beside what it was out of bag.

    Args:
        ensemble: that answers.
        table: rows, as `newrows.read_new_rows` gives them, with the target.
        by: a column, for whose levels metrics are given too.
        label: the class whose probability is compared with its frequency, and which is to be found; the second of two if None.
        sensitivity: the share of it that the threshold is to find out of bag.
        level: of the prediction intervals, or sets of classes, that are tried.
        source: where the rows came from, if that is a path.

    Raises:
        DataError: there are no rows, the target is not there or missing in all rows, or a column cannot be read as in training.
        NotFoundError, UsageError: as `levels.find_levels`; or there is no such class, or a share is not between 0 and 1.
    """
    task = ensemble.task
    known = _find_known(ensemble, table)
    wanted = None if label is None else task.sought(label)
    unknown = ~known & ~is_missing(table[task.target])
    notes = [*_describe_roles(ensemble, table), *describe_new_rows(ensemble.encoding, table, ensemble.limits), *describe_repeats(table)]
    numbers, rows = kept_numbers(table), take_numbers(table)[0].filter(pa.array(known))
    with rows_numbered(np.flatnonzero(known) if numbers is None else numbers[known]):
        inputs = apply_encoding(ensemble.encoding, rows)
    answers = ensemble.answer(inputs)
    scored = _predictions(ensemble, rows, answers)
    if not scored.weight.any():
        raise DataError("The weights of the rows must not all be zero. Repair the column of weights, or leave it out.")
    place = _find_place(ensemble, wanted)
    point, why_not = (None, []) if place is None else _find_point(ensemble, scored, place, sensitivity)
    kept, origin = ensemble.oob_predictions, ensemble.report.origin
    independent = scored.group is None and (kept is None or kept.group is None) and not (origin and origin.roles.time)
    covered = ensemble.covers(scored.y, answers, inputs, level=level)
    share = None if covered is None else proportion(covered, scored.weight, scored.group)
    return Score(
        target=task.target,
        n_rows=table.num_rows,
        n_scored=int(known.sum()),
        n_missing=int((~known & ~unknown).sum()),
        n_unknown=int(unknown.sum()),
        unknown=[abridged(cell, 40) for cell in as_text(table[task.target].filter(pa.array(unknown))).unique().to_pylist()[:_MOST_UNKNOWN]],
        n_groups=None if scored.group is None else len(np.unique(scored.group)),
        n_out_of_bag=ensemble.report.n_samples,
        metrics=_score_metrics(ensemble, scored),
        means=_mean_outcomes(ensemble, scored),
        label=None if place is None else task.label(place),
        bins=_bins(scored, place),
        operating=point,
        coverage=None if share is None else Coverage(level, share),
        by=by or "",
        levels=score_levels(task, scored, rows, by) if by is not None else [],
        drifts=find_drift(ensemble, rows, inputs, independent=independent),
        notes=[*describe_seen(ensemble, rows, inputs, scored.y, source), *notes, *why_not, *_describe_limits(ensemble, scored)],
    )


def _find_known(ensemble: Ensemble, table: pa.Table) -> AnyArray:
    """Which rows have a target that can be judged, shape (n,).

    Raises:
        DataError: none has.
    """
    target = ensemble.task.target
    if target not in table.column_names:
        names = [name for name in table.column_names if name.isprintable()]
        raise DataError(
            f"To score answers the rows must hold what came, in the column '{printable(target)}', but it is not there. "
            f"{suggest(target, names)} Without it, `weights predict` answers the rows."
        )
    if not table.num_rows:
        raise DataError("Rows to score were needed, but there are none. Check what the source holds.")
    known = ensemble.task.knows(table[target])
    if not known.any():
        absent = int(is_missing(table[target]).sum())
        if not absent:
            came = listed([repr(value) for value in table[target].unique().to_pylist()], 3)
            classes = listed([repr(label) for label in ensemble.classes], 8)
            raise DataError(
                f"To score answers the rows must hold what came, but '{printable(target)}' holds no class of the run ({classes}) in any of "
                f"{table.num_rows:,} rows: {printable(came)}. Check the column."
            )
        others = f"; the other {table.num_rows - absent:,} hold no class of the run" if absent < table.num_rows else ""
        raise DataError(
            f"To score answers the rows must hold what came, but '{printable(target)}' is missing in {absent:,} of "
            f"{table.num_rows:,} rows{others}. Check the column."
        )
    return known


def _predictions(ensemble: Ensemble, rows: pa.Table, answers: FloatArray) -> Predictions:
    """The answers beside what came, with weights and groups where the run had them and the rows do too."""
    origin = ensemble.report.origin
    names = {role: _present(rows, getattr(origin.roles, role)) if origin else None for role in ("sample_weight", "group")}
    weight, group = read_sample_weight(rows, names["sample_weight"]), read_group(rows, names["group"])
    return Predictions(answers, ensemble.task.encode(rows[ensemble.task.target]), np.arange(len(answers)), weight, group)


def _present(rows: pa.Table, name: str | None) -> str | None:
    return name if name in rows.column_names else None


def _find_place(ensemble: Ensemble, wanted: int | None) -> int | None:
    """The position of the class that is looked for; None where none was named and the task has no usual one."""
    if wanted is not None:
        return wanted
    with contextlib.suppress(UsageError):
        return ensemble.task.sought(None)
    return None


def _score_metrics(ensemble: Ensemble, scored: Predictions) -> list[ScoredMetric]:
    task, before = ensemble.task, ensemble.report.metrics
    here = score_predictions(task, scored)
    if np.count_nonzero(scored.weight > 0) < FEWEST_ROWS:
        return [ScoredMetric(name, Metric(metric.value), before.get(name), None) for name, metric in here.items()]
    kept = ensemble.oob_predictions
    gaps = {} if kept is None else compare(task, scored, kept, here, before)
    few = kept is not None and bool(task.find_few(kept.y, FEWEST_OF_CLASS))
    gaps = {name: gap for name, gap in gaps.items() if not (few and task.metrics[name].of_each_class)}
    return [ScoredMetric(name, metric, before.get(name), gaps.get(name)) for name, metric in here.items()]


def _mean_outcomes(ensemble: Ensemble, scored: Predictions) -> list[MeanOutcome]:
    """Mean predictions and outcomes, of values or of each class."""
    task, kept, means = ensemble.task, ensemble.oob_predictions, []
    for outcome in (outcome for outcome in task.outcomes() if outcome.scale == "target"):

        def both(of: Predictions, place: int = outcome.place, outcome: Any = outcome) -> tuple[FloatArray, FloatArray]:
            predicted = of.prediction.reshape(len(of.y), -1)[:, place]
            return predicted, task.observed(of.y, outcome)

        (predicted, observed), weight = both(scored), scored.weight
        gap = score({"gap": MEAN_GAP}, observed, predicted, weight=weight, group=scored.group)["gap"]
        here = _average((predicted, observed), weight)
        before = (None, None) if kept is None else _average(both(kept), kept.weight)
        means.append(MeanOutcome(outcome.label, *here, gap if len(weight) >= FEWEST_ROWS else Metric(gap.value), *before))
    return means


def _average(both: tuple[FloatArray, FloatArray], weight: FloatArray) -> tuple[float, float]:
    return float(np.average(both[0], weights=weight)), float(np.average(both[1], weights=weight))


def _bins(scored: Predictions, place: int | None) -> list[Bin]:
    return [] if place is None else calibration(scored, place)


def _find_point(ensemble: Ensemble, scored: Predictions, place: int, sensitivity: float) -> tuple[OperatingPoint | None, list[str]]:
    """The threshold that finds a share of a class out of bag, with what it does on these rows, or why there is none."""
    if ensemble.oob_predictions is None:
        return None, []
    try:
        return operating_point(ensemble.oob_predictions, ensemble.classes, place, sensitivity, test=scored), []
    except DataError as error:
        return None, [str(error)]


_LOST = {"sample_weight": "each row counts as one", "group": "rows count as independent"}
_ORDERED = (
    "the run is ordered by '{}', but intervals and tests take rows as independent: where rows near in time are alike, differences look "
    "surer than they are"
)


def _describe_roles(ensemble: Ensemble, table: pa.Table) -> list[str]:
    """What the run knew of its rows and these lack, or what is not allowed for."""
    if (origin := ensemble.report.origin) is None:
        return []
    named = {role: name for role in _LOST if (name := getattr(origin.roles, role)) and name not in table.column_names}
    notes = [f"the run had '{printable(name)}', which is not there: {_LOST[role]}" for role, name in named.items()]
    return [*notes, *([_ORDERED.format(printable(origin.roles.time))] if origin.roles.time else [])]


def _describe_limits(ensemble: Ensemble, scored: Predictions) -> list[str]:
    """What is not known of these rows, or not of this run."""
    notes = []
    if (n := int(np.count_nonzero(scored.weight > 0))) < FEWEST_ROWS:
        notes.append(f"{n} rows are too few for intervals and tests, which need {FEWEST_ROWS}")
    if lacking := [str(label) for k, label in enumerate(ensemble.classes) if not scored.weight[scored.y == k].any()]:
        notes.append(f"no row is of the class {listed(lacking, 5)}: means over classes are not compared, and AUROC needs two classes")
    kept = ensemble.oob_predictions
    if kept is not None and (few := ensemble.task.find_few(kept.y, FEWEST_OF_CLASS)):
        notes.append(f"the run learned from few rows of {listed(few, 5)}: metrics over classes are compared from {FEWEST_OF_CLASS} on")
    if kept is None:
        notes.append("this run was saved by a version that kept no answers to rows of training: nothing is tested against them")
    if ensemble.encoding.columns and not ensemble.report.distributions:
        notes.append("this run was saved by a version that kept no distributions of columns: nothing is said of drift")
    return [*notes, *filter(None, [ensemble.encoding.disclaimer])]
