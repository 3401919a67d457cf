"""The evaluation as one JSON-ready document, and its tables."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from heamap.elements import ELEMENTS
from heamap.evaluation import metrics
from heamap.evaluation.baselines import calibrate
from heamap.evaluation.counting import INTENSITIES
from heamap.evaluation.detection import TOLERANCE_ANGSTROM, Detection
from heamap.evaluation.local_features import TREES
from heamap.evaluation.table import element_counts
from heamap.evaluation.targets import NI_CO_FE, TARGETS, TOTAL, FloatArray
from heamap.evaluation.yardsticks import COUNTED, DESCRIPTIONS, FIRST

LEVEL = 0.95
"""Share of the resamples inside an interval."""

MODEL = "model"


def assemble(
    table: pd.DataFrame,
    training: pd.DataFrame,
    yardsticks: Mapping[str, Mapping[str, FloatArray]],
    detection: Detection,
    *,
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Score the model and its yardsticks on the test split: the heart of ``reports/evaluation.json``.

    Parameters
    ----------
    table : test columns with truth, intensities and predictions (``heamap.evaluation.table``)
    training : training columns with truth and intensities, which calibrate the yardsticks
    yardsticks : target -> name -> (n,) atoms (``heamap.evaluation.yardsticks``)
    detection : of the same test images
    resamples : bootstrap resamples of the images

    Returns
    -------
    JSON-ready; what is undefined, such as R2 of equal truths, is None:

    * ``columns``, ``images``: how many were scored
    * ``interval``: ``level``, ``resamples``, ``over``
    * ``scores[target][estimator]``, target one of Pt, Ni, Pd, Co, Fe, NiCoFe, total, estimator ``model`` or a
      yardstick: ``r2``, ``mae``, ``bias`` and ``skill`` over baseline 1, ``error_shares`` (0, 1, 2, 3, more) and
      ``within_1``, the share of columns at most one atom off, each ``{"value", "low", "high"}``
    * ``skill[target][name]`` = 1 - MSE of the model / MSE of the yardstick, ``{"value", "low", "high"}``, paired over
      images
    * ``yardsticks[name]``: what each knows; ``baseline_1[target]``: the one that skills are over
    * ``counting[intensity]``: the calibrated lines of atom counting
    * ``detection``: columns ``true`` and ``found``, ``recall``, ``precision``, ``tolerance_angstrom``
    """
    images = table["sample"].to_numpy()
    number = len(np.unique(images))
    weights = metrics.bootstrap_weights(number, resamples, rng)
    scores: dict[str, Any] = {}
    skill: dict[str, Any] = {}
    for target in TARGETS:
        true = table[f"true_{target}"].to_numpy()
        guesses = {MODEL: table[f"pred_{target}"].to_numpy(), **yardsticks[target]}
        sums = {name: metrics.image_sums(images, true, guess) for name, guess in guesses.items()}
        first = sums[FIRST[target]]
        scores[target] = {
            name: {
                "r2": _interval(metrics.estimate(lambda part: part.r2, part, weights=weights, level=LEVEL)),
                "mae": _interval(metrics.estimate(lambda part: part.mae, part, weights=weights, level=LEVEL)),
                "bias": _interval(metrics.estimate(lambda part: part.bias, part, weights=weights, level=LEVEL)),
                "skill": _interval(
                    metrics.estimate(metrics.Sums.skill_over, part, first, weights=weights, level=LEVEL)
                ),
                "error_shares": _shares(images, true, guesses[name], weights),
                "within_1": _interval(
                    metrics.share_within_one(images, true, guesses[name], weights=weights, level=LEVEL)
                ),
            }
            for name, part in sums.items()
        }
        skill[target] = {
            name: _interval(metrics.estimate(metrics.Sums.skill_over, sums[MODEL], part, weights=weights, level=LEVEL))
            for name, part in sums.items()
            if name != MODEL
        }
    return {
        "columns": len(table),
        "images": number,
        "interval": {"level": LEVEL, "resamples": resamples, "over": "images"},
        "scores": scores,
        "skill": skill,
        "yardsticks": DESCRIPTIONS,
        "baseline_1": FIRST,
        "counting": {name: _line(training, column) for name, column in INTENSITIES.items()},
        "detection": {
            "true": detection.true,
            "found": detection.found,
            "recall": number_or_none(detection.recall),
            "precision": number_or_none(detection.precision),
            "tolerance_angstrom": TOLERANCE_ANGSTROM,
        },
    }


