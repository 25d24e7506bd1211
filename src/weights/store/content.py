"""What a saved folder may be of: a record of the functions by which it is written, checked and read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from weights.ensemble import Report
from weights.types import AnyArray

Listed = dict[str, tuple[str, list[int]]]
"""Type and shape of arrays by name, as config.json lists them."""


class Content(NamedTuple):
    """What a folder may be of. All have the same files, and a `Report`.

    Attributes:
        name: the format that config.json states.
        saves: the type that is written. config: the record in config.json, which has `format`, `format_version`, `weights_version`,
            `task`, `models` (names), `tensors` (`Listed`), and says how runs are `judged`.
        describe: (saved, format version, listed arrays) -> its config.
        arrays: its arrays by name. card: its README.md.
        wrong_in_config: complaints about a config. wrong_beside_config: about a report that does not belong to it.
        check_names: (config, path of the arrays) -> nothing, or `CorruptError` where the listed arrays are not those it needs.
        wrong_in_arrays: (arrays, config) -> complaints about their values.
        build: (config, report, arrays) -> what was saved.
        attached: (config) -> the content of further files by name, in which what is long in it is read by people.
        without_attached: (config) -> the config without that. names_attached: (config, with or without it) -> the names.
        keeps: the name of a folder that may lie among the files and outlives a save; none if empty.
        attach: (config without that, content by name) -> the config.
    """

    name: str
    saves: type
    config: type[msgspec.Struct]
    describe: Callable[[Any, int, Listed], Any]
    arrays: Callable[[Any], dict[str, AnyArray]]
    card: Callable[[Any], str]
    wrong_in_config: Callable[[Any], list[str]]
    wrong_beside_config: Callable[[Report, Any], list[str]]
    check_names: Callable[[Any, Path], None]
    wrong_in_arrays: Callable[[dict[str, AnyArray], Any], list[str]]
    build: Callable[[Any, Report, dict[str, AnyArray]], Any]
    keeps: str = ""
    attached: Callable[[Any], dict[str, str]] = lambda config: {}
    names_attached: Callable[[Any], list[str]] = lambda config: []
    without_attached: Callable[[Any], Any] = lambda config: config
    attach: Callable[[Any, dict[str, str]], Any] = lambda config, contents: config
