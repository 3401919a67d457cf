"""Work that threads do ahead of whoever takes it."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def results(
    function: Callable[[Item], Result], items: Iterable[Item], *, early: int, threads: int
) -> Generator[Result]:
    """``function`` of each item, in order; threads are at most ``early`` items ahead, and end with the iterator.

    What ``function`` raises is raised where its result would have come. Items may be endless.
    """
    queue = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        pending = deque(pool.submit(function, item) for item in islice(queue, early))
        try:
            while pending:
                result = pending.popleft().result()
                pending.extend(pool.submit(function, item) for item in islice(queue, 1))
                yield result
        finally:
            for future in pending:
                future.cancel()
