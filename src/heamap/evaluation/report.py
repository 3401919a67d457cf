"""The evaluation as one JSON-ready document, and its tables."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from heamap.elements import ELEMENTS
from heamap.evaluation import baselines, metrics
from heamap.evaluation.table import element_counts
from heamap.evaluation.targets import NI_CO_FE, TARGETS, TOTAL

LEVEL = 0.95
"""Share of the resamples inside an interval."""


# A quarter of the nearest distance between [110] columns: a match cannot be with a neighbour.
TOLERANCE_ANGSTROM = 0.6


@dataclass(frozen=True)
class Detection:
    """How well columns are found without being told where they are.

    Columns nearer to the border of the image than the tolerance are not judged: their partner may lie outside.

    Attributes
    ----------
    true, true_found : true columns, and those of them that were found
    found, found_true : found columns, and those of them that are true
    """

    true: int
    true_found: int
    found: int
    found_true: int

    @property
    def recall(self) -> float:
        """Share of the true columns that were found; NaN without true columns."""
        return self.true_found / self.true if self.true else math.nan

    @property
    def precision(self) -> float:
        """Share of the found columns that are true; NaN without found columns."""
        return self.found_true / self.found if self.found else math.nan

    def __add__(self, other: "Detection") -> "Detection":
        return Detection(
            self.true + other.true,
            self.true_found + other.true_found,
            self.found + other.found,
            self.found_true + other.found_true,
        )


def detect(
    true: npt.NDArray[np.float64],
    found: npt.NDArray[np.float64],
    *,
    shape: tuple[int, int],
    sampling_angstrom: float,
) -> Detection:
    """Compare found with true positions of one image.

    Parameters
    ----------
    true, found : (n, 2) and (m, 2) row and column in pixels
    shape : of the image
    """
    tolerance = TOLERANCE_ANGSTROM / sampling_angstrom
    hits, right = metrics.match(true, found, tolerance=tolerance)
    far = np.subtract(shape, 1) - tolerance
    judged_true = ((true >= tolerance) & (true <= far)).all(axis=1)
    judged_found = ((found >= tolerance) & (found <= far)).all(axis=1)
    return Detection(
        int(judged_true.sum()),
        int((hits & judged_true).sum()),
        int(judged_found.sum()),
        int((right & judged_found).sum()),
    )


def assemble(
    table: pd.DataFrame,
    training: pd.DataFrame,
    detection: Detection,
    *,
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Score the test split: the content of ``reports/evaluation.json``.

    Parameters
    ----------
    table : test columns with truth, intensities and predictions (``heamap.evaluation.table``)
    training : training columns with truth and intensities, which calibrate the yardsticks
    detection : of the same test images
    resamples : bootstrap resamples of the images

    Returns
    -------
    JSON-ready; what is undefined, such as R2 of equal truths, is None:

    * ``summary``: the few numbers to compare runs by (``summary``)
    * ``columns``, ``images``: how many were scored
    * ``interval``: ``level``, ``resamples``, ``over``
    * ``elements[target]``, target one of Pt, Ni, Pd, Co, Fe, NiCoFe, total: ``r2``, ``mae``, ``bias``, each
      ``{"value", "low", "high"}``; ``error_shares`` (0, 1, 2, 3, more); ``baselines[name]``: ``r2``, ``mae``
    * ``skill[target][name]`` = 1 - MSE / MSE(baseline), ``{"value", "low", "high"}``, paired over images. Names are
      ``true_total_x_composition``, ``counted`` and ``model_total`` for elements and NiCoFe, ``mean_total`` and
      ``counted`` for the total
    * ``yardsticks[name]``: what each baseline knows
    * ``counting``: the line of atom counting and the training columns behind it
    * ``detection``: columns ``true`` and ``found``, ``recall``, ``precision``, ``tolerance_angstrom``
    """
    images = table["sample"].to_numpy()
    counting = baselines.calibrate(training["integrated_intensity"], element_counts(training, "true"))
    yardsticks = baselines.yardsticks(
        images, element_counts(table, "true"), element_counts(table, "pred"), table["integrated_intensity"], counting
    )
    number = len(np.unique(images))
    weights = metrics.bootstrap_weights(number, resamples, rng)

    elements: dict[str, Any] = {}
    skill: dict[str, Any] = {}
    for target in TARGETS:
        true = table[f"true_{target}"].to_numpy()
        predicted = table[f"pred_{target}"].to_numpy()
        model = metrics.image_sums(images, true, predicted)
        rivals = {name: metrics.image_sums(images, true, guess) for name, guess in yardsticks[target].items()}
        elements[target] = {
            "r2": _interval(metrics.estimate(lambda sums: sums.r2, model, weights=weights, level=LEVEL)),
            "mae": _interval(metrics.estimate(lambda sums: sums.mae, model, weights=weights, level=LEVEL)),
            "bias": _interval(metrics.estimate(lambda sums: sums.bias, model, weights=weights, level=LEVEL)),
            "error_shares": dict(zip(metrics.SHARE_NAMES, metrics.error_shares(true, predicted).tolist(), strict=True)),
            "baselines": {name: _whole(sums) for name, sums in rivals.items()},
        }
        skill[target] = {
            name: _interval(metrics.estimate(metrics.Sums.skill_over, model, sums, weights=weights, level=LEVEL))
            for name, sums in rivals.items()
        }
    report: dict[str, Any] = {
        "columns": len(table),
        "images": number,
        "interval": {"level": LEVEL, "resamples": resamples, "over": "images"},
        "elements": elements,
        "skill": skill,
        "yardsticks": baselines.DESCRIPTIONS,
        "counting": {
            "slope": counting.line.slope,
            "intercept": counting.line.intercept,
            "r2_training": _number(counting.line.r2),
            "columns": counting.columns,
            "mean_total": counting.mean_total,
            "composition": dict(zip(ELEMENTS, counting.composition.tolist(), strict=True)),
        },
        "detection": {
            "true": detection.true,
            "found": detection.found,
            "recall": _number(detection.recall),
            "precision": _number(detection.precision),
            "tolerance_angstrom": TOLERANCE_ANGSTROM,
        },
    }
    return {"summary": summary(report), **report}


