"""What a person sees in a terminal: aligned lines of text, and progress with the time left.

Functions return lines (`overview`, `plan_lines`, `result_lines`, `run_lines`, ...), so that they can be tested and
looked at; `progress_bar` alone writes, to standard error.
"""

from __future__ import annotations

import shlex
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from weights.data.dataset import Dataset, Feature
from weights.data.table.columns import TABLE_KINDS
from weights.dependence import FEW_UNITS
from weights.ensemble import Ensemble, Predictions, Report, most_kept
from weights.inspection.classes import OperatingPoint
from weights.interruption import undone
from weights.scoring.lines import point_cells
from weights.summary import LABEL, bounds, labelled, number
from weights.tables import aligned
from weights.tasks.base import Task
from weights.tasks.metrics import UNLISTED, Measure
from weights.training.control import Progress, Stages
from weights.training.plan import Plan
from weights.transcribing.listening import hears_words
from weights.verdicts import Usefulness

_PLAIN_EVERY_SECONDS = 10.0
_MOST_NOTED = 8
"""Lines of remarks on columns; what does not fit is counted in the last of them, so that it stands for two at least."""
_BAR_WIDTH = 16
"""Of 80 columns, beside names, times and losses."""
_QUICK_SECONDS = 1.0
"""What is done sooner shows no bar."""


def note_lines(notes: Iterable[str]) -> list[str]:
    """A line for each note, the first with the label."""
    return [labelled("" if i else "notes", note) for i, note in enumerate(notes)]


def overview(dataset: Dataset, task: Task, remarks: list[str]) -> list[str]:
    """What was read: rows, kinds of columns, the target, ignored columns and notes."""
    lines = [labelled(dataset.source, f"{dataset.n_samples:,} rows, {_inputs(dataset)}; {_target(task, dataset)}")]
    ignored = [f"{f.name} ({f.kind}{': ' + f.note if f.note else ''})" for f in dataset.features if not f.used]
    if ignored:
        more = f", and {len(ignored) - 6} more (`weights data` lists all)" if len(ignored) > 6 else ""
        lines.append(labelled("ignored", ", ".join(ignored[:6]) + more))
    noted = [f"{f.name}: {f.note}" for f in dataset.used_features if f.note and f.kind in TABLE_KINDS]
    if len(noted) > _MOST_NOTED:
        noted = [*noted[: _MOST_NOTED - 1], f"and {len(noted) - _MOST_NOTED + 1} more columns with a remark (`weights data` lists all)"]
    return [*lines, *note_lines([*remarks, *noted])]


def plan_lines(plans: list[Plan], n_races: int = 0, weighing_seconds: float = 0.0) -> list[str]:
    """What will be trained, and what it and estimating feature weights will take."""
    lines = []
    for i, plan in enumerate(plans):
        how = f"{plan.n_steps:,} steps of {plan.batch_size} rows each" if plan.n_steps else "solved exactly"
        size = f"{plan.n_members} members, {plan.n_weights:,} weights"
        takes = f"about {duration(plan.seconds)}, {plan.gigabytes:.1f} GB"
        lines.append(labelled("plan" if i == 0 else "", f"{plan.model}: {size}, {how}; {takes}"))
    if n_races:
        lines.append(labelled("", f"before that, a race of {n_races} candidates"))
    if weighing_seconds:
        lines.append(labelled("", f"feature weights: about {duration(weighing_seconds)}"))
    return lines


def result_lines(ensemble: Ensemble) -> list[str]:
    """The outcome of a fit: model, and metrics with their doubt beside the other models'."""
    report = ensemble.report
    lines = [labelled("Result", f"{model_name(ensemble)}, {_members(ensemble)}, {duration(report.seconds)}")]
    lines += metric_lines(report, model_name(ensemble), ensemble.task.metrics)
    lines.append(f"  on rows that the members who score them never saw; [{interval_words(report.usefulness)}]")
    if report.searches:
        n_candidates = sum(len(candidates) for candidates in report.searches.values())
        lines.append(f"  settings were the best of {n_candidates} on these same rows, so the figures are slightly optimistic")
    if report.decision:
        lines.append(labelled("Why", report.decision))
    lines += search_lines(report)
    if report.failures:
        member, reason = next(iter(report.failures.items()))
        lines.append(labelled("Failed", f"{len(report.failures)} members, left out (member {member}: {reason})"))
    return lines


