"""Columns, lattice and relative intensities of one image, with nothing known but its pixel size."""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from heamap.acquisition import Acquisition
from heamap.contract import Contract
from heamap.domain.column_lattice import LEAST_COLUMNS, OFF_LATTICE, ColumnLattice, fit_column_lattice, no_lattice
from heamap.domain.column_strain import Strain, strain_of
from heamap.errors import InputError
from heamap.evaluation.table import INTEGRATION_RADIUS_ANGSTROM
from heamap_serving import scratch
from heamap_serving.domain import Domain, Refused, examine
from heamap_serving.positions.intensities import Intensities, measure_intensities
from heamap_serving.positions.maxima import LEAST_OF_NOISE, find_maxima, measure_noise
from heamap_serving.positions.pixel_size import PixelSizeCheck, check_pixel_size, is_fcc
from heamap_serving.region import WHOLE, Region
from heamap_serving.resample import Resampler

Image = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]

NEAR_LATTICE = 0.15
"""Nearest-column distances from its site of a maximum that does not stand out of the noise clearly: one in 14 of
chance, instead of one in five, within ``OFF_LATTICE``."""

LEAST_ON_LATTICE = 0.5
"""Of the maxima: with fewer, the columns form no lattice of one column in a cell, and none is left out for it."""

CLEAR_ON_LATTICE, CLEAR_COLUMNS = 0.75, 30
"""Where the image's spectra show no fcc lattice: share of the maxima on a lattice of another kind, and its columns."""

SAME_CONSTANT = 0.1
"""Share by which the lattice constants of positions and spectra may differ."""

BAND_PIXELS = 2**21

NO_LATTICE = "the columns form no lattice with one column in a cell: lattice, strain and pixel size are not given"
ANOTHER_LATTICE = "the columns form a lattice, but not the one of fcc down [110]"
NO_COLUMNS = "no columns stand out of the noise and of their surroundings"


@dataclass(frozen=True)
class PositionsResult:
    """What an image without calibration says; n columns.

    Attributes
    ----------
    image : (rows, cols) at the model's sampling, in the unit of the file
    sampling_angstrom : its pixel size
    original_steps : pixel size of the file's pixels along rows and columns, Angstrom
    known : what is known of how it was taken, and from where
    region : part of the file's image that this is
    positions : (n, 2) row and column in pixels of ``image``, below the pixel
    intensities : (n,) each
    lattice : of the columns, positions in Angstrom from the first pixel of ``image``
    strain : (n,) each
    pixel_size : the lattice found beside that of training
    domain : verdict ``in domain`` or ``doubtful``: of the lattice, not of counts; None where the model has no limits
    maxima : how many the image has, columns or not
    """

    image: Image
    sampling_angstrom: float
    original_steps: tuple[float, float]
    known: Acquisition
    region: Region
    positions: Values
    intensities: Intensities
    lattice: ColumnLattice
    strain: Strain
    pixel_size: PixelSizeCheck
    domain: Domain | None
    maxima: int

    @property
    def places_px(self) -> Values:
        """Row and column (n, 2) in pixels of the file's whole image."""
        return self.positions * (self.sampling_angstrom / np.asarray(self.original_steps)) + np.asarray(
            self.region.origin
        )

    @property
    def origin_angstrom(self) -> tuple[float, float]:
        """Place of the first pixel along rows and columns, from the centre of the first pixel of the file's image."""
        row, col = self.region.origin
        return row * self.original_steps[0], col * self.original_steps[1]


