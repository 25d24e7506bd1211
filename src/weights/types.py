"""Array aliases and the letters that name axes, the same in code, docstrings and tests.

m member · n sample (row) · t time · p encoded input column · h hidden unit · k class or output.
The member axis is always first. `FloatArray` is the usual one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

AnyArray = npt.NDArray[Any]
FloatArray = npt.NDArray[Any]
IntArray = npt.NDArray[Any]
BoolArray = npt.NDArray[Any]
"""Names that say what an array holds; docstrings give type and shape where they matter."""

Params = Any
"""A pytree of arrays: the learned numbers of one member, or of all with a leading axis m."""

ReportProgress = Callable[[float], None]
"""A callback that is called now and then with the share of the work that is done."""
