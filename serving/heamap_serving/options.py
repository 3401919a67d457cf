"""What the user chooses beside the calibration."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap_serving.io.selection import HAADF, Selection
from heamap_serving.region import WHOLE, Region, read_mask


@dataclass(frozen=True)
class Options:
    """What is taken of a file, and what is made of it.

    Attributes
    ----------
    region : part of the image to score
    elements : to draw, in the order of ``ELEMENTS``; none of them: no picture and no report. Tables and maps always
        hold all five
    selection : which image of a file, and what becomes of a series
    """

    region: Region = WHOLE
    elements: tuple[str, ...] = ELEMENTS
    selection: Selection = HAADF


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


def read_options(
    roi: Sequence[int] | None,
    mask: Path | None,
    elements: str | None,
    *,
    tables: bool = False,
    selection: Selection = HAADF,
) -> Options:
    """Options from what was given on the command line.

    Parameters
    ----------
    tables : draw nothing

    Raises
    ------
    InputError : an impossible rectangle, a mask that cannot be read, an unknown element, elements to draw on no picture
    """
    box = None if roi is None else (roi[0], roi[1], roi[2], roi[3])
    region = Region(box, None if mask is None else read_mask(mask))
    if tables and elements is not None:
        raise InputError("--tables draws nothing: leave out --elements, or --tables")
    drawn = () if tables else ELEMENTS if elements is None else read_elements(elements)
    return Options(region, drawn, selection)
