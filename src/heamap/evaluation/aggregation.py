"""Do atoms of one element gather in columns? Over-dispersion of in-column composition against chance.

Chance is the multinomial: each atom of a column is drawn from the composition of the image. The measure is the
intra-column correlation rho of an element: the variance of its count in a column of n atoms is
n p (1 - p) (1 + (n - 1) rho). It is 0 by chance and 1 / (1 + A) for a Dirichlet-multinomial of total concentration A
(Mosimann, Biometrika 49 (1962) 65). Predicted counts are first freed of the estimator's shrinkage, cross-talk and noise
(``PredictionErrors``).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtrc

from heamap.elements import ELEMENTS
from heamap.evaluation.dispersion_moments import read_columns
from heamap.evaluation.prediction_errors import PredictionErrors, without_errors

FloatArray = npt.NDArray[np.float64]

LEVEL = 0.05
"""Of significance, over all five elements of an image together."""
RESAMPLES = 999
_BATCH = 100


@dataclass(frozen=True)
class Overdispersion:
    """Over-dispersion in one image; arrays are (5,) in the order of ``ELEMENTS``, NaN where not tested.

    Attributes
    ----------
    correlation : intra-column correlation rho
    standard_error : of rho; columns are taken as independent, the image's own gain and loudness as unknown
    p_value : one-sided, of chance and prediction errors alone; 1 where not tested
    critical : smallest rho that would have been significant at ``level`` / 5
    resolution : share of the element that is seen apart from the others, mean over columns
    level : of significance, over all five elements
    columns : number of columns
    """

    correlation: FloatArray
    standard_error: FloatArray
    p_value: FloatArray
    critical: FloatArray
    resolution: FloatArray
    level: float
    columns: int


def overdispersion(
    counts: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    errors: PredictionErrors | None = None,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> Overdispersion:
    """Test every element of one image for over-dispersion, with a parametric bootstrap of chance.

    Each resample draws the columns' atoms from the multinomial and sends them through the error model: errors come from
    its residuals, gain and loudness are those of an unseen image. The p-value is (1 + b) / (1 + resamples) for b
    resamples with a rho at least as large (Davison and Hinkley, Bootstrap Methods and their Application, 1997, section
    4.2).

    Parameters
    ----------
    counts : (n, 5) atoms of one image, true or predicted
    errors : of the predictions; None for true counts

    Raises
    ------
    ValueError : no atoms, counts that are not whole without an error model, or too few resamples for the level
    """
    if len(ELEMENTS) / (resamples + 1) > level:
        raise ValueError(f"{resamples} resamples cannot show significance at {level:g} for {len(ELEMENTS)} elements")
    if errors is None and not (np.asarray(counts) == np.rint(counts)).all():
        raise ValueError("counts that are not whole are predictions and need their error model")
    columns = read_columns(counts, without_errors() if errors is None else errors)
    rho = columns.moments.rho
    batches = (min(_BATCH, resamples - done) for done in range(0, resamples, _BATCH))
    chance = np.concatenate([columns.by_chance(batch, rng).rho for batch in batches])
    return Overdispersion(
        correlation=rho,
        standard_error=columns.standard_error,
        p_value=np.where(np.isfinite(rho), (1 + (chance >= rho).sum(axis=0)) / (1 + resamples), 1.0),
        critical=np.quantile(chance, 1 - level / len(ELEMENTS), axis=0, method="higher"),
        resolution=columns.errors.resolution[columns.place].mean(axis=0),
        level=level,
        columns=len(columns.totals),
    )


def chance_of_share(total: int, share: float, composition: float = 1 / len(ELEMENTS)) -> float:
    """Probability that chance alone gives an element at least this share of a column.

    Parameters
    ----------
    total : atoms in the column
    share : of the column's atoms
    composition : the element's share of all atoms
    """
    # Products such as 10 x .3 come out a hair above the whole number they are.
    least = int(np.ceil(share * total - 1e-9))
    return float(bdtrc(least - 1, total, composition)) if least > 0 else 1.0
