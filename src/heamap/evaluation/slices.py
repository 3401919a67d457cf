"""The test table cut into slices, each scored on its own: where a model is good, and where not."""

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import ConvexHull

from heamap.evaluation import metrics
from heamap.evaluation.targets import TARGETS, FloatArray

LEVEL = 0.95
"""Share of the resamples inside an interval."""

TOTAL_EDGES = (1, 6, 11, 16, 21, math.inf)

# The outermost row of columns, the next two or three, and what lies deeper: rows are 1.3 to 2.3 Angstrom apart.
EDGE_DISTANCE_EDGES_ANGSTROM = (0, 1.2, 5, 10, math.inf)

THIRDS = ("low", "middle", "high")


def edge_distances_angstrom(
    positions: npt.ArrayLike, particle: npt.ArrayLike, *, sampling_angstrom: float
) -> FloatArray:
    """Distance of columns from the edge of their particle: from the convex hull of all its columns.

    Parameters
    ----------
    positions : (n, 2) row and column, in pixels
    particle : (m, 2) of every column of the particle, those beyond the field too, as the field's border is no edge

    Returns
    -------
    (n,) 0 on the hull; 0 throughout for a particle whose columns lie on one line
    """
    places, corners = np.reshape(positions, (-1, 2)), np.reshape(particle, (-1, 2)).astype(np.float64)
    if np.linalg.matrix_rank(corners - corners[:1], tol=1e-9) < 2:
        return np.zeros(len(places))
    # Each side of the hull is a line, normal . place + offset = 0, negative inside.
    sides = ConvexHull(corners).equations
    outward = places @ sides[:, :2].T + sides[:, 2]
    return np.asarray(np.maximum(-outward.max(axis=1), 0.0) * sampling_angstrom)


def bins(values: npt.ArrayLike, edges: Sequence[float]) -> pd.Categorical:
    """Slices by a number of each column: ``low`` <= value < ``high`` for neighbouring edges.

    Parameters
    ----------
    values : (n,)
    edges : ascending; the last may be infinite

    Returns
    -------
    (n,) slices named ``"1 to 6"``, ``"21 and more"``; none outside the edges
    """
    names = [f"{low:g} and more" if math.isinf(high) else f"{low:g} to {high:g}" for low, high in pairwise(edges)]
    return pd.Categorical(pd.cut(np.asarray(values, np.float64), list(edges), right=False, labels=names))


def thirds(values: pd.Series) -> pd.Series:
    """Slices of images by a setting: a third of the images each, equal values in the same slice.

    Parameters
    ----------
    values : one number per image

    Returns
    -------
    ``"low 1e+05 to 1.9e+05"`` and so on, with the smallest and the largest value in the slice; no slice for NaN
    """
    numbers = values.to_numpy(np.float64)
    known = np.isfinite(numbers)
    third = np.searchsorted(np.quantile(numbers[known], [1 / 3, 2 / 3]), numbers[known])
    present, code = np.unique(third, return_inverse=True)
    members = [numbers[known][code == number] for number in range(len(present))]
    names = [f"{THIRDS[third]} {own.min():.3g} to {own.max():.3g}" for third, own in zip(present, members, strict=True)]
    codes = np.full(len(numbers), -1, dtype=np.int64)
    codes[known] = code
    return pd.Series(pd.Categorical.from_codes(codes, pd.Index(names)), index=values.index)


def cuts(table: pd.DataFrame, images: pd.DataFrame) -> dict[str, pd.Categorical]:
    """The cuts of the report: by total, by distance from the edge, and by what is known of each image.

    Parameters
    ----------
    table : ``sample``, ``true_total``, ``edge_distance_angstrom``
    images : indexed by sample, one column a cut: names (the chemistry model) make a slice each, numbers (dose and
        microscope settings) make thirds of the table's images

    Returns
    -------
    name of the cut -> (n,) slices

    Raises
    ------
    ValueError : a sample of the table is not among the images
    """
    present = np.unique(table["sample"].to_numpy())
    strangers = np.setdiff1d(present, images.index.to_numpy())
    if strangers.size:
        raise ValueError(f"nothing is known of the images {strangers.tolist()}")
    found = {
        "total": bins(table["true_total"], TOTAL_EDGES),
        "edge_distance_angstrom": bins(table["edge_distance_angstrom"], EDGE_DISTANCE_EDGES_ANGSTROM),
    }
    for name, values in images.loc[present].items():
        slices = thirds(values) if pd.api.types.is_numeric_dtype(values) else values.astype("category")
        found[str(name)] = pd.Categorical(slices.loc[table["sample"].to_numpy()])
    return found


