"""What all tests share: a folder of compiled programs for the session, and the real tables where they exist."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "data" / "table"


def pytest_configure(config: pytest.Config) -> None:
    """Tests keep compiled programs apart from the user's, and shared between all workers and the processes that tests start.

    A worker keeps them from its first test on: the models alone, which no fit surrounds, are most of what is compiled.
    Tests interrupt themselves, which a shell that starts them in the background would have them ignore.
    """
    import tempfile

    from weights.training.compiling import keep_compiled_programs

    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.setdefault("WEIGHTS_CACHE", tempfile.mkdtemp(prefix="weights-test-cache-"))
    assert not keep_compiled_programs()


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
