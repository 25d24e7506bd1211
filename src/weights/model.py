"""`Model`: a fitted ensemble that reads the user's own tables, and all that can be done with one.

`weights.fit` and `weights.load` give models. What is computed has its home elsewhere; a method reads rows and asks.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from weights.changes import with_change
from weights.checking import Check
from weights.checking import check_intervals as try_intervals
from weights.conformal import Interval
from weights.data.audio.medium import Recordings
from weights.data.encoding import apply_encoding
from weights.data.inputs import Inputs
from weights.data.newrows import describe_new_rows
from weights.data.roles import column_labels, name_column
from weights.data.unfamiliar import unfamiliar
from weights.ensemble import Ensemble, Report
from weights.errors import RowsWarning, UsageError
from weights.experiments import check_trainings
from weights.experiments import compare as try_variants
from weights.fitting import check_rows
from weights.inspection.explanation import Explanation, explain
from weights.inspection.gratings import Filters, filters
from weights.inspection.health import all_findings, all_layers
from weights.inspection.saliency import Saliency, saliency
from weights.inspection.texts import explain_texts
from weights.interruption import stop_request, stoppable
from weights.keptanswers import KeptAnswers
from weights.keptweights import list_weights, weights_of_columns
from weights.prepared import GivenRows, Prepared, find_rows, rows_now_at
from weights.preparing import read_rows_again, values_to_vary
from weights.remedies import diagnose as try_remedies
from weights.running import OnProgress, report_reading, run
from weights.scoring.records import Score
from weights.scoring.scoring import score_rows
from weights.spec import Spec
from weights.store.format import save as save_ensemble
from weights.store.listing import check_replaceable
from weights.summary import describe_model, summarise_weights
from weights.tables import Records, Table, Tables
from weights.training.compiling import keep_compiled_programs
from weights.transcribing.many import Transcripts, list_recordings, transcribe_each
from weights.transcribing.sources import read_pieces
from weights.transcribing.transcriber import Transcriber, Word, transcribe
from weights.trials import N_TRAININGS
from weights.types import AnyArray, BoolArray, FloatArray
from weights.verdicts import Diagnosis, Experiment, Finding, LayerHealth

_WARNED = 0.05
"""Share of rows of which a warning must be, so that an odd row in many does not warn (our choice); `Model.notes` says all."""


@dataclass(frozen=True, eq=False)
class Model(KeptAnswers):
    """A fitted ensemble together with the way from the user's tables to its inputs.

    Attributes:
        ensemble: what was trained.
        given: the rows it was fitted to, as they were given and no copy; None once it was saved and loaded.

    Example:
        >>> from weights import fit
        >>> model = fit("iris", members=8, model="linear")
        >>> model.predict({"sepal length (cm)": [5.0], "sepal width (cm)": [3.4], "petal length (cm)": [1.5], "petal width (cm)": [0.2]})
        array(['setosa'], dtype='<U10')
    """

    ensemble: Ensemble
    given: GivenRows | None = None
    subject: ClassVar[str] = "rows"

    def __reduce__(self) -> Any:
        """The model without its rows, which go with the process."""
        return Model, (self.ensemble,)

    def __repr__(self) -> str:
        task, metrics = self.ensemble.task, self.report.metrics
        quality = "".join(f", out-of-bag {name} {metrics[name].value:.4g}" for name in [*metrics][:1])
        return f"<weights.Model: {task.kind} of '{task.target}', {self.ensemble.n_members} members{quality}>"

    def _repr_html_(self) -> str:
        """For notebooks."""
        return describe_model(self.ensemble)

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

    def predict(self, data: Any, *, threshold: Mapping[Any, float] | None = None, sample_rate: int | None = None) -> AnyArray:
        """The most probable class or the expected value of each row, shape (n,).

        Levels that training had not seen, and the like, are warned of here as wherever rows are answered (`RowsWarning`).

        Args:
            data: path, `Sheet` or `Query`, frame, mapping of columns or array with those of training; of pictures also (n, h, w[, c]).
            threshold: class -> the probability from which on rows are said to be of it; see `Task.decide`.
            sample_rate: samples a second, where data are recordings as a list of arrays; the same as `Recordings(data, sample_rate)`.

        Raises:
            DataError: a needed column is missing or cannot be read as its kind. UsageError: a threshold is beyond 0 to 1, or of no class.
        """
        data = data if sample_rate is None else Recordings(data, sample_rate)
        return self.ensemble.predict(self._encode(data), threshold=threshold)

    def predict_proba(self, data: Any, *, sample_rate: int | None = None) -> FloatArray:
        """Calibrated probability of each class, shape (n, number of classes), in the order of `classes`.

        Args:
            data: as `predict`.
            sample_rate: as `predict`.

        Raises:
            DataError: as `predict`. UsageError: the task is regression.
        """
        data = data if sample_rate is None else Recordings(data, sample_rate)
        return self.ensemble.predict_proba(self._encode(data))

    def interval(self, data: Any, *, level: float = 0.9) -> Interval:
        """Bounds that hold the value of a new row with probability `level`; see `Ensemble.interval` for what is promised.

        Raises:
            DataError: as `predict`. UsageError: the task has classes, or the level is not between 0 and 1.
        """
        return self.ensemble.interval(self._encode(data), level=level)

    def prediction_sets(self, data: Any, *, level: float = 0.9, by_class: bool = False) -> BoolArray:
        """Classes in a set that holds the true one with probability `level`, shape (n, number of classes).

        Raises:
            DataError: as `predict`. UsageError: as `Ensemble.prediction_sets`, which says what `by_class` is.
        """
        return self.ensemble.prediction_sets(self._encode(data), level=level, by_class=by_class)

    def feature_weights(self, **options: Any) -> list[dict[str, Any]]:
        """Effects and importances, one record a feature (and class): effect, std_err, z, p_value, low, high, importance, ...

        Those of words of texts follow those of columns, with the word as level, see `wordweights.WordWeights.records`.

        Args:
            **options: as `effects.FeatureWeights.records`: scale, per, errors, level, adjust, levels, sort, top, intercept; of words
                level, adjust, sort and top.

        Raises:
            UsageError: as there, or the fit was without inspection.
        """
        return Records(list_weights(self.ensemble, **options))

    def summary(self, **options: Any) -> Table | Tables:
        """The same as a table: text when printed, HTML in a notebook.

        Args:
            **options: as `feature_weights`, but the most important first; two tables where there are columns and words.

        Example:
            >>> from weights import fit
            >>> print(fit("diabetes", model="linear", members=10).summary(top=2))  # doctest: +ELLIPSIS
            Weights       change of progression per unit of the feature
              feature      effect  std err     z  P>|z|  ...
        """
        tables = summarise_weights(self.ensemble, **options)
        return tables[0] if len(tables) == 1 else Tables(tables)

    def diagnose(
        self, data: Any = None, *, quick: bool = False, thorough: bool = False, curves: bool = False, progress: OnProgress = None
    ) -> Diagnosis:
        """Whether the model is under- or overfit, and what would help, from trials; see `weights.remedies`.

        Args:
            data: the rows of training; those of the fit, or read from where they came from, if not given.
            quick: fewer folds and fewer remedies.
            thorough: every remedy, however long that takes; else about as long as the fit.
            curves: farther changes of width and penalties as well, for the ends of the complexity curves.
            progress: called after each trial.

        Raises:
            UsageError: the rows cannot be read again and were not given. NotFoundError, DataError: they are gone, or others.
        """
        return self._try(try_remedies, self.read_again(data), progress, quick=quick, thorough=thorough, curves=curves)

    def compare(
        self, vary: Mapping[str, Any], data: Any = None, *, trainings: int = N_TRAININGS, progress: OnProgress = None
    ) -> Experiment:
        """Variants of the settings, trained on the rows of training and compared; see `weights.experiments`.

        Args:
            vary: setting -> values, such as ``{"initialization": ["xavier", "he", "orthogonal"]}``; all combinations are trained.
            data: as `diagnose`.
            trainings: how often each variant is trained with other seeds.
            progress: called after each training.

        Raises:
            UsageError: a setting or a value is not known or not used; others as `diagnose`.
        """
        check_trainings(trainings)
        several = values_to_vary(vary)
        return self._try(try_variants, self.read_again(data), progress, vary=several, n_trainings=trainings)

    def check_intervals(self, data: Any = None, *, simulations: int = 20, seed: int = 0, progress: OnProgress = None) -> Check:
        """How often the intervals of the feature weights hold the truth, in simulations; see `weights.checking`.

        Args:
            data: as `diagnose`.
            simulations: how often the model is fitted again.
            seed: of the simulated outcomes.
            progress: called after each simulation.

        Raises:
            UsageError: the fit was without inspection; others as `diagnose`.
        """
        return self._try(try_intervals, self.read_again(data), progress, n_simulations=simulations, seed=seed)

    def improve(
        self,
        apply: str | None = None,
        data: Any = None,
        *,
        save: Any = None,
        resume: bool = False,
        overwrite: bool = False,
        quick: bool = False,
        progress: OnProgress = None,
    ) -> tuple[Model, str]:
        """A new model of the same rows with one change of the settings, and the change in words; this model and why, where none helps.

        Args:
            apply: name of a remedy (`Remedy.name`), or None: the one that helps most, for which all are tried.
            data: as `diagnose`.
            save: as `weights.fit`.
            resume: as `weights.fit`.
            overwrite: as `weights.fit`.
            quick: as `diagnose`.
            progress: called with a `Progress` after each trial and round.

        Raises:
            UsageError: there is no such remedy; others as `weights.fit` and `diagnose`.
        """
        prepared = self.read_again(data)
        check_rows(self.ensemble, prepared)
        if save is not None:
            check_replaceable(Path(save), prepared, overwrite=overwrite)
        if apply is None:
            diagnosis: Diagnosis = self._try(try_remedies, prepared, progress, quick=quick)
            apply = next((remedy.name for remedy in diagnosis.remedies if remedy.helps), None)
            if apply is None:
                return self, f"nothing: {diagnosis.reason}. Name a change with --apply to make it all the same."
        changed, words = with_change(self.ensemble, prepared, apply)
        return Model(run(changed, save=save, resume=resume, overwrite=overwrite, progress=progress), changed.given), words

    @stoppable
    def read_again(self, data: Any = None, progress: OnProgress = None) -> Prepared:
        """The rows of the run, ready to be trained on again with its settings.

        Args:
            data: its rows; read from where they came from if None.
            progress: called with the share of pictures that has been read.

        Raises:
            UsageError: they came from memory and were not given. NotFoundError, DataError: they are gone, or cannot be read as they were.
        """
        keep_compiled_programs()
        rows = find_rows(self.ensemble, self.given) if data is None else GivenRows(rows_now_at(self.ensemble, data))
        return read_rows_again(self.ensemble, rows, report_reading(progress))

    def find_rows(self) -> Any:
        """The rows of training as they were given, or the path of their file; errors as `read_again`."""
        return find_rows(self.ensemble, self.given).data

    @stoppable
    def _try(self, trial: Callable[..., Any], prepared: Prepared, progress: OnProgress, **options: Any) -> Any:
        """What a trial on the rows of training found, which signals may stop."""
        return trial(self.ensemble, prepared, report=progress or (lambda progress: None), stopping=stop_request(), **options)

    def findings(self) -> list[Finding]:
        """What is wrong with the five elements, from what was recorded while training; nothing if all is well.

        Example:
            >>> from weights import fit
            >>> fit("iris", model="mlp", members=2, hidden=(16,), initialization="zeros", n_steps=20).findings()[0].fault
            'scale'
        """
        return Records(all_findings(self.ensemble))

    def health(self) -> list[LayerHealth]:
        """The health of each layer of weights that was learned in steps, see `weights.verdicts.LayerHealth`."""
        return Records(all_layers(self.ensemble))

    @stoppable
    def explain(self, data: Any, *, label: Any = None) -> Explanation:
        """The contribution of each feature to the prediction of each row; see `weights.inspection.explanation.explain`.

        Args:
            data: as `predict`.
            label: the class whose probability is explained; if None the second of two, of several the most probable of each row.

        Raises:
            DataError: as `predict`. UsageError: there is no such class, or the fit was without inspection.

        Example:
            >>> from weights import fit
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
        number = None if label is None else self.ensemble.task.class_number(label)
        inputs = self._encode(data)
        return [saliency(self.ensemble, inputs[i : i + 1], label=number) for i in range(len(inputs))]

    @stoppable
    def transcribe(self, source: Any, *, sample_rate: int | None = None, **options: Any) -> list[Word]:
        """The words in a recording: word, start and end in seconds, probability, agreement; see `transcribing.transcriber.Word`.

        Args:
            source: path of a recording, or samples, shape (t,) or (t, channels).
            sample_rate: of samples, how many a second.
            **options: lexicon, phrases, as `transcribing.transcriber.Transcriber`.

        Raises:
            UsageError: as there. NotFoundError, DataError: as `read_pieces`.
        """
        transcriber = Transcriber(self.ensemble, **options)
        return Records(transcribe(transcriber, read_pieces(source, transcriber.rate, sample_rate=sample_rate)))

    @stoppable
    def transcribe_each(self, data: Any, *, said: str | None = None, group: str | None = None, **options: Any) -> Transcripts:
        """The words in each recording of a folder or a table, and word errors where it is known what is said.

        Args:
            data: path of a folder or of a table that names files, or such a table (`pyarrow`).
            said: its column of what is said.
            group: its column of who speaks, for intervals over speakers.
            **options: lexicon, phrases, as `transcribing.transcriber.Transcriber`.

        Raises:
            UsageError, NotFoundError, DataError: as `transcribing.many.list_recordings` and `transcribe_each`.
        """
        return transcribe_each(self.ensemble, list_recordings(data, said=said, group=group), **options)

    def filters(self) -> Filters:
        """What the filters of the first layer respond to; what that is and errors as `weights.inspection.gratings.filters`."""
        return filters(self.ensemble)

    def explained(self, table: pa.Table, label: Any) -> Explanation:
        """As `explain`, of a table that `read` gave."""
        reference = np.asarray(weights_of_columns(self.ensemble).reference if self.ensemble.encoding.columns else [])
        number = None if label is None else self.ensemble.task.class_number(label)
        explanation = explain(self.ensemble, apply_encoding(self.ensemble.encoding, table), reference, label=number)
        return replace(explanation, texts=explain_texts(self.ensemble, table, explanation)) if explanation.entries else explanation

    def score(self, data: Any, *, by: Any = None, **options: Any) -> Score:
        """How good the model is on labelled rows it never saw, beside out of bag; text when printed. See `weights.scoring.scoring`.

        Args:
            data: as `predict`, with the target.
            by: the label of a column, for whose levels metrics are given too.
            **options: label, sensitivity, level; they, and what is raised, as `weights.scoring.scoring.score_rows`.
        """
        column = None if by is None else name_column(by, column_labels(data))
        if by is not None and column is None:
            raise UsageError(f"Metrics are given for the levels of one column, but a {type(by).__name__} came. Name one label.")
        return score_rows(self.ensemble, self.read(data), by=column, source=data, **options)

    def save(self, folder: Any) -> None:
        """Write the model to a folder (docs/store-format.md); a Weights folder of that name is replaced.

        Raises:
            UsageError: the path holds something else or cannot be written to.
            StorageError: the disk is full, read-only or failing; what was there is as it was.
        """
        save_ensemble(self.ensemble, Path(folder))

    @stoppable
    def read(self, data: Any) -> Any:
        """The table behind a path, frame, mapping or array, numbers, pictures and words for missing read as in training."""
        return self.ensemble.read(data)

    def notes(self, data: Any) -> list[str]:
        """Sentences about rows, as `predict` takes them, that training did not prepare for, such as new levels of a category."""
        return describe_new_rows(self.ensemble.encoding, self.read(data), self.ensemble.limits)

    def _encode(self, data: Any) -> Inputs:
        inputs = apply_encoding(self.ensemble.encoding, table := self.read(data))
        for note in unfamiliar(self.ensemble.encoding, table, inputs=inputs, limits=self.ensemble.limits, least_share=_WARNED):
            warnings.warn(note, RowsWarning, stacklevel=3)
        return inputs
