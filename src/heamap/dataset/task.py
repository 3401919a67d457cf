"""The simulation of one sample, as a worker gets it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from heamap import params
from heamap.dataset.store import array_hash
from heamap.imaging import engines, microscope
from heamap.seeds import Stream, generator

EXAMS = ("calibration", "test")
"""The splits whose images always come from the reference engine."""


@dataclass(frozen=True)
class Task:
    """All that decides a sample's image.

    Attributes
    ----------
    engine : that makes the image
    elements, positions : (n,) index into ``ELEMENTS`` and (n, 3) Angstrom in field coordinates
    """

    sample: int
    engine: params.EngineName
    elements: npt.NDArray[np.int8]
    positions: npt.NDArray[np.float64]
    base: params.Base
    settings: params.Simulate

    @property
    def key(self) -> str:
        """SHA-256 of everything that decides the image; what concerns another engine alone is no part of it."""
        shared = {"microscope", "detector_mrad", "slice_angstrom", "margin_angstrom"}
        simulate = self.settings.model_dump(include=shared | {self.engine})
        if self.settings.reference.vibrations:
            # The rule, so no part of the key: images from before there was a choice stay finished.
            simulate.get("reference", {}).pop("vibrations", None)
        decided = {
            "atoms": array_hash(self.elements, self.positions),
            "base": self.base.model_dump(),
            "simulate": simulate,
            "engine": engines.version(self.engine),
            "sample": self.sample,
        }
        return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()


def engine_of(split: str, sample: int, *, base: params.Base, settings: params.Simulate) -> params.EngineName:
    """The engine that makes a sample's image.

    Calibration and test images come from the reference, so that no model is judged by the engine it learned from, and
    intervals are calibrated on what they are judged by. Of the others,
    ``settings.reference_share`` do, each by a draw of its own: a larger share adds samples and takes none away.
    """
    if split in EXAMS or generator(base.seed, Stream.ENGINE, sample).random() < settings.reference_share:
        return "reference"
    return settings.engine


def run(task: Task) -> tuple[npt.NDArray[np.float32], dict[str, Any]]:
    """The image (rows, cols) of a sample and its record.

    Raises
    ------
    InputError : the engine cannot simulate this field
    """
    optics = microscope.draw(
        task.settings.microscope, task.settings.detector_mrad, seed=task.base.seed, sample=task.sample
    )
    # The order of sums in BLAS depends on its number of threads.
    with threadpool_limits(limits=1):
        simulated = engines.simulate(
            task.engine,
            task.elements,
            task.positions,
            optics,
            base=task.base,
            settings=task.settings,
            sample=task.sample,
        )
    record = asdict(optics) | {
        "engine": engines.version(task.engine),
        "configurations": simulated.configurations,
        "interpolation": simulated.interpolation,
        "potential_sampling_angstrom": simulated.potential_sampling_angstrom,
        "relative_error": simulated.relative_error,
    }
    return simulated.image, record
