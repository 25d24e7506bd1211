"""How well series are forecast, beside peers, on real ones. Every window of the test part counts, none is dropped.

    python benchmarks/series.py ../shared/data --results series.jsonl               all sections, peers and Weights
    python benchmarks/series.py ../shared/data --only peers --sections m4_hourly     one section, peers alone
    python benchmarks/series.py ../shared/data --only ours

Each section prints its protocol and a table. Peers come with `pip install 'weights[bench]'`. Seconds are those of the processor, of fits
and forecasts, compiling included. Results are appended to --results, one JSON object a line, and what stands there is not run again.
"""

from __future__ import annotations

import argparse
import json
import textwrap
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy.stats
from pandas.tseries.holiday import USFederalHolidayCalendar

import weights as wt
from series_peers import (
    LONGEST_SEASON,
    Holdout,
    Walk,
    hold_model,
    hold_naive,
    hold_trees,
    make_arima,
    make_ets,
    make_mstl,
    make_theta,
    walk_model,
    walk_naive,
    walk_trees,
)
from weights.forecasting.walking import walk as walk_later

ETT_TRAIN, ETT_VALIDATION, ETT_TEST = 8_640, 2_880, 2_880
ETT_HORIZONS = (96, 192, 336, 720)
HOURS = 1_008
"""Hours that peers of statsforecast read; m4_hourly has no more."""
ARIMA_HOURS, ARIMA_DAYS = 336, 1_096
"""Values that AutoARIMA reads, which takes 20 s and more for 1,008 hours with a season of 24."""
ARIMA_SERIES = 20
"""Series of m4_hourly, drawn at random, that AutoARIMA is run on."""
YEARS_MSTL = 1_461
ALL = 100_000
CHICAGO_TEST = 731
CHICAGO_AHEAD = 14
EXCHANGE_TEST = 1_517
EXCHANGE_DAYS = 2_000
CLASSIC_SEASONS = {"month": 12, "week": 52, "day": 365, "year": 1}
CLASSIC_EXCEPTIONS = {"female_births_california": (7, 14), "shampoo_sales": (1, 12), "sunspots": (1, 24), "water_usage_baltimore": (1, 10)}
"""Season and values held out of series that have no season, or less than four."""
EVENTS = ("Blackhawks", "Bulls", "Bears", "WhiteSox", "Cubs")

_MOST_COLUMNS = 8

Record = dict[str, Any]
Run = Callable[[], Record]


# Weights: the only place that calls it


def walk_ours(walk: Walk) -> np.ndarray:
    """Forecasts of Weights at each origin, shape (targets, n, H)."""
    answers = np.empty((len(walk.targets), len(walk.origins), walk.horizon))
    frame = walk.frame[[walk.time, *walk.targets, *walk.known, *walk.past]]
    for origin, end in zip(walk.fits, [*walk.fits[1:], walk.origins[-1] + 1], strict=True):
        known = {"known": [*walk.known]} if walk.known else {}
        fit: Record = {"time": walk.time, "target": [*walk.targets], "horizon": walk.horizon, "inspect": False, **known}
        model = wt.fit(frame[: origin + 1], task="forecast", **fit)
        later = model.read(frame[origin + 1 : end + walk.horizon])
        for moment in walk_later(later.forecaster, later.values, later.expected, later.past):
            for i in np.flatnonzero(walk.origins == origin + moment.known):
                for unit, forecast in enumerate(moment.forecasts):
                    answers[later.forecaster.units.target[unit], i] = later.forecaster.units.scale(unit).undo(forecast)
            if origin + moment.known + 1 == end:
                break
    return answers


def hold_ours(holdout: Holdout) -> list[np.ndarray]:
    """Forecasts of Weights of each series of a table."""
    frame = holdout.frame[holdout.frame["split"] == "train"].drop(columns="split")
    model = wt.fit(frame, task="forecast", time=holdout.time, series="series", target="value", horizon=holdout.horizon, inspect=False)
    steps = pd.DataFrame(model.forecast())
    return [steps["prediction"][steps["series"] == name].to_numpy() for name in holdout.frame["series"].unique()]


