"""Columns that are known up to the origin, such as the weather: what their lags add to the forecasts that lags of the target give.

They are asked what they say of the errors of forecasts at rolling origins, by a ridge regression for each step that all series share, in
units of their deviations. The forecast itself stands beside them, since the error of one that a column knows better is the column less the
forecast. Only columns that save errors there, by more than the standard error of that, are used.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from weights.errors import listed, printable
from weights.forecasting.rolling import Errors, Sizes, find_errors, mean_error
from weights.forecasting.units import Scale, Unit
from weights.training.lagged import steps_after
from weights.types import BoolArray, FloatArray, IntArray

N_LAGS = 3
"""Of each column: more cost more than they told on ETTh1 and Chicago (24 lags of six columns lost up to 29 % at rolling origins)."""
_STRENGTHS = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
_N_CUTS = 3
_FARTHEST = 5.0
"""Deviations that a column counts as lying off its mean at most (our choice)."""
_SURE = 2.0
"""Standard errors that a gain must have, since columns and strength are chosen by the same errors: with one, columns that say nothing
were used in 6 to 32 % of simulations, with two in 1 to 5 %."""
_MOST_COLUMNS = 50
_MOST_MISSING = 0.5


class PastScale(NamedTuple):
    """How past columns of a unit are seen: the center and the spread of each, shape (m,), zero of one that never differs."""

    center: FloatArray
    spread: FloatArray

    def see(self, columns: FloatArray) -> FloatArray:
        """Columns (t, m) in deviations from their means; zero where missing, and not far from it anywhere."""
        known = np.where(np.isnan(columns), self.center, columns)
        units = np.where(self.spread > 0, self.spread, np.inf)
        return np.clip((known - self.center) / units, -_FARTHEST, _FARTHEST)


NO_PAST = PastScale(np.zeros(0), np.zeros(0))


class PastErrors(NamedTuple):
    """A unit whose past columns are asked.

    Attributes:
        columns: at the moments of its values, NaN where missing, shape (t, m). as_seen: how they are seen.
        values: of the unit, NaN where none came, shape (t,). scale: how they are seen.
        errors: of forecasts without past columns at rolling origins, which count from the end of the values, at -1.
    """

    columns: FloatArray
    as_seen: PastScale
    values: FloatArray
    scale: Scale
    errors: Errors

    @property
    def origins(self) -> IntArray:
        """Places of the origins among the values."""
        return self.errors.origins + len(self.values)

    @property
    def forecasts(self) -> FloatArray:
        """At the origins, as values are seen, NaN where none came, shape (n, H)."""
        return self.scale.see(steps_after(self.values, self.origins, self.errors.seen.shape[1])) - self.errors.seen


class PastResult(NamedTuple):
    """What past columns add.

    Attributes:
        kept: places of the columns that help, ascending.
        weights: of each lag, the newest first, column and step, per deviation, in units in which series are seen, shape (q, kept, H).
        shares: of the forecast, that are added to it, at each step, shape (H,); negative where columns take its place.
        errors: of each unit, with what was known of the columns before them.
        gain: share of the absolute errors that they save at rolling origins.
        scales: of the kept columns of each unit.
    """

    kept: list[int]
    weights: FloatArray
    shares: FloatArray
    errors: list[Errors]
    gain: float
    scales: list[PastScale]


def find_past_scale(columns: FloatArray) -> PastScale:
    """How columns (t, m) are seen, from those values that were known before settings are judged."""
    there = ~np.isnan(columns)
    n = np.maximum(there.sum(axis=0), 1)
    center = np.where(there, columns, 0.0).sum(axis=0) / n
    spread = np.sqrt((np.where(there, columns - center, 0.0) ** 2).sum(axis=0) / n)
    return PastScale(center, np.where(spread > 1e-12 * np.abs(center), spread, 0.0))


def keep_past(columns: FloatArray, scale: PastScale, n_lags: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What a forecast of a unit needs of columns (t, m): the last ones as they are seen, shape (q, m), zero before the first; the scale."""
    seen = np.concatenate([np.zeros((n_lags, columns.shape[1])), scale.see(columns)])
    return seen[len(seen) - n_lags :], scale.center, scale.spread


def leave_out(names: Sequence[str], columns: Sequence[FloatArray]) -> tuple[list[int], list[str]]:
    """Places of columns that can be asked, and in words which cannot: constant ones, and those that are mostly missing.

    Args:
        names: of m columns.
        columns: of each unit, shape (t, m).
    """
    whole = np.concatenate(columns)
    there = ~np.isnan(whole)
    missing = there.mean(axis=0) < 1 - _MOST_MISSING
    least, most = np.where(there, whole, np.inf).min(axis=0), np.where(there, whole, -np.inf).max(axis=0)
    constant = ~missing & (least >= most)
    remarks = []
    for which, said in ((missing, "mostly missing"), (constant, "the same at all moments")):
        if which.any():
            named = listed([printable(names[i]) for i in np.flatnonzero(which).tolist()], 5)
            remarks.append(f"what is {said} is not asked what it says of later values: {named}")
    return np.flatnonzero(~missing & ~constant).tolist()[:_MOST_COLUMNS], remarks


