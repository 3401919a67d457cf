"""How alike the compositions of neighbouring columns are, by distance."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array
from scipy.spatial import KDTree

BATCH = 20
"""Permutations that are worked on at once."""

FloatArray = npt.NDArray[np.float64]

SHELLS_ANGSTROM = (0.0, 3.2, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0)
"""Edges of the distance shells; the first holds the nearest columns of a [110] projection, 2.3 Angstrom away."""
LEAST_COLUMNS = 3


@dataclass(frozen=True)
class Correlogram:
    """Correlation by distance shell; shells without pairs are NaN.

    Attributes
    ----------
    distance_angstrom : (shells,) mean distance of the pairs
    pairs : (shells,) number of pairs
    correlation : (shells, k) of each of the k values, less what was expected of errors
    p_value : (shells, k) two-sided, each shell by itself
    overall : (k,) p-value of the most striking shell, corrected for having looked at all; 1 where values are not known
    """

    distance_angstrom: FloatArray
    pairs: npt.NDArray[np.int64]
    correlation: FloatArray
    p_value: FloatArray
    overall: FloatArray


def correlogram(
    positions_angstrom: npt.ArrayLike,
    values: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    expected: npt.ArrayLike | None = None,
    shells_angstrom: tuple[float, ...] = SHELLS_ANGSTROM,
    resamples: int = 999,
) -> Correlogram:
    """Moran's I (Biometrika 37 (1950) 17) of column values in distance shells, with a permutation test.

    I = (mean of z_i z_j over the pairs of a shell) / (mean of z_i^2), z the values less their mean. The same pairs are
    judged with the values dealt out anew among the columns. Shells are corrected for by the largest standardised
    correlation of each permutation (Westfall and Young, Resampling-Based Multiple Testing, 1993).

    Parameters
    ----------
    positions_angstrom : (n, 2) of one image's columns
    values : (n, k), for example ``dispersion_moments.Moments.standardised``; a value that is NaN everywhere is not
        judged, and a column of atoms that lacks one of the others is left out
    expected : (shells, k) correlation that prediction errors alone give (``error_correlation``)
    shells_angstrom : edges, ascending, one more than shells

    Raises
    ------
    ValueError : positions and values disagree, or fewer than three columns
    """
    places, known = np.asarray(positions_angstrom, np.float64), np.asarray(values, np.float64)
    if places.ndim != 2 or known.ndim != 2 or len(places) != len(known) or len(known) < LEAST_COLUMNS:
        raise ValueError(
            f"three columns or more with positions (n, 2) and values (n, k), got {places.shape}, {known.shape}"
        )
    whole = _whole(known)
    if whole.sum() >= LEAST_COLUMNS:
        places, known = places[whole], known[whole]
    links, distance, pairs = _links(places, shells_angstrom)
    judged = np.isfinite(known).all(axis=0) & (np.ptp(known, axis=0) > 0)
    centred = np.where(judged, known - known.mean(axis=0), 0.0)
    power = np.where(judged, (centred**2).mean(axis=0), np.nan)
    found = _mean_products(links, pairs, centred) / power
    drawn = np.concatenate(
        [
            _permuted_products(links, pairs, centred, min(BATCH, resamples - done), rng)
            for done in range(0, resamples, BATCH)
        ]
    )
    drawn /= power
    middle, width = drawn.mean(axis=0), drawn.std(axis=0)
    found = found - (0.0 if expected is None else np.asarray(expected, np.float64))
    p_value = (1 + (np.abs(drawn - middle) >= np.abs(found - middle)).sum(axis=0)) / (1 + resamples)
    usable = (pairs > 0)[:, None] & judged & (width > 0)
    scale = np.where(usable, width, np.inf)
    striking = np.max(np.abs(np.where(usable, found - middle, 0.0)) / scale, axis=0)
    chance = np.max(np.abs(np.where(usable, drawn - middle, 0.0)) / scale, axis=1)
    return Correlogram(
        distance_angstrom=distance,
        pairs=pairs,
        correlation=np.where(usable, found, np.nan),
        p_value=np.where(usable, p_value, 1.0),
        overall=np.where(usable.any(axis=0), (1 + (chance >= striking).sum(axis=0)) / (1 + resamples), 1.0),
    )


def error_correlation(
    images: npt.ArrayLike,
    positions_angstrom: npt.ArrayLike,
    errors: npt.ArrayLike,
    *,
    shells_angstrom: tuple[float, ...] = SHELLS_ANGSTROM,
) -> FloatArray:
    """Correlation that prediction errors alone leave between columns, mean over the calibration images.

    Parameters
    ----------
    images : (n,) image of each column
    positions_angstrom : (n, 2)
    errors : (n, k) in the standard deviations that values are measured in (``dispersion_moments.Columns.errors_of``)

    Returns
    -------
    (shells, k) mean product over pairs, 0 where there is no pair or an error is not known
    """
    owners, places, known = (
        np.asarray(images),
        np.asarray(positions_angstrom, np.float64),
        np.asarray(errors, np.float64),
    )
    products = np.zeros((len(shells_angstrom) - 1, known.shape[1]))
    total = np.zeros((len(shells_angstrom) - 1, 1))
    whole = _whole(known)
    for number in np.unique(owners[whole]):
        here = whole & (owners == number)
        links, _, pairs = _links(places[here], shells_angstrom)
        inside = known[here] - known[here].mean(axis=0)
        products += pairs[:, None] * np.nan_to_num(_mean_products(links, pairs, inside))
        total += pairs[:, None]
    return products / np.maximum(total, 1.0)


def _whole(values: FloatArray) -> npt.NDArray[np.bool_]:
    """(n,) columns that have every value that any column has: one of a single atom, for example, has no scatter."""
    known = np.isfinite(values)
    return np.asarray(known[:, known.any(axis=0)].all(axis=1))


def _links(places: FloatArray, shells: tuple[float, ...]) -> tuple[list[csr_array], FloatArray, npt.NDArray[np.int64]]:
    """Of each shell: the matrix of its pairs, their mean distance and their number."""
    found = KDTree(places).query_pairs(shells[-1], output_type="ndarray")
    apart = np.linalg.norm(places[found[:, 0]] - places[found[:, 1]], axis=1)
    shell = np.searchsorted(shells, apart, side="right") - 1
    number = len(shells) - 1
    pairs = np.bincount(shell[(shell >= 0) & (shell < number)], minlength=number).astype(np.int64)
    links, distance = [], np.full(number, np.nan)
    for index in range(number):
        inside = shell == index
        first, second = found[inside].T
        links.append(csr_array((np.ones(len(first)), (first, second)), shape=(len(places), len(places))))
        if pairs[index]:
            distance[index] = apart[inside].mean()
    return links, distance, pairs


def _permuted_products(
    links: list[csr_array], pairs: npt.NDArray[np.int64], values: FloatArray, number: int, rng: np.random.Generator
) -> FloatArray:
    """(number, shells, k) mean products of values permuted over the columns."""
    # Side by side: a product with many columns costs hardly more than one with few.
    permuted = np.concatenate([rng.permutation(values) for _ in range(number)], axis=1)
    products = _mean_products(links, pairs, permuted)
    return products.reshape(len(links), number, values.shape[1]).swapaxes(0, 1)


def _mean_products(links: list[csr_array], pairs: npt.NDArray[np.int64], values: FloatArray) -> FloatArray:
    """(shells, k) mean product of the values over the pairs of each shell."""
    sums = np.stack([(values * (link @ values)).sum(axis=0) for link in links])
    return sums / np.where(pairs > 0, pairs, np.nan)[:, None].astype(np.float64)
