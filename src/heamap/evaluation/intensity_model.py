"""How bright a column of known total is: the mean by composition, and the scatter that the order of atoms causes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import nnls

from heamap.elements import ELEMENTS
from heamap.evaluation.column_library import REPEATS
from heamap.evaluation.priors import Prior

FloatArray = npt.NDArray[np.float64]

_PASSES = 4


@dataclass(frozen=True)
class IntensityModel:
    """Mean and scatter of the cross-sections of columns of one total.

    With s the sum of the atoms' weights and s0 its mean, the mean cross-section is
    s + curvature (s - s0)^2 / s0 + neighbour (s of the six neighbours - its mean).

    Attributes
    ----------
    total : atoms in a column
    weights_square_angstrom : (5,) cross-section that one more atom of each element adds
    centre_square_angstrom : s0
    curvature, neighbour : of the mean
    order : variance of the cross-section over the variance of the weights among the atoms of the column. Where an
        atom's signal is its weight times a factor of its depth, permuting the atoms gives just this, whatever the
        factors are
    floor : rest of the variance, over the squared mean: displacements, and what the mean misses
    engine_error : relative standard error of one simulated cross-section, which is not part of the above
    columns : that were fitted
    """

    total: int
    weights_square_angstrom: FloatArray
    centre_square_angstrom: float
    curvature: float
    neighbour: float
    order: float
    floor: float
    engine_error: float
    columns: int

    def mean(self, counts: npt.ArrayLike) -> FloatArray:
        """(n,) mean cross-section in square Angstrom of compositions (n, 5) among average neighbours; 0 at least."""
        weight = np.asarray(counts, np.float64) @ self.weights_square_angstrom
        bend = (weight - self.centre_square_angstrom) ** 2 / self.centre_square_angstrom
        return np.maximum(weight + self.curvature * bend, 0)

    def variance(self, counts: npt.ArrayLike) -> FloatArray:
        """(n,) variance of the cross-section at each composition (n, 5), in Angstrom^4."""
        atoms = np.asarray(counts, np.float64)
        return self.order * weight_variance(atoms, self.weights_square_angstrom) + self.floor * self.mean(atoms) ** 2


def between(models: Sequence[IntensityModel], total: int) -> IntensityModel:
    """The model of another total, every number interpolated linearly between those of the nearest totals.

    Parameters
    ----------
    models : of different totals, ascending

    Raises
    ------
    ValueError : the total lies outside theirs
    """
    totals = [model.total for model in models]
    if not totals[0] <= total <= totals[-1]:
        raise ValueError(f"brightness is known of totals from {totals[0]} to {totals[-1]}, asked for {total}")

    def at(name: str) -> float:
        return float(np.interp(total, totals, [getattr(model, name) for model in models]))

    weights = np.array([model.weights_square_angstrom for model in models])
    return IntensityModel(
        total=total,
        weights_square_angstrom=np.array([np.interp(total, totals, weight) for weight in weights.T]),
        centre_square_angstrom=at("centre_square_angstrom"),
        curvature=at("curvature"),
        neighbour=at("neighbour"),
        order=at("order"),
        floor=at("floor"),
        engine_error=at("engine_error"),
        columns=min(model.columns for model in models),
    )


class _Mean(NamedTuple):
    weights: FloatArray
    centre: float
    near_centre: float
    curvature: float = 0.0
    neighbour: float = 0.0

    @classmethod
    def fit(cls, counts: FloatArray, near: FloatArray, intensity: FloatArray) -> Self:
        weights = _solve(counts, intensity)
        mean = cls(weights, float((counts @ weights).mean()), float((near @ weights).mean()))
        # Both other terms follow the weights, and little enough for the fit to settle at once.
        for _ in range(_PASSES):
            found = _solve(np.column_stack([counts, mean.terms(counts, near)]), intensity)
            weights = found[:-2]
            centres = float((counts @ weights).mean()), float((near @ weights).mean())
            mean = cls(weights, *centres, float(found[-2]), float(found[-1]))
        return mean

    def terms(self, counts: FloatArray, near: FloatArray) -> FloatArray:
        """(n, 2) what curvature and neighbour multiply."""
        bend = (counts @ self.weights - self.centre) ** 2 / self.centre
        return np.column_stack([bend, near @ self.weights - self.near_centre])

    def __call__(self, counts: FloatArray, near: FloatArray) -> FloatArray:
        rest = self.terms(counts, near) @ [self.curvature, self.neighbour]
        return np.asarray(counts @ self.weights + rest, dtype=np.float64)


def weight_variance(counts: FloatArray, weights: FloatArray) -> FloatArray:
    """(n,) variance of the weights (5,) among the atoms of each composition (n, 5); 0 for a pure column."""
    total = counts.sum(axis=1)
    mean = counts @ weights / total
    return np.maximum(counts @ weights**2 / total - mean**2, 0)


def fit(library: pd.DataFrame) -> IntensityModel:
    """Fit the columns of one total.

    The scatter is that of residuals from a mean fitted to the other slabs. Two independent simulations of each column
    are multiplied, in which the engine's error averages to nothing.

    Parameters
    ----------
    library : rows of one total (``heamap.evaluation.column_library``)

    Raises
    ------
    ValueError : several totals, or fewer than two slabs
    """
    totals, slabs = library["total"].unique(), library["slab"].to_numpy()
    if len(totals) != 1 or len(np.unique(slabs)) < 2:
        raise ValueError(f"one total in two slabs or more is needed, got totals {totals} in {len(set(slabs))} slabs")
    counts = library[list(ELEMENTS)].to_numpy(np.float64)
    near = library[[f"near_{symbol}" for symbol in ELEMENTS]].to_numpy(np.float64)
    seen = library[[f"{repeat}_square_angstrom" for repeat in REPEATS]].to_numpy(np.float64)
    intensity = seen.mean(axis=1)

    expected = np.empty_like(intensity)
    for slab in np.unique(slabs):
        out = slabs == slab
        expected[out] = _Mean.fit(counts[~out], near[~out], intensity[~out])(counts[out], near[out])
    residual = seen - expected[:, None]
    error = residual[:, 0] - residual[:, 1]
    engine_error = float(np.sqrt((error**2 / intensity**2).mean() / 2))
    mean = _Mean.fit(counts, near, intensity)
    order, floor = _scatter(residual.prod(axis=1), weight_variance(counts, mean.weights), expected**2)
    return IntensityModel(
        total=int(totals[0]),
        weights_square_angstrom=mean.weights,
        centre_square_angstrom=mean.centre,
        curvature=mean.curvature,
        neighbour=mean.neighbour,
        order=order,
        floor=floor,
        engine_error=engine_error,
        columns=len(library),
    )


def resampled(library: pd.DataFrame, resamples: int, rng: np.random.Generator) -> list[IntensityModel]:
    """Fits to bootstrap samples of the columns of one total.

    Columns are drawn, not slabs: residuals of neighbours were not correlated (.01, -.02 and .07 in three libraries).
    """
    return [fit(library.iloc[rng.integers(len(library), size=len(library))]) for _ in range(resamples)]


def relative_scatter(model: IntensityModel, prior: Prior) -> float:
    """Root mean square scatter at fixed composition over the mean cross-section."""
    counts, probability = prior.compositions(model.total)
    return float(np.sqrt(probability @ model.variance(counts)) / (probability @ model.mean(counts)))


def summarize(library: pd.DataFrame, prior: Prior, *, resamples: int = 20, rng: np.random.Generator) -> pd.DataFrame:
    """How bright columns are and how much the order of atoms scatters them, by total.

    Returns
    -------
    ``total``, ``columns``, ``cross_section_square_angstrom`` of the mean column, ``relative_scatter`` at fixed
    composition with its bootstrap ``standard_error``, ``engine_error`` of one simulation, which is not part of it, and
    ``weight_`` in square Angstrom that one more atom of each element adds
    """
    records = []
    for _, rows in library.groupby("total", sort=True):
        model = fit(rows)
        counts, probability = prior.compositions(model.total)
        weights = zip(ELEMENTS, model.weights_square_angstrom, strict=True)
        drawn = [relative_scatter(one, prior) for one in resampled(rows, resamples, rng)]
        records.append(
            {
                "total": model.total,
                "columns": model.columns,
                "cross_section_square_angstrom": float(probability @ model.mean(counts)),
                "relative_scatter": relative_scatter(model, prior),
                "standard_error": float(np.std(drawn, ddof=1)),
                "engine_error": model.engine_error,
                **{f"weight_{symbol}": float(weight) for symbol, weight in weights},
            }
        )
    return pd.DataFrame(records)


def _solve(terms: FloatArray, values: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.lstsq(terms, values, rcond=None)[0], dtype=np.float64)


def _scatter(products: FloatArray, spread: FloatArray, square: FloatArray) -> tuple[float, float]:
    """Non-negative least squares of relative products on spread and a constant, with one change of weights.

    A product scatters as much as its own mean is large. Half of the mean over all columns is added to that, lest the
    few columns decide that hardly scatter.
    """
    terms = np.column_stack([spread / square, np.ones_like(square)])
    found = nnls(terms, products / square)[0]
    if found.any():
        expected = terms @ found
        width = (expected + expected.mean()) / 2
        found = nnls(terms / width[:, None], products / square / width)[0]
    return float(found[0]), float(found[1])
