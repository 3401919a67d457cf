"""What a model promises and demands, carried inside its ONNX file and enforced by the scorer."""

import json
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from heamap.checking import parse
from heamap.elements import ELEMENTS
from heamap.errors import InputError

METADATA_KEY = "heamap.contract"
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
    intervals_held: bool
    """Whether as many test columns lay inside their intervals as promised."""


class Accuracy(BaseModel):
    """What the model's counts are worth beside their yardsticks."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: float = Field(gt=0, lt=1)
    """Share of the resamples between ``skill_low`` and ``skill_high``."""
    images: int = Field(ge=1)
    columns: int = Field(ge=1)
    targets: dict[str, TargetAccuracy]
    """By target: every element, NiCoFe and total."""


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
    ranges: TrainingRanges
    lineage: Lineage
    intervals: dict[str, Any] | None = None
    """Prediction intervals (``heamap.evaluation.conformal.Intervals``); None in models without calibration."""
    aggregation: dict[str, Any] | None = None
    """Judges aggregation (``heamap.evaluation.aggregation_report.AggregationCalibration``); None: nothing is said."""
    accuracy: Accuracy | None = None
    """On the test split; None in models exported before it was recorded."""
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
        return parse(cls, values, f"{origin}: contract")
