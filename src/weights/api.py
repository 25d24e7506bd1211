"""The verbs: `fit`, `load`, `plan_fit`. Wiring only: what is computed has its home elsewhere.

`fit` gives a `Model`, which predicts from the user's own tables and saves itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from weights.acting import refuse_foreign_options
from weights.data.dataset import Dataset, Feature, describe
from weights.data.examples import EXAMPLES
from weights.data.glance import Glance, look_at
from weights.data.table.delimited import remarks_of
from weights.data.table.read import PARTS, describe_source, part_of, read_table
from weights.data.table.rownumbers import kept_numbers
from weights.ensemble import Ensemble, Origin
from weights.errors import TooLargeError, UsageError, printable
from weights.finance.fitting import PricePlan
from weights.finance.forecaster import PriceForecaster
from weights.finance.planning import plan_prices
from weights.fitoptions import Request, asks_to_merge, make_request, takes_options
from weights.forecasting.forecaster import Forecaster
from weights.forecasting.plan import ForecastPlan
from weights.forecasting.planning import plan_forecast
from weights.forecasts import ForecastModel, run_forecast
from weights.interruption import stoppable
from weights.model import Model
from weights.prepared import GivenRows, Prepared
from weights.preparing import (
    can_stream,
    decide,
    find_block_columns,
    find_source_kind,
    name_roles,
    read_streamed,
    read_whole,
)
from weights.pricemodel import PriceModel, run_prices
from weights.rating.planning import RatingPlan, plan_rating
from weights.rating.rater import Rater
from weights.ratings import RatingModel, run_rating
from weights.recommendations import RankingModel, run_ranking
from weights.recommending.plan import RankingPlan
from weights.recommending.planning import plan_ranking
from weights.recommending.recommender import Recommender
from weights.running import OnProgress, report_reading, run
from weights.spec import list_settings
from weights.store.format import load as load_saved
from weights.store.userrecords import UserRecords
from weights.tasks.base import Task
from weights.training.compiling import keep_compiled_programs
from weights.types import Params

AnyModel = Model | ForecastModel | PriceModel | RankingModel | RatingModel
"""What a fit gives: of rows, of series, of prices, or of interactions."""
AnyPlan = Prepared | ForecastPlan | PricePlan | RankingPlan | RatingPlan
"""A fit that is ready to start."""


@takes_options(list_settings())
@stoppable
def fit(
    data: Any,
    target: Any = None,
    *,
    save: Any = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: OnProgress = None,
    **more: Any,
) -> AnyModel:
    """Train an ensemble, or, with ``task="forecast"``, learn to forecast series.

    Args:
        data: path, `Sheet` or `Query`, bundled example, data frame, mapping of columns, or array of features (n, p) or of pictures
            (n, h, w, c).
        target: label of the target column, or the target itself, n values; of a forecast one label or several. A bundled example knows
            its own.
        save: folder to save to; also the place of checkpoints, so that an interrupted fit can be resumed.
        resume: continue the interrupted fit whose checkpoint lies beside `save`.
        overwrite: whether a run of other data or another target that the folder holds may go; one of the same is replaced.
        progress: called with a `Progress` after each round.
        {options}
        hidden, activation, penalty, ...: settings of the model, the five elements and the members; None leaves them to Weights
            (of clip_norm: no limit).
        **more: settings by the names of their sections, such as ``{"members.share": 0.5}``, and those of models of pictures.

    `plan_fit` says more of each.

    Returns:
        The fitted model.

    Raises:
        UsageError, NotFoundError, DataError: see `plan_fit`.
        TrainingError: every member failed.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP, once the checkpoint was written.
        KeyboardInterrupt: the same where there was nothing to keep, or where that took more than a second and a half.
        StorageError: the disk is full, read-only or failing; what was saved before is as it was.
        CorruptError: the checkpoint to resume from is damaged.

    Example:
        >>> model = fit("wine", model="linear", members=8)
        >>> round(model.metrics["accuracy"], 1)
        1.0
    """
    return run_fit(plan_fit(data, target, progress=progress, **more), save=save, resume=resume, overwrite=overwrite, progress=progress)


@stoppable
def plan_fit(data: Any, target: Any = None, *, progress: OnProgress = None, **options: Any) -> AnyPlan:
    """Read the data and decide what would be trained, without training.

    Args:
        data: as `fit`.
        target: as `fit`.
        progress: called with the share of pictures that has been read.
        **options: what is said of the data and of the fit, and any setting.

    Of the data (`weights.fitoptions.DataOptions`):
        task: binary, multiclass, regression, count, transcript, forecast or ranking; found from the target if not given, but for the last
            three.
        drop: columns to leave out, by their labels, which need not be text.
        kinds: column -> numeric, boolean, category or datetime, instead of what is found.
        missing: further words that mean "no value".
        keep: words that text files mean "no value" by, such as None and NA, and that are labels here, of the target and of categories;
            "all" for all of them. In columns of numbers and dates they still mean "no value".
        group: column, or n values, whose equal values stay on one side of every split.
        time: column, or n values, that orders rows; members are then scored on rows later than those they learned from. Of a forecast
            the column of moments: dates, times or numbers; without, rows are steps.
        series: of a forecast, the column that says which series a row is of.
        known: of a forecast, columns of numbers whose later values are known when it is made, such as holidays or prices.
        horizon: of a forecast, how many steps ahead.
        quantity: what of prices is forecast (``--as``): returns, log-returns, volatility, direction or drawdown; the values themselves if
            not given.
        user: of recommendations, the column of ids of who did something.
        item: of recommendations, the column of ids of what they did it with.
        value: of recommendations, a column of ratings or counts: above zero something was taken, zero is an item that was shown and not
            taken, below zero one that was refused. Without, every event counts alike.
        items: of recommendations, a table with a row for each item there is: what it is called, and what else is known of it.
        users: of recommendations, a table with a row for each user, and what is known of them.
        repeats: of recommendations, what counts of several events of a user and an item: sum or last; last of ratings if not given.
        protocol: of recommendations, what lists are judged by: time, last, random or users
            (`weights.data.interactions.splits.PROTOCOLS`); time if events have times, otherwise random.
        split: column, or n values, that says train, val or test; what is said to be test is not learned from, but judged at the end.
            Folders and .npz files of pictures that are split so say it themselves.
        picture_size: height and width that pictures get, 8 to 512; by default theirs, if all have one of at most 64, and
            otherwise a square of the larger side that half of them have, at most 64.
        sample_rate: samples a second that recordings get, 1,000 to 48,000; by default the commonest rate, at most 16,000.
        recording_seconds: that recordings get, at most 60; by default time for 99 in 100 of them, silence at the ends left out, at most
            4. Of longer ones the loudest stretch is read.
        sample_weight: column of row weights, or n numbers.
        class_weight: "balanced", or label -> factor.
        positive: of two classes the one whose probability and odds are spoken of, in the run and all that is asked of it; the later of them
            in order if not given.
        classes: names of the whole numbers in the target, in their order, or number -> name; for labels of pictures in an .npz or array,
            and any other.
        clip: bound of the smooth clip of scaled numbers, where networks, or rows far out, need one; None for none.
        copies: "merge" makes rows that stand in the table several times one row of their summed weight, leaves out rows of weight
            zero, and lets the order of rows play no part (data/table/duplicates.py); "keep" takes rows as they come.
        sheet: of a workbook, where several hold cells; the same as data=Sheet(data, sheet).
        query: one select; data is then the path of a SQLite database, or a connection. The same as data=Query(query, data).

    Of the fit (`weights.fitoptions.FitOptions`):
        model: one of `weights.models.registry.ARCHITECTURES`; auto trains those that read what the rows hold (linear and mlp columns,
            convolution pictures, and columns beside them) and stacks their answers, each with the weight that out-of-bag rows give it.
        members: how many are trained, 32 if not given, and 8 of pictures. With auto each population gets an equal part, rounded up, but
            at least one for each fold (or all of them, if they are fewer); one that gets no weight in the answers is not kept.
        budget: about the longest that training should take: seconds, or a text such as "5m".
        seed: of everything random.
        threads: members in work at the same time; all cores if not given. The result does not depend on it.
        inspect: whether to estimate feature weights afterwards (`Model.summary`); if not said, of at most 2,000
            features.
        search: setting -> values to search among.

    Settings: any of the five elements, the model or the members, such as ``activation="gelu"``, ``learning_rate=0.01``,
    ``hidden=(64, 64)``; those of several owners as ``{"members.share": 0.5}`` with ``**``.

    Raises:
        NotFoundError: a file or column does not exist.
        DataError: the data cannot be used as asked.
        UsageError: an option or setting is not known, or options contradict each other.
    """
    request = make_request(target, options)
    if (plan := _PLANS.get(request.data.task or "")) is not None:
        return plan(data, request)
    return plan_rows(data, target, options, progress=progress)


def _plan_series(data: Any, request: Request) -> AnyPlan:
    """What is forecast: series, or prices."""
    return plan_forecast(data, request) if request.data.quantity is None else plan_prices(data, request)


def plan_rows(
    data: Any, target: Any, options: Mapping[str, Any], *, progress: OnProgress = None, see: Callable[[pa.Table], None] = lambda table: None
) -> Prepared:
    """As `plan_fit`, of rows; `see` is shown the table as it was read, before it is let go, where it is one that fits into memory."""
    request = make_request(target, options)
    refuse_foreign_options(request.data)
    said, merge = request.data, asks_to_merge(request.data.copies)
    data = part_of(data, said)
    roles, apart = name_roles(data, said)
    given = GivenRows(data, apart)

    def prepared(dataset: Dataset) -> Prepared:
        # The weights that copies were merged into are no column of the rows, and pictures in parts say themselves which part they are.
        unsaid = {role: getattr(roles, role) for role in ("sample_weight", "split") if role not in apart}
        named = msgspec.structs.replace(dataset.roles, **unsaid)
        return decide(dataset, request, Origin(given.source, named, merge), given)

    try:
        return prepared(read_whole(given, roles, merge=merge, report_progress=report_reading(progress), see=see))
    except TooLargeError as error:
        if not can_stream(data):
            raise TooLargeError(f"{error} Rows of a Parquet file are streamed from it, however many.") from error
    # Outside of the handler, whose error would keep alive what has been read.
    return prepared(read_streamed(Path(data), roles, apart, merge=merge, seed=request.fit.seed))


def run_rows(
    prepared: Prepared,
    *,
    save: Any = None,
    resume: bool = False,
    overwrite: bool = False,
    progress: OnProgress = None,
    trained: Mapping[str, Sequence[Params | None]] | None = None,
) -> Model:
    """Train what `plan_rows` prepared; arguments and errors as `fit`, `trained` as `Control` has it."""
    ensemble = run(prepared, save=save, resume=resume, overwrite=overwrite, progress=progress, trained=trained)
    return Model(ensemble, prepared.given)


_PLANS: dict[str, Callable[[Any, Request], AnyPlan]] = {"forecast": _plan_series, "ranking": plan_ranking, "rating": plan_rating}
"""What plans the tasks that answer no rows."""
_RUNS: dict[type, Callable[..., AnyModel]] = {
    Prepared: run_rows,
    ForecastPlan: run_forecast,
    PricePlan: run_prices,
    RankingPlan: run_ranking,
    RatingPlan: run_rating,
}


def run_fit(prepared: AnyPlan, **options: Any) -> AnyModel:
    """Train what `plan_fit` prepared; options and errors as `fit`."""
    return _RUNS[type(prepared)](prepared, **options)


class Look(msgspec.Struct, frozen=True):
    """What a table holds, before anything is fitted.

    Attributes:
        source: where it came from. n_samples: its rows.
        features: its columns but the target.
        task: what the target asks for; None while none is named.
        remarks: sentences about what was ignored or repaired.
        columns: what is in each column, the target first if one is named; none of a table that does not fit into memory.
    """

    source: str
    n_samples: int
    features: list[Feature]
    task: Task | None
    remarks: list[str]
    columns: list[Glance] = []


@stoppable
def look(data: Any, target: Any = None, **options: Any) -> Look:
    """The columns of a table with their kinds and what they hold, and, with a target, the task and notes.

    Args:
        data: as `fit`.
        target: as `fit`.
        **options: those of the data, as `plan_fit`.
    """
    said = make_request(target, options).data
    data = part_of(data, said)
    options = {name: value for name, value in options.items() if name not in PARTS}
    without_rows = said.task in _PLANS
    if not without_rows and (target is not None or find_source_kind(data) or (isinstance(data, str) and data in EXAMPLES)):
        tables: list[pa.Table] = []
        prepared = plan_rows(data, target, options, see=tables.append)
        dataset, task = prepared.dataset, prepared.task
        kind, kept = "numeric" if task.numeric else "category", dataset.roles.keep
        of_target = look_at(pa.table({task.target: dataset.target}), task.target, kind, kept=kept)
        learned = [table.filter(task.knows(table[task.target])) if task.target in table.column_names else table for table in tables]
        columns = _glances(learned[0], dataset.features, kept) if learned and dataset.streamed is None else []
        return Look(dataset.source, dataset.n_samples, dataset.features, task, prepared.remarks, [of_target, *columns])
    roles, _ = name_roles(data, said)
    table = read_table(data, **roles.wording)
    names = [name for name in table.column_names if name not in roles.drop]
    found = {column: kind for kind, column in find_block_columns(table, data, roles, ()).items()}
    features = [describe(table, name, (roles.kinds | found).get(name), kept_numbers(table)) for name in names]
    remarks = [*remarks_of(table), *([] if without_rows else ["no target was named (--target)"])]
    return Look(printable(describe_source(data)), table.num_rows, features, None, remarks, _glances(table, features, roles.keep))


def _glances(table: pa.Table, features: list[Feature], kept: Collection[str]) -> list[Glance]:
    """What is in each column that the table has; words that were kept are levels like others."""
    return [look_at(table, f.name, f.kind, note=f.note, kept=kept) for f in features if f.name in table.column_names]


def load(folder: Any) -> AnyModel:
    """The model that `save` wrote to a folder.

    Raises:
        NotFoundError: there is no such folder, or it holds no run.
        CorruptError: it is damaged; the message says where.
        StorageError: the disk or its permissions do not let it be read.
    """
    keep_compiled_programs()
    saved = load_saved(Path(folder))
    return _MODELS[type(saved)](saved, Path(folder))


def load_rows(folder: Any) -> Model:
    """As `load`, of a run that answers rows.

    Raises:
        UsageError: it answers none.
    """
    model = load(folder)
    if not isinstance(model, Model):
        raise UsageError(f"This needs a run that answers rows, but '{printable(str(folder))}' is of {model.subject}: see weights show.")
    return model


_MODELS: dict[type, Callable[[Any, Path], AnyModel]] = {
    Ensemble: lambda saved, folder: Model(saved),
    Forecaster: lambda saved, folder: ForecastModel(saved),
    PriceForecaster: lambda saved, folder: PriceModel(saved),
    Recommender: lambda saved, folder: RankingModel(saved, UserRecords(folder)),
    Rater: lambda saved, folder: RatingModel(saved),
}
"""By what was saved, what takes the user's own rows; of what lies in a folder beside it, it knows where."""


diagnose, compare, improve, check_intervals, read_again = (
    Model.diagnose,
    Model.compare,
    Model.improve,
    Model.check_intervals,
    Model.read_again,
)
"""What a model is asked on its rows of training, as functions of the model."""
