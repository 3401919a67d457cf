"""Frozen, typed parameters: one model for each block of ``params.yaml``.

Unknown keys and impossible values are refused with the value in the message.
"""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from heamap import checking
from heamap.checking import Block
from heamap.params.data import (
    RESERVE,
    Base,
    ChemistryMix,
    Counterfactuals,
    EngineName,
    Evolution,
    Microscope,
    MonteCarlo,
    Motifs,
    Reference,
    Simulate,
    Structures,
    Thermal,
    Validate,
)
from heamap.params.judging import Bounds, Evaluate, Export, Gate, Promote, Score, Targets
from heamap.params.training import Augment, Columns, Effects, Train

__all__ = [
    "RESERVE",
    "Augment",
    "Base",
    "Bounds",
    "ChemistryMix",
    "Columns",
    "Counterfactuals",
    "Effects",
    "EngineName",
    "Evaluate",
    "Evolution",
    "Export",
    "Gate",
    "Microscope",
    "MonteCarlo",
    "Motifs",
    "Params",
    "Promote",
    "Reference",
    "Score",
    "Simulate",
    "Structures",
    "Targets",
    "Thermal",
    "Train",
    "Validate",
    "load",
]


class Params(Block):
    base: Base
    motifs: Motifs
    structures: Structures
    simulate: Simulate
    counterfactuals: Counterfactuals
    validate_: Annotated[Validate, Field(alias="validate")]
    train: Train
    columns: Columns
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
        if self.base.pixels % self.train.stride:
            raise ValueError(
                f"base.pixels {self.base.pixels} is not a multiple of {self.train.stride}, as train.network "
                f"{self.train.network} and train.filters need"
            )
        return self


def load(path: Path) -> Params:
    """Read and check a parameter file.

    Raises
    ------
    InputError : the file is missing, is not YAML, or holds an unknown key or an impossible value
    """
    return checking.read_yaml(Params, path)
