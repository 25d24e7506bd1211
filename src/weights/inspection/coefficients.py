"""What a linear ensemble says of each feature, in the feature's own unit: `coefficients`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weights.data.encoding import Encoding, Numeric
from weights.ensemble import Ensemble
from weights.errors import UsageError
from weights.models.registry import architecture_of
from weights.types import FloatArray


class Coefficients(NamedTuple):
    """Slopes (p, k) in units of the target (or log odds, log rates) for a unit of each feature, and intercepts (k,)."""

    slopes: FloatArray
    intercepts: FloatArray


def coefficients(ensemble: Ensemble) -> Coefficients:
    """The ensemble as one linear function of the raw features, members averaged by their weights.

    For numbers ``x @ slopes + intercepts`` is the prediction, for counts the log of their mean; for two classes the log odds of the
    second, calibrated; for more classes calibrated log probabilities, apart from what all classes of a row have in common.

    Args:
        ensemble: linear, of numeric features that are neither clipped nor ever missing in training.

    Raises:
        UsageError: it is not.
    """
    encoding, task = ensemble.encoding, ensemble.task
    population, *others = ensemble.populations
    if others or not architecture_of(population.spec.model).linear:
        raise UsageError("Coefficients need a linear model, but the model has hidden layers. Use model 'linear'.")
    if reason := _nonlinearity(encoding):
        raise UsageError(f"Coefficients in the unit of the features need features that enter as they are, but {reason}.")
    weights, params = population.normalised_member_weights, population.params["output"]
    layer = {name: np.tensordot(weights, np.asarray(values, np.float64), 1) for name, values in params.items()}
    center, scale = (np.asarray([getattr(column, name) for column in encoding.columns]) for name in ("center", "scale"))
    slopes = layer["w"] / scale[:, None]
    factor, origin = task.unit * population.stacking_weight, task.origin
    return Coefficients(factor * slopes, factor * (layer["b"] - center @ slopes) + origin)


def _nonlinearity(encoding: Encoding) -> str:
    """Why inputs are no linear function of the raw features, in words; empty if they are."""
    if encoding.clip is not None:
        return f"numbers are clipped at {encoding.clip:g}. Set clip to None"
    for column in encoding.columns:
        if not isinstance(column, Numeric):
            return f"'{column.name}' is no number. Leave it out or encode it first"
        if column.missing:
            return f"'{column.name}' has missing values. Impute it first"
    return ""
