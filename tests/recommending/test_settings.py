"""Settings are said by name, of one model or another."""

from __future__ import annotations

import pytest

from weights.errors import UsageError
from weights.recommending.methods import METHODS
from weights.recommending.settings import RankingSettings, read_settings


def test_a_setting_is_that_of_the_model_that_has_it():
    read = read_settings({"strength": "30", "factors.emphasis": 0.5, "n_factors": 8, "half_life": "none"})
    assert read.given == {
        "items": {"strength": 30.0},
        "factors": {"emphasis": 0.5, "n_factors": 8},
        "popularity": {"half_life": None},
    }
    assert read.models == tuple(METHODS)


def test_popularity_always_takes_part():
    assert read_settings({}, "factors").models == ("factors", "popularity")
    assert read_settings({}, "neighbours, items").models == ("items", "neighbours", "popularity")
    assert read_settings({}) == RankingSettings()


def test_a_model_that_is_not_known_is_refused():
    with pytest.raises(UsageError, match="no model 'ease' of recommendations"):
        read_settings({}, "ease")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"emphasis": 1}, "Several models have a setting 'emphasis'. Name one: items.emphasis, factors.emphasis"),
        ({"strenght": 1}, "no setting 'strenght' of recommendations. Did you mean"),
        ({"strength": -1}, "cannot be -1"),
        ({"n_factors": "many"}, "n_factors cannot be 'many'"),
    ],
)
def test_what_does_not_suit_is_refused(said, message):
    with pytest.raises(UsageError, match=message):
        read_settings(said)
