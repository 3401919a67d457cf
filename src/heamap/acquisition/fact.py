"""One fact of an acquisition, with its source."""

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

Value = TypeVar("Value")

Source = Literal["option", "microscope", "file"]
"""An option of the call, the file that describes the microscope (``--microscope``), or the micrograph's own file."""


@dataclass(frozen=True)
class Fact(Generic[Value]):
    """A value and where it comes from.

    Attributes
    ----------
    value : in the unit of its entry
    source : who states it
    derived : from which other facts it was computed, in words; empty where it is stated as it is
    """

    value: Value
    source: Source
    derived: str = ""

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return {"value": value, "source": self.source, "derived": self.derived or None}
