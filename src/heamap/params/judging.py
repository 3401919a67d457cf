"""Parameters of all that judges and uses a trained model."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from heamap.checking import Block, Count, Fraction, Positive, PositiveRange


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


class Targets(Block):
    """What a model is meant to reach on the test split; what is missed is told, and stops nothing."""

    min_within_one_total: Fraction
    """Share of the columns whose total errs by one atom at most."""
    min_r2_pt: float
    min_r2_pt_over_bound: float
    """R2 of Pt as a share of the exact-Bayes bound's."""
    min_skill_nicofe: float
    """Of Ni+Co+Fe over baseline 1."""
    min_skill_each: float
    """Of each of Ni, Co and Fe over baseline 1."""


class Evaluate(Block):
    bootstrap: Count
    """Resamples of the images behind each interval."""
    readout: Literal["peak", "fit"]
    """``peak`` reads a count at the column's middle; ``fit`` fits the label's Gaussian to the map around it. Not of
    ``train``: the trained network is the same, and only what judges and exports it runs again."""
    orientations: Literal[1, 2, 4]
    """The exported model sees each image as it is and, of 2, transposed, of 4 turned by a quarter, a half and three
    quarters; its maps are the mean, at so many times the network's time. Not of ``train``, as ``readout``."""
    dose_per_square_angstrom: Positive | None
    """Dose of the test images; null: each has its own, drawn from ``train.effects``."""
    targets: Targets | None = None


class Export(Block):
    opset: Literal[17]


class Gate(Block):
    min_skill_pt: float
    """Skill over true total x composition."""
    min_skill_total: float
    """Skill over the counted total."""
    min_test_images: Count
    """Images share their noise and their microscope: scores and coverage of a few say next to nothing of others."""
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
    beam_fraction_per_count: Positive | None = None
    """Detector gain of micrographs that do not state it: fraction of the incident beam that one count stands for."""
    black_level: float | None = None
    """Counts without beam of micrographs that do not state them."""
    energy_kev: Positive | None = None
    """Energy of the beam of micrographs that do not state it."""
    detector_mrad: PositiveRange | None = None
    """Collection angles of the detector."""
