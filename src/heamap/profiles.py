"""Profiles: what differs from a parameter file, in a file of its own."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from heamap.checking import parse, read_blocks
from heamap.errors import InputError
from heamap.params import Params, load


def merged(values: Mapping[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """``values`` with those of ``overlay`` in their place: blocks are merged, everything else is replaced whole.

    Raises
    ------
    InputError : a block stands where there is a value, or a value where there is a block
    """
    result = dict(values)
    for name, value in overlay.items():
        present = result.get(name)
        if name in result and isinstance(present, Mapping) != isinstance(value, Mapping):
            raise InputError(f"{name}: cannot put {value!r} in the place of {present!r}")
        if isinstance(present, Mapping) and isinstance(value, Mapping):
            value = merged(present, value)
        result[name] = value
    return result


def write_merged(base: Path, profile: Path, out: Path) -> None:
    """Write the parameter file that a profile makes of another.

    Parameters
    ----------
    base : whole parameter file
    profile : what differs
    out : written, without the comments of either; may be ``base``

    Raises
    ------
    InputError : a file is missing or not YAML, or together they are no valid parameters
    """
    values = merged(read_blocks(base), read_blocks(profile))
    parse(Params, values, f"{base} with {profile}")
    out.write_text(f"# {base.name} with {profile.name}\n{yaml.safe_dump(values, sort_keys=False)}")


def write_whole(path: Path, out: Path) -> None:
    """Write a whole parameter file to ``out``, as it stands.

    Raises
    ------
    InputError : it is missing, is not YAML, or holds no valid parameters
    """
    load(path)
    out.write_text(path.read_text())
