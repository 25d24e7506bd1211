"""Options that would do nothing are refused, whatever they hold."""

from __future__ import annotations

import pytest

from weights.acting import check_acting, refuse_foreign_options
from weights.errors import UsageError
from weights.fitoptions import DataOptions, FitOptions, Request


def test_what_is_said_of_series_or_interactions_is_refused_of_rows():
    refuse_foreign_options(DataOptions(target="y"))
    with pytest.raises(UsageError, match="--horizon is for forecasts of series"):
        refuse_foreign_options(DataOptions(horizon=4))
    with pytest.raises(UsageError, match="--items is for interactions"):
        refuse_foreign_options(DataOptions(items={"item": [1]}))


def test_an_option_that_does_not_act_is_refused_unless_it_says_what_is_usual():
    request = Request(DataOptions(user="u", drop=[]), FitOptions(), {})
    check_acting(request, ("user",), "lists")
    with pytest.raises(UsageError, match="--group does nothing for lists"):
        check_acting(request._replace(data=DataOptions(group="g")), ("user",), "lists")
    with pytest.raises(UsageError, match="--members does nothing for lists"):
        check_acting(request._replace(fit=FitOptions(members=3)), ("user",), "lists")


@pytest.mark.parametrize(("name", "flag"), [("series", "series"), ("horizon", "horizon"), ("known", "known"), ("quantity", "as")])
def test_options_of_series_are_refused_for_rows(name, flag):
    with pytest.raises(UsageError, match=f"--{flag} is for forecasts of series"):
        refuse_foreign_options(DataOptions(target="sold", **{name: "day"}))
    refuse_foreign_options(DataOptions(target="sold"))
