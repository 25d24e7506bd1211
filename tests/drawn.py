"""What stands on drawings: for tests of figures."""

from __future__ import annotations

from weights.report.charts import Area, Box, Line, Raster, Text


def words(drawing):
    return [mark.words for mark in drawing.marks if isinstance(mark, Text)]


def inside(drawing):
    """Whether all marks lie on the page."""
    for mark in drawing.marks:
        ends = [(mark.x + mark.width, mark.y + mark.height)] if isinstance(mark, Box | Raster) else []
        places = mark.points if isinstance(mark, Line | Area) else [(mark.x, mark.y), *ends]
        if not all(-1e-6 <= x <= drawing.width + 1e-6 and -1e-6 <= y <= drawing.height + 1e-6 for x, y in places):
            return False
    return True