def score(
    table: pd.DataFrame,
    yardsticks: Mapping[str, Mapping[str, FloatArray]],
    labels: Mapping[str, pd.Categorical],
    *,
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """R2, MAE, error shares and skill of every slice, with bootstrap intervals over its images.

    R2 compares with the spread inside the slice: a narrow slice has a small one, which MAE and skill do not mind.

    Parameters
    ----------
    table : ``sample``, ``true_`` and ``pred_`` counts
    yardsticks : target -> name -> (n,) atoms, as ``heamap.evaluation.yardsticks``
    labels : name of a cut -> (n,) slices; columns without one are left out of the cut

    Returns
    -------
    strict JSON: cut -> slice -> ``columns``, ``images`` and ``targets``: target -> ``r2``, ``mae``, ``error_shares``
    (0, 1, 2, 3, more) and ``skill`` by yardstick, each ``{"value", "low", "high"}``, null where undefined and without
    ends in a slice of one image
    """
    return {
        cut: {
            str(name): _slice(table, yardsticks, np.asarray(slices == name), resamples, rng)
            for name in slices.categories
            if (slices == name).any()
        }
        for cut, slices in labels.items()
    }


def as_table(scores: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """One row per cut, slice and target, from ``score``: ``cut``, ``slice``, ``target``, ``columns``, ``images``, and
    ``r2``, ``mae``, ``share_`` of each error and ``skill_`` of each yardstick with their ``_low`` and ``_high``."""
    rows = []
    for cut, slices in scores.items():
        for name, found in slices.items():
            for target, measured in found["targets"].items():
                flat = {"r2": measured["r2"], "mae": measured["mae"]}
                flat |= {f"share_{error}": share for error, share in measured["error_shares"].items()}
                flat |= {f"skill_{rival}": skill for rival, skill in measured["skill"].items()}
                row: dict[Hashable, Any] = {"cut": cut, "slice": name, "target": target}
                row |= {"columns": found["columns"], "images": found["images"]}
                for score_name, interval in flat.items():
                    row |= {score_name: interval["value"]}
                    row |= {f"{score_name}_{end}": interval[end] for end in ("low", "high")}
                rows.append(row)
    return pd.DataFrame(rows)


def _slice(
    table: pd.DataFrame,
    yardsticks: Mapping[str, Mapping[str, FloatArray]],
    inside: npt.NDArray[np.bool_],
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    images = table["sample"].to_numpy()[inside]
    number = len(np.unique(images))
    weights = metrics.bootstrap_weights(number, resamples, rng)

    truth = {target: table[f"true_{target}"].to_numpy()[inside] for target in TARGETS}

    def sums(target: str, guess: npt.ArrayLike) -> metrics.Sums:
        return metrics.image_sums(images, truth[target], np.asarray(guess)[inside])

    def interval(found: metrics.Estimate) -> dict[str, float | None]:
        # One image drawn over and over has no spread, which would pass for certainty.
        ends = (found.low, found.high) if number > 1 else (math.nan, math.nan)
        return dict(zip(("value", "low", "high"), map(_number, (found.value, *ends)), strict=True))

    def estimate(statistic: Callable[..., FloatArray], *parts: metrics.Sums) -> dict[str, float | None]:
        return interval(metrics.estimate(statistic, *parts, weights=weights, level=LEVEL))

    targets = {}
    for target in TARGETS:
        predicted = table[f"pred_{target}"].to_numpy()
        model = sums(target, predicted)
        shares = metrics.share_estimates(images, truth[target], predicted[inside], weights=weights, level=LEVEL)
        targets[target] = {
            "r2": estimate(lambda part: part.r2, model),
            "mae": estimate(lambda part: part.mae, model),
            "error_shares": {name: interval(share) for name, share in shares.items()},
            "skill": {
                name: estimate(metrics.Sums.skill_over, model, sums(target, guess))
                for name, guess in yardsticks[target].items()
            },
        }
    return {"columns": int(inside.sum()), "images": number, "targets": targets}


def _number(value: float) -> float | None:
    # JSON has no NaN.
    return float(value) if math.isfinite(value) else None
