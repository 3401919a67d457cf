"""Bounds over columns of many totals."""

import numpy as np
import numpy.typing as npt
import pandas as pd


def pool(table: pd.DataFrame, totals: npt.ArrayLike) -> pd.DataFrame:
    """Bounds over columns of many totals, each known: what a test split can be compared with.

    MMSE, variance and shares are interpolated linearly between tabulated totals. R2 counts the variance of the totals
    too, most of which any estimate explains that knows them; skill does not.

    Parameters
    ----------
    table : from ``heamap.evaluation.bounds.tabulate``
    totals : (n,) of the columns

    Returns
    -------
    one row per dose and element, with ``mmse``, ``r2``, ``skill``, ``exact_share``, ``prior_share``,
    ``standard_error`` of ``mmse``, ``exact_share_error`` and ``converged``, whether every total that counts is

    Raises
    ------
    ValueError : a total lies outside the tabulated ones, or there is none
    """
    known, atoms = np.unique(table["total"]), np.asarray(totals, np.float64)
    if not atoms.size or atoms.min() < known[0] or atoms.max() > known[-1]:
        reach = f"{atoms.min():g} to {atoms.max():g}" if atoms.size else "none"
        raise ValueError(f"totals are tabulated from {known[0]} to {known[-1]}, asked for {reach}")
    weights = np.array([np.interp(atoms, known, each).mean() for each in np.eye(len(known))])
    keys = ["dose_per_square_angstrom", "element"]
    parts = []
    for place, rows in table.groupby(keys, sort=False):
        ordered = rows.sort_values("total")
        mean, variance, mmse = (ordered[name].to_numpy() for name in ("mean", "variance", "mmse"))
        between = (mean[-1] / known[-1]) ** 2 * atoms.var()
        within = weights @ variance
        whole = within + between
        parts.append(
            {
                **dict(zip(keys, place, strict=True)),
                "mmse": weights @ mmse,
                "r2": 1 - weights @ mmse / whole if whole > 0 else np.nan,
                "skill": 1 - weights @ mmse / within if within > 0 else np.nan,
                "exact_share": weights @ ordered["exact_share"].to_numpy(),
                "prior_share": weights @ ordered["prior_share"].to_numpy(),
                "standard_error": np.sqrt(weights**2 @ ordered["standard_error"].to_numpy() ** 2),
                "exact_share_error": np.sqrt(weights**2 @ ordered["exact_share_error"].to_numpy() ** 2),
                "converged": bool(ordered["converged"].to_numpy()[weights > 0].all()),
            }
        )
    return pd.DataFrame(parts)
