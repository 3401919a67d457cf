"""When an image may be said to show aggregation: significant there, by a model shown to see it and to stay silent."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation.aggregation import Overdispersion
from heamap.evaluation.dispersion_moments import LEAST_RESOLUTION

LEAST_DETECTION = 0.5
"""Share of aggregated particles that must be detected; the lower end of its interval counts."""
MOST_FALSE_ALARMS = 0.2
"""Share of particles without aggregation that may be called aggregated; the upper end of its interval counts."""
CONFIDENCE = 0.95
"""One-sided, of both ends."""

AGGREGATED, NO_CLAIM = "aggregated", "no claim"


@dataclass(frozen=True)
class Power:
    """How often simulated particles were called aggregated; tuples are in the order of ``ELEMENTS``.

    Attributes
    ----------
    level : of significance, over the five elements of a particle
    aggregated, detected : particles with aggregation, and those of them that were called so
    plain, alarms : particles without aggregation, and those of them that were called aggregated
    correlation : median true intra-column correlation of the aggregated particles; None without any
    """

    level: float
    aggregated: tuple[int, ...]
    detected: tuple[int, ...]
    plain: tuple[int, ...]
    alarms: tuple[int, ...]
    correlation: tuple[float | None, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; ``from_dict`` gives it back."""
        return {"elements": list(ELEMENTS), **{name: _plain(value) for name, value in asdict(self).items()}}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Read what ``to_dict`` wrote.

        Raises
        ------
        InputError : a key is missing, elements are others, or an element's entry is
        """
        names = ("aggregated", "detected", "plain", "alarms")
        try:
            elements = tuple(values["elements"])
            numbers = {name: tuple(int(number) for number in values[name]) for name in names}
            strength = tuple(None if rho is None else float(rho) for rho in values["correlation"])
            found = cls(float(values["level"]), **numbers, correlation=strength)
        except (KeyError, TypeError, ValueError) as fault:
            raise InputError(f"power: not as heamap writes it ({fault!r}); calibrate the model again") from None
        if elements != ELEMENTS or any(len(part) != len(ELEMENTS) for part in (*numbers.values(), strength)):
            raise InputError(f"power: needs one entry each of {list(ELEMENTS)}, got {list(elements)}")
        return found


@dataclass(frozen=True)
class Verdict:
    """What may be said of one element in one image.

    Attributes
    ----------
    claim : ``aggregated`` or ``no claim``
    reason : one line that says why
    correlation, standard_error, critical : intra-column correlation, its error, and the smallest significant one; None
        where the element was not tested
    p_value : corrected for five elements
    """

    element: str
    claim: str
    reason: str
    correlation: float | None
    standard_error: float | None
    critical: float | None
    p_value: float


def holm(p_values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """p-values (n,) corrected for having made n tests, dependent or not (Holm, Scand. J. Stat. 6 (1979) 65)."""
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values)
    steps = np.maximum.accumulate(values[order] * np.arange(values.size, 0, -1))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(steps, 1.0)
    return corrected


def measure_power(
    tests: list[Overdispersion],
    aggregated: npt.ArrayLike,
    plain: npt.ArrayLike,
    true_correlation: npt.ArrayLike,
) -> Power:
    """Detection and false alarms on simulated particles, tested on what the model predicts of their images.

    Parameters
    ----------
    tests : one per particle, of its predicted counts, all at one level
    aggregated, plain : (particles, 5) the element's true counts are over-dispersed by construction, or by chance alone;
        what is neither is left out
    true_correlation : (particles, 5) rho of the true counts

    Raises
    ------
    ValueError : shapes differ, a particle is both, or tests are at several levels
    """
    seeded, bare = np.asarray(aggregated, bool), np.asarray(plain, bool)
    rho = np.asarray(true_correlation, np.float64)
    shape = (len(tests), len(ELEMENTS))
    if not seeded.shape == bare.shape == rho.shape == shape:
        raise ValueError(f"aggregated, plain and true_correlation must be {shape}")
    if (seeded & bare).any():
        raise ValueError("an element cannot be both aggregated and plain in one particle")
    levels = {test.level for test in tests}
    if len(levels) != 1:
        raise ValueError(f"tests at one level are needed, got {sorted(levels)}")
    level = levels.pop()
    called = np.array([holm(test.p_value) <= level for test in tests])
    strength = [
        float(np.median(rho[rows, column])) if (rows := seeded[:, column]).any() else None
        for column in range(len(ELEMENTS))
    ]
    return Power(
        level=level,
        aggregated=_counts(seeded),
        detected=_counts(seeded & called),
        plain=_counts(bare),
        alarms=_counts(bare & called),
        correlation=tuple(None if value is None else round(value, 4) for value in strength),
    )


def verdicts(test: Overdispersion, power: Power | None) -> tuple[Verdict, ...]:
    """What may be said of each element in an image.

    ``aggregated`` needs a p-value, corrected for five elements, at or below the level of the test, and a model shown by
    simulation, at that level, to detect at least half of the aggregated particles and to call at most a fifth of the
    others so; both by the unfavourable end of a one-sided 95 % interval (Clopper and Pearson, Biometrika 26 (1934)
    404).

    Parameters
    ----------
    test : of the image's predicted counts
    power : of the model; None where it was not measured
    """
    corrected = holm(test.p_value)
    found = []
    for index, element in enumerate(ELEMENTS):
        rho = _number(test.correlation[index])
        error, critical = _number(test.standard_error[index]), _number(test.critical[index])
        obstacle = _untested(test, index) if rho is None else _powerless(power, index, test.level)
        if obstacle is None and corrected[index] > test.level:
            obstacle = (
                f"p = {corrected[index]:.2g} after correction for five elements: chance explains it; "
                f"an intra-column correlation below {test.critical[index]:.2g} would not be seen"
            )
        claim = AGGREGATED if obstacle is None else NO_CLAIM
        reason = obstacle or (
            f"intra-column correlation {rho:.2g} +- {error:.1g}, p = {corrected[index]:.2g} after correction"
        )
        found.append(Verdict(element, claim, reason, rho, error, critical, float(corrected[index])))
    return tuple(found)


def may_claim(power: Power | None, level: float) -> bool:
    """Whether a model of this power may call any element aggregated, whatever an image shows."""
    return any(_powerless(power, index, level) is None for index in range(len(ELEMENTS)))


def _untested(test: Overdispersion, index: int) -> str:
    if test.resolution[index] < LEAST_RESOLUTION:
        return f"the model does not tell it from the other elements ({test.resolution[index]:.0%} of it is seen apart)"
    return "the image holds too little of it"


def _powerless(power: Power | None, index: int, level: float) -> str | None:
    """Why the model may not claim the element's aggregation; None where it may."""
    if power is None:
        return "the model's power was not measured"
    if not math.isclose(power.level, level):
        return f"the model's power was measured at the level {power.level:g}, not {level:g}"
    detected, aggregated = power.detected[index], power.aggregated[index]
    if lowest_share(detected, aggregated) < LEAST_DETECTION:
        return f"the model detected {detected} of {aggregated} aggregated particles: not shown to see it"
    alarms, plain = power.alarms[index], power.plain[index]
    if highest_share(alarms, plain) > MOST_FALSE_ALARMS:
        return f"the model called {alarms} of {plain} particles without aggregation so: not shown to stay silent"
    return None


def lowest_share(hits: int, of: int) -> float:
    """Lower end of the one-sided 95 % interval of a share (Clopper and Pearson)."""
    return float(betaincinv(hits, of - hits + 1, 1 - CONFIDENCE)) if hits else 0.0


def highest_share(hits: int, of: int) -> float:
    """Upper end of the one-sided 95 % interval of a share (Clopper and Pearson)."""
    return float(betaincinv(hits + 1, of - hits, CONFIDENCE)) if hits < of else 1.0


def _counts(marks: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    return tuple(int(number) for number in marks.sum(axis=0))


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