def ask_past(units: Sequence[Unit], n_known: int, errors: Sequence[Errors], first_judged: Sequence[int]) -> PastResult | None:
    """What past columns add to the forecasts of some units; None where nothing helps, or there are none.

    Args:
        units: whose columns they are, behind so many known ones.
        n_known: k.
        errors: of forecasts without them at rolling origins, which count from the end of the values, at -1.
        first_judged: how many values of each are known before settings are judged.
    """
    asked = []
    for unit, own, begin in zip(units, errors, first_judged, strict=True):
        columns = unit.columns[: len(unit.values), n_known:]
        asked.append(PastErrors(columns, find_past_scale(columns[:begin]), unit.came, unit.scale, own))
    return fit_past(asked)


def fit_past(units: Sequence[PastErrors], n_lags: int = N_LAGS) -> PastResult | None:
    """What past columns add to the forecasts of some units; None where nothing helps.

    Columns are tried alone, and then together, the best first, each kept where errors are fewer with it by more than chance.

    Args:
        units: of which some have errors.
        n_lags: q.
    """
    judged = [own for own in units if len(own.errors.origins)]
    if not judged or not judged[0].columns.shape[1]:
        return None
    lags = np.concatenate([lag_columns(own.as_seen.see(own.columns), own.origins, n_lags) for own in judged])
    errors, origins = (np.concatenate([getattr(own.errors, name) for own in judged]) for name in ("seen", "origins"))
    unit = np.repeat(np.arange(len(judged)), [len(own.errors.origins) for own in judged])
    forecasts = np.concatenate([own.forecasts for own in judged])
    cuts = _place(origins)
    asked = _Asked(lags, errors, forecasts, origins, cuts)
    if not asked.rows.any():
        return None
    plain = _mean_size(errors[asked.rows])
    without = min(plain, asked.judge([]).losses, key=np.mean)  # a column must do more than the forecast alone
    alone = {column: asked.judge([column]).losses.mean() for column in range(lags.shape[2])}
    kept: list[int] = []
    best: _Judged | None = None
    for column in sorted(alone, key=lambda column: alone[column]):
        tried = asked.judge(sorted([*kept, column]))
        gains = (without if best is None else best.losses) - tried.losses
        gain, error = mean_error(gains, Sizes(origins[asked.rows], unit[asked.rows], gains, gains, gains))
        if error.degrees > 0 and gain > _SURE * error.std_err:
            kept, best = sorted([*kept, column]), tried
    if best is None:
        return None
    whole = ~np.isnan(errors).any(axis=1)
    (final,) = _solve(lags[whole][:, :, kept], errors[whole], forecasts[whole], [best.strength])
    added = np.zeros_like(errors)
    for (begin, end), own in zip(itertools.pairwise(cuts), best.at_cuts, strict=True):
        part = (origins >= begin) & (origins < end)
        added[part] = own.expect(lags[part][:, :, kept], forecasts[part])
    parts = iter(np.split(added, np.cumsum([len(own.errors.origins) for own in judged])[:-1]))
    moved = [_move(own, next(parts)) if len(own.errors.origins) else own.errors for own in units]
    scales = [PastScale(own.as_seen.center[kept], own.as_seen.spread[kept]) for own in units]
    return PastResult(kept, final.weights, final.shares, moved, float(1 - best.losses.mean() / plain.mean()), scales)


def describe_past(names: Sequence[str], result: PastResult | None) -> list[str]:
    """What became of columns that are known up to the origin, in words."""
    if not names:
        return []
    kept = [] if result is None else result.kept
    left = [name for i, name in enumerate(names) if i not in kept]
    said = []
    if result is not None:
        named = listed([printable(names[i]) for i in kept], 5)
        said.append(f"what was known of {named} at the origin saves {result.gain:.1%} of the absolute errors at rolling origins")
    if left:
        said.append(
            f"what was known at the origin of {listed([printable(name) for name in left], 5)} did not help forecasts, and is not used; "
            "--known names what is known beforehand"
        )
    return said


def lag_columns(columns: FloatArray, origins: IntArray, n_lags: int) -> FloatArray:
    """Lags of columns (t, m) at each origin, the newest first, shape (n, q, m); zero before the first."""
    before = np.concatenate([np.zeros((n_lags - 1, columns.shape[1])), columns])
    return before[origins[:, None] + n_lags - 1 - np.arange(n_lags)]


