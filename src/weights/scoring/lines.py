"""A `records.Score` as lines for people."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from weights.errors import UsageError, listed, printable
from weights.inspection.classes import OperatingPoint, ThresholdMetrics
from weights.inspection.comparison import FEWEST_ROWS, Difference
from weights.inspection.drift import Drift
from weights.scoring.records import Coverage, LevelScore, Score
from weights.summary import LABEL, bounds, labelled, number, percent
from weights.tables import aligned, compact, show_p
from weights.tasks.metrics import MEAN_GAP, Measure, find_measure

_WIDTHS = {True: 96, False: 136}
"""Columns of a narrow terminal and of others (our choice)."""
_WIDEST_NAME, _WIDEST_LINE = 32, 118
_SIGNIFICANT = 0.05


def score_lines(score: Score, *, top: int = 10, narrow: bool = False) -> list[str]:
    """Everything that is known of how good a run is on new rows.

    Args:
        score: the record.
        top: at most so many columns that drifted.
        narrow: for a terminal of 100 columns.

    Raises:
        UsageError: `top` is less than one.
    """
    if top < 1:
        raise UsageError(f"top must be at least 1, but is {top}. Leave it out to see the ten columns that matter most.")
    return [
        *_wrap("Scored", _describe_rows(score)),
        *_metric_lines(score, narrow=narrow),
        *_wrap("Verdict", _describe_verdict(score)),
        *(_mean_lines(score) if score.means else []),
        *(_wrap("Coverage", _describe_coverage(score.coverage)) if score.coverage else []),
        *_bin_lines(score),
        *(_point_lines(score.operating) if score.operating else []),
        *(_level_lines(score, _WIDTHS[narrow]) if score.by else []),
        *_drift_lines(score, top),
    ]


def _wrap(label: str, text: str) -> list[str]:
    """A sentence behind its label, on as many lines as it takes."""
    first, *more = textwrap.wrap(printable(text), _WIDEST_LINE - LABEL)
    return [labelled(label, first), *(" " * LABEL + line for line in more)]


def _describe_rows(score: Score) -> str:
    counted = f"{score.n_scored:,} rows of {score.n_rows:,} with a known '{score.target}'"
    groups = f" in {score.n_groups:,} groups" if score.n_groups is not None else ""
    left_out = [f"{score.n_missing:,} have none"] if score.n_missing else []
    if score.n_unknown:
        left_out.append(f"{score.n_unknown:,} hold no class of the run ({listed(score.unknown, 5)})")
    return f"{counted}{groups}" + (f"; {', '.join(left_out)}, and were left out" if left_out else "")


def _metric_lines(score: Score, *, narrow: bool) -> list[str]:
    rows = [["", "these rows", "", "out of bag", "", "difference", "", "p"]]
    for scored in score.metrics:
        measure = find_measure(scored.name)
        before = [number(measure, scored.out_of_bag.value), bounds(measure, scored.out_of_bag)] if scored.out_of_bag else ["", ""]
        here = [number(measure, scored.here.value), bounds(measure, scored.here)]
        rows.append([name_of(scored.name), *here, *before, *_show_difference(measure, scored.difference)])
    left_out = {6} if narrow else set()
    shown = [[cell for place, cell in enumerate(row) if place not in left_out] for row in rows]
    return [
        *aligned(shown, to_right=[1, 3, 5, len(shown[0]) - 1]),
        "  [95 % interval over the choice of rows]; p: of such a difference by chance (permutations), each metric by itself",
    ]


def _show_difference(measure: Measure, gap: Difference | None) -> list[str]:
    if gap is None:
        return ["", "", ""]
    low, high = (_signed(measure, value).removesuffix(" %") for value in (gap.low, gap.high))
    return [_signed(measure, gap.value), f"[{low} {high}]", show_p(gap.p_value)]


def _signed(measure: Measure, value: float) -> str:
    return ("+" if value > 0 else "") + number(measure, value)


def name_of(metric: str) -> str:
    """What people are shown of a metric by its name."""
    return find_measure(metric).title or metric.replace("_", " ")


def _describe_verdict(score: Score) -> str:
    """What the test of the metric that training minimises says: one test, so that its level holds."""
    first = score.metrics[0]
    measure, gap = find_measure(first.name), first.difference
    name = name_of(first.name)
    if gap is None or gap.p_value is None:
        return "nothing is tested: there are too few rows or groups, too few classes in them, or their errors are all alike"
    said = f"{_signed(measure, gap.value)} [{_signed(measure, gap.low)} {_signed(measure, gap.high)}], p {_equals(gap.p_value)}"
    if gap.p_value < _SIGNIFICANT:
        return f"{name} is {'worse' if gap.value > 0 else 'better'} on these rows than out of bag, more than chance explains: {said}"
    return f"{name} differs from that out of bag by no more than chance explains: {said}"


def _equals(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"= {p:.3f}"


def _mean_lines(score: Score) -> list[str]:
    show = MEAN_GAP._replace(show=compact)
    rows = [["", "predicted", "observed", "observed - predicted", "", "out of bag: predicted", "observed"]]
    for mean in score.means:
        name = score.target if mean.label is None else f"P({mean.label})"
        before = [compact(value) for value in (mean.predicted_out_of_bag, mean.observed_out_of_bag)]
        gap = [_signed(show, mean.gap.value), bounds(show, mean.gap)]
        rows.append([_cut(name), compact(mean.predicted), compact(mean.observed), *gap, *before])
    return [labelled("Means", "of predictions and of what came"), *aligned(rows, to_right=[1, 2, 3, 5, 6])]


def _describe_coverage(coverage: Coverage) -> str:
    share, level = coverage.here, coverage.level
    said = f"{100 * level:g} % intervals or sets of predictions hold the target of {percent(share)} of rows"
    if share.low is None or share.high is None or share.low <= level <= share.high:
        return said
    return f"{said}: {'fewer' if share.value < level else 'more'} than they were asked to hold"


def _bin_lines(score: Score) -> list[str]:
    rows = [["predicted", "observed", "rows"]]
    rows += [[f"{100 * part.predicted:.1f} %", percent(part.observed), f"{part.n:,}"] for part in score.bins]
    return [labelled("Calibration", f"of the probability of {score.label}"), *aligned(rows, to_right=[0, 2])] if score.bins else []


def _point_lines(point: OperatingPoint) -> list[str]:
    rows = [["", "sensitivity", "specificity", "rightly found (PPV)", "rightly left (NPV)", "rows of it", "others"]]
    rows += [
        [name, *point_cells(metrics)]
        for name, metrics in (("out of bag", point.out_of_bag), ("these rows", point.test))
        if metrics is not None
    ]
    said = f"{point.label}, from a probability of {point.rounded_threshold} on, which finds {100 * point.asked:.6g} % of it out of bag"
    return [labelled("Finding", said), *aligned(rows, to_right=[5, 6])]


def point_cells(metrics: ThresholdMetrics) -> list[str]:
    """How a threshold fares, as cells of a table: four shares with their intervals, rows of the class and others."""
    shares = [metrics.sensitivity, metrics.specificity, metrics.precision, metrics.npv]
    return [*map(percent, shares), f"{metrics.tp + metrics.fn:,}", f"{metrics.fp + metrics.tn:,}"]


def _level_lines(score: Score, width: int) -> list[str]:
    """The metrics by level, as many of them as fit, those first that come first."""
    shown: list[str] = []
    table = _level_table(score.levels, shown)
    for scored in score.metrics:
        if scored.here.low is None:
            continue
        wider = _level_table(score.levels, [*shown, scored.name])
        if shown and max(map(len, wider)) > width:
            break
        shown, table = [*shown, scored.name], wider
    hidden = [name_of(m.name) for m in score.metrics if m.name not in shown and m.here.low is not None]
    few = any(not level.metrics for level in score.levels)
    return [
        labelled("By", score.by),
        *table,
        "  p: whether the level differs from all other rows, corrected for the number of levels (Holm)",
        *([f"  levels of fewer than {FEWEST_ROWS} rows have no figures"] if few else []),
        *([f"  in --json too: {', '.join(hidden)}"] if hidden else []),
    ]


def _level_table(levels: Sequence[LevelScore], names: Sequence[str]) -> list[str]:
    heads = [head for name in names for head in (name_of(name), "", "p")]
    rows = [["level", "rows", *heads]]
    for level in levels:
        cells = [cell for name in names for cell in _level_cells(level, name)]
        rows.append([_cut(level.level), f"{level.n_rows:,}", *cells])
    return aligned(rows, to_right=[1, *(2 + 3 * i for i in range(len(names))), *(4 + 3 * i for i in range(len(names)))])


def _level_cells(level: LevelScore, name: str) -> list[str]:
    if name not in level.metrics:
        return ["", "", ""]
    measure, own = find_measure(name), level.metrics[name]
    return [number(measure, own.metric.value), bounds(measure, own.metric), show_p(own.difference.p_value if own.difference else None)]


def _drift_lines(score: Score, top: int) -> list[str]:
    drifted = [drift for drift in score.drifts if drift.drifted]
    if not score.drifts:
        return []
    n_columns = len(score.drifts)
    if not drifted:
        return [labelled("Drift", f"no column of {n_columns} is distributed otherwise than in training by more than chance explains")]
    tested = any(drift.p_value is not None for drift in score.drifts)
    how = "p corrected for their number (Holm)" if tested else "not tested, because rows depend on each other: index above 0.25"
    rows = [["column", "index", "by chance", "p", "answers move", "", "what changed"]]
    rows += [_drift_cells(drift) for drift in drifted[:top]]
    more = len(drifted) - top
    return [
        *_wrap("Drift", f"{len(drifted)} of {n_columns} columns are distributed otherwise than in training; {how}"),
        *aligned(rows, to_right=[1, 2, 3, 4]),
        *([f"  ({more} more; --top {len(drifted)} shows them)"] if more > 0 else []),
        *textwrap.wrap(
            "index: population stability index over twentieths or levels; answers move: how far, on average, if the column were "
            "distributed as in training and the others as here, with its direction",
            _WIDEST_LINE,
            initial_indent="  ",
            subsequent_indent="    ",
        ),
    ]


def _drift_cells(drift: Drift) -> list[str]:
    moved = "" if drift.moved is None else compact(drift.moved)
    way = "" if drift.shift is None or drift.moved is None else f"({'+' if drift.shift > 0 else ''}{compact(drift.shift)})"
    words = [drift.change]
    if drift.outside:
        words.append(f"{100 * drift.outside:.1f} % outside what training held")
    if abs(drift.missing - drift.missing_in_training) >= 0.01:
        words.append(f"missing {100 * drift.missing_in_training:.1f} % -> {100 * drift.missing:.1f} %")
    if drift.matters is False:
        words.append("but the answers hardly use it")
    p = show_p(drift.p_value)
    return [_cut(drift.feature), f"{drift.stability_index:.3f}", f"{drift.by_chance:.3f}", p, moved, way, printable("; ".join(words))]


def _cut(name: str) -> str:
    name = printable(name)
    return name if len(name) <= _WIDEST_NAME else f"{name[: _WIDEST_NAME - 1]}…"
