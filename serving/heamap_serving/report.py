"""The page of one scored micrograph: everything in one file, without a server."""

from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.elements import COLOURS, ELEMENTS
from heamap.evaluation.targets import TARGETS, TOTAL
from heamap_serving import report_plots as plots
from heamap_serving import report_sections as sections
from heamap_serving.atom_counting import AtomCounting
from heamap_serving.certainty import doubted
from heamap_serving.composition import Composition, composition_of
from heamap_serving.html_page import page
from heamap_serving.pictures import data_uri, grey_png, jpeg, map_ceiling, map_picture, thinned
from heamap_serving.report_acquisition import acquisition
from heamap_serving.report_histograms import histograms
from heamap_serving.score import Scored
from heamap_serving.session import Model
from heamap_serving.shares import fractions
from heamap_serving.verdict import Verdict, verdict_of

RING_NM = 0.1
"""Radius of the ring around the column in focus."""

HINT = "Point at a column, or move to the picture with Tab and from column to column with the arrow keys."

_OUTLINES = {1: ("#E69F00", "dash"), 2: ("#D55E00", "dot")}


def report(
    title: str,
    scored: Scored,
    model: Model,
    counted: AtomCounting,
    record: dict[str, Any],
    still: npt.NDArray[np.uint8],
    elements: tuple[str, ...] = ELEMENTS,
) -> str:
    """The page as HTML.

    Parameters
    ----------
    title : name of the image, in plain text
    counted : atom counting on the same columns
    record : provenance
    still : colours (rows, cols, 3) of the picture that stands for the plots on paper
    elements : to draw
    """
    contract = model.contract
    found = composition_of(scored, contract)
    verdict = verdict_of(scored)
    weak = doubted(contract, told=scored.told is not None)
    # Maps are the network's own, whatever was told.
    layers = _layers(scored, elements, doubted(contract))
    body = "".join(
        (
            sections.header(title, verdict),
            sections.domain(verdict),
            sections.view(len(scored.positions), layers, contract.ranges.column_total, scored.image.shape),
            sections.paper(data_uri(jpeg(still), "jpeg")),
            sections.composition(found, scored, elements, weak),
            sections.histograms(),
            sections.counting(counted, scored),
            sections.trust(contract, scored),
            acquisition(record),
            sections.provenance(record),
        )
    )
    data = {
        "plots": _plots(scored, contract.sampling_angstrom, found, counted, elements),
        "layers": {
            name: {key: entry[key] for key in ("source", "ceiling", "remark")} for name, entry in layers.items()
        },
        "targets": [sections.name_of(target) for target in _listed()],
        "order": [TARGETS.index(target) for target in _listed()],
        "columns": plots.numbers(
            (scored.positions * contract.sampling_angstrom + np.asarray(scored.origin_angstrom)) / 10,
            scored.places_px(contract.sampling_angstrom),
            scored.counts,
            scored.certainty,
            counted,
        ),
        "said": len(plots.FIELDS) + 3 * len(TARGETS),
        "first": len(plots.FIELDS),
        "symbols": [plots.OTHER_SYMBOL, plots.CALIBRATED_SYMBOL],
        "ring": RING_NM,
        "regions": _outlines(verdict, scored.origin_angstrom),
        "hint": HINT,
    }
    return page(f"{title} – heamap", body, script="report.js", data=data)


def _listed() -> tuple[str, ...]:
    """Targets in the order of the read-out: the total, which is believed most, first."""
    return (TOTAL, *(target for target in TARGETS if target != TOTAL))


def _layers(scored: Scored, elements: tuple[str, ...], weak: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """What the picture can show, by the value of its switch: name, colour, picture, atoms at its brightest, remark."""
    maps = thinned(scored.maps).values
    total = maps.sum(axis=-1)
    chosen = [maps[..., ELEMENTS.index(element)] for element in elements]
    ceiling = map_ceiling(np.max(chosen, axis=0))
    found: dict[str, dict[str, Any]] = {
        "image": _layer("micrograph", "", data_uri(grey_png(thinned(scored.image).values)), None),
        "total": _layer("total", "", data_uri(map_picture(total, map_ceiling(total)), "jpeg"), map_ceiling(total)),
    }
    for element, layer in zip(elements, chosen, strict=True):
        remark = sections.NO_SKILL.format(element) if element in weak else ""
        found[element] = _layer(
            element, COLOURS[element], data_uri(map_picture(layer, ceiling), "jpeg"), ceiling, remark
        )
    return found


def _layer(name: str, colour: str, source: str, ceiling: float | None, remark: str = "") -> dict[str, Any]:
    return {"name": name, "colour": colour, "source": source, "ceiling": ceiling, "remark": remark}


def _plots(
    scored: Scored,
    sampling_angstrom: float,
    found: Composition | None,
    counted: AtomCounting,
    elements: tuple[str, ...],
) -> dict[str, Any]:
    """What plotly.js draws, by the id of its place."""
    columns, with_totals = len(scored.positions), counted.totals is not None
    drawn = {
        "view": plots.view(
            thinned(scored.image),
            sampling_angstrom,
            scored.origin_angstrom,
            columns,
            scored.certainty,
            counted=with_totals,
        )
    }
    if found is not None:
        indices = [ELEMENTS.index(element) for element in elements]
        drawn["histograms"] = histograms(scored.counts, fractions(scored.counts), elements, indices)
        drawn["composition"] = plots.composition(found, elements, sections.interval_name(found))
        drawn["counting"] = plots.counting(columns, sections.intensity_unit(scored), counted=with_totals)
    return drawn


def _outlines(verdict: Verdict, origin_angstrom: tuple[float, float]) -> list[dict[str, Any]]:
    """Squares of the domain check that are not in domain, as shapes of Plotly."""
    regions: npt.NDArray[np.int8] | None = verdict.regions
    if regions is None:
        return []
    side = verdict.region_angstrom / 10
    top, left = (place / 10 for place in origin_angstrom)
    shapes = []
    for row, col in np.argwhere(regions > 0).tolist():
        colour, dash = _OUTLINES[int(regions[row, col])]
        line = {"color": colour, "width": 1.5, "dash": dash}
        edges = {"x0": left + col * side, "x1": left + (col + 1) * side, "y0": top + row * side}
        edges["y1"] = edges["y0"] + side
        shapes.append({"type": "rect", "line": line, **edges})
    return shapes
