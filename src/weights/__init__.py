"""Weights learns the weights of machine-learning models, and says what each is worth and how sure that is.

    import weights as wt
    model = wt.fit("patients.parquet", target="diagnosis")

Names are loaded when first used, so that `import weights` and `weights --help` stay fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from weights.api import fit, load
    from weights.data.audio.medium import Recordings
    from weights.data.table.excel import Sheet
    from weights.data.table.sql import Query
    from weights.errors import (
        CorruptError,
        DataError,
        Interrupted,
        NotFoundError,
        RowsWarning,
        StorageError,
        TooLargeError,
        TrainingError,
        UsageError,
        WeightsError,
    )
    from weights.estimators import WeightsClassifier, WeightsLinearClassifier, WeightsLinearRegressor, WeightsRegressor
    from weights.forecasts import ForecastModel
    from weights.model import Model
    from weights.pricemodel import PriceModel
    from weights.ratings import RatingModel
    from weights.recommendations import RankingModel

__version__ = "0.1.0"

__all__ = [
    "CorruptError",
    "DataError",
    "ForecastModel",
    "Interrupted",
    "Model",
    "NotFoundError",
    "PriceModel",
    "Query",
    "RankingModel",
    "RatingModel",
    "Recordings",
    "RowsWarning",
    "Sheet",
    "StorageError",
    "TooLargeError",
    "TrainingError",
    "UsageError",
    "WeightsClassifier",
    "WeightsError",
    "WeightsLinearClassifier",
    "WeightsLinearRegressor",
    "WeightsRegressor",
    "fit",
    "load",
]

_HOME = {"ForecastModel": "weights.forecasts", "Model": "weights.model", "fit": "weights.api", "load": "weights.api"}
_HOME |= {"PriceModel": "weights.pricemodel", "RankingModel": "weights.recommendations", "RatingModel": "weights.ratings"}
_HOME |= {"Recordings": "weights.data.audio.medium"}
_HOME |= {"Query": "weights.data.table.sql", "Sheet": "weights.data.table.excel"}
_HOME |= {name: "weights.estimators" for name in __all__ if name.endswith(("Classifier", "Regressor"))}


def __getattr__(name: str) -> Any:
    if name == "questions":
        return importlib.import_module("weights.questions")
    if name not in __all__:
        raise AttributeError(f"module 'weights' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOME.get(name, "weights.errors")), name)


def __dir__() -> list[str]:
    return __all__
