"""Are the five elements of a trained population well? What was measured while it trained, and plain words where something is wrong.

Numbers are medians over members. The limits are our choice: default settings on real tables stay within them, planted faults do not
(benchmarks/health.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import jax.numpy as jnp
import msgspec
import numpy as np

from weights.data.inputs import COLUMNS
from weights.elements.activation import ACTIVATIONS, gain
from weights.elements.initialization import Initialization, variance
from weights.ensemble import Ensemble, Population
from weights.models.registry import architecture_of
from weights.spec import Spec
from weights.training.health import OF_LAYERS, OF_MEMBER, OF_UNITS
from weights.types import FloatArray, Params
from weights.verdicts import Finding, LayerHealth

_FADED, _GROWN = 0.2, 5.0
"""Size of a layer's activations, beside that of matched first weights."""
_VANISHED, _EXPLODED = 0.02, 50.0
"""Mean squared length of gradients in the first hidden layer, beside the last: seven times shorter or longer."""
_COLLAPSED = 1.25
"""Directions in which the last hidden layer's activations differ at the start."""
_MANY_UNITS = 0.8
"""Share of a layer's units: with the default pull of weights towards zero up to three in four are silent on real tables, to no harm."""
_LONG_STEP = 0.06
"""Change of a layer's weights in one step, beside their own length: default steps at their longest make 1 to 5 %."""
_RISEN, _STILL_FALLING = 1.25, 0.02
_ENOUGH_ROWS = 128
"""In a round, for its mean loss to show more than chance."""
_FEWEST_UNITS, _FEWEST_ROWS = 8, 16
"""With fewer nothing is said of units: it would be chance."""
_NEARBY = 1e-2
"""From one weighted sum to another, to show the slope of an activation between them."""
_ELEMENTS = ("initialization", "activation", "updates", "optimization", "regularization")


def all_findings(ensemble: Ensemble) -> list[Finding]:
    """What is wrong with the elements of all populations of an ensemble."""
    return [finding for population in ensemble.populations for finding in findings(population, ensemble.report.failures)]


def all_layers(ensemble: Ensemble) -> list[LayerHealth]:
    """The health of each layer of all populations of an ensemble."""
    return [layer for population in ensemble.populations for layer in layer_health(population)]


def findings(population: Population, failures: Mapping[str, str] | None = None) -> list[Finding]:
    """What is wrong with the elements of a population; nothing if all is well, or if nothing was recorded because none took steps.

    Args:
        population: which.
        failures: why members failed, by their number with the population's name before it, as in `Report.failures`.
    """
    if not is_recorded(population):
        return []
    failed = [reason for member, reason in (failures or {}).items() if member.rsplit(" ", 1)[0] == population.name]
    recorded = _Recorded(population)
    faults = [
        *_find_start_faults(recorded),
        *_find_unit_faults(recorded),
        *_find_step_faults(recorded, failed),
        *_find_weight_faults(recorded),
    ]
    return sorted(faults, key=lambda finding: _ELEMENTS.index(finding.element))


def is_recorded(population: Population) -> bool:
    """Whether the history holds all that is asked here: not that of solved members, of streams of batches and of runs of older versions."""
    history, hidden = population.history, hidden_layers(population.params)
    over_time = [f"{layer}/{what}" for layer in population.params for what in OF_LAYERS]
    over_time += [*(f"{layer}/{what}" for layer in hidden for what in OF_UNITS), *OF_MEMBER]
    once = [*(f"{layer}/{what}" for layer in hidden for what in ("forward", "backward", "start_rank")), "input/forward", "output/forward"]
    rounds = ("loss", "unseen_loss", "out_of_bag_loss", "steps")
    needed = {*over_time, *once, *rounds, "measured_at", "rows_looked_at", "best_round"}
    if not needed <= set(history):
        return False
    same_times = {history[name].shape[1] for name in (*over_time, "measured_at")}, {history[name].shape[1] for name in rounds}
    return all(len(times) == 1 for times in same_times)


