"""Positions of one image as a table, and what a result of positions rests on."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from heamap.domain.column_pairs import Grain
from heamap.domain.column_strain import strain_error
from heamap_serving.positions.maxima import SHARP, SMOOTH
from heamap_serving.positions.pixel_size import axes, is_fcc
from heamap_serving.positions.result import PositionsResult
from heamap_serving.provenance import model_record, source_of, versions
from heamap_serving.session import Model

POSITIONS_ONLY = "positions only"
"""Status of an image that was not counted."""


def position_table(result: PositionsResult) -> pd.DataFrame:
    """One row a column; no counts.

    ``row_px``, ``col_px`` are pixels of the file's image; ``x_angstrom``, ``y_angstrom`` run right and down from the
    centre of its first pixel. ``relative_intensity`` is over the median column's, ``integrated_intensity`` above the
    background, in the file's unit times square Angstrom. ``grain`` is 1 for the largest, 0 off every lattice.
    ``strain_*`` are shares, of the grain's mean lattice, ``rotation_degree`` runs clockwise in the picture;
    ``misplaced`` is the distance from the site that the neighbours give, in nearest-column distances. ``domain`` is
    ``in domain`` or ``doubtful`` for the square of the image, where the model has limits.
    """
    y, x = (result.positions * result.sampling_angstrom + np.asarray(result.origin_angstrom)).T
    row, col = result.places_px.T
    table = pd.DataFrame(
        {
            "column": np.arange(len(x), dtype=np.int32),
            "row_px": row,
            "col_px": col,
            "x_angstrom": x,
            "y_angstrom": y,
            "relative_intensity": result.intensities.relative,
            "integrated_intensity": result.intensities.integrated,
            "grain": (result.lattice.grain + 1).astype(np.int32),
            "strain_xx": result.strain.xx,
            "strain_yy": result.strain.yy,
            "strain_xy": result.strain.xy,
            "rotation_degree": result.strain.rotation_degree,
            "misplaced": result.lattice.misplaced,
        }
    )
    if result.domain is not None:
        doubtful = result.domain.region_of(result.positions * result.sampling_angstrom) > 0
        table["domain"] = np.where(doubtful | (result.domain.verdict == "doubtful"), "doubtful", "in domain")
    return table


def summary_record(result: PositionsResult, reasons: tuple[str, ...]) -> dict[str, Any]:
    """The line of a batch's summary.

    Parameters
    ----------
    reasons : why nothing was counted, and what to give, one line each
    """
    constant = result.pixel_size.lattice_constant_angstrom
    return {
        "status": POSITIONS_ONLY,
        "message": "; ".join(reasons),
        "columns": len(result.positions),
        "lattice_constant_angstrom": constant,
        "sampling_source": source_of(result.known, "sampling_angstrom"),
        "domain": None if result.domain is None else result.domain.verdict,
        "domain_reasons": None if result.domain is None else "; ".join(result.domain.reasons),
    }


def positions_provenance(
    result: PositionsResult, model: Model, source: dict[str, Any], reasons: tuple[str, ...]
) -> dict[str, Any]:
    """What the result rests on, ready for JSON.

    Parameters
    ----------
    source : what is recorded of the input file
    """
    rows, cols = result.original_steps
    return {
        "result": POSITIONS_ONLY,
        "not_counted_because": list(reasons),
        "input": source,
        "region": result.region.record(),
        "sampling": {
            "original_angstrom": {"rows": rows, "columns": cols},
            "source": source_of(result.known, "sampling_angstrom"),
            "used_angstrom": result.sampling_angstrom,
            "resampling": "Lanczos-3, cut at the coarser sampling limit",
        },
        "acquisition": result.known.record(),
        "columns": {"found": len(result.positions), "maxima": result.maxima, "blurs_angstrom": [SHARP, SMOOTH]},
        "intensities": {
            "background_from": result.intensities.background_from,
            "median_integrated": float(np.median(result.intensities.integrated)),
            "unit": "file unit times square Angstrom",
        },
        "lattice": [grain_record(grain) for grain in result.lattice.grains],
        "pixel_size_check": asdict(result.pixel_size),
        "domain": None if result.domain is None else result.domain.to_dict(),
        "model": model_record(model),
        "versions": versions(),
    }


def grain_record(grain: Grain) -> dict[str, Any]:
    """One grain; what could not be measured is None."""
    long, short = axes(grain)
    figures = {
        "axis_001_angstrom": long,
        "axis_110_angstrom": short,
        "axis_ratio": grain.axis_ratio,
        "axis_ratio_error": grain.axis_ratio_error,
        "axis_angle_degree": grain.axis_angle_degree,
        "axis_angle_error": grain.axis_angle_error,
        "lattice_constant_angstrom": grain.lattice_constant_angstrom if is_fcc(grain) else np.nan,
        "lattice_constant_error": grain.lattice_constant_error if is_fcc(grain) else np.nan,
        "scatter_angstrom": grain.scatter_angstrom,
        "strain_error_of_a_column": strain_error(grain),
    }
    return {
        "columns": grain.columns,
        "fcc_110": is_fcc(grain),
        "vectors_angstrom": grain.vectors.tolist(),
        **{name: None if np.isnan(value) else float(value) for name, value in figures.items()},
    }
