"""Parameters of all that judges and uses a trained model."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from heamap.checking import Block, Count, Fraction, Positive


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
    readout: Literal["peak", "fit"]
    """``peak`` reads a count at the column's middle; ``fit`` fits the label's Gaussian to the map around it. Not of
    ``train``: the trained network is the same, and only what judges and exports it runs again."""


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
