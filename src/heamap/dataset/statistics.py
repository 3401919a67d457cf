"""What validation looks at: one row of statistics per image, and one row per column."""

import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.spatial import KDTree

from heamap.dataset.store import Dataset, array_hash
from heamap.elements import ELEMENTS

# The clean image has no source size; this little blur removes the ripples of its Fourier interpolation.
SMOOTHING_ANGSTROM = 0.35
# Under half of the nearest distance of [110] columns (.612 a = 2.27 Angstrom): no column hides its neighbour.
EXCLUSION_ANGSTROM = 1.0
# Aberrations move a column's brightest point; this is a third of the way to the neighbour.
TOLERANCE_ANGSTROM = 0.75
# One atom of iron is about a hundredth of a thick column that is rich in platinum (Z^1.7).
THRESHOLD = 0.01
BRIGHT_PERCENTILE = 99.5


def local_maxima(image: npt.NDArray[np.floating], *, sampling_angstrom: float) -> npt.NDArray[np.int64]:
    """Column-like maxima of an image.

    A maximum is the brightest pixel within 1 Angstrom of the image smoothed by a Gaussian of .35 Angstrom, at least
    1 % of the way from the darkest pixel to the 99.5th percentile.

    Parameters
    ----------
    image : (rows, cols) finite

    Returns
    -------
    (n, 2) row and column of each maximum
    """
    smooth = gaussian_filter(image.astype(np.float64), SMOOTHING_ANGSTROM / sampling_angstrom, mode="nearest")
    reach = math.floor(EXCLUSION_ANGSTROM / sampling_angstrom)
    offsets = np.arange(-reach, reach + 1)
    disc = offsets[:, None] ** 2 + offsets[None, :] ** 2 <= (EXCLUSION_ANGSTROM / sampling_angstrom) ** 2
    low, bright = smooth.min(), np.percentile(smooth, BRIGHT_PERCENTILE)
    peaks = (smooth == maximum_filter(smooth, footprint=disc, mode="nearest")) & (
        smooth > low + THRESHOLD * (bright - low)
    )
    return np.argwhere(peaks)


def match_columns(
    maxima: npt.NDArray[np.integer], listed: npt.NDArray[np.floating], *, sampling_angstrom: float
) -> tuple[int, int]:
    """How many listed columns show, and how many maxima are no column.

    Parameters
    ----------
    maxima : (m, 2) pixels
    listed : (n, 2) row and column, pixels

    Returns
    -------
    matched : listed columns with a maximum within .75 Angstrom
    stray : maxima without a listed column within .75 Angstrom
    """
    if not len(maxima) or not len(listed):
        return 0, len(maxima)
    reach = TOLERANCE_ANGSTROM / sampling_angstrom
    to_maximum = np.asarray(KDTree(maxima).query(listed)[0])
    to_column = np.asarray(KDTree(listed).query(maxima)[0])
    return int((to_maximum <= reach).sum()), int((to_column > reach).sum())


def image_statistics(image: npt.NDArray[np.float32]) -> dict[str, Any]:
    """Statistics of an image's intensities, in fractions of the incident beam; contrast is deviation over mean.

    Parameters
    ----------
    image : (rows, cols); pixels that are not finite are counted and left out of the rest
    """
    finite = np.isfinite(image)
    values = image[finite].astype(np.float64)
    if not values.size:
        return {"finite_share": 0.0} | dict.fromkeys(("minimum", "maximum", "mean", "contrast"), math.nan)
    mean = float(values.mean())
    return {
        "finite_share": float(finite.mean()),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
        "mean": mean,
        "contrast": float(values.std() / mean) if mean else math.nan,
    }


def nearest_angstrom(columns: pd.DataFrame, *, sampling_angstrom: float) -> npt.NDArray[np.float64]:
    """(n,) distance of each column to its nearest neighbour in the image plane; NaN for a lone column."""
    positions = columns[["row", "col"]].to_numpy(np.float64)
    if len(positions) < 2:
        return np.full(len(positions), np.nan)
    distances = np.asarray(KDTree(positions).query(positions, k=2)[0], dtype=np.float64)
    return distances[:, 1] * sampling_angstrom


def nearest_column_angstrom(dataset: Dataset, *, sampling_angstrom: float) -> float:
    """Distance of neighbouring columns in the closest training lattice.

    The median of a particle is its lattice's distance; single pairs are displaced.
    """
    particles = (dataset.columns(int(sample), in_field=False) for sample in dataset.split("train"))
    return float(min(np.median(nearest_angstrom(part, sampling_angstrom=sampling_angstrom)) for part in particles))