def layer_health(population: Population) -> list[LayerHealth]:
    """The health of each layer, as signals pass; nothing if none was recorded."""
    if not is_recorded(population):
        return []
    recorded = _Recorded(population)
    expected = expected_signals(population.spec, population.params, recorded.first("input/forward"))
    # Filters that are normalised, and shared by all places, have other sizes than the independent weights that theory speaks of; so has a
    # first layer that reads no columns.
    plain = not any("gain" in layer for layer in population.params.values()) and recorded.reads_columns

    def health_of(layer: str) -> LayerHealth:
        """What was recorded of a layer, beside what theory expects."""
        hidden, judged = layer in recorded.hidden, recorded.judges(layer)
        return LayerHealth(
            population=population.name,
            layer=layer,
            n_units=population.params[layer]["w"].shape[-1] if hidden else None,
            forward=_ratio(recorded.first(f"{layer}/forward"), expected.forward[layer]) if layer in expected.forward and plain else None,
            backward=_ratio(recorded.first(f"{layer}/backward"), expected.backward[layer]) if hidden and plain else None,
            dead=recorded.last(f"{layer}/dead") if judged else None,
            saturated=recorded.last(f"{layer}/saturated") if judged else None,
            rank=recorded.last(f"{layer}/rank") if judged else None,
            influence=recorded.last(f"{layer}/influence") if judged else None,
            weight_norm=recorded.last(f"{layer}/weight_norm"),
            zeros=recorded.last(f"{layer}/zeros"),
            grad_norm=recorded.last(f"{layer}/grad_norm"),
            update_ratio=recorded.last(f"{layer}/update_ratio"),
        )

    return [health_of(layer) for layer in ("embedding", *recorded.hidden, "output") if layer in population.params]


def noise_scale(population: Population) -> float | None:
    """How many rows a batch needs for its gradient to be as long as its noise, at the end of training; None where that was not recorded.

    The ratio of means over members (McCandlish et al. 2018, "An Empirical Model of Large-Batch Training", appendix A.1). It rises as
    training goes on, because the gradient falls and its noise does not.
    """
    if not is_recorded(population) or population.spec.optimization.optimizer.all_rows:
        return None
    if population.spec.optimization.batch_size == 1:
        return None  # a single row has no halves
    signal, noise = (float(np.nanmean(population.history[name][:, -1])) for name in ("grad_signal", "grad_noise"))
    return noise / signal if signal > 0 else None


class Signals(NamedTuple):
    """forward: mean square of what leaves each layer. backward: mean squared length of the gradient at each hidden layer."""

    forward: dict[str, float]
    backward: dict[str, float]


def expected_signals(spec: Spec, params: Params, entered: float) -> Signals:
    """What theory expects of first weights, for gradients at the outputs that are standard normal.

    Weights are independent and layers are wide, so that sums are normal (He et al. 2015, equations 8 and 13; for other activations
    Poole et al. 2016, "Exponential expressivity in deep neural networks through transient chaos", equation 3).

    Args:
        spec: of a network.
        params: whose layers have the widths.
        entered: mean square of what the first layer reads.
    """
    nodes, shares = np.polynomial.hermite_e.hermegauss(200)
    shares = shares / shares.sum()
    respond, matched, hidden = ACTIVATIONS[spec.activation.name], gain(spec.activation.name), hidden_layers(params)
    forward: dict[str, float] = {}
    deviations: dict[str, float] = {}
    slopes: dict[str, float] = {}
    size = entered
    for layer in (*hidden, "output"):
        fan_in, fan_out = params[layer]["w"].shape[-2:]
        deviations[layer] = variance(spec.initialization, (fan_in, fan_out), matched if layer in hidden[1:] else 1.0)
        if spec.initialization.name == "data":
            deviations[layer] = 1.0 / max(fan_in * size, 1e-12)
        sums = fan_in * deviations[layer] * size
        if layer in hidden:
            answers, beside = (np.asarray(respond(jnp.asarray(sums**0.5 * nodes + shift)), np.float64) for shift in (0.0, _NEARBY))
            size, slopes[layer] = float(shares @ answers**2), float(shares @ ((beside - answers) / _NEARBY) ** 2)
        forward[layer] = size if layer in hidden else sums
    backward: dict[str, float] = {}
    above, length = "output", float(params["output"]["w"].shape[-1])
    for layer in reversed(hidden):
        backward[layer] = params[layer]["w"].shape[-1] * deviations[above] * length
        above, length = layer, slopes[layer] * backward[layer]
    return Signals(forward, backward)


def hidden_layers(params: Params) -> list[str]:
    """Names of the layers whose units have an activation, as signals pass."""
    return sorted((name for name in params if name.startswith("hidden.")), key=lambda name: int(name.removeprefix("hidden.")))


def medians(values: FloatArray) -> FloatArray:
    """Over members of what was recorded (m, times), of those that are finite, shape (times,); NaN where none is."""
    return np.asarray([np.median(column[np.isfinite(column)]) if np.isfinite(column).any() else np.nan for column in values.T])


class _Recorded:
    """The history of a population, as medians over members."""

    def __init__(self, population: Population) -> None:
        self.population, self.history, self.spec = population, population.history, population.spec
        self.hidden = hidden_layers(population.params)

    @property
    def reads_columns(self) -> bool:
        """Whether the first layer reads columns and nothing else; what theory expects of other first layers is not known."""
        reads_nothing_else = COLUMNS in architecture_of(self.spec.model).reads
        return reads_nothing_else and self.first("input/forward") > 0

    def judges(self, layer: str) -> bool:
        """Whether there are units and rows enough to say how a hidden layer's units answer."""
        enough = self.first("rows_looked_at") >= _FEWEST_ROWS
        return enough and layer in self.hidden and self.population.params[layer]["w"].shape[-1] >= _FEWEST_UNITS

    def first(self, name: str) -> float:
        return float(medians(self.history[name][:, :1])[0])

    def last(self, name: str) -> float:
        return float(medians(self.history[name][:, -1:])[0])

    def most(self, name: str) -> float:
        """The largest median of all times."""
        return max(medians(self.history[name]).tolist())


