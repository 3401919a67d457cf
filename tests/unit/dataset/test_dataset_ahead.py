"""Threads that work ahead keep the order, do not run away, and hand on what fails."""

import itertools
import threading
import time
from collections.abc import Iterator

import pytest

from heamap.dataset.ahead import results


def test_results_come_in_order_whatever_takes_longest() -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.02 if item % 3 == 0 else 0)
        return 10 * item

    assert list(results(slow_first, range(10), early=4, threads=3)) == [10 * item for item in range(10)]
    assert list(results(slow_first, [], early=4, threads=3)) == []


def test_no_more_than_so_many_items_are_taken_early() -> None:
    taken = []

    def items() -> Iterator[int]:
        for item in itertools.count():
            taken.append(item)
            yield item

    made = results(lambda item: item, items(), early=3, threads=2)
    assert next(made) == 0
    assert len(taken) == 4
    assert next(made) == 1
    assert len(taken) == 5
    made.close()


def test_a_failure_comes_in_its_place_and_threads_end() -> None:
    def fail_at_two(item: int) -> int:
        if item == 2:
            raise OSError("item 2")
        return item

    before = threading.active_count()
    made = results(fail_at_two, itertools.count(), early=4, threads=2)
    assert [next(made), next(made)] == [0, 1]
    with pytest.raises(OSError, match="item 2"):
        next(made)
    assert threading.active_count() == before


def test_threads_end_with_the_iterator() -> None:
    before = threading.active_count()
    made = results(lambda item: item, itertools.count(), early=4, threads=2)
    next(made)
    assert threading.active_count() > before
    made.close()
    assert threading.active_count() == before
