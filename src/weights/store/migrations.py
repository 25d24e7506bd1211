"""How runs of older format versions become those of the present one: named steps, each from one version to the next.

A step changes the JSON of a run and the names of its arrays before they are checked, and never touches the files.
docs/store-format.md says what changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import scipy.special

FORMAT_VERSION = 3
"""What `save` writes."""

T = TypeVar("T")


class Migration(NamedTuple):
    """From one version to the next: what changes config.json and metrics.json, read as JSON, and the present name of an array."""

    config: Callable[[dict[str, Any]], dict[str, Any]]
    report: Callable[[dict[str, Any]], dict[str, Any]]
    array: Callable[[str], str]


def _tag_task(config: dict[str, Any]) -> dict[str, Any]:
    """Version 2 wrote all fields of every task; version 3 those that the kind of task has."""
    task = config["task"]
    fields = {"regression": ("center", "scale"), "binary": ("classes", "class_weight"), "multiclass": ("classes", "class_weight")}
    kept = ("kind", "target", *fields[task["kind"]], "remark")
    return {**config, "task": {name: task[name] for name in kept}}


def _list_blocks(config: dict[str, Any]) -> dict[str, Any]:
    """Version 2 had room for one column of pictures, alone; version 3 lists all columns that are a block of inputs of their own."""
    encoding = dict(config["encoding"])
    picture = encoding.pop("picture")
    return {**config, "encoding": {**encoding, "blocks": [] if picture is None else [{"kind": "picture", **picture}]}}


def _rename_cycles(config: dict[str, Any]) -> dict[str, Any]:
    """Version 2 called the cycles of moments circles."""
    names, encoding = {"circles": "cycles"}, config["encoding"]
    columns = [_renamed(column, lambda key: names.get(key, key)) for column in encoding["columns"]]
    return {**config, "encoding": {**encoding, "columns": columns}}


def _part_augmentation(config: dict[str, Any]) -> dict[str, Any]:
    """Version 2 wrote what is done to pictures into the settings of every model; version 3 into those of the models that look at them."""
    looking = ("convolution", "patches")

    def part(population: dict[str, Any]) -> dict[str, Any]:
        spec = population["spec"]
        augmentation = {"type": "pictures", **spec["augmentation"]} if spec["model"]["type"] in looking else None
        return {**population, "spec": {**spec, "augmentation": augmentation}}

    return {**config, "populations": [part(population) for population in config["populations"]]}


_PREDICTIONS = {"judged": "oob_predictions", "tested": "test_predictions"}
_PARTS = {"votes": "member_weights", "probability": "prediction"}


def _rename_array(name: str) -> str:
    """The name in version 3 of an array of version 2."""
    owner, slash, part = name.partition("/")
    return f"{_PREDICTIONS.get(owner, owner)}{slash}{_PARTS.get(part, part)}"


def _rename_share(config: dict[str, Any]) -> dict[str, Any]:
    """Version 2 called the weight of a population its share."""
    names = {"share": "stacking_weight"}
    return {**config, "populations": [_renamed(population, lambda key: names.get(key, key)) for population in config["populations"]]}


def _rename_listed(config: dict[str, Any]) -> dict[str, Any]:
    return {**config, "tensors": _renamed(config["tensors"], _rename_array)}


def _renamed(record: dict[str, T], rename: Callable[[str], str]) -> dict[str, T]:
    renamed = {rename(name): value for name, value in record.items()}
    if len(renamed) < len(record):
        raise ValueError("a name comes twice, as it was in an older version and as it is now")
    return renamed


def _migrate_config(config: dict[str, Any]) -> dict[str, Any]:
    for migrate in (_tag_task, _rename_cycles, _list_blocks, _part_augmentation, _rename_share, _rename_listed):
        config = migrate(config)
    return {**config, "format_version": 3}


def _migrate_feature_weights(report: dict[str, Any]) -> dict[str, Any]:
    """Version 2 called piecewise-linear least squares bent.

    It knew the number of clusters from degrees of freedom only, one less, and wrote statistics of tests instead of p-values.
    """
    names, weights = {"bent least squares": "piecewise-linear least squares"}, report.get("feature_weights")
    if weights is None:
        return report
    degrees = [contrast["degrees"]["cluster"] for contrast in weights["contrasts"] if "cluster" in contrast.get("degrees", {})]
    n_clusters = round(degrees[0]) + 1 if degrees else None
    joints, how = [_test_by_statistics(joint) for joint in weights["joints"]], names.get(weights["how"], weights["how"])
    return {**report, "feature_weights": {**weights, "how": how, "n_clusters": n_clusters, "joints": joints}}


def _test_by_statistics(joint: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in joint.items() if name not in ("statistics", "degrees")}
    statistics, degrees = joint["statistics"], joint["degrees"]
    p_values = {kind: float(scipy.special.fdtrc(joint["n_contrasts"], degrees[kind], value)) for kind, value in statistics.items()}
    return {**kept, "p_values": p_values}


def _migrate_report(report: dict[str, Any]) -> dict[str, Any]:
    """Version 2 did not compare an ensemble with a constant row by row."""
    return {"usefulness": None, **_migrate_feature_weights(report)}


MIGRATIONS: dict[int, Migration] = {2: Migration(_migrate_config, _migrate_report, _rename_array)}
"""By the version they begin with."""


def upgrade(content: bytes, part: str, version: int) -> bytes:
    """The JSON of `part` ("config" or "report") of a run of this version as the present version writes it.

    Raises:
        KeyError, TypeError, AttributeError, ValueError: it is not what that version wrote.
    """
    if version == FORMAT_VERSION:
        return content
    record = json.loads(content)
    while version < FORMAT_VERSION:
        record, version = getattr(MIGRATIONS[version], part)(record), version + 1
    return json.dumps(record).encode()


def rename_arrays(arrays: dict[str, T], version: int) -> dict[str, T]:
    """The arrays of a run of this version under the names of the present version.

    Raises:
        ValueError: two arrays would have the same name.
    """
    while version < FORMAT_VERSION:
        arrays, version = _renamed(arrays, MIGRATIONS[version].array), version + 1
    return arrays
