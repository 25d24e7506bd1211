"""What commands print as JSON, as plain dictionaries: one function for each thing that is more than a record."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from weights.api import Look
from weights.ensemble import Ensemble, Population
from weights.inspection.health import all_findings, all_layers, is_recorded
from weights.inspection.saliency import Saliency
from weights.model import Model
from weights.models.scene import box_of
from weights.prepared import Prepared
from weights.report.elements import quantile
from weights.report.terminal import model_name
from weights.verdicts import Diagnosis

_BANDS = {"q05": 0.05, "q50": 0.5, "q95": 0.95}
_BY_ROUND = ("loss", "learning_rate", "unseen_loss", "out_of_bag_loss")
_OF_START = ("/forward", "/backward", "/start_rank")
_NOT_OVER_TIME = ("steps", "measured_at", "best_round", "rows_looked_at")


def run_object(model: Model, folder: Path | None) -> dict[str, Any]:
    """What `fit` and `show` print as JSON."""
    report = model.report
    return {
        "task": model.ensemble.task.kind,
        "target": model.ensemble.task.target,
        "classes": model.classes,
        "model": model_name(model.ensemble),
        "n_members": model.ensemble.n_members,
        "n_samples": report.n_samples,
        "n_features": report.n_features,
        "metrics": model.metrics,
        "intervals": {name: [metric.low, metric.high] for name, metric in report.metrics.items() if metric.low is not None},
        "test": {name: metric.value for name, metric in report.test.items()},
        "test_intervals": {name: [metric.low, metric.high] for name, metric in report.test.items() if metric.low is not None},
        "n_test": report.n_test,
        "compared": {name: {key: metric.value for key, metric in metrics.items()} for name, metrics in report.compared.items()},
        "usefulness": report.usefulness and {"verdict": report.usefulness.verdict, **msgspec.to_builtins(report.usefulness)},
        "decision": report.decision,
        "searches": report.searches,
        "failures": report.failures,
        "remarks": report.remarks,
        "seconds": report.seconds,
        "saved": spell(folder) if folder else None,
        "features": model.ensemble.features,
        "specs": model.specs,
    }


def look_object(look: Look) -> dict[str, Any]:
    """What `data SOURCE` prints as JSON."""
    return {**msgspec.structs.asdict(look), "task": look.task.kind if look.task else None}


def plan_object(prepared: Prepared) -> dict[str, Any]:
    """What `fit --dry-run` prints as JSON."""
    return {
        "task": prepared.task.kind,
        "n_samples": prepared.dataset.n_samples,
        "n_features": len(prepared.dataset.used_features),
        "features": prepared.dataset.features,
        "remarks": prepared.remarks,
        "plans": prepared.plans,
        "feature_weights_seconds": round(prepared.weighing_seconds, 2),
        "spec": prepared.candidates,
    }


def spell(path: str | Path) -> str:
    """A path as text that JSON can hold, whatever bytes it has."""
    return os.fsencode(path).decode(errors="replace")


def diagnosis_object(diagnosis: Diagnosis) -> dict[str, Any]:
    """What `weights diagnose --json` prints: the terms of the loss as numbers, and their standard errors beside them."""
    record = msgspec.to_builtins(diagnosis)
    parts = record.pop("decomposition")
    terms = ("loss", "bias", "variance", "noise", "diversity", "rows")
    values = {name: parts[name] and parts[name]["value"] for name in terms}
    errors = {name: parts[name]["std_err"] for name in terms if parts[name]}
    return {
        "verdict": record.pop("verdict"),
        "reason": record.pop("reason"),
        "measure": parts["measure"],
        **values,
        "std_err": errors,
        "constant": parts["constant"],
        **record,
    }


def health_object(ensemble: Ensemble) -> dict[str, Any]:
    """What `weights show --json` says of health: findings, layers, and bands of what was recorded, over members, by steps."""
    return {
        "findings": all_findings(ensemble),
        "layers": all_layers(ensemble),
        "bands": {population.name: _bands(population) for population in ensemble.populations if is_recorded(population)},
    }


def _bands(population: Population) -> dict[str, dict[str, list[float | None]]]:
    """Quantiles over members of all that was recorded at several times: name -> steps, q05, q50, q95."""
    history = population.history
    bands: dict[str, dict[str, list[float | None]]] = {}
    for name, values in history.items():
        if name in _NOT_OVER_TIME or name.endswith(_OF_START):
            continue
        steps = history["steps" if name in _BY_ROUND else "measured_at"][0]
        rows: dict[str, list[float | None]] = {"steps": steps.tolist()}
        for label, level in _BANDS.items():
            rows[label] = [quantile(column, level) for column in values.T]
        bands[name] = rows
    return bands


def saliency_object(saliency: Saliency) -> dict[str, Any]:
    """What `explain --json` prints of a picture: maps as lists of rows."""
    alone = saliency.members_agree is None
    return {
        "prediction": saliency.prediction,
        "without_critical": saliency.without,
        "critical_box": [*box_of(saliency.critical)] if saliency.critical.any() else None,
        "where": saliency.where,
        "members_agree": saliency.members_agree,
        "member_correlation": None if alone else saliency.member_correlation._asdict(),
        "chance": saliency.chance._asdict(),
        "depends_on_weights": saliency.depends_on_weights,
        "randomised": [{"layer": step.layer, **step.correlation._asdict()} for step in saliency.randomised],
        "occlusion": saliency.mean_occlusion.tolist(),
        "agreement": saliency.agreement.tolist(),
        "gradients": saliency.mean_gradients.tolist(),
    }
