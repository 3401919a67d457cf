"""What is put down of one simulated structure: its columns, and how the image was made."""

import math
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import heamap
from heamap.elements import ELEMENTS
from heamap.imaging import engines
from heamap.imaging.columns import column_intensities
from heamap.simulator.exposure import Exposure
from heamap.simulator.request import Request
from heamap.structures.columns import column_table

PACKAGES = ("abtem", "ase", "numpy", "pandas", "scipy", "tifffile")


def seen_columns(exposure: Exposure) -> pd.DataFrame:
    """One row a column in the field: column, row and col (pixels), a count per element, total, order, intensity.

    ``order`` names the atoms along the beam from the entrance in symbols, which no reader of csv files takes for a
    number. ``intensity_square_angstrom`` is the image integrated over the column's area.
    """
    field = exposure.field
    table = column_table(
        field.place(exposure.oriented.positions),
        exposure.structure.elements,
        exposure.oriented.projection.column,
        pixels=field.pixels,
        sampling_angstrom=field.sampling_angstrom,
    )
    seen = table[table["in_field"]].drop(columns="in_field")
    intensities = column_intensities(
        exposure.image, seen["row"].to_numpy(), seen["col"].to_numpy(), field.sampling_angstrom
    )
    orders = ["".join(ELEMENTS[int(index)] for index in order) for order in seen["order"]]
    return seen.assign(order=orders, intensity_square_angstrom=intensities)


def settings_record(path: Path, request: Request, exposure: Exposure) -> dict[str, Any]:
    """Everything that decided the image; the same command writes the same record."""
    structure, oriented, field = exposure.structure, exposure.oriented, exposure.field
    counts = np.bincount(structure.elements, minlength=len(ELEMENTS)).tolist()
    return {
        "input": {
            "file": path.name,
            "sha256": structure.sha256,
            "atoms": {symbol: count for symbol, count in zip(ELEMENTS, counts, strict=True) if count},
            "cell_angstrom": structure.cell_angstrom,
        },
        "orientation": {
            "asked": request.axis,
            "axis": oriented.axis.tolist(),
            "angle_degree": oriented.angle_degree,
            "rotation": oriented.matrix.tolist(),
            "origin_angstrom": field.origin_angstrom.tolist(),
            "meaning": "x (along columns), y (along rows), z (along the beam) = rotation . file position - origin",
        },
        "columns": {
            "number": int(oriented.projection.column.max()) + 1,
            "share_of_atoms": oriented.projection.share,
            "scatter_angstrom": oriented.projection.scatter_angstrom,
        },
        "engine": _engine(request, exposure),
        "microscope": asdict(request.microscope),
        "image": {
            "pixels": [field.pixels, field.pixels],
            "sampling_angstrom": field.sampling_angstrom,
            "unit": "fraction of the incident beam",
        },
        "versions": {
            "heamap": heamap.__version__,
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
    }


def _engine(request: Request, exposure: Exposure) -> dict[str, Any]:
    simulated = exposure.simulated
    return {
        "name": request.engine,
        "version": engines.version(request.engine),
        "device": exposure.settings.thermal.device if request.engine == "thermal" else "cpu",
        "seed": request.seed,
        "configurations" if request.engine == "reference" else "waves": simulated.configurations,
        "interpolation": simulated.interpolation,
        "slice_angstrom": exposure.settings.slice_angstrom,
        "margin_angstrom": exposure.settings.margin_angstrom,
        "potential_sampling_angstrom": simulated.potential_sampling_angstrom,
        "relative_error": simulated.relative_error if math.isfinite(simulated.relative_error) else None,
    }
