"""What a model's contract says of its accuracy: every target's skill beside its yardstick and bound."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from heamap.evaluation.report import LEVEL, MODEL, number_or_none
from heamap.evaluation.targets import TARGETS
from heamap.evaluation.yardsticks import DESCRIPTIONS, FIRST


def model_accuracy(
    report: Mapping[str, Any], bound: pd.DataFrame, covered: Mapping[str, Any], estimator: str = MODEL
) -> dict[str, Any]:
    """The accuracy of the contract (``heamap.contract.Accuracy``).

    Parameters
    ----------
    report : ``heamap.evaluation.report.assemble``
    bound : ``heamap.evaluation.bound_pool.pool`` at one dose
    covered : ``heamap.evaluation.coverage.coverage_report`` of the estimator's intervals
    estimator : whose counts they are

    Returns
    -------
    JSON-ready; what is undefined, and the bound of a target that has none, is None
    """
    best = bound.set_index("element")["skill"]
    targets = {}
    for target in TARGETS:
        scores, inside = report["scores"][target], covered["targets"][target]["overall"]
        # An estimator that shares out the model's own total has no score of its own there.
        own = scores.get(estimator, scores[MODEL])
        targets[target] = {
            "baseline": DESCRIPTIONS[FIRST[target]],
            "skill": own["skill"]["value"],
            "skill_low": own["skill"]["low"],
            "skill_high": own["skill"]["high"],
            "bound_skill": number_or_none(float(best[target])) if target in best.index else None,
            "r2": own["r2"]["value"],
            "covered": inside["share"],
            "covered_low": inside["low"],
            "covered_high": inside["high"],
        }
    return {"level": LEVEL, "images": report["images"], "columns": report["columns"], "targets": targets}
