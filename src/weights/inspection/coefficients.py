"""What a linear ensemble says of each feature, in the feature's own unit: `coefficients`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from weights.data.encoding import Numeric
from weights.ensemble import Ensemble
from weights.errors import UsageError
from weights.models.registry import architecture_of
from weights.training.reading import share_bounded
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
        ensemble: linear, of numeric features that no member clips and that are never missing in training.

    Raises:
        UsageError: it is not.
    """
    encoding, task = ensemble.encoding, ensemble.task
    population, *others = ensemble.populations
    if others or not architecture_of(population.spec.model).linear:
        raise UsageError("Coefficients need a linear model, but the model has hidden layers. Use model 'linear'.")
    if reason := _nonlinearity(ensemble):
        raise UsageError(f"Coefficients in the unit of the features need features that enter as they are, but {reason}.")
    weights, params = population.normalised_member_weights, population.params["output"]
    layer = {name: np.tensordot(weights, np.asarray(values, np.float64), 1) for name, values in params.items()}
    layer["w"] = layer["w"][-len(encoding.columns) :]  # where numbers stand without a bound, that is behind the others
    center, scale = (np.asarray([getattr(column, name) for column in encoding.columns]) for name in ("center", "scale"))
    slopes = layer["w"] / scale[:, None]
    factor, origin = task.unit * population.stacking_weight, task.origin
    return Coefficients(factor * slopes, factor * (layer["b"] - center @ slopes) + origin)


def _nonlinearity(ensemble: Ensemble) -> str:
    """Why inputs are no linear function of the raw features, in words; empty if they are."""
    encoding = ensemble.encoding
    for column in encoding.columns:
        if not isinstance(column, Numeric):
            return f"'{column.name}' is no number. Leave it out or encode it first"
        if column.missing:
            return f"'{column.name}' has missing values. Impute it first"
    if encoding.clip is None:
        return ""
    shares = share_bounded(ensemble.populations[0], encoding.layout(ensemble.task.n_outputs))
    if np.isnan(shares).any():
        return f"numbers are clipped at {encoding.clip:g}. Set clip to None"
    if shares.any():
        column = encoding.columns[int(shares.argmax())]
        return (
            f"'{column.name}' is clipped at {encoding.clip:g} in {shares.max():.0%} of the members, because that predicts rows they never "
            "saw better. Set clip to None"
        )
    for name, (low, high) in ensemble.limits.items():
        return (
            f"'{name}' counts as its median below {low:.6g} and above {high:.6g}, because that predicts rows they never saw better. "
            "Repair or drop rows beyond"
        )
    return ""
