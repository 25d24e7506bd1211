"""A check of the installation: what it runs on, and that the smallest training works."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
import time

import msgspec

import weights
from weights.data.files.threads import available_threads
from weights.data.memory import memory_budget
from weights.training.compiling import cache_folder, keep_compiled_programs

_PACKAGES = (
    "jax",
    "optax",
    "numpy",
    "scipy",
    "scikit-learn",
    "pillow",
    "pyarrow",
    "narwhals",
    "regex",
    "safetensors",
    "msgspec",
    "click",
    "rich",
    "threadpoolctl",
)


class CheckResult(msgspec.Struct, frozen=True):
    """One thing that was looked at: whether it is as it should be, and what was found."""

    name: str
    ok: bool
    found: str


def examine() -> list[CheckResult]:
    """Everything a fit depends on, the last finding being a fit itself."""
    import jax

    wrong_cache = keep_compiled_programs()
    memory = memory_budget() / 1e9
    devices = ", ".join(sorted({f"{device.platform} ({device.device_kind})" for device in jax.devices()}))
    return [
        CheckResult("weights", True, weights.__version__),
        CheckResult("python", sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.platform()}"),
        *[_package(name) for name in _PACKAGES],
        CheckResult("cores", True, str(available_threads())),
        CheckResult("devices", True, devices),
        CheckResult("free memory", memory > 1, f"{memory:.1f} GB"),
        CheckResult("compiled programs", not wrong_cache, wrong_cache or f"kept in {cache_folder()}"),
        _smallest_fit(),
    ]


def _package(name: str) -> CheckResult:
    try:
        return CheckResult(name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return CheckResult(name, False, f"not installed; pip install {name}")


def _smallest_fit() -> CheckResult:
    from weights.api import fit

    began = time.perf_counter()
    try:
        model = fit("iris", model="mlp", members=4, n_steps=400, hidden=(16,))
    except Exception as error:  # whatever is wrong with the installation shows here, and is the finding
        return CheckResult("training", False, f"{type(error).__name__}: {error}")
    works = model.metrics["accuracy"] > 0.85  # chance is 0.33, the model reaches about 0.95
    return CheckResult(
        "training", works, f"iris, 4 members: accuracy {model.metrics['accuracy']:.3f} in {time.perf_counter() - began:.1f} s"
    )
