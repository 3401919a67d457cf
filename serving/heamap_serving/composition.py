"""The composition of one image, and how far it may be off."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap.contract import Contract
from heamap.elements import ELEMENTS
from heamap.evaluation.targets import NI_CO_FE, with_sums
from heamap.seeds import Stream, generator

SHARED = (*ELEMENTS, NI_CO_FE)
"""What an image has a share of."""

RESAMPLES = 2000
LEVEL = 0.9
_BOOTSTRAP = 7
"""Key of the draws below ``Stream.BOOTSTRAP``: fixed, so that the same image gives the same interval."""

CALIBRATED = "calibrated"
COLUMNS_ALONE = "columns alone"


@dataclass(frozen=True)
class Composition:
    """Atomic shares of an image in the order of ``SHARED``.

    Attributes
    ----------
    shares : (6,)
    low, high : (6,) ends of the intervals
    level : of the intervals
    way : ``calibrated``: from how far compositions of calibration images were off (``heamap.contract``);
        ``columns alone``: from drawing the columns anew, which knows nothing of errors that all columns share
    how : the same in a sentence for the reader
    """

    shares: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    level: float
    way: str
    how: str


def shares_of(counts: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Atomic shares (..., 6) in the order of ``SHARED`` of sums of atoms (..., 5); a negative sum stands for none."""
    atoms = np.maximum(counts, 0.0).reshape(-1, len(ELEMENTS))
    whole = with_sums(atoms)
    total = whole[:, -1:]
    found = np.divide(whole[:, :-1], total, out=np.zeros((len(whole), len(SHARED))), where=total > 0)
    return found.reshape(*counts.shape[:-1], len(SHARED))


def read_composition(counts: npt.NDArray[np.float64], contract: Contract) -> Composition | None:
    """Composition of an image from the counts (n, 5) of its columns; None without columns.

    A model whose contract holds the errors of compositions of calibration images gives intervals for an unseen image;
    any other those of ``COLUMNS_ALONE``.
    """
    if not len(counts):
        return None
    atoms = np.maximum(counts, 0.0)
    shares = shares_of(atoms.sum(axis=0))
    errors = contract.composition
    if errors is not None:
        low, high = errors.around(shares)
        how = (
            f"{errors.level:.0%} interval for an image the model has not seen, from the errors of the composition of "
            f"{errors.images} simulated calibration images (Student's t); it holds for images like those"
        )
        return Composition(shares, low, high, errors.level, CALIBRATED, how)
    low, high = _by_columns(atoms)
    how = (
        f"{LEVEL:.0%} interval from drawing the columns anew {RESAMPLES} times: the scatter from column to column "
        "alone. Errors that all columns share are not in it, and may be larger; this model carries no measure of them"
    )
    return Composition(shares, low, high, LEVEL, COLUMNS_ALONE, how)


def _by_columns(atoms: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Percentile bootstrap over columns; each draw is how often every column occurs, so memory stays flat."""
    rng = generator(0, Stream.BOOTSTRAP, _BOOTSTRAP)
    columns = len(atoms)
    equal = np.full(columns, 1 / columns)
    drawn = np.stack([rng.multinomial(columns, equal) @ atoms for _ in range(RESAMPLES)])
    low, high = np.quantile(shares_of(drawn), ((1 - LEVEL) / 2, (1 + LEVEL) / 2), axis=0)
    return low, high