# Sections: each prints what is done and gives its runs by the name of who forecasts


def of_etth1(folder: Path) -> dict[str, Run]:
    """ETTh1, seven channels."""
    say(
        f"etth1: 7 channels, rows split {ETT_TRAIN}/{ETT_VALIDATION}/{ETT_TEST}, standardised on the first part,",
        "fitted once to the first two. All windows of the third whose steps lie in it",
        f"({ETT_TEST - 95} of 96 steps, {ETT_TEST - 719} of 720). Weights: one fit a horizon. Others: one forecast of 720 steps",
        "at each origin, of which the first are scored; they keep what they chose.",
        f"AutoETS and AutoTheta read the last {HOURS} hours, AutoARIMA the last {ARIMA_HOURS}. Trees: 168 lags, one model a channel.",
        "Mean squared and mean absolute error over all channels.",
    )
    frame = read(folder, "etth1")[: ETT_TRAIN + ETT_VALIDATION + ETT_TEST]
    targets = [*frame.columns[1:]]
    known = frame[targets][:ETT_TRAIN]
    frame[targets] = (frame[targets] - known.mean()) / known.std(ddof=0)
    first = ETT_TRAIN + ETT_VALIDATION - 1

    def walk(horizon: int) -> Walk:
        origins = np.arange(first, len(frame) - 96)
        return Walk(frame, "date", targets, origins, horizon, 24, lags=168)

    def score(forecast: Callable[[int], np.ndarray]) -> Record:
        figures: Record = {}
        for horizon in ETT_HORIZONS:
            n = ETT_TEST - horizon + 1
            errors = forecast(horizon)[:, :n, :horizon] - walk(horizon).steps()[:, :n]
            figures |= {f"mse{horizon}": float(np.mean(errors**2)), f"mae{horizon}": float(np.mean(np.abs(errors)))}
        return figures

    def at_once(forecast: Callable[[Walk], np.ndarray]) -> Run:
        def run() -> Record:
            answers = forecast(walk(ETT_HORIZONS[-1]))
            return score(lambda horizon: answers)

        return run

    peers = {name: at_once(forecast) for name, forecast in walkers(HOURS, ARIMA_HOURS).items()}
    return {"weights": lambda: score(lambda h: walk_ours(walk(h)._replace(origins=np.arange(first, len(frame) - h)))), **peers}


def of_m4_hourly(folder: Path) -> dict[str, Run]:
    """The 414 hourly series of the M4 competition."""
    say(
        "m4_hourly: 414 series, official test part (the last 48 values), one forecast each; MASE with season 24, mean over series.",
        "Each series by itself, except trees (one model, 168 lags, series in units of their deviation).",
        f"AutoARIMA on {ARIMA_SERIES} series drawn at random (seed 0), the last {ARIMA_HOURS} values of each; 'subset': the same series.",
    )
    holdout = Holdout("m4_hourly", read(folder, "m4_hourly"), "step", 48, 24)
    names = holdout.frame["series"].unique()
    chosen = np.isin(names, np.random.default_rng(0).choice(names, ARIMA_SERIES, replace=False))

    def score(forecast: Callable[[Holdout], list[np.ndarray]], part: Holdout) -> Record:
        losses = mase(part, forecast(part))
        subset = losses if len(losses) == ARIMA_SERIES else losses[chosen]
        return {"mase": float(losses.mean()) if len(losses) > ARIMA_SERIES else None, "subset": float(subset.mean()), "n": len(losses)}

    few = holdout._replace(frame=holdout.frame[holdout.frame["series"].isin(names[chosen])])
    peers = holders(HOURS, ARIMA_HOURS) | {
        "MSTL 24, 168 (statsforecast)": partial(hold_model, make_mstl, HOURS),
        "boosted trees": hold_trees,
    }
    return {
        name: partial(score, forecast, few if "ARIMA" in name else holdout) for name, forecast in {"weights": hold_ours, **peers}.items()
    }


