"""Which settings are tried, and what they take: `candidates` and `races` turn what the user asked for into specs."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from weights.data.dataset import Dataset
from weights.data.inputs import Layout, example_layout
from weights.data.memory import check_memory_for
from weights.errors import UsageError, listed, suggest
from weights.models.registry import ARCHITECTURES, architecture_of
from weights.spec import Members, Spec, find_setting, resolve, with_settings, without_numbers
from weights.tasks.base import Task
from weights.training.plan import Plan, plan, steps_within

_MOST_CANDIDATES = 64
_SHARE_TAKEN = 0.4
"""Of the time for all steps networks take about so much until nothing improves or they are left out (of 43 real tables)."""


def candidates(model: str, settings: dict[str, Any], dataset: Dataset, task: Task, *, varied: bool = True) -> dict[str, Spec]:
    """Resolved settings of each population; with auto, each model takes the settings that it has, and one that cannot use them is left out.

    Args:
        model: its name, or auto.
        settings: what the user asked for, by name.
        dataset: the rows.
        task: what is asked of them.
        varied: whether auto may add populations that differ in settings nobody asked for.
    """
    if model not in ("auto", *ARCHITECTURES):
        raise UsageError(f"There is no model '{model}'. {suggest(model, ['auto', *ARCHITECTURES])}")
    specs: dict[str, Spec] = {}
    refused: UsageError | None = None
    sizes = sizes_of(dataset, task)
    names = _list_names(model, dataset)
    if task.n_moments:
        names = [name for name in names if ARCHITECTURES[name].tells_moments]
        if not names:
            able = [name for name, architecture in ARCHITECTURES.items() if architecture.tells_moments]
            raise UsageError(f"{model} answers rows as a whole, and cannot tell what is said at which moment. Use {listed(able, 3)}.")
    stepping = [name for name in names if ARCHITECTURES[name].defaults.solver is None]
    some_are_of_one = any(len(_own_settings(name, settings, names)) < len(settings) for name in stepping)
    for name in names:
        defaults = ARCHITECTURES[name].defaults
        stays_solved, n_members = model == "auto" and defaults.solver is not None, defaults.n_members
        start = Spec() if n_members is None else Spec(members=Members(n_members=n_members))
        try:
            own = _settings_that_solve(name, settings, names) if stays_solved else _own_settings(name, settings, names)
            specs[name] = resolve(with_settings(start, {"model": name, **own}), *sizes)
        except UsageError as error:
            if not _asks_for_optimizer(settings) if stays_solved else some_are_of_one:
                raise
            refused = error
    for name, spec in specs.items() if dataset.streamed else ():
        if spec.optimization.optimizer.all_rows:
            chosen = spec.optimization.name
            raise UsageError(f"{chosen} takes all rows at once, but they do not fit into memory. Choose another optimization for {name}.")
    if not specs:
        assert refused is not None
        raise refused
    if varied and model == "auto":
        specs |= _vary(specs, settings)
    specs = {name: _with_members(spec, len(specs)) for name, spec in specs.items()}
    check_features(specs, dataset)
    return specs


def _list_names(model: str, dataset: Dataset) -> list[str]:
    """The architectures that are tried, the simpler first: with auto those that can read such rows."""
    blocks = {*dataset.encoding.layout(1).names}
    readers = [name for name, architecture in ARCHITECTURES.items() if {*architecture.reads} <= blocks]
    return [name for name in readers if ARCHITECTURES[name].in_auto] if model == "auto" else [model]


def find_network(dataset: Dataset) -> str | None:
    """The network that auto tries on such rows, of several the one that reads most; None where it tries none."""
    networks = [name for name in _list_names("auto", dataset) if ARCHITECTURES[name].has_hidden]
    return networks[-1] if networks else None


def _vary(specs: Mapping[str, Spec], settings: Mapping[str, Any]) -> dict[str, Spec]:
    """Second populations beside those that learn as usual: their settings but for what is varied and nobody asked for."""
    varied = {}
    for name, spec in specs.items():
        architecture = architecture_of(spec.model)
        asked = {path for path in architecture.beside if {path, path.split(".")[1]} & settings.keys()}
        beside = {path: value for path, value in architecture.beside.items() if path not in asked}
        if beside and spec.optimization.name == (architecture.defaults.solver or architecture.defaults.optimizer):
            varied[f"{name}-{architecture.beside_name}"] = with_settings(spec, beside)
    return varied


def sizes_of(dataset: Dataset, task: Task) -> tuple[int, Layout]:
    """What settings are resolved for: the number of rows, and the layout of these and of what is asked of them."""
    return dataset.n_samples, dataset.encoding.layout(task.n_outputs)._replace(n_classes=len(task.heard), n_moments=task.n_moments)


def check_features(specs: Mapping[str, Spec], dataset: Dataset) -> None:
    """Whether masks name features.

    Raises:
        UsageError: one does not.
    """
    known = [feature.name for feature in dataset.used_features]
    for name in (name for spec in specs.values() for name in spec.updates.mask):
        if name not in known:
            raise UsageError(f"updates.mask names '{name}', which is not a feature in use. {suggest(name, known)}")


def _with_members(spec: Spec, n_populations: int) -> Spec:
    """The spec with the part of the members that is its own: as many for each population, and enough to leave each fold out once."""
    members = spec.members
    own = max(-(-members.n_members // n_populations), min(members.n_members, members.n_folds))
    return msgspec.structs.replace(spec, members=msgspec.structs.replace(members, n_members=own))


def describe_members(specs: Mapping[str, Spec], settings: Mapping[str, Any]) -> list[str]:
    """Remarks on how many members there are: where those that were asked for are shared, and where some folds are left out by none."""
    [members, *_], n_each = (spec.members for spec in specs.values()), [spec.members.n_members for spec in specs.values()]
    remarks = []
    asked = settings.get("n_members", settings.get("members.n_members"))
    if asked is not None and len(specs) > 1:
        parts = ", ".join(f"{name} {n}" for name, n in zip(specs, n_each, strict=True))
        why = (
            "equal parts" if sum(n_each) == int(asked) else f"equal parts rounded up, and at least {min(int(asked), members.n_folds)} each"
        )
        kept = "a model that gets no weight in the answers is not kept, nor are its members"
        remarks.append(f"of {asked} members asked for {sum(n_each)} are trained ({parts}): {why}; {kept}")
    if members.resampling == "folds" and min(n_each) < members.n_folds:
        left_out = f"{min(n_each)} of {members.n_folds} folds are left out by a member"
        remarks.append(f"{left_out}: all figures rest on the rows of these. With --members {members.n_folds} they rest on all rows")
    return remarks


def _own_settings(model: str, settings: Mapping[str, Any], beside: Sequence[str]) -> dict[str, Any]:
    """The settings less those that only other models have."""

    def has(name: str, setting: str) -> bool:
        try:
            find_setting(with_settings(Spec(), {"model": name}), setting)
        except UsageError:
            return False
        return True

    return {name: value for name, value in settings.items() if has(model, name) or not any(has(other, name) for other in beside)}


def _asks_for_optimizer(settings: Mapping[str, Any]) -> bool:
    return "optimization" in settings or "optimization.name" in settings


def _settings_that_solve(model: str, settings: dict[str, Any], beside: Sequence[str]) -> dict[str, Any]:
    """Beside a network, a linear model stays solved: settings that only guide steps are for the network."""
    if _asks_for_optimizer(settings):
        return settings

    layout = example_layout(ARCHITECTURES[model].reads)

    def solves(name: str) -> bool:
        try:
            return resolve(with_settings(Spec(), {"model": model, name: settings[name]}), 1000, layout).solved
        except UsageError:
            return False

    _check_usable(settings, beside)
    return {name: value for name, value in settings.items() if solves(name)}


def _check_usable(settings: Mapping[str, Any], names: Sequence[str]) -> None:
    """Refuse settings that none of these models could use in steps."""
    refused = None
    for name in names:
        architecture = ARCHITECTURES[name]
        try:
            own = _own_settings(name, settings, names)
            resolve(with_settings(Spec(), {"model": name, **own}), 1000, example_layout(architecture.reads))
        except UsageError as error:
            refused = error
        else:
            if architecture.defaults.solver is None:
                return
    if refused is not None:
        raise refused


def races(specs: dict[str, Spec], search: Mapping[str, Sequence[Any]], sizes: tuple[int, Layout]) -> dict[str, dict[str, Spec]]:
    """The race of each model that has the searched settings, resolved for these sizes; an error if none has."""
    raced: dict[str, dict[str, Spec]] = {}
    for name, spec in specs.items() if search else ():
        try:
            raced[name] = _raced(spec, search, sizes)
        except UsageError:
            if name == [*specs][-1] and not raced:
                raise
    return raced


def _raced(spec: Spec, search: Mapping[str, Sequence[Any]], sizes: tuple[int, Layout]) -> dict[str, Spec]:
    """Settings to search among, resolved for these sizes, by label.

    Raises:
        UsageError: the model does not have a searched setting, or there are too many candidates.
    """
    choices = [dict(zip(search, values, strict=True)) for values in itertools.product(*search.values())]
    if len(choices) > _MOST_CANDIDATES:
        raise UsageError(f"The search spans {len(choices)} candidates, and at most {_MOST_CANDIDATES} are raced. Search fewer values.")
    return {", ".join(f"{k} {v}" for k, v in settings.items()): resolve(with_settings(spec, settings), *sizes) for settings in choices}


def shorten_to_budget(
    specs: dict[str, Spec], budget: float, layout: Layout, n_samples: int, n_threads: int, *, n_streamed: int = 0, most: Any = None
) -> dict[str, Spec]:
    """The settings with as many steps as the budget of seconds allows, and at most as many as were asked for.

    What is solved takes what it takes.
    """
    sizes = layout, n_samples
    stepping = {name: spec for name, spec in specs.items() if spec.optimization.n_steps is not None}
    others = [spec for name, spec in specs.items() if name not in stepping]
    rest = budget - sum(plan(spec, *sizes, n_threads=n_threads, n_streamed=n_streamed).seconds for spec in others)
    changed = dict(specs)
    for name, spec in stepping.items():
        n_steps = steps_within(max(rest, budget / 4) / len(stepping), spec, layout, n_samples, n_threads=n_threads)
        n_steps = n_steps if most is None else min(n_steps, spec.optimization.n_steps or n_steps)
        changed[name] = with_settings(spec, {"optimization.n_steps": n_steps})
    return changed


def plans_of(specs: Mapping[str, Spec], layout: Layout, n_samples: int, *, n_threads: int, n_streamed: int = 0) -> list[Plan]:
    """What each population will probably take, under its name; arguments as `plan`.

    Those that differ in numbers only share a program; with patience a run ends, on average, before all its steps.
    """
    plans, programs = [], []
    for name, spec in specs.items():
        estimate, program = plan(spec, layout, n_samples, n_threads=n_threads, n_streamed=n_streamed), without_numbers(spec)
        compiling = 0.0 if program in programs else estimate.compiling
        share = _SHARE_TAKEN if estimate.n_steps and spec.regularization.patience else 1.0
        seconds = round(share * (estimate.seconds - estimate.compiling) + compiling, 2)
        plans.append(msgspec.structs.replace(estimate, model=name, seconds=seconds, compiling=compiling))
        programs.append(program)
    return plans


def check_memory(plans: list[Plan]) -> None:
    """Refuse a fit that needs more memory than is free.

    Raises:
        DataError: it does.
    """
    members = [16.0 * p.n_members * p.n_weights for p in plans]  # weights, their mean and the optimizer's: all populations at a time
    check_memory_for(1e9 * max(p.gigabytes for p in plans) + sum(members) - max(members), "Training")
