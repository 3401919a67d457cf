"""Stages that overlap: the next is prepared, and the last put away, while the present is worked on."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(
    function: Callable[[Item], Result], items: Iterable[Item], depth: int
) -> Iterator[tuple[Item, Future[Result]]]:
    """Each item with ``function`` of it, in order, worked out by a thread of its own, at most ``depth`` items early."""
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as thread:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        try:
            for item in items:
                waiting.append((item, thread.submit(function, item)))
                if len(waiting) > depth:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, future in waiting:
                future.cancel()


class Behind(Generic[Result]):
    """Puts finished work away in a thread of its own; whoever is more than ``depth`` pieces early waits."""

    def __init__(self, depth: int) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="behind")
        self._depth = depth
        self._running: deque[Future[Result]] = deque()

    def __enter__(self) -> "Behind[Result]":
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def put(self, function: Callable[[], Result]) -> "Future[Result]":
        """Have ``function`` called after those put before."""
        while len(self._running) >= self._depth:
            self._running.popleft().exception()
        future = self._thread.submit(function)
        self._running.append(future)
        return future
