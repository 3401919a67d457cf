"""Checking values from outside against a model, every fault in one line."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from heamap.errors import InputError

Model = TypeVar("Model", bound=BaseModel)


def _fault(place: tuple[int | str, ...], message: str, value: Any) -> str:
    # A check on a whole block names its values itself; repeating the block would bury them.
    shown = "" if isinstance(value, dict) else f" (got {value!r})"
    return f"{'.'.join(map(str, place))}: {message}{shown}".removeprefix(": ")


def parse(kind: type[Model], values: Any, origin: str) -> Model:
    """Check ``values`` against a model.

    Raises
    ------
    InputError : in one line, every fault with its place and value
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = "; ".join(_fault(fault["loc"], fault["msg"], fault["input"]) for fault in error.errors())
        raise InputError(f"{origin}: {faults}") from None
