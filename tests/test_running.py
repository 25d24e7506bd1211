"""Training under supervision, where `tests/test_api.py` and `tests/hostile/test_process.py` do not look."""

from __future__ import annotations

from weights import api, running
from weights.training.control import Progress


def test_a_run_that_is_saved_is_the_run_that_is_given(tmp_path):
    prepared = api.plan_fit("iris", model="linear", members=3)
    ensemble = running.run(prepared, save=tmp_path / "run")
    assert api.load(tmp_path / "run").metrics == ensemble.metrics


def test_the_share_that_has_been_read_is_reported_as_progress():
    reported = []
    running.report_reading(reported.append)(0.25)
    running.report_reading(None)(0.5)
    assert reported == [Progress("reading files", 0.25, None)]