def of_classic(folder: Path) -> dict[str, Run]:
    """Twelve short well-known series."""
    frame = read(folder, "classic_univariate")
    holdouts = []
    for name, own in frame.groupby("series", sort=False):
        season, horizon = CLASSIC_EXCEPTIONS.get(name, (CLASSIC_SEASONS[own["frequency"].iloc[0]],) * 2)
        horizon = horizon if name in CLASSIC_EXCEPTIONS else 2 * season
        split = np.where(np.arange(len(own)) < len(own) - horizon, "train", "test")
        holdouts.append(Holdout(str(name), own.assign(split=split).drop(columns="frequency"), "date", horizon, season))
    shown = ", ".join(f"{h.name} {h.season}/{h.horizon}" for h in holdouts)
    say(
        "classic_univariate: 12 series, each by itself, one forecast of the last two seasons. Season and values held out:",
        textwrap.fill(shown, 120),
        "Of series without a season (1) two times five or twelve values; of shampoo_sales, three years, the last one.",
        "MASE with that season on the values before; gaps are filled by straight lines for peers, and not scored.",
        f"Seasons longer than {LONGEST_SEASON} are taken out by MSTL before AutoETS and AutoARIMA. Rank: mean over series.",
    )

    def score(forecast: Callable[[Holdout], list[np.ndarray]]) -> Record:
        return {holdout.name: float(mase(holdout, forecast(holdout))[0]) for holdout in holdouts}

    return {name: partial(score, forecast) for name, forecast in {"weights": hold_ours, **holders(ALL, ALL)}.items()}


def of_chicago(folder: Path) -> dict[str, Run]:
    """Daily riders of a train station."""
    n_windows = CHICAGO_TEST - CHICAGO_AHEAD + 1
    say(
        f"chicago_train_ridership: {CHICAGO_AHEAD} days ahead from every day of the last {CHICAGO_TEST} ({n_windows} windows),",
        "fitted anew every 91 days to all that came before; MAE in thousands of riders.",
        f"AutoETS and AutoTheta read all, MSTL (7, 365) the last {YEARS_MSTL} days, AutoARIMA the last {ARIMA_DAYS}.",
        "Trees and Weights know in advance games, public holidays (of the United States, and days around them that many take off) and",
        "what stations had 14 days before; the weather as of the origin. Trees: 28 lags, calendar.",
    )
    walk = walk_chicago(folder)

    def score(forecast: Callable[[Walk], np.ndarray]) -> Record:
        errors = np.abs(forecast(walk) - walk.steps())[0]
        return {"mae": float(errors.mean()), "day1": float(errors[:, 0].mean()), f"day{CHICAGO_AHEAD}": float(errors[:, -1].mean())}

    peers = walkers(ALL, ARIMA_DAYS) | {"MSTL 7, 365 (statsforecast)": partial(walk_model, make_mstl, YEARS_MSTL)}
    return {name: partial(score, forecast) for name, forecast in {"weights": walk_ours, **peers}.items()}


def walk_chicago(folder: Path) -> Walk:
    """The table with a column for public holidays, forecast from every day of the test part."""
    frame = read(folder, "chicago_train_ridership")
    frame = frame.assign(**name_holidays(frame["date"]))
    games = [column for column in frame if column.startswith(EVENTS)]
    stations = [*frame.columns[2 : frame.columns.get_loc("temp_min")]]
    weather = [*frame.columns[frame.columns.get_loc("temp_min") : frame.columns.get_loc("weather_storm") + 1]]
    holidays = [column for column in frame if column.startswith("holiday")]
    origins = np.arange(len(frame) - CHICAGO_TEST - 1, len(frame) - CHICAGO_AHEAD)
    return Walk(frame, "date", ["ridership"], origins, CHICAGO_AHEAD, 7, 91, known=[*games, *stations, *holidays], past=weather)


