"""A score says which series fail, and mixes no units."""

from __future__ import annotations

import functools

import msgspec
import numpy as np

import weights
from planted import rows_of, stacked, weekly
from small import HORIZON, forecast_one, forecast_targets, forecast_two
from weights.forecasting.scorelines import describe_intervals, score_lines
from weights.forecasting.scoring import ForecastScore
from weights.tasks.proportions import Metric

N_SHOPS = 14


@functools.cache
def score_many() -> ForecastScore:
    """The score of 14 shops, of which the last, which was regular in training, becomes noise."""
    shops = [weekly(120, seed=s, noise=0.3, shop=[f"shop {s}"] * 120) for s in range(N_SHOPS)]
    shops[-1]["sold"][90:] += 10 * np.random.default_rng(0).normal(size=30)
    early, later = (stacked(*(rows_of(shop, part) for shop in shops)) for part in (slice(90), slice(90, None)))
    return weights.fit(early, "sold", task="forecast", time="day", series="shop", horizon=HORIZON, inspect=False).score(later)


@functools.cache
def score_targets() -> ForecastScore:
    """The score of two targets of one series, the second in thousands."""
    table = weekly(130)
    table["weight"] = 1000 * weekly(130, seed=1)["sold"]
    return forecast_targets().score(rows_of(table, slice(105, None)))


def test_the_series_that_fails_stands_first_and_the_record_holds_all():
    score = score_many()
    assert score.units[0].series == f"shop {N_SHOPS - 1}"
    assert len(score.units) == N_SHOPS
    assert score.units[0].coverage["80%"] < 0.5 < score.units[-1].coverage["80%"]
    np.testing.assert_allclose(np.mean([own.mae for own in score.units]), score.metrics["mae"].value)
    np.testing.assert_allclose(np.mean([own.coverage["80%"] for own in score.units]), score.coverage["80%"])
    text = str(score)
    assert text.index(f"shop {N_SHOPS - 1}") < text.index("and 4 between") < text.index(score.units[-1].series)


def test_it_shows_itself_as_lines_and_not_as_a_record_of_all_series():
    score = score_many()
    assert repr(score) == str(score)
    assert score._repr_html_().startswith("<pre")
    assert len(str(score).splitlines()) < 40
    short = forecast_two().score(rows_of(weekly(130, shop=["a"] * 130), slice(105, None)))
    assert str(short).splitlines()[-1].strip() == short.notes[-1]


def test_of_one_series_there_is_no_table_of_series():
    assert "worst first" not in str(forecast_one().score(rows_of(weekly(130), slice(105, None))))


def test_errors_of_several_targets_are_shown_in_the_units_of_each():
    score = score_targets()
    first, second = score.targets
    assert (first.target, second.target, score.n_series) == ("sold", "weight", 1)
    assert second.metrics["mae"].value > 500 * first.metrics["mae"].value
    text = str(score)
    assert f"{score.metrics['mae'].value:.4g}" not in text
    assert all(f"{own.metrics['mae'].value:.4g}" in text for own in score.targets)
    assert "only the scaled error is a mean over targets" in text
    np.testing.assert_allclose(np.mean([own.metrics["mase"].value for own in score.targets]), score.metrics["mase"].value)


def test_an_interval_is_explained_where_there_is_one():
    assert describe_intervals([Metric(1.0)]) == ""
    assert "95 % interval" in describe_intervals([Metric(1.0), Metric(1.0, 0.5, 1.5)])
    short = forecast_one().score(rows_of(weekly(130), slice(105, 105 + HORIZON)))
    assert short.n_windows == 1
    assert all(metric.low is None for metric in short.metrics.values())
    alone = msgspec.structs.replace(short, rolling={})
    assert "[" not in "\n".join(score_lines(alone))
    beside = msgspec.structs.replace(short, rolling={"mase": Metric(0.9, 0.8, 1.0)})
    assert "over 1 forecast of 1 series; [95 %" in str(beside)


def test_series_without_values_to_be_judged_by_are_counted():
    a = rows_of(weekly(130, shop=["a"] * 130), slice(105, None))
    assert "1 of 2 series has too few later values to be judged (b)" in " ".join(forecast_two().score(a).notes)


def test_series_of_which_the_plain_forecast_is_better_are_named():
    score = score_many()
    worse = [own.series for own in score.units if own.mase > own.plain]
    said = [line for line in score.lines() if "is better (MASE)" in line]
    assert len(said) == (1 if worse else 0)
    assert all(name in said[0] for name in worse[:5])
