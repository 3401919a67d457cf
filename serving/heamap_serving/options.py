"""What the user chooses beside the calibration."""

from dataclasses import dataclass

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap_serving.region import WHOLE, Region


@dataclass(frozen=True)
class Options:
    """Choices that change no count.

    Attributes
    ----------
    region : part of the image to score
    elements : to draw, in the order of ``ELEMENTS``; tables and maps always hold all five
    """

    region: Region = WHOLE
    elements: tuple[str, ...] = ELEMENTS


DEFAULTS = Options()


def read_elements(text: str) -> tuple[str, ...]:
    """Elements from a list with commas, in the one order.

    Raises
    ------
    InputError : a symbol that the model does not know, or none

    Examples
    --------
    >>> read_elements("Ni, Pt")
    ('Pt', 'Ni')
    """
    wanted = [symbol.strip() for symbol in text.split(",") if symbol.strip()]
    strangers = [symbol for symbol in wanted if symbol not in ELEMENTS]
    if strangers or not wanted:
        raise InputError(f"--elements {text!r}: expected some of {','.join(ELEMENTS)}")
    return tuple(element for element in ELEMENTS if element in wanted)