def read_positions(
    image: Image,
    contract: Contract,
    known: Acquisition,
    region: Region = WHOLE,
    *,
    folder: Path | None = None,
) -> PositionsResult:
    """Find the columns of an image, their lattice and their relative intensities, without the network.

    Maxima off an fcc lattice of their neighbours are left out, and weak ones whose cell is not brighter than the
    background. Where the columns form another lattice, or none with one column in a cell, as dumbbells do, they stay,
    and the result is doubtful.

    Parameters
    ----------
    image : (rows, cols) in any unit, cropped to ``region``
    contract : of the model, for its sampling, its nearest-column distance and the limits of its domain
    known : of how it was taken; needs a pixel size of at least three pixels from column to column
    region : for the places in the file, and its mask, which takes columns out
    folder : of temporary files; None: the system's

    Raises
    ------
    Refused : no lattice of columns was found in the image
    InputError : a lattice, but hardly a column stands out
    """
    steps: tuple[float, float] = known.value("sampling_angstrom")
    sampling = contract.sampling_angstrom
    resampled = _resampled(image, steps, sampling, folder)
    domain = None
    if contract.domain is not None:
        domain = examine(resampled, contract.domain, sampling_angstrom=sampling, original=image)
        scratch.release(resampled)
    nearest = contract.ranges.nearest_column_angstrom
    noise = measure_noise(image, steps)
    maxima = find_maxima(resampled, noise, sampling_angstrom=sampling, nearest_distance_angstrom=nearest)
    if len(maxima.positions) < LEAST_COLUMNS:
        raise Refused(domain) if domain is not None and _no_fcc(domain) else InputError(NO_COLUMNS)
    lattice = _lattice(maxima.positions * sampling, nearest, domain)
    near = lattice.misplaced <= np.where(maxima.clear, OFF_LATTICE, NEAR_LATTICE)
    kept = np.ones(len(near), bool)
    if near.mean() < LEAST_ON_LATTICE:
        lattice = no_lattice(len(near), lattice.nearest_distance_angstrom)
    elif is_fcc(lattice.grains[0]):
        # Once more among themselves: chance neighbours of chance maxima are gone by then.
        lattice = _lattice(maxima.positions[near] * sampling, nearest, domain)
        on = ~lattice.off_lattice if lattice.grains else np.ones(int(near.sum()), bool)
        kept = near.copy()
        kept[near] = on
        lattice = _of_columns(lattice, on)
    positions = maxima.positions[kept]
    if domain is not None:
        domain = _judged(domain, lattice, float(near.mean()))
    radius = INTEGRATION_RADIUS_ANGSTROM if contract.counting is None else contract.counting.radius_angstrom
    intensities = measure_intensities(
        resampled,
        positions,
        maxima.positions[kept | maxima.clear],
        sampling_angstrom=sampling,
        radius_angstrom=radius,
        nearest_distance_angstrom=lattice.nearest_distance_angstrom,
    )
    strain = strain_of(lattice).where(_on_fcc(lattice))
    level = noise.of_integral(positions * sampling, math.pi * radius**2)
    shown = maxima.clear[kept] | (intensities.integrated > LEAST_OF_NOISE * level)
    shown &= region.holds(positions * (sampling / np.asarray(steps)))
    if not shown.any():
        raise InputError(NO_COLUMNS if region.mask is None else f"{NO_COLUMNS} where the mask lets them through")
    lattice = _of_columns(lattice, shown)
    return PositionsResult(
        image=resampled,
        sampling_angstrom=sampling,
        original_steps=steps,
        known=known,
        region=region,
        positions=positions[shown],
        intensities=intensities.of(shown),
        lattice=lattice,
        strain=strain.of(shown),
        pixel_size=check_pixel_size(lattice.grains, contract.domain),
        domain=domain,
        maxima=maxima.found,
    )


def _resampled(original: Image, steps: tuple[float, float], sampling: float, folder: Path | None) -> Image:
    resampler = Resampler((original.shape[0], original.shape[1]), steps=steps, target=sampling)
    if not resampler.changes:
        return original
    image = scratch.empty(resampler.shape, folder)
    for start, stop in scratch.row_bands(image.shape, BAND_PIXELS):
        first, last = resampler.sources(start, stop)
        image[start:stop] = resampler.band(start, stop, original[first:last])
        scratch.release(original)
        scratch.release(image)
    return image


def _lattice(positions_angstrom: Values, nearest: float, domain: Domain | None) -> ColumnLattice:
    """The lattice near the distance of training, or, where most positions are not on it, of any distance.

    None where an fcc lattice of positions has another constant than the spectra show: of dumbbells, positions fall on
    the sites of denser lattices.
    """
    found = fit_column_lattice(positions_angstrom, nearest_distance_angstrom=nearest)
    if (~found.off_lattice).sum() < LEAST_ON_LATTICE * len(positions_angstrom):
        other = fit_column_lattice(positions_angstrom)
        found = other if (~other.off_lattice).sum() > (~found.off_lattice).sum() else found
    if domain is None or not found.grains or not is_fcc(found.grains[0]):
        return found
    share = found.grains[0].lattice_constant_angstrom / domain.checks["lattice_constant_angstrom"]
    contradicted = not _no_fcc(domain) and abs(share - 1) > SAME_CONSTANT
    return no_lattice(len(positions_angstrom), found.nearest_distance_angstrom) if contradicted else found


def _no_fcc(domain: Domain) -> bool:
    """Whether the spectra show no fcc lattice."""
    return bool(np.isnan(domain.checks["lattice_constant_angstrom"]))


def _on_fcc(lattice: ColumnLattice) -> npt.NDArray[np.bool_]:
    """(n,) columns on lattices of fcc down [110], the only ones whose neighbours are told apart for certain."""
    fcc = np.append([is_fcc(grain) for grain in lattice.grains], False).astype(bool)
    return np.asarray(fcc[lattice.grain])


def _judged(domain: Domain, lattice: ColumnLattice, on_lattice: float) -> Domain:
    """The domain check as it bears on positions.

    Counts need the alloy's own lattice, positions only some lattice: what refuses an image to be counted makes its
    positions doubtful. Without any lattice, maxima are not known to be columns.
    """
    largest = lattice.grains[0] if lattice.grains else None
    clear = largest is not None and largest.columns >= CLEAR_COLUMNS and on_lattice >= CLEAR_ON_LATTICE
    if _no_fcc(domain) and not clear:
        raise Refused(domain)
    reasons = domain.reasons
    if largest is None:
        reasons = (NO_LATTICE, *reasons)
    elif not is_fcc(largest):
        reasons = (ANOTHER_LATTICE, *reasons)
    return replace(domain, verdict="doubtful" if reasons else "in domain", reasons=reasons)


def _of_columns(lattice: ColumnLattice, inside: npt.NDArray[np.bool_]) -> ColumnLattice:
    """Of some columns; the grains are those of all."""
    return replace(
        lattice,
        misplaced=lattice.misplaced[inside],
        grain=lattice.grain[inside],
        pairs=lattice.pairs[inside],
        local_vectors=lattice.local_vectors[inside],
    )