def sample_table(dataset: Dataset, *, sampling_angstrom: float) -> pd.DataFrame:
    """One row per image: identity, intensities, geometry, columns found against listed, counts, composition.

    Returns
    -------
    sample, name, split, chemistry, structure_hash, image_hash; splits_of_structure (how many splits hold this
    structure); engine, relative_error (of the simulation); hash_agrees (of the stored pixels); finite_share, minimum,
    maximum, mean, contrast (intensities); field_angstrom; spacing_angstrom (median distance of nearest columns);
    columns_listed, matched_share, stray_share; total_minimum, total_maximum, total_mean (atoms in a column);
    atoms_uncounted (atoms of the particle that are in no column); fraction_Pt .. fraction_Fe and fraction_sum
    """
    samples = dataset.samples.assign(
        splits_of_structure=dataset.samples.groupby("structure_hash")["split"].transform("nunique")
    )
    kept = ["name", "split", "chemistry", "structure_hash", "image_hash", "splits_of_structure"]
    kept += ["engine", "relative_error"]
    return pd.DataFrame(
        [
            {"sample": sample}
            | {name: stored[name] for name in kept}
            | _measurements(dataset, sample, stored, sampling_angstrom)
            for sample, stored in zip(samples.index.tolist(), samples.to_dict("records"), strict=True)
        ]
    )


def _measurements(
    dataset: Dataset, sample: int, stored: Mapping[Hashable, Any], sampling_angstrom: float
) -> dict[str, Any]:
    image = dataset.image(sample)
    everywhere = dataset.columns(sample, in_field=False)
    listed = everywhere[everywhere["in_field"]]
    fractions = {f"fraction_{symbol}": float(stored[f"fraction_{symbol}"]) for symbol in ELEMENTS}
    maxima = local_maxima(np.nan_to_num(image), sampling_angstrom=sampling_angstrom)
    matched, _ = match_columns(maxima, listed[["row", "col"]].to_numpy(np.float64), sampling_angstrom=sampling_angstrom)
    # A column just outside the field still shows its flank, so strays are judged by every column of the particle.
    _, stray = match_columns(
        maxima, everywhere[["row", "col"]].to_numpy(np.float64), sampling_angstrom=sampling_angstrom
    )
    return {
        "hash_agrees": array_hash(image) == stored["image_hash"],
        **image_statistics(image),
        "field_angstrom": image.shape[0] * sampling_angstrom,
        "spacing_angstrom": float(np.median(nearest_angstrom(everywhere, sampling_angstrom=sampling_angstrom))),
        "columns_listed": len(listed),
        "matched_share": matched / len(listed) if len(listed) else math.nan,
        "stray_share": stray / len(maxima) if len(maxima) else 0.0,
        "total_minimum": int(everywhere["total"].min()),
        "total_maximum": int(everywhere["total"].max()),
        "total_mean": float(everywhere["total"].mean()),
        "atoms_uncounted": int(stored["n_atoms"]) - int(everywhere["total"].sum()),
        **fractions,
        "fraction_sum": sum(fractions.values()),
    }


def column_table(dataset: Dataset, *, sampling_angstrom: float) -> pd.DataFrame:
    """One row per column of every particle.

    Returns
    -------
    sample, column, row, col, Pt .. Fe, total; element_sum; order_agrees (the order along the beam holds exactly the
    counted atoms); field_agrees (in_field says what the position says); nearest_angstrom
    """
    return pd.concat(
        [_column_rows(dataset, sample, sampling_angstrom) for sample in dataset.samples.index.tolist()],
        ignore_index=True,
    )


def _column_rows(dataset: Dataset, sample: int, sampling_angstrom: float) -> pd.DataFrame:
    columns = dataset.columns(sample, in_field=False)
    counts = columns[list(ELEMENTS)].to_numpy(np.int64)
    spelled = np.array([[order.count(str(index)) for index in range(len(ELEMENTS))] for order in columns["order"]])
    positions = columns[["row", "col"]].to_numpy(np.float64)
    inside = ((positions >= 0) & (positions <= dataset.pixels - 1)).all(axis=1)
    return columns[["sample", "column", "row", "col", *ELEMENTS, "total"]].assign(
        element_sum=counts.sum(axis=1),
        order_agrees=(spelled == counts).all(axis=1) & (columns["order"].str.len() == counts.sum(axis=1)),
        field_agrees=inside == columns["in_field"].to_numpy(bool),
        nearest_angstrom=nearest_angstrom(columns, sampling_angstrom=sampling_angstrom),
    )
