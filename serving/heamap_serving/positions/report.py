"""The page of an image whose columns were found but not counted: one file, without a server."""

import json
from html import escape
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.domain.column_pairs import Grain
from heamap.domain.column_strain import LEAST_PAIRS, strain_error
from heamap_serving.html_page import badge, page, table
from heamap_serving.pictures import data_uri, jpeg
from heamap_serving.positions.intensities import FREE
from heamap_serving.positions.pixel_size import axes, is_fcc
from heamap_serving.positions.records import POSITIONS_ONLY
from heamap_serving.positions.result import PositionsResult
from heamap_serving.report_acquisition import acquisition, source_rows
from heamap_serving.report_sections import domain as domain_section
from heamap_serving.verdict import NOT_CHECKED, Verdict

Picture = npt.NDArray[np.uint8]

MOST_GRAINS = 12
"""Rows of the table of lattices."""


def positions_report(
    title: str,
    result: PositionsResult,
    reasons: tuple[str, ...],
    record: dict[str, Any],
    pictures: tuple[Picture, Picture],
) -> str:
    """The page as HTML.

    Parameters
    ----------
    title : name of the image, in plain text
    reasons : why nothing was counted, and what to give, one line each
    record : provenance
    pictures : (rows, cols, 3) for light pages and paper, and for dark pages
    """
    body = "".join(
        (
            _header(title),
            _not_counted(reasons),
            _picture(result, pictures),
            _lattice(result),
            _intensities(result),
            domain_section(_verdict(result)),
            acquisition(record),
            _provenance(record),
        )
    )
    return page(f"{title}: positions only – heamap", body)


def _header(title: str) -> str:
    return (
        f"<header><h1>{escape(title)}</h1>{badge(POSITIONS_ONLY)}\n"
        '<div class="tools"><button id="theme" type="button">Dark page</button>'
        '<button id="print" type="button">Print</button></div></header>\n<main>\n'
    )


def _not_counted(reasons: tuple[str, ...]) -> str:
    lines = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
    return (
        "<section><h2>Positions only: no atoms were counted</h2>"
        f'<ul class="reasons">{lines}</ul>'
        '<p class="note">Give what is missing with the options named, and score the image again. What follows needs '
        "only the pixel size: it says where the columns are and how they compare, not what they are made of.</p>"
        "</section>\n"
    )


def _picture(result: PositionsResult, pictures: tuple[Picture, Picture]) -> str:
    says = f"Micrograph with {len(result.positions)} columns, relative intensities, strain maps and a histogram"
    shown = "".join(
        f'<img class="still {kind}" alt="{says}" src="{data_uri(jpeg(picture), "jpeg")}">'
        for kind, picture in zip(("light", "dark"), pictures, strict=True)
    )
    return f"<section><h2>{len(result.positions)} columns</h2>{shown}{_strain_note(result)}</section>\n"


def _strain_note(result: PositionsResult) -> str:
    if not result.strain.known.any():
        return '<p class="note">No strain: it is measured on lattices of fcc down [110] alone.</p>'
    error = strain_error(result.lattice.grains[0])
    return (
        '<p class="note">Strain of each column against the mean lattice of its grain, from the vectors to its '
        f"neighbours (peak pairs analysis); grey: fewer than {LEAST_PAIRS} neighbours. x runs right, y down, rotation "
        f"clockwise. Standard error of one column: {100 * error:.1f} %.</p>"
    )


def _lattice(result: PositionsResult) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in result.pixel_size.lines)
    parts = [f'<h2>Lattice and pixel size</h2><ul class="reasons">{lines}</ul>']
    grains = [grain for grain in result.lattice.grains if is_fcc(grain)]
    if grains:
        heads = ["grain", "columns", "lattice constant (Å)", "[001] (Å)", "[1-10] (Å)", "axis ratio", "angle (°)"]
        rows = [_row(number + 1, grain) for number, grain in enumerate(grains[:MOST_GRAINS])]
        parts.append(f'<div class="scroll">{table([*heads, "scatter (Å)"], rows)}</div>')
        parts.append(
            '<p class="note">± standard error. Axis ratio: [001] over √2 [1-10], 1 in a cubic crystal. Scatter: of a '
            "column about the site that its neighbours give.</p>"
        )
        if len(grains) > MOST_GRAINS:
            parts.append(f'<p class="note">And {len(grains) - MOST_GRAINS} smaller grains, in provenance.json.</p>')
    return f"<section>{''.join(parts)}</section>\n"


def _row(number: int, grain: Grain) -> list[str]:
    long, short = axes(grain)
    return [
        str(number),
        str(grain.columns),
        _with_error(grain.lattice_constant_angstrom, grain.lattice_constant_error, 3),
        f"{long:.3f}",
        f"{short:.3f}",
        _with_error(grain.axis_ratio, grain.axis_ratio_error, 3),
        _with_error(grain.axis_angle_degree, grain.axis_angle_error, 1),
        "–" if np.isnan(grain.scatter_angstrom) else f"{grain.scatter_angstrom:.3f}",
    ]


def _with_error(value: float, error: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if np.isnan(error) else f"{value:.{decimals}f} ± {error:.{decimals}f}"


def _intensities(result: PositionsResult) -> str:
    found = result.intensities
    relative = found.relative[np.isfinite(found.relative)]
    zero = (
        f"The background is {escape(found.background_from)} near each column."
        if found.background_from == FREE
        else f"No field without columns is in view: the background is {escape(found.background_from)}, and ratios of "
        "intensities are only as good as that."
    )
    spread = ""
    if len(relative):
        low, high = np.percentile(relative, (5, 95))
        spread = f"<p>Nine of ten columns have {low:.2f} to {high:.2f} times the intensity of the median column.</p>"
    return (
        f"<section><h2>Relative intensities</h2>{spread}"
        f'<p class="note">Integrated over each column\'s Voronoi cell above the background. {zero} A brighter column '
        "holds more or heavier atoms; without calibration nothing tells which.</p></section>\n"
    )


def _verdict(result: PositionsResult) -> Verdict:
    """Without squares, which the picture does not show."""
    found = result.domain
    if found is None:
        return Verdict(NOT_CHECKED, (), None, 0.0, {})
    return Verdict(found.verdict, found.reasons, None, 0.0, found.checks)


def _provenance(record: dict[str, Any]) -> str:
    model, sampling = record["model"], record["sampling"]
    steps = sampling["original_angstrom"]
    rows = [
        ["file", escape(str(record["input"].get("file", "")))],
        ["SHA-256 of the file", escape(str(record["input"].get("sha256", "")))],
        ["pixel size", f"{steps['rows']:.5g} × {steps['columns']:.5g} Å, from {escape(sampling['source'])}"],
        ["resampled to", f"{sampling['used_angstrom']:g} Å; {escape(sampling['resampling'])}"],
        ["maxima, columns", f"{record['columns']['maxima']}, {record['columns']['found']}"],
        ["limits of the domain", escape(f"{model['file']}, {model['origin']}, SHA-256 {model['sha256']}")],
        ["software", escape(", ".join(f"{name} {number}" for name, number in record["versions"].items()))],
    ]
    rows[1:1] = source_rows(record)
    whole = escape(json.dumps(record, indent=2))
    return (
        f"<section><h2>Provenance</h2>{table(['', ''], rows)}"
        f'<details class="screen"><summary>The whole record</summary><pre>{whole}</pre></details></section>\n</main>\n'
    )
