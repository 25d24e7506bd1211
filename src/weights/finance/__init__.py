"""Forecasts of what prices do, from rows of prices to what is expected, judged and traded."""
