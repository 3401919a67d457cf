"""What all columns of one image share, foreseen for an image that has not been seen."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq
from scipy.special import stdtrit

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ImageEffect:
    """Distribution of the effect of an unseen image: centre + scale x Student's t with ``freedom`` degrees."""

    centre: float
    scale: float
    freedom: float

    def quantiles(self, shares: npt.ArrayLike) -> FloatArray:
        """Values that the effect stays below with the given probabilities, each between 0 and 1, both excluded."""
        student: FloatArray = np.asarray(stdtrit(self.freedom, np.asarray(shares, np.float64)), np.float64)
        return self.centre + self.scale * student


def foresee(means: npt.ArrayLike, variances: npt.ArrayLike) -> ImageEffect:
    """Effect of an unseen image from the means of those seen.

    The variance between images solves the moment equation of Paule and Mandel (J. Res. Natl. Bur. Stand. 87 (1982)
    377); the distribution is the random-effects prediction of Higgins, Thompson and Spiegelhalter (J. R. Stat. Soc. A
    172 (2009) 137) with one degree of freedom less than images, each counted by its weight: exact for normal effects
    that are known well in each image.

    Parameters
    ----------
    means : (images,) effect seen in each image
    variances : (images,) sampling variance of each mean, positive

    Raises
    ------
    ValueError : fewer than two images, or a variance that is not positive
    """
    seen, noise = np.asarray(means, np.float64), np.asarray(variances, np.float64)
    if seen.size < 2 or not (noise > 0).all():
        raise ValueError(f"an image effect needs two images with positive variances, got {seen.size} images")

    def surplus(between: float) -> float:
        weights = 1 / (noise + between)
        return float(weights @ (seen - weights @ seen / weights.sum()) ** 2 - (seen.size - 1))

    between = 0.0
    if surplus(0.0) > 0:
        # No variance between the images can exceed their sum of squares: the surplus is negative there.
        between = brentq(surplus, 0.0, float(((seen - seen.mean()) ** 2).sum()))
    weights = 1 / (noise + between)
    freedom = max(weights.sum() ** 2 / (weights**2).sum() - 1, 1.0)
    centre = weights @ seen / weights.sum()
    return ImageEffect(float(centre), float(np.sqrt(between + 1 / weights.sum())), float(freedom))
