"""How are numbers predicted: what came against it, what is left over, and do the intervals hold?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import msgspec

from weights.errors import DataError
from weights.options import option
from weights.questions.question import Answer, Asker, Question, describe_judged, find_refusal
from weights.runoptions import TrainingRows

if TYPE_CHECKING:
    from weights.inspection.values import Values
    from weights.model import Model

Test = Annotated[bool, option("The rows that were for the test, instead of those of training.")]


class NumberOptions(msgspec.Struct, frozen=True):
    """Whose answers are shown."""

    test: Test = False


def ask_predicted(model: Model, options: NumberOptions, asker: Asker) -> Answer:
    """What came against what was predicted."""
    from weights.inspection.values import part_values
    from weights.report.figures import title_figure
    from weights.report.number_figures import predicted_figure
    from weights.tables import aligned, compact

    values = find_values(model, test=options.test)
    parts = part_values(values)
    rows = [["predicted", "mean of what came", "", "rows"]]
    for part in parts:
        known = part.observed.low is not None and part.observed.high is not None
        bounds = f"[{compact(part.observed.low)} {compact(part.observed.high)}]" if known else ""
        rows.append([compact(part.predicted), compact(part.observed.value), bounds, f"{part.n:,}"])
    caption, title = describe_judged(model, test=options.test), title_figure(model.ensemble, "predicted and observed")
    return Answer(
        msgspec.to_builtins(parts), aligned(rows, to_right=[0, 1, 3]), predicted_figure(values, parts, title=title, caption=caption)
    )


def ask_residuals(model: Model, options: NumberOptions, asker: Asker) -> Answer:
    """How far values lie from what was predicted."""
    from weights.inspection.values import part_values
    from weights.report.figures import title_figure
    from weights.report.number_figures import residual_figure
    from weights.tables import aligned, compact

    values = find_values(model, test=options.test)
    parts = part_values(values)
    rows = [["predicted", "observed less predicted: lower quartile", "median", "upper quartile", "rows"]]
    rows += [[compact(part.predicted), *map(compact, part.residuals), f"{part.n:,}"] for part in parts]
    caption, title = describe_judged(model, test=options.test), title_figure(model.ensemble, "residuals")
    return Answer(
        msgspec.to_builtins(parts), aligned(rows, to_right=range(5)), residual_figure(values, parts, title=title, caption=caption)
    )


class IntervalOptions(msgspec.Struct, frozen=True):
    """Which intervals are tried, on whose rows."""

    level: Annotated[float, option("Level of the prediction intervals.", "SHARE")] = 0.9
    test: Test = False
    data: TrainingRows = None


def ask_intervals(model: Model, options: IntervalOptions, asker: Asker) -> Answer:
    """Prediction intervals beside what came, and how many of them held it."""
    from weights.conformal import check_level
    from weights.inspection.values import part_intervals
    from weights.report.figures import title_figure
    from weights.report.number_figures import interval_figure
    from weights.summary import percent
    from weights.tables import aligned, compact

    check_level(options.level)
    kept = model.predictions(test=options.test)
    dataset = model.read_again(options.data, asker.progress).dataset
    inputs = dataset.held_out.inputs if options.test and dataset.held_out is not None else dataset.inputs
    if kept.rows.max() >= len(inputs):
        raise DataError("The rows are not those the run was fitted to: there are fewer. Name the source of training with --data.")
    bounds = model.ensemble.bounds(kept.prediction, inputs[kept.rows], options.level)
    values = find_values(model, test=options.test)
    parts = part_intervals(values, bounds.low, bounds.high)
    name = f"{100 * options.level:g} % interval"
    rows = [["predicted", f"median {name}", "holds", "rows"]]
    rows += [[compact(part.predicted), f"{compact(part.low)} to {compact(part.high)}", percent(part.held), f"{part.n:,}"] for part in parts]
    own = (
        ""
        if options.test
        else (" As wide as it takes for these very rows together: what can be wrong is how wide for which. See weights score too.")
    )
    caption, title = f"{describe_judged(model, test=options.test)}{own}", title_figure(model.ensemble, f"{name}s")
    figure = interval_figure(values, (bounds.low, bounds.high), parts, level=options.level, title=title, caption=caption)
    return Answer(msgspec.to_builtins(parts), aligned(rows, to_right=[0, 3]), figure)


def find_values(model: Model, *, test: bool) -> Values:
    """The answers that were kept to rows whose number is known, in the target's unit.

    Raises:
        UsageError: the target has classes, or no such answers were kept.
    """
    from weights.inspection.values import Values

    model.ensemble.task.need_numbers("Numbers were needed", "See confusion and calibration.")
    kept = model.predictions(test=test)
    return Values(kept.prediction, model.ensemble.task.original(kept.y), kept.weight, kept.group)


def refuse_numbers(model: Model) -> str:
    """Why a run has no predicted numbers, or nothing."""
    return find_refusal(lambda: find_values(model, test=False))


PREDICTED = Question(
    name="predicted",
    help="""Compare numbers that came with those that were predicted.

    \b
      weights predicted runs/homes
      weights draw runs/homes predicted --output predicted.svg
    """,
    ask=ask_predicted,
    options=NumberOptions,
    refuses=refuse_numbers,
    caption="numbers that came against those predicted",
)
RESIDUALS = Question(
    name="residuals",
    help="""Say how far numbers lie from what was predicted, along the prediction.

    \b
      weights residuals runs/homes
      weights draw runs/homes residuals --output residuals.svg
    """,
    ask=ask_residuals,
    options=NumberOptions,
    refuses=refuse_numbers,
    caption="how far numbers lie from what was predicted",
)
INTERVALS = Question(
    name="intervals",
    help="""Say how wide prediction intervals are along the prediction, and how many of them held what came.

    The rows of training are read again, because what is expected of a row follows from its columns.

    \b
      weights intervals runs/homes --level 0.8
      weights draw runs/homes intervals --output intervals.svg
    """,
    ask=ask_intervals,
    options=IntervalOptions,
    refuses=refuse_numbers,
    caption="prediction intervals, and what they held",
)
