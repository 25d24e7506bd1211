"""A fit that is killed at any moment leaves an old run or a new one, and goes on to the bits of a fit that nobody disturbed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DRIVER = Path(__file__).parents[2] / "benchmarks" / "kill.py"
N_KILLS = int(os.environ.get("WEIGHTS_KILLS", "8"))


@pytest.fixture(scope="module")
def outcome() -> dict:
    """What the driver found: 8 kills, or as many as WEIGHTS_KILLS says; by itself the driver kills 200 times."""
    command = [sys.executable, str(DRIVER), "--kills", str(N_KILLS)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.stdout, result.stderr
    return json.loads(result.stdout)


def test_nothing_is_ever_torn_other_or_left_behind(outcome):
    assert (outcome["wrong"], outcome["kills"]) == ([], N_KILLS)


def test_kills_fall_in_the_phases_that_write(outcome):
    assert {"training", "checkpoint", "saving"} <= set(outcome["phases"])


def test_killed_fits_were_resumed(outcome):
    assert outcome["resumed"] > 0
