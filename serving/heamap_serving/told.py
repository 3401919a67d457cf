"""A composition that the user knows from elsewhere, such as X-ray spectroscopy (EDX)."""

import math
from collections.abc import Mapping

from heamap.elements import ELEMENTS
from heamap.errors import InputError

TOLERANCE = 0.01
"""Share by which the numbers given may miss their sum: they come rounded."""

_EXAMPLE = ",".join(f"{element}=20" for element in ELEMENTS)


def read_told(text: str) -> tuple[float, ...]:
    """Shares of the elements from a list with commas.

    Raises
    ------
    InputError : no list of elements with numbers, or as ``told_shares``

    Examples
    --------
    >>> read_told("Pt=30, Ni=20, Pd=20, Co=20, Fe=10")
    (0.3, 0.2, 0.2, 0.2, 0.1)
    """
    given: dict[str, float] = {}
    for part in text.split(","):
        symbol, _, number = (piece.strip() for piece in part.partition("="))
        try:
            value = float(number)
        except ValueError:
            raise InputError(f"--composition {text!r}: expected atomic per cent as {_EXAMPLE}") from None
        if symbol in given:
            raise InputError(f"--composition {text!r}: {symbol} is given twice")
        given[symbol] = value
    return told_shares(given)


def told_shares(given: Mapping[str, float]) -> tuple[float, ...]:
    """Shares of all elements, in their one order, that sum to 1.

    Parameters
    ----------
    given : by symbol, atomic per cent (together 100) or shares (together 1), to within ``TOLERANCE``

    Raises
    ------
    InputError : an element is missing or strange, a number is negative or none, or they add up to something else
    """
    if set(given) != set(ELEMENTS):
        raise InputError(f"--composition must name each of {','.join(ELEMENTS)} (0 where there is none), as {_EXAMPLE}")
    try:
        values = [float(given[element]) for element in ELEMENTS]
    except (TypeError, ValueError):
        raise InputError(f"--composition: shares must be numbers, got {dict(given)}") from None
    if not all(math.isfinite(value) and value >= 0 for value in values):
        raise InputError(f"--composition: shares must be numbers of 0 or more, got {dict(given)}")
    whole = math.fsum(values)
    if min(abs(whole / full - 1) for full in (1.0, 100.0)) > TOLERANCE:
        raise InputError(f"--composition: atomic per cent must add up to 100 (shares to 1), got {whole:g}")
    return tuple(value / whole for value in values)
