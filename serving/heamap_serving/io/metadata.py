"""What a file states of a signal, wherever its format puts it."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any


def stated(signal: Mapping[str, Any], place: str) -> Iterator[Any]:
    """Values that a file states, the surest first.

    HyperSpy's own files hold them in ``metadata``. For files of the microscopes' own formats RosettaSciIO says by
    ``mapping`` where in ``original_metadata`` they stand, and leaves the carrying over to HyperSpy.

    Parameters
    ----------
    signal : as RosettaSciIO reads it: ``metadata``, ``original_metadata`` and ``mapping``, where there are
    place : in HyperSpy's metadata, with dots
    """
    found = at(signal.get("metadata"), place)
    if found is not None:
        yield found
    for origin, (target, convert) in signal.get("mapping", {}).items():
        if target == place:
            value = at(signal.get("original_metadata"), origin)
            value = value if convert is None or value is None else _converted(convert, value)
            if value is not None:
                yield value


def at(tree: Any, place: str) -> Any:
    """What stands at a place, with dots, of mappings in mappings; None where nothing does."""
    for name in place.split("."):
        tree = tree.get(name) if isinstance(tree, Mapping) else None
    return tree


def number(value: Any, factor: float = 1.0) -> float | None:
    """A finite number, times a factor; None where it is none. Metadata of microscopes are mostly text."""
    try:
        found = factor * float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def first_number(signal: Mapping[str, Any], place: str, factor: float = 1.0) -> float | None:
    """The surest number that a file states at a place of HyperSpy's metadata, times a factor."""
    numbers = (number(value, factor) for value in stated(signal, place))
    return next((found for found in numbers if found is not None), None)


def entries(tree: Any, depth: int = 6) -> Iterator[tuple[str, Any]]:
    """Names and values of all that stands in a tree of mappings, down to a depth."""
    if isinstance(tree, Mapping) and depth:
        for name, value in tree.items():
            if isinstance(value, Mapping):
                yield from entries(value, depth - 1)
            else:
                yield str(name), value


def _converted(convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except (TypeError, ValueError):
        return None
