"""Columns that look ahead: what they say of a moment is told by later values, as if they had been filled in afterwards.

What is new in a column and in the values, a season after the last, is compared in time (`inspection/predictors.py`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from weights.forecasting.units import Unit
from weights.inspection.predictors import find_look_ahead

_MOST_SERIES, _MOST_MOMENTS = 20, 5_000
"""Of which columns are asked, the last moments (our choice)."""


def describe_look_ahead(units: Sequence[Unit], names: Sequence[str], places: Sequence[int], seasons: Sequence[int]) -> list[str]:
    """Sentences about columns that know later values better than those of their own moment.

    Args:
        units: whose columns they are.
        names: of the columns that are asked, m.
        places: where they stand among the columns of units, m.
        seasons: lengths in steps; the longest that fits in three times is taken off.
    """
    if not names:
        return []
    asked = units[:: -(-len(units) // _MOST_SERIES)]
    end = max(unit.end for unit in asked)
    begin = max(end + 1 - _MOST_MOMENTS, min(unit.begin for unit in asked))
    together = np.full((1 + len(places), end + 1 - begin, len(asked)), np.nan)
    for s, unit in enumerate(asked):
        own = np.column_stack([unit.scale.see(unit.came), unit.columns[: len(unit.values), [*places]]])[max(begin - unit.begin, 0) :]
        place = unit.end + 1 - begin
        together[:, place - len(own) : place, s] = own.T
    season = max((season for season in seasons if 3 * season <= together.shape[1]), default=0)
    changes = together[:, season:] - together[:, :-season] if season else together
    return [row.warning for row in find_look_ahead(changes[0], changes[1:], names) if row.suspect]
