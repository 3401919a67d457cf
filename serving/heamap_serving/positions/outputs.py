"""What is written for an image without calibration: column table, picture, page, provenance."""

import json
from pathlib import Path
from textwrap import wrap
from typing import Any

import pandas as pd
from PIL import Image

from heamap_serving.figure import pixels
from heamap_serving.outputs import PDF_DPI, PNG_DPI
from heamap_serving.pictures import thumbnail_png
from heamap_serving.positions.figure import DARK, LIGHT, draw_positions
from heamap_serving.positions.records import position_table, positions_provenance
from heamap_serving.positions.report import positions_report
from heamap_serving.positions.result import PositionsResult
from heamap_serving.session import Model

PAGE_DPI = 110
"""Of the picture on the page."""

_LINE_LETTERS = 190


def remarks(result: PositionsResult, reasons: tuple[str, ...]) -> tuple[str, ...]:
    """Lines for the foot of the picture: why nothing was counted, what the lattice says, and doubts."""
    doubts = () if result.domain is None else result.domain.reasons
    said = [
        *(f"Not counted: {reason}" for reason in reasons),
        *result.pixel_size.lines,
        *(f"Doubtful: {reason}" for reason in doubts),
    ]
    return tuple(line for text in said for line in wrap(text.replace("$", r"\$"), _LINE_LETTERS))


def write(
    folder: Path,
    title: str,
    result: PositionsResult,
    model: Model,
    source: dict[str, Any],
    reasons: tuple[str, ...],
    *,
    pictures: bool = True,
) -> pd.DataFrame:
    """Write ``columns.csv`` and ``.parquet``, ``thumbnail.png``, picture and page, and, last, ``provenance.json``.

    Parameters
    ----------
    source : what is recorded of the input file
    reasons : why nothing was counted, and what to give, one line each
    pictures : also ``figure.png``, ``figure.pdf`` and ``report.html``

    Returns
    -------
    the column table
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = position_table(result)
    table.to_csv(folder / "columns.csv", index=False, float_format="%.6g")
    table.to_parquet(folder / "columns.parquet", index=False)
    (folder / "thumbnail.png").write_bytes(thumbnail_png(result.image))
    record = positions_provenance(result, model, source, reasons)
    if pictures:
        picture = draw_positions(title, result, remarks(result, reasons))
        still = pixels(picture, PNG_DPI)
        Image.fromarray(still).save(folder / "figure.png", dpi=(PNG_DPI, PNG_DPI), compress_level=1)
        bare = {"Creator": None, "Producer": None, "CreationDate": None}
        picture.savefig(folder / "figure.pdf", dpi=PDF_DPI, metadata=bare, facecolor=LIGHT.back)
        # The page says in words what stands at the foot of the picture.
        views = [pixels(draw_positions(title, result, (), colours), PAGE_DPI) for colours in (LIGHT, DARK)]
        page = positions_report(title, result, reasons, record, (views[0], views[1]))
        (folder / "report.html").write_text(page, encoding="utf-8")
    (folder / "provenance.json").write_text(json.dumps(record, indent=2, allow_nan=False) + "\n")
    return table
