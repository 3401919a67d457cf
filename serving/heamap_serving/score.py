"""One micrograph through the model: columns, counts and maps."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation.readout import DISTANCE_SHARE, THRESHOLD_ATOMS, find_columns, read_counts
from heamap.imaging.normalize import normalize
from heamap_serving import tiles
from heamap_serving.certainty import Certainty, read_aggregation, read_certainty
from heamap_serving.detector import beam_fractions
from heamap_serving.domain import Domain, Refused, examine
from heamap_serving.domain_regions import REFUSED
from heamap_serving.micrograph import Micrograph
from heamap_serving.resample import resample, resampled_length
from heamap_serving.session import Model

MIN_SAMPLING_ANGSTROM = 0.01
"""A finer pixel size is a wrong unit, not a micrograph."""

PIXELS_PER_COLUMN = 3.0
"""Pixels from column to column that a micrograph needs at least to resolve them."""

MIN_FIELD_ANGSTROM = 12.0
"""Shortest side of the field of view: one width of the blur in the local normalisation."""

MAX_MODEL_PIXELS = 2**26
"""Largest image at the model's sampling; its five maps take 1.3 GB."""


@dataclass(frozen=True)
class Calibration:
    """What the user knows of the micrographs that their files do not say.

    Attributes
    ----------
    sampling_angstrom : pixel size, taken before that of the file
    beam_fraction_per_count : fraction of the incident beam that one count above the black level stands for
    black_level : counts without beam
    """

    sampling_angstrom: float | None = None
    beam_fraction_per_count: float | None = None
    black_level: float = 0.0

    def __post_init__(self) -> None:
        for option, value in (
            ("--sampling-angstrom", self.sampling_angstrom),
            ("--beam-fraction-per-count", self.beam_fraction_per_count),
        ):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise InputError(f"{option} must be a positive number, got {value:g}")
        if not math.isfinite(self.black_level):
            raise InputError(f"--black-level must be a number, got {self.black_level:g}")


@dataclass(frozen=True)
class Scored:
    """A scored micrograph.

    Attributes
    ----------
    image : (rows, cols) at the model's sampling, before normalisation; fractions of the beam where calibrated
    maps : (rows, cols, 5) atoms, at the model's sampling
    positions : (n, 2) row and column in pixels of the maps
    counts : (n, 5) atoms, unrounded
    certainty : intervals of the counts; None where the model has none
    aggregation : what is said of aggregation (``heamap.evaluation.aggregation_report``); None where nothing is
    original_steps : pixel size of the file's pixels along rows and columns, in Angstrom, as used
    sampling_source : ``file`` or ``option``
    cut : the tiles
    domain : how the image lies in the model's domain, columns of refused regions left out; None where the model's
        contract does not say
    """

    image: npt.NDArray[np.float32]
    maps: npt.NDArray[np.float32]
    positions: npt.NDArray[np.float64]
    counts: npt.NDArray[np.float64]
    certainty: Certainty | None
    aggregation: dict[str, Any] | None
    original_steps: tuple[float, float]
    sampling_source: str
    cut: tiles.Plan
    domain: Domain | None = None


def score(micrograph: Micrograph, model: Model, calibration: Calibration) -> Scored:
    """Resample, normalise, predict, find the columns and read their counts.

    Raises
    ------
    InputError : no pixel size, an implausible one, a field of view too small or too large, or a model for calibrated
        detectors without the calibration
    Refused : an image outside the model's domain
    """
    steps, source = _steps(micrograph, calibration)
    _check_scale(micrograph.image.shape, steps, model)
    sampling = model.contract.sampling_angstrom
    calibrated = beam_fractions(
        micrograph,
        needed=model.contract.normalization == "absolute",
        per_count=calibration.beam_fraction_per_count,
        black_level=calibration.black_level,
    )
    image = resample(calibrated, steps=steps, target=sampling)
    domain = _examine(micrograph, image, model)
    normalised = normalize(image, kind=model.contract.normalization, sampling_angstrom=sampling)
    cut = tiles.plan((image.shape[0], image.shape[1]), stride=model.contract.stride)
    maps = tiles.apply(model.predict, normalised, cut, len(ELEMENTS))
    positions = find_columns(
        maps,
        sampling_angstrom=sampling,
        min_distance_angstrom=DISTANCE_SHARE * model.contract.ranges.nearest_column_angstrom,
        threshold=THRESHOLD_ATOMS,
    )
    if domain is not None:
        positions = positions[domain.region_of(positions * sampling) != REFUSED]
    counts = read_counts(maps, positions[:, 0], positions[:, 1])
    return Scored(
        image=image,
        maps=maps,
        positions=positions,
        counts=counts,
        certainty=read_certainty(counts, model.contract),
        aggregation=read_aggregation(counts, positions * sampling, model.contract),
        original_steps=steps,
        sampling_source=source,
        cut=cut,
        domain=domain,
    )


def _examine(micrograph: Micrograph, image: npt.NDArray[np.float32], model: Model) -> Domain | None:
    """Refuse an image outside the model's domain before the network runs."""
    if model.contract.domain is None:
        return None
    sampling = model.contract.sampling_angstrom
    domain = examine(image, model.contract.domain, sampling_angstrom=sampling, original=micrograph.image)
    if domain.verdict == "refused":
        raise Refused(domain)
    return domain


def _steps(micrograph: Micrograph, calibration: Calibration) -> tuple[tuple[float, float], str]:
    if calibration.sampling_angstrom is not None:
        return (calibration.sampling_angstrom, calibration.sampling_angstrom), "option"
    if micrograph.sampling_angstrom is None:
        raise InputError(f"{micrograph.fault}; give it with --sampling-angstrom")
    return micrograph.sampling_angstrom, "file"


def _check_scale(shape: tuple[int, ...], steps: tuple[float, float], model: Model) -> None:
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
