"""What is forecast of prices, on 67 shares of the S&P 500 from 2013 to 2018, and whether anything is there.

    python benchmarks/finance.py volatility ../shared/data    20 days ahead, beside HAR, GARCH (if arch is installed), the mean so far
    python benchmarks/finance.py returns ../shared/data       predictors of returns, beside 200 shuffles of the dates, and planted ones
    python benchmarks/finance.py size                         false alarms where nothing is there: shares that move together, heavy tails

Volatility: origins are all days of the last two years that have 20 days after them; every share with 22 returns before an origin counts.
All models are fitted again at every 21st origin, to windows that had ended by then, and see prices up to each origin.

Returns: the mean log return over the next 1, 5 and 20 days, times the root of their number, in units of a share's volatility over the
last quarter. Shuffled are the dates of daily returns, all shares together, before they are averaged; what is known stays in its place.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from weights.data.series.finance import QUANTITIES, qlike
from weights.data.series.panel import read_panel
from weights.data.series.pricehistory import scale_returns, tell_history
from weights.dependence import error_of_mean
from weights.finance.history import PriceHistory, lay_out_prices
from weights.finance.paths import fit_paths
from weights.inspection.predictors import find_look_ahead, weigh_predictors

DATA = "series/stocks_daily/data.parquet"
HORIZON, N_TEST, BETWEEN_FITS = 20, 504, 21
MEANS = (1, 5, 22)
LEVELS = (0.8, 0.95)
STEPS = (1, 5, 10, 20)
N_RESAMPLES = 199


def read_prices(path: Path) -> tuple[PriceHistory, list[str]]:
    """The prices on all dates, and the tickers."""
    names = ["close", "open", "high", "low", "volume"]
    panel = read_panel(pq.read_table(path), names, time="date", series="ticker")
    return lay_out_prices(panel)[0], [*panel.labels]


def mean_back(values: np.ndarray, length: int) -> np.ndarray:
    """Means of the last values up to each moment, those that are there, (t, S)."""
    sums = np.cumsum(np.vstack([np.zeros((1, values.shape[1])), np.nan_to_num(values)]), axis=0)
    known = np.cumsum(np.vstack([np.zeros((1, values.shape[1])), ~np.isnan(values)]), axis=0)
    ends = np.arange(1, len(values) + 1)
    begins = np.maximum(ends - length, 0)
    with np.errstate(invalid="ignore"):
        return (sums[ends] - sums[begins]) / (known[ends] - known[begins])


def mean_ahead(values: np.ndarray, length: int) -> np.ndarray:
    """Means of the next values, all of which are there, (t, S); NaN otherwise."""
    means = np.full_like(values, np.nan)
    means[:-length] = np.lib.stride_tricks.sliding_window_view(values[1:], length, axis=0).mean(axis=-1)
    return means


def har(squares: np.ndarray, came: np.ndarray, origin: int, until: int, *, pooled: bool, logs: bool) -> np.ndarray:
    """Forecasts of HAR after origins from one to before another, fitted to windows that had ended by the first, shape (o, S).

    Pooled after variances were divided by the mean of their share so far. Of logarithms made right in the mean, as ours are; of variances
    not below the least that came. A share with fewer than 60 windows has the mean so far.
    """
    inputs = np.stack([mean_back(squares, length) for length in MEANS], axis=-1)
    usual = mean_back(squares, len(squares))
    scale = usual[origin] if pooled else np.ones(squares.shape[1])
    learned = np.arange(22, origin - HORIZON + 1)
    forecasts = usual[origin:until].copy()

    def see(x: np.ndarray) -> np.ndarray:
        return np.log(x + 1e-2 * np.nanmedian(squares)) if logs else x

    groups = [np.arange(squares.shape[1])] if pooled else np.arange(squares.shape[1])[:, None]
    for group in groups:
        x, y = see(inputs[learned][:, group] / scale[group, None]).reshape(-1, 3), (came[learned][:, group] / scale[group]).ravel()
        there = np.isfinite(x).all(axis=1) & np.isfinite(y) & (y > 0)
        if there.sum() < 60:
            continue
        x, y = np.column_stack([np.ones(there.sum()), x[there]]), y[there]
        target = np.log(y) if logs else y
        slopes = np.linalg.lstsq(x, target, rcond=None)[0]
        new = see(inputs[origin:until][:, group] / scale[group, None]) @ slopes[1:] + slopes[0]
        new = np.exp(new) * np.mean(np.exp(target - x @ slopes)) if logs else np.maximum(new, y.min())
        forecasts[:, group] = np.where(np.isfinite(new), new * scale[group], forecasts[:, group])
    return forecasts


def garch(returns: np.ndarray, squares: np.ndarray, origin: int, until: int) -> np.ndarray:
    """Forecasts of GARCH(1, 1) of each share, mean zero and normal, by the library arch; with fewer than 100 returns the mean so far."""
    from arch import arch_model

    forecasts = mean_back(squares, len(squares))[origin:until].copy()
    for s in range(returns.shape[1]):
        own = np.flatnonzero(np.isfinite(returns[:until, s]))
        n_learned = int((own <= origin).sum())
        if n_learned < 100:
            continue
        model = arch_model(100 * returns[own, s], mean="Zero")
        fitted = model.fit(disp="off", show_warning=False, last_obs=n_learned)
        steps = fitted.forecast(horizon=HORIZON, start=n_learned - 1, reindex=False).variance.to_numpy()
        forecasts[own[n_learned - 1 :] - origin, s] = steps.mean(axis=1) / 1e4
    return forecasts


def show_volatility(folder: Path) -> None:
    """Print losses of all models, differences from ours with their errors by date, and how often intervals held."""
    history, tickers = read_prices(folder / DATA)
    returns, squares, volatility = history.returns, history.squares, QUANTITIES["volatility"]
    came = mean_ahead(squares, HORIZON)
    n_before = np.cumsum(~np.isnan(returns), axis=0)
    n_moments = len(returns)
    edges = [*range(n_moments - N_TEST, n_moments - HORIZON, BETWEEN_FITS), n_moments - HORIZON]
    ours, held, seconds = [], [], 0.0
    steps_ahead = np.stack([mean_ahead(squares, steps) for steps in STEPS], axis=-1)
    for origin, until in itertools.pairwise(edges):
        begin = time.process_time()
        model, _ = fit_paths(volatility, history.until(origin + 1), HORIZON)
        outlook = model.expect(volatility, history, np.arange(origin, until), steps=np.asarray(STEPS), levels=LEVELS)
        seconds += time.process_time() - begin
        ours.append(outlook.mean[..., -1])
        later = steps_ahead[origin:until]
        held.append(np.where(later < outlook.low, -1, np.where(later > outlook.high, 1, 0)))
    usual: dict[str, Callable[[int, int], np.ndarray]] = {
        "mean so far": lambda a, b: mean_back(squares, n_moments)[a:b],
        "last 20 days": lambda a, b: mean_back(squares, HORIZON)[a:b],
    }
    for logs, pooled in itertools.product((False, True), repeat=2):
        name = f"HAR of {'logs' if logs else 'variances'}, {'pooled' if pooled else 'each share'}"
        usual[name] = lambda a, b, p=pooled, g=logs: har(squares, came, a, b, pooled=p, logs=g)
    if importlib.util.find_spec("arch"):
        usual["GARCH(1, 1), each share"] = lambda a, b: garch(returns, squares, a, b)
    forecasts = {"ours": np.concatenate(ours)}
    forecasts |= {name: np.concatenate([f(a, b) for a, b in itertools.pairwise(edges)]) for name, f in usual.items()}
    origins = np.arange(edges[0], edges[-1])
    counted = np.isfinite(came[origins]) & (n_before[origins] >= 22) & (came[origins] > 0)
    place, _ = np.nonzero(counted)
    share = np.full(len(place), 1 / len(place))
    fits = f"{len(edges) - 1} fits of ours in {seconds:.0f} processor seconds"
    print(f"{len(tickers)} shares, {len(origins)} origins, {len(place):,} windows, {fits}")
    losses = {name: qlike(came[origins], forecast)[counted] for name, forecast in forecasts.items()}
    print(f"{'':<28}{'QLIKE':>8}{'1st year':>10}{'2nd year':>10}{'less ours':>11}{'+- 95 %':>9}{'RMSE of volatility':>20}")
    first = origins[place] < edges[0] + len(origins) // 2
    for name, loss in losses.items():
        more = loss - losses["ours"]
        half = error_of_mean((more - more.mean()) * share, share, time=origins[place].astype(float)).half_width() or 0.0
        rmse = np.sqrt(252 * np.mean((np.sqrt(forecasts[name][counted]) - np.sqrt(came[origins][counted])) ** 2))
        halves = f"{loss[first].mean():>10.4f}{loss[~first].mean():>10.4f}"
        print(f"{name:<28}{loss.mean():>8.4f}{halves}{more.mean():>11.4f}{half:>9.4f}{rmse:>19.1%}")
    sides = np.concatenate(held, axis=1)[:, counted]
    for level, at_level in zip(LEVELS, sides, strict=True):
        each = ", ".join(
            f"{np.mean(side == 0):.1%} of {steps} ({np.mean(side < 0):.1%} lay below)"
            for steps, side in zip(STEPS, at_level.T, strict=True)
        )
        print(f"intervals of {level:.0%} held at steps: {each}")
        months = [np.mean(at_level[(origins[place] >= a) & (origins[place] < b), -1] == 0) for a, b in itertools.pairwise(edges)]
        print(f"  in single months of origins, at {STEPS[-1]} steps: {min(months):.0%} at least, {max(months):.0%} at most")


def scaled_outcome(returns: np.ndarray, scale: np.ndarray, steps: int) -> np.ndarray:
    """The mean return over the next steps, times the root of their number, in units of what was known of volatility, (t, S)."""
    return mean_ahead(returns, steps) * np.sqrt(steps) / scale


def count_alarms(outcome: np.ndarray, known: np.ndarray, names: list[str], steps: int, seed: int) -> tuple[int, int]:
    """Variables of a p-value below 5 %, by themselves and adjusted for their number."""
    rows = weigh_predictors(outcome, known, names, steps=steps, n_resamples=N_RESAMPLES, seed=seed)
    return sum(row.p_value < 0.05 for row in rows), sum(row.p_adjusted < 0.05 for row in rows)


def show_returns(folder: Path) -> None:
    """Print what each variable says of returns, how many alarms shuffled dates give, and which planted signals are seen."""
    history, _ = read_prices(folder / DATA)
    names, known = history.predictors
    returns, scale = history.returns, history.volatility
    for steps in (1, 5, 20):
        outcome = scaled_outcome(returns, scale, steps)
        print(f"the next {steps} {'day' if steps == 1 else 'days'}")
        print(f"  {'':<32}{'slope':>8}{'95 % interval':>20}{'p':>8}{'adjusted':>10}{'variance':>10}")
        for row in weigh_predictors(outcome, known, names, steps=steps):
            interval = f"{row.low:.3f} to {row.high:.3f}"
            print(f"  {row.name:<32}{row.slope:>8.3f}{interval:>20}{row.p_value:>8.3f}{row.p_adjusted:>10.3f}{row.explained:>10.3%}")
        real = count_alarms(outcome, known, names, steps, 0)
        rng = np.random.default_rng(steps)
        there = np.flatnonzero(np.isfinite(returns).any(axis=1))
        alarms = []
        for repetition in range(200):
            shuffled = returns.copy()
            shuffled[there] = returns[rng.permutation(there)]
            alarms.append(count_alarms(scaled_outcome(shuffled, scale, steps), known, names, steps, repetition))
        counts = np.asarray(alarms)
        for k, kind in enumerate(("by themselves", "adjusted")):
            shares = (
                f"{np.mean(counts[:, k] > 0):.1%} of shuffles have any, {counts[:, k].mean():.2f} on average, {counts[:, k].max()} at most"
            )
            print(f"  significant {kind}: {real[k]}; {shares}", flush=True)
    outcome = scaled_outcome(returns, scale, 1)
    for slope in (0.03, 0.1):
        print(f"planted, {slope} for one standard deviation of one variable; its adjusted p-value, and how many others are significant")
        for j, name in enumerate(names):
            rows = weigh_predictors(outcome + slope * known[j] / np.nanstd(known[j]), known, names)
            others = sum(row.p_adjusted < 0.05 for row in rows) - (rows[j].p_adjusted < 0.05)
            print(f"  {name:<32}{rows[j].slope:>8.3f}{rows[j].p_adjusted:>8.3f}{others:>4}")
    tomorrow = np.vstack([returns[1:], np.full((1, returns.shape[1]), np.nan)])
    noise = np.nanstd(returns) * np.random.default_rng(0).normal(size=returns.shape)
    planted = np.concatenate([known, [tomorrow + noise]])
    for row in find_look_ahead(returns, planted, [*names, "planted: tomorrow's return and as much noise"]):
        print(f"  {row.name:<46} ahead {row.ahead:.2%}, behind {row.behind:.2%}{', suspect' if row.suspect else ''}")


def draw_nothing(n_moments: int, n_series: int, seed: int) -> np.ndarray:
    """Prices without anything to forecast, (t, S): a market and what is own, both of three degrees of freedom, of changing volatility."""
    rng = np.random.default_rng(seed)
    logs = np.zeros(n_moments)
    for t in range(1, n_moments):
        logs[t] = 0.98 * logs[t - 1] + 0.1 * rng.normal()
    market, own = rng.standard_t(3, size=(n_moments, 1)), rng.standard_t(3, size=(n_moments, n_series))
    return 100 * np.exp(np.cumsum(0.006 * np.exp(logs)[:, None] * (market + own), axis=0))


def show_size(repetitions: int = 1_000) -> None:
    """Print how often variables are called significant where nothing is there."""
    print(f"20 shares, {repetitions:,} tables a cell; share of tables with a false alarm, 5 % wanted, two standard errors are 1.4 points")
    print(f"{'dates':>6}{'steps':>6}   {'any, adjusted':>14}{'any, by themselves':>20}   each by itself: mean, least, most")
    for n_moments, steps in ((300, 1), (1_000, 1), (1_000, 5)):
        alarms = []
        for seed in range(repetitions):
            close = draw_nothing(n_moments, 20, seed)
            names, known = tell_history(close)
            returns, scale = scale_returns(close)
            rows = weigh_predictors(scaled_outcome(returns, scale, steps), known, names, steps=steps, n_resamples=N_RESAMPLES, seed=seed)
            alarms.append([(row.p_value < 0.05, row.p_adjusted < 0.05) for row in rows])
        called = np.asarray(alarms)
        each, (alone, adjusted) = called[..., 0].mean(axis=0), called.any(axis=1).mean(axis=0)
        print(
            f"{n_moments:>6}{steps:>6}   {adjusted:>14.1%}{alone:>20.1%}   {each.mean():.1%}, {each.min():.1%}, {each.max():.1%}",
            flush=True,
        )


SHOWN = {"volatility": show_volatility, "returns": show_returns}


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=(*SHOWN, "size"))
    parser.add_argument("folder", type=Path, nargs="?", help="where the data are, such as ../shared/data")
    parser.add_argument("--repetitions", type=int, default=1_000, help="tables a cell, of size")
    asked = parser.parse_args()
    if asked.what == "size":
        show_size(asked.repetitions)
    elif asked.folder is None:
        parser.error(f"{asked.what} needs the folder of the data, such as ../shared/data")
    else:
        SHOWN[asked.what](asked.folder)


if __name__ == "__main__":
    main()
