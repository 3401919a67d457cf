"""The best estimate where a column's total and brightness are known, and the composition of its image is not.

The bound (``heamap.evaluation.bounds``) is told the composition, as baseline 1 is. An image is not: what its columns
say of it together is all that is known, and that is little of Ni, Co and Fe, which are equally bright. Here particles
are drawn as the line draws them, each is weighed by how likely it makes the brightness of all columns of an image, and
counts are the mean over particles of what each would say of a column (Bayes, by importance sampling).

What is assumed is what ``bounds`` assumes, but for the composition, and: of one particle the brightness of columns of
one total is Gaussian, and counts go with it along a line. So this is an estimate that can be made, close to the best;
told the composition, its skill is within .04 of the exact bound's (docs/benchmarks.md, "Composition not told").
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from heamap.elements import ELEMENTS
from heamap.evaluation.bounds import Measurement
from heamap.evaluation.intensity_model import IntensityModel, between, fit
from heamap.evaluation.priors import fit_prior
from heamap.evaluation.report import number_or_none
from heamap.evaluation.targets import TARGETS, TOTAL, FloatArray, with_sums

JUDGED = tuple(target for target in TARGETS if target != TOTAL)
"""Targets; the total is known."""

LEVEL = 0.9
"""Share of the draws of test images between the ends that are given."""

_LEAST_PARAMETER = 1e-6
"""Of a Dirichlet parameter: a vanishing one would make a draw all zeros."""


@dataclass(frozen=True)
class Particles:
    """Particles as likely as each other before an image is seen.

    Attributes
    ----------
    compositions : (k, 5) shares
    concentrations : (k,) of their Dirichlet-multinomial columns; infinity draws every atom by itself
    """

    compositions: FloatArray
    concentrations: FloatArray

    def __post_init__(self) -> None:
        if self.compositions.shape != (len(self.concentrations), len(ELEMENTS)) or not len(self.concentrations):
            raise ValueError(
                f"compositions (k, 5) need concentrations (k,), got {self.compositions.shape} and "
                f"{self.concentrations.shape}"
            )

    def without(self, one: int) -> "Particles":
        """All others: a particle that is drawn anew must not be known beforehand."""
        return Particles(np.delete(self.compositions, one, axis=0), np.delete(self.concentrations, one))

    def spread(self, total: int) -> FloatArray:
        """(k,) variance of the counts of a column over that of atoms drawn by themselves.

        Of a Dirichlet-multinomial column (Mosimann, Biometrika 49 (1962) 65).
        """
        return np.asarray(1 + (total - 1) / (1 + self.concentrations))


@dataclass(frozen=True)
class _Expected:
    """What each particle makes of the brightness of columns of one total: mean and variance (k,), and gain (k, 5).

    The gain is by how much a count rises with the brightness: their covariance over the brightness' variance.
    """

    mean: FloatArray
    variance: FloatArray
    gain: FloatArray


def concentrations(columns: pd.DataFrame) -> FloatArray:
    """(images,) concentration of the columns of each image, by moments (``heamap.evaluation.priors.fit_prior``).

    Parameters
    ----------
    columns : ``sample`` and ``true_`` counts
    """
    names = [f"true_{symbol}" for symbol in ELEMENTS]
    return np.array(
        [fit_prior(rows["sample"], rows[names].to_numpy()).concentration for _, rows in columns.groupby("sample")]
    )


def estimate(
    totals: npt.NDArray[np.int64],
    brightness: FloatArray,
    models: Sequence[IntensityModel],
    particles: Particles,
    measurement: Measurement,
) -> FloatArray:
    """Counts of the columns of one image.

    Parameters
    ----------
    totals, brightness : (n,) atoms, and cross-sections in square Angstrom, of all columns of one image
    models : by total, ascending

    Returns
    -------
    (n, 5) atoms that sum to the totals
    """
    found, column = np.unique(totals, return_inverse=True)
    expected = [_expected(between(models, int(total)), particles, measurement) for total in found]
    logarithm = np.zeros(len(particles.concentrations))
    for number, of_total in enumerate(expected):
        seen = brightness[column == number, None]
        surprise = (seen - of_total.mean) ** 2 / of_total.variance + np.log(of_total.variance)
        logarithm -= surprise.sum(axis=0) / 2
    weight = np.exp(logarithm - logarithm.max())
    weight /= weight.sum()
    counts = np.empty((len(totals), len(ELEMENTS)))
    for number, (total, of_total) in enumerate(zip(found, expected, strict=True)):
        here = column == number
        # The mean over particles of: composition x total + gain x (brightness - its mean).
        level = total * particles.compositions - of_total.gain * of_total.mean[:, None]
        counts[here] = weight @ level + brightness[here, None] * (weight @ of_total.gain)
    return counts


def assess(
    test: pd.DataFrame,
    library: pd.DataFrame,
    particles: Particles,
    measurement: Measurement,
    *,
    repeats: int = 5,
    draws: int = 40,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """How well the estimate does on the test columns, and on particles drawn anew.

    Parameters
    ----------
    test : ``sample`` and ``true_`` counts
    library : simulated columns (``heamap.evaluation.column_library``)
    particles : before an image is seen, two or more
    repeats : of the brightness of the test columns, drawn by the library's scatter
    draws : of as many images with the same totals, their particles drawn as well

    Returns
    -------
    JSON-ready. ``targets[target]``: ``r2`` and ``skill`` over the true total times the true composition of the image,
    of the test columns. ``drawn[target]``: ``skill`` over all drawn images, its ends ``low`` and ``high`` over draws,
    and ``reached``, the share of the draws in which it is 0 or more. ``level``, ``images``, ``repeats``, ``draws``,
    ``particles``

    Raises
    ------
    ValueError : a total lies outside the library's
    """
    models = [fit(rows) for _, rows in library.groupby("total", sort=True)]
    names = [f"true_{symbol}" for symbol in ELEMENTS]
    images = [rows[names].to_numpy(np.int64) for _, rows in test.groupby("sample")]
    known = [particles] * len(images)
    own = np.sum([_errors(images, models, known, measurement, rng) for _ in range(repeats)], axis=0)
    spread = repeats * (with_sums(np.concatenate(images))[:, :-1].var(axis=0) * len(test))
    drawn = []
    for _ in range(draws):
        chosen = rng.integers(len(particles.concentrations), size=len(images))
        others = [_draw(counts.sum(axis=1), particles, one, rng) for counts, one in zip(images, chosen, strict=True)]
        left = [particles.without(one) for one in chosen]
        drawn.append(_errors(others, models, left, measurement, rng))
    skills = np.array([_skill(errors) for errors in drawn])
    low, high = np.quantile(skills, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    of_all, reached = _skill(np.sum(drawn, axis=0)), (skills >= 0).mean(axis=0)
    return {
        "targets": {
            target: {"r2": number_or_none(r2), "skill": number_or_none(skill)}
            for target, r2, skill in zip(JUDGED, _skill(np.array([own[0], spread])), _skill(own), strict=True)
        },
        "drawn": {
            target: {
                "skill": number_or_none(of_all[number]),
                "low": number_or_none(low[number]),
                "high": number_or_none(high[number]),
                "reached": float(reached[number]),
            }
            for number, target in enumerate(JUDGED)
        },
        "level": LEVEL,
        "images": len(images),
        "repeats": repeats,
        "draws": draws,
        "particles": len(particles.concentrations),
    }


def _expected(model: IntensityModel, particles: Particles, measurement: Measurement) -> _Expected:
    shares, weights, total = particles.compositions, model.weights_square_angstrom, model.total
    atom = shares @ weights
    # Of the weight of one atom, and of all atoms of a column.
    variance = shares @ weights**2 - atom**2
    spread = particles.spread(total)
    whole = total * spread * variance
    off = total * atom - model.centre_square_angstrom
    bend = model.curvature / model.centre_square_angstrom
    mean = np.maximum(total * atom + bend * (whole + off**2), 0)
    slope = 1 + 2 * bend * off
    order = model.order * variance * (1 - spread / total) + model.floor * mean**2
    seen = slope**2 * whole + order + measurement.variance(mean)
    covariance = (total * spread * slope)[:, None] * shares * (weights - atom[:, None])
    return _Expected(mean, seen, covariance / seen[:, None])


def _measured(
    counts: npt.NDArray[np.int64], models: Sequence[IntensityModel], measurement: Measurement, rng: np.random.Generator
) -> FloatArray:
    """Brightness (n,) of columns (n, 5)."""
    totals = counts.sum(axis=1)
    mean, variance = np.empty(len(counts)), np.empty(len(counts))
    for total in np.unique(totals):
        here, model = totals == total, between(models, int(total))
        mean[here] = model.mean(counts[here])
        variance[here] = model.variance(counts[here]) + measurement.variance(mean[here])
    return mean + np.sqrt(variance) * rng.normal(size=len(counts))


def _draw(
    totals: npt.NDArray[np.int64], particles: Particles, one: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Counts (n, 5) of the columns of one particle."""
    shares, concentration = particles.compositions[one], particles.concentrations[one]
    if np.isinf(concentration):
        return rng.multinomial(totals, shares)
    own = rng.dirichlet(np.maximum(concentration * shares, _LEAST_PARAMETER), size=len(totals))
    return rng.multinomial(totals, own)


def _errors(
    images: Sequence[npt.NDArray[np.int64]],
    models: Sequence[IntensityModel],
    known: Sequence[Particles],
    measurement: Measurement,
    rng: np.random.Generator,
) -> FloatArray:
    """(2, 6) sums of squared errors over all columns: of the estimate, and of total x composition of the image."""
    sums = np.zeros((2, len(JUDGED)))
    for counts, particles in zip(images, known, strict=True):
        totals = counts.sum(axis=1)
        found = estimate(totals, _measured(counts, models, measurement, rng), models, particles, measurement)
        first = totals[:, None] * (counts.sum(axis=0) / totals.sum())
        sums += [(with_sums(guess - counts)[:, :-1] ** 2).sum(axis=0) for guess in (found, first)]
    return sums


def _skill(errors: FloatArray) -> FloatArray:
    """(6,) 1 - the first of two sums of squares (2, 6) over the second; NaN where that is 0."""
    return np.asarray(1 - errors[0] / np.where(errors[1] > 0, errors[1], np.nan))
