"""All yardsticks of the report on the same columns, and what each of them is told."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from heamap.evaluation import baselines, counting, local_features, model_composition, oracles, told_composition
from heamap.evaluation.targets import TARGETS, TOTAL, FloatArray

COUNTED = "line_cell"
"""Atom counting at its best here: a calibrated line through cross-sections."""

DESCRIPTIONS = {
    **baselines.DESCRIPTIONS,
    **model_composition.DESCRIPTIONS,
    **told_composition.DESCRIPTIONS,
    **counting.DESCRIPTIONS,
    **local_features.DESCRIPTIONS,
    **oracles.DESCRIPTIONS,
}
"""What each yardstick knows, by name; the reports carry these lines."""

TOLD = {
    baselines.TRUE_TOTAL: (TOTAL,),
    # The model's own total, not a rival's.
    model_composition.MODEL_COMPOSITION: (TOTAL,),
    told_composition.MODEL_TOLD: (TOTAL,),
    **oracles.TOLD,
}
"""Targets that a yardstick is told, or borrows, so that it is none there."""

FIRST = {target: baselines.MEAN_COLUMN if target == TOTAL else baselines.TRUE_TOTAL for target in TARGETS}
"""Baseline 1 of each target, which skills are over; the true total would be the truth itself for the total."""


def yardsticks(
    training: pd.DataFrame, test: pd.DataFrame, *, sampling_angstrom: float, rng: np.random.Generator
) -> dict[str, dict[str, FloatArray]]:
    """What each yardstick says of the test columns.

    Parameters
    ----------
    training : columns that calibrate the yardsticks: truth and the intensities of ``heamap.evaluation.table``
    test : the same, and ``pred_`` counts of the model
    sampling_angstrom : pixel size

    Returns
    -------
    target -> name (``DESCRIPTIONS``) -> (n,) atoms, without what a yardstick is told (``TOLD``)
    """
    found = {
        **baselines.estimates(training, test),
        **model_composition.estimates(test),
        **told_composition.estimates(test),
        **counting.estimates(training, test),
        **local_features.estimates(training, test, sampling_angstrom=sampling_angstrom, rng=rng),
        **oracles.estimates(training, test),
    }
    return by_target(found)


def by_target(estimates: Mapping[str, FloatArray]) -> dict[str, dict[str, FloatArray]]:
    """Estimates (n, 7) by target, without what a yardstick is told."""
    return {
        target: {name: guess[:, index] for name, guess in estimates.items() if target not in TOLD.get(name, ())}
        for index, target in enumerate(TARGETS)
    }