def summary(report: Mapping[str, Any]) -> dict[str, float | None]:
    """The few flat numbers that runs are compared by.

    ``r2_`` of every target; ``mae_total`` in atoms; ``skill_`` of every target over baseline 1 (``FIRST``), of Pt,
    Ni+Co+Fe and the total with the ends ``_low`` and ``_high``; ``trees_skill_`` of the same three, the boosted trees'
    own skill over baseline 1; ``skill_counted_`` of Pt and the total over atom counting; ``recall`` and ``precision``
    of finding columns.
    """
    main = ("Pt", NI_CO_FE, TOTAL)
    model = {target: report["scores"][target][MODEL] for target in TARGETS}
    return {
        **{f"r2_{target}": found["r2"]["value"] for target, found in model.items()},
        "mae_total": model[TOTAL]["mae"]["value"],
        **{f"skill_{target}": found["skill"]["value"] for target, found in model.items()},
        **{f"skill_{target}_{end}": model[target]["skill"][end] for target in main for end in ("low", "high")},
        **{f"trees_skill_{target}": report["scores"][target][TREES]["skill"]["value"] for target in main},
        **{f"skill_counted_{target}": report["skill"][target][COUNTED]["value"] for target in ("Pt", TOTAL)},
        "recall": report["detection"]["recall"],
        "precision": report["detection"]["precision"],
    }


def share_table(report: Mapping[str, Any]) -> pd.DataFrame:
    """Table 2: ``target`` and the shares of columns off by ``0``, ``1``, ``2``, ``3`` and ``more`` atoms, each with its
    ``_low`` and ``_high``."""
    rows = []
    for target in TARGETS:
        shares = report["scores"][target][MODEL]["error_shares"].items()
        row = {name: share["value"] for name, share in shares}
        row |= {f"{name}_{end}": share[end] for name, share in shares for end in ("low", "high")}
        rows.append({"target": target, **row})
    return pd.DataFrame(rows)


def score_table(report: Mapping[str, Any]) -> pd.DataFrame:
    """One row per target and estimator: ``target``, ``estimator``, ``r2``, ``mae`` and ``skill``, each with its
    ``_low`` and ``_high``, ``within_1``, the share of columns at most one atom off, and ``model_skill_over`` it."""
    rows = []
    for target, estimators in report["scores"].items():
        for name, found in estimators.items():
            row: dict[str, Any] = {"target": target, "estimator": name}
            for score in ("r2", "mae", "skill"):
                row |= {score: found[score]["value"]}
                row |= {f"{score}_{end}": found[score][end] for end in ("low", "high")}
            row["within_1"] = found["within_1"]["value"]
            row["model_skill_over"] = report["skill"][target].get(name, {}).get("value")
            rows.append(row)
    return pd.DataFrame(rows)


def number_or_none(value: float) -> float | None:
    """JSON has no NaN."""
    return float(value) if math.isfinite(value) else None


def _line(training: pd.DataFrame, column: str) -> dict[str, Any]:
    counting = calibrate(training[column], element_counts(training, "true"))
    return {
        "intensity": column,
        "slope": counting.line.slope,
        "intercept": counting.line.intercept,
        "r2_training": number_or_none(counting.line.r2),
        "columns": counting.columns,
        "training_composition": dict(zip(ELEMENTS, counting.composition.tolist(), strict=True)),
    }


def _shares(
    images: npt.NDArray[Any], true: npt.NDArray[Any], guess: npt.NDArray[Any], weights: npt.NDArray[np.int64]
) -> dict[str, dict[str, float | None]]:
    found = metrics.share_estimates(images, true, guess, weights=weights, level=LEVEL)
    return {name: _interval(share) for name, share in found.items()}


def _interval(estimate: metrics.Estimate) -> dict[str, float | None]:
    return {
        "value": number_or_none(estimate.value),
        "low": number_or_none(estimate.low),
        "high": number_or_none(estimate.high),
    }
