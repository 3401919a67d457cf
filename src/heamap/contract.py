"""What a model promises and demands, carried inside its ONNX file and enforced by the scorer."""

import json
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from heamap.checking import parse
from heamap.elements import ELEMENTS
from heamap.errors import InputError

METADATA_KEY = "heamap.contract"
COLUMNS_KEY = "heamap.columns"
"""Metadata key of the network on columns: an ONNX file of its own, in base 64."""
INPUT_NAME = "image"
OUTPUT_NAME = "counts"


class TrainingRanges(BaseModel):
    """What the training images covered; a micrograph outside is extrapolation."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    energy_ev: tuple[float, float]
    semiangle_mrad: tuple[float, float]
    detector_mrad: tuple[float, float]
    dose_per_square_angstrom: tuple[float, float]
    column_total: tuple[int, int]
    nearest_column_angstrom: float
    """Smallest distance between neighbouring columns of the training lattices, projected."""


class EnergyScale(BaseModel):
    """How images of any beam energy are brought to one: brightness falls as energy to the power of ``-exponent``."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    standard_ev: float = Field(gt=0)
    exponent: float = Field(gt=0)


class BackgroundLevel(BaseModel):
    """What is taken off an image for background (``heamap.imaging.normalize.background_level``)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    most: float = Field(gt=0)
    """Fraction of the incident beam."""
    square_angstrom: float = Field(gt=0)
    darkest: float = Field(gt=0, lt=1)


class ColumnShare(BaseModel):
    """The say of the network on columns, which the file carries beside the graph."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: float = Field(gt=0, le=1)
    """Of its counts in the counts that are given; the rest is of those off the maps."""
    surroundings: Literal["rings"] = "rings"
    """What it is told of a column (``heamap.evaluation.surroundings``)."""


class Lineage(BaseModel):
    """Where the model came from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run_id: str
    commit: str
    data: dict[str, str]
    """DVC hashes of the data by path."""


class TargetAccuracy(BaseModel):
    """How one target's counts fared on the test split; None where a score is undefined or no bound is known."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    baseline: str
    """What the skill is over."""
    skill: float | None
    """1 - MSE / MSE of the baseline; of all test columns."""
    skill_low: float | None
    skill_high: float | None
    bound_skill: float | None
    """Skill of the best estimate that is possible, the column's total known."""
    r2: float | None
    covered: float = Field(ge=0, le=1)
    """Share of the test columns inside their intervals."""
    covered_low: float | None
    """Ends of that share's 95 % interval over images; None where a single image cannot tell."""
    covered_high: float | None


class Accuracy(BaseModel):
    """What the model's counts are worth beside their yardsticks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: float = Field(gt=0, lt=1)
    """Share of the resamples between ``skill_low`` and ``skill_high``."""
    images: int = Field(ge=1)
    columns: int = Field(ge=1)
    targets: dict[str, TargetAccuracy]
    """By target: every element, NiCoFe and total."""

    @property
    def not_told_apart(self) -> tuple[str, ...]:
        """Elements whose skill's interval reaches down to 0: counts no better than the baseline's."""
        lows = {element: self.targets[element].skill_low for element in ELEMENTS}
        return tuple(element for element, low in lows.items() if low is not None and low <= 0)


class ToldComposition(BaseModel):
    """What counts are worth that were brought to the composition of their image, known from elsewhere."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    intervals: dict[str, Any]
    """Of such counts (``heamap.evaluation.conformal.Intervals``)."""
    accuracy: Accuracy
    """Of such counts, told the true compositions of the test images."""


class CountingLine(BaseModel):
    """Atom counting's straight line, from the integrated intensity of a column to its total.

    Intensities are fractions of the incident beam times square Angstrom, over the column's Voronoi cell cut off at a
    radius (``heamap.evaluation.table.integrated_intensity``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    slope: float
    """Atoms a unit of intensity."""
    intercept: float
    """Atoms."""
    r2: float
    """Share of the variance of the training columns' totals that the line explains."""
    columns: int = Field(ge=2)
    """Training columns that it was fitted to."""
    radius_angstrom: float = Field(gt=0)


class CompositionErrors(BaseModel):
    """How far compositions of whole images lie from the truth, over calibration images.

    For an unseen image the error lies around ``bias`` with a half-width of t spread sqrt(1 + 1 / images), t being
    Student's for images - 1 degrees of freedom: the prediction interval of one more draw from a normal distribution.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    level: float = Field(gt=0, lt=1)
    images: int = Field(ge=2)
    bias: tuple[float, ...] = Field(min_length=len(ELEMENTS) + 1, max_length=len(ELEMENTS) + 1)
    """Mean of true - predicted share: of each element, then of Ni, Co and Fe together."""
    half_width: tuple[float, ...] = Field(min_length=len(ELEMENTS) + 1, max_length=len(ELEMENTS) + 1)

    def around(self, shares: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Ends (6,) of the intervals of predicted shares (6,), between 0 and 1."""
        middle = np.asarray(shares, np.float64) + np.asarray(self.bias)
        reach = np.asarray(self.half_width)
        return np.clip(middle - reach, 0.0, 1.0), np.clip(middle + reach, 0.0, 1.0)


