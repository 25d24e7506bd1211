"""Work on many items by threads that run ahead of whoever takes the results: `map_in_order`."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np

_BLOCK = 16

T = TypeVar("T")
R = TypeVar("R")


def map_in_order(function: Callable[[T], R], items: Sequence[T], n_threads: int) -> Generator[R, None, None]:
    """What a function returns for each item, in order, by threads some blocks of items ahead; closing it stops them."""
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="files")
    waiting: deque[Future[list[R]]] = deque()
    is_over = threading.Event()

    def map_block(start: int) -> list[R]:
        return [function(item) for item in items[start : start + _BLOCK] if not is_over.is_set()]

    try:
        for start in range(0, len(items), _BLOCK):
            waiting.append(pool.submit(map_block, start))
            if len(waiting) > 2 * n_threads:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()
    finally:
        is_over.set()
        pool.shutdown(cancel_futures=True)


def available_threads() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def count_threads(sizes: Sequence[int], small_bytes: int) -> int:
    """How many threads decode fastest: the time of small files goes to Python, of which but one thread runs at a time.

    Args:
        sizes: in bytes, of some of the files; those that are not known or zero are left out.
        small_bytes: size below which one thread is faster than two.

    Example:
        >>> count_threads([100, 200, 90_000], small_bytes=2_500)
        1
    """
    return 1 if len(sizes) and np.median(sizes) < small_bytes else max(2, available_threads())
