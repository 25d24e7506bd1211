"""What lags and steps are called, in the words of a calendar: the last value, last week's value, 2 days ahead."""

from __future__ import annotations

from weights.data.series.calendar import Calendar

_ONE_BEFORE = {"1 day": "yesterday's value", "1 week": "last week's value", "1 month": "last month's value", "1 year": "last year's value"}


def name_lag(calendar: Calendar, lag: int) -> str:
    """What a lag is called, of which 0 is the last value.

    Example:
        >>> from weights.data.series.calendar import Even
        >>> hourly = Even(0.0, 3600.0)
        >>> [name_lag(hourly, lag) for lag in (0, 1, 24)]
        ['the last value', 'the value 1 hour before the last', 'the value 1 day before the last']
    """
    return "the last value" if lag == 0 else f"the value {calendar.span(lag)} before the last"


def name_step(calendar: Calendar, step: int) -> str:
    """What a step is called, of which 1 is the first value that is forecast, such as 2 days ahead."""
    return f"{calendar.span(step)} ahead"


def name_weight(calendar: Calendar, lag: int, step: int) -> str:
    """What the weight of a lag in the forecast of a step is of.

    A lag that lies a day, week or year, or several, before the value that is forecast is called by that; others by how long they lie
    before the last value.

    Example:
        >>> from weights.data.series.calendar import Even
        >>> daily = Even(0.0, 86_400.0)
        >>> [name_weight(daily, lag, step) for lag, step in ((0, 1), (6, 1), (12, 2), (3, 2))]  # doctest: +NORMALIZE_WHITESPACE
        ['the last value, 1 day ahead', "last week's value, 1 day ahead", 'the value 2 weeks earlier, 2 days ahead',
         'the value 3 days before the last, 2 days ahead']
    """
    distance = lag + step
    name = name_lag(calendar, lag)
    if lag and any(distance % season == 0 for season in calendar.seasons):
        span = calendar.span(distance)
        name = _ONE_BEFORE.get(span, f"the value {span} earlier")
    return f"{name}, {name_step(calendar, step)}"
