"""How predicted compositions of columns follow true ones: response, cross-talk and error.

A column's deviation is its counts minus its total times the composition of its image. Predicted deviations follow true
ones as offset + response x deviation + error, by bins of the predicted total. Regression to the mean makes the response
smaller than one, elements that look alike make it a full matrix, and the error adds variance of its own. Undoing the
response gives deviations that neither shrink nor leak from one element into another. ``error_calibration`` learns it.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation.image_effects import ImageEffect

FloatArray = npt.NDArray[np.float64]

LEAST_RESPONSE = 0.05
"""Directions of composition that answer less are taken as not seen; what they do counts as error."""
_NUMBER = len(ELEMENTS)
_SUMLESS = np.eye(_NUMBER) - 1 / _NUMBER
"""Projector onto deviations, which sum to zero."""
_SEEN_VARIANCE = _SUMLESS[0, 0]


@dataclass(frozen=True)
class PredictionErrors:
    """Error model of predicted deviations, by bins of the predicted total; elements in the order of ``ELEMENTS``.

    Attributes
    ----------
    edges : atoms of predicted total between bins
    offset : (bins, 5) atoms
    response : (bins, 5, 5) predicted deviation of the first element for an atom of true deviation of the second
    residuals : (bins, m, 5) errors in atoms, a sample with mean 0 and the covariance of all
    gain : of each element, factor on its response in an unseen image, about 1
    loudness : of each element, logarithm of the factor on the variance of its errors in an unseen image, about 0
    images : calibrated on
    """

    edges: tuple[float, ...]
    offset: FloatArray
    response: FloatArray
    residuals: FloatArray
    gain: tuple[ImageEffect, ...]
    loudness: tuple[ImageEffect, ...]
    images: int

    @property
    def unmixing(self) -> FloatArray:
        """(bins, 5, 5) matrices that undo the response where anything is seen."""
        return _undone(self.response)

    @property
    def seen(self) -> FloatArray:
        """(bins, 5, 5) projectors onto the directions of composition that are seen."""
        return self.unmixing @ self.response

    @property
    def resolution(self) -> FloatArray:
        """(bins, 5) share of an element's deviation, squared, that is seen apart from the other elements."""
        return np.diagonal(self.seen, axis1=1, axis2=2) / _SEEN_VARIANCE

    @property
    def noise(self) -> FloatArray:
        """(bins, 5) variance in squared atoms that errors add to unmixed deviations."""
        return ((self.residuals @ np.swapaxes(self.unmixing, 1, 2)) ** 2).mean(axis=1)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, some 10 kB; ``from_dict`` gives the model back."""
        return {
            "elements": list(ELEMENTS),
            "edges": list(self.edges),
            "offset": self.offset.tolist(),
            "response": self.response.tolist(),
            "residuals": self.residuals.tolist(),
            "gain": [[effect.centre, effect.scale, effect.freedom] for effect in self.gain],
            "loudness": [[effect.centre, effect.scale, effect.freedom] for effect in self.loudness],
            "images": self.images,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what ``to_dict`` wrote.

        Raises
        ------
        InputError : a key is missing, elements are others, or the shapes do not fit
        """
        try:
            found = cls(
                edges=tuple(float(edge) for edge in values["edges"]),
                offset=np.asarray(values["offset"], np.float64),
                response=np.asarray(values["response"], np.float64),
                residuals=np.asarray(values["residuals"], np.float64),
                gain=_effects(values["gain"]),
                loudness=_effects(values["loudness"]),
                images=int(values["images"]),
            )
            elements = tuple(values["elements"])
        except (KeyError, TypeError, ValueError) as fault:
            raise InputError(
                f"prediction errors: not as heamap writes them ({fault!r}); calibrate the model again"
            ) from None
        bins = len(found.edges) + 1
        shapes = (
            found.offset.shape,
            found.response.shape,
            found.residuals.shape[::2],
            len(found.gain),
            len(found.loudness),
        )
        wanted = ((bins, _NUMBER), (bins, _NUMBER, _NUMBER), (bins, _NUMBER), _NUMBER, _NUMBER)
        if elements != ELEMENTS or shapes != wanted:
            raise InputError(f"prediction errors: of {list(elements)}, shapes {shapes}; expected {wanted}")
        return found


def without_errors() -> PredictionErrors:
    """The model of true counts."""
    nothing = np.zeros((1, 1, _NUMBER))
    gain, loudness = (ImageEffect(1.0, 0.0, 1.0),) * _NUMBER, (ImageEffect(0.0, 0.0, 1.0),) * _NUMBER
    return PredictionErrors((), nothing[0], _SUMLESS[None].copy(), nothing, gain, loudness, images=0)


def deviations(counts: npt.ArrayLike) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Deviations of one image's columns from its own composition.

    Parameters
    ----------
    counts : (n, 5) atoms, true or predicted

    Returns
    -------
    deviations (n, 5) in atoms, totals (n,), composition (5,)

    Raises
    ------
    ValueError : counts are not (n, 5), not finite, or hold no atoms
    """
    atoms = np.asarray(counts, np.float64)
    if atoms.ndim != 2 or atoms.shape[1] != _NUMBER or not np.isfinite(atoms).all():
        raise ValueError(f"counts must be (n, {_NUMBER}) and finite, got shape {atoms.shape}")
    totals = atoms.sum(axis=1)
    if not totals.sum() > 0:
        raise ValueError(f"{len(atoms)} columns hold no atoms")
    composition = atoms.sum(axis=0) / totals.sum()
    return atoms - totals[:, None] * composition, totals, composition


def _effects(values: Any) -> tuple[ImageEffect, ...]:
    return tuple(ImageEffect(*(float(part) for part in effect)) for effect in values)


def _undone(response: FloatArray) -> FloatArray:
    """Pseudo-inverses; directions that rounding alone makes out are none."""
    left, size, right = np.linalg.svd(response)
    inverse = np.where(size > LEAST_RESPONSE / 2, 1 / np.maximum(size, LEAST_RESPONSE / 2), 0.0)
    return np.swapaxes(right, 1, 2) @ (inverse[:, :, None] * np.swapaxes(left, 1, 2))
