"""What commands print as JSON, made without them."""

from __future__ import annotations

import os

import msgspec

from small import fitted_example
from weights import api
from weights.report import json


def test_a_run_a_look_and_a_plan_can_be_written_as_json():
    prepared = api.plan_fit("iris", model="linear", members=3)
    objects = [json.run_object(api.run_fit(prepared), None), json.look_object(api.look("iris")), json.plan_object(prepared)]
    assert [msgspec.json.decode(msgspec.json.encode(made))["task"] for made in objects] == ["multiclass"] * 3


def test_the_folder_of_a_run_is_spelled_in_text():
    assert json.run_object(fitted_example("iris"), os.fsdecode(b"runs/\xff"))["saved"] == "runs/\ufffd"
