"""Parameters of the simulated data."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from heamap.checking import Block, Count, Fraction, NonNegative, NonNegativeRange, Positive, PositiveRange, Range

EngineName = Literal["reference", "thermal"]

RESERVE: Final = "reserve"
"""Split of samples that are drawn, but neither simulated nor used."""


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
    split: dict[Literal["train", "reserve", "validation", "calibration", "test"], Fraction]
    """``calibration`` serves the prediction intervals: it neither trains nor chooses nor judges a model. ``reserve``
    may be left out: ``train`` can grow into it without a change of the others, and it is not simulated."""

    @model_validator(mode="after")
    def _whole_split(self) -> Self:
        names = {"train", "validation", "calibration", "test"}
        if set(self.split) - {RESERVE} != names or abs(sum(self.split.values()) - 1) > 1e-9:
            raise ValueError(
                f"split needs train, validation, calibration and test that sum to 1, with reserve or without, "
                f"got {self.split}"
            )
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