def name_holidays(dates: pd.Series) -> Record:
    """Columns as a user of a calendar would make them: the name of each holiday as a column of zeros and ones."""
    days = USFederalHolidayCalendar().holidays(dates.min() - pd.Timedelta(days=9), dates.max() + pd.Timedelta(days=9), return_name=True)
    columns: Record = {}
    for name in sorted(set(days)):
        columns[f"holiday {name}"] = dates.isin(days.index[days == name]).astype(int)
    thanksgiving = days.index[days == "Thanksgiving Day"]
    columns["holiday day after Thanksgiving"] = dates.isin(thanksgiving + pd.Timedelta(days=1)).astype(int)
    month_day = dates.dt.month * 100 + dates.dt.day
    columns["holiday 24 December"], columns["holiday 31 December"] = (month_day == 1224).astype(int), (month_day == 1231).astype(int)
    columns["holiday between the years"] = month_day.between(1226, 1230).astype(int)
    columns["holiday 25 December"], columns["holiday 1 January"] = (month_day == 1225).astype(int), (month_day == 101).astype(int)
    columns["holiday 4 July"] = (month_day == 704).astype(int)
    return columns


def of_exchange(folder: Path) -> dict[str, Run]:
    """Eight currencies, of which nobody knows more than the last value."""
    say(
        f"exchange_rate: 8 currencies, 96 steps ahead from every one of the last {EXCHANGE_TEST} ({EXCHANGE_TEST - 95} windows),",
        "standardised on the first 70 %. Models are fitted anew every 96 steps to the last",
        f"{EXCHANGE_DAYS} values; trees and Weights once, to all before.",
        "MSE and MAE over all; 'more': MSE beside that of the last value, 'doubt': its standard error over the 8 currencies;",
        "'won': share of windows and currencies with less squared error than the last value has.",
    )
    frame = read(folder, "exchange_rate")
    targets = [*frame.columns[1:]]
    known = frame[targets][: int(0.7 * len(frame))]
    frame[targets] = (frame[targets] - known.mean()) / known.std(ddof=0)
    walk = Walk(frame, "step", targets, np.arange(len(frame) - EXCHANGE_TEST - 1, len(frame) - 96), 96, 1, 96, lags=96)
    steps = walk.steps()
    random_walk = np.mean((walk_naive(walk) - steps) ** 2, axis=2)

    def score(forecast: Callable[[Walk], np.ndarray], refit: int | None = 96) -> Record:
        errors = forecast(walk._replace(refit=refit)) - steps
        losses = np.mean(errors**2, axis=2)
        more = (losses - random_walk).mean(axis=1)
        figures = {"mse": float(losses.mean()), "mae": float(np.abs(errors).mean()), "more": float(more.mean())}
        return figures | {"doubt": float(scipy.stats.sem(more)), "won": float(np.mean(losses < (1 - 1e-9) * random_walk))}

    peers = walkers(EXCHANGE_DAYS, EXCHANGE_DAYS)
    peers["boosted trees"] = walk_trees
    runs = {name: partial(score, forecast) for name, forecast in peers.items()}
    return {"weights": partial(score, walk_ours, None), **runs, "boosted trees": partial(score, walk_trees, None)}


SECTIONS: dict[str, Callable[[Path], dict[str, Run]]] = {
    "etth1": of_etth1,
    "m4_hourly": of_m4_hourly,
    "classic_univariate": of_classic,
    "chicago_train_ridership": of_chicago,
    "exchange_rate": of_exchange,
}


