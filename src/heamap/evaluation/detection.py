"""How well columns are found without being told where they are."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap.evaluation import metrics

# A quarter of the nearest distance between [110] columns: a match cannot be with a neighbour.
TOLERANCE_ANGSTROM = 0.6


@dataclass(frozen=True)
class Detection:
    """How well columns are found without being told where they are.

    Columns nearer to the border of the image than the tolerance are not judged: their partner may lie outside.

    Attributes
    ----------
    true, true_found : true columns, and those of them that were found
    found, found_true : found columns, and those of them that are true
    """

    true: int
    true_found: int
    found: int
    found_true: int

    @property
    def recall(self) -> float:
        """Share of the true columns that were found; NaN without true columns."""
        return self.true_found / self.true if self.true else math.nan

    @property
    def precision(self) -> float:
        """Share of the found columns that are true; NaN without found columns."""
        return self.found_true / self.found if self.found else math.nan

    def __add__(self, other: "Detection") -> "Detection":
        return Detection(
            self.true + other.true,
            self.true_found + other.true_found,
            self.found + other.found,
            self.found_true + other.found_true,
        )


def detect(
    true: npt.NDArray[np.float64],
    found: npt.NDArray[np.float64],
    *,
    shape: tuple[int, int],
    sampling_angstrom: float,
) -> Detection:
    """Compare found with true positions of one image.

    Parameters
    ----------
    true, found : (n, 2) and (m, 2) row and column in pixels
    shape : of the image
    """
    tolerance = TOLERANCE_ANGSTROM / sampling_angstrom
    hits, right = metrics.match(true, found, tolerance=tolerance)
    far = np.subtract(shape, 1) - tolerance
    judged_true = ((true >= tolerance) & (true <= far)).all(axis=1)
    judged_found = ((found >= tolerance) & (found <= far)).all(axis=1)
    return Detection(
        int(judged_true.sum()),
        int((hits & judged_true).sum()),
        int(judged_found.sum()),
        int((right & judged_found).sum()),
    )
