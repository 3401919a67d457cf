"""How far the composition of a whole image is off, learnt on calibration images.

The errors of the columns of one image go together (its dose, focus and chemistry are theirs), so that neither adding
up their intervals nor drawing columns anew gives the error of the composition: images are what must be drawn.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from heamap.evaluation.residual_ends import LEAST_IMAGES
from heamap.evaluation.targets import FloatArray, with_sums

LEVEL = 0.9
_DECIMALS = 5


def fit(
    images: npt.ArrayLike, true: npt.ArrayLike, predicted: npt.ArrayLike, *, level: float = LEVEL
) -> dict[str, Any]:
    """The composition errors of the contract (``heamap.contract.CompositionErrors``).

    With residuals r of n images, the interval of one more is mean(r) +- t sd(r) sqrt(1 + 1/n), t Student's of n - 1
    degrees of freedom: exact for normal errors.

    Parameters
    ----------
    images : (n,) image of each column
    true, predicted : (n, 5) atoms

    Raises
    ------
    ValueError : fewer than ``LEAST_IMAGES`` images
    """
    _, owner = np.unique(np.asarray(images), return_inverse=True)
    number = int(owner.max(initial=-1)) + 1
    if number < LEAST_IMAGES:
        raise ValueError(f"errors of compositions need {LEAST_IMAGES} images or more, got {number}")
    residuals = _shares(owner, number, true) - _shares(owner, number, predicted)
    reach = float(student.ppf((1 + level) / 2, number - 1)) * math.sqrt(1 + 1 / number)
    return {
        "level": level,
        "images": number,
        "bias": residuals.mean(axis=0).round(_DECIMALS).tolist(),
        "half_width": (reach * residuals.std(axis=0, ddof=1)).round(_DECIMALS).tolist(),
    }


def _shares(owner: npt.NDArray[np.intp], images: int, counts: npt.ArrayLike) -> FloatArray:
    """(images, 6) shares of each element and of Ni, Co and Fe together; negative counts stand for none."""
    atoms = np.maximum(np.asarray(counts, np.float64), 0.0)
    sums = np.zeros((images, atoms.shape[1]))
    np.add.at(sums, owner, atoms)
    whole = with_sums(sums)
    return np.asarray(whole[:, :-1] / np.maximum(whole[:, -1:], 1e-9))
