"""Prediction intervals of column counts, calibrated on images that the model has not learnt from.

Split-conformal intervals (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; Lei et al., J. Am.
Stat. Assoc. 113 (2018) 1094) in Mondrian bins of the predicted total, with one quantile of the signed residuals on
either side; within a bin residuals grow as a power of the total. They hold for exchangeable columns. Columns of one
image share its dose, focus and composition, so an image that was not calibrated on errs as a whole; the intervals are
therefore stretched until each calibration image, left out in turn, is covered by the others as often as promised.
``benchmarks/interval_methods.py`` compares this with other ways.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from heamap.errors import InputError
from heamap.evaluation.residual_ends import LEAST_IMAGES, new_image_ends
from heamap.evaluation.targets import TARGETS, FloatArray, with_sums
from heamap.evaluation.total_bins import bin_names, bin_of, inner_edges

LEVEL = 0.9
LEAST_COLUMNS = 200
"""In each bin."""
MOST_BINS = 6

_GROWTH_GROUPS = 10
_LEAST_RESIDUAL_ATOMS = 0.01
_DECIMALS = 4


@dataclass(frozen=True)
class Intervals:
    """How far the true count may lie from the predicted one, by target and bin of the predicted total T.

    The ends are predicted + low x max(T, 1)^growth and predicted + high x max(T, 1)^growth.

    Attributes
    ----------
    level : share of the columns of an unseen image that lie inside, on average over images
    edges : atoms of predicted total between bins
    totals : smallest and largest predicted total calibrated on, in atoms
    growth : (7 targets) power of the predicted total; the order of ``TARGETS``
    low, high : (7 targets, bins) atoms
    stretch : (7 targets, bins) how much wider than for exchangeable columns, 1 or more
    images, columns : calibrated on
    """

    level: float
    edges: tuple[float, ...]
    totals: tuple[float, float]
    growth: tuple[float, ...]
    low: tuple[tuple[float, ...], ...]
    high: tuple[tuple[float, ...], ...]
    stretch: tuple[tuple[float, ...], ...]
    images: int
    columns: int

    def around(self, counts: npt.ArrayLike, totals: npt.ArrayLike | None = None) -> tuple[FloatArray, FloatArray]:
        """Ends of the intervals of predicted counts.

        Parameters
        ----------
        counts : (n, 5) predicted atoms, unrounded
        totals : (n,) predicted atoms that choose the bin; the sum of the counts by default

        Returns
        -------
        low, high : (n, 7) atoms in the order of ``TARGETS``, real numbers, never negative (``whole_ends`` for tables)
        """
        predicted = with_sums(counts)
        chosen = predicted[:, -1] if totals is None else np.asarray(totals, np.float64)
        place, scale = bin_of(chosen, self.edges), _scale(chosen, self.growth)
        low, high = (predicted + np.asarray(ends)[:, place].T * scale for ends in (self.low, self.high))
        return np.maximum(low, 0.0), np.maximum(high, 0.0)

    def outside(self, totals: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """(n,) predicted totals below or above all that were calibrated on: the intervals promise nothing there."""
        values = np.asarray(totals, np.float64)
        return (values < self.totals[0]) | (values > self.totals[1])

    def names(self, totals: npt.ArrayLike) -> npt.NDArray[np.str_]:
        """(n,) name of the bin of each predicted total, for a report by slice."""
        return np.asarray(bin_names(self.edges))[bin_of(totals, self.edges)]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; ``from_dict`` gives the intervals back."""
        return {
            "level": self.level,
            "targets": list(TARGETS),
            "edges": list(self.edges),
            "totals": list(self.totals),
            "growth": list(self.growth),
            **{name: [list(row) for row in getattr(self, name)] for name in ("low", "high", "stretch")},
            "images": self.images,
            "columns": self.columns,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what ``to_dict`` wrote.

        Raises
        ------
        InputError : a key is missing, targets are others, or the shapes do not fit
        """
        try:
            found = cls(
                level=float(values["level"]),
                edges=tuple(float(edge) for edge in values["edges"]),
                totals=(float(values["totals"][0]), float(values["totals"][1])),
                growth=tuple(float(power) for power in values["growth"]),
                low=_rows(values["low"]),
                high=_rows(values["high"]),
                stretch=_rows(values["stretch"]),
                images=int(values["images"]),
                columns=int(values["columns"]),
            )
        except (KeyError, IndexError, TypeError, ValueError) as fault:
            raise InputError(f"intervals: not as heamap writes them ({fault!r}); calibrate the model again") from None
        if list(values.get("targets", [])) != list(TARGETS):
            raise InputError(f"intervals: targets must be {list(TARGETS)}, got {values.get('targets')}")
        shape = (len(TARGETS), len(found.edges) + 1)
        if len(found.growth) != shape[0]:
            raise InputError(f"intervals: growth must be of {shape[0]} targets, got {len(found.growth)}")
        for name in ("low", "high", "stretch"):
            rows = getattr(found, name)
            if len(rows) != shape[0] or any(len(row) != shape[1] for row in rows):
                raise InputError(f"intervals: {name} must be {shape[0]} targets x {shape[1]} bins")
        return found


def calibrate(
    images: npt.ArrayLike,
    true: npt.ArrayLike,
    predicted: npt.ArrayLike,
    predicted_total: npt.ArrayLike | None = None,
    *,
    level: float = LEVEL,
) -> Intervals:
    """Calibrate intervals on columns of images that neither trained nor chose the model.

    Parameters
    ----------
    images : (n,) image of each column
    true, predicted : (n, 5) atoms
    predicted_total : (n,) atoms that choose the bin; the sum of ``predicted`` by default
    level : wanted share of covered columns

    Raises
    ------
    ValueError : shapes differ, a value is not finite, or there are too few images or columns
    """
    owners, guess = np.asarray(images), with_sums(predicted)
    residuals = with_sums(true) - guess if np.shape(true) == np.shape(predicted) else np.empty(0)
    totals = guess[:, -1] if predicted_total is None else np.asarray(predicted_total, np.float64)
    if len(residuals) != len(guess) or not owners.shape == totals.shape == (len(guess),):
        raise ValueError(
            f"images, true, predicted and predicted_total disagree: {owners.shape}, {np.shape(true)}, "
            f"{np.shape(predicted)}, {totals.shape}"
        )
    if not (np.isfinite(residuals).all() and np.isfinite(totals).all()):
        raise ValueError("true and predicted counts must be finite")
    edges = inner_edges(totals, owners, most=MOST_BINS, least_columns=LEAST_COLUMNS, least_images=LEAST_IMAGES)
    place = bin_of(totals, edges)
    growth = tuple(_growth(totals, part) for part in residuals.T)
    scaled = residuals / _scale(totals, growth)
    members = [place == number for number in range(len(edges) + 1)]
    ends = np.array(
        [[new_image_ends(owners[inside], part[inside], level) for inside in members] for part in scaled.T]
    ).round(_DECIMALS)
    return Intervals(
        level=level,
        edges=edges,
        totals=(float(totals.min()), float(totals.max())),
        growth=growth,
        low=_rows(ends[..., 0]),
        high=_rows(ends[..., 1]),
        stretch=_rows(ends[..., 2]),
        images=len(np.unique(owners)),
        columns=len(owners),
    )


def whole_ends(low: npt.ArrayLike, high: npt.ArrayLike) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Smallest and largest whole number of atoms inside each interval, as a table prints it.

    Counts are whole, so nothing is lost. An interval between two whole numbers becomes the one nearest to its middle.
    """
    ends = np.asarray(low, np.float64), np.asarray(high, np.float64)
    first, last = np.ceil(ends[0]), np.floor(ends[1])
    nearest = np.rint((ends[0] + ends[1]) / 2)
    empty = first > last
    return np.where(empty, nearest, first).astype(np.int64), np.where(empty, nearest, last).astype(np.int64)


def _scale(totals: FloatArray, growth: tuple[float, ...]) -> FloatArray:
    """(n, 7) atoms that residuals are measured in."""
    return np.maximum(totals, 1.0)[:, None] ** np.asarray(growth)


def _growth(totals: FloatArray, residuals: FloatArray) -> float:
    """Power of the total that the mean absolute residual follows, from 0 to 1, by a line through logarithms."""
    groups = np.array_split(np.argsort(totals, kind="stable"), _GROWTH_GROUPS)
    total = np.log([max(float(totals[group].mean()), 1.0) for group in groups])
    size = np.log([max(float(np.abs(residuals[group]).mean()), _LEAST_RESIDUAL_ATOMS) for group in groups])
    away = total - total.mean()
    spread = float(away @ away)
    return round(float(np.clip(away @ size / spread, 0.0, 1.0)), _DECIMALS) if spread > 0 else 0.0


def _rows(values: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in values)
