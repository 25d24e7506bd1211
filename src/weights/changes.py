"""What can be changed in the settings of a run to make it better: `changes` lists it, `with_change` makes a change.

A change is one setting more or less, by factors large enough to matter and small enough to stay sensible, several at once, or other
populations. `remedies.diagnose` tries changes on the rows of training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
import numpy as np

from weights.candidates import candidates, check_memory, find_network, plans_of
from weights.elements.augmentation import AUGMENTATIONS
from weights.ensemble import Ensemble
from weights.errors import UsageError, listed, suggest
from weights.models.architecture import Architecture
from weights.models.registry import architecture_of
from weights.prepared import Prepared
from weights.spec import Spec, check, with_settings
from weights.trials import excluded_populations

_MOST_UNITS = 256
_TRIED_QUICKLY = {"freer": "weaker-penalty", "held-back": "stronger-penalty", "with-networks": "", "linear-alone": ""}
"""What is tried in a quick diagnosis, and what in its place where a run has no such change."""
BASELINE = "baseline"


class Change(NamedTuple):
    """A remedy that can be tried: its name, the change in words, and the settings of each population with it."""

    name: str
    words: str
    specs: dict[str, Spec]


def changes(ensemble: Ensemble, prepared: Prepared) -> list[Change]:
    """The remedies that make sense for the settings of a run.

    Args:
        ensemble: the run.
        prepared: its rows, ready again, with its settings as candidates.
    """
    specs = prepared.candidates
    possible = [*_list_changes(specs, excluded_populations(ensemble))]
    networks = {name: spec for name, spec in specs.items() if architecture_of(spec.model).has_hidden}
    linear = {name: spec for name, spec in specs.items() if architecture_of(spec.model).linear}
    if networks and linear:
        possible.append(Change("linear-alone", "the linear model alone", linear))
    if not networks and (network := find_network(prepared.dataset)) is not None:
        like = next(iter(specs.values()))
        chosen = {f"members.{name}": value for name, value in msgspec.structs.asdict(like.members).items()}
        chosen["updates.mask"] = like.updates.mask
        mixed = {**specs, **candidates(network, chosen, prepared.dataset, prepared.task)}
        possible.append(Change("with-networks", "networks beside the linear model", mixed))
    if idle := _idle_features(ensemble):
        words = f"without {listed(idle, 3)}, which out-of-bag rows do not miss"
        masked = {name: with_settings(spec, {"updates.mask": (*spec.updates.mask, *idle)}) for name, spec in specs.items()}
        possible.append(Change("fewer-features", words, masked))
    return possible


def with_change(ensemble: Ensemble, prepared: Prepared, name: str) -> tuple[Prepared, str]:
    """The rows of a run, ready to be trained on with one change of its settings, and the change in words.

    Raises:
        UsageError: the run has no such change. TooLargeError: it does not fit into memory.
    """
    possible = {change.name: change for change in changes(ensemble, prepared)}
    if name not in possible:
        raise UsageError(f"This run has no change '{name}'. {suggest(name, possible)}")
    change, report = possible[name], ensemble.report
    plans = plans_of(change.specs, prepared.layout, len(prepared.dataset.inputs), n_threads=prepared.n_threads)
    check_memory(plans)
    remarks = [*report.remarks, f"fitted again{'' if change.words.startswith('without ') else ' with'} {change.words}"]
    changed = dataclasses.replace(prepared, candidates=change.specs, plans=plans, remarks=remarks, inspect=report.is_weighed)
    return changed, change.words


def choose_changes(possible: list[Change], *, quick: bool, curves: bool) -> list[Change]:
    """Those of the changes that are tried."""
    names = {change.name for change in possible}
    wanted = {name if name in names else instead for name, instead in _TRIED_QUICKLY.items()} if quick else names - {*_ONLY_FOR_CURVES}
    if curves:
        wanted |= {name for along in COMPLEXITY.values() for name in along}
    return [change for change in possible if change.name in wanted]


class _SettingChange(NamedTuple):
    """A change of one setting: for which architectures and how a value becomes another (None: leave it)."""

    name: str
    setting: str
    fits: Callable[[Architecture], bool]
    changed: Callable[[Any], Any]


def _resized(factor: float) -> Callable[[tuple[int, ...]], tuple[int, ...] | None]:
    """Layers of more units, at least 16 and at most 256, or of fewer, at least 4; None where they are beyond that."""

    def resize(units: int) -> int:
        wanted = round(units * factor)
        return max(min(max(wanted, 16), _MOST_UNITS), units) if factor > 1 else min(max(wanted, 4), units)

    def resize_layers(hidden: tuple[int, ...]) -> tuple[int, ...] | None:
        sizes = tuple(map(resize, hidden))
        return None if sizes == hidden else sizes

    return resize_layers


def _times(factor: float, *, most: float = np.inf, from_zero: float | None = None) -> Callable[[float], float | None]:
    return lambda value: None if value >= most and factor > 1 else min(value * factor, most) or from_zero


def _has_hidden(architecture: Architecture) -> bool:
    return architecture.has_hidden


def _has_none_hidden(architecture: Architecture) -> bool:
    return not architecture.has_hidden


def _reads(block: str) -> Callable[[Architecture], bool]:
    return lambda architecture: block in architecture.reads


def _switch_off(value: float) -> float | None:
    return 0.0 if value else None


def _looks_at_places(architecture: Architecture) -> bool:
    return architecture.scene is not None


def _is_augmented_by(settings: type[Any]) -> Callable[[Architecture], bool]:
    return lambda architecture: architecture.augmentation is settings


def _is_resized_by(field: str) -> Callable[[Architecture], bool]:
    return lambda architecture: architecture.capacity == field


def _resize(name: str, **factors: float) -> Iterator[_SettingChange]:
    """The change of the sizes of layers by a factor for each setting that may hold them."""
    for field, factor in factors.items():
        yield _SettingChange(name, f"model.{field}", _is_resized_by(field), _resized(factor))


_SETTING_CHANGES = (
    *_resize("wider", hidden=4.0, widths=1.5),
    *_resize("narrower", hidden=0.25, widths=0.5),
    _SettingChange("wider", "model.n_kernels", _is_resized_by("n_kernels"), lambda n: 2 * n),
    _SettingChange("narrower", "model.n_kernels", _is_resized_by("n_kernels"), lambda n: max(n // 4, 1)),
    _SettingChange("stronger-penalty", "regularization.strength", _has_none_hidden, _times(10.0)),
    _SettingChange("stronger-penalty", "optimization.weight_decay", _has_hidden, _times(10.0, from_zero=1.0)),
    _SettingChange("weaker-penalty", "regularization.strength", _has_none_hidden, _times(0.1)),
    _SettingChange("weaker-penalty", "optimization.weight_decay", _has_hidden, _times(0.1)),
    _SettingChange("weaker-penalty", "regularization.strength", _has_hidden, _times(0.1)),
    *_resize("much-narrower", hidden=1 / 16, widths=1 / 4),
    _SettingChange("much-narrower", "model.n_kernels", _is_resized_by("n_kernels"), lambda n: max(n // 16, 1)),
    _SettingChange("much-stronger-penalty", "regularization.strength", _has_none_hidden, _times(100.0)),
    _SettingChange("much-stronger-penalty", "optimization.weight_decay", _has_hidden, _times(100.0, from_zero=10.0)),
    _SettingChange("much-weaker-penalty", "regularization.strength", _has_none_hidden, _times(0.01)),
    _SettingChange("much-weaker-penalty", "optimization.weight_decay", _has_hidden, _times(0.01)),
    _SettingChange("much-weaker-penalty", "regularization.strength", _has_hidden, _times(0.01)),
    _SettingChange("longer", "optimization.n_steps", _reads("x"), lambda steps: 3 * steps),
    _SettingChange("longer", "optimization.n_steps", _looks_at_places, lambda steps: 2 * steps),
    _SettingChange("shorter", "optimization.n_steps", _has_hidden, lambda steps: max(steps // 3, 24) if steps > 24 else None),
    *(
        _SettingChange(name, f"augmentation.{changed}", _is_augmented_by(settings), change)
        for settings in AUGMENTATIONS
        for changed, (most, some) in settings.stronger.items()
        for name, change in (("more-augmentation", _times(2.0, most=most, from_zero=some)), ("less-augmentation", _switch_off))
    ),
    _SettingChange("more-dropout", "regularization.dropout", _has_hidden, _times(3.0, most=0.6, from_zero=0.3)),
    _SettingChange("less-dropout", "regularization.dropout", _has_hidden, _times(0.2)),
    _SettingChange("early-stop", "regularization.patience", _has_hidden, lambda patience: None if patience else 5),
    _SettingChange("higher-rate", "optimization.learning_rate", _has_hidden, _times(3.0)),
    _SettingChange("lower-rate", "optimization.learning_rate", _has_hidden, _times(1 / 3)),
)
"""One setting more or less, by factors large enough to matter and small enough to stay sensible (our choice)."""
COMPLEXITY = {
    "width": ("much-narrower", "narrower", BASELINE, "wider"),
    "penalty": ("much-stronger-penalty", "stronger-penalty", BASELINE, "weaker-penalty", "much-weaker-penalty"),
}
"""Changes along which models become freer."""
_ONLY_FOR_CURVES = ("much-narrower", "much-stronger-penalty", "much-weaker-penalty")
_TOGETHER = {
    "freer": ("wider", "weaker-penalty", "less-dropout", "less-augmentation", "longer"),
    "held-back": ("stronger-penalty", "more-dropout", "more-augmentation", "early-stop"),
}
"""Several at once, where one alone may be too little."""


def _list_changes(specs: Mapping[str, Spec], excluded: set[str]) -> Iterator[Change]:
    """Changes of single settings, in every population that has them, and of several together, in words that say what is changed."""
    singles = {name: (name,) for name in dict.fromkeys(change.name for change in _SETTING_CHANGES)}
    distinct: list[dict[str, Spec]] = [dict(specs)]
    for name, parts in (singles | _TOGETHER).items():
        changed, words = dict(specs), []
        for population in specs:
            for change in (change for part in parts for change in _SETTING_CHANGES if change.name == part):
                spec, (section, field) = changed[population], change.setting.split(".")
                before = getattr(getattr(spec, section), field) if change.fits(architecture_of(spec.model)) else None
                after = None if before is None else change.changed(before)
                candidate = None if after is None else with_settings(spec, {change.setting: after})
                if candidate is not None and _fits(candidate):
                    changed[population] = candidate
                    if population not in excluded:
                        words.append(f"{field} {_said(after)} instead of {_said(before)}")
        if words and changed not in distinct:
            distinct.append(changed)
            yield Change(name, "; ".join(dict.fromkeys(words)), changed)


def _fits(spec: Spec) -> bool:
    try:
        check(spec)
    except UsageError:
        return False
    return True


def _said(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else f"{value:.3g}" if isinstance(value, float) else f"{value:,}"


def _idle_features(ensemble: Ensemble) -> list[str]:
    """Features that out-of-bag rows do not miss; none if these are all."""
    known = ensemble.report.feature_weights
    if known is None:
        return []
    masked = {name for population in ensemble.populations for name in population.spec.updates.mask}
    useless = [importance.features[0] for importance in known.importances if importance.value <= 0]
    idle = [feature for feature in useless if feature not in masked]
    return idle if len(idle) < len(known.importances) - len(masked) else []
