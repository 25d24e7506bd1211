"""The options of answering rows and of training anew are those that Python takes."""

from __future__ import annotations

import inspect

import pytest

from weights import answering
from weights.model import Model
from weights.options import list_options
from weights.runoptions import ImproveOptions, PredictOptions


@pytest.mark.parametrize(("record", "function"), [(PredictOptions, answering.predictions), (ImproveOptions, Model.improve)])
def test_what_the_command_line_can_say_python_can_say_with_the_same_default(record, function):
    taken = inspect.signature(function).parameters
    for option in list_options(record):
        assert taken[option.name].default == option.default, option.name


def test_help_is_one_line():
    for record in (PredictOptions, ImproveOptions):
        assert all("\n" not in option.help and option.help.endswith(".") for option in list_options(record))
