"""What comes next, how good forecasts are, what they are made of, and what drives them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import numpy as np

from weights.errors import UsageError, counted
from weights.fitoptions import PartOptions
from weights.options import option
from weights.questions.question import Answer, Asker, NoOptions, Question, find_refusal
from weights.runoptions import TrainingRows, Varied

if TYPE_CHECKING:
    from weights.forecasting.steps import ForecastTable
    from weights.forecasts import ForecastModel
    from weights.report.charts import Drawing


def parse_levels(text: Any, flag: str) -> list[float]:
    """Levels in per cent or as shares, separated by commas, or as numbers.

    Example:
        >>> parse_levels("80,95", "--level"), parse_levels("0.9", "--level")
        ([0.8, 0.95], [0.9])
    """
    try:
        numbers = [float(part) for part in (text.split(",") if isinstance(text, str) else np.atleast_1d(text))]
    except ValueError:
        raise UsageError(f"{flag} takes levels such as 80,95, but '{text}' came.") from None
    levels = [number / 100 if number > 1 else number for number in numbers]
    if any(level >= 1 for level in levels):
        raise UsageError(f"{flag} takes levels below 100 %, such as 80,95, but '{text}' came.")
    return levels


def ask_show(model: ForecastModel, options: NoOptions, asker: Asker) -> Answer:
    """All that is known of a run."""
    from weights.report.forecasts import run_lines, run_object

    folder = Path(asker.run)
    return Answer(run_object(model, folder), run_lines(model, folder))


SHOW = Question(
    name="show",
    help="""Of a run of forecasts: what is forecast, how good that is beside plain forecasts, and the regressions it is made of.""",
    ask=ask_show,
    subject="series",
)


class SummaryOptions(msgspec.Struct, frozen=True):
    """How much is shown."""

    top: Annotated[int | None, option("At most so many lags of each step, and columns.", "NUMBER")] = None


def ask_summary(model: ForecastModel, options: SummaryOptions, asker: Asker) -> Answer:
    """What drives forecasts, as records and as tables."""
    return Answer(msgspec.to_builtins(model.drivers), model.summary(top=options.top).lines())


SUMMARY = Question(
    name="summary",
    help="""Of a run of forecasts: which lag counts at which step ahead, and what columns add, and how sure that is.

    \b
      weights summary runs/oil
      weights summary runs/oil --top 20
    """,
    ask=ask_summary,
    options=SummaryOptions,
    refuses=lambda model: find_refusal(lambda: model.drivers),
    subject="series",
)


class ForecastOptions(PartOptions, frozen=True):
    """How far ahead, after which rows, with which intervals."""

    horizon: Annotated[int | None, option("Steps ahead, at most those of the fit.", "STEPS")] = None
    after: Annotated[Any, option("Rows that came since the fit, or of a new series: looked at, not learned from.", "FILE")] = None
    level: Annotated[Any, option("Levels of the intervals, in per cent or as shares.", "LEVELS")] = "80,95"
    series: Annotated[str | None, option("Of this series only; drawn is the first if not given.", "NAME")] = None
    target: Annotated[str | None, option("Of this target only; drawn is the first if not given.", "COLUMN")] = None
    total: Annotated[bool, option("The sum of the steps in place of each.")] = False


def ask_forecast(model: ForecastModel, options: ForecastOptions, asker: Asker) -> Answer:
    """The next steps as a table, and those of a series drawn."""
    from weights.data.table.read import part_of
    from weights.report.forecast_figures import forecast_figure, totals_figure

    after = None if options.after is None else part_of(options.after, options)
    levels = parse_levels(options.level, "--level")
    table = model.forecast(options.horizon, after=after, level=levels, series=options.series, target=options.target, total=options.total)
    return answer_steps(table, (totals_figure if options.total else forecast_figure)(table))


def answer_steps(table: ForecastTable, figure: Drawing | None) -> Answer:
    """Next steps as records, as lines and for a file."""
    n_rows = len(table["prediction"])
    return Answer(
        table.to_arrow().to_pylist(),
        table.table(notes=False).lines(),
        figure,
        notes=table.notes,
        table=table.to_arrow,
        counts={"n_steps": n_rows},
        contents=counted(n_rows, "forecast"),
    )


FORECAST = Question(
    name="forecast",
    help="""Forecast the next steps of the series that the run saved in RUN learned from.

    They follow the last of its rows, or the rows of --after, which go on with them.

    \b
      weights forecast runs/oil
      weights forecast runs/oil --horizon 24 --after today.csv --output next.csv
    """,
    ask=ask_forecast,
    options=ForecastOptions,
    caption="the last values of a series and its next steps with intervals",
    output="Write to a .csv, .parquet or .jsonl file instead of standard output.",
    subject="series",
)


class ScoreOptions(PartOptions, frozen=True):
    """The later rows."""

    source: Annotated[Any, option("The rows, with what came.", argument=True)]


def ask_score(model: ForecastModel, options: ScoreOptions, asker: Asker) -> Answer:
    """The score as a record and as tables."""
    from weights.data.table.read import part_of

    score = model.score(part_of(options.source, options))
    return Answer(msgspec.to_builtins(score), score.lines(), notes=score.notes)


SCORE = Question(
    name="score",
    help="""Of a run of forecasts: judge it on later rows, from every origin whose steps all are among them (walk-forward).

    \b
      weights score runs/oil later.csv
    """,
    ask=ask_score,
    options=ScoreOptions,
    subject="series",
)


class BacktestOptions(msgspec.Struct, frozen=True):
    """What is held out."""

    hold_out: Annotated[int | None, option("Last moments that are held out; a fifth, or five horizons, if not given.", "STEPS")] = None
    level: Annotated[Any, option("Levels of the intervals, in per cent or as shares.", "LEVELS")] = "80,95"
    data: TrainingRows = None


def ask_backtest(model: ForecastModel, options: BacktestOptions, asker: Asker) -> Answer:
    """The score of what was held out as a record and as tables."""
    from weights.report.walk_figures import walk_figure

    levels = parse_levels(options.level, "--level")
    score = model.backtest(options.data, hold_out=options.hold_out, level=levels, progress=asker.progress)
    task = model.forecaster.task
    figure = walk_figure(f"{task.target}, {counted(task.horizon, 'step')} ahead: a walk forward", score.course, score.steps)
    return Answer(msgspec.to_builtins(score), score.lines(), figure, notes=score.notes)


BACKTEST = Question(
    name="backtest",
    help="""Learn again without the last moments, and judge forecasts on these from every origin (walk-forward).

    \b
      weights backtest runs/oil
      weights backtest runs/oil --hold-out 2880
    """,
    ask=ask_backtest,
    options=BacktestOptions,
    caption="losses as time went on, and coverage by step",
    stages={"all series": 0.3, "each series": 1.0},
    subject="series",
)


_HeldOut = Annotated[int | None, option("Last moments that are held out; a quarter, 3,000 at most, if not given.", "STEPS")]


class DiagnoseOptions(msgspec.Struct, frozen=True):
    """What is held out."""

    hold_out: _HeldOut = None
    data: TrainingRows = None


def ask_diagnose(model: ForecastModel, options: DiagnoseOptions, asker: Asker) -> Answer:
    """A verdict with what was tried for it."""
    from weights.report.diagnosis import forecast_diagnosis_lines

    diagnosis = model.diagnose(options.data, hold_out=options.hold_out, progress=asker.progress)
    return Answer(msgspec.to_builtins(diagnosis), forecast_diagnosis_lines(diagnosis), notes=diagnosis.notes)


class CompareOptions(msgspec.Struct, frozen=True):
    """What is varied, and what is held out."""

    vary: Varied
    hold_out: _HeldOut = None
    data: TrainingRows = None


def ask_compare(model: ForecastModel, options: CompareOptions, asker: Asker) -> Answer:
    """Variants with their differences from the settings of the run."""
    from weights.report.diagnosis import forecast_comparison_lines

    comparison = model.compare(options.vary, options.data, hold_out=options.hold_out, progress=asker.progress)
    return Answer(msgspec.to_builtins(comparison), forecast_comparison_lines(comparison), notes=comparison.notes)


COMPARE = Question(
    name="compare",
    help="""Of a run of forecasts: learn it with other settings without the last moments, and judge all on these.

    Settings are lags, seasons, strengths, history, logs, columns, past, pooling, smoothing and network; all combinations are
    compared with the settings as they are.

    \b
      weights compare runs/oil --vary "lags=24;24,168;336" --vary network=yes,no
      weights compare runs/sales --vary "seasons=7;7,28" --vary logs=yes
    """,
    ask=ask_compare,
    options=CompareOptions,
    stages={"variants": 1.0},
    subject="series",
)


DIAGNOSE = Question(
    name="diagnose",
    help="""Of a run of forecasts: try what would make them better, learned without the last moments and judged on these.

    
      weights diagnose runs/oil
      weights diagnose runs/oil --hold-out 2880
    """,
    ask=ask_diagnose,
    options=DiagnoseOptions,
    stages={"trying changes": 1.0},
    subject="series",
)


class ExplainOptions(PartOptions, frozen=True):
    """Which steps of which series are explained, after which rows."""

    source: Annotated[Any, option("Rows that came since the fit.", argument=True)] = None
    series: Annotated[str | None, option("The series; the first if not given.", "NAME")] = None
    target: Annotated[str | None, option("The target; all if not given.", "COLUMN")] = None
    step: Annotated[int | None, option("The step ahead; the first and the last if not given.", "STEPS")] = None
    top: Annotated[int, option("At most so many parts.", "NUMBER")] = 10


def ask_explain(model: ForecastModel, options: ExplainOptions, asker: Asker) -> Answer:
    """What forecasts are made of, as records and as tables."""
    from weights.data.table.read import part_of
    from weights.report.forecasts import explained_lines, explained_table

    after = None if options.source is None else part_of(options.source, options)
    steps = None if options.step is None else [options.step]
    explained = model.explain(after, series=options.series, target=options.target, steps=steps)
    contents = counted(len(explained), "explained forecast")
    lines = explained_lines(explained, options.top)
    return Answer(msgspec.to_builtins(explained), lines, table=lambda: explained_table(explained), contents=contents)


EXPLAIN = Question(
    name="explain",
    help="""Of a run of forecasts: share out the next steps among lags and columns, beside the forecast from an average past.

    \b
      weights explain runs/oil
      weights explain runs/sales later.csv --series north --step 7
    """,
    ask=ask_explain,
    options=ExplainOptions,
    subject="series",
)


class LagsOptions(msgspec.Struct, frozen=True):
    """Whose weights are drawn."""

    series: Annotated[str | None, option("The series; the first if not given.", "NAME")] = None
    target: Annotated[str | None, option("The target; the first if not given.", "COLUMN")] = None


def ask_lags(model: ForecastModel, options: LagsOptions, asker: Asker) -> Answer:
    """The weights of lags by step ahead, as records and drawn."""
    from weights.report.forecast_figures import lag_figure

    unit = model.forecaster.units_of(options.series, options.target)[0]
    weights = model.forecaster.units.weights[unit]
    used = weights[: np.flatnonzero(weights.any(axis=1)).max(initial=0) + 1]  # the others have no weight
    lines = [
        f"  {counted(len(used), 'lag')}, {counted(weights.shape[1], 'step')} ahead of {model.forecaster.name(unit)}; see --json, or draw"
    ]
    return Answer({"series": model.forecaster.name(unit), "weights": weights.tolist()}, lines, lag_figure(model.forecaster, unit))


LAGS = Question(
    name="lags",
    help="""Give the weight of each lag in the forecast of each step, as it is used.

    \b
      weights lags runs/oil --json
      weights draw runs/oil lags --output lags.svg
    """,
    ask=ask_lags,
    options=LagsOptions,
    caption="the weight of each lag in the forecast of each step",
    subject="series",
)
