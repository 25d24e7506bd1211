"""What must hold of the values in a saved folder beyond their types: the checks behind the checksums.

Each function says in words what is wrong with one record, or nothing. Whoever changed a file can also have changed its
checksum, and a scale of zero or two columns of one name would answer without a word.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from weights.conformal import Difficulty
from weights.data.dataset import Feature
from weights.data.distributions import N_PARTS, Distribution, labels_of
from weights.data.encoding import Category, Datetime, Encoding, Numeric
from weights.data.registry import KINDS, describe_blocks, kind_of, tag_of
from weights.data.scaling import CYCLE_SECONDS
from weights.effects import ERRORS, INTERCEPT, INVERSE_LINKS, MEASURES, FeatureWeights
from weights.ensemble import Predictions, Report
from weights.errors import CorruptError, UsageError
from weights.models.architecture import ModelSettings
from weights.models.registry import architecture_of
from weights.spec import Spec
from weights.spec import check as check_spec
from weights.types import AnyArray
from weights.wordweights import WordWeights

_LARGEST_FLOAT32 = 3.4e38
_LARGEST_LOG = 300.0
PREDICTION_PARTS = tuple(field.name for field in dataclasses.fields(Predictions))
"""Parts of answers to known rows, of which the last may be missing."""
CONFORMAL_PARTS = tuple(f"conformal/{part}" for part in ("predictions", *Difficulty._fields))
"""Arrays beside `scores` where bounds depend on the row: the predictions of scored rows, and the pieces of the difficulty."""


def wrong_in_spec(spec: Spec) -> list[str]:
    """What is wrong with settings: all that `fit` would refuse."""
    try:
        check_spec(spec)
    except (UsageError, TypeError) as error:  # a check may compare what cannot be compared
        return [str(error).rstrip(".")]
    return []


def wrong_in_model(model: ModelSettings, encoding: Encoding) -> list[str]:
    """What is wrong with a model for these inputs: it reads others, or its sizes are missing."""
    architecture = architecture_of(model)
    if not {*architecture.reads} <= {*encoding.layout(1).names}:
        return [f"a model of {describe_blocks(architecture.reads)} is to read {describe_blocks(encoding.layout(1).names)}"]
    lacking = architecture.lacks(model)
    return [f"{lacking} are missing"] if lacking else []


def wrong_in_encoding(encoding: Encoding, features: Iterable[Feature]) -> list[str]:
    """What is wrong with an encoding: scales, cycles or levels, or it is not that of the features in use."""
    used = [(feature.name, feature.kind) for feature in features if feature.used]
    places = {kind: place for place, kind in enumerate(KINDS, 1)}
    used.sort(key=lambda feature: places.get(feature[1], 0))  # columns of other kinds come behind, see `Encoding.blocks`
    encoded = [(column.name, tag_of(column)) for column in (*encoding.columns, *encoding.blocks)]
    wrong = [complaint for block in encoding.blocks for complaint in kind_of(block).check(block)]
    alone = [kind.block for kind in encoding.kinds if kind.part is None]
    if len({*alone}) < len(alone):
        wrong.append("two columns are the same block of inputs")
    if not encoded or used != encoded:
        wrong.append("the columns that are encoded are not the features in use")
    if len({name for name, _ in encoded}) < len(encoded):
        wrong.append("two columns have the same name")
    if encoding.clip is not None and not _positive(encoding.clip):
        wrong.append(f"the clip is {encoding.clip}")
    for column in encoding.columns:
        if isinstance(column, Numeric | Datetime) and not (_positive(column.scale) and math.isfinite(column.center)):
            wrong.append(f"the scale of column '{column.name}' is {column.scale}")
        if isinstance(column, Numeric | Datetime) and not _ascend(column.low, column.high):
            wrong.append(f"the range of column '{column.name}' is {column.low} to {column.high}")
        if isinstance(column, Datetime) and not (set(column.cycles) <= set(CYCLE_SECONDS) and _distinct(column.cycles)):
            wrong.append(f"the cycles of column '{column.name}' are {column.cycles}")
        if isinstance(column, Category) and not _distinct(column.levels):
            wrong.append(f"two levels of column '{column.name}' are the same")
    return wrong


def _ascend(low: float | None, high: float | None) -> bool:
    """Whether both are finite and in order, or both unknown."""
    return low is high is None or (low is not None and high is not None and -math.inf < low <= high < math.inf)


def wrong_in_report(report: Report) -> list[str]:
    """What is wrong with a report: it has no metrics, or a model that was compared lacks some."""
    wrong = []
    if not report.metrics or not all(set(report.metrics) <= set(metrics) for metrics in report.compared.values()):
        wrong.append("metrics are missing")
    if min(report.n_samples, report.n_features, report.seconds) < 0:
        wrong.append("a count or a time is below zero")
    if (known := report.usefulness) is not None:
        counts = [known.n_units, known.n_rows, *(count for each in known.unanswered for count in (each.n_rows, each.n_answered))]
        if min(counts) < 0 or not all(0 < each.threshold < 1 for each in known.unanswered):
            wrong.append("a count of rows is below zero, or a threshold is no probability")
        if not all(isinstance(each.label, str | int) for each in known.unanswered):
            wrong.append("a class that is never answered is no label")
    return wrong


def wrong_in_names(what: str, names: Sequence[str]) -> list[str]:
    """What is wrong with names: there are none, or two are the same."""
    return [] if 0 < len({*names}) == len(names) else [f"{what} must be there, each with a name of its own"]


def wrong_without_columns(report: Report, config: Any) -> list[str]:
    """What of a report belongs to columns of inputs, where a config has none."""
    return ["it has feature weights of columns"] if report.feature_weights or report.word_weights or report.distributions else []


def check_shapes(path: Path, listed: Mapping[str, list[int]], needed: Mapping[str, list[int]], also: str | None = None) -> None:
    """Refuse arrays that are missing, have another shape, or are not known.

    Args:
        path: of the arrays.
        listed: shapes of the arrays that it holds, by name.
        needed: shapes of those that must be there.
        also: a pattern of names that may be there beside them, with any shape.

    Raises:
        CorruptError: there are such.
    """
    for name in {**needed, **listed}:
        free = name not in needed and also is not None and re.fullmatch(also, name)
        if not free and listed.get(name) != needed.get(name):
            raise CorruptError(f"'{path}' holds '{name}' as {listed.get(name)}, but the model needs {needed.get(name)}. Fit again.")


def wrong_in_feature_weights(weights: FeatureWeights, encoding: Encoding) -> list[str]:
    """What is wrong with feature weights: unknown features, kinds of error without degrees, or too few inputs."""
    wrong = []
    names = {column.name for column in encoding.columns}
    named = [*(c.feature for c in weights.contrasts), *(j.feature for j in weights.joints), *weights.unknown, *weights.units]
    importances = [*weights.importances, *(group.together for group in weights.groups)]
    named += [feature for importance in importances for feature in importance.features]
    if not names >= {*named} or not all(importance.features for importance in importances):
        wrong.append("feature weights are of features that are not in use")
    if {importance.features[0] for importance in weights.importances if importance.features} != names:
        wrong.append("features lack an importance")
    if any({*group.together.features} != {*group.alone} for group in weights.groups):
        wrong.append("parts of a group are not those of its features")
    constants = [intercept.constant for intercept in weights.intercepts]
    for c in (*weights.contrasts, *constants):
        errors = [*c.std_errs.values(), *c.null_errs.values()]
        if c.std_errs.keys() != c.degrees.keys() or not c.null_errs.keys() <= c.std_errs.keys() <= {*ERRORS} or min(errors, default=0) < 0:
            wrong.append(f"standard errors of '{c.feature}' are {c.std_errs} and {c.null_errs}")
        if min([*c.degrees.values()], default=1) <= 0:
            wrong.append(f"degrees of freedom of '{c.feature}' are {c.degrees}")
    wrong += [
        f"p-values of '{joint.feature}' are {joint.p_values}"
        for joint in weights.joints
        if not joint.p_values.keys() <= {*ERRORS} or not all(0 <= p <= 1 for p in joint.p_values.values())
    ]
    if not all(c.feature == INTERCEPT for c in constants) or not {i.regression for i in weights.intercepts} <= {*INVERSE_LINKS}:
        wrong.append("intercepts are those of features, or of regressions that are not known")
    labels = [*(contrast.label for contrast in (*weights.contrasts, *constants)), *(joint.label for joint in weights.joints)]
    if not all(isinstance(label, str | int | None) for label in labels):
        wrong.append("feature weights are of classes that are no labels")
    if min((joint.n_contrasts for joint in weights.joints), default=1) < 1:
        wrong.append("a test is of no contrasts")
    if weights.measure not in MEASURES:
        wrong.append(f"importance is measured by '{weights.measure}'")
    if weights.errors not in ERRORS or min(weights.n_rows, weights.n_inputs) < 1:
        wrong.append(f"feature weights from {weights.n_rows} rows and {weights.n_inputs} inputs have {weights.errors} errors")
    if weights.n_clusters is not None and weights.n_clusters < 1:
        wrong.append(f"feature weights are from {weights.n_clusters} clusters")
    if not all(abs(value) < _LARGEST_FLOAT32 for value in weights.reference):
        wrong.append("average inputs are larger than models can read")
    if len(weights.reference) != len(encoding.joined_groups):
        wrong.append(f"{len(weights.reference)} average inputs stand beside {len(encoding.joined_groups)} inputs")
    return wrong


def wrong_in_word_weights(weights: WordWeights, encoding: Encoding) -> list[str]:
    """What is wrong with word weights: columns that are none of texts, numbers that cannot be, or words without an effect."""
    columns = {block.name for block in encoding.blocks if kind_of(block).vocabulary is not None}
    for word in weights.words:
        numbers = [word.importance, word.importance_err, word.degrees]
        numbers += [value for each in word.effects for value in (each.effect, each.std_err, each.null_err)]
        shares = [value for each in word.effects for value in (each.p_value, each.bh, each.holm)]
        if word.feature not in columns or not word.words or not word.effects or word.n_texts < 1 or word.degrees < 0:
            return [f"a word of '{word.feature}' is in {word.n_texts} texts and has {len(word.effects)} effects"]
        if not all(map(math.isfinite, numbers)) or not all(0 <= share <= 1 for share in shares):
            return [f"effects of '{word.written}' cannot be"]
        if not all(isinstance(each.label, str | int | None) for each in word.effects):
            return [f"'{word.written}' moves classes that are no labels"]
    if weights.errors not in ERRORS or weights.measure not in MEASURES or min(weights.n_rows, weights.n_outcomes) < 1:
        return [f"words of {weights.n_rows} texts have {weights.errors} errors and importances that are measured by '{weights.measure}'"]
    return []


def wrong_in_distributions(distributions: Sequence[Distribution], encoding: Encoding) -> list[str]:
    """What is wrong with distributions: they are not of the columns, in their order, or edges or counts cannot be."""
    if distributions and [known.name for known in distributions] != [column.name for column in encoding.columns]:
        return ["distributions are not those of the columns"]
    wrong = []
    for known, column in zip(distributions, encoding.columns, strict=False):
        n_parts = len(labels_of(column)) or len(known.edges) + 1
        if len(known.edges) > (0 if labels_of(column) else N_PARTS + 1) or len(known.counts) != n_parts + 1 or min(known.counts) < 0:
            wrong.append(f"the parts of '{known.name}' cannot be")
        if not all(map(math.isfinite, known.edges)) or not all(a < b for a, b in itertools.pairwise(known.edges)):
            wrong.append(f"the edges of '{known.name}' are not in ascending order")
    return wrong


def wrong_in_arrays(arrays: Mapping[str, AnyArray]) -> list[str]:
    """What is wrong with arrays: a type, a number that is not finite, member weights that do not count, or scores out of order."""
    wrong = []
    for name, array in arrays.items():
        types = ("float32", "float64") if "/params/" in name else ("float64",)
        if str(array.dtype) not in types:
            wrong.append(f"numbers in '{name}' have the type {array.dtype}")
        elif "/history/" in name:
            if array.ndim != 2 or array.size == 0:
                wrong.append(f"'{name}' has the shape {list(array.shape)}")
        elif not np.isfinite(array).all():
            wrong.append(f"numbers in '{name}' that are not finite")
    for member_weights in (array for name, array in arrays.items() if name.endswith("/member_weights")):
        if not wrong and not ((member_weights >= 0).all() and member_weights.sum() > 0):
            wrong.append("member weights that are below zero or all zero")
    for name in ("oob_predictions", "test_predictions"):
        if not wrong and f"{name}/y" in arrays:
            wrong += _wrong_in_predictions(
                {part: arrays[f"{name}/{part}"] for part in PREDICTION_PARTS if f"{name}/{part}" in arrays}, name
            )
    scores = arrays["scores"]
    if not wrong and CONFORMAL_PARTS[0] not in arrays and not ((scores >= 0).all() and (np.diff(scores) >= 0).all()):
        wrong.append("scores that are not in ascending order")
    return wrong


def wrong_in_difficulty(arrays: Mapping[str, AnyArray], n_columns: int) -> list[str]:
    """What is wrong with the pieces of a difficulty: they read no column of so many, fall, or reach beyond what can be multiplied."""
    if CONFORMAL_PARTS[0] not in arrays:
        return []
    inputs, low, high, slopes = (arrays[name] for name in CONFORMAL_PARTS[1:])
    wrong = []
    if not ((inputs == np.floor(inputs)).all() and ((inputs >= 0) & (inputs <= n_columns)).all()):
        wrong.append(f"a difficulty that reads other columns than the {n_columns} there are")
    if not (low < high).all():
        wrong.append("pieces of a difficulty that do not rise")
    if np.abs(slopes).sum() > _LARGEST_LOG:
        wrong.append("a difficulty that is too large a number")
    return wrong


def _wrong_in_predictions(parts: dict[str, AnyArray], name: str) -> list[str]:
    """What is wrong with answers to known rows: probabilities that are none, or codes and numbers of rows that are not whole."""
    prediction = parts["prediction"]
    codes = ("y", "rows", "group") if prediction.ndim == 2 else ("rows", "group")
    if prediction.ndim > 1 and not ((prediction >= 0).all() and np.allclose(prediction.sum(-1), 1.0, atol=1e-6)):
        return [f"probabilities in '{name}' that do not add up to one"]
    whole = [part for part in codes if part in parts]
    if not all((parts[part] >= 0).all() and (parts[part] == np.floor(parts[part])).all() and (parts[part] < 2**53).all() for part in whole):
        return [f"codes in '{name}' that are not whole numbers"]
    symbols = parts["y"]
    if prediction.ndim == 3 and not ((symbols >= -1).all() and (symbols == np.floor(symbols)).all() and (symbols < 2**31).all()):
        return [f"symbols in '{name}' that are not whole numbers"]
    if (prediction.ndim == 2 and (parts["y"] >= prediction.shape[1]).any()) or (parts["weight"] < 0).any():
        return [f"classes or weights in '{name}' that cannot be"]
    return []


def _positive(value: float) -> bool:
    return 0 < value < math.inf


def _distinct(values: list[str]) -> bool:
    return len(set(values)) == len(values)
