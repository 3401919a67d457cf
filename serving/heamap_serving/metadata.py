"""What a file states of a signal, wherever its format puts it."""

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
    found = _at(signal.get("metadata"), place)
    if found is not None:
        yield found
    for origin, (target, convert) in signal.get("mapping", {}).items():
        if target == place:
            value = _at(signal.get("original_metadata"), origin)
            value = value if convert is None or value is None else _converted(convert, value)
            if value is not None:
                yield value


def _at(tree: Any, place: str) -> Any:
    for name in place.split("."):
        tree = tree.get(name) if isinstance(tree, Mapping) else None
    return tree


def _converted(convert: Callable[[Any], Any], value: Any) -> Any:
    try:
        return convert(value)
    except (TypeError, ValueError):
        return None
