"""How far predictions move when a particle is edited, against how far they should.

A network that reads nothing but the thickness stays where it is when elements are swapped. One that guesses well where
the image cannot tell moves less than the truth: a response below 1 is also what the best possible guess has.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from heamap.evaluation.metrics import bootstrap_weights
from heamap.evaluation.targets import TARGETS, FloatArray, with_sums
from heamap.structures.edits import SWAP_FE_NI, SWAP_PT_NI

DOSE, NOISE = "dose", "noise"
"""Changes of the exposure alone: twice the dose; the same exposure once more."""

LEVEL = 0.95
"""Share of the resamples inside an interval."""

FEWEST = 4
"""Particles that an interval needs: of three or fewer, one drawn over and over is more than 1 - ``LEVEL`` of the
resamples, so that the ends would be no more than the particles themselves, and of one they would pass for certainty."""


@dataclass(frozen=True)
class _Sums:
    """Sums over columns, (..., targets): one entry per particle or per resample of the particles.

    ``true`` and ``predicted`` are the changes.
    """

    columns: FloatArray
    true_squared: FloatArray
    product: FloatArray
    predicted_squared: FloatArray
    predicted_absolute: FloatArray

    @property
    def response(self) -> FloatArray:
        """Slope through the origin of the predicted on the true change; NaN where nothing should move."""
        return self.product / np.where(self.true_squared > 0, self.true_squared, np.nan)

    @property
    def true_rms(self) -> FloatArray:
        return np.sqrt(self.true_squared / self.columns)

    @property
    def predicted_rms(self) -> FloatArray:
        return np.sqrt(self.predicted_squared / self.columns)

    @property
    def predicted_mean_absolute(self) -> FloatArray:
        return self.predicted_absolute / self.columns


def changes(
    sample: int,
    edit: str,
    columns: npt.ArrayLike,
    *,
    true: tuple[npt.ArrayLike, npt.ArrayLike],
    predicted: tuple[npt.ArrayLike, npt.ArrayLike],
) -> pd.DataFrame:
    """True and predicted changes of every target in one particle's columns.

    Parameters
    ----------
    columns : (n,) column numbers
    true, predicted : counts (n, 5) before and after the edit, of the same columns

    Returns
    -------
    one row a column: ``sample``, ``edit``, ``column``, and ``true_`` and ``pred_`` of each target, after - before

    Raises
    ------
    ValueError : as many counts as columns are needed, five each
    """
    numbers = np.asarray(columns)
    moved: dict[str, FloatArray] = {}
    for kind, (before, after) in (("true", true), ("pred", predicted)):
        first, second = with_sums(before), with_sums(after)
        if not len(first) == len(second) == len(numbers):
            raise ValueError(f"{len(numbers)} columns, but {len(first)} and {len(second)} {kind} counts")
        moved |= {f"{kind}_{target}": (second - first)[:, index] for index, target in enumerate(TARGETS)}
    return pd.DataFrame({"sample": sample, "edit": edit, "column": numbers, **moved})


def score(table: pd.DataFrame, *, resamples: int, rng: np.random.Generator) -> dict[str, Any]:
    """Score the changes of every edit.

    Parameters
    ----------
    table : rows of :func:`changes`, the same columns for every edit; the edit ``NOISE`` is the noise floor
    resamples : bootstrap resamples of the particles behind each interval

    Returns
    -------
    strict JSON. An interval is ``{"value", "low", "high"}``, null where undefined; fewer than ``FEWEST`` particles have
    no ends.

    * ``particles``, ``columns``: how many were edited
    * ``interval``: ``level``, ``resamples``, ``over`` and ``fewest``, the particles that ends need
    * ``noise_floor[target]``: ``rms`` and ``mean_absolute`` movement between two exposures of the same particle that
      differ in nothing but noise, in atoms
    * ``edits[edit][target]``: ``true_rms`` and ``predicted_rms`` change, in atoms; ``response``, the slope through
      the origin of the predicted on the true change (1: all of it is seen, 0: nothing); ``spurious``, the mean
      absolute predicted change in atoms of a target that does not change in any column

    Raises
    ------
    ValueError : there is no ``NOISE``
    """
    if NOISE not in set(table["edit"]):
        raise ValueError(f"the changes hold no {NOISE!r}, only {sorted(set(table['edit']))}")
    particles = np.unique(table["sample"])
    weights = bootstrap_weights(len(particles), resamples, rng)
    edits, floor = {}, {}
    for name, rows in table.groupby("edit", sort=False):
        parts = _sums(rows, particles)
        found = {
            quantity: _intervals(parts, quantity, weights)
            for quantity in ("true_rms", "predicted_rms", "response", "predicted_mean_absolute")
        }
        if name == NOISE:
            for target in TARGETS:
                rms, mean = found["predicted_rms"][target], found["predicted_mean_absolute"][target]
                floor[target] = {"rms": rms, "mean_absolute": mean}
            continue
        edits[str(name)] = {
            target: {
                "true_rms": found["true_rms"][target],
                "predicted_rms": found["predicted_rms"][target],
                "response": found["response"][target],
                "spurious": _nothing() if rows[f"true_{target}"].any() else found["predicted_mean_absolute"][target],
            }
            for target in TARGETS
        }
    return {
        "particles": len(particles),
        "columns": int((table["edit"] == NOISE).sum()),
        "interval": {"level": LEVEL, "resamples": resamples, "over": "particles", "fewest": FEWEST},
        "noise_floor": floor,
        "edits": edits,
    }


def as_table(report: Mapping[str, Any]) -> pd.DataFrame:
    """One row per edit and target, from :func:`score`: ``edit``, ``target``, each quantity with its ``_low`` and
    ``_high``, and ``noise_rms`` and ``noise_mean_absolute`` to compare ``predicted_rms`` and ``spurious`` with."""
    rows = []
    for edit, targets in report["edits"].items():
        for target, found in targets.items():
            row: dict[str, Any] = {"edit": edit, "target": target}
            for quantity, interval in found.items():
                row |= {quantity: interval["value"]} | {f"{quantity}_{end}": interval[end] for end in ("low", "high")}
            floor = report["noise_floor"][target]
            row |= {f"noise_{quantity}": interval["value"] for quantity, interval in floor.items()}
            rows.append(row)
    frame = pd.DataFrame(rows)
    numbers = frame.columns.difference(["edit", "target"])
    return frame.astype(dict.fromkeys(numbers, np.float64))


def responses(report: Mapping[str, Any]) -> dict[str, float | None]:
    """``response_Pt`` where Pt and Ni are swapped and ``response_Fe`` where Fe and Ni are, from :func:`score`: the
    element that the image shows best, and one that it hardly tells from its neighbours."""
    asked = {"Pt": SWAP_PT_NI, "Fe": SWAP_FE_NI}
    return {f"response_{name}": report["edits"][edit][name]["response"]["value"] for name, edit in asked.items()}


def _sums(rows: pd.DataFrame, particles: npt.NDArray[Any]) -> _Sums:
    kinds = ("true", "pred")
    true, predicted = (rows[[f"{kind}_{target}" for target in TARGETS]].to_numpy(np.float64) for kind in kinds)
    owner = rows["sample"].to_numpy()[None, :] == particles[:, None]
    member = owner.astype(np.float64)
    return _Sums(
        np.repeat(member.sum(axis=1)[:, None], len(TARGETS), axis=1),
        *(member @ term for term in (true**2, true * predicted, predicted**2, np.abs(predicted))),
    )


def _intervals(parts: _Sums, quantity: str, weights: npt.NDArray[np.int64]) -> dict[str, dict[str, float | None]]:
    def of(draws: npt.NDArray[Any]) -> FloatArray:
        return np.asarray(getattr(_Sums(*(draws @ term for term in vars(parts).values())), quantity))

    value = of(np.ones((1, len(parts.columns))))[0]
    if len(parts.columns) >= FEWEST:
        low, high = np.quantile(of(weights), [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    else:
        low = high = np.full(len(TARGETS), np.nan)
    return {
        target: {"value": _number(value[index]), "low": _number(low[index]), "high": _number(high[index])}
        for index, target in enumerate(TARGETS)
    }


def _nothing() -> dict[str, float | None]:
    return {"value": None, "low": None, "high": None}


def _number(value: float) -> float | None:
    # JSON has no NaN.
    return float(value) if math.isfinite(value) else None
