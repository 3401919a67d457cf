"""How often intervals hold the truth, slice by slice, and how wide they are beside another estimator's."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import stdtrit

from heamap.evaluation.metrics import bootstrap_weights
from heamap.evaluation.targets import TARGETS, FloatArray, with_sums

OVERALL_TOLERANCE = 0.02
SLICE_TOLERANCE = 0.05
CONFIDENCE = 0.95

RULE = (
    "covered: the share of covered columns is within {overall:.0%} of the level overall, within {slice:.0%} in a "
    "slice; sampling error excuses nothing. The share's own {confidence:.0%} interval counts images, not columns "
    "(Student's t, never narrower than for independent columns); a verdict is decided where that interval lies wholly "
    "inside or wholly outside the tolerance."
)

COVERED, NOT_COVERED = "covered", "not covered"


@dataclass(frozen=True)
class Coverage:
    """Coverage of one target in one slice.

    Attributes
    ----------
    share : of the columns inside their intervals
    low, high : ends of the share's own interval; None with a single image, which cannot tell how much images differ
    columns, images : judged
    width : mean width of the intervals, in atoms
    verdict : ``covered`` or ``not covered``
    side : ``within``, ``below`` or ``above`` the tolerance around the level
    decided : the sampling error leaves no other verdict
    """

    share: float
    low: float | None
    high: float | None
    columns: int
    images: int
    width: float
    verdict: str
    side: str
    decided: bool


def coverage(
    images: npt.ArrayLike,
    true: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    *,
    level: float,
    tolerance: float,
) -> Coverage:
    """Judge the intervals of one target.

    The share's variance is that of a ratio of sums over images (Cochran, Sampling Techniques, 1977, section 6.4), or
    the binomial one of Agresti and Coull (Am. Stat. 52 (1998) 119) where that is larger.

    Parameters
    ----------
    images : (n,) image of each column
    true, low, high : (n,) atoms
    level : promised share
    tolerance : largest distance of the share from the level

    Raises
    ------
    ValueError : no columns
    """
    truth, bottom, top = (np.asarray(values, np.float64) for values in (true, low, high))
    if not truth.size:
        raise ValueError("no columns to judge intervals by")
    _, image, columns = np.unique(np.asarray(images), return_inverse=True, return_counts=True)
    hits = np.bincount(image, weights=(truth >= bottom) & (truth <= top)).astype(np.float64)
    share = float(hits.sum() / truth.size)
    side = "within" if abs(share - level) <= tolerance + 1e-9 else ("below" if share < level else "above")
    ends = _share_interval(hits, columns)
    band = (level - tolerance, level + tolerance)
    decided = (
        ends is not None
        and {
            "within": band[0] <= ends[0] and ends[1] <= band[1],
            "below": ends[1] < band[0],
            "above": ends[0] > band[1],
        }[side]
    )
    return Coverage(
        share=share,
        low=None if ends is None else ends[0],
        high=None if ends is None else ends[1],
        columns=truth.size,
        images=len(columns),
        width=float((top - bottom).mean()),
        verdict=COVERED if side == "within" else NOT_COVERED,
        side=side,
        decided=decided,
    )


def coverage_report(
    images: npt.ArrayLike,
    true: npt.ArrayLike,
    low: npt.ArrayLike,
    high: npt.ArrayLike,
    slices: Mapping[str, npt.ArrayLike],
    *,
    level: float,
) -> dict[str, Any]:
    """Coverage of every target, overall and slice by slice.

    Parameters
    ----------
    images : (n,) image of each column
    true : (n, 5) atoms
    low, high : (n, 7) from ``Intervals.around``
    slices : name of a property -> (n,) label of each column, for example the bin of its total; NaN is in no slice

    Returns
    -------
    JSON-ready:

    * ``level``; ``rule``: how verdicts are made
    * ``targets[target]``: ``overall`` and ``slices[property][label]``, each a ``Coverage``
    * ``not_covered``: every ``target (side)`` or ``target, property label (side)`` whose verdict is ``not covered``
    """
    truth, bottom, top = with_sums(true), np.asarray(low, np.float64), np.asarray(high, np.float64)
    owners = np.asarray(images)
    targets: dict[str, Any] = {}
    missed: list[str] = []
    for index, target in enumerate(TARGETS):
        ends = (truth[:, index], bottom[:, index], top[:, index])
        overall = coverage(owners, *ends, level=level, tolerance=OVERALL_TOLERANCE)
        missed += [f"{target} ({overall.side})"] if overall.verdict == NOT_COVERED else []
        found: dict[str, dict[str, Any]] = {}
        for name, labels in slices.items():
            marks = np.asarray(labels, dtype=object)
            found[name] = {}
            # A missing label is a NaN, which equals nothing.
            for label in sorted(set(marks[marks == marks].tolist())):
                inside = marks == label
                part = coverage(owners[inside], *(end[inside] for end in ends), level=level, tolerance=SLICE_TOLERANCE)
                found[name][str(label)] = asdict(part)
                missed += [f"{target}, {name} {label} ({part.side})"] if part.verdict == NOT_COVERED else []
        targets[target] = {"overall": asdict(overall), "slices": found}
    rule = RULE.format(overall=OVERALL_TOLERANCE, slice=SLICE_TOLERANCE, confidence=CONFIDENCE)
    return {"level": level, "rule": rule, "targets": targets, "not_covered": missed}


def sharpness(
    images: npt.ArrayLike,
    width: npt.ArrayLike,
    rival: npt.ArrayLike,
    *,
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, dict[str, float | None]]:
    """Mean widths of two estimators' intervals on the same columns, both calibrated in the same way.

    Parameters
    ----------
    images : (n,) image of each column
    width, rival : (n, 7) high - low of the estimator and of the one it is compared with
    resamples : bootstrap resamples of the images

    Returns
    -------
    target -> ``width``, ``rival_width`` in atoms; ``ratio`` of the two, below 1 where the estimator's are narrower,
    None over a rival without width; ``low``, ``high``: ends of the ratio's 95 % percentile interval over the judged
    images. Calibrations are taken as they are: what other calibration images would change is not in the interval.
    """
    own, other = np.asarray(width, np.float64), np.asarray(rival, np.float64)
    _, image = np.unique(np.asarray(images), return_inverse=True)
    number = int(image.max()) + 1
    draws = bootstrap_weights(number, resamples, rng)
    found: dict[str, dict[str, float | None]] = {}
    for index, target in enumerate(TARGETS):
        sums = np.stack([np.bincount(image, weights=part[:, index], minlength=number) for part in (own, other)])
        mine, theirs = draws @ sums.T[:, 0], draws @ sums.T[:, 1]
        ratios = mine / np.where(theirs > 0, theirs, np.nan)
        low, high = np.quantile(ratios, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
        total = sums.sum(axis=1)
        found[target] = {
            "width": float(total[0] / len(image)),
            "rival_width": float(total[1] / len(image)),
            "ratio": _number(total[0] / total[1]) if total[1] > 0 else None,
            "low": _number(low),
            "high": _number(high),
        }
    return found


def _share_interval(hits: FloatArray, columns: npt.NDArray[np.int64]) -> tuple[float, float] | None:
    number, total = len(columns), int(columns.sum())
    if number < 2:
        return None
    share = hits.sum() / total
    between = number / (number - 1) * ((hits - share * columns) ** 2).sum() / total**2
    drawn_to_half = (hits.sum() + 2) / (total + 4)
    error = math.sqrt(max(float(between), drawn_to_half * (1 - drawn_to_half) / (total + 4)))
    reach = float(stdtrit(number - 1, (1 + CONFIDENCE) / 2)) * error
    return max(0.0, float(share) - reach), min(1.0, float(share) + reach)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
