"""Bounds within which an image counts as one of the training images, from views of the simulated particles."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from heamap.contract import DomainLimits, Limits
from heamap.domain.measures import FEATURES, Measures
from heamap.elements import TABLE

Values = npt.NDArray[np.float64]
Verdict = Literal["in domain", "doubtful", "refused"]

FALSE_ALARM_RATE = 0.01
"""Of in-domain images called doubtful, aimed at by the calibration."""

CONSTANT_REFUSED = 1.07
"""A lattice constant off by more than this factor is refused: half way, in logarithms, to a pixel size off by 15 %."""

_PURE = [element.lattice_constant_angstrom for element in TABLE]
_WRONG_PIXEL_SIZE = 1.15
NO_ALLOY = Limits(refused_below=max(_PURE) / _WRONG_PIXEL_SIZE, refused_above=min(_PURE) * _WRONG_PIXEL_SIZE)
"""Lattice constants in Angstrom beyond which any alloy of the elements lies whose pixel size is 15 % off: by Vegard's
rule its own lies between those of the pure elements. Bounds of wide compositions, which the views' scatter widens
further, reach beyond and let such pixel sizes pass as doubtful. Nearly pure Pt or Ni, which no model was trained on, is
refused from 3 % on."""

REFUSED_RANGES = 1.0
"""Other figures are refused so many ranges (from the training images' median to their last hundredth) beyond the inner
bound."""

MISFIT_REFUSED = 0.03
"""Least misfit that is refused: scan distortion and unequal pixels of real microscopes shear by 1 to 3 %, which the
training images do not, and lattices that are no fcc down [110] lie 5 % off and more."""

DISTANCE_REFUSED = 3.0
"""Times the inner bound of the distance: real noise, support and thickness differ from simulated ones without making
counts worthless, so statistics alone refuse only what is far away."""

FIXED = {
    "columns_per_cell": Limits(refused_below=0.1, doubtful_below=0.2, doubtful_above=1.15, refused_above=1.4),
    "saturated_share": Limits(doubtful_above=0.001, refused_above=0.02),
    "superlattice": Limits(doubtful_above=2.0, refused_above=4.0),
}
"""Bounds that need no training images: a particle may fill a window in part, but there is one column in a cell; of an
image that is not clipped a pixel in thousands has the highest value; and a lattice of like columns has no spots where
fcc forbids them, however its elements scatter: 150 training images of wide compositions reach 1.2, SrTiO3 down [110]
begins at 4.7 (docs/decisions.md). They hold for a model, too, whose contract is older than they are."""

LEAST_LATTICE_SHARE = 0.95
"""Of the views; where fewer show a lattice (fields too small), no limits can be drawn."""

FITTED = ("lattice_constant_angstrom", "misfit", "foreign", "spacing_angstrom", "distance")
"""Figures whose bounds come from the training images: lattice constant; root mean square of the spots' misfit, a share;
logarithm of the strongest power off the lattice over its spots; distance of neighbouring columns; distance of the
features, in standard deviations."""

_UPPER_ONLY = np.array([False, True, True, False, True])
"""A small misfit, little foreign power and a small distance are no fault."""

_REGION_FIGURES = {"lattice_constant_angstrom": "constant", "misfit": "misfit", "foreign": "foreign"}

_REGION_TAIL = 0.005
"""Of the training windows beyond each bound of a region: 16 windows see 10 times as many chances as one image."""
_LEAST_RANGE = 0.003
"""Of a figure, over its median: distances of maxima are in whole pixels, and many views may share one."""
_RIDGE = 0.05
"""Share of each feature's variance that is added: views of some ten particles know a covariance only so well."""


def image_checks(measures: Measures) -> dict[str, float]:
    """The figures of an image that tell its lattice, whether training images or not; NaN where there is no lattice.

    Returns
    -------
    by name of ``FITTED``, all but the distance, ``superlattice`` and ``columns_per_cell``
    """
    fit, known = measures.fit, measures.any_lattice
    return {
        "lattice_constant_angstrom": measures.median(fit.constant) if known else np.nan,
        "misfit": measures.median(fit.misfit) if known else np.nan,
        "foreign": measures.median(fit.foreign) if known else np.nan,
        "superlattice": float(measures.mean(fit.superlattice)) if known else np.nan,
        "spacing_angstrom": measures.spacing_angstrom,
        "columns_per_cell": measures.columns,
    }


def distance(features: Values, limits: DomainLimits) -> Values:
    """Mahalanobis distance (n,) of features (n, len(FEATURES)) from the training views' mean."""
    return _distance(features, np.array(limits.feature_mean), np.array(limits.feature_precision))


def image_bounds(limits: DomainLimits, name: str) -> Limits:
    """Of a figure of the image, by its name; nothing is refused that the inner bounds allow."""
    found = limits.checks[name] if name in limits.checks else FIXED[name]
    if name != "lattice_constant_angstrom":
        return found
    low = np.nanmax(_numbers(found.refused_below, NO_ALLOY.refused_below))
    high = np.nanmin(_numbers(found.refused_above, NO_ALLOY.refused_above))
    return found.model_copy(
        update={
            "refused_below": float(np.nanmin(_numbers(low, found.doubtful_below))),
            "refused_above": float(np.nanmax(_numbers(high, found.doubtful_above))),
        }
    )


def judge(value: float, bounds: Limits) -> Verdict:
    """Where a figure lies; NaN is no lattice, and refused."""
    if np.isnan(value) or _beyond(value, bounds.refused_below, bounds.refused_above):
        return "refused"
    return "doubtful" if _beyond(value, bounds.doubtful_below, bounds.doubtful_above) else "in domain"


def fit_limits(
    training: Sequence[Measures], calibration: Sequence[Sequence[Measures]], *, rate: float = FALSE_ALARM_RATE
) -> DomainLimits | None:
    """Draw the limits.

    Each figure's bounds come from its spread over the training views. One factor on all of these spreads then lets
    just ``rate`` of the calibration views, which are of other particles, fall beyond any inner bound; it is stretched
    until that would also hold for each calibration particle left out, for a new particle is as new as that.

    Parameters
    ----------
    training : measures of views of the training particles
    calibration : of each calibration particle, measures of its views

    Returns
    -------
    None where too few views show a lattice to draw bounds from
    """
    others = [measures for particle in calibration for measures in particle]
    known = [measures for measures in training if measures.any_lattice]
    clear = [measures for measures in others if measures.any_lattice]
    if len(known) < max(LEAST_LATTICE_SHARE * len(training), 2 * len(FEATURES)):
        return None
    if len(clear) < max(LEAST_LATTICE_SHARE * len(others), 2):
        return None
    mean, precision = _moments(np.stack([view.mean(view.features) for view in known]))
    middle, low, high = _ranges(_figures(known, mean, precision))
    excess = [
        _excess(_figures(views, mean, precision), middle, low, high)
        for particle in calibration
        if (views := [measures for measures in particle if measures.any_lattice])
    ]
    factor = max(_stretched(excess, rate), 1.0)
    return DomainLimits(
        false_alarm_rate=rate,
        views=len(training),
        calibration_views=len(others),
        calibration_particles=len(calibration),
        checks=_bounds_of(FITTED, middle, low, high, factor) | FIXED,
        region_checks=_region_limits(known),
        features=FEATURES,
        feature_mean=tuple(mean.tolist()),
        feature_precision=tuple(tuple(row) for row in precision.tolist()),
    )


def _numbers(*bounds: float | None) -> Values:
    """NaN where there is no bound."""
    return np.array(bounds, np.float64)


def _beyond(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def _distance(features: Values, mean: Values, precision: Values) -> Values:
    away = features - mean
    return np.sqrt(np.einsum("ni,ij,nj->n", away, precision, away))


def _moments(features: Values) -> tuple[Values, Values]:
    """Mean and precision of features (views, FEATURES)."""
    covariance = np.cov(features, rowvar=False)
    covariance = covariance + _RIDGE * np.diag(np.diag(covariance))
    return np.asarray(features.mean(axis=0)), np.asarray(np.linalg.inv(covariance))


def _figures(views: Sequence[Measures], mean: Values, precision: Values) -> Values:
    """(views, FITTED) figures of each view."""
    checks = [image_checks(view) | {"distance": np.nan} for view in views]
    figures = np.array([[check[name] for name in FITTED] for check in checks])
    figures[:, -1] = _distance(np.stack([view.mean(view.features) for view in views]), mean, precision)
    return figures


def _ranges(figures: Values) -> tuple[Values, Values, Values]:
    """Median of each figure, and how far its 1st and 99th percentile lie below and above: at least a little."""
    low, middle, high = np.nanquantile(figures, (0.01, 0.5, 0.99), axis=0)
    least = _LEAST_RANGE * np.abs(middle)
    return middle, np.maximum(middle - low, least), np.maximum(high - middle, least)


def _excess(figures: Values, middle: Values, low: Values, high: Values) -> Values:
    """How far the worst figure of each view lies from its middle, in ranges; (views,)."""
    away = figures - middle
    below = np.where(_UPPER_ONLY, -np.inf, -away / low)
    return np.asarray(np.nanmax(np.maximum(below, away / high), axis=1))


def _stretched(excess: Sequence[Values], rate: float) -> float:
    """The quantile of all particles' excesses, times the most by which a particle's own lies above the others'."""

    def quantile(values: Values) -> float:
        return float(np.quantile(values, 1 - rate, method="higher"))

    stretch = 1.0
    for index, own in enumerate(excess):
        others = [values for other, values in enumerate(excess) if other != index]
        if others:
            stretch = max(stretch, quantile(own) / quantile(np.concatenate(others)))
    return stretch * quantile(np.concatenate(excess))


def _bounds_of(names: Sequence[str], middle: Values, low: Values, high: Values, factor: float) -> dict[str, Limits]:
    """Bounds of figures ``factor`` ranges below and above their middle, and outer ones beyond."""
    found = {}
    for name, centre, down, up in zip(names, middle.tolist(), low.tolist(), high.tolist(), strict=True):
        inner_low, inner_high = centre - factor * down, centre + factor * up
        outer_low, outer_high = inner_low - REFUSED_RANGES * down, inner_high + REFUSED_RANGES * up
        if name == "lattice_constant_angstrom":
            # Bounds that calibration images unlike the training's stretch below 0 bound nothing, and must ascend.
            outer_low, outer_high = min(inner_low / CONSTANT_REFUSED, inner_low), inner_high * CONSTANT_REFUSED
        if name == "misfit":
            outer_high = max(outer_high, MISFIT_REFUSED)
        if name == "distance":
            outer_high = DISTANCE_REFUSED * inner_high
        if _UPPER_ONLY[FITTED.index(name)]:
            found[name] = Limits(doubtful_above=inner_high, refused_above=outer_high)
        else:
            found[name] = Limits(
                refused_below=outer_low,
                doubtful_below=inner_low,
                doubtful_above=inner_high,
                refused_above=outer_high,
            )
    return found


def _region_limits(views: Sequence[Measures]) -> dict[str, Limits]:
    """Bounds of single windows, which see fewer columns than an image and scatter more."""
    values = np.column_stack(
        [
            np.concatenate([getattr(view.fit, name)[view.weights > 0] for view in views])
            for name in _REGION_FIGURES.values()
        ]
    )
    low, middle, high = np.quantile(values, (_REGION_TAIL, 0.5, 1 - _REGION_TAIL), axis=0)
    return _bounds_of(tuple(_REGION_FIGURES), middle, middle - low, high - middle, 1.0)
