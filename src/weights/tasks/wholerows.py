"""What tasks share whose answers are of rows as a whole, not of the moments of rows that go on: `WholeRows`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from weights.types import FloatArray


class WholeRows:
    """A task of which each row has one answer; see `Task` for what these are."""

    classes: Any

    decomposes: ClassVar[bool] = True
    spells: ClassVar[bool] = False
    n_moments: ClassVar[int] = 0
    target_shape: ClassVar[tuple[int, ...]] = ()

    @property
    def heard(self) -> list[Any]:
        """The classes."""
        return [*self.classes]

    def align(self, outputs: FloatArray, onto: Callable[[], FloatArray]) -> FloatArray:
        """The outputs as they are: of no moments."""
        return outputs

    def split(self, text: str) -> list[str]:
        """The text as it is: the name of a class."""
        return [text]

    def words_in(self, codes: Sequence[int]) -> list[tuple[list[int], Any]]:
        """Each code is a word."""
        return [([place], self.heard[code]) for place, code in enumerate(codes)]
