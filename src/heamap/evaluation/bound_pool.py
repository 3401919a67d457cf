"""Bounds over columns of many totals."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd


def pool(table: pd.DataFrame, totals: npt.ArrayLike, left_open: Mapping[str, float]) -> pd.DataFrame:
    """Bounds over columns of many totals, each known: what a test split can be compared with.

    MMSE, variance and shares are interpolated linearly between tabulated totals. Skill is the share that the bound
    explains of what total and composition leave open. R2 is of the split's own columns, whose counts also vary with
    their totals and with the compositions of their images, both known to the bound: 1 - R2 is 1 - skill times the
    share of the variance that total and composition leave open.

    Parameters
    ----------
    table : from ``heamap.evaluation.bounds.tabulate``
    totals : (n,) of the columns
    left_open : of each element, the share of the variance of the columns' counts that their total times the
        composition of their image does not explain; an element that is missing has no R2

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
        variance, mmse = (ordered[name].to_numpy() for name in ("variance", "mmse"))
        within = weights @ variance
        skill = 1 - weights @ mmse / within if within > 0 else np.nan
        parts.append(
            {
                **dict(zip(keys, place, strict=True)),
                "mmse": weights @ mmse,
                "r2": 1 - (1 - skill) * left_open.get(str(ordered["element"].iloc[0]), np.nan),
                "skill": skill,
                "exact_share": weights @ ordered["exact_share"].to_numpy(),
                "prior_share": weights @ ordered["prior_share"].to_numpy(),
                "standard_error": np.sqrt(weights**2 @ ordered["standard_error"].to_numpy() ** 2),
                "exact_share_error": np.sqrt(weights**2 @ ordered["exact_share_error"].to_numpy() ** 2),
                "converged": bool(ordered["converged"].to_numpy()[weights > 0].all()),
            }
        )
    return pd.DataFrame(parts)
