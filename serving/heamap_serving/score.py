"""One micrograph through the model: columns, counts and maps."""

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.acquisition import Acquisition
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation.readout import DISTANCE_SHARE, THRESHOLD_ATOMS
from heamap.evaluation.told_composition import bring_to
from heamap_serving import scratch, tiles
from heamap_serving.background import Background, take_off
from heamap_serving.beam_energy import check_energy, energy_scale
from heamap_serving.blank_lines import without_blank
from heamap_serving.calibration import Calibration, beam_scale_of, demand, fact_doubts, hints_of, resolve, series_doubt
from heamap_serving.certainty import Certainty, read_aggregation, read_certainty
from heamap_serving.columns import locate
from heamap_serving.detector import check_fractions, in_beam_fractions
from heamap_serving.detector_angles import angles_doubt, angles_scale, check_angles
from heamap_serving.domain import Domain, Refused, examine
from heamap_serving.domain_brightness import brightness_doubts
from heamap_serving.domain_regions import REFUSED
from heamap_serving.domain_totals import weighed
from heamap_serving.false_columns import Checked, count_columns
from heamap_serving.local_blur import Absolute, Local
from heamap_serving.micrograph import BeamScale, Micrograph
from heamap_serving.region import WHOLE, Region
from heamap_serving.resample import Resampler, resampled_length
from heamap_serving.session import Model

MIN_SAMPLING_ANGSTROM = 0.01
"""A finer pixel size is a wrong unit, not a micrograph."""

PIXELS_PER_COLUMN = 3.0
"""Pixels from column to column that a micrograph needs at least to resolve them."""

MIN_FIELD_ANGSTROM = 12.0
"""Shortest side of the field of view: one width of the blur in the local normalisation."""

MAX_MODEL_PIXELS = 2**30
"""Largest image at the model's sampling: 32768 x 32768; its five maps take 21 GB of temporary files."""

BAND_PIXELS = 2**21
"""Pixels that are resampled at a time."""


@dataclass(frozen=True)
class Scored:
    """A scored micrograph.

    Attributes
    ----------
    image : (rows, cols) at the model's sampling, before normalisation; fractions of the beam where calibrated, at the
        model's standard energy where it has one, on its detector, and without background where it asks for that
    maps : (rows, cols, 5) atoms, at the model's sampling; large ones, and large images, lie in temporary files
        (``heamap_serving.scratch``): read them in bands, and release each
    positions : (n, 2) row and column in pixels of the maps
    counts : (n, 5) atoms, unrounded; brought to the composition that was told, if one was
    certainty : intervals of the counts; None where the model has none
    aggregation : what is said of aggregation (``heamap.evaluation.aggregation_report``); None where nothing is
    original_steps : pixel size of the file's pixels along rows and columns, in Angstrom, as used
    known : what is known of how it was taken, and from where
    cut : the tiles
    region : part of the file's image that this is
    beam : gain and black level that were used; None where the image is in its counts
    detector_factor : what brightness was multiplied by to be that on the model's detector
    background : fraction of the incident beam that was taken off; None where the model asks for nothing
    domain : how the image lies in the model's domain, columns of refused regions left out; None where the model's
        contract does not say: ``detector_factor`` alone then tells of another detector
    maxima : of the maps' sum, columns or not (``Counter.columns_among``); a mask and refused regions take columns away
        besides
    no_columns : how many of them are none
    checked : why some of the counted ones are none
    told : shares of the elements that the user knew; None where they are the model's own
    own : (n, 5) atoms before they were brought to what was told; None where nothing was
    """

    image: npt.NDArray[np.float32]
    maps: npt.NDArray[np.float32]
    positions: npt.NDArray[np.float64]
    counts: npt.NDArray[np.float64]
    certainty: Certainty | None
    aggregation: dict[str, Any] | None
    original_steps: tuple[float, float]
    known: Acquisition
    cut: tiles.Plan
    region: Region = WHOLE
    beam: BeamScale | None = None
    detector_factor: float = 1.0
    background: float | None = None
    domain: Domain | None = None
    maxima: int = 0
    no_columns: int = 0
    checked: Checked | None = None
    told: tuple[float, ...] | None = None
    own: npt.NDArray[np.float64] | None = None

    def places_px(self, sampling_angstrom: float) -> npt.NDArray[np.float64]:
        """Row and column (n, 2) of the columns in pixels of the file's whole image."""
        return self.positions * (sampling_angstrom / np.asarray(self.original_steps)) + np.asarray(self.region.origin)

    @property
    def in_beam_fractions(self) -> bool:
        """Whether the image is in fractions of the incident beam."""
        return self.beam is not None

    @property
    def origin_angstrom(self) -> tuple[float, float]:
        """Place of the first pixel along rows and columns, from the centre of the first pixel of the file's image."""
        row, col = self.region.origin
        return row * self.original_steps[0], col * self.original_steps[1]


