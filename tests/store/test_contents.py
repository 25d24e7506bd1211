"""What a folder may be of follows from what is saved, and from the format that its config states."""

from __future__ import annotations

import msgspec
import pytest

from small import fitted_example, forecast_one
from weights.store.contents import CONTENTS, content_of
from weights.store.migrations import FORMAT_VERSION


@pytest.fixture(params=["weights-ensemble", "weights-forecaster"])
def content(request):
    return CONTENTS[request.param]


def saved_of(content):
    return fitted_example("wine").ensemble if content.name == "weights-ensemble" else forecast_one().forecaster


def test_what_is_saved_says_how(content):
    assert content_of(saved_of(content)) is content


def test_a_config_states_its_format_and_lists_its_arrays(content):
    saved = saved_of(content)
    listed = {name: (str(array.dtype), [*array.shape]) for name, array in content.arrays(saved).items()}
    config = content.describe(saved, FORMAT_VERSION, listed)
    assert (config.format, config.format_version, config.tensors) == (content.name, FORMAT_VERSION, listed)
    assert config.models
    assert msgspec.json.decode(msgspec.json.encode(config))["format"] == content.name
    assert content.wrong_in_config(config) == []
    assert content.wrong_beside_config(saved.report, config) == []
    assert content.wrong_in_arrays(content.arrays(saved), config) == []


def test_a_card_is_markdown_that_says_what_it_is_of(content):
    card = content.card(saved_of(content))
    assert card.startswith("---\nlibrary_name: weights\n")
    assert saved_of(content).task.target in card
