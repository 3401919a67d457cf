"""Second moments of in-column composition: what chance and prediction errors give, and what aggregation adds."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap.evaluation.image_effects import ImageEffect
from heamap.evaluation.prediction_errors import PredictionErrors, deviations
from heamap.evaluation.total_bins import bin_of

FloatArray = npt.NDArray[np.float64]

LEAST_RESOLUTION = 0.8
"""An element that is seen with less of its deviation apart from the others is not tested."""

# Logarithms of factors beyond these say no more than that anything is possible.
_WIDEST = 10.0
_NO_VARIANCE = 1e-9


@dataclass(frozen=True)
class Moments:
    """Of one element a column, arrays (..., n, 5).

    Attributes
    ----------
    unmixed : deviations, freed of shrinkage and cross-talk, in atoms
    null : their variance by chance and errors
    rise : how much their variance rises with the intra-column correlation rho
    weight : best under chance; 0 where the element is not seen
    """

    unmixed: FloatArray
    null: FloatArray
    rise: FloatArray
    weight: FloatArray

    @property
    def information(self) -> FloatArray:
        """(..., 5) what divides a surplus of variance into rho; NaN without any."""
        known = (self.weight * self.rise).sum(axis=-2)
        return np.where(known > 0, known, np.nan)

    @property
    def rho(self) -> FloatArray:
        """(..., 5) intra-column correlation by weighted moments; NaN for an element that is not seen."""
        return (self.weight * (self.unmixed**2 - self.null)).sum(axis=-2) / self.information

    @property
    def standardised(self) -> FloatArray:
        """Deviations in standard deviations of chance and errors; NaN for an element that is not seen."""
        seen = self.weight > 0
        return np.where(seen, self.unmixed / np.sqrt(np.where(seen, self.null, 1.0)), np.nan)


@dataclass(frozen=True)
class Columns:
    """One image's columns under an error model.

    Attributes
    ----------
    errors : of the predictions
    totals : (n,) whole atoms
    place : (n,) bin of the error model
    unmixed : (n, 5) deviations, freed of shrinkage and cross-talk
    composition : (5,) shares of the image's atoms, none negative
    """

    errors: PredictionErrors
    totals: FloatArray
    place: npt.NDArray[np.int64]
    unmixed: FloatArray
    composition: FloatArray

    @property
    def moments(self) -> Moments:
        """Of what was found."""
        return self._moments(self.unmixed, self.composition)

    @property
    def standard_error(self) -> FloatArray:
        """(5,) of rho: sandwich over columns, and what gain and loudness of the image may be off."""
        found = self.moments
        rest = found.weight * (found.unmixed**2 - found.null - found.rho * found.rise)
        rest = rest - self._through_composition(found)
        noise = (found.weight * self.errors.noise[self.place]).sum(axis=0)
        signal = np.maximum((found.weight * found.unmixed**2).sum(axis=0) - noise, 0.0)
        gain, loudness = (
            np.array([effect.scale for effect in part]) for part in (self.errors.gain, self.errors.loudness)
        )
        variance = (rest**2).sum(axis=0) + (2 * gain * signal) ** 2 + (loudness * noise) ** 2
        return np.sqrt(variance) / found.information

    def by_chance(self, resamples: int, rng: np.random.Generator) -> Moments:
        """Of columns drawn by chance and predicted with errors, (resamples, n, 5), each resample an unseen image.

        Atoms come from the multinomial, errors from the model's residuals; gain and loudness are drawn anew.
        """
        model = self.errors
        drawn = np.broadcast_to(self.totals.astype(np.int64), (resamples, len(self.totals)))
        atoms = rng.multinomial(drawn, self.composition)
        which = rng.integers(model.residuals.shape[1], size=drawn.shape)
        gain = np.maximum(_draw(model.gain, resamples, rng), 0.0)
        loudness = np.exp(np.clip(_draw(model.loudness, resamples, rng), -_WIDEST, _WIDEST) / 2)
        unmixed = gain[:, None] * _through(atoms - self.totals[:, None] * self.composition, model.seen, self.place)
        unmixed += loudness[:, None] * _through(model.residuals[self.place, which], model.unmixing, self.place)
        # The composition is taken from the columns themselves, as it is of an image.
        shift = unmixed.sum(axis=1) / self.totals.sum()
        shares = np.maximum(self.composition + shift, 0.0)
        return self._moments(unmixed - self.totals[:, None] * shift[:, None], shares)

    def errors_of(self, true: npt.ArrayLike) -> FloatArray:
        """(n, 5) what is wrong with the deviations, standardised; NaN for an element that is not seen.

        Parameters
        ----------
        true : (n, 5) atoms
        """
        found = self.moments
        seen = _through(deviations(true)[0], self.errors.seen, self.place)
        return Moments(found.unmixed - seen, found.null, found.rise, found.weight).standardised

    def _through_composition(self, found: Moments) -> FloatArray:
        """(n, 5) what each column does to the surplus by moving the composition that variances are reckoned from."""
        seen, totals = self.errors.seen, self.totals[:, None]
        slope = seen**2 - 2 * np.einsum("bij,j->bi", seen, self.composition)[:, :, None] * seen
        pull = found.weight * totals * (1 + found.rho * np.maximum(totals - 1, 0))
        by_bin = np.stack([pull[self.place == number].sum(axis=0) for number in range(len(seen))])
        moved: FloatArray = found.unmixed @ np.einsum("bi,bij->ij", by_bin, slope).T / self.totals.sum()
        return moved

    def _moments(self, unmixed: FloatArray, composition: FloatArray) -> Moments:
        seen = self.errors.seen
        # Variance of one atom's deviation through the projector, for each bin: diag(Q (diag p - p p^T) Q^T).
        unit = np.einsum("bij,...j->...bi", seen**2, composition) - np.einsum("bij,...j->...bi", seen, composition) ** 2
        by_column = unit[..., self.place, :]
        # The composition was taken from the same columns, which uses up part of their scatter.
        left = 1 - self.totals / self.totals.sum()
        null = (self.totals * left)[:, None] * by_column + self.errors.noise[self.place]
        rise = (self.totals * np.maximum(self.totals - 1, 0))[:, None] * by_column
        usable = (self.errors.resolution[self.place] >= LEAST_RESOLUTION) & (null > _NO_VARIANCE)
        weight = np.where(usable, rise / np.where(usable, null, 1.0) ** 2, 0.0)
        return Moments(unmixed, null, rise, weight)


def read_columns(counts: npt.ArrayLike, errors: PredictionErrors) -> Columns:
    """One image's columns, ready to be tested.

    Parameters
    ----------
    counts : (n, 5) atoms, as the error model's estimator predicts them

    Raises
    ------
    ValueError : as ``deviations``
    """
    found, totals, composition = deviations(counts)
    place = bin_of(totals, errors.edges)
    shares = np.maximum(composition, 0.0)
    unmixed = _through(found - errors.offset[place], errors.unmixing, place)
    return Columns(errors, np.maximum(np.rint(totals), 0.0), place, unmixed, shares / shares.sum())


def _through(values: FloatArray, matrices: FloatArray, place: npt.NDArray[np.int64]) -> FloatArray:
    """Each column's (..., n, 5) values through the matrix (bins, 5, 5) of its bin."""
    result = np.empty(values.shape)
    for number, matrix in enumerate(matrices):
        inside = place == number
        result[..., inside, :] = values[..., inside, :] @ matrix.T
    return result


def _draw(effects: tuple[ImageEffect, ...], number: int, rng: np.random.Generator) -> FloatArray:
    """(number, 5) effects of unseen images, drawn for each element by itself."""
    shares = np.clip(rng.random((len(effects), number)), 1e-12, None)
    return np.stack([effect.quantiles(share) for effect, share in zip(effects, shares, strict=True)], axis=-1)
