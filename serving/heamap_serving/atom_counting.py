"""Atom counting beside the network: totals from the columns' integrated intensities by the contract's line."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap.contract import Contract, CountingLine
from heamap.evaluation.table import INTEGRATION_RADIUS_ANGSTROM, integrated_intensity
from heamap_serving import scratch

BAND_PIXELS = 2**19
"""Pixels of an image that are integrated at once: each takes some 50 bytes."""

NO_LINE = "this model carries no counting line (exported before it was recorded)"
NO_CALIBRATION = (
    "a counting line needs fractions of the incident beam: give --beam-fraction-per-count and --black-level"
)


@dataclass(frozen=True)
class AtomCounting:
    """What atom counting says of one image's columns.

    Attributes
    ----------
    intensities : (n,) integrated over each column's Voronoi cell, in units of the image times square Angstrom
    totals : (n,) atoms by the line, never negative; None where no line applies
    line : what the totals were read off
    reason : why there are no totals
    """

    intensities: npt.NDArray[np.float64]
    totals: npt.NDArray[np.float64] | None
    line: CountingLine | None
    reason: str


def count_atoms(
    image: npt.NDArray[np.floating], positions: npt.NDArray[np.float64], contract: Contract, *, calibrated: bool
) -> AtomCounting:
    """Integrated intensities, and totals where the image is calibrated and the model carries a line.

    Parameters
    ----------
    image : (rows, cols) at the model's sampling, before normalisation
    positions : (n, 2) row and column in pixels
    calibrated : the image is in fractions of the incident beam
    """
    line = contract.counting
    radius = INTEGRATION_RADIUS_ANGSTROM if line is None else line.radius_angstrom
    intensities = cell_intensities(image, positions, contract.sampling_angstrom, radius)
    if line is None or not calibrated:
        return AtomCounting(intensities, None, None, NO_LINE if line is None else NO_CALIBRATION)
    return AtomCounting(intensities, np.maximum(line.slope * intensities + line.intercept, 0.0), line, "")


def cell_intensities(
    image: npt.NDArray[np.floating], positions: npt.NDArray[np.float64], sampling_angstrom: float, radius: float
) -> npt.NDArray[np.float64]:
    """``heamap.evaluation.table.integrated_intensity`` of all columns (n, 2), band by band of the image.

    A band reaches two radii beyond the columns it answers for: whatever may share a pixel with them is in it.
    """
    found = np.empty(len(positions))
    reach = int(np.ceil(2 * radius / sampling_angstrom)) + 1
    for start, stop in scratch.row_bands(image.shape, BAND_PIXELS):
        first, last = max(start - reach, 0), min(stop + reach, image.shape[0])
        rows = positions[:, 0]
        near = np.flatnonzero((rows >= first) & (rows <= last - 1))
        own = (rows[near] >= start) & (rows[near] < stop)
        if own.any():
            band = integrated_intensity(
                image[first:last],
                rows[near] - first,
                positions[near, 1],
                sampling_angstrom=sampling_angstrom,
                radius_angstrom=radius,
            )
            found[near[own]] = band[own]
            scratch.release(image)
    return found