def _find_start_faults(recorded: _Recorded) -> Iterator[Finding]:
    """Signals that fade or grow, gradients that vanish or explode, and rows that look the same, all because of the first weights."""
    scheme, activation, hidden = recorded.spec.initialization, recorded.spec.activation.name, recorded.hidden
    if not hidden:
        return
    instead = _advise_on_start(recorded.spec)
    matched = msgspec.structs.replace(recorded.spec, initialization=Initialization("he"))
    healthy = expected_signals(matched, recorded.population.params, recorded.first("input/forward")).forward
    sizes = {layer: (recorded.first(f"{layer}/forward") / max(healthy[layer], 1e-12)) ** 0.5 for layer in hidden}
    layer, size = max(sizes.items(), key=lambda entry: abs(np.log(max(entry[1], 1e-30))))
    if recorded.reads_columns and not _FADED < size < _GROWN:
        how, beside = "fades" if size < 1 else "grows", f"has {_number(size)} times the size it should have" if size > 0 else "is nothing"
        words = f"at the start the signal {how}: what leaves layer {layer} {beside}"
        yield Finding(recorded.population.name, "initialization", "scale", words, f"{instead}.", layer, size)
    lengths = [recorded.first(f"{layer}/backward") for layer in hidden]
    ratio = lengths[0] / max(lengths[-1], 1e-30)
    if len(hidden) > 1 and lengths[-1] > 0 and not _VANISHED < ratio < _EXPLODED:
        what, how = ("vanishing gradient", "vanish") if ratio < 1 else ("exploding gradient", "explode")
        words = (
            f"at the start gradients {how} on their way back: in layer {hidden[0]} they are {_number(ratio**0.5)} times as long as "
            f"in {hidden[-1]}"
        )
        other = f", or use relu or gelu instead of {activation}" if ratio < 1 and activation in ("sigmoid", "tanh") else ""
        yield Finding(recorded.population.name, "updates", what, words, f"{instead}{other}.", hidden[0], ratio**0.5)
    ranks = [recorded.first(f"{layer}/start_rank") for layer in hidden]
    if recorded.judges(hidden[-1]) and 0 < ranks[-1] < _COLLAPSED and ranks[-1] < 0.5 * ranks[0]:
        words = (
            f"at the start rows look the same to the last layers: activations of {hidden[0]} differ in {ranks[0]:.1f} directions, "
            f"those of {hidden[-1]} in {ranks[-1]:.1f}"
        )
        instead = "Use fewer layers" if scheme.name == "orthogonal" else "Use fewer layers, or start with orthogonal"
        yield Finding(recorded.population.name, "initialization", "collapsed rank", words, f"{instead}.", hidden[-1], ranks[-1])


def _find_unit_faults(recorded: _Recorded) -> Iterator[Finding]:
    """Units that answer the same to all rows, or sit at an end of what they can answer."""
    spec, params = recorded.spec, recorded.population.params
    for layer in filter(recorded.judges, recorded.hidden):
        n_units = params[layer]["w"].shape[-1]
        for what, words in (("dead", "answer the same to every row"), ("saturated", "sit at an end of what they can answer")):
            early, late = recorded.first(f"{layer}/{what}"), recorded.last(f"{layer}/{what}")
            if max(early, late) < _MANY_UNITS:
                continue
            from_start = early >= _MANY_UNITS
            finding = f"{100 * (early if from_start else late):.0f} % of the {n_units} units of layer {layer} {words}"
            advice = _advise_on_start(spec) if from_start else _advise_on_dead_units(recorded, layer)
            when = "at the start" if from_start else "at the end"
            yield Finding(
                recorded.population.name, "activation", what, f"{when} {finding}", f"{advice}.", layer, early if from_start else late
            )


