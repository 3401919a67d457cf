"""Names of files, which are bytes, as text."""

import os
from pathlib import Path
from urllib.parse import quote


def shown(path: str | Path) -> str:
    r"""A name for tables, pages and messages: bytes that are no UTF-8 stand as escapes.

    A name that a Windows share wrote in Latin-1 is such a one; Python holds its bytes as lone surrogates, which no
    text file takes.

    Examples
    --------
    >>> shown("Messung_5\udcb5m.tif")
    'Messung_5\\xb5m.tif'
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def link(name: str) -> str:
    """A name as part of an address, whatever its bytes."""
    return quote(os.fsencode(name))
