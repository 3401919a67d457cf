"""Numbers of many columns in a page: packed, so that neither the page nor making it grows much with them.

As lists of JSON, 50,000 columns took 100 MB while the page was made.
"""

import base64
import gzip
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

MISSING = np.iinfo(np.int32).min
"""Stands for a number that is not known."""

LEVEL = 4
"""Of compression: the highest takes 60 times as long for 9 % less (numbers of 50,000 columns)."""


@dataclass(frozen=True)
class Field:
    """One number a column.

    Attributes
    ----------
    name : in the page
    values : (n,), finite; None where it is known of no column
    decimals : that are kept; negative ones round to tens and above
    """

    name: str
    values: npt.NDArray[Any] | None
    decimals: int = 0


def significant(values: npt.NDArray[np.floating], digits: int) -> int:
    """Decimals that keep so many digits of the largest value."""
    largest = float(np.abs(values).max(initial=0.0))
    return digits - 1 - int(np.floor(np.log10(largest))) if largest > 0 else 0


def packed(fields: Iterable[Field], number: int) -> dict[str, Any]:
    """Fields of ``number`` columns, JSON-ready, as ``report.js`` unpacks them.

    Returns
    -------
    ``number``, ``fields`` (name and decimals of each), ``numbers``: base64 of gzip of one field after the other, each
    number times ten to its decimals as int32, little-endian, and ``MISSING`` where it is not known

    Raises
    ------
    OverflowError : a number has more digits than int32 holds
    """
    head, whole = [], []
    for field in fields:
        head.append({"name": field.name, "decimals": field.decimals})
        whole.append(_whole(field, number))
    pieces = gzip.compress(b"".join(whole), compresslevel=LEVEL, mtime=0)
    return {"number": number, "fields": head, "numbers": base64.b64encode(pieces).decode("ascii")}


def _whole(field: Field, number: int) -> bytes:
    if field.values is None:
        return np.full(number, MISSING, "<i4").tobytes()
    scaled = np.rint(field.values * 10.0**field.decimals)
    if scaled.size and not np.abs(scaled).max() < -MISSING:
        raise OverflowError(f"{field.name}: {np.abs(scaled).max():g} in the last decimal is too much for a page")
    return scaled.astype("<i4").tobytes()
