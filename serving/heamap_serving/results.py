"""One micrograph to its result: counts, or positions where too little is known to count."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.elements import ELEMENTS
from heamap_serving import outputs
from heamap_serving.blank_lines import without_blank
from heamap_serving.calibration import Calibration, NotCalibratedError, resolve
from heamap_serving.certainty import claims, doubted
from heamap_serving.composition import composition_of
from heamap_serving.micrograph import Micrograph
from heamap_serving.options import DEFAULTS, Options
from heamap_serving.positions import outputs as position_outputs
from heamap_serving.positions.records import summary_record
from heamap_serving.positions.result import PositionsResult, read_positions
from heamap_serving.provenance import source_of
from heamap_serving.score import Scored, check_scale, score
from heamap_serving.session import Model

Write = Callable[[Path], None]
"""Writes all files of a result into a folder."""


def work_out(
    micrograph: Micrograph,
    model: Model,
    calibration: Calibration,
    options: Options = DEFAULTS,
    *,
    title: str,
    source: dict[str, Any],
    folder: Path | None = None,
) -> tuple[dict[str, Any], Write]:
    """Count atoms in a micrograph; where calibration is missing, find its columns.

    Parameters
    ----------
    title, source : name of the image, and what is recorded of where it comes from
    folder : of temporary files

    Returns
    -------
    the line of the summary, and what writes the result

    Raises
    ------
    InputError : the micrograph cannot be scored
    """
    record = outputs.source_record(source, micrograph, calibration)
    try:
        scored = score(micrograph, model, calibration, options.region, folder=folder)
    except NotCalibratedError as missing:
        if not missing.places_columns:
            raise
        found = find_positions(micrograph, model, calibration, options, folder=folder)
        reasons, pictures = (str(missing),), bool(options.elements)

        def write_positions(place: Path) -> None:
            position_outputs.write(place, title, found, model, record, reasons, pictures=pictures)

        return summary_record(found, reasons), write_positions

    def write_counts(place: Path) -> None:
        outputs.write(place, title, scored, model, record, options.elements)

    return _counts_record(scored, model), write_counts


def find_positions(
    micrograph: Micrograph,
    model: Model,
    calibration: Calibration,
    options: Options = DEFAULTS,
    *,
    folder: Path | None = None,
) -> PositionsResult:
    """Columns, lattice, strain and relative intensities of a micrograph, of which the pixel size is known.

    Parameters
    ----------
    folder : of temporary files

    Raises
    ------
    InputError : no pixel size, an implausible one, or no columns
    """
    known = resolve(calibration, micrograph)
    if known.sampling_angstrom is None:
        raise NotCalibratedError(("sampling_angstrom",), micrograph.fault)
    steps = known.sampling_angstrom.value
    region, blank = without_blank(micrograph, options.region)
    cropped = region.crop(micrograph)
    check_scale(cropped.image.shape, steps, model)
    found = read_positions(cropped.image, model.contract, known, region, folder=folder)
    return found if found.domain is None else replace(found, domain=found.domain.with_remark(blank))


def _counts_record(scored: Scored, model: Model) -> dict[str, Any]:
    overall = outputs.image_composition(scored.counts)
    weak = doubted(model.contract, told=scored.told is not None)
    found = composition_of(scored, model.contract)
    return {
        "status": "scored",
        "message": "",
        "columns": len(scored.counts),
        "mean_total": float(scored.counts.sum(axis=1).mean()) if len(scored.counts) else 0.0,
        **{f"fraction_{element}": float(share) for element, share in zip(ELEMENTS, overall, strict=True)},
        "calibrated_share": None if scored.certainty is None else _share(scored.certainty.calibrated),
        "aggregated": "; ".join(claims(scored.aggregation)),
        "not_told_apart": None if model.contract.accuracy is None else "; ".join(weak),
        "composition_told": scored.told is not None,
        "told_outside": "" if found is None else "; ".join(found.outside),
        "sampling_source": source_of(scored.known, "sampling_angstrom"),
        "domain": None if scored.domain is None else scored.domain.verdict,
        "domain_reasons": None if scored.domain is None else "; ".join(scored.domain.reasons),
    }


def _share(marks: npt.NDArray[np.bool_]) -> float:
    return float(marks.mean()) if marks.size else 0.0