def walkers(history: int, arima_history: int) -> dict[str, Callable[[Walk], np.ndarray]]:
    """Peers that forecast a walk, by name."""
    return {
        "seasonal naive": walk_naive,
        "AutoETS (statsforecast)": partial(walk_model, make_ets, history),
        "AutoTheta (statsforecast)": partial(walk_model, make_theta, history),
        "AutoARIMA (statsforecast)": partial(walk_model, make_arima, arima_history),
        "boosted trees": walk_trees,
    }


def holders(history: int, arima_history: int) -> dict[str, Callable[[Holdout], list[np.ndarray]]]:
    """Peers that forecast a holdout, by name."""
    return {
        "seasonal naive": hold_naive,
        "AutoETS (statsforecast)": partial(hold_model, make_ets, history),
        "AutoTheta (statsforecast)": partial(hold_model, make_theta, history),
        "AutoARIMA (statsforecast)": partial(hold_model, make_arima, arima_history),
    }


def mase(holdout: Holdout, forecasts: list[np.ndarray]) -> np.ndarray:
    """Mean absolute errors in units of those of the value a season before, within the values before the origin, one for each series."""
    known, later = holdout.parts()
    scales = [np.nanmean(np.abs(v[holdout.season :] - v[: -holdout.season])) for v in known]
    return np.array([np.nanmean(np.abs(f - v)) / s for f, v, s in zip(forecasts, later, scales, strict=True)])


def say(*lines: str) -> None:
    """Print a protocol."""
    print("\n".join(lines), flush=True)


def read(folder: Path, name: str) -> pd.DataFrame:
    """A table of the collection."""
    return pd.read_parquet(folder / "series" / name / "data.parquet")


def run_section(section: str, runs: dict[str, Run], only: str | None, who: str, results: Path) -> Iterator[Record]:
    """The results of who is to be run, kept and reused."""
    kept = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    for name, run in runs.items():
        if who not in name or (only is not None and name.startswith("weights") != (only == "ours")):
            continue
        record = next((r for r in kept if (r["section"], r["who"]) == (section, name)), None)
        if record is None:
            began = time.process_time()
            figures = run()
            record = {"section": section, "who": name, "seconds": round(time.process_time() - began, 1), **figures}
            with results.open("a") as file:
                file.write(json.dumps(record) + "\n")
        yield record


def show(records: list[Record]) -> None:
    """A table of figures, with names of peers above where there are many figures; of series also means of ranks and figures."""
    names = [name for name in records[0] if name not in ("section", "who", "seconds")]
    if turned := len(names) > _MOST_COLUMNS:
        ranks = scipy.stats.rankdata([[r[name] for name in names] for r in records], axis=0).mean(axis=1)
        records = [{**r, "mean rank": rank, "mean": float(np.mean([r[n] for n in names]))} for r, rank in zip(records, ranks, strict=True)]
        names = [*names, "mean", "mean rank"]
    cells = [["", *(r["who"] for r in records)], *([name, *(show_figure(r[name]) for r in records)] for name in names)]
    cells.append(["seconds", *(f"{r['seconds']:.0f}" for r in records)])
    rows = cells if turned else [*zip(*cells, strict=True)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print(
            "  ".join(cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths, strict=True)))
        )


def show_figure(value: float | int | None) -> str:
    """A figure of three decimals, or a count."""
    return "" if value is None else str(value) if isinstance(value, int) else f"{value:.3f}"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="the folder of datasets")
    parser.add_argument("--sections", default=",".join(SECTIONS))
    parser.add_argument("--only", choices=("peers", "ours"))
    parser.add_argument("--who", default="", help="those whose name holds this")
    parser.add_argument("--results", type=Path, default=Path("series.jsonl"))
    given = parser.parse_args()
    warnings.filterwarnings("ignore", module="statsforecast")
    for section in given.sections.split(","):
        runs = SECTIONS[section](given.data)
        records = list(run_section(section, runs, given.only, given.who, given.results))
        if records:
            show(records)
        print(flush=True)


if __name__ == "__main__":
    main()
