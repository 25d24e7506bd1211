"""How a saved folder is changed by somebody who knows the format, and what loading says of it: verbs, and tables of such changes.

The tables are for the folder of the ensemble that tests/store/conftest.py makes by hand.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from weights.store.verify import FILES

ALL_FILES = (*FILES, "SHA256SUMS")


def reseal(folder: Path) -> None:
    """Write the checksums anew, so that what lies behind them is looked at."""
    sums = "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in FILES)
    (folder / "SHA256SUMS").write_text(sums)


def rewrite(folder: Path, name: str, content: bytes) -> None:
    """Another content of a file, with the checksum that fits."""
    (folder / name).write_bytes(content)
    reseal(folder)


def change_json(folder: Path, name: str, edit: Callable[[Any], Any]) -> None:
    """Edit what a JSON file holds, with the checksum that fits."""
    content = json.loads((folder / name).read_bytes())
    edit(content)
    rewrite(folder, name, json.dumps(content).encode())


def set_at(content: Any, path: tuple[Any, ...], value: Any) -> None:
    """Set the value at a path of keys; a function makes it from the value that was there."""
    *way, last = path
    for key in way:
        content = content[key]
    content[last] = value(content[last]) if callable(value) else value


def change_arrays(folder: Path, changes: dict[str, np.ndarray | None], *, listed: bool = True) -> None:
    """Replace arrays (None removes one), and what config.json lists of them."""
    tensors = load_tensors((folder / "model.safetensors").read_bytes()) | changes
    tensors = {name: array for name, array in tensors.items() if array is not None}
    rewrite(folder, "model.safetensors", save_tensors(tensors, {"format": "weights-ensemble"}))
    if listed:
        found = {name: [str(array.dtype), list(array.shape)] for name, array in tensors.items()}
        change_json(folder, "config.json", lambda config: config.update(tensors=found))


SETTINGS: list[tuple[tuple[Any, ...], Any, str]] = [
    (("surprise",), 1, "surprise"),
    (("format",), "else", "the format is 'else'"),
    (("populations",), [], "populations must be there, each with a name of its own"),
    (("populations",), lambda populations: [populations[0]] * 2, "populations must be there, each with a name of its own"),
    (("populations", 1, "stacking_weight"), -0.5, "the stacking weight of 'mlp' is -0.5"),
    (("populations", 1, "name"), "../mlp", "a population has the name '../mlp'"),
    (("populations", 1, "temperature"), 1.0, "temperature"),
    (("populations", 1, "spec", "activation", "name"), "magic", "activation.name has no choice 'magic'"),
    (("populations", 1, "spec", "members", "n_members"), -1, "n_members must be between"),
    (("task", "surprise"), 1, "surprise"),
    (("task", "kind"), "binary", "binary task has 3 classes"),
    (("task", "classes"), ["east", "east", "north"], "two classes have the same label"),
    (("task", "classes"), ["east", 1, "north"], "labels must be all text"),
    (("task", "classes"), ["east", "north"], "multiclass task has 2 classes"),
    (("task", "class_weight"), [1.0], "class weights are"),
    (("task",), {"kind": "regression", "target": "ward", "center": 0.0, "scale": 0.0, "remark": ""}, "scale is 0.0"),
    (("task",), {"kind": "regression", "target": "ward", "classes": [], "remark": ""}, "'classes' is not known"),
    (("encoding", "clip"), -4.0, "the clip is -4.0"),
    (("encoding", "columns", 0, "scale"), 0.0, "the scale of column 'age' is 0.0"),
    (("encoding", "columns", 0, "low"), 50.0, "the range of column 'age' is 50.0 to None"),
    (("encoding", "columns", 0, "name"), "blood", "are not the features in use"),
    (("encoding", "columns", 1, "levels"), ["A", "A"], "two levels of column 'blood' are the same"),
    (("tensors", "mlp/history/loss"), ["float64", [1, 1 << 40]], "bytes are listed, more than model.safetensors has"),
]
"""A place in config.json, what is put there, and the complaint that config.json does not hold what it should."""


UNKNOWN_FEATURE = "feature weights are of features that are not in use"
UNKNOWN_INTERCEPT = "intercepts are those of features, or of regressions that are not known"
FEATURE_WEIGHTS: list[tuple[tuple[Any, ...], Any, str]] = [
    (("unknown",), {"height": "gone"}, UNKNOWN_FEATURE),
    (("units",), {"height": "per day"}, UNKNOWN_FEATURE),
    (("contrasts", 0, "feature"), "height", UNKNOWN_FEATURE),
    (("joints", 0, "feature"), "height", UNKNOWN_FEATURE),
    (("groups", 0), lambda group: {"together": group["together"] | {"features": ["height"]}, "alone": {"height": 0.1}}, UNKNOWN_FEATURE),
    (("groups", 0), lambda group: {"together": group["together"] | {"features": []}, "alone": {}}, UNKNOWN_FEATURE),
    (("importances",), lambda importances: [*importances, importances[0] | {"features": []}], UNKNOWN_FEATURE),
    (("importances",), lambda importances: importances[:1], "features lack an importance"),
    (("importances", 0, "features"), ["blood"], "features lack an importance"),
    (("groups", 0, "alone"), {"age": 0.1}, "parts of a group are not those of its features"),
    (("contrasts", 0, "std_errs"), {"robust": -0.1}, "standard errors of 'age' are {'robust': -0.1} and {}"),
    (("contrasts", 0, "degrees"), {}, "standard errors of 'age' are {'robust': 0.1} and {}"),
    (("contrasts", 0, "degrees"), {"robust": -1.0}, "degrees of freedom of 'age' are {'robust': -1.0}"),
    (("contrasts", 0, "degrees"), {"robust": 0.0}, "degrees of freedom of 'age' are {'robust': 0.0}"),
    (("contrasts", 0, "null_errs"), {"classical": 0.1}, "standard errors of 'age' are {'robust': 0.1} and {'classical': 0.1}"),
    (("intercepts", 0, "constant", "degrees"), {}, "standard errors of '(intercept)' are {'robust': 0.2} and {}"),
    (("intercepts", 0, "constant", "feature"), "age", UNKNOWN_INTERCEPT),
    (("intercepts", 0, "regression"), "magic", UNKNOWN_INTERCEPT),
    (("intercepts", 0, "constant", "label"), [1], "feature weights are of classes that are no labels"),
    (("joints", 0, "p_values"), {"robust": -3.0}, "p-values of 'blood' are {'robust': -3.0}"),
    (("joints", 0, "p_values"), {"magic": 0.5}, "p-values of 'blood' are {'magic': 0.5}"),
    (("joints", 0, "p_values"), {"robust": 1.5}, "p-values of 'blood' are {'robust': 1.5}"),
    (("measure",), "\x1b[2J", "importance is measured by '\x1b[2J'"),
    (("n_rows",), 0, "feature weights from 0 rows and 5 inputs have robust errors"),
    (("n_inputs",), 0, "feature weights from 40 rows and 0 inputs have robust errors"),
    (("errors",), "magic", "feature weights from 40 rows and 5 inputs have magic errors"),
    (("reference",), [0.0], "1 average inputs stand beside 5 inputs"),
    (("reference",), [], "0 average inputs stand beside 5 inputs"),
    # What could not be shown: a list as class is in no record, a test of nothing has no p-value, nothing is explained beside 1e300.
    (("contrasts", 0, "label"), [1], "feature weights are of classes that are no labels"),
    (("joints", 0, "n_contrasts"), 0, "a test is of no contrasts"),
    (("reference", 0), 1e300, "average inputs are larger than models can read"),
]
"""The same of the feature weights in metrics.json: the one complaint of each."""

DISTRIBUTIONS: list[tuple[str, Any, str]] = [
    ("name", "height", "distributions are not those of the columns"),
    ("edges", [1.0, 1.0], "the edges of 'age' are not in ascending order"),
    ("edges", [2.0, 1.0], "the edges of 'age' are not in ascending order"),
    ("counts", [1, -1, 0], "the parts of 'age' cannot be"),
    ("counts", [1], "the parts of 'age' cannot be"),
    ("edges", [float(i) for i in range(22)], "the parts of 'age' cannot be"),
]
"""The same of the distribution of the first column, with edges of 1 and 2 and counts of 20, 20, 0 and 0."""

ARRAYS: list[tuple[str, np.ndarray | None, str]] = [
    ("mlp/member_weights", np.zeros(3), "member weights that are below zero or all zero"),
    ("mlp/member_weights", np.array([2.0, -1.0, 1.0]), "member weights that are below zero or all zero"),
    ("mlp/member_weights", np.ones(3, np.int16), "'mlp/member_weights' is listed as int16"),
    ("mlp/member_weights", np.ones(3, np.int64), "numbers in 'mlp/member_weights' have the type int64"),
    ("mlp/member_weights", np.ones((3, 1)), "must hold 'mlp/member_weights'"),
    ("mlp/history/loss", np.zeros(3), "'mlp/history/loss' has the shape [3]"),
    ("mlp/params/output/w", np.ones((3, 5, 3), np.float32), "holds 'mlp/params/output/w' as [3, 5, 3], but the model needs [3, 4, 3]"),
    ("scores", np.array([0.2, 0.1]), "scores that are not in ascending order"),
    ("scores", np.array([-0.2, 0.1]), "scores that are not in ascending order"),
    ("offset", np.zeros(2), "holds 'offset' as [2], but the model needs [3]"),
    ("scores", None, "must hold 'scores'"),
    ("linear/member_weights", None, "must hold 'linear/member_weights'"),
    ("mlp/member_weights", None, "must hold 'mlp/member_weights'"),
    *(
        (name, None, f"holds '{name}' as None, but the model needs")
        for name in ("offset", "linear/params/output/w", "mlp/params/hidden.0/b", "mlp/params/embedding/knots")
    ),
    *(
        (name, np.ones((3, 1)), f"holds '{name}' as [3, 1], but the model needs None")
        for name in (
            "mlp/params/output",
            "params/output/w",
            "mlp/history/a/b/c",
            "history/a",
            "forest/history/loss",
            "forest/member_weights",
        )
    ),
    ("oob_predictions/prediction", np.full((30, 3), 0.5), "probabilities in 'oob_predictions' that do not add up to one"),
    ("oob_predictions/y", np.full(30, 3.0), "classes or weights in 'oob_predictions' that cannot be"),
    ("oob_predictions/rows", np.full(30, 0.5), "codes in 'oob_predictions' that are not whole numbers"),
    ("oob_predictions/group", np.full(30, -1.0), "codes in 'oob_predictions' that are not whole numbers"),
    ("oob_predictions/weight", None, "holds 'oob_predictions/weight' as None"),
    ("oob_predictions/other", np.zeros(30), "holds 'oob_predictions/other' as [30], but the model needs None"),
    ("oob_predictions/y", np.zeros(()), "one target for each answer in 'oob_predictions'"),
    ("test_predictions/weight", np.full(5, -1.0), "classes or weights in 'test_predictions' that cannot be"),
    ("test_predictions/y", np.full(5, np.nan), "numbers in 'test_predictions/y' that are not finite"),
    ("test_predictions/y", np.zeros(4), "holds 'test_predictions/prediction' as [5, 3], but the model needs [4, 3]"),
    ("test_predictions/prediction", np.full((5, 2), 0.5), "holds 'test_predictions/prediction' as [5, 2], but the model needs [5, 3]"),
]
"""An array, another in its place (None: none), and what is said of it or of where it was."""
