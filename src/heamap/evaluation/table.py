"""The table of columns that evaluation works on: truth, intensities and predictions, one row a column."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import map_coordinates

from heamap.elements import ELEMENTS
from heamap.evaluation.gaussians import with_gaussians
from heamap.evaluation.targets import TARGETS, FloatArray, with_sums

# Half of the nearest distance between [110] columns, .612 a at a = 3.70 Angstrom: discs of neighbours do not overlap.
INTEGRATION_RADIUS_ANGSTROM = 1.1


def integrated_intensity(
    image: npt.NDArray[np.floating],
    rows: npt.ArrayLike,
    cols: npt.ArrayLike,
    *,
    sampling_angstrom: float,
    radius_angstrom: float = INTEGRATION_RADIUS_ANGSTROM,
) -> FloatArray:
    """Integral of the image over each column's Voronoi cell, cut off at a radius.

    The mean over the cell's pixels times the area of the full disc, so that neither the pixel grid nor the border
    of the image changes the area. Integrated column intensities: E et al., Ultramicroscopy 133 (2013) 109.

    Parameters
    ----------
    image : (rows, cols) intensities
    rows, cols : (n,) sub-pixel positions inside the image

    Returns
    -------
    (n,) intensity times square Angstrom

    Raises
    ------
    ValueError : a column owns no pixel: outside the image, or on top of another column
    """
    positions = np.column_stack([np.asarray(rows, dtype=np.float64), np.asarray(cols, dtype=np.float64)])
    if not len(positions):
        return np.empty(0)
    owner = _owners((image.shape[0], image.shape[1]), positions, radius_angstrom / sampling_angstrom)
    inside = owner >= 0
    pixels = np.bincount(owner[inside], minlength=len(positions))
    if not pixels.all():
        orphan = positions[pixels.argmin()].tolist()
        raise ValueError(f"no pixel of the {image.shape} image belongs to the column at (row, column) {orphan}")
    sums = np.bincount(owner[inside], weights=image.reshape(-1)[inside], minlength=len(positions))
    return sums / pixels * np.pi * radius_angstrom**2


def _owners(shape: tuple[int, int], positions: FloatArray, radius: float) -> npt.NDArray[np.intp]:
    """(pixels,) nearest of the columns within a radius of each pixel of an image, -1 where none is.

    From the columns' side: a tree asked for every pixel takes three times as long.
    """
    owner = np.full(shape[0] * shape[1], -1, dtype=np.intp)
    reach = int(np.ceil(radius))
    window = np.floor(positions).astype(np.intp)[..., None] + np.arange(-reach, reach + 2)
    (rows, cols), (down, across) = window.swapaxes(0, 1), (window - positions[..., None]).swapaxes(0, 1)
    squares = (down**2)[:, :, None] + (across**2)[:, None, :]
    outside = [(pixels < 0) | (pixels >= size) for pixels, size in zip((rows, cols), shape, strict=True)]
    column, row, col = np.nonzero((squares < radius**2) & ~outside[0][:, :, None] & ~outside[1][:, None, :])
    pixel, square = rows[column, row] * shape[1] + cols[column, col], squares[column, row, col]
    least = np.full(len(owner), np.inf)
    np.minimum.at(least, pixel, square)
    nearest = square == least[pixel]
    owner[pixel[nearest]] = column[nearest]
    return owner


def measure(
    sample: int,
    columns: pd.DataFrame,
    image: npt.NDArray[np.floating],
    detected: npt.NDArray[np.floating],
    *,
    split: str,
    sampling_angstrom: float,
) -> pd.DataFrame:
    """Truth and intensities of one sample's columns.

    Parameters
    ----------
    columns : ``column``, ``row``, ``col`` (pixels of ``image``), one column of atom counts per element
    image : (rows, cols) the network's input: degraded and normalised
    detected : (rows, cols) the same before it is normalised, in fractions of the beam: what atom counting works on

    Returns
    -------
    one row per column: ``sample``, ``column``, ``row``, ``col``, ``split``, ``true_Pt`` .. ``true_Fe``,
    ``true_NiCoFe``, ``true_total``, ``peak_intensity`` and ``beam_fraction`` (image and detected at the column, by
    cubic interpolation), ``integrated_intensity`` (detected, square Angstrom), and detected by Gaussians
    (``heamap.evaluation.gaussians.with_gaussians``)
    """
    rows, cols = columns["row"].to_numpy(np.float64), columns["col"].to_numpy(np.float64)
    table = pd.DataFrame(
        {
            "sample": np.full(len(columns), sample, dtype=np.int32),
            "column": columns["column"].to_numpy(np.int32),
            "row": rows,
            "col": cols,
            "split": split,
        }
    )
    truth = with_sums(columns[list(ELEMENTS)].to_numpy()).astype(np.int16)
    table[[f"true_{target}" for target in TARGETS]] = truth
    for name, seen in (("peak_intensity", image), ("beam_fraction", detected)):
        table[name] = map_coordinates(seen.astype(np.float64), [rows, cols], order=3, mode="nearest")
    table["integrated_intensity"] = integrated_intensity(detected, rows, cols, sampling_angstrom=sampling_angstrom)
    return with_gaussians(table, detected, sampling_angstrom=sampling_angstrom)


def with_predictions(table: pd.DataFrame, counts: npt.ArrayLike) -> pd.DataFrame:
    """The table with ``pred_Pt`` .. ``pred_Fe``, ``pred_NiCoFe`` and ``pred_total`` added, unrounded atoms.

    Parameters
    ----------
    counts : (n, 5) predicted atoms, one row per row of ``table``

    Raises
    ------
    ValueError : as many counts as columns are needed
    """
    predicted = with_sums(counts)
    if len(predicted) != len(table):
        raise ValueError(f"{len(predicted)} predictions for {len(table)} columns")
    return table.assign(**{f"pred_{target}": predicted[:, index] for index, target in enumerate(TARGETS)})


def element_counts(table: pd.DataFrame, kind: str) -> FloatArray:
    """(n, 5) counts per element; ``kind`` is ``true`` or ``pred``."""
    return table[[f"{kind}_{symbol}" for symbol in ELEMENTS]].to_numpy(np.float64)


def by_count(table: pd.DataFrame) -> pd.DataFrame:
    """What was predicted for each true count: the curve behind Fig. 6 and the errors by count of Figs S4-S8.

    Returns
    -------
    ``target``, ``true``, ``columns``, ``predicted_mean``, ``predicted_low`` and ``predicted_high`` (10th and 90th
    percentiles), ``mae``
    """
    parts = []
    for target in TARGETS:
        true, predicted = table[f"true_{target}"], table[f"pred_{target}"]
        groups = predicted.groupby(true)
        part = pd.DataFrame(
            {
                "target": target,
                "columns": groups.size(),
                "predicted_mean": groups.mean(),
                "predicted_low": groups.quantile(0.1),
                "predicted_high": groups.quantile(0.9),
                "mae": (predicted - true).abs().groupby(true).mean(),
            }
        )
        part.insert(1, "true", part.index)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)
