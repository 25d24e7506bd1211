"""What prices will do, how good forecasts of that are, what tells of it, and what it would have earned to go by it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from weights.errors import UsageError, counted
from weights.fitoptions import PartOptions
from weights.options import option
from weights.questions.forecasts import answer_steps, parse_levels
from weights.questions.question import Answer, Asker, NoOptions, Question
from weights.runoptions import TrainingRows

if TYPE_CHECKING:
    from weights.pricemodel import PriceModel


def ask_show(model: PriceModel, options: NoOptions, asker: Asker) -> Answer:
    """All that is known of a run."""
    from weights.report.prices import run_lines, run_object

    folder = Path(asker.run)
    return Answer(run_object(model, folder), run_lines(model, folder))


SHOW = Question(
    name="show",
    help="""Of a run of prices: what of them is forecast, by what, and how good that is beside what needs no model.""",
    ask=ask_show,
    subject="prices",
)


def refuse_summary(model: PriceModel) -> str:
    """Why there is nothing to sum up, or nothing."""
    asked = model.forecaster.drivers is not None
    return "" if asked else "What tells of prices was not measured in this fit. Fit again with inspection (without --no-inspect)."


class PriceSummaryOptions(msgspec.Struct, frozen=True):
    """How much is shown."""

    top: Annotated[int | None, option("At most so many variables.", "NUMBER")] = None


def ask_summary(model: PriceModel, options: PriceSummaryOptions, asker: Asker) -> Answer:
    """What tells of prices, as a record and as a table."""
    from weights.report.prices import driver_object

    if refusal := refuse_summary(model):
        raise UsageError(refusal)
    return Answer(driver_object(model.drivers), model.summary(top=options.top).lines())


SUMMARY = Question(
    name="summary",
    help="""Of a run of prices: which variable, known at a moment, tells of what came after it, how sure that is, and whether any does.

    \b
      weights summary runs/shares
    """,
    ask=ask_summary,
    options=PriceSummaryOptions,
    refuses=refuse_summary,
    subject="prices",
)


class PriceOptions(PartOptions, frozen=True):
    """How far ahead, after which rows, with which intervals."""

    horizon: Annotated[int | None, option("Steps ahead, at most those of the fit.", "STEPS")] = None
    after: Annotated[Any, option("Rows that came since the fit, or of a new series: looked at, not learned from.", "FILE")] = None
    level: Annotated[Any, option("Levels of the intervals, in per cent or as shares.", "LEVELS")] = "80,95"
    series: Annotated[str | None, option("Of this series only; drawn is the first if not given.", "NAME")] = None


def ask_forecast(model: PriceModel, options: PriceOptions, asker: Asker) -> Answer:
    """What is expected as a table, and that of a series drawn."""
    from weights.data.table.read import part_of
    from weights.report.forecast_figures import forecast_figure

    after = None if options.after is None else part_of(options.after, options)
    table = model.forecast(options.horizon, after=after, level=parse_levels(options.level, "--level"), series=options.series)
    return answer_steps(table, forecast_figure(table))


FORECAST = Question(
    name="forecast",
    help="""Of a run of prices: what is expected of them after each of the next steps.

    \b
      weights forecast runs/shares --series AAPL
      weights forecast runs/shares --after today.csv --output next.csv
    """,
    ask=ask_forecast,
    options=PriceOptions,
    caption="what came of a series and what is expected of its next steps",
    output="Write to a .csv, .parquet or .jsonl file instead of standard output.",
    subject="prices",
)


class PriceScoreOptions(PartOptions, frozen=True):
    """The later rows, and what trading costs."""

    source: Annotated[Any, option("The rows, with what came.", argument=True)]
    cost: Annotated[float, option("Of trading, as a share of what is traded, such as 0.001.", "SHARE")] = 0.0


def ask_score(model: PriceModel, options: PriceScoreOptions, asker: Asker) -> Answer:
    """The score as a record and as tables."""
    from weights.data.table.read import part_of

    score = model.score(part_of(options.source, options), cost=options.cost)
    return Answer(msgspec.to_builtins(score), score.lines(), notes=score.notes)


SCORE = Question(
    name="score",
    help="""Of a run of prices: judge it on later rows, from every moment whose steps all are among them, without learning again.

    \b
      weights score runs/shares later.csv
    """,
    ask=ask_score,
    options=PriceScoreOptions,
    subject="prices",
)


class PriceBacktestOptions(msgspec.Struct, frozen=True):
    """What is held out, how often it is learned again, and what trading costs."""

    hold_out: Annotated[int | None, option("Last moments that are held out; a fifth if not given.", "STEPS")] = None
    refit: Annotated[int | None, option("Learn again after so many moments; after the horizon, or two dozen times.", "STEPS")] = None
    cost: Annotated[float, option("Of trading, as a share of what is traded, such as 0.001.", "SHARE")] = 0.0
    level: Annotated[Any, option("Levels of the intervals, in per cent or as shares.", "LEVELS")] = "80,95"
    data: TrainingRows = None


def ask_backtest(model: PriceModel, options: PriceBacktestOptions, asker: Asker) -> Answer:
    """The score of what was held out as a record and as tables."""
    from weights.report.walk_figures import walk_figure

    levels = parse_levels(options.level, "--level")
    score = model.backtest(
        options.data, hold_out=options.hold_out, refit=options.refit, cost=options.cost, level=levels, progress=asker.progress
    )
    task = model.forecaster.task
    figure = walk_figure(
        f"{task.quantity} of {task.target}, {counted(task.horizon, 'step')} ahead: a walk forward", score.course, score.steps
    )
    return Answer(msgspec.to_builtins(score), score.lines(), figure, notes=score.notes)


BACKTEST = Question(
    name="backtest",
    help="""Of a run of prices: learn again and again from what was known, judge forecasts on what came next, and say what it would have
    earned to go by them (walk-forward).

    \b
      weights backtest runs/shares --cost 0.001
      weights backtest runs/shares --hold-out 504
    """,
    ask=ask_backtest,
    options=PriceBacktestOptions,
    caption="losses, coverage and what was earned, as time went on",
    stages={"walking forward": 1.0},
    subject="prices",
)