def _find_step_faults(recorded: _Recorded, failed: list[str]) -> Iterator[Finding]:
    """Steps that are too long, or too few."""
    spec, history, name = recorded.spec, recorded.history, recorded.population.name
    n_members = len(failed) + len(recorded.population.member_weights)
    if failed:
        words = f"{len(failed)} of {n_members} members failed, the first because {failed[0]}"
        yield Finding(name, "optimization", "learning rate", words, f"{_lower_rate(spec)}.", None, len(failed) / n_members)
        return
    # Not of the embedding, whose weights are held near zero where they are of no use.
    pulled = spec.regularization.makes_zeros  # whose steps are long beside weights near zero
    moving = [layer for layer in (*recorded.hidden, "output") if recorded.last(f"{layer}/weight_norm") > 0 and not pulled]
    ratios = {layer: recorded.most(f"{layer}/update_ratio") for layer in moving}
    layer, longest = max(ratios.items(), key=lambda entry: entry[1], default=("output", 0.0))
    losses = _smoothed(history["loss"])
    n_rows = np.median(np.diff(history["steps"][0], prepend=0)) * (spec.optimization.batch_size or 1)
    rises = n_rows >= _ENOUGH_ROWS and losses[-1] > _RISEN * losses.min() and losses[-1] > 0.5 * losses[0]
    sets_rate = not spec.optimization.optimizer.finds_length
    if sets_rate and longest > _LONG_STEP:
        words = f"one step changes the weights of layer {layer} by {100 * longest:.2g} % of their length"
        yield Finding(name, "optimization", "learning rate", words, f"{_lower_rate(spec)}.", layer, longest)
    elif sets_rate and rises:
        words = f"the loss of batches rose again, from {losses.min():.3g} to {losses[-1]:.3g} at the end"
        yield Finding(name, "optimization", "learning rate", words, f"{_lower_rate(spec)}.", None, float(losses[-1] / losses.min()))
    curve = history["out_of_bag_loss"][0]
    n_last = max(len(curve) // 8, 1)
    best, full = np.median(history["best_round"]), history["steps"][0, -1] >= (spec.optimization.n_steps or 0)
    if full and len(curve) > 8 and best == len(curve) - 1:
        fell = 1 - curve[-1] / curve[-1 - n_last]
        if fell > _STILL_FALLING:
            words = f"training ended while the loss out of bag still fell, by {100 * fell:.2g} % in the last eighth of the steps"
            steps = spec.optimization.n_steps or 0
            advice = f"Take more steps (n_steps {3 * steps:,} instead of {steps:,}), or longer ones"
            yield Finding(name, "optimization", "too few steps", words, f"{advice}.", None, float(fell))


def _smoothed(losses: FloatArray) -> FloatArray:
    """Means of four rounds in turn (of all, if they are fewer) of the members' median loss, shape (r,)."""
    median = medians(losses)
    median = median[np.isfinite(median)]
    width = min(4, len(median))
    return np.convolve(median, np.full(width, 1.0 / width), mode="valid") if width else np.zeros(1)


def _find_weight_faults(recorded: _Recorded) -> Iterator[Finding]:
    """Penalties that leave nothing."""
    settings = recorded.spec.regularization
    if not settings.makes_zeros:
        return
    for layer in recorded.population.params:
        share = recorded.last(f"{layer}/zeros")
        if share == 1.0:
            words = f"all weights of layer {layer} are exactly zero, so that no input counts"
            advice = f"Lower the strength of the penalty ({settings.strength:.3g} was used)."
            yield Finding(recorded.population.name, "regularization", "all zero", words, advice, layer, share)


def _named(scheme: Initialization) -> str:
    """A scheme with what was set of it."""
    return f"normal with scale {scheme.scale:g}" if scheme.name == "normal" else scheme.name


def _advise_on_start(spec: Spec) -> str:
    if spec.initialization.gain is not None:
        return f"Leave the gain to follow the activation ({spec.initialization.gain:g} was used)"
    if spec.initialization.name == "he":
        return "Use fewer layers"
    return f"Start with he, which keeps signals at their size, instead of {_named(spec.initialization)}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if 100 <= value < 1e6 else f"{value:.2g}"


def _advise_on_dead_units(recorded: _Recorded, layer: str) -> str:
    """What to change where units have come to answer the same to every row, or nearly."""
    spec = recorded.spec
    settings, rate = spec.regularization, spec.optimization.learning_rate or 0.0
    if settings.strength and recorded.last(f"{layer}/zeros") > _MANY_UNITS:
        advice = f"Lower the strength of the penalty ({settings.strength / 10:.2g} instead of {settings.strength:.2g})"
    elif rate > spec.optimization.optimizer.learning_rate or not spec.optimization.weight_decay:
        advice = _lower_rate(spec)
    else:
        decay = spec.optimization.weight_decay
        advice = f"Lower the weight decay ({decay / 10:.2g} instead of {decay:.2g})"
    return f"{advice}, or use leaky_relu or gelu, whose units do not fall silent" if spec.activation.name == "relu" else advice


def _lower_rate(spec: Spec) -> str:
    rate = spec.optimization.learning_rate or 0.0
    return f"Lower the learning rate ({rate / 10:.2g} instead of {rate:.2g})"


def _ratio(measured: float, expected: float) -> float | None:
    return measured / expected if expected > 0 else None
