"""Frozen, typed parameters: one model for each block of ``params.yaml``.

Unknown keys and impossible values are refused with the value in the message.
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from heamap import checking
from heamap.checking import Block, Count, Fraction, NonNegative, NonNegativeRange, Positive, PositiveRange, Range

EngineName = Literal["reference", "thermal"]


class Base(Block):
    """What more than one stage must agree on."""

    seed: Annotated[int, Field(ge=0)]
    pixels: Annotated[int, Field(ge=32, multiple_of=8)]
    """Side of the square field of view in pixels."""
    sampling_angstrom: Positive
    """Pixel size of the stored images."""

    @property
    def field_angstrom(self) -> float:
        """Side of the square field of view."""
        return self.pixels * self.sampling_angstrom


class Evolution(Block):
    """Evolutionary search over arrangements of species on the lattice."""

    population: Annotated[int, Field(ge=2)]
    generations: Count


class MonteCarlo(Block):
    """Swap Monte Carlo in the canonical ensemble."""

    temperature_kelvin: Positive
    sweeps: Count
    """One sweep tries as many swaps as there are atoms."""
    equilibration: Fraction
    """Share of the sweeps left out of the averages."""


class Motifs(Block):
    calculator: str
    """``zhou-eam``, ``emt``, ``gpaw``, ``vasp`` or ``module:Class`` of an ASE calculator."""
    repeats: Count
    """Side of the periodic cell in cubic unit cells; 4 repeats**3 atoms."""
    evolution: Evolution
    monte_carlo: MonteCarlo


class ChemistryMix(Block):
    """Relative weights of the chemistry models among the samples."""

    independent: NonNegative
    motif: NonNegative
    waves: NonNegative
    columns: NonNegative

    @model_validator(mode="after")
    def _some_weight(self) -> Self:
        if sum(self.weights) <= 0:
            raise ValueError("at least one chemistry model needs a positive weight")
        return self

    @property
    def weights(self) -> tuple[float, float, float, float]:
        """Weights of independent, motif, waves, columns."""
        return (self.independent, self.motif, self.waves, self.columns)


class Structures(Block):
    samples: Annotated[int, Field(ge=3)]
    diameter_angstrom: PositiveRange
    chemistry: ChemistryMix
    composition_concentration: Positive
    """Dirichlet concentration, per element, of the varied global composition; larger is closer to equiatomic."""
    varied_composition: Fraction
    """Share of the samples whose global composition is varied; the rest are near-equiatomic."""
    wave_length_angstrom: PositiveRange
    column_concentration: PositiveRange
    """Total Dirichlet concentration of the Dirichlet-multinomial columns; smaller is more aggregated."""
    split: dict[Literal["train", "validation", "calibration", "test"], Fraction]
    """``calibration`` serves the prediction intervals: it neither trains nor chooses nor judges a model."""

    @model_validator(mode="after")
    def _whole_split(self) -> Self:
        names = {"train", "validation", "calibration", "test"}
        if set(self.split) != names or abs(sum(self.split.values()) - 1) > 1e-9:
            raise ValueError(f"split needs train, validation, calibration and test that sum to 1, got {self.split}")
        return self


class Microscope(Block):
    """Ranges that each sample's microscope is drawn from, uniformly."""

    energy_ev: PositiveRange
    semiangle_mrad: PositiveRange
    defocus_angstrom: Range
    spherical_aberration_angstrom: Range
    astigmatism_angstrom: NonNegativeRange
    astigmatism_angle_radian: Range


class Reference(Block):
    """abTEM's PRISM over frozen phonons."""

    configurations: Count
    """Frozen-phonon configurations an image."""
    window_angstrom: Positive
    """Least width of the window that PRISM keeps around each probe: box over interpolation factor."""
    vibrations: bool = True
    """False leaves every atom where it rests: a static lattice, as in the paper. Then one configuration is exact."""

    @model_validator(mode="after")
    def _one_static_configuration(self) -> Self:
        if not self.vibrations and self.configurations > 1:
            raise ValueError(
                f"without vibrations all {self.configurations} configurations are the same one; set configurations to 1"
            )
        return self


class Thermal(Block):
    """The thermal average without configurations of the whole image."""

    window_angstrom: Positive
    """The same of the mean wave's probe, which stays near its column."""
    waves: Annotated[int, Field(ge=2, multiple_of=2)]
    """Outgoing waves an image; their two halves tell the error."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the waves are; ``cuda`` needs CuPy."""


class Simulate(Block):
    engine: EngineName
    """Of the training and validation images; calibration and test images always come from the reference."""
    reference_share: Fraction
    """Share of the training and validation images that the reference makes although ``engine`` is another."""
    microscope: Microscope
    detector_mrad: PositiveRange
    """Inner and outer collection angle of the annular detector."""
    slice_angstrom: Positive
    margin_angstrom: NonNegative
    """Atoms this far outside the field still count; what lies in the periodic box keeps twice this from its copies."""
    workers: Annotated[int, Field(ge=0)]
    """Processes of the local cluster; 0 is one per core."""
    reference: Reference
    thermal: Thermal

    @model_validator(mode="after")
    def _static_lattice_by_reference(self) -> Self:
        if self.engine == "thermal" and not self.reference.vibrations:
            raise ValueError(
                "the thermal engine cannot leave out vibrations as reference.vibrations false asks; set engine to "
                "reference, or vibrations to true"
            )
        return self


class Counterfactuals(Block):
    """Test particles that are simulated again with edited chemistry."""

    particles: Count
    """How many, the first ones of the test split; all of them where it holds fewer."""


