"""Every composition that a column of known total can have, and how likely each is before its image is seen."""

from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, xlogy

from heamap.elements import ELEMENTS

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

RARE = 1e-6
"""The unlikeliest compositions are left out as long as together they are rarer than this."""


def compositions(total: int, kinds: int = len(ELEMENTS)) -> IntArray:
    """All ways to share ``total`` atoms out among ``kinds`` elements.

    Returns
    -------
    (C(total + kinds - 1, kinds - 1), kinds) counts, rows sum to ``total``; 46,376 rows for 30 atoms of 5 elements

    Raises
    ------
    ValueError : total below 0 or no kind
    """
    if total < 0 or kinds < 1:
        raise ValueError(f"a column needs a total of 0 or more and one element at least, got {total} and {kinds}")
    # Stars and bars: the bars' places among total + kinds - 1 tell the counts between them.
    places = total + kinds - 1
    rows = comb(places, kinds - 1)
    bars = np.array(list(combinations(range(places), kinds - 1)), dtype=np.int64).reshape(rows, kinds - 1)
    ends = np.column_stack([np.full(rows, -1), bars, np.full(rows, places)])
    return np.diff(ends, axis=1) - 1


def multinomial(counts: npt.ArrayLike, composition: npt.ArrayLike) -> FloatArray:
    """Probability of each composition of a column whose atoms are drawn one by one.

    Parameters
    ----------
    counts : (n, kinds) atoms, every row of the same total
    composition : (kinds,) shares that sum to 1

    Returns
    -------
    (n,) probabilities

    Raises
    ------
    ValueError : the shares are negative or do not sum to 1, or there is not one per element
    """
    atoms, shares = _checked(counts, composition)
    return np.exp(gammaln(atoms.sum(axis=1) + 1) - gammaln(atoms + 1).sum(axis=1) + xlogy(atoms, shares).sum(axis=1))


def dirichlet_multinomial(counts: npt.ArrayLike, composition: npt.ArrayLike, concentration: float) -> FloatArray:
    """Probability of each composition of an aggregated column, whose own shares are Dirichlet around the particle's.

    Mosimann, Biometrika 49 (1962) 65. The variance is the binomial's times (total + concentration) / (1 +
    concentration).

    Parameters
    ----------
    counts, composition : as for ``multinomial``
    concentration : sum of the Dirichlet parameters; smaller is more aggregated, infinity is ``multinomial``

    Raises
    ------
    ValueError : as ``multinomial``, or the concentration is not positive
    """
    if not concentration > 0:
        raise ValueError(f"concentration must be positive, got {concentration}")
    if np.isinf(concentration):
        return multinomial(counts, composition)
    atoms, shares = _checked(counts, composition)
    present = shares > 0
    alpha = concentration * shares[present]
    total = atoms.sum(axis=1)
    logarithm = gammaln(total + 1) + gammaln(concentration) - gammaln(total + concentration)
    logarithm += (gammaln(atoms[:, present] + alpha) - gammaln(alpha) - gammaln(atoms[:, present] + 1)).sum(axis=1)
    return np.where((atoms[:, ~present] > 0).any(axis=1), 0.0, np.exp(logarithm))


@dataclass(frozen=True)
class Prior:
    """What is known of a column of known total before its image is seen.

    Attributes
    ----------
    composition : (5,) shares of the particle, in the order of ``ELEMENTS``
    concentration : of Dirichlet-multinomial columns; infinity draws every atom by itself
    """

    composition: tuple[float, ...]
    concentration: float = np.inf

    def __post_init__(self) -> None:
        # Refuses here what every composition would be refused for.
        dirichlet_multinomial(np.zeros((1, len(ELEMENTS))), self.composition, self.concentration)

    def compositions(self, total: int, *, rarer: float = RARE) -> tuple[IntArray, FloatArray]:
        """The compositions that matter, with their probabilities.

        Parameters
        ----------
        rarer : all compositions that are left out are together rarer than this

        Returns
        -------
        (n, 5) counts and (n,) probabilities that sum to 1
        """
        counts = compositions(total)
        probability = dirichlet_multinomial(counts, self.composition, self.concentration)
        order = np.argsort(probability)
        kept = np.sort(order[np.cumsum(probability[order]) > rarer])
        return counts[kept], probability[kept] / probability[kept].sum()


def fit_prior(images: npt.ArrayLike, counts: npt.ArrayLike) -> Prior:
    """The prior of columns of several images, each of its own composition.

    Composition is that of all atoms. The concentration follows by moments from the variance of the counts about their
    total times the composition of their image, which is n p (1 - p) (1 + (n - 1) / (1 + concentration)) for a column
    of n atoms (Mosimann, Biometrika 49 (1962) 65); elements and columns count by that variance.

    Parameters
    ----------
    images : (n,) image of each column
    counts : (n, 5) true atoms

    Raises
    ------
    ValueError : no atoms
    """
    atoms = np.asarray(counts, np.float64)
    if not atoms.sum() > 0:
        raise ValueError(f"{len(atoms)} columns hold no atoms")
    _, image = np.unique(np.asarray(images), return_inverse=True)
    sums = np.zeros((int(image.max()) + 1, atoms.shape[1]))
    np.add.at(sums, image, atoms)
    shares = (sums / sums.sum(axis=1, keepdims=True))[image]
    total = atoms.sum(axis=1, keepdims=True)
    chance = total * shares * (1 - shares)
    excess = ((atoms - total * shares) ** 2 - chance).sum()
    most = ((total - 1) * chance).sum()
    correlation = excess / most if most > 0 else 0.0
    composition = tuple((atoms.sum(axis=0) / atoms.sum()).tolist())
    return Prior(composition, 1 / correlation - 1 if 0 < correlation < 1 else np.inf)


def _checked(counts: npt.ArrayLike, composition: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    atoms, shares = np.asarray(counts, np.float64), np.asarray(composition, np.float64)
    if atoms.ndim != 2 or shares.shape != atoms.shape[1:]:
        raise ValueError(f"counts (n, kinds) need a composition (kinds,), got {atoms.shape} and {shares.shape}")
    if (shares < 0).any() or abs(shares.sum() - 1) > 1e-6:
        raise ValueError(f"a composition is shares of 0 or more that sum to 1, got {shares.tolist()}")
    return atoms, shares
