"""Time series: which moments there are, and what was measured at each."""
