"""How runs of older format versions become those of the present one: named steps, each from one version to the next.

A step changes the JSON of a run before it is checked, and never touches the files. docs/store-format.md tells what changed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

FORMAT_VERSION = 3
"""What `save` writes."""


class Migration(NamedTuple):
    """What changes the content of config.json and of metrics.json, read as JSON, from one version to the next."""

    config: Callable[[dict[str, Any]], dict[str, Any]]
    report: Callable[[dict[str, Any]], dict[str, Any]]


def _tag_task(config: dict[str, Any]) -> dict[str, Any]:
    """Version 2 wrote all fields of every task; version 3 those that the kind of task has."""
    task = config["task"]
    fields = {"regression": ("center", "scale"), "binary": ("classes", "class_weight"), "multiclass": ("classes", "class_weight")}
    kept = ("kind", "target", *fields[task["kind"]], "remark")
    return {**config, "format_version": 3, "task": {name: task[name] for name in kept}}


MIGRATIONS: dict[int, Migration] = {2: Migration(_tag_task, lambda report: report)}
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