def score(
    micrograph: Micrograph,
    model: Model,
    calibration: Calibration,
    region: Region = WHOLE,
    *,
    folder: Path | None = None,
    tile_pixels: int = tiles.TILE_PIXELS,
) -> Scored:
    """Resample, normalise, predict, find the columns and read their counts.

    Parameters
    ----------
    region : of the micrograph; a mask takes columns out of everything that is counted, and changes no count unless a
        composition is told, which is that of the columns that stay
    folder : of temporary files; None: the system's
    tile_pixels : most pixels that the network sees at once; decides memory and time, not the result

    Raises
    ------
    NotCalibratedError : no pixel size or, of a model of calibrated images, what else it must know
    InputError : an implausible pixel size, a field of view too small or too large, pixels that are no numbers, brighter
        than the beam, another beam energy or angles of the detector too far from the model's, or a region that the
        image does not hold
    Refused : an image outside the model's domain
    """
    contract = model.contract
    known = resolve(calibration, micrograph)
    demand(known, contract, micrograph.fault, hints_of(calibration, micrograph, known))
    region, blank = without_blank(micrograph, region)
    micrograph = region.crop(micrograph)
    steps: tuple[float, float] = known.value("sampling_angstrom")
    check_scale(micrograph.image.shape, steps, model)
    detector, energy_ev, angles = beam_scale_of(known), known.value("energy_ev"), known.value("detector_mrad")
    check_energy(energy_ev, contract)
    check_angles(angles, contract)
    energy, factor = energy_scale(energy_ev, contract), angles_scale(angles, contract)
    # The whole beam in the unit of brightness of the model's own energy and detector.
    beam = energy * factor
    scale = None if detector is None else replace(detector, per_count=detector.per_count * beam)
    sampling = model.contract.sampling_angstrom
    image, low, high = _resampled(micrograph.image, steps, sampling, scale, folder)
    try:
        if detector is not None:
            check_fractions(high / beam, detector)
        # A support is as bright as on the model's own detector by now: its limit is of the beam that this one sees.
        background = Background() if scale is None else take_off(image, contract, beam=energy)
    except InputError as error:
        series = series_doubt(known, micrograph, contract)
        raise InputError(str(error) if series is None else f"{error}; {series}") from None
    domain = _examine(micrograph, image, model)
    local = model.contract.normalization == "local"
    normalised = Local(image, low, high, sampling) if local else Absolute(image)
    shape = (image.shape[0], image.shape[1])
    side = tiles.GPU_TILE if model.on_gpu else None
    cut = tiles.plan(shape, stride=contract.stride, reach=contract.reach, pixels=tile_pixels, side=side)
    maps = scratch.empty((*shape, len(ELEMENTS)), folder)
    tiles.run(model.predict, normalised.read, cut, maps)
    scratch.release(image)
    radius = DISTANCE_SHARE * model.contract.ranges.nearest_column_angstrom / sampling
    maxima = locate(maps, radius=radius, threshold=THRESHOLD_ATOMS)
    # All columns are counted: a fit must know the neighbours of those that a mask leaves.
    positions, counts, checked = count_columns(
        maps, maxima, counter=model.counter, read=normalised.read, background=background, contract=contract
    )
    scratch.release(image)
    kept = region.holds(positions * (sampling / np.asarray(steps)))
    if domain is not None:
        # What the user knows comes before what the image shows because of it.
        doubts = [*fact_doubts(known, calibration, micrograph, contract), angles_doubt(angles, contract)]
        doubts += [*background.doubts, *checked.doubts, *brightness_doubts(image, positions, counts, contract)]
        domain = weighed(domain, counts, contract).with_doubt(*doubts)
        domain = domain.with_remark(background.remark).with_remark(blank)
        kept &= domain.region_of(positions * sampling) != REFUSED
    positions, own = positions[kept], counts[kept]
    told = calibration.composition
    counts = own if told is None else bring_to(own, told)
    return Scored(
        image=image,
        maps=maps,
        positions=positions,
        counts=counts,
        certainty=read_certainty(counts, model.contract, told=told is not None),
        # Its error model was learnt on the model's own counts.
        aggregation=read_aggregation(own, positions * sampling, model.contract),
        original_steps=steps,
        known=known,
        cut=cut,
        region=region,
        beam=detector,
        detector_factor=factor,
        background=None if background.level is None else background.level / factor,
        domain=domain,
        maxima=len(maxima),
        no_columns=len(maxima) - len(kept),
        checked=checked,
        told=told,
        own=None if told is None else own,
    )


