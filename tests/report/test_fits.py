"""What is shown of a fit is chosen by what was planned: rows, or series."""

from __future__ import annotations

import pytest

from planted import planted, weekly
from weights import api
from weights.report.fits import REPORTS, report_of


@pytest.fixture(scope="module", params=["rows", "series"])
def prepared(request):
    if request.param == "rows":
        return api.plan_fit(planted(60), "y", model="linear", members=2)
    return api.plan_fit(weekly(84), "sold", task="forecast", time="day", horizon=5)


def test_each_kind_of_plan_has_a_report(prepared):
    assert report_of(prepared) is REPORTS[type(prepared)]


def test_a_plan_is_shown_before_and_its_outcome_after(prepared):
    shown = report_of(prepared)
    assert f"{prepared.n_samples} rows" in " ".join(shown.overview(prepared))
    assert any(line.startswith("plan") for line in shown.plan_lines(prepared))
    assert shown.plan_object(prepared)["n_samples"] == prepared.n_samples
    model = api.run_fit(prepared)
    lines = shown.result_lines(model, prepared, None)
    assert any(line.startswith("Saved") and "nowhere" in line for line in lines)
    assert shown.run_object(model, None)["saved"] is None


def test_only_members_that_take_steps_leave_something_to_go_on_with(prepared):
    assert (report_of(prepared).n_steps(prepared) is None) == hasattr(prepared, "calendar")
