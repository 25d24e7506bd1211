"""What a person reads of the five elements: settings, what was recorded of each while training, the health of layers, and what is wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from weights.elements.augmentation import AnyAugmentation
from weights.ensemble import Population
from weights.inspection.health import is_recorded, layer_health, medians, noise_scale
from weights.report.terminal import sparkline
from weights.spec import counts
from weights.summary import labelled
from weights.tables import aligned, compact
from weights.verdicts import Finding, LayerHealth

_RECORDED_OF_SOLVED = frozenset(("strength", "zeros", "n_steps", "residual"))
_MOST_FINDINGS = 4


def element_lines(population: Population, step_seconds: Mapping[str, float] | None = None) -> list[str]:
    """The five elements of a population: their settings, what was recorded of each while training, and the health of its layers.

    Args:
        population: which.
        step_seconds: what a step of a member took, by population.
    """
    spec = population.spec
    lines = [f"Five elements of {population.name}"]
    recorded = _recorded(population)
    if recorded and step_seconds and population.name in step_seconds:
        n_steps = population.history["steps"][0, -1]
        recorded["optimization"].append(f"{n_steps:,.0f} steps of {_say_step(step_seconds[population.name])}")
    for element in ("initialization", "activation", "regularization", "optimization", "updates"):
        settings = {k: v for k, v in msgspec.structs.asdict(getattr(spec, element)).items() if counts(spec, element, k)}
        in_use = {k: v for k, v in settings.items() if v not in (None, 0.0, ())}
        if spec.solved and not in_use:
            lines.append(f"  {element:<16}not used: the optimum is solved, whatever the start")
            continue
        text = ", ".join(f"{k} {_plain(v)}" for k, v in in_use.items() if k != "name")
        lines.append(f"  {element:<16}{settings.get('name', settings.get('penalty', ''))!s:<12}{text}".rstrip())
        lines += [f"  {'':<16}{note}" for note in recorded.get(element, [])]
        if element == "regularization":
            lines += _augmentation_lines(spec.augmentation)
    return [*lines, *_layer_lines(layer_health(population))]


def _augmentation_lines(settings: AnyAugmentation | None) -> list[str]:
    """How rows are changed while members learn, if they are."""
    used = {} if settings is None else {name: value for name, value in msgspec.structs.asdict(settings).items() if value}
    words = [name if value is True else f"{name} {_plain(value)}" for name, value in used.items()]
    return [f"  {'':<16}rows are changed: {', '.join(words)}"] if words else []


def finding_lines(findings: Sequence[Finding], run: str | None = None) -> list[str]:
    """What is wrong, and what to change; nothing if nothing is.

    Args:
        findings: of one run or variant after the other.
        run: where a run of many findings shows the others; None shows all.
    """
    shown = findings if run is None else findings[:_MOST_FINDINGS]
    lines = [f"{finding.population}: {finding.words}. {finding.advice}" for finding in shown]
    if len(findings) > len(shown):
        lines.append(f"and {len(findings) - len(shown)} more: weights show {run}")
    return [labelled("Warnings" if i == 0 else "", line) for i, line in enumerate(lines)]


def quantile(values: Any, level: float) -> float | None:
    """The quantile of the finite values, or None if there are none."""
    finite = values[np.isfinite(values)]
    return float(np.quantile(finite, level)) if len(finite) else None


def _recorded(population: Population) -> dict[str, list[str]]:
    """What was recorded while training, in words, by element; nothing if it was not."""
    history, spec = population.history, population.spec
    if set(history) >= _RECORDED_OF_SOLVED:
        return _recorded_of_solved(history, chosen=spec.regularization.strength is None)
    if not is_recorded(population):
        return {}
    layers = layer_health(population)
    curve, alone, batches = history["out_of_bag_loss"][0], medians(history["unseen_loss"]), medians(history["loss"])
    best = int(np.median(history["best_round"]))
    low, high = (float(pick([curve, alone, batches])) for pick in (np.nanmin, np.nanmax))
    alone_low, alone_high = (compact(quantile(history["unseen_loss"][:, best], level)) for level in (0.05, 0.95))

    def curve_of(values: Any) -> str:
        return sparkline(values, low, high)

    scale = noise_scale(population)
    noise = (
        ""
        if scale is None
        else f"; batches of {scale:,.0f} rows would have as much gradient as noise ({spec.optimization.batch_size} are used)"
    )
    norm = float(np.sqrt(sum(layer.grad_norm**2 for layer in layers)))
    return {
        "regularization": [f"penalty {compact(float(np.nanmedian(history['penalty'][:, -1])))} beside a loss of {compact(batches[-1])}"],
        "optimization": [
            f"out of bag      {curve_of(curve)} {compact(curve[0])} to {compact(np.nanmin(curve))}; "
            f"kept round {best + 1} of {len(curve)} (median)",
            f"one alone       {curve_of(alone)} {compact(alone[0])} to {compact(alone[best])} [{alone_low} {alone_high}]",
            f"on batches      {curve_of(batches)} {compact(batches[0])} to {compact(batches[-1])}",
        ],
        "updates": [f"gradient norm {compact(norm)} at the end{noise}"],
    }


def _recorded_of_solved(history: dict[str, Any], *, chosen: bool) -> dict[str, list[str]]:
    strengths, counts = np.unique(np.asarray(history["strength"]).ravel(), return_counts=True)
    by_members = ", ".join(f"{value:.3g} ({count})" for value, count in zip(strengths, counts, strict=True))
    how = f"strength chosen on out-of-bag rows (members): {by_members}; " if chosen else ""
    n_steps, zeros = (float(np.nanmean(history[name][:, -1])) for name in ("n_steps", "zeros"))
    return {
        "regularization": [f"{how}{100 * zeros:.0f} % of weights exactly zero"],
        "optimization": [f"{n_steps:.1f} steps a member; largest residual {np.max(history['residual']):.1g}"],
    }


def _layer_lines(layers: list[LayerHealth]) -> list[str]:
    if not layers:
        return []
    heads = ["layer", "units", "forward", "backward", "dead", "saturated", "rank", "nonlinear", "weights", "zeros", "gradient", "step"]
    rows = [heads]
    for layer in layers:
        units = [_percent(layer.dead), _percent(layer.saturated), compact(layer.rank), _percent(layer.influence)]
        if layer.n_units and layer.dead is None:
            units = ["too few", "too few", "", ""]
        own = [compact(layer.weight_norm), _percent(layer.zeros), compact(layer.grad_norm), _percent(layer.update_ratio)]
        rows.append([layer.layer, str(layer.n_units or ""), compact(layer.forward), compact(layer.backward), *units, *own])
    started = "forward, backward: size of signals and gradients at the start, beside what theory expects of it;"
    if all(layer.forward is None and layer.backward is None for layer in layers):
        rows = [[*row[:2], *row[4:]] for row in rows]
        started = "no signals at the start: theory does not speak of normalised filters;"
    return [
        *aligned(rows, to_right=range(1, len(rows[0]))),
        f"  medians over members. {started}",
        "  at the end: dead and saturated units (or too few to judge); rank: directions in which activations differ; nonlinear: by",
        "  how much outputs change, of their variance, if the layer is linearised; length of weights, of gradient and of a step",
    ]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.3g} %"


def _say_step(seconds: float) -> str:
    """How long a step takes, in a unit of which there are a few.

    Example:
        >>> _say_step(250e-6), _say_step(0.0123), _say_step(1.25)
        ('250 us', '12.3 ms', '1.25 s')
    """
    factor, unit = (1e6, "us") if seconds < 1e-3 else (1e3, "ms") if seconds < 1 else (1.0, "s")
    return f"{factor * seconds:.3g} {unit}"


def _plain(value: Any) -> str:
    return ",".join(str(v) for v in value) if isinstance(value, tuple | list) else f"{value:g}" if isinstance(value, float) else str(value)
