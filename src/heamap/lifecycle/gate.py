"""The verdict on a model: every criterion, its value, its threshold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap import params
from heamap.contract import Contract, Lineage, TrainingRanges
from heamap.evaluation.counter import Counter
from heamap.evaluation.targets import TOTAL
from heamap.evaluation.yardsticks import COUNTED, FIRST
from heamap.lifecycle.export import Images, Predict
from heamap.lifecycle.lineage import DATA
from heamap.lifecycle.remarks import Remark, interval

YARDSTICKS = {target: (FIRST[target], COUNTED) for target in ("Pt", TOTAL)}
"""What a model must beat: baseline 1 and atom counting."""

Skill = Mapping[str, float | None]
"""``value``, and the ends ``low`` and ``high`` of its 95 % interval over the test images."""

LEVEL = 0.95
"""Two-sided level of the interval of improvement."""


@dataclass(frozen=True)
class Improvement:
    """Relative fall of the mean squared error against the champion, with the ends of its interval."""

    value: float
    low: float
    high: float
    images: int


@dataclass(frozen=True)
class Evidence:
    """What the verdict rests on.

    Attributes
    ----------
    skill_pt : 1 - MSE / MSE(yardstick) of Pt, by yardstick
    skill_total : likewise, of the total
    test_images : that the scores and the coverage are of
    coverage : of the prediction intervals on the test split, by target: a ``Coverage`` as reports hold it
    coverage_level : what they promise
    improvement : over the champion; None without a champion to compare with
    champion : which one, or why none, in words
    comparable : False where a champion exists but cannot be run on the same images, or is for another detector
    parity_error, count_mismatch : ONNX against Keras, atoms and share of the column counts
    validation_failures : critical expectations that failed
    dirty : paths changed or untracked at training or now
    lineage_gaps : what is missing between the ONNX file and its data
    remarks : what is told beside and decides nothing
    commit : that the model was judged at; it may be a later one than the training's
    """

    skill_pt: Mapping[str, Skill]
    skill_total: Mapping[str, Skill]
    test_images: int
    coverage: Mapping[str, Mapping[str, Any]]
    coverage_level: float
    improvement: Improvement | None
    champion: str
    comparable: bool
    parity_error: float
    count_mismatch: float
    validation_failures: tuple[str, ...]
    dirty: tuple[str, ...]
    lineage_gaps: tuple[str, ...]
    remarks: tuple[Remark, ...] = ()
    commit: str = ""


@dataclass(frozen=True)
class Criterion:
    """One line of the verdict; ``threshold`` says how ``value`` is bounded."""

    name: str
    value: float | int | None
    threshold: str
    passed: bool
    note: str = ""


@dataclass(frozen=True)
class Verdict:
    """All criteria; passed when every one is. Remarks decide nothing."""

    criteria: tuple[Criterion, ...]
    remarks: tuple[Remark, ...] = ()
    commit: str = ""

    @property
    def passed(self) -> bool:
        return all(criterion.passed for criterion in self.criteria)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready form, as in ``reports/gate.json``."""
        return {
            "passed": self.passed,
            "commit": self.commit,
            "criteria": [vars(criterion) for criterion in self.criteria],
            "remarks": [vars(remark) for remark in self.remarks],
        }


def verdict(evidence: Evidence, limits: params.Gate) -> Verdict:
    """Judge a model."""
    return Verdict(
        (
            _at_least("test_images", evidence.test_images, limits.min_test_images),
            *_skilled("skill_Pt", evidence.skill_pt, limits.min_skill_pt),
            *_skilled("skill_total", evidence.skill_total, limits.min_skill_total),
            *(
                _covered(target, found, evidence.coverage_level, limits.max_coverage_gap)
                for target, found in evidence.coverage.items()
            ),
            _paired(evidence, limits.champion_margin),
            _at_most("parity_error", evidence.parity_error, limits.max_parity_error, "atoms, ONNX against Keras"),
            _at_most("count_mismatch", evidence.count_mismatch, limits.max_count_mismatch, "share of column counts"),
            _none_of("validation", evidence.validation_failures),
            _none_of("clean_git", evidence.dirty, needed=limits.require_clean_git),
            _none_of("lineage", evidence.lineage_gaps),
        ),
        evidence.remarks,
        evidence.commit,
    )


def _skilled(name: str, skill: Mapping[str, Skill], limit: float) -> list[Criterion]:
    """The value decides; its interval is told."""
    return [
        Criterion(
            f"{name}_over_{yardstick}",
            found["value"],
            f"> {limit:g}",
            found["value"] is not None and found["value"] > limit,
            interval(found),
        )
        for yardstick, found in skill.items()
    ]


