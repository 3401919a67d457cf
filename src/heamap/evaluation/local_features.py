"""Regression on hand-made features of a column and its six nearest neighbours, by gradient-boosted trees.

What a careful analyst could do without a network: peak, volume and width of the column, peaks and volumes around it.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.spatial import KDTree
from threadpoolctl import threadpool_limits

from heamap.evaluation.targets import TARGETS, FloatArray

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

TREES = "local_features"

DESCRIPTIONS = {
    TREES: "gradient-boosted trees on the column's peak, volume and width and on the peaks and volumes of its six "
    "nearest neighbours, one regression a target, fitted on the training split",
}

NEIGHBOURS = 6
# Along [110] four neighbours lie at .61 a, two at .71 a and the next two at a, with a from 3.5 to 3.9 Angstrom.
REACH_ANGSTROM = 3.1

OWN = ("beam_fraction", "gaussian_volume", "gaussian_width_angstrom")
AROUND = ("beam_fraction", "gaussian_volume")
FEATURES = (*OWN, *(f"{name}_{place}" for place in range(1, NEIGHBOURS + 1) for name in AROUND))
"""Own features, then those of the neighbours, nearest first."""


@dataclass(frozen=True)
class Trees:
    """Fitted regressions, one a target, in the order of ``TARGETS``."""

    regressors: tuple["HistGradientBoostingRegressor", ...]

    def __call__(self, features: FloatArray) -> FloatArray:
        """(n, 7) atoms in the order of ``TARGETS`` from features (n, 15)."""
        return np.column_stack([regressor.predict(features) for regressor in self.regressors])


def local_features(table: pd.DataFrame, *, sampling_angstrom: float) -> FloatArray:
    """Features of every column of one or more images.

    Parameters
    ----------
    table : ``sample``, ``row``, ``col`` (pixels) and the columns of ``OWN``
    sampling_angstrom : pixel size

    Returns
    -------
    (n, 15) in the order of ``FEATURES``; NaN where fewer neighbours than six lie within ``REACH_ANGSTROM``
    """
    around = table[list(AROUND)].to_numpy(np.float64)
    beside = np.full((len(table), NEIGHBOURS, len(AROUND)), np.nan)
    for places in table.groupby("sample").indices.values():
        positions = table[["row", "col"]].to_numpy(np.float64)[places] * sampling_angstrom
        _, nearest = KDTree(positions).query(positions, k=range(2, NEIGHBOURS + 2), distance_upper_bound=REACH_ANGSTROM)
        # A neighbour that is missing has the number of columns for its index.
        beside[places] = np.vstack([around[places], np.full(len(AROUND), np.nan)])[nearest]
    return np.column_stack([table[list(OWN)].to_numpy(np.float64), beside.reshape(len(table), -1)])


def fit_trees(features: FloatArray, counts: FloatArray, *, rng: np.random.Generator) -> Trees:
    """Fit one regression a target.

    Parameters
    ----------
    features : (n, 15) of the training columns
    counts : (n, 7) true atoms in the order of ``TARGETS``
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    # scikit-learn cannot bin a feature that no column has.
    present = np.where(np.isnan(features).all(axis=0), 0.0, features)
    # Stopping early would hold out columns of the very images that are trained on.
    seeds = rng.integers(2**31, size=len(TARGETS)).tolist()
    trees = [
        HistGradientBoostingRegressor(
            learning_rate=0.05,
            max_iter=200,
            max_leaf_nodes=15,
            min_samples_leaf=20,
            early_stopping=False,
            random_state=seed,
        )
        for seed in seeds
    ]
    # Its threads wait for each other at every split: beside another process minutes instead of seconds.
    with threadpool_limits(limits=1, user_api="openmp"):
        return Trees(tuple(tree.fit(present, target) for tree, target in zip(trees, counts.T, strict=True)))


def estimates(
    training: pd.DataFrame, test: pd.DataFrame, *, sampling_angstrom: float, rng: np.random.Generator
) -> dict[str, FloatArray]:
    """What the trees say of the test columns, fitted on the training columns.

    Parameters
    ----------
    training, test : as for ``local_features`` and, for training, ``true_`` counts

    Returns
    -------
    name (``DESCRIPTIONS``) -> (n, 7) atoms in the order of ``TARGETS``; the sums are regressions of their own, so that
    they are not quite the elements' sums
    """
    counts = training[[f"true_{target}" for target in TARGETS]].to_numpy(np.float64)
    trees = fit_trees(local_features(training, sampling_angstrom=sampling_angstrom), counts, rng=rng)
    return {TREES: trees(local_features(test, sampling_angstrom=sampling_angstrom))}
