"""The verbs: `fit`, `load`, `plan_fit`. Wiring only: what is computed has its home elsewhere.

`fit` gives a `Model`, which predicts from the user's own tables and saves itself.
"""

from __future__ import annotations

import functools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

import weights
from weights.checking import Check
from weights.checking import check_intervals as try_intervals
from weights.data.dataset import Dataset, Feature, Roles, describe, parse_kinds
from weights.data.delimited import remark_of, remarks_of
from weights.data.encoding import apply_encoding, unfamiliar
from weights.data.examples import EXAMPLES
from weights.data.picturecolumns import read_new
from weights.data.picturesources import holds_pictures
from weights.data.table import describe_source, read_table
from weights.effects import FeatureWeights
from weights.ensemble import Answered, Ensemble, Interval, Origin, Report, available_threads
from weights.errors import CorruptError, TooLargeError, TrainingError, UsageError, WeightsError, listed, printable, suggest
from weights.experiments import compare as try_variants
from weights.fitting import Prepared, check_memory, check_rows, plans_of, train_ensemble
from weights.inspection import classes as of_classes
from weights.inspection.explanation import Explanation, explain
from weights.inspection.gratings import Filters, filters
from weights.inspection.health import all_findings, all_layers
from weights.inspection.saliency import Saliency, saliency
from weights.preparing import asks_to_merge, can_pass, decide, dotted, read_passing, read_whole, ready_again, several_values
from weights.remedies import changes
from weights.remedies import diagnose as try_remedies
from weights.spec import Spec
from weights.store.checkpoint import Checkpoints, fingerprint
from weights.store.format import check_writable
from weights.store.format import load as load_ensemble
from weights.store.format import save as save_ensemble
from weights.summary import Summary, summarise
from weights.task import Task
from weights.training.compiling import keep_compiled_programs
from weights.training.control import Control, Progress
from weights.trials import N_TRAININGS
from weights.types import AnyArray, BoolArray, FloatArray, Params
from weights.verdicts import Diagnosis, Experiment, Finding, LayerHealth

