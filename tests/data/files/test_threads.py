"""Work by threads: the order of results, what runs ahead, and what is not begun any more."""

import threading
import time

import pytest

from weights.data.files.threads import count_threads, map_in_order


def test_results_come_in_the_order_of_the_items():
    def slow_where_even(item):
        time.sleep(0.002 * (item % 2 == 0))
        return item * item

    assert list(map_in_order(slow_where_even, range(70), 4)) == [item * item for item in range(70)]


def test_closing_it_leaves_the_rest_undone():
    begun = []
    results = map_in_order(begun.append, range(10_000), 2)
    next(results)
    results.close()
    assert len(begun) < 500
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("files")]


def test_an_error_reaches_whoever_takes_the_results():
    def fail_late(item):
        if item == 40:
            raise KeyError(item)
        return item

    results = map_in_order(fail_late, range(100), 2)
    assert [next(results) for _ in range(32)] == list(range(32))
    with pytest.raises(KeyError):
        list(results)


def test_sizes_that_are_not_known_get_several_threads():
    assert count_threads([], small_bytes=10) >= 2
    assert count_threads([9, 9, 50], small_bytes=10) == 1
    assert count_threads([10, 10, 10], small_bytes=10) >= 2
