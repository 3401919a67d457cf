"""Gaussian mixtures of the column intensities of one image, and how many components they have.

Columns of equal thickness form one component, all components are equally wide, and their number minimises the
integrated classification likelihood (ICL): Van Aert et al., Phys. Rev. B 87 (2013) 064107, after Biernacki, Celeux and
Govaert, IEEE Trans. Pattern Anal. Mach. Intell. 22 (2000) 719. How few columns a component may have: De Backer et al.,
Ultramicroscopy 134 (2013) 23.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.special import xlogy

FloatArray = npt.NDArray[np.float64]

Means = Literal["free", "equidistant"]
"""Whether the means are free, or one atom adds the same intensity whatever lies above it."""

COLUMNS_PER_COMPONENT = 5
"""Columns for each component that is tried: with fewer, ICL takes chance clusters for thicknesses."""

MAX_COMPONENTS = 30
"""More than a particle of 7 nm has thicknesses."""

MAX_ITERATIONS = 300
# Enough to see which of several starts leads highest.
TRIAL_ITERATIONS = 15
# Of the log likelihood; the criteria of neighbouring numbers of components differ by units.
TOLERANCE = 1e-3
# Of the values' own standard deviation: narrower components are copies of single values.
MIN_WIDTH = 1e-3


@dataclass(frozen=True)
class Mixture:
    """A fitted mixture.

    Attributes
    ----------
    means, weights : (k,) of the components, means ascending, weights summing to 1; a weight may be zero where means
        are equidistant
    width : standard deviation that all components share
    icl : -2 log L + 2 E + d log n, with the entropy E of the assignment and d free parameters; the smaller, the better
    """

    means: FloatArray
    weights: FloatArray
    width: float
    icl: float

    def assign(self, values: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """(n,) most probable component of each of the values (n,), counted from 0."""
        return np.asarray(_log_joint(np.asarray(values, np.float64), self.means, self.weights, self.width).argmax(1))


@dataclass(frozen=True)
class _Run:
    """A mixture on its way: its likelihood, and the share (n, k) that each component has in each value."""

    means: FloatArray
    weights: FloatArray
    width: float
    likelihood: float
    share: FloatArray


def fit(values: npt.ArrayLike, components: int, *, means: Means = "free") -> Mixture:
    """Fit a mixture of a given number of components by expectation and maximisation.

    Started from Ward's clusters, so nothing is drawn. Time and memory rise with the square of the number of values.

    Parameters
    ----------
    values : (n,) intensities

    Raises
    ------
    ValueError : values are not (n,) and finite, or fewer different values than components
    """
    sample = _checked(values)
    if not 1 <= components <= len(np.unique(sample)):
        raise ValueError(f"{components} components for {len(np.unique(sample))} different values")
    runs = [_improved(sample, start, means, TRIAL_ITERATIONS) for start in _starts(sample, components, means)]
    best = _improved(sample, max(runs, key=lambda run: run.likelihood), means, MAX_ITERATIONS)
    # All weights but one, the width, and the means: as many as components, or where they start and how far they step.
    parameters = components + (components if means == "free" else min(components, 2))
    entropy = -float(xlogy(best.share, best.share).sum())
    icl = -2 * best.likelihood + 2 * entropy + parameters * math.log(len(sample))
    order = np.argsort(best.means)
    return Mixture(best.means[order], best.weights[order], best.width, icl)


def choose(values: npt.ArrayLike, *, means: Means = "free", most: int = MAX_COMPONENTS) -> Mixture:
    """The mixture with the smallest ICL among those of 1 to ``most`` components.

    No number is tried that leaves fewer than ``COLUMNS_PER_COMPONENT`` values to a component.

    Parameters
    ----------
    values : (n,) intensities

    Raises
    ------
    ValueError : values are not (n,) and finite, or there are none
    """
    sample = _checked(values)
    last = max(1, min(most, len(sample) // COLUMNS_PER_COMPONENT, len(np.unique(sample))))
    return min((fit(sample, components, means=means) for components in range(1, last + 1)), key=_criterion)


def _checked(values: npt.ArrayLike) -> FloatArray:
    sample = np.asarray(values, np.float64)
    if sample.ndim != 1 or not sample.size or not np.isfinite(sample).all():
        raise ValueError(f"expected finite values (n,), got shape {sample.shape}")
    return sample


def _criterion(mixture: Mixture) -> float:
    return mixture.icl


def _starts(sample: FloatArray, components: int, means: Means) -> list[_Run]:
    """Where to start from."""
    if components == 1:
        centres = [np.array([sample.mean()])]
    else:
        tree = linkage(sample[:, None], "ward")
        if means == "free":
            centres = [_centres(sample, tree, components)]
        else:
            # A thickness that no column has leaves a gap, so that fewer clusters span as many steps.
            clusters = sorted({max(2, round(share * components)) for share in (1.0, 0.85, 0.7, 0.5)})
            ends = [_centres(sample, tree, number)[[0, -1]] for number in clusters]
            centres = [np.linspace(low, high, components) for low, high in ends]
    equal = np.full(components, 1 / components)
    widths = [math.sqrt(((sample[:, None] - middle) ** 2).min(axis=1).mean()) for middle in centres]
    return [_expected(sample, middle, equal, width) for middle, width in zip(centres, widths, strict=True)]


def _centres(sample: FloatArray, tree: FloatArray, clusters: int) -> FloatArray:
    member = fcluster(tree, clusters, "maxclust") - 1
    found = np.bincount(member, weights=sample) / np.bincount(member)
    # Ties may leave fewer clusters than asked for.
    return np.interp(np.linspace(0, 1, clusters), np.linspace(0, 1, len(found)), np.sort(found))


def _improved(sample: FloatArray, run: _Run, means: Means, iterations: int) -> _Run:
    """Expectation and maximisation until the likelihood stands still."""
    for _ in range(iterations):
        locate = _equidistant if means == "equidistant" else _free
        centres = locate(sample, run.share, run.means)
        width = math.sqrt((run.share * (sample[:, None] - centres) ** 2).sum() / len(sample))
        after = _expected(sample, centres, run.share.mean(axis=0), width)
        if after.likelihood - run.likelihood < TOLERANCE:
            break
        run = after
    return run


def _expected(sample: FloatArray, means: FloatArray, weights: FloatArray, width: float) -> _Run:
    """The likelihood of a mixture, and the share that each component has in each value."""
    # The last bound holds where all values are equal.
    width = max(width, MIN_WIDTH * float(sample.std()), float(np.spacing(np.abs(sample).max())))
    joint = _log_joint(sample, means, weights, width)
    top = joint.max(axis=1, keepdims=True)
    share = np.exp(joint - top)
    sums = share.sum(axis=1, keepdims=True)
    return _Run(means, weights, width, float((top + np.log(sums)).sum()), share / sums)


def _free(sample: FloatArray, share: FloatArray, centres: FloatArray) -> FloatArray:
    size = share.sum(axis=0)
    return np.where(size > 0, sample @ share / np.where(size > 0, size, 1), centres)


def _equidistant(sample: FloatArray, share: FloatArray, centres: FloatArray) -> FloatArray:
    """Weighted least-squares line of the values against the number of their component."""
    number = np.arange(len(centres), dtype=np.float64)
    size = share.sum(axis=0)
    middle, centre = size @ number / len(sample), float(sample.mean())
    variation = size @ (number - middle) ** 2
    if variation <= 0:
        return centres
    spacing = ((sample - centre) @ share @ (number - middle)) / variation
    return np.asarray(centre + spacing * (number - middle))


def _log_joint(sample: FloatArray, means: FloatArray, weights: FloatArray, width: float) -> FloatArray:
    """(n, k) log of weight times density."""
    with np.errstate(divide="ignore"):
        shares = np.log(weights)
    return np.asarray(
        shares - 0.5 * ((sample[:, None] - means) / width) ** 2 - math.log(width) - 0.5 * math.log(2 * math.pi)
    )
