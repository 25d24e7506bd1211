"""Which stretches of whole series do the answers for some rows rest on?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

from weights.fitoptions import PartOptions
from weights.options import option
from weights.questions.question import Answer, Asker, Question, find_refusal

if TYPE_CHECKING:
    from weights.inspection.stretches import Stretches
    from weights.model import Model

_MOST_ROWS, _SHOWN = 20, 6
"""Rows that are looked at, and stretches of each that are printed (our choice)."""


class StretchesOptions(PartOptions, frozen=True):
    """Which rows are looked at."""

    source: Annotated[Any, option("The rows, of which the first 20 are looked at.", argument=True)]
    label: Annotated[
        str | None,
        option("The class whose log odds are explained; if not given, the second of two, or each row's most probable.", "LABEL", "--class"),
    ] = None


def ask_stretches(model: Model, options: StretchesOptions, asker: Asker) -> Answer:
    """What answers lose where a stretch of a series is hidden."""
    from weights.data.encoding import apply_encoding
    from weights.data.table.read import part_of
    from weights.inspection.stretches import find_stretches
    from weights.report.stretch_figures import stretches_figure
    from weights.tables import compact
    from weights.training.control import Progress

    ensemble = model.ensemble
    rows = model.read(part_of(options.source, options))
    notes = [f"the first {_MOST_ROWS} of {rows.num_rows:,} rows are looked at"] if rows.num_rows > _MOST_ROWS else []
    inputs = apply_encoding(ensemble.encoding, rows.slice(0, _MOST_ROWS))
    label = None if options.label is None else ensemble.task.class_number(options.label)
    found: list[Stretches] = []
    for i in range(len(inputs)):
        found.append(find_stretches(ensemble, inputs[i : i + 1], label=label))
        asker.progress(Progress("explaining", (i + 1) / len(inputs), None))
    target = ensemble.task.target
    of_class = [f"P({target} = {ensemble.task.label(of.label)})" if model.classes else target for of in found]
    titles = [f"Row {i + 1}: {words} {compact(of.prediction)}" for i, (words, of) in enumerate(zip(of_class, found, strict=True))]
    unit = "log odds" if model.classes else target
    return Answer(
        [_make_record(i, of, model) for i, of in enumerate(found)],
        _write_lines(found, titles, unit),
        stretches_figure(found, titles, unit),
        notes=notes,
        contents=f"stretches of {len(found):,} rows",
    )


def _make_record(number: int, found: Stretches, model: Model) -> dict[str, Any]:
    parts = [
        {"feature": part.feature, "first": part.begin + 1, "last": part.end, "change": part.change, "agreement": part.agreement}
        for part in found.stretches
    ]
    return {"row": number + 1, "class": model.ensemble.task.label(found.label), "prediction": found.prediction, "stretches": parts}


def _write_lines(found: list[Stretches], titles: list[str], unit: str) -> Iterator[str]:
    from weights.tables import aligned, compact

    for of, title in zip(found, titles, strict=True):
        yield title
        largest = sorted(of.stretches, key=lambda part: -abs(part.change))
        whole = max((abs(part.change) for part in largest), default=0.0)
        cells = [["", "values", f"{unit} lost", "", "members agree"]]
        for part in largest[:_SHOWN]:
            change = f"{'+' if part.change > 0 else ''}{compact(part.change)}"
            bar = ("+" if part.change > 0 else "-") * round(20 * abs(part.change) / whole) if whole else ""
            cells.append([part.feature, f"{part.begin + 1} to {part.end}", change, bar, f"{part.agreement:.0%}"])
        yield from (f"  {line}" for line in aligned(cells, to_right=[2]))
        if len(largest) > _SHOWN:
            yield f"  ({len(largest) - _SHOWN} more change it less)"


def refuse_stretches(model: Model) -> str:
    """Why a run has no stretches, or nothing."""
    from weights.inspection.stretches import check_series

    return find_refusal(lambda: check_series(model.ensemble))


STRETCHES = Question(
    name="stretches",
    help="""Say which stretches of their series the predictions for the rows of SOURCE rest on.

    Each twelfth of each series is hidden in turn, under a line between the values beside it: what the answer loses then is
    what only this stretch says.

    \b
      weights stretches runs/gestures new.parquet
      weights stretches runs/gestures new.parquet --output why.svg
    """,
    ask=ask_stretches,
    options=StretchesOptions,
    refuses=refuse_stretches,
    draws=lambda model: True,
    output="Draw the series with their stretches in a .png or .svg.",
    stages={"explaining": 1.0},
)