_SAME_KEYSTROKE_SECONDS = 0.5
STOPPING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted ensemble together with the way from the user's tables to its inputs.

    Example:
        >>> model = fit("iris", members=8, model="linear")
        >>> model.predict({"sepal length (cm)": [5.0], "sepal width (cm)": [3.4], "petal length (cm)": [1.5], "petal width (cm)": [0.2]})
        array(['setosa'], dtype='<U10')
    """

    ensemble: Ensemble

    def __repr__(self) -> str:
        task, metrics = self.ensemble.task, self.report.metrics
        quality = "".join(f", out-of-bag {name} {metrics[name].value:.4g}" for name in [*metrics][:1])
        return f"<weights.Model: {task.kind} of '{task.target}', {self.ensemble.n_members} members{quality}>"

    @property
    def classes(self) -> list[Any]:
        """Class labels in the order of `predict_proba`'s columns; empty for regression."""
        return self.ensemble.classes

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics on out-of-bag rows, by name; `report.metrics` has their intervals."""
        return self.ensemble.metrics

    @property
    def report(self) -> Report:
        """How the ensemble was made and how good it is."""
        return self.ensemble.report

    @property
    def specs(self) -> dict[str, Spec]:
        """Every setting that was used, by the name of the population."""
        return {population.name: population.spec for population in self.ensemble.populations}

    def predict(self, data: Any) -> AnyArray:
        """The most probable class or the expected value of each row, shape (n,).

        Args:
            data: path, frame, mapping of columns or array with the columns of training, in any order; of pictures also an array
                (n, h, w) or (n, h, w, c).

        Raises:
            DataError: a needed column is missing or cannot be read as its kind.
        """
        return self.ensemble.predict(self._encode(data))

    def predict_proba(self, data: Any) -> FloatArray:
        """Calibrated probability of each class, shape (n, number of classes), in the order of `classes`.

        Raises:
            DataError: as `predict`. UsageError: the task is regression.
        """
        return self.ensemble.predict_proba(self._encode(data))

    def interval(self, data: Any, *, level: float = 0.9) -> Interval:
        """Bounds that hold the value of a new row with probability `level`; see `Ensemble.interval` for what is promised.

        Raises:
            DataError: as `predict`. UsageError: the task has classes, or the level is not between 0 and 1.
        """
        return self.ensemble.interval(self._encode(data), level=level)

    def prediction_sets(self, data: Any, *, level: float = 0.9) -> BoolArray:
        """Classes in a set that holds the true one with probability `level`, shape (n, number of classes).

        Raises:
            DataError: as `predict`. UsageError: the task is regression, or the level is not between 0 and 1.
        """
        return self.ensemble.prediction_sets(self._encode(data), level=level)

    def feature_weights(self, **options: Any) -> list[dict[str, Any]]:
        """What each feature is worth, one record a feature (and class): effect, std_err, z, p_value, low, high, importance, ...

        Args:
            **options: as `weights.effects.FeatureWeights.records`: scale, per, errors, level, adjust, levels, sort, top.

        Raises:
            UsageError: as there, or the fit was without inspection.
        """
        return self._worth().records(**options)

    def summary(self, **options: Any) -> Summary:
        """The same as a table: text when printed, HTML in a notebook.

        Args:
            **options: as `weights.summary.summarise`: scale, per, errors, level, adjust, levels, sort, top.

        Example:
            >>> print(fit("diabetes", model="linear", members=10).summary(top=2))  # doctest: +ELLIPSIS
            Weights       change of progression per unit of the feature
              feature  effect  std err     z  P>|z|  ...
        """
        return summarise(self._worth(), self.ensemble.task, **options)

    def diagnose(self, data: Any = None, *, quick: bool = False, curves: bool = False) -> Diagnosis:
        """Whether the model is under- or overfit, and what would help, tried on the rows of training.

        Args:
            data: these rows; read from where they came from if not given.
            quick: fewer folds and fewer remedies.
            curves: farther changes of width and penalties as well, for the ends of the complexity curves.

        Raises:
            UsageError: the rows cannot be read again and were not given.
            NotFoundError, DataError: the rows are gone or not those of training.
            Interrupted: Ctrl-C, SIGTERM or SIGHUP.
        """
        return diagnose(self, data, quick=quick, curves=curves)

    def compare(self, vary: Mapping[str, Any], data: Any = None, *, trainings: int = N_TRAININGS) -> Experiment:
        """Variants of the settings, trained on the rows of training and compared; see `weights.api.compare`.

        Args:
            vary: setting -> values; all combinations are trained.
            data: the rows of training; read from where they came from if not given.
            trainings: how often each variant is trained with other seeds.

        Raises:
            UsageError: a setting or a value is not known or not used, or the rows cannot be read again and were not given.
            NotFoundError, DataError: the rows are gone or not those of training.
            Interrupted: Ctrl-C, SIGTERM or SIGHUP.
        """
        return compare(self, vary, data, trainings=trainings)

    def findings(self) -> list[Finding]:
        """What is wrong with the five elements, from what was recorded while training; nothing if all is well.

        Example:
            >>> fit("iris", model="mlp", members=2, hidden=(16,), initialization="zeros", n_steps=20).findings()[0].fault
            'scale'
        """
        return all_findings(self.ensemble)

    def health(self) -> list[LayerHealth]:
        """The health of each layer of weights that was learned in steps, see `weights.verdicts.LayerHealth`."""
        return all_layers(self.ensemble)

    def explain(self, data: Any, *, label: Any = None) -> Explanation:
        """The contribution of each feature to the prediction of each row; see `weights.inspection.explanation.explain`.

        Args:
            data: as `predict`.
            label: the class whose probability is explained; the most probable of each row if None.

        Raises:
            DataError: as `predict`. UsageError: there is no such class, or the fit was without inspection.

        Example:
            >>> model = fit("diabetes", model="linear", members=10)
            >>> rows = {name: [0.05] for name in ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")}
            >>> found = model.explain(rows)
            >>> bool(abs(found.base + found.contributions.sum(1) - model.predict(rows)) < 1e-9)
            True
        """
        return self.explained(self.read(data), label)

    def saliency(self, data: Any, *, label: Any = None) -> list[Saliency]:
        """Which places of each picture its answer rests on; see `weights.inspection.saliency.saliency`.

        Args:
            data: pictures, as `predict`.
            label: the class that is explained; the most probable of each picture if None.

        Raises:
            DataError: as `predict`. UsageError: there is no such class, or the run is not of pictures.
        """
        number = None if label is None else self.class_number(label)
        return [saliency(self.ensemble, x, label=number) for x in self._encode(data)]

    def filters(self) -> Filters:
        """What the filters of the first layer respond to; see `weights.inspection.gratings.filters`.

        Raises:
            UsageError: the run is not of pictures.
        """
        return filters(self.ensemble)

    def confusion(self, *, test: bool = False) -> of_classes.Confusion:
        """Which classes are taken for which, on rows that the members who answer never saw, or on those of the test.

        Raises:
            UsageError: there are no classes, or no answers to such rows were kept.

        Example:
            >>> found = fit("iris", model="linear", members=8).confusion()
            >>> found.classes, [sum(counts) for counts in found.counts]
            (['setosa', 'versicolor', 'virginica'], [50, 50, 50])
        """
        return of_classes.confusion(self.answered(test=test), self.classes)

    def operating_point(self, sensitivity: float, *, label: Any = None) -> of_classes.OperatingPoint:
        """The threshold that finds a share of the rows of a class, with sensitivity and specificity and their 95 % intervals.

        Args:
            sensitivity: the share of rows of the class that are to be found, such as 0.95.
            label: the class to be found; the second of two if None.

        Raises:
            UsageError: there are no classes, or several and none is named; the share is not between 0 and 1.
            DataError: there are no rows to choose a threshold on.

        Example:
            >>> point = fit("breast-cancer", model="linear", members=8).operating_point(0.95, label="malignant")
            >>> point.found.sensitivity.value >= 0.95
            True
        """
        answered, tested = self.answered(), self.ensemble.tested
        return of_classes.operating_point(answered, self.classes, self.sought(label), sensitivity, tested=tested)

    def calibration(self, *, label: Any = None, test: bool = False) -> list[of_classes.Bin]:
        """Claimed and found shares of a class, in ten bins of equal width.

        Args:
            label: the class; the second of two if None.
            test: of the rows of the test, instead of those of training.

        Raises:
            UsageError: as `operating_point`.
        """
        return of_classes.calibration(self.answered(test=test), self.sought(label))

    def answered(self, *, test: bool = False) -> Answered:
        """The answers that were kept to rows of known class.

        Raises:
            UsageError: the task is regression, there were no rows for the test, or the run is of an older version.
        """
        if not self.classes:
            raise UsageError(f"Classes were needed, but '{self.ensemble.task.target}' is a number.")
        found = self.ensemble.tested if test else self.ensemble.judged
        if found is None and test:
            raise UsageError("No rows were for the test. Ask for those of training, which members answered that never saw them.")
        if found is None:
            raise UsageError("This run was saved by a version that kept no answers. Fit it again.")
        return found

    def sought(self, label: Any) -> int:
        """The position of the class to be found: the one named, or the second of two.

        Raises:
            UsageError: there is no such class, or there are several and none is named.
        """
        if label is None and len(self.classes) != 2:
            raise UsageError(f"The class to be found must be named (--class): {listed([*map(str, self.classes)], 10)}.")
        return 1 if label is None else self.class_number(label)

    def class_number(self, label: Any) -> int:
        """The position of a class, whose label may be given as text.

        Raises:
            UsageError: there is no such class.
        """
        labels = [str(known) for known in self.classes]
        if str(label) not in labels:
            known = f"known are {listed(labels, 10)}" if labels else f"'{self.ensemble.task.target}' has no classes"
            raise UsageError(f"The class must be one of the model's, but is '{label}'; {known}.")
        return labels.index(str(label))

    def explained(self, table: pa.Table, label: Any) -> Explanation:
        """As `explain`, of a table that `read` gave."""
        reference = np.asarray(self._worth().reference)
        number = None if label is None else self.class_number(label)
        x = apply_encoding(self.ensemble.encoding, table)
        return explain(self.ensemble, x, reference, label=number)

    def _worth(self) -> FeatureWeights:
        found = self.report.feature_weights
        if self.ensemble.encoding.picture is not None:
            raise UsageError(
                "Pixels have no worth of their own, so that a run of pictures has no feature weights. See `weights draw` and "
                "`weights explain`, or Model.saliency."
            )
        if found is None:
            raise UsageError("What features are worth was not computed in this fit. Fit again with inspection (without --no-inspect).")
        return found

    def save(self, folder: Any) -> None:
        """Write the model to a folder (docs/store-format.md); a Weights folder of that name is replaced.

        Raises:
            UsageError: the path holds something else or cannot be written to.
            StorageError: the disk is full, read-only or failing; what was there is as it was.
        """
        save_ensemble(self.ensemble, Path(folder))

    def read(self, data: Any) -> Any:
        """The table behind a path, frame, mapping or array, numbers, pictures and words for missing read as in training."""
        encoding = self.ensemble.encoding
        if encoding.picture is not None:
            return read_new(data, encoding.picture, encoding.missing_words)
        return read_table(data, missing=encoding.missing_words, notations=encoding.notations)

    def notices(self, data: Any) -> list[str]:
        """Sentences about rows that training did not prepare for, such as levels of a category it had not seen.

        Args:
            data: as `predict`.
        """
        table = self.read(data)
        notes = [f"'{c.name}': {note}" for c in self.ensemble.encoding.columns if (note := remark_of(table.schema.field(c.name)))]
        return [*remarks_of(table), *notes, *unfamiliar(self.ensemble.encoding, table)]

    def _encode(self, data: Any) -> FloatArray:
        return apply_encoding(self.ensemble.encoding, self.read(data))


def fit(
    data: Any,
    target: Any = None,
    *,
    save: Any = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
    **options: Any,
) -> Model:
    """Train an ensemble.

    Args:
        data: path, bundled example, data frame, mapping of columns, or array of features (n, p) or of pictures (n, h, w, c).
        target: name of the target column, or the target itself, n values. A bundled example knows its own.
        save: folder to save to; also the place of checkpoints, so that an interrupted fit can be resumed.
        resume: continue the interrupted fit whose checkpoint lies beside `save`.
        progress: called with a `Progress` after each round.
        **options: as `plan_fit` takes them.

    Returns:
        The fitted model.

    Raises:
        UsageError, NotFoundError, DataError: see `plan_fit`.
        TrainingError: every member failed.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP, after the work in hand was finished and the checkpoint written.
        StorageError: the disk is full, read-only or failing; what was saved before is as it was.
        CorruptError: the checkpoint to resume from is damaged.

    Example:
        >>> model = fit("wine", model="linear", members=8)
        >>> round(model.metrics["accuracy"], 1)
        1.0
    """
    return run_fit(plan_fit(data, target, progress=progress, **options), save=save, resume=resume, progress=progress)


def plan_fit(
    data: Any,
    target: Any = None,
    *,
    task: str | None = None,
    model: str = "auto",
    members: int | None = None,
    seed: int = 0,
    drop: Sequence[str] = (),
    kinds: Mapping[str, str] | Sequence[str] = (),
    group: str | None = None,
    time: str | None = None,
    sample_weight: Any = None,
    class_weight: Any = None,
    missing: Sequence[str] = (),
    split: str | None = None,
    picture_size: int | None = None,
    clip: float | None = 4.0,
    copies: str = "keep",
    search: Mapping[str, Any] | None = None,
    budget: float | str | None = None,
    threads: int | None = None,
    inspect: bool | None = None,
    progress: Callable[[Progress], None] | None = None,
    **settings: Any,
) -> Prepared:
    """Read the data and decide what would be trained, without training.

    Args:
        data: as `fit`.
        target: as `fit`.
        task: binary, multiclass or regression; found from the target if not given.
        model: linear, mlp, or auto: train them all and mix their answers, each with the share that out-of-bag rows give it; of pictures
            convolution, which is auto as well.
        members: size of the ensemble, 32 if not given, and 8 of pictures; with auto equal parts of them in each population, at least
            one for each fold.
        seed: of everything random.
        drop: columns to leave out.
        kinds: column -> numeric, boolean, category or datetime, instead of what is found.
        group: column whose equal values stay on one side of every split.
        time: column that orders rows; members are then scored on rows later than those they learned from.
        sample_weight: column of row weights, or n numbers.
        class_weight: "balanced", or label -> factor.
        missing: further words that mean "no value".
        split: column that says train, val or test; what is said to be test is not learned from, but judged at the end. Folders and .npz
            files of pictures that are split so tell it themselves.
        picture_size: height and width that pictures get, 8 to 512; by default theirs, if all have one of at most 64, and
            otherwise a square of the larger side that half of them have, at most 64.
        clip: bound of the smooth clip of scaled numbers; None for none.
        copies: "merge" makes rows that stand in the table several times one row of their summed weight, leaves out rows of weight
            zero, and lets the order of rows play no part (data/copies.py); "keep" takes rows as they come.
        search: setting -> values to search among.
        budget: about the longest that training should take: seconds, or a text such as "5m".
        threads: members in work at the same time; all cores if not given. The result does not depend on it.
        inspect: whether to say afterwards what each feature is worth (`Model.summary`); if not said, of at most 2,000 features.
        progress: called with the share of pictures that has been read.
        **settings: any setting of the five elements, the model or the members, such as ``activation="gelu"``,
            ``learning_rate=0.01``, ``hidden=(64, 64)``; those of several owners as ``{"members.share": 0.5}`` with ``**``.

    Raises:
        NotFoundError: a file or column does not exist.
        DataError: the data cannot be used as asked.
        UsageError: an option or setting is not known, or options contradict each other.
    """
    words = (missing,) if isinstance(missing, str) else tuple(missing)
    roles = Roles("", drop=tuple(drop), kinds=parse_kinds(kinds), group=group, time=time, clip=clip, missing=words)
    roles = msgspec.structs.replace(roles, split=split, picture_size=picture_size)
    merge = asks_to_merge(copies)
    decided = functools.partial(
        decide,
        task=task,
        class_weight=class_weight,
        model=model,
        chosen={**({} if members is None else {"n_members": members}), "seed": seed, **dotted(settings)},
        search=search or {},
        budget=budget,
        n_threads=threads if threads is not None else available_threads(),
        inspect=inspect,
    )

    def origin(dataset: Dataset) -> Origin | None:
        if not all(isinstance(values, str | None) for values in (target, sample_weight)):
            return None
        said = msgspec.structs.replace(roles, target=dataset.roles.target, sample_weight=sample_weight)
        return Origin(os.fsdecode(data) if isinstance(data, str | os.PathLike) else None, said, merge)

    try:
        dataset = read_whole(data, target, sample_weight, roles, merge=merge, tell=_told(progress))
        return decided(dataset, origin=origin(dataset))
    except TooLargeError as error:
        if not can_pass(data):
            raise TooLargeError(f"{error} Rows of a Parquet file are learned from in passing, however many.") from error
    # Outside of the handler, whose error would keep alive what has been read.
    dataset = read_passing(Path(data), target, sample_weight, roles, merge=merge, seed=seed)
    return decided(dataset, origin=origin(dataset))


def _told(progress: Callable[[Progress], None] | None) -> Callable[[float], None]:
    """What tells the share of pictures that has been read."""
    return (lambda share: None) if progress is None else lambda share: progress(Progress("reading pictures", share, None))


def run_fit(
    prepared: Prepared,
    *,
    save: Any = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
    trained: Mapping[str, Sequence[Params | None]] | None = None,
) -> Model:
    """Train what `plan_fit` prepared; arguments and errors as `fit`, `trained` as `Control` has it."""
    keep_compiled_programs()
    known = {name: [*members] for name, members in (trained or {}).items()}
    control = Control(n_threads=prepared.n_threads, report=progress or (lambda progress: None), trained=known)
    if save is None:
        if resume:
            raise UsageError("Resuming needs the folder the interrupted run was to be saved to. Name it with --save.")
        with _stopped_by_signals(control):
            return Model(train_ensemble(prepared, control))
    check_writable(Path(save))
    data = prepared.dataset
    rows = (data.x, prepared.y, prepared.weight, data.group, data.time)
    checkpoints = Checkpoints(Path(save), fingerprint(*rows, prepared.candidates, prepared.races, weights.__version__))
    control.keep = checkpoints.keep
    with checkpoints.claim(), _stopped_by_signals(control):
        control.resume = checkpoints.begin(resume=resume)
        try:
            model = Model(train_ensemble(prepared, control))
        except TrainingError:
            checkpoints.remove()  # it would fail again
            raise
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            if not control.resume or isinstance(error, WeightsError):
                raise
            raise CorruptError(
                f"The checkpoint '{checkpoints.folder}' does not fit the run ({type(error).__name__}: {error}). "
                "Remove that folder and run without --resume."
            ) from error
        model.save(save)
        checkpoints.remove()
    return model


def check_intervals(
    model: Model, data: Any = None, *, simulations: int = 20, seed: int = 0, progress: Callable[[Progress], None] | None = None
) -> Check:
    """How often the intervals of a run's feature weights hold the truth, on simulated outcomes of its own rows; see `weights.checking`.

    Args:
        model: fitted with inspection.
        data: the rows of training; read from where they came from if None.
        simulations: how often the model is fitted again.
        seed: of the simulated outcomes.
        progress: called after each simulation.

    Raises:
        UsageError: the rows cannot be read again and were not given.
        NotFoundError, DataError: the rows are gone or not those of training.
        Interrupted: Ctrl-C, SIGTERM or SIGHUP.
    """
    prepared = read_again(model, data)
    control = Control(n_threads=prepared.n_threads)
    told = progress or (lambda progress: None)
    with _stopped_by_signals(control):
        return try_intervals(model.ensemble, prepared, n_simulations=simulations, seed=seed, report=told, stopping=control.stopping)


def diagnose(
    model: Model, data: Any = None, *, quick: bool = False, curves: bool = False, progress: Callable[[Progress], None] | None = None
) -> Diagnosis:
    """Whether a model is under- or overfit, from remedies that are tried on the rows of training; see `weights.remedies`.

    Args:
        model: fitted from a file, or with the rows at hand.
        data: the rows of training; read from where they came from if None.
        quick: fewer folds and fewer remedies, less than half of the time.
        curves: farther changes of width and penalties as well, for the ends of the complexity curves.
        progress: called after each trial.

    Raises:
        UsageError, NotFoundError, DataError, Interrupted: as `check_intervals`.
    """
    return _diagnosed(model, read_again(model, data), quick=quick, curves=curves, progress=progress)


def _diagnosed(model: Model, prepared: Prepared, *, quick: bool, curves: bool, progress: Callable[[Progress], None] | None) -> Diagnosis:
    control, told = Control(n_threads=prepared.n_threads), progress or (lambda progress: None)
    with _stopped_by_signals(control):
        return try_remedies(model.ensemble, prepared, quick=quick, curves=curves, report=told, stopping=control.stopping)


def compare(
    model: Model,
    vary: Mapping[str, Any],
    data: Any = None,
    *,
    trainings: int = N_TRAININGS,
    progress: Callable[[Progress], None] | None = None,
) -> Experiment:
    """Variants of a model's settings, trained on the rows of training and compared; see `weights.experiments`.

    Args:
        model: fitted from a file, or with the rows at hand.
        vary: setting -> values, such as ``{"initialization": ["xavier", "he", "orthogonal"]}``; all combinations are trained.
        data: the rows of training; read from where they came from if None.
        trainings: how often each variant is trained with other seeds.
        progress: called after each training.

    Raises:
        UsageError: a setting or a value is not known or not used; others, NotFoundError, DataError, Interrupted as `check_intervals`.
        TrainingError: members with the settings of the run cannot be trained.
    """
    prepared = read_again(model, data)
    control, told = Control(n_threads=prepared.n_threads), progress or (lambda progress: None)
    if not isinstance(vary, Mapping) or not all(isinstance(name, str) for name in vary):
        raise UsageError(f"What to vary must be settings by name, such as {{'initialization': ['he', 'xavier']}}, but {vary!r} came.")
    several = {name: several_values(name, values) for name, values in dotted(vary).items()}
    with _stopped_by_signals(control):
        return try_variants(model.ensemble, prepared, several, n_trainings=trainings, report=told, stopping=control.stopping)


def improve(
    model: Model,
    apply: str | None = None,
    data: Any = None,
    *,
    save: Any = None,
    resume: bool = False,
    quick: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> tuple[Model, str]:
    """A new model of the same rows with one change of the settings.

    Args:
        model: to start from; it stays as it is.
        apply: name of a remedy (`Remedy.name`), or None: the one that helps most, for which all are tried.
        data: the rows of training; read from where they came from if None.
        save: folder to save to.
        resume: continue the interrupted fit whose checkpoint lies beside `save`.
        quick: as `diagnose`.
        progress: called with a `Progress` after each trial and round.

    Returns:
        The new model, and the change in words.

    Raises:
        UsageError: there is no such remedy for these settings, or none helps; others as `fit` and `diagnose`.
    """
    prepared = read_again(model, data)
    check_rows(model.ensemble, prepared)
    if apply is None:
        found = _diagnosed(model, prepared, quick=quick, curves=False, progress=progress)
        helpful = [remedy.name for remedy in found.remedies if remedy.helps]
        if not helpful:
            raise UsageError(f"Nothing is applied: {found.reason}. Name a change with --apply to make it all the same.")
        apply = helpful[0]
    possible = {change.name: change for change in changes(model.ensemble, prepared)}
    if apply not in possible:
        raise UsageError(f"This run has no change '{apply}'. {suggest(apply, possible)}")
    change = possible[apply]
    taken = plans_of(change.specs, prepared.shape, len(prepared.dataset.x), n_threads=prepared.n_threads)
    check_memory(taken)
    inspect = model.report.feature_weights is not None
    remarks = [*model.report.remarks, f"fitted again with {change.words}"]
    origin = model.report.origin
    if origin is not None and data is not None:
        origin = msgspec.structs.replace(origin, path=os.fsdecode(data) if isinstance(data, str | os.PathLike) else None)
    changed = replace(prepared, candidates=change.specs, plans=taken, remarks=remarks, inspect=inspect, origin=origin)
    return run_fit(changed, save=save, resume=resume, progress=progress), change.words


def read_again(model: Model, data: Any = None, progress: Callable[[Progress], None] | None = None) -> Prepared:
    """The rows of a run, ready to be trained on again with its settings.

    Args:
        model: the run.
        data: its rows; read from where they came from if None.
        progress: called with the share of pictures that has been read.

    Raises:
        UsageError: they came from memory and were not given. NotFoundError, DataError: they are gone, or cannot be read as they were.
    """
    origin = model.report.origin
    source = origin.path if origin and data is None else data
    if origin is None or source is None:
        raise UsageError("The rows of training came from memory, so they cannot be read again. Fit from a file, or give the rows.")
    roles, seen = origin.roles, model.ensemble.encoding.picture
    if seen is not None and seen.height == seen.width:
        roles = msgspec.structs.replace(roles, picture_size=seen.height)
    rows = read_whole(source, roles.target, roles.sample_weight, roles, merge=origin.merged, tell=_told(progress))
    keep_compiled_programs()
    return ready_again(rows, model.ensemble.task, model.specs, available_threads())


class Look(msgspec.Struct, frozen=True):
    """What a table holds, before anything is fitted. task is None while no target is named."""

    source: str
    n_samples: int
    features: list[Feature]
    task: Task | None
    remarks: list[str]


def look(data: Any, target: str | None = None, *, missing: Sequence[str] = (), **options: Any) -> Look:
    """The columns of a table with their kinds, and, with a target, the task and what was noticed; options as `plan_fit`."""
    if target is not None or holds_pictures(data) or (isinstance(data, str) and data in EXAMPLES):
        prepared = plan_fit(data, target, missing=missing, **options)
        dataset = prepared.dataset
        return Look(dataset.source, dataset.n_samples, dataset.features, prepared.task, prepared.remarks)
    table = read_table(data, missing=missing)
    kinds, dropped = parse_kinds(options.get("kinds", ())), options.get("drop", ())
    names = [name for name in table.column_names if name not in dropped]
    features = [describe(table, name, kinds.get(name)) for name in names]
    remarks = [*remarks_of(table), "no target was named (--target)"]
    return Look(printable(describe_source(data)), table.num_rows, features, None, remarks)


def load(folder: Any) -> Model:
    """The model that `save` wrote to a folder.

    Raises:
        NotFoundError: there is no such folder, or it holds no run.
        CorruptError: it is damaged; the message says where.
        StorageError: the disk or its permissions do not let it be read.
    """
    keep_compiled_programs()
    return Model(load_ensemble(Path(folder)))


@contextmanager
def _stopped_by_signals(control: Control) -> Iterator[None]:
    """The first Ctrl-C, SIGTERM or SIGHUP asks training to stop after the work in hand, the second stops at once.

    One that comes when there is nothing left to train lets the run be saved. Signals that are ignored, as `nohup` has it, stay so.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[float] = []
    before = {number: handler for number in STOPPING_SIGNALS if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None)}

    def ask(number: int, frame: Any) -> None:
        # Programs such as `timeout` and some terminals deliver one Ctrl-C twice; a person needs longer for a second.
        if asked and time.monotonic() - asked[0] > _SAME_KEYSTROKE_SECONDS:
            raise KeyboardInterrupt
        asked.append(time.monotonic())

    for number in before:
        signal.signal(number, ask)
    control.stopping = lambda: bool(asked)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
