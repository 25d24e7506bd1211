"""What all tests share: a folder of compiled programs for the session, and the real tables where they exist."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data" / "table"


LONG = (
    "test_real_tables.py",
    "test_trials.py",
    "inspection/test_health.py",
    "hostile/test_kill.py",
    "test_pictures.py",
    "test_remedies.py",
    "hostile/test_process.py",
    "test_estimators.py",
    "inspection/test_feature_weights.py",
    "test_experiments.py",
    "inspection/test_saliency.py",
    "report/test_elements.py",
    "training/test_health.py",
)
"""Files that take longest, the longest first."""
QUICK_TO_COMPILE = "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
"""What XLA is asked for in tests, and in the processes that they start.

Tests run thousands of programs for milliseconds each, and compiling these takes ten times as long as running them. Without
optimisation a training step is compiled in an eighth of the time. No bound is wider for it, and what is compared bit for bit
is made by the same settings on both sides. `XLA_FLAGS= python -m pytest` compiles as a user's process does, and so do the two
commands of the user in .ci/run; speed is measured in benchmarks/, never here.
"""


def pytest_configure(config: pytest.Config) -> None:
    """Tests keep compiled programs apart from the user's, and shared between all workers and the processes that tests start.

    A worker keeps them from its first test on: models alone, around which there is no fit, are much of what is compiled.
    Tests interrupt themselves, which a shell that starts them in the background would have them ignore.
    """
    config.option.loadscopereorder = False  # pytest-xdist would put the files of most tests first; see the order below
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("WEIGHTS_CACHE", tempfile.mkdtemp(prefix="weights-test-cache-"))
    if "XLA_FLAGS" not in os.environ and knows(QUICK_TO_COMPILE):
        os.environ["XLA_FLAGS"] = QUICK_TO_COMPILE

    from weights.training.compiling import keep_compiled_programs

    assert not keep_compiled_programs()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest come first, so that no worker is left with one while the others have nothing to do."""
    items.sort(key=lambda item: next((i for i, name in enumerate(LONG) if item.path.match(f"tests/{name}")), len(LONG)))


def knows(flags: str) -> bool:
    """Whether the XLA that is installed has these flags: it ends a process that asks for one that it does not have."""
    asked = os.environ | {"XLA_FLAGS": flags}
    return not subprocess.run([sys.executable, "-c", "import jax; jax.devices()"], env=asked, capture_output=True, check=False).returncode


@pytest.fixture(scope="session")
def real_table():
    """The path of a real table by name; skips where the collection of real tables is not there."""

    def path(name: str) -> Path:
        file = SHARED / name / "data.parquet"
        if not file.exists():
            pytest.skip(f"needs the collection of real tables, which is not at {SHARED}")
        return file

    return path


@pytest.fixture
def compilations():
    """Names of the programs compiled while the test runs, as JAX logs them."""
    import jax

    names = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            words = record.getMessage().split()
            if words[0] == "Compiling":
                names.append(words[1])

    listener, logger, level = Listener(), logging.getLogger("jax"), logging.getLogger("jax").level
    jax.config.update("jax_log_compiles", True)
    logger.addHandler(listener)
    yield names
    logger.removeHandler(listener)
    logger.setLevel(level)
    jax.config.update("jax_log_compiles", False)
