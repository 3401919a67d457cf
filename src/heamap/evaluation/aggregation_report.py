"""What a model carries to judge aggregation by, and what is said of one image."""

from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation.aggregation import LEVEL, RESAMPLES, overdispersion
from heamap.evaluation.claims import Power, may_claim, verdicts
from heamap.evaluation.correlogram import SHELLS_ANGSTROM, Correlogram, correlogram
from heamap.evaluation.dispersion_moments import read_columns
from heamap.evaluation.prediction_errors import PredictionErrors

FloatArray = npt.NDArray[np.float64]

_DECIMALS = 4


@dataclass(frozen=True)
class AggregationCalibration:
    """Calibrated on simulated particles that neither trained nor chose the model.

    Attributes
    ----------
    errors : of predicted deviations (``error_calibration.fit``)
    error_correlation : (shells, 5) between neighbouring columns, by ``SHELLS_ANGSTROM`` (``error_correlation``)
    power : detection and false alarms (``claims.measure_power``); None where not measured, and then nothing is claimed
    """

    errors: PredictionErrors
    error_correlation: FloatArray
    power: Power | None

    @property
    def may_claim(self) -> bool:
        """Whether any element may be called aggregated at ``aggregation.LEVEL``, whatever an image shows."""
        return may_claim(self.power, LEVEL)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready, some 15 kB; ``from_dict`` gives it back."""
        return {
            "errors": self.errors.to_dict(),
            "error_correlation": self.error_correlation.round(_DECIMALS).tolist(),
            "power": None if self.power is None else self.power.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what ``to_dict`` wrote.

        Raises
        ------
        InputError : a part is missing or not as heamap writes it
        """
        missing = [name for name in ("errors", "error_correlation", "power") if name not in values]
        if missing:
            raise InputError(f"aggregation: {', '.join(missing)} missing; calibrate the model again")
        correlation = np.asarray(values["error_correlation"], np.float64)
        shape = (len(SHELLS_ANGSTROM) - 1, len(ELEMENTS))
        if correlation.shape != shape:
            raise InputError(f"aggregation: error_correlation must be {shape}, got {correlation.shape}")
        power = None if values["power"] is None else Power.from_dict(values["power"])
        return cls(PredictionErrors.from_dict(values["errors"]), correlation, power)


def aggregation_report(
    counts: npt.ArrayLike,
    positions_angstrom: npt.ArrayLike,
    calibration: AggregationCalibration,
    rng: np.random.Generator,
    *,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """What one image says of aggregation.

    Parameters
    ----------
    counts : (n, 5) predicted atoms, unrounded
    positions_angstrom : (n, 2)

    Returns
    -------
    JSON-ready; what is not known is None:

    * ``level``, ``columns``
    * ``elements[symbol]``: a ``Verdict``, and ``correlogram_p_value``, corrected for all shells and no part of it
    * ``correlogram``: ``distance_angstrom``, ``pairs`` and ``correlation[symbol]`` by shell, less that of errors

    Raises
    ------
    ValueError : fewer than three columns, no atoms, or too few resamples for the level
    """
    test = overdispersion(counts, rng, errors=calibration.errors, level=level, resamples=resamples)
    values = read_columns(counts, calibration.errors).moments.standardised
    spatial = correlogram(positions_angstrom, values, rng, expected=calibration.error_correlation, resamples=resamples)
    return {
        "level": level,
        "columns": test.columns,
        "elements": {
            verdict.element: {**asdict(verdict), "correlogram_p_value": float(p_value)}
            for verdict, p_value in zip(verdicts(test, calibration.power), spatial.overall, strict=True)
        },
        "correlogram": _by_shell(spatial),
    }


def _by_shell(spatial: Correlogram) -> dict[str, Any]:
    return {
        "distance_angstrom": _numbers(spatial.distance_angstrom),
        "pairs": spatial.pairs.tolist(),
        "correlation": {symbol: _numbers(spatial.correlation[:, index]) for index, symbol in enumerate(ELEMENTS)},
    }


def _numbers(values: FloatArray) -> list[float | None]:
    return [round(float(value), _DECIMALS) if np.isfinite(value) else None for value in values]
