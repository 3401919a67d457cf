"""What is written for one micrograph: column table, maps, picture, provenance."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tifffile
from matplotlib.figure import Figure
from PIL import Image

from heamap.elements import ELEMENTS
from heamap.evaluation.targets import TARGETS, with_sums
from heamap_serving import scratch
from heamap_serving.atom_counting import AtomCounting, count_atoms
from heamap_serving.calibration import Calibration
from heamap_serving.certainty import claims, doubted
from heamap_serving.composition import TOLD_REMARK
from heamap_serving.figure import draw, pixels
from heamap_serving.finished import file_sha256
from heamap_serving.hyperspy_file import write_maps
from heamap_serving.micrograph import Micrograph
from heamap_serving.names import shown
from heamap_serving.pictures import thumbnail_png
from heamap_serving.provenance import provenance
from heamap_serving.report import report
from heamap_serving.score import Scored
from heamap_serving.session import Model
from heamap_serving.shares import fractions, image_composition

IMAGEJ_BYTES = 2**32 - 2**20
"""Larger maps do not fit into the TIFF files that ImageJ writes."""

BAND_PIXELS = 2**21
"""Pixels of the maps that are written at a time."""

CSV_ROWS = 10_000
"""Of a table that are written at a time: as numbers of Python they take ten times their room."""

PNG_DPI, PDF_DPI = 130, 150
"""Of ``figure.png`` and of the images in ``figure.pdf``."""


def column_table(scored: Scored, sampling_angstrom: float, counted: AtomCounting | None = None) -> pd.DataFrame:
    """One row a column.

    ``row_px``, ``col_px`` are pixels of the file's image; ``x_angstrom``, ``y_angstrom`` run right and down from the
    centre of its first pixel; counts, ``NiCoFe`` (the sum of Ni, Co and Fe) and ``total`` are atoms, unrounded;
    ``fraction_*`` are shares of the column. ``total_x_composition_*`` are the total shared out by the composition of
    the image: what is known of the elements without telling columns apart. Of a model with intervals also ``low_*``
    and ``high_*`` of every count, whole atoms, and ``calibrated``, whether the total lies where the intervals were
    calibrated. Of a model that states its domain also ``domain``: ``in domain`` or ``doubtful``. With ``counted`` also
    ``integrated_intensity``, of the column's Voronoi cell, and, where a counting line applies, ``counted_total``, the
    atoms that it gives.
    """
    y, x = (scored.positions * sampling_angstrom + np.asarray(scored.origin_angstrom)).T
    row, col = scored.places_px(sampling_angstrom).T
    table = pd.DataFrame(
        {
            "column": np.arange(len(y), dtype=np.int32),
            "row_px": row,
            "col_px": col,
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
    if counted is not None:
        table["integrated_intensity"] = counted.intensities
        if counted.totals is not None:
            table["counted_total"] = counted.totals
    return table


def count(scored: Scored, model: Model) -> AtomCounting:
    """Atom counting on the same columns."""
    return count_atoms(scored.image, scored.positions, model.contract, calibrated=scored.in_beam_fractions)


def write(
    folder: Path, title: str, scored: Scored, model: Model, source: dict[str, Any], elements: tuple[str, ...] = ELEMENTS
) -> pd.DataFrame:
    """Write tables, maps, pictures, the report and, last, ``provenance.json``.

    Parameters
    ----------
    source : what is recorded of the input file
    elements : to draw; none: no picture and no report

    Returns
    -------
    the column table
    """
    folder.mkdir(parents=True, exist_ok=True)
    sampling = model.contract.sampling_angstrom
    counted = count(scored, model)
    table = column_table(scored, sampling, counted)
    write_csv(folder / "columns.csv", table)
    table.to_parquet(folder / "columns.parquet", index=False)
    _write_maps(folder / "maps.tif", scored.maps, sampling)
    write_maps(folder / "maps.hspy", scored.maps, sampling, scored.origin_angstrom)
    (folder / "thumbnail.png").write_bytes(thumbnail_png(scored.image))
    record = provenance(scored, model, source)
    if elements:
        still = _write_pictures(folder, picture_of(scored, model, title, elements))
        page = report(title, scored, model, counted, record, still, elements)
        (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / "provenance.json").write_text(json.dumps(record, indent=2) + "\n")
    return table


def _write_pictures(folder: Path, picture: Figure) -> npt.NDArray[np.uint8]:
    """Write the picture as PNG and PDF.

    Returns
    -------
    the PNG's pixels
    """
    still = pixels(picture, PNG_DPI)
    # The usual level takes twice as long for 4 % less.
    Image.fromarray(still).save(folder / "figure.png", dpi=(PNG_DPI, PNG_DPI), compress_level=1)
    picture.savefig(
        folder / "figure.pdf", dpi=PDF_DPI, metadata={"Creator": None, "Producer": None, "CreationDate": None}
    )
    return still


def file_record(path: Path) -> dict[str, Any]:
    """Name and hash of a file."""
    return {"file": shown(path.name), "sha256": file_sha256(path)}


def array_record(values: npt.NDArray[Any]) -> dict[str, Any]:
    """Hash of an array's pixels in the order of the image; there is no file."""
    return {"file": None, "sha256": hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()}


