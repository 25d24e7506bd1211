"""Saved runs as lines of a table."""

from __future__ import annotations

from collections.abc import Sequence

from weights.errors import printable
from weights.store.listing import SavedRun
from weights.summary import bounds, number
from weights.tables import aligned
from weights.tasks.metrics import find_measure


def run_lines(saved: Sequence[SavedRun], folder: str) -> list[str]:
    """A table of runs: where, of which data and target, with which models, how good, and when."""
    if not saved:
        return [f"There are no saved runs in {printable(folder)}. `weights fit` saves to runs/, `weights runs FOLDER` looks elsewhere."]
    ways = {run.judged for run in saved if run.value is not None}
    rows = [["run", "data", "target", "rows", "models", *(ways if len(ways) == 1 else ["judged"]), "", "created (UTC)"]]
    for run in saved:
        if run.value is None:
            said = "unfinished" if run.unfinished else "cannot be read" if run.damaged else printable(run.data)
            rows.append([printable(run.run), said, *[""] * 5, run.created[:16].replace("T", " ")])
            continue
        measure = find_measure(run.metric)
        title = measure.title or run.metric.replace("_", " ")
        judged = f" {run.judged}" if len(ways) > 1 else ""
        quality = [f"{title} {number(measure, run.value.value)}{judged}", bounds(measure, run.value)]
        told = [printable(run.run), printable(run.data), printable(run.target), f"{run.n_samples:,}", ", ".join(run.models)]
        rows.append([*told, *quality, run.created[:16].replace("T", " ")])
    lines = [f"  {line}".rstrip() for line in aligned(rows, to_right=[3])]
    lines += [f"  {printable(run.run)}: {run.damaged}" for run in saved if run.damaged]
    if any(run.unfinished for run in saved):
        lines.append("  Unfinished fits go on with their command and --resume; `weights rm` removes what they have left.")
    return lines
