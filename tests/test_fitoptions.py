"""What may be said to a fit is declared once: keywords, command line, docstring and guide cannot drift apart."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import weights as wt
from weights import api
from weights.cli import cli
from weights.data.roles import Roles
from weights.errors import UsageError
from weights.fitoptions import DataOptions, ElementOptions, FitOptions, make_request
from weights.options import list_options
from weights.spec import Spec, find_setting

RECORDS = (DataOptions, FitOptions, ElementOptions)
SHOWN = [known for record in RECORDS for known in list_options(record) if not known.declared.hidden]


def flags_of(command: str) -> set[str]:
    return {flag for parameter in cli.commands[command].params for flag in parameter.opts}


@pytest.mark.parametrize("record", [DataOptions, FitOptions])
def test_the_docstring_of_plan_fit_lists_the_options_of_each_record_in_their_order(record):
    [part] = [part for part in inspect.getdoc(api.plan_fit).split("\n\n") if f"`weights.fitoptions.{record.__name__}`" in part]
    listed = re.findall(r"^    (\w+): ", part, flags=re.M)
    assert [name for name in record.__struct_fields__ if name != "target"] == listed


def test_every_option_is_one_of_the_command_line():
    assert [known.flag for known in SHOWN if known.flag not in flags_of("fit")] == []
    data = [known.flag for known in list_options(DataOptions) if not known.declared.hidden]
    assert [flag for flag in data if flag not in flags_of("data")] == []


def test_every_option_is_in_the_guide_or_the_readme():
    root = Path(__file__).parents[1]
    written = (root / "docs" / "guide.md").read_text() + (root / "README.md").read_text()
    assert [known.flag for known in SHOWN if known.flag not in written and known.name not in written] == []


def test_an_option_of_an_element_is_a_setting():
    assert all(find_setting(Spec(), name) for name in ElementOptions.__struct_fields__)


def test_roles_that_are_not_said_are_those_of_a_table_without_wishes():
    said, roles = DataOptions(), Roles("")
    assert {name: getattr(said, name) for name in ("group", "time", "clip", "split", "picture_size", "sample_weight")} == {
        name: getattr(roles, name) for name in ("group", "time", "clip", "split", "picture_size", "sample_weight")
    }


def test_keywords_are_sorted_into_what_they_are_about():
    request = make_request("wage", {"drop": ["id"], "members": 4, "budget": "2m", "optimization__beta1": 0.8})
    assert (request.data, request.fit) == (DataOptions("wage", drop=["id"]), FitOptions(members=4, budget=120.0))
    assert request.chosen == {"n_members": 4, "seed": 0, "optimization.beta1": 0.8}


@pytest.mark.parametrize(("wrong", "meant"), [("membrs", "members"), ("drp", "drop"), ("sample_weights", "sample_weight")])
def test_a_keyword_that_is_no_option_but_like_one_is_refused_with_its_likeness(wrong, meant):
    with pytest.raises(UsageError, match=rf"There is no setting '{wrong}'\. Did you mean '{meant}'\?"):
        wt.fit("iris", **{wrong: 3})


def test_a_setting_that_is_misspelt_is_refused_with_its_likeness():
    with pytest.raises(UsageError, match=r"There is no setting 'droput' for this model\. Did you mean 'dropout'\?"):
        wt.fit("iris", droput=0.1)


def test_a_look_refuses_what_it_does_not_know(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n2,3\n")
    with pytest.raises(UsageError, match=r"Did you mean 'kinds'\?"):
        api.look(tmp_path / "t.csv", kind={"a": "category"})