def source_record(own: dict[str, Any], micrograph: Micrograph, calibration: Calibration) -> dict[str, Any]:
    """What provenance says of the input: ``own``, its shape and pixel size, and what the user knew of it."""
    in_file, frames = micrograph.sampling_angstrom, micrograph.frames
    return {
        **own,
        "dataset": micrograph.dataset or None,
        "frames": None if frames is None else asdict(frames),
        "shape": list(micrograph.image.shape),
        "file_sampling_angstrom": None if in_file is None else {"rows": in_file[0], "columns": in_file[1]},
        "stated_in_file": micrograph.known.record(),
        "options": calibration.record(),
        "composition": None
        if calibration.composition is None
        else dict(zip(ELEMENTS, calibration.composition, strict=True)),
    }


def picture_of(scored: Scored, model: Model, title: str, elements: tuple[str, ...] = ELEMENTS) -> Figure:
    """The picture of a scored micrograph."""
    # A dollar sign in a file name would start a formula.
    return draw(
        title=title.replace("$", r"\$"),
        image=scored.image,
        maps=scored.maps,
        positions=scored.positions,
        counts=scored.counts,
        shares=fractions(scored.counts),
        certainty=scored.certainty,
        # Of the maps, which are the network's own whatever was told.
        doubted=doubted(model.contract),
        remarks=(*claims(scored.aggregation), *(() if scored.told is None else (TOLD_REMARK,))),
        sampling_angstrom=model.contract.sampling_angstrom,
        elements=elements,
        origin_angstrom=scored.origin_angstrom,
    )


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Numbers with four decimals, whole ones without; as ``to_csv`` writes them, which takes four times as long."""
    line = ",".join("%.4f" if kind.kind == "f" else "%s" for kind in table.dtypes) + "\n"
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(table.columns) + "\n")
        for first in range(0, len(table), CSV_ROWS):
            part = table.iloc[first : first + CSV_ROWS]
            file.writelines(line % row for row in zip(*(part[name].tolist() for name in part.columns), strict=True))


def _write_maps(path: Path, maps: npt.NDArray[np.float32], sampling_angstrom: float) -> None:
    """Five labelled slices with the pixel size, as ImageJ reads them; OME where they pass the 4 GB of its format."""
    rows, cols, number = maps.shape
    shape = (number, rows, cols)
    pixels_per_nm = 10.0 / sampling_angstrom
    labels = [f"{element} (atoms)" for element in ELEMENTS]
    if maps.nbytes < IMAGEJ_BYTES:
        form: dict[str, Any] = {"imagej": True, "resolution": (pixels_per_nm, pixels_per_nm)}
        metadata: dict[str, Any] = {"axes": "CYX", "unit": "nm", "mode": "grayscale", "Labels": labels}
    else:
        form = {"ome": True, "bigtiff": True}
        step = {"PhysicalSizeX": sampling_angstrom / 10, "PhysicalSizeY": sampling_angstrom / 10}
        unit = {"PhysicalSizeXUnit": "nm", "PhysicalSizeYUnit": "nm"}
        metadata = {"axes": "CYX", "Channel": {"Name": labels}, **step, **unit}
    offset = tifffile.memmap(path, shape=shape, dtype=np.float32, metadata=metadata, **form).offset
    # Filled band by band: a whole slice of a large image would be as large as all else in memory. Not through the
    # mapping: a full disk would kill the process there, and is an error here.
    with path.open("r+b") as file:
        for start, stop in scratch.row_bands(maps.shape, BAND_PIXELS):
            for channel in range(number):
                file.seek(offset + 4 * (channel * rows + start) * cols)
                file.write(np.ascontiguousarray(maps[start:stop, :, channel]).tobytes())
            scratch.release(maps)
