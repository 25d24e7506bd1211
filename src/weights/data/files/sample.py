"""A first look at some of many files, by which it is decided what all of them become."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from weights.data.files.places import Content, Place, measure_bytes, read_content
from weights.data.files.threads import count_threads, map_in_order

_MOST_SAMPLED = 200

R = TypeVar("R")


class Sample(NamedTuple):
    """Some files of a source, evenly spaced.

    Attributes:
        places: where their contents are.
        n_files: how many files the source has in all.
        most_bytes: larger ones are not read.
        n_threads: by how many threads files of this size are read fastest.
    """

    places: list[Place]
    n_files: int
    most_bytes: int
    n_threads: int

    def probe(self, look: Callable[[Content], R | None]) -> Generator[R | None, None, None]:
        """What a look at each content gives, in order; None where it cannot be read. Closing it stops the reading."""

        def look_at(place: Place) -> R | None:
            content = read_content(place, self.most_bytes)
            return None if isinstance(content, str) else look(content)

        return map_in_order(look_at, self.places, self.n_threads)


def take_sample(places: Sequence[Place], *, most_bytes: int, small_bytes: int) -> Sample:
    """A sample of at most 200 files; sizes in bytes are as those of `Medium`."""
    chosen = np.unique(np.linspace(0, len(places) - 1, _MOST_SAMPLED).astype(int))
    sampled = [places[i] for i in chosen]
    sizes = [n_bytes for n_bytes in map(measure_bytes, sampled) if n_bytes]
    return Sample(sampled, len(places), most_bytes, count_threads(sizes, small_bytes))
