"""The limits of a model's domain, from the images that it was trained and calibrated on."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from heamap.contract import DomainLimits
from heamap.domain.limits import fit_limits
from heamap.domain.measures import Measures, measure
from heamap.domain.views import BEYOND, draw_view, take, widened
from heamap.domain.windows import SIDE_ANGSTROM
from heamap.params import Params
from heamap.seeds import Stream, generator

if TYPE_CHECKING:
    from heamap.dataset.store import Dataset

Resample = Callable[[npt.NDArray[np.float32], float], npt.NDArray[np.float32]]
"""Brings an image of some pixel size in Angstrom to the model's, as the scorer does."""

TRAINING_VIEWS, CALIBRATION_VIEWS = 240, 200
"""Views in all, at least one a particle: enough for a hundredth, in a minute."""


def training_limits(dataset: "Dataset", params: Params, resample: Resample) -> DomainLimits | None:
    """Limits from views of the training particles, their rate set by views of the calibration particles.

    Returns
    -------
    None where fields are smaller than a window, or too few views show a lattice: then nothing can be checked
    """
    if params.base.pixels * params.base.sampling_angstrom < SIDE_ANGSTROM:
        return None
    training = _measured(dataset, "train", TRAINING_VIEWS, params, resample)
    calibration = _measured(dataset, "calibration", CALIBRATION_VIEWS, params, resample)
    return fit_limits([view for particle in training for view in particle], calibration)


def _measured(dataset: "Dataset", split: str, views: int, params: Params, resample: Resample) -> list[list[Measures]]:
    """Measures of each view of each particle of a split; at most ``views`` particles."""
    samples = dataset.split(split)[:views]
    each = max(views // len(samples), 1)
    return [[_measure_view(dataset, int(sample), view, params, resample) for view in range(each)] for sample in samples]


def _measure_view(dataset: "Dataset", sample: int, number: int, params: Params, resample: Resample) -> Measures:
    # Training draws effects by (epoch, sample); a third word keeps these apart.
    rng = generator(params.base.seed, Stream.EFFECTS, sample, number, 1)
    image, step = take(
        dataset.image(sample),
        draw_view(rng),
        effects=widened(params.train.effects, factor=BEYOND),
        augment=params.train.augment,
        sampling_angstrom=params.base.sampling_angstrom,
        rng=rng,
    )
    return measure(resample(image, step), sampling_angstrom=params.base.sampling_angstrom)
