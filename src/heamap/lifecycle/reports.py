"""Reports that stages hand to each other."""

import json
from pathlib import Path
from typing import Any

from heamap.errors import InputError


def read_report(path: Path) -> dict[str, Any]:
    """A JSON report of an earlier stage.

    Raises
    ------
    InputError : missing or not JSON
    """
    return dict(_read(path))


def read_list(path: Path) -> list[dict[str, Any]]:
    """A JSON report that is a list of entries.

    Raises
    ------
    InputError : as ``read_report``
    """
    return list(_read(path))


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: {error}; run the stage that writes it") from None