def next_lines(saved: Path | None, ensemble: Ensemble) -> list[str]:
    """Where a run was saved and what to do with it."""
    if ensemble.encoding.columns:
        steps = [*(["summary {run}"] if ensemble.report.is_weighed else []), "diagnose {run}", "predict {run} NEW.csv"]
        return saved_lines(saved, steps)
    task = ensemble.task
    heard = ["transcribe {run} NEW.wav"] if hears_words(ensemble) else []
    steps = [*heard, *ensemble.encoding.kinds[0].next_steps(bool(task.classes))]
    return saved_lines(saved, [step for step in steps if task.decomposes or not step.startswith("diagnose")])


def saved_lines(saved: Path | None, steps: Iterable[str]) -> list[str]:
    """Where a run was saved, and commands that may follow, in which `{run}` stands for it."""
    if saved is None:
        return [labelled("Saved", "nowhere, because of --no-save")]
    run = shlex.quote(f"./{saved}" if str(saved).startswith("-") else str(saved))
    commands = [f"weights {step}".replace("{run}", run) for step in steps]
    return [labelled("Saved", f"in {saved}"), labelled("Next", "     ".join(commands))]


def metric_lines(
    report: Report, model: str, measures: Mapping[str, Measure], *, judged: str = "out of bag", counted: str = "rows"
) -> list[str]:
    """A table: each metric with its interval, and the same metric of the models it was compared with.

    Args:
        report: of a fit.
        model: what answers.
        measures: metrics by name.
        judged: how it was judged.
        counted: what the test is counted in.
    """
    others = [name for name in report.compared if name != model]
    tested = [f"test, {report.n_test:,} {counted}", ""] if report.test else []
    rows = [[judged, model, "", *others, *tested]]
    for name, metric in report.metrics.items():
        measure = measures.get(name, UNLISTED)
        beside = [number(measure, report.compared[other][name].value) for other in others]
        known = report.test.get(name)
        apart = [number(measure, known.value), bounds(measure, known)] if known else ["", ""] if tested else []
        rows.append([measure.title or name.replace("_", " "), number(measure, metric.value), bounds(measure, metric), *beside, *apart])
    n_numbers = len(others) + bool(tested)
    return aligned(rows, to_right=[1, *range(3, 3 + n_numbers)])


def interval_words(usefulness: Usefulness | None) -> str:
    """Over the choice of what the 95 % intervals of metrics are, and how many of these there are."""
    if usefulness is None:
        return "95 % interval over the choice of rows, or of groups with --group"
    n_units = round(usefulness.n_units)
    few = ", which are few" if n_units < FEW_UNITS else ""
    if usefulness.unit == "moments":
        if usefulness.low is None:
            return "no intervals: the moments are too few to tell how those near each other depend"
        alike = f"near ones in time are alike: {usefulness.n_rows:,} rows tell as much as about {n_units:,} independent ones"
        return f"95 % interval for rows of which {alike}{few}"
    return f"95 % interval over the choice of {n_units:,} {usefulness.unit}{few}"


def operating_lines(point: OperatingPoint, ensemble: Ensemble) -> list[str]:
    """The threshold that finds a share of a class, and how it fares; a note on the rows, and the warning that runs of pictures carry."""
    note = thinning(ensemble.oob_predictions)
    rows = [["", "sensitivity", "specificity", "rightly found (PPV)", "rightly left (NPV)", "rows of it", "others"]]
    for name, metrics in (("out of bag", point.out_of_bag), ("test", point.test)):
        if metrics is not None:
            rows.append([name, *point_cells(metrics)])
    n_known, threshold = point.out_of_bag.tp + point.out_of_bag.fn, point.rounded_threshold
    if not point.out_of_bag.fn:
        note = f"{n_known:,} rows of it are too few to distinguish {100 * point.asked:.6g} % from all; {note}".rstrip("; ")
    return [
        labelled(
            "Finding",
            f"{point.label}: at least {100 * point.asked:.6g} % of its {n_known:,} rows here have a probability of {threshold} or more",
        ),
        *aligned(rows, to_right=[5, 6]),
        "  [95 % interval for rows like these; that of the sensitivity allows for the threshold having been chosen on them]",
        f"  rightly found and left hold where {point.label} is as frequent as here, {point.out_of_bag.frequency:.1%} of rows",
        *([f"  {note}"] if note else []),
        *([f"  {note}"] if (note := ensemble.encoding.disclaimer) else []),
    ]