def forecast_past(lags: FloatArray, weights: FloatArray) -> FloatArray:
    """What lags (n, q, m) of past columns add to the next steps by weights (q, m, H), shape (n, H)."""
    return lags.reshape(len(lags), -1) @ weights.reshape(-1, weights.shape[2])


class _Regression(NamedTuple):
    """Weights (q, m, H) of lags of columns, and shares (H,) of the forecast, in what is expected of its errors."""

    weights: FloatArray
    shares: FloatArray

    def expect(self, lags: FloatArray, forecasts: FloatArray) -> FloatArray:
        """The errors that are expected, shape (n, H), from lags (n, q, m) and forecasts (n, H)."""
        return forecast_past(lags, self.weights) + self.shares * forecasts


class _Judged(NamedTuple):
    """How much is lost with some columns: the mean absolute error of each row that is judged, (n,), the strength, regressions at cuts."""

    losses: FloatArray
    strength: float
    at_cuts: list[_Regression]


class _Asked(NamedTuple):
    """Lags (n, q, m), errors and forecasts (n, H) at origins (n,), of which those between two cuts are judged by what came before."""

    lags: FloatArray
    errors: FloatArray
    forecasts: FloatArray
    origins: IntArray
    cuts: IntArray

    @property
    def rows(self) -> BoolArray:
        """Which are judged, shape (n,): those that came at least in part, behind a cut that has something to learn from."""
        begun = self.origins >= self.cuts[0]
        return begun & ~np.isnan(self.errors).all(axis=1) & self._learned(int(self.cuts[0])).any()

    def judge(self, columns: list[int]) -> _Judged:
        """What is lost with these columns at the strength that loses least."""
        rows, at_cuts = self.rows, []
        left = np.full((len(_STRENGTHS), len(self.errors)), np.nan)
        for begin, end in itertools.pairwise(self.cuts):
            learned, part = self._learned(begin), rows & (self.origins >= begin) & (self.origins < end)
            own = _solve(self.lags[learned][:, :, columns], self.errors[learned], self.forecasts[learned], _STRENGTHS)
            at_cuts.append(own)
            for place, regression in enumerate(own):
                expected = regression.expect(self.lags[part][:, :, columns], self.forecasts[part])
                left[place, part] = _mean_size(self.errors[part] - expected)
        losses = left[:, rows]
        best = int(np.argmin(losses.mean(axis=1)))
        return _Judged(losses[best], _STRENGTHS[best], [own[best] for own in at_cuts])

    def _learned(self, cut: int) -> BoolArray:
        """Which had come whole before a cut, shape (n,)."""
        return (self.origins <= cut - self.errors.shape[1]) & ~np.isnan(self.errors).any(axis=1)


def _place(origins: IntArray) -> IntArray:
    """Cuts over the last half of the origins, and what lies behind the last."""
    different = np.unique(origins)
    places = np.linspace(len(different) // 2, len(different), _N_CUTS + 1).astype(int)
    return np.unique(np.append(different, different[-1] + 1)[places])


def _solve(lags: FloatArray, errors: FloatArray, forecasts: FloatArray, strengths: Sequence[float]) -> list[_Regression]:
    """Ridge regressions of errors (n, H) on lags (n, q, m) and on the forecast (n, H) of the same step, of each strength."""
    n, n_lags, n_columns = lags.shape
    flat = lags.reshape(n, -1)
    values, vectors = np.linalg.eigh(flat.T @ flat)
    moved, along = vectors.T @ (flat.T @ errors), vectors.T @ (flat.T @ forecasts)
    squares, products = (forecasts**2).sum(axis=0), (forecasts * errors).sum(axis=0)
    found = []
    for strength in strengths:
        inverse = 1.0 / (np.maximum(values, 0.0) + strength * n)[:, None]
        left = squares + strength * n - (along**2 * inverse).sum(axis=0)  # what lags do not tell of the forecast, and the penalty
        shares = (products - (along * moved * inverse).sum(axis=0)) / left
        weights = vectors @ ((moved - along * shares) * inverse)
        found.append(_Regression(weights.reshape(n_lags, n_columns, errors.shape[1]), shares))
    return found


def _mean_size(errors: FloatArray) -> FloatArray:
    """The mean absolute error of each row (n, H), of the steps that came."""
    there = ~np.isnan(errors)
    return np.where(there, np.abs(np.nan_to_num(errors)), 0.0).sum(axis=1) / np.maximum(there.sum(axis=1), 1)


def _move(own: PastErrors, added: FloatArray) -> Errors:
    """The errors of a unit with what past columns add (n, H) to its forecasts."""
    came = steps_after(own.values, own.origins, added.shape[1])
    return find_errors(own.errors.origins, came, own.forecasts + added, own.scale)
