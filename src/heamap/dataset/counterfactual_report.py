"""What a network makes of the stored counterfactuals."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from heamap.dataset.counterfactuals import NOISE_DRAWS, ORIGINAL, Counterfactuals
from heamap.dataset.examples import drawn_effects, observed
from heamap.elements import ELEMENTS
from heamap.evaluation import counterfactual_figure, counterfactuals
from heamap.evaluation.counter import Counter
from heamap.imaging.effects import with_dose
from heamap.params import Effects, Params
from heamap.seeds import Stream, generator
from heamap.structures.edits import EDITS

Network = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
"""From one input (rows, cols, 1) to its maps (rows, cols, 5)."""


def assess(
    stored: Counterfactuals,
    network: Network,
    counter: Counter,
    *,
    params: Params,
    rng: np.random.Generator,
    energy_ev: Callable[[int], float],
) -> tuple[dict[str, Any], Figure]:
    """Predict every counterfactual and score the movements.

    Parameters
    ----------
    rng : of the bootstrap
    energy_ev : of the beam, of a sample

    Returns
    -------
    report : as of :func:`heamap.evaluation.counterfactuals.score`
    figure : of the report
    """
    moved = [
        predicted_changes(stored, sample, network, counter, params=params, energy_ev=energy_ev(sample))
        for sample in stored.samples
    ]
    report = counterfactuals.score(pd.concat(moved), resamples=params.evaluate.bootstrap, rng=rng)
    return report, counterfactual_figure.draw(report)


def predicted_changes(
    stored: Counterfactuals, sample: int, network: Network, counter: Counter, *, params: Params, energy_ev: float
) -> pd.DataFrame:
    """True and predicted changes of a sample's columns: by every edit, by twice the dose, and by noise alone.

    Every image is exposed with the strengths of effects that the original draws, and from the same state of the
    random numbers: support and scan distortion are shared, shot and read-out noise are not. For the noise alone the
    original is exposed once more with those strengths and all noises new.

    Parameters
    ----------
    network : see ``Network``
    energy_ev : of the beam

    Returns
    -------
    as of :func:`heamap.evaluation.counterfactuals.changes`
    """
    columns, clean = stored.columns(sample, ORIGINAL), stored.image(sample, ORIGINAL)
    truth = columns[list(ELEMENTS)].to_numpy()
    effects = drawn_effects(clean, sample, params=params)
    places = columns[["row", "col"]].to_numpy(np.float64)

    def predicted(
        image: npt.NDArray[np.float32], strengths: Effects, noises: np.random.Generator | None = None
    ) -> npt.NDArray[np.float64]:
        shared = generator(params.base.seed, Stream.EFFECTS, sample)
        seen = observed(image, strengths, params=params, rng=noises or shared, energy_ev=energy_ev)
        return counter(seen, network(seen), places)

    after = {edit: predicted(stored.image(sample, edit), effects) for edit in EDITS}
    after[counterfactuals.DOSE] = predicted(clean, with_dose(effects, factor=2))
    again = generator(params.base.seed, Stream.COUNTERFACTUALS, sample, NOISE_DRAWS)
    after[counterfactuals.NOISE] = predicted(clean, effects, again)
    should = {edit: stored.columns(sample, edit)[list(ELEMENTS)].to_numpy() for edit in EDITS}
    before = predicted(clean, effects)
    return pd.concat(
        [
            counterfactuals.changes(
                sample, edit, columns["column"], true=(truth, should.get(edit, truth)), predicted=(before, counts)
            )
            for edit, counts in after.items()
        ],
        ignore_index=True,
    )
