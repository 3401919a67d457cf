"""Heights of the labels' Gaussians that together draw a map best, by least squares.

A map that is the sum over columns k of Gaussians g_k of unit height times count_k gives the counts exactly, and the
variance of noise that is independent from pixel to pixel falls to 1 / sum(g^2) = 1 / (pi sigma^2), a twentieth at
sigma = 2.5 pixels. First each map is multiplied with each column's Gaussian and summed, which needs the pixels around
the column only; then

    sum over columns l of <g_k, g_l> count_l = <g_k, map>

is solved for the counts of all columns at once. Columns of the alloy down [110] are 2.3 Angstrom apart or more, where
<g_k, g_l> / <g_k, g_k> = exp(-d^2 / 4 sigma^2) is 5e-3 at sigma = .5 Angstrom; 1.3 Angstrom apart it is .18.
"""

import numpy as np
import numpy.typing as npt
from scipy import sparse
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

Floats = npt.NDArray[np.floating]

WINDOW_SIGMAS = 4.0
"""Half the side of the square around a column whose pixels are summed: the Gaussian has fallen to 3e-4."""

OVERLAP_SIGMAS = 8.0
"""Columns farther apart than this do not overlap: 1e-7."""

SAME_PLACE_SIGMAS = 0.01
"""Columns nearer than this are not told apart."""

CHUNK = 512
"""Columns that are summed at a time."""

PAIRS = 2**16
"""Overlaps that are summed at a time: all of them would take 5 kB a column."""


def window_pixels(sigma_pixels: float) -> int:
    """How many pixels to each side of a column are summed, at most."""
    return int(np.ceil(WINDOW_SIGMAS * sigma_pixels)) + 1


def projections(maps: Floats, rows: Floats, cols: Floats, *, sigma_pixels: float) -> npt.NDArray[np.float64]:
    """Sum of the maps times the Gaussian of each column, over the pixels around it.

    Parameters
    ----------
    maps : (rows, cols, elements) in atoms
    rows, cols : (n,) positions in pixels
    sigma_pixels : standard deviation of the labels' Gaussians

    Returns
    -------
    (n, elements)
    """
    if maps.ndim != 3:
        raise ValueError(f"expected maps (rows, cols, elements), got shape {maps.shape}")
    products = np.empty((len(rows), maps.shape[2]))
    flat = maps.reshape(-1, maps.shape[2])
    for start in range(0, len(rows), CHUNK):
        part = slice(start, start + CHUNK)
        (down, row_pixels), (across, col_pixels) = (
            _profiles(np.asarray(centres[part], np.float64), size, sigma_pixels)
            for centres, size in zip((rows, cols), maps.shape[:2], strict=True)
        )
        # One index a pixel: a third of the time of two.
        around = np.take(flat, row_pixels[:, :, None] * maps.shape[1] + col_pixels[:, None, :], axis=0)
        products[part] = np.einsum("nc,nce->ne", across, np.einsum("nr,nrce->nce", down, around))
    return products


def heights(
    products: npt.NDArray[np.float64], rows: Floats, cols: Floats, shape: tuple[int, int], *, sigma_pixels: float
) -> npt.NDArray[np.float64]:
    """Counts whose Gaussians, added up, have these projections.

    Parameters
    ----------
    products : (n, elements) of :func:`projections`
    rows, cols, sigma_pixels : the same
    shape : rows and columns of the maps

    Returns
    -------
    (n, elements) atoms, unrounded

    Raises
    ------
    ValueError : two columns at one place, or one too far outside the maps
    """
    if not len(rows):
        return products.copy()
    places = np.stack([np.asarray(rows, np.float64), np.asarray(cols, np.float64)], axis=1)
    near = cKDTree(places).query_pairs(OVERLAP_SIGMAS * sigma_pixels, output_type="ndarray")
    gaps = np.linalg.norm(places[near[:, 0]] - places[near[:, 1]], axis=1)
    if gaps.min(initial=np.inf) < SAME_PLACE_SIGMAS * sigma_pixels:
        raise ValueError(f"two of {len(places)} columns are {gaps.min():.2g} pixels apart and cannot be told apart")
    itself = np.arange(len(places))
    one, other = np.concatenate([np.stack([itself, itself], axis=1), near, near[:, ::-1]]).T
    overlap = np.ones(len(one))
    for axis, size in enumerate(shape):
        profiles, pixels = _profiles(places[:, axis], size, sigma_pixels)
        for start in range(0, len(one), PAIRS):
            part = slice(start, start + PAIRS)
            distances = (pixels[one[part]] - places[other[part], axis, None]) / sigma_pixels
            overlap[part] *= (profiles[one[part]] * np.exp(-0.5 * distances**2)).sum(axis=1)
    system = sparse.csc_matrix((overlap, (one, other)), shape=(len(places), len(places)))
    try:
        return np.asarray(splu(system).solve(products))
    except RuntimeError as fault:
        raise ValueError(f"the maps do not hold all of {len(places)} columns: {fault}") from None


def _profiles(
    centres: npt.NDArray[np.float64], size: int, sigma_pixels: float
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Gaussians (n, window) along one axis, 0 outside the map, and the pixels of their windows, held inside it."""
    half = window_pixels(sigma_pixels)
    pixels = np.floor(centres).astype(np.int64)[:, None] + np.arange(1 - half, half + 1)
    profiles = np.exp(-0.5 * ((pixels - centres[:, None]) / sigma_pixels) ** 2)
    profiles[(pixels < 0) | (pixels >= size)] = 0
    return profiles, np.clip(pixels, 0, size - 1)
