"""What is the run: what it answers, how good it is, its five elements and their health; or one threshold of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec

from weights.errors import UsageError
from weights.options import option
from weights.questions.question import Answer, Asker, Question

if TYPE_CHECKING:
    from weights.model import Model


class ShowOptions(msgspec.Struct, frozen=True):
    """Whether all of the run is shown, or only a threshold."""

    sensitivity: Annotated[
        float | None,
        option("Only the threshold that finds this share of a class, and how it fares.", "SHARE"),
    ] = None
    label: Annotated[str | None, option("This class; the second of two if not given.", "LABEL", "--class")] = None


def ask_show(model: Model, options: ShowOptions, asker: Asker) -> Answer:
    """All that is known of a run, or its operating point."""
    from weights.report.json import health_object, run_object
    from weights.report.terminal import operating_lines

    check_class(options.label, options.sensitivity)
    if options.sensitivity is not None:
        point = model.operating_point(options.sensitivity, label=options.label)
        return Answer(point, operating_lines(point, model.ensemble))
    folder = Path(asker.run)
    return Answer({**run_object(model, folder), "health": health_object(model.ensemble)}, _write_lines(model, folder, asker.run))


def _write_lines(model: Model, folder: Path, run: str) -> Iterator[str]:
    from weights.report.diagnosis import decomposition_lines
    from weights.report.elements import element_lines, finding_lines
    from weights.report.terminal import run_lines
    from weights.report.usefulness import verdict_lines

    yield from run_lines(model.ensemble, folder)
    yield from verdict_lines(model.report.usefulness, run)
    if model.report.decomposition:
        yield from decomposition_lines(model.report.decomposition)
    for population in model.ensemble.populations:
        yield from element_lines(population, model.report.step_seconds)
    yield from finding_lines(model.findings())


def check_class(label: str | None, sensitivity: float | None) -> None:
    """Refuse a class to be found without the share of it."""
    if label is not None and sensitivity is None:
        said = "--class says whose rows are to be found, but how many was not said."
        raise UsageError(f"{said} Add --sensitivity, such as 0.95.")


SHOW = Question(
    name="show",
    help="""Show the run saved in RUN: what it answers, how good it is, and its five elements with the health of each
    layer.

    \b
      weights show runs/xray
      weights show runs/xray --sensitivity 0.95 --class ill
    """,
    ask=ask_show,
    options=ShowOptions,
)
