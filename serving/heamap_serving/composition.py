"""The composition of one image, and how far it may be off."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap.contract import Contract
from heamap.elements import ELEMENTS
from heamap.evaluation.targets import NI_CO_FE, with_sums
from heamap_serving.certainty import Certainty, read_certainty
from heamap_serving.score import Scored

SHARED = (*ELEMENTS, NI_CO_FE)
"""What an image has a share of."""

CALIBRATED = "calibrated"
ALIKE = "all columns alike"
NONE = "none"
TOLD = "told"

TOLD_HOW = (
    "The composition that was told with --composition: the counts of each element were multiplied by one factor, and "
    "those of each column by another, so that totals stay and the shares are these. Maps are the network's own"
)
TOLD_REMARK = "Counts are brought to the composition that was told; maps are the network's own."


@dataclass(frozen=True)
class Composition:
    """Atomic shares of an image in the order of ``SHARED``.

    Attributes
    ----------
    shares : (6,)
    low, high : (6,) ends of the intervals; equal to the shares where there are none
    level : of the intervals
    way : ``calibrated``: from how far compositions of calibration images were off (``heamap.contract``);
        ``all columns alike``: the ends of the columns' intervals added up, as if all columns erred the same way, which
        is wider than need be; ``none``: no intervals; ``told``: the user's own
    how : the same in a sentence for the reader
    alone : of a told composition, what the image alone says
    """

    shares: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    level: float
    way: str
    how: str
    alone: "Composition | None" = None

    @property
    def outside(self) -> tuple[str, ...]:
        """Of ``SHARED``, what was told outside of the interval that the image alone gives."""
        alone = self.alone
        if alone is None or alone.way != CALIBRATED:
            return ()
        beyond = (self.shares < alone.low) | (self.shares > alone.high)
        return tuple(name for name, far in zip(SHARED, beyond, strict=True) if far)


def shares_of(atoms: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Atomic shares (6,) in the order of ``SHARED`` of sums of atoms (5,), none negative."""
    whole = with_sums(atoms[None])[0]
    return np.asarray(whole[:-1] / whole[-1]) if whole[-1] > 0 else np.zeros(len(SHARED))


def composition_of(scored: Scored, contract: Contract) -> Composition | None:
    """Composition of a scored image; None without columns."""
    if scored.told is None or scored.own is None or not len(scored.counts):
        return read_composition(scored.counts, scored.certainty, contract)
    alone = read_composition(scored.own, read_certainty(scored.own, contract), contract)
    shares = shares_of(np.asarray(scored.told))
    return Composition(shares, shares, shares, 0.0, TOLD, TOLD_HOW, alone)


def read_composition(
    counts: npt.NDArray[np.float64], certainty: Certainty | None, contract: Contract
) -> Composition | None:
    """Composition of an image from the model's own counts (n, 5) of its columns; None without columns.

    Drawing the columns anew is no way to an interval: the errors of one image's columns go together, and such intervals
    held 30 % of the shares of test images at a level of 90 % (docs/decisions.md).
    """
    if not len(counts):
        return None
    atoms = np.maximum(counts, 0.0).sum(axis=0)
    shares = shares_of(atoms)
    errors = contract.composition
    if errors is not None:
        low, high = errors.around(shares)
        how = (
            f"{errors.level:.0%} interval for an image the model has not seen, from the errors of the composition of "
            f"{errors.images} simulated calibration images (Student's t); it holds for images like those"
        )
        return Composition(shares, low, high, errors.level, CALIBRATED, how)
    if certainty is not None and atoms.sum() > 0:
        low, high = (
            np.clip(ends.sum(axis=0)[: len(SHARED)] / atoms.sum(), 0.0, 1.0) for ends in (certainty.low, certainty.high)
        )
        how = (
            f"The ends of the columns' {certainty.level:.0%} intervals added up, as if all columns erred the same way: "
            "wider than need be, for this model carries no errors of whole compositions"
        )
        return Composition(shares, low, high, certainty.level, ALIKE, how)
    return Composition(shares, shares, shares, 0.0, NONE, "This model carries no intervals")