def thinning(predictions: Predictions | None) -> str:
    """A sentence where not all rows were kept; nothing otherwise."""
    if predictions is None or len(predictions.y) < (most := most_kept(predictions.prediction)):
        return ""
    whole = ", rare classes whole" if predictions.prediction.ndim > 1 else ""
    return f"Of {most:,} rows drawn at random{whole}."


def search_lines(report: Report) -> list[str]:
    """How the candidates of a search fared, best first."""
    lines = []
    for model, candidates in report.searches.items():
        lines.append(labelled("Search", f"{len(candidates)} candidates for {model}; loss out of bag, share of the run given"))
        for candidate in candidates[:12]:
            loss = "failed" if candidate.loss is None else f"{candidate.loss:.4f}"
            lines.append(f"  {candidate.label:<44}{loss:>10}{candidate.share:>8.0%}{'   chosen' if candidate.won else ''}")
    return lines


def run_lines(ensemble: Ensemble, folder: Path) -> list[str]:
    """Everything about a saved run: what it answers, how good it is, the five elements and what was recorded of them."""
    report, task = ensemble.report, ensemble.task
    answers = f"{task.kind}: {task.target}" + (f" ({', '.join(str(label) for label in task.classes[:8])})" if task.classes else "")
    lines = [
        labelled(folder.name, answers),
        labelled(
            "made",
            f"{report.created[:19].replace('T', ' ')} from {report.source}, {report.n_samples:,} rows, {count_kinds(ensemble.features)}",
        ),
        labelled("model", f"{model_name(ensemble)}, {_members(ensemble)}, {duration(report.seconds)}"),
        *metric_lines(report, model_name(ensemble), task.metrics),
        f"  [{interval_words(report.usefulness)}]",
        *([labelled("why", report.decision)] if report.decision else []),
        *search_lines(report),
        *note_lines(report.remarks),
    ]
    if report.failures:
        lines.append(labelled("failed", "; ".join(f"member {m}: {reason}" for m, reason in report.failures.items())))
    return lines


def model_name(ensemble: Ensemble) -> str:
    """Name of the model that was trained, or of the one of several that answers alone; "stacked" where several answer."""
    compared, names = ensemble.report.compared, [population.name for population in ensemble.populations]
    trained = [name for name in compared if name != "constant"]
    if len(trained) == 1:
        return trained[0]
    return names[0] if len(names) == 1 and compared.get(names[0]) == ensemble.report.metrics else "stacked"


def duration(seconds: float) -> str:
    """A length of time in the unit a person would choose.

    Example:
        >>> duration(75)
        '1 min 15 s'
    """
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def sparkline(values: Any, low: float | None = None, high: float | None = None) -> str:
    """A curve as one line of block characters, lowest to highest; between these bounds, if they are given.

    Example:
        >>> sparkline([3, 2, 1])
        '█▄▁'
    """
    finite = np.asarray([value for value in values if np.isfinite(value)], float)
    if finite.size == 0:
        return ""
    low, high = finite.min() if low is None else low, finite.max() if high is None else high
    levels = np.zeros(len(finite)) if high == low else np.clip((finite - low) / (high - low), 0.0, 1.0)
    return "".join("▁▂▃▄▅▆▇█"[int(level * 7)] for level in levels)


@contextmanager
def progress_bar(
    *, quiet: bool, color: bool, stages: Mapping[str, float] = {}, transient: bool = False
) -> Iterator[Callable[[Progress], None]]:
    """A function to report progress to: one bar with the time left on a terminal, else a line every ten seconds.

    Stages share the bar, each by about how many seconds it takes; it never goes back, and ends at 100 % when all is done. It
    appears after a second, or with the first report, and vanishes again where there was none, or if it is `transient`.
    """
    if quiet:
        yield lambda progress: None
        return
    if sys.stderr.isatty():
        yield from _live_bar(color, stages, transient=transient)
    else:
        yield _plain_reports(stages)