class Limits(BaseModel):
    """Bounds of one figure, None for no bound: an image beyond the inner ones is doubtful, beyond the outer refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    refused_below: float | None = None
    doubtful_below: float | None = None
    doubtful_above: float | None = None
    refused_above: float | None = None

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        given = [
            bound
            for bound in (self.refused_below, self.doubtful_below, self.doubtful_above, self.refused_above)
            if bound is not None
        ]
        if given != sorted(given):
            raise ValueError(f"bounds must ascend, got {given}")
        return self


class DomainLimits(BaseModel):
    """How far an image may lie from views of the training particles (``heamap.domain``)."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    false_alarm_rate: float = Field(gt=0, lt=1)
    """Share of the calibration particles' views that the inner bounds, all together, call doubtful."""
    views: int = Field(ge=1)
    """Of the training particles, whose spread the bounds are made of."""
    calibration_views: int = Field(ge=1)
    """Of other particles, which set the rate."""
    calibration_particles: int = Field(ge=1)
    checks: dict[str, Limits]
    """By figure of a whole image."""
    region_checks: dict[str, Limits]
    """By figure of a window."""
    features: tuple[str, ...]
    """What the distance is made of, in order."""
    feature_mean: tuple[float, ...]
    feature_precision: tuple[tuple[float, ...], ...]
    """Inverse of the features' covariance."""

    @model_validator(mode="after")
    def _square(self) -> Self:
        count = len(self.features)
        if len(self.feature_mean) != count or [len(row) for row in self.feature_precision] != [count] * count:
            raise ValueError(f"mean and precision must be of {count} features")
        return self


class Contract(BaseModel):
    """The model's contract.

    ``intensity_scale`` multiplies the network's maps into atoms. The sides of the padded image must be multiples
    of ``stride``.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    elements: tuple[str, ...]
    sampling_angstrom: float = Field(gt=0)
    normalization: Literal["local", "absolute"]
    label_sigma_angstrom: float = Field(gt=0)
    intensity_scale: float = Field(gt=0)
    stride: int = Field(ge=1)
    reach: int | None = Field(default=None, ge=0)
    """Pixels to each side of a pixel of the maps that it depends on; None in models exported before it was recorded,
    all of them the paper's network."""
    readout: Literal["peak", "fit"] = "peak"
    """How counts are read off the maps, by which the intervals were calibrated (``heamap.evaluation.reading``);
    ``peak`` in models exported before it was recorded."""
    orientations: Literal[1, 2, 4] = 1
    """Of the image that the graph takes the mean of: as it is (1), also transposed (2), or also by a quarter, a half
    and three quarters of a turn (4); 1 in models exported before it was recorded."""
    energy: EnergyScale | None = None
    """Of an ``absolute`` model, whose images' beam energy must be known then; None: the energy is not used."""
    background: BackgroundLevel | None = None
    """Of an ``absolute`` model; None: nothing is taken off."""
    columns: ColumnShare | None = None
    """None: counts are read off the maps alone."""
    ranges: TrainingRanges
    lineage: Lineage
    intervals: dict[str, Any] | None = None
    """Prediction intervals (``heamap.evaluation.conformal.Intervals``); None in models without calibration."""
    aggregation: dict[str, Any] | None = None
    """Judges aggregation (``heamap.evaluation.aggregation_report.AggregationCalibration``); None: nothing is said."""
    accuracy: Accuracy | None = None
    """On the test split; None in models exported before it was recorded."""
    told: ToldComposition | None = None
    """Of counts brought to a told composition (``heamap.evaluation.told_composition``); None in models exported before
    it was recorded: what is known is of counts without it."""
    counting: CountingLine | None = None
    """Atom counting beside the network; None in models exported before it was recorded."""
    composition: CompositionErrors | None = None
    """Of compositions of images; None in models exported before it was recorded, or with too few calibration images."""
    domain: DomainLimits | None = None
    """What images the model may be used on; None in models exported before it was recorded: nothing is checked."""

    @model_validator(mode="after")
    def _known_order(self) -> Self:
        if self.elements != ELEMENTS:
            raise ValueError(f"elements must be {list(ELEMENTS)} in this order, got {list(self.elements)}")
        return self

    def to_json(self) -> str:
        return self.model_dump_json()

    @classmethod
    def from_metadata(cls, metadata: dict[str, str], origin: str) -> Self:
        """Read the contract from an ONNX file's metadata.

        Raises
        ------
        InputError : no contract, or one that this version does not accept
        """
        if METADATA_KEY not in metadata:
            raise InputError(f"{origin}: no {METADATA_KEY!r} in the ONNX metadata; export the model with heamap")
        try:
            values = json.loads(metadata[METADATA_KEY])
        except json.JSONDecodeError as error:
            raise InputError(f"{origin}: contract is not JSON: {error}") from None
        try:
            return parse(cls, values, f"{origin}: contract")
        except InputError as error:
            raise InputError(f"{error}; if another version of heamap wrote it, export it again") from None
