"""What is written for one micrograph: column table, maps, picture, provenance."""

import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tifffile

import heamap
from heamap.elements import ELEMENTS
from heamap.evaluation.targets import TARGETS, with_sums
from heamap_serving import tiles
from heamap_serving.certainty import claims, doubted
from heamap_serving.figure import draw
from heamap_serving.score import Scored
from heamap_serving.session import Model

PACKAGES = ("numpy", "scipy", "onnxruntime-gpu", "rosettasciio", "tifffile", "pandas", "matplotlib")


def fractions(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """In-column atomic fractions (n, 5) of counts (n, 5); a negative count stands for none, no atoms give zeros."""
    atoms = np.maximum(counts, 0.0)
    total = atoms.sum(axis=1, keepdims=True)
    return np.divide(atoms, total, out=np.zeros_like(atoms), where=total > 0)


def image_composition(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Atomic fractions (5,) of all columns of an image together; zeros where there are no atoms.

    Parameters
    ----------
    counts : (n, 5) atoms; a negative count stands for none
    """
    whole: npt.NDArray[np.float64] = fractions(np.maximum(counts, 0.0).sum(axis=0, keepdims=True))[0]
    return whole


def column_table(scored: Scored, sampling_angstrom: float) -> pd.DataFrame:
    """One row a column.

    ``row_px``, ``col_px`` are pixels of the file's image; ``x_angstrom``, ``y_angstrom`` run right and down from the
    centre of its first pixel; counts, ``NiCoFe`` (the sum of Ni, Co and Fe) and ``total`` are atoms, unrounded;
    ``fraction_*`` are shares of the column. ``total_x_composition_*`` are the total shared out by the composition of
    the image: what is known of the elements without telling columns apart. Of a model with intervals also ``low_*``
    and ``high_*`` of every count, whole atoms, and ``calibrated``, whether the total lies where the intervals were
    calibrated. Of a model that states its domain also ``domain``: ``in domain`` or ``doubtful``.
    """
    y, x = (scored.positions * sampling_angstrom).T
    table = pd.DataFrame(
        {
            "column": np.arange(len(y), dtype=np.int32),
            "row_px": y / scored.original_steps[0],
            "col_px": x / scored.original_steps[1],
            "x_angstrom": x,
            "y_angstrom": y,
        }
    )
    table[list(TARGETS)] = with_sums(scored.counts)
    table[[f"fraction_{element}" for element in ELEMENTS]] = fractions(scored.counts)
    shared_out = scored.counts.sum(axis=1, keepdims=True) * image_composition(scored.counts)
    table[[f"total_x_composition_{element}" for element in ELEMENTS]] = shared_out
    if scored.certainty is not None:
        for end, values in (("low", scored.certainty.low), ("high", scored.certainty.high)):
            table[[f"{end}_{target}" for target in TARGETS]] = values
        table["calibrated"] = scored.certainty.calibrated
    if scored.domain is not None:
        table["domain"] = scored.domain.column_verdicts(scored.positions * sampling_angstrom)
    return table


def write(folder: Path, title: str, scored: Scored, model: Model, source: dict[str, Any]) -> pd.DataFrame:
    """Write ``columns.csv``, ``columns.parquet``, ``maps.tif``, ``figure.png`` and, last, ``provenance.json``.

    Parameters
    ----------
    source : what is recorded of the input file

    Returns
    -------
    the column table
    """
    folder.mkdir(parents=True, exist_ok=True)
    sampling = model.contract.sampling_angstrom
    table = column_table(scored, sampling)
    table.to_csv(folder / "columns.csv", index=False, float_format="%.4f")
    table.to_parquet(folder / "columns.parquet", index=False)
    _write_maps(folder / "maps.tif", scored.maps, sampling)
    picture = draw(
        title=title,
        image=scored.image,
        maps=scored.maps,
        positions=scored.positions,
        counts=scored.counts,
        shares=fractions(scored.counts),
        certainty=scored.certainty,
        doubted=doubted(model.contract),
        remarks=claims(scored.aggregation),
        sampling_angstrom=sampling,
    )
    picture.savefig(folder / "figure.png", dpi=130, metadata={"Software": None})
    record = json.dumps(_provenance(scored, model, source), indent=2)
    (folder / "provenance.json").write_text(record + "\n")
    return table


def _write_maps(path: Path, maps: npt.NDArray[np.float32], sampling_angstrom: float) -> None:
    """Five labelled slices with the pixel size, as ImageJ reads them."""
    pixels_per_nm = 10.0 / sampling_angstrom
    tifffile.imwrite(
        path,
        np.ascontiguousarray(np.moveaxis(maps, -1, 0)),
        imagej=True,
        resolution=(pixels_per_nm, pixels_per_nm),
        metadata={"axes": "CYX", "unit": "nm", "mode": "grayscale", "Labels": [f"{e} (atoms)" for e in ELEMENTS]},
    )


def _provenance(scored: Scored, model: Model, source: dict[str, Any]) -> dict[str, Any]:
    accuracy = model.contract.accuracy
    return {
        "input": source,
        "sampling": {
            "original_angstrom": {"rows": scored.original_steps[0], "columns": scored.original_steps[1]},
            "source": scored.sampling_source,
            "used_angstrom": model.contract.sampling_angstrom,
            "resampling": "Lanczos-3, cut at the coarser sampling limit",
        },
        "tiles": {
            "image_pixels": list(scored.image.shape),
            "padded_pixels": list(scored.cut.shape),
            "tile_pixels": list(scored.cut.tile),
            "margin_pixels": tiles.margin(model.contract.stride),
            "number": scored.cut.tiles,
        },
        "domain": None if scored.domain is None else scored.domain.to_dict(),
        "intervals": None if scored.certainty is None else {"level": scored.certainty.level},
        "accuracy": None if accuracy is None else accuracy.model_dump(mode="json"),
        "aggregation": scored.aggregation,
        "model": {
            "file": model.name,
            "sha256": model.sha256,
            "provider": model.provider,
            "contract": model.contract.model_dump(mode="json"),
        },
        "versions": {
            "heamap": heamap.__version__,
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
    }