def _live_bar(color: bool, stages: Mapping[str, float], *, transient: bool) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.progress import Task as Bar
    from rich.text import Text

    class _Times(ProgressColumn):
        """The time since the begin, and the time left, where it is known."""

        def render(self, task: Bar) -> Text:
            left = (", ", TimeRemainingColumn(compact=True).render(task), " left") if task.total and not task.finished else ()
            return Text.assemble(TimeElapsedColumn().render(task), *left)

    columns = (
        SpinnerColumn("line", style="none", finished_text=" "),
        TextColumn(f"{{task.description:<{LABEL - 3}}}"),
        BarColumn(_BAR_WIDTH),
        TextColumn("{task.fields[percent]:>5}"),
        _Times(),
        TextColumn("{task.fields[loss]}"),
    )
    bars, together = Bars(*columns, console=Console(stderr=True, no_color=not color), transient=True), Stages(stages)
    bar = bars.add_task("at work", total=None, loss="", percent="")
    first = threading.Timer(_QUICK_SECONDS, bars.start)
    first.daemon = True
    first.start()

    def show(share: float, name: str, loss: str) -> None:
        done = max(share, bars.tasks[0].completed)
        bars.update(bar, total=1.0, completed=done, percent=f"{done:.0%}".replace("%", " %"), description=name, loss=loss)

    def report(progress: Progress) -> None:
        first.cancel()
        bars.start()
        show(together.share(progress), progress.name, _loss(progress))

    def stop() -> None:
        first.cancel()
        bars.stop()

    with undone(stop):
        yield report
        if bars.tasks[0].total is not None:
            bars.live.transient = transient
            show(1.0, "done", bars.tasks[0].fields["loss"])


def _plain_reports(stages: Mapping[str, float]) -> Callable[[Progress], None]:
    last, together = time.monotonic(), Stages(stages)

    def report(progress: Progress) -> None:
        nonlocal last
        if time.monotonic() - last >= _PLAIN_EVERY_SECONDS:
            last = time.monotonic()
            share = f"{together.share(progress):.0%}"
            print(labelled("training", f"{progress.name} {share}  {_loss(progress)}".rstrip()), file=sys.stderr, flush=True)

    return report


def _members(ensemble: Ensemble) -> str:
    answering = sum(int((population.member_weights > 0).sum()) for population in ensemble.populations)
    some = f" ({answering} of them, which saw all rows, answer new ones)" if answering < ensemble.n_members else ""
    mixed = [f"{population.name} {share:.0%}" for population, share in zip(ensemble.populations, _shares(ensemble), strict=True)]
    parts = f" ({', '.join(mixed)})" if model_name(ensemble) == "stacked" else ""
    return f"{ensemble.n_members} members{parts}{some}"


def _shares(ensemble: Ensemble) -> list[float]:
    """Each population's part in the sum of stacking weights."""
    total = sum(population.stacking_weight for population in ensemble.populations)
    return [population.stacking_weight / total if total > 0 else 0.0 for population in ensemble.populations]


def _loss(progress: Progress) -> str:
    return "" if progress.loss is None or not np.isfinite(progress.loss) else f"out-of-bag loss {progress.loss:.4f}"


def _inputs(dataset: Dataset) -> str:
    encoding = dataset.encoding
    columns = [feature for feature in dataset.used_features if feature.kind in TABLE_KINDS]
    return ", ".join(filter(None, [count_kinds(columns) if columns else "", encoding.describe_blocks()]))


def count_kinds(features: list[Feature]) -> str:
    """How many columns of each kind there are that are used, in words."""
    counts = Counter(feature.kind for feature in features if feature.used)
    words = [f"{count} {kind}" for kind, count in counts.most_common()]
    return f"{', '.join(words)} column{'s' if sum(counts.values()) != 1 else ''}"


def _target(task: Task, dataset: Dataset) -> str:
    where = " in the sample" if dataset.streamed else ""
    return f"{task.target}: {task.describe(task.encode(dataset.target))}{where}"
