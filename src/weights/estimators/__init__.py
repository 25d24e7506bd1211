"""Ensembles as scikit-learn estimators: `WeightsClassifier`, `WeightsRegressor` and their linear siblings.

Each is a thin wiring over `api.plan_rows` and `api.run_rows`. They can be cloned, searched, put into pipelines, calibrated, inspected and
pickled like any estimator of scikit-learn.

What they do beyond `weights.fit`: columns of numbers are always used as numbers; rows that stand in a table several times are
merged (data/table/duplicates.py), so that a row of weight two is two rows and a row of weight zero is none; `warm_start` adds members;
`partial_fit` learns batch by batch (training/incremental.py).
"""

from __future__ import annotations

from weights.estimators.classifiers import WeightsClassifier, WeightsLinearClassifier
from weights.estimators.regressors import WeightsLinearRegressor, WeightsRegressor

__all__ = ["WeightsClassifier", "WeightsLinearClassifier", "WeightsLinearRegressor", "WeightsRegressor"]
