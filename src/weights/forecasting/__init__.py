"""Forecasts of series: from a panel to a `Forecaster`, and what one says of rows that come later."""