def _examine(micrograph: Micrograph, image: npt.NDArray[np.float32], model: Model) -> Domain | None:
    """Refuse an image outside the model's domain before the network runs."""
    if model.contract.domain is None:
        return None
    sampling = model.contract.sampling_angstrom
    domain = examine(image, model.contract.domain, sampling_angstrom=sampling, original=micrograph.image)
    scratch.release(image)
    if domain.verdict == "refused":
        raise Refused(domain)
    return domain


def check_scale(shape: tuple[int, ...], steps: tuple[float, float], model: Model) -> None:
    """Refuse a pixel size or a field of view in which no columns can be told apart.

    Parameters
    ----------
    shape : of the image
    steps : pixel size along rows and columns, Angstrom

    Raises
    ------
    InputError
    """
    gap = model.contract.ranges.nearest_column_angstrom
    coarsest = gap / PIXELS_PER_COLUMN
    for length, step in zip(shape, steps, strict=True):
        if not MIN_SAMPLING_ANGSTROM <= step <= coarsest:
            raise InputError(
                f"pixel size {step:.4g} Angstrom: columns {gap:.3g} Angstrom apart need {MIN_SAMPLING_ANGSTROM:g} to "
                f"{coarsest:.3g}; check it, or give it with --sampling-angstrom"
            )
        if length * step < MIN_FIELD_ANGSTROM:
            raise InputError(
                f"field of view {shape[0] * steps[0]:.3g} x {shape[1] * steps[1]:.3g} Angstrom: "
                f"needs {MIN_FIELD_ANGSTROM:g} Angstrom a side"
            )
    rows, cols = (
        resampled_length(length, model.contract.sampling_angstrom / step)
        for length, step in zip(shape, steps, strict=True)
    )
    if rows * cols > MAX_MODEL_PIXELS:
        raise InputError(f"{rows} x {cols} pixels at the model's sampling are more than {MAX_MODEL_PIXELS}; crop it")


def _resampled(
    original: npt.NDArray[np.float32],
    steps: tuple[float, float],
    sampling: float,
    scale: BeamScale | None,
    folder: Path | None,
) -> tuple[npt.NDArray[np.float32], float, float]:
    """The image at the model's sampling, in fractions of the beam where calibrated, and its extremes."""
    resampler = Resampler((original.shape[0], original.shape[1]), steps=steps, target=sampling)
    same = not resampler.changes and scale is None
    image = original if same else scratch.empty(resampler.shape, folder)
    low, high = math.inf, -math.inf
    for start, stop in scratch.row_bands(image.shape, BAND_PIXELS):
        band = image[start:stop]
        if not same:
            first, last = resampler.sources(start, stop)
            band[:] = resampler.band(start, stop, in_beam_fractions(original[first:last], scale))
        low, high = min(low, float(band.min())), max(high, float(band.max()))
        scratch.release(original)
        scratch.release(image)
    return image, low, high