def summary(report: dict[str, Any]) -> dict[str, float | None]:
    """The few flat numbers that runs are compared by.

    ``r2_`` of every target; ``mae_total`` in atoms; ``skill_`` of Pt and NiCoFe over the true total x composition
    and of the total over the mean total; ``skill_counted_`` of Pt and the total over atom counting; ``recall`` and
    ``precision`` of finding columns.
    """
    elements, skill = report["elements"], report["skill"]
    return {
        **{f"r2_{target}": elements[target]["r2"]["value"] for target in TARGETS},
        "mae_total": elements[TOTAL]["mae"]["value"],
        "skill_Pt": skill["Pt"][baselines.TRUE_TOTAL]["value"],
        "skill_NiCoFe": skill[NI_CO_FE][baselines.TRUE_TOTAL]["value"],
        "skill_total": skill[TOTAL][baselines.MEAN_TOTAL]["value"],
        "skill_counted_Pt": skill["Pt"][baselines.COUNTED]["value"],
        "skill_counted_total": skill[TOTAL][baselines.COUNTED]["value"],
        "recall": report["detection"]["recall"],
        "precision": report["detection"]["precision"],
    }


def share_table(report: dict[str, Any]) -> pd.DataFrame:
    """Table 2: ``target`` and the shares of columns off by ``0``, ``1``, ``2``, ``3`` and ``more`` atoms."""
    return pd.DataFrame([{"target": target, **report["elements"][target]["error_shares"]} for target in TARGETS])


def skill_table(report: dict[str, Any]) -> pd.DataFrame:
    """``target``, ``baseline``, ``skill``, ``low``, ``high``, ``r2`` of the model and ``baseline_r2``."""
    rows = [
        {
            "target": target,
            "baseline": name,
            "skill": estimate["value"],
            "low": estimate["low"],
            "high": estimate["high"],
            "r2": report["elements"][target]["r2"]["value"],
            "baseline_r2": report["elements"][target]["baselines"][name]["r2"],
        }
        for target, rivals in report["skill"].items()
        for name, estimate in rivals.items()
    ]
    return pd.DataFrame(rows)


def _whole(sums: metrics.Sums) -> dict[str, float | None]:
    pooled = sums.resampled(np.ones((1, len(sums.columns))))
    return {"r2": _number(pooled.r2[0]), "mae": _number(pooled.mae[0])}


def _interval(estimate: metrics.Estimate) -> dict[str, float | None]:
    return {"value": _number(estimate.value), "low": _number(estimate.low), "high": _number(estimate.high)}


def _number(value: float) -> float | None:
    # JSON has no NaN.
    return float(value) if math.isfinite(value) else None