class Validate(Block):
    max_total: Count
    """Atoms in a column that physics allows at most."""
    composition: tuple[Fraction, Fraction]
    """Bounds of an element's share of one image's atoms."""
    drift_sigma: Positive
    """A mean that lies further than this many standard errors from the reference warns."""
    max_relative_error: Positive
    """Largest relative standard error of a test image's column intensities."""


class Effects(Block):
    """Ranges of the experimental effects, drawn anew for each image and epoch."""

    dose_per_square_angstrom: PositiveRange
    source_fwhm_angstrom: NonNegativeRange
    background_fraction: NonNegativeRange
    """Support and contamination, as fractions of the incident beam."""
    pixel_jitter_angstrom: NonNegativeRange
    line_jitter_angstrom: NonNegativeRange
    drift_fraction: NonNegativeRange
    """Field distortion by linear drift: displacement over the frame as a share of the frame."""
    readout_noise: NonNegativeRange
    """Gaussian noise of the read-out in fractions of the image's own maximum."""
    bits: Annotated[int, Field(ge=0, le=32)]
    """Quantisation of the digitiser; 0 leaves the values alone."""


class Augment(Block):
    contrast: PositiveRange
    """Exponent on the normalised image."""
    illumination: NonNegative
    """Largest relative slope of brightness across the field."""
    blur_sigma_angstrom: NonNegativeRange
    symmetry: bool
    """Quarter turns and flips."""


class Train(Block):
    ranks: Count
    epochs: Count
    batch: Count
    """Global batch: shared among the ranks."""
    crop_pixels: Annotated[int, Field(ge=32, multiple_of=8)]
    """Side of the random crop that one training example is; at most ``base.pixels``."""
    learning_rate: Positive
    warmup_epochs: NonNegative
    schedule: Literal["constant", "cosine"]
    """Of the learning rate after the warm-up; the paper's is constant."""
    patience: Count
    """Epochs without a better validation loss before every rank stops."""
    filters: Annotated[tuple[Count, ...], Field(min_length=2)]
    """Channels of the encoder levels, then of the bridge."""
    statistics_images: Count
    """Images that are batch-normalised together; every rank's share of a batch is a multiple of it."""
    label_sigma_angstrom: Positive
    loss: Literal["mse", "weighted_mse"]
    """``mse`` as in the paper; ``weighted_mse`` gives columns and background the same say."""
    normalization: Literal["local", "absolute"]
    mixed_precision: bool
    xla: bool
    augment: Augment
    effects: Effects

    @model_validator(mode="after")
    def _whole_batches(self) -> Self:
        if self.batch % self.ranks:
            raise ValueError(f"train.batch {self.batch} cannot be shared by {self.ranks} ranks")
        if (self.batch // self.ranks) % self.statistics_images:
            raise ValueError(
                f"a rank's share of {self.batch // self.ranks} images is not a multiple of train.statistics_images "
                f"{self.statistics_images}"
            )
        stride = 2 ** (len(self.filters) - 1)
        if self.crop_pixels % stride:
            raise ValueError(
                f"train.crop_pixels {self.crop_pixels} is not a multiple of {stride}, as {len(self.filters)} levels of "
                "train.filters need"
            )
        return self


class Bounds(Block):
    """Simulated columns of known total behind the exact-Bayes bounds."""

    totals: Annotated[tuple[Count, ...], Field(min_length=2)]
    """Atoms in a column, ascending; bounds between them are interpolated, so the last must reach the test split's."""
    columns: Count
    """Of each total, at least."""
    dose_per_square_angstrom: Annotated[tuple[Positive, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        for name in ("totals", "dose_per_square_angstrom"):
            values = getattr(self, name)
            if list(values) != sorted(set(values)):
                raise ValueError(f"bounds.{name} must ascend, got {list(values)}")
        return self


class Evaluate(Block):
    bootstrap: Count
    """Resamples of the images behind each interval."""


class Export(Block):
    opset: Literal[17]


class Gate(Block):
    min_skill_pt: float
    """Skill over true total x composition."""
    min_skill_total: float
    """Skill over the counted total."""
    max_coverage_gap: Fraction
    """By how much the share of Pt and total counts inside their intervals may fall short of the promise."""
    max_parity_error: Positive
    """Largest difference of a map value between ONNX and Keras, in atoms."""
    max_count_mismatch: Fraction
    """Share of column counts that may differ between ONNX and Keras."""
    champion_margin: float
    """The lower end of the paired interval of improvement must exceed this: relative fall of the mean squared error."""
    require_clean_git: bool


class Promote(Block):
    model_name: Annotated[str, Field(min_length=1)]


class Score(Block):
    micrographs: Annotated[str, Field(min_length=1)]
    """Folder of micrographs that the line scores."""


class Params(Block):
    base: Base
    motifs: Motifs
    structures: Structures
    simulate: Simulate
    counterfactuals: Counterfactuals
    validate_: Annotated[Validate, Field(alias="validate")]
    train: Train
    bounds: Bounds
    evaluate: Evaluate
    export: Export
    gate: Gate
    promote: Promote
    score: Score

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.train.crop_pixels > self.base.pixels:
            raise ValueError(
                f"train.crop_pixels {self.train.crop_pixels} is larger than base.pixels {self.base.pixels}"
            )
        stride = 2 ** (len(self.train.filters) - 1)
        if self.base.pixels % stride:
            raise ValueError(f"base.pixels {self.base.pixels} is not a multiple of {stride}, as train.filters need")
        return self


def load(path: Path) -> Params:
    """Read and check a parameter file.

    Raises
    ------
    InputError : the file is missing, is not YAML, or holds an unknown key or an impossible value
    """
    return checking.read_yaml(Params, path)
