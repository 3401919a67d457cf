"""Bins of the predicted total, each with enough columns of enough images to calibrate on."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt


def inner_edges(
    totals: npt.ArrayLike, images: npt.ArrayLike, *, most: int, least_columns: int, least_images: int
) -> tuple[float, ...]:
    """Edges between bins: equal numbers of columns first, then merged until each holds enough.

    The poorest bin joins its smaller neighbour. One bin is left where even all columns are too few.

    Parameters
    ----------
    totals : (n,) predicted atoms
    images : (n,) image of each column
    most : bins to start from
    least_columns, least_images : that each bin must hold

    Returns
    -------
    ascending, one less than bins; a total on an edge belongs above it
    """
    values, owners = np.asarray(totals, np.float64), np.asarray(images)
    start = max(1, min(most, values.size // least_columns))
    edges = np.unique(np.quantile(values, np.arange(1, start) / start)).tolist()
    while edges:
        place = bin_of(values, edges)
        columns = np.bincount(place, minlength=len(edges) + 1)
        seen = np.array([len(np.unique(owners[place == number])) for number in range(len(columns))])
        wealth = np.minimum(columns / least_columns, seen / least_images)
        poorest = int(wealth.argmin())
        if wealth[poorest] >= 1:
            break
        neighbours = [number for number in (poorest - 1, poorest + 1) if 0 <= number < len(columns)]
        smaller = min(neighbours, key=lambda number: columns[number])
        del edges[min(poorest, smaller)]
    return tuple(edges)


def bin_of(totals: npt.ArrayLike, edges: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """(n,) number of the bin that each total lies in, from 0."""
    return np.searchsorted(np.asarray(edges, np.float64), np.asarray(totals, np.float64), side="right").astype(np.int64)


def bin_names(edges: tuple[float, ...]) -> tuple[str, ...]:
    """How a table calls the bins, in atoms: ``below 8.2``, ``8.2 to 15.1``, ``15.1 and more``."""
    if not edges:
        return ("all",)
    between = (f"{low:.1f} to {high:.1f}" for low, high in pairwise(edges))
    return (f"below {edges[0]:.1f}", *between, f"{edges[-1]:.1f} and more")
