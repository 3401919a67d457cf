"""The error model of predicted deviations, learnt on calibration columns."""

from dataclasses import astuple, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.elements import ELEMENTS
from heamap.evaluation.image_effects import ImageEffect, foresee
from heamap.evaluation.prediction_errors import LEAST_RESPONSE, FloatArray, PredictionErrors, deviations
from heamap.evaluation.residual_ends import LEAST_IMAGES
from heamap.evaluation.total_bins import bin_of, inner_edges

IntArray = npt.NDArray[np.int64]

# A response of fewer standard errors is taken as none.
_LEAST_RESPONSE_ERRORS = 4.0
_MOST_BINS, _LEAST_COLUMNS = 3, 400
_KEPT_RESIDUALS = 96
_DECIMALS = 4
# Squared atoms, and the variance of what cannot differ, as the gain of an element that is not seen.
_NOTHING, _SURE = 1e-9, 1e-12


def fit(images: npt.ArrayLike, true: npt.ArrayLike, predicted: npt.ArrayLike) -> PredictionErrors:
    """Learn the error model on columns of images that neither trained nor chose the model.

    Parameters
    ----------
    images : (n,) image of each column
    true, predicted : (n, 5) atoms

    Raises
    ------
    ValueError : shapes differ, fewer than ``LEAST_IMAGES`` images, or too few columns for the residuals to have a
        covariance
    """
    owners, truth, guess = np.asarray(images), np.asarray(true, np.float64), np.asarray(predicted, np.float64)
    numbers = np.unique(owners)
    if truth.shape != guess.shape or owners.shape != truth.shape[:1]:
        raise ValueError(f"images, true and predicted disagree: {owners.shape}, {truth.shape}, {guess.shape}")
    if len(numbers) < LEAST_IMAGES or len(owners) < 2 * _KEPT_RESIDUALS:
        raise ValueError(
            f"an error model needs {LEAST_IMAGES} images and {2 * _KEPT_RESIDUALS} columns or more, "
            f"got {len(numbers)} and {len(owners)}"
        )
    wanted, found, totals = np.empty_like(truth), np.empty_like(guess), np.empty(len(owners))
    for number in numbers:
        here = owners == number
        wanted[here] = deviations(truth[here])[0]
        found[here], totals[here], _ = deviations(guess[here])
    edges = inner_edges(totals, owners, most=_MOST_BINS, least_columns=_LEAST_COLUMNS, least_images=LEAST_IMAGES)
    place = bin_of(totals, edges)
    parts = [_regress(wanted[place == number], found[place == number]) for number in range(len(edges) + 1)]
    offset, response, residuals = (np.stack(part).round(_DECIMALS) for part in zip(*parts, strict=True))
    alike = PredictionErrors(edges, offset, response, residuals, (), (), len(numbers))
    gain, loudness = _image_effects(alike, owners, place, wanted, found)
    return replace(alike, gain=gain, loudness=loudness)


def _regress(wanted: FloatArray, found: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Offset (5,), response (5, 5) without what is not seen, and a sample of the residuals (m, 5)."""
    middle_wanted, middle_found = wanted.mean(axis=0), found.mean(axis=0)
    away = wanted - middle_wanted
    slopes = np.linalg.lstsq(away, found - middle_found, rcond=1e-8)[0].T
    rest = found - middle_found - away @ slopes.T
    left, size, right = np.linalg.svd(slopes)
    spread = (away @ right.T).var(axis=0)
    error = np.sqrt((rest @ left).var(axis=0) / (len(away) * np.maximum(spread, 1e-12)))
    kept = size >= np.maximum(LEAST_RESPONSE, _LEAST_RESPONSE_ERRORS * error)
    response = (left * (size * kept)) @ right
    offset = middle_found - response @ middle_wanted
    return offset, response, _sample(found - offset - wanted @ response.T)


def _sample(residuals: FloatArray) -> FloatArray:
    """Few residuals, evenly from all, given the covariance of all."""
    chosen = residuals[np.linspace(0, len(residuals) - 1, _KEPT_RESIDUALS).astype(int)]
    chosen = chosen - chosen.mean(axis=0)
    whole, part = (np.linalg.eigh(rows.T @ rows / len(rows)) for rows in (residuals - residuals.mean(axis=0), chosen))
    # Deviations sum to zero: one eigenvalue is none.
    inverse = np.where(part[0] > 1e-9, 1 / np.sqrt(np.maximum(part[0], 1e-9)), 0.0)
    root = (whole[1] * np.sqrt(np.maximum(whole[0], 0.0))) @ whole[1].T
    return chosen @ (part[1] * inverse) @ part[1].T @ root


def _image_effects(
    errors: PredictionErrors, owners: npt.NDArray[Any], place: IntArray, wanted: FloatArray, found: FloatArray
) -> tuple[tuple[ImageEffect, ...], tuple[ImageEffect, ...]]:
    """How response and error variance of unmixed deviations differ from image to image: gain and loudness."""
    numbers = np.unique(owners)
    seen = np.einsum("nij,nj->ni", errors.seen[place], wanted)
    unmixed = np.einsum("nij,nj->ni", errors.unmixing[place], found - errors.offset[place])
    noise = errors.noise[place]
    shape = (len(ELEMENTS), len(numbers))
    gains, gain_variances = np.ones(shape), np.full(shape, _SURE)
    louds, loud_variances = np.zeros(shape), np.full(shape, _SURE)
    for column, number in enumerate(numbers):
        here = owners == number
        for row in range(len(ELEMENTS)):
            true, got, usual = seen[here, row], unmixed[here, row], noise[here, row]
            power = true @ true
            if power > _NOTHING:
                gains[row, column] = true @ got / power
                rest = got - gains[row, column] * true
                gain_variances[row, column] += (true**2 @ rest**2) / power**2
                if rest @ rest > _NOTHING and usual.sum() > _NOTHING:
                    factor = (rest @ rest) / usual.sum()
                    louds[row, column] = np.log(factor)
                    loud_variances[row, column] += ((rest**2 - factor * usual) ** 2).sum() / (rest @ rest) ** 2
    return _foreseen(gains, gain_variances), _foreseen(louds, loud_variances)


def _foreseen(values: FloatArray, variances: FloatArray) -> tuple[ImageEffect, ...]:
    effects = (foresee(*pair) for pair in zip(values, variances, strict=True))
    return tuple(ImageEffect(*(round(part, _DECIMALS) for part in astuple(effect))) for effect in effects)