def _covered(target: str, found: Mapping[str, Any], level: float, gap: float) -> Criterion:
    """Fails where the sampling error of the share leaves no doubt that too few counts lie inside their intervals."""
    least, reached = level - gap, found["high"]
    note = f"share of {target} counts inside their intervals, at most {reached:.3f}" if reached is not None else ""
    return Criterion(
        f"coverage_{target}",
        found["share"],
        f">= {least:g}, its error allowed for",
        reached is None or reached >= least,
        note or "one test image does not tell how sure its share is",
    )


def _at_least(name: str, value: int, limit: int) -> Criterion:
    return Criterion(name, value, f">= {limit}", value >= limit)


def _at_most(name: str, value: float, limit: float, note: str) -> Criterion:
    return Criterion(name, value, f"<= {limit:g}", value <= limit, note)


def _none_of(name: str, faults: tuple[str, ...], *, needed: bool = True) -> Criterion:
    threshold = "== 0" if needed else "not required"
    return Criterion(name, len(faults), threshold, not (needed and faults), "; ".join(faults))


def _paired(evidence: Evidence, margin: float) -> Criterion:
    low = evidence.improvement.low if evidence.improvement else None
    passed = evidence.comparable and (low is None or low > margin)
    return Criterion("improvement_over_champion", low, f"> {margin:g}", passed, evidence.champion)


def squared_errors(
    predict: Predict,
    examples: Iterable[tuple[Images, npt.NDArray[np.floating], npt.NDArray[np.integer]]],
    *,
    counter: Counter,
) -> npt.NDArray[np.float64]:
    """Sum of the squared errors of the counts of each image, over all its columns and elements.

    Parameters
    ----------
    examples : input (rows, cols, 1), column positions (n, 2) in pixels and true counts (n, elements) of each image

    Returns
    -------
    (images,) square atoms
    """
    errors = []
    for image, positions, counts in examples:
        errors.append(float(((counter(image, predict(image[None])[0], positions) - counts) ** 2).sum()))
    return np.array(errors)


def improvement(
    candidate: npt.NDArray[np.float64],
    champion: npt.NDArray[np.float64],
    *,
    resamples: int,
    rng: np.random.Generator,
) -> Improvement:
    """Paired bootstrap over images of 1 - MSE(candidate) / MSE(champion), 95 % percentile interval.

    Efron and Tibshirani, An Introduction to the Bootstrap (1993), ch. 13. The columns of an image share its noise and
    its microscope, so images are drawn, not columns.

    Parameters
    ----------
    candidate, champion : (images,) sums of squared errors on the same images

    Raises
    ------
    ValueError : other shapes, or a champion without any error
    """
    if candidate.shape != champion.shape or candidate.ndim != 1:
        raise ValueError(f"paired errors must be (images,), got {candidate.shape} and {champion.shape}")
    if not champion.sum() > 0:
        raise ValueError("the champion makes no error that could fall")
    draws = rng.integers(len(candidate), size=(resamples, len(candidate)))
    falls = 1 - candidate[draws].sum(axis=1) / champion[draws].sum(axis=1)
    low, high = np.quantile(falls, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Improvement(float(1 - candidate.sum() / champion.sum()), float(low), float(high), len(candidate))


def beyond(champion: TrainingRanges, candidate: TrainingRanges) -> tuple[str, ...]:
    """Names of the ranges that reach further in the candidate's training than in the champion's."""
    names = ("energy_ev", "semiangle_mrad", "dose_per_square_angstrom", "column_total")
    pairs = ((name, getattr(champion, name), getattr(candidate, name)) for name in names)
    return tuple(name for name, known, asked in pairs if asked[0] < known[0] or asked[1] > known[1])


def lineage_gaps(contract: Contract, run: Lineage | None, locked: dict[str, str]) -> tuple[str, ...]:
    """What is missing or does not agree between an ONNX file, its run and what DVC has locked.

    Parameters
    ----------
    run : of the tracking server; None when it does not know the run
    locked : DVC hashes of the data now
    """
    if run is None:
        return (f"no run {contract.lineage.run_id} on the tracking server",)
    gaps = [] if run.commit else ["the run knows no commit"]
    if contract.lineage != run:
        gaps.append("the ONNX file's lineage is not that of its run")
    for path in DATA:
        if path not in run.data:
            gaps.append(f"the run knows no hash of {path}")
        elif locked.get(path) != run.data[path]:
            gaps.append(f"{path} is no longer what the run was trained on")
    return tuple(gaps)


def skills(evaluation: Mapping[str, Any], target: str) -> dict[str, Skill]:
    """Skill of a target over each of its two yardsticks (``YARDSTICKS``), from an evaluation report."""
    return {yardstick: evaluation["skill"][target][yardstick] for yardstick in YARDSTICKS[target]}
