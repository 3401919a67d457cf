"""Checking values from outside against a model, every fault in one line."""

from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from heamap.errors import InputError

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


def _ordered(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError(f"a range runs from low to high, got {list(limits)}")
    return limits


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
PositiveRange = Annotated[tuple[Positive, Positive], AfterValidator(_ordered)]
NonNegativeRange = Annotated[tuple[NonNegative, NonNegative], AfterValidator(_ordered)]


class Block(BaseModel):
    """Values that never change once checked; unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Model = TypeVar("Model", bound=BaseModel)

MOST_FAULTS = 6
"""Named in one line; where there are more, the file is another kind of file."""


def _fault(place: tuple[int | str, ...], message: str, value: Any) -> str:
    # A check on a whole block names its values itself; repeating the block would bury them.
    shown = "" if isinstance(value, dict) else f" (got {value!r})"
    return f"{'.'.join(map(str, place))}: {message}{shown}".removeprefix(": ")


def parse(kind: type[Model], values: Any, origin: str) -> Model:
    """Check ``values`` against a model.

    Raises
    ------
    InputError : in one line, the first faults with their place and value, and how many there are
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        faults = [_fault(fault["loc"], fault["msg"], fault["input"]) for fault in error.errors()]
        rest = [f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else []
        raise InputError(f"{origin}: {'; '.join(faults[:MOST_FAULTS] + rest)}") from None


def read_yaml(kind: type[Model], path: Path) -> Model:
    """Read a YAML file and check it against a model.

    Raises
    ------
    InputError : the file is missing, is not YAML, or holds an unknown key or an impossible value
    """
    return parse(kind, read_blocks(path, f"blocks {list(kind.model_fields)}"), str(path))


def read_blocks(path: Path, expected: str = "blocks of parameters") -> dict[str, Any]:
    """Read a YAML file of named blocks, unchecked.

    Parameters
    ----------
    expected : what the file should hold, for the message

    Raises
    ------
    InputError : the file is missing, is not YAML, or holds no blocks
    """
    try:
        values = yaml.safe_load(path.read_text())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected {expected}, got {type(values).__name__}")
    return values
