"""Directions towards the detector, sampled."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

GOLDEN = (np.sqrt(5) - 1) / 2


@dataclass(frozen=True)
class Directions:
    """Sampled directions towards the detector.

    Attributes
    ----------
    waves : (n, 2) frequencies along x and y in units of one over the box
    weights : (n,) frequencies of the box that each stands for
    """

    waves: npt.NDArray[np.int64]
    weights: npt.NDArray[np.float64]


def sample(
    density: npt.NDArray[np.floating],
    frequencies: npt.NDArray[np.floating],
    *,
    count: int,
    box_angstrom: float,
    rng: np.random.Generator,
) -> Directions:
    """Spread directions over the detector's ring, more where more is scattered.

    Radii are quantiles of the density, azimuths turn by the golden angle; both start at random.

    Parameters
    ----------
    density : (m,) expected intensity per area of reciprocal space at the frequencies, on any scale
    frequencies : (m,) per Angstrom, from the inner to the outer edge
    """
    rings = 2 * np.pi * frequencies * density
    cumulative = np.concatenate([[0], np.cumsum((rings[1:] + rings[:-1]) / 2 * np.diff(frequencies))])
    quantiles = (np.arange(count) + rng.random()) / count
    radius = np.interp(quantiles * cumulative[-1], cumulative, frequencies)
    azimuth = 2 * np.pi * (np.arange(count) * GOLDEN + rng.random())
    waves = np.rint(box_angstrom * radius * np.stack([np.cos(azimuth), np.sin(azimuth)])).astype(np.int64).T
    weights = box_angstrom**2 * cumulative[-1] / np.interp(radius, frequencies, density) / count
    return Directions(waves, weights)
