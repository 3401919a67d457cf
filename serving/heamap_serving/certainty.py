"""What the model's contract says of its own errors, applied to one image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.contract import Accuracy, Contract
from heamap.errors import InputError
from heamap.evaluation.aggregation_report import AggregationCalibration, aggregation_report
from heamap.evaluation.claims import AGGREGATED
from heamap.evaluation.conformal import Intervals, whole_ends
from heamap.evaluation.targets import TARGETS
from heamap.seeds import Stream, generator

LEAST_COLUMNS = 10
"""Fewer columns say nothing of aggregation."""

MOST_COLUMNS = 600
"""Of more, those nearest to the middle are judged: a particle of the size that the power of the test is known for. The
test's cost grows with the columns: 52,000 took a minute and 1.6 GB."""


@dataclass(frozen=True)
class Certainty:
    """Intervals around the counts of one image.

    Attributes
    ----------
    level : promised share of the columns inside
    low, high : (n, 7) whole atoms in the order of ``heamap.evaluation.targets.TARGETS``
    calibrated : (n,) whether the predicted total lies in the range that the intervals were calibrated in
    """

    level: float
    low: npt.NDArray[np.int64]
    high: npt.NDArray[np.int64]
    calibrated: npt.NDArray[np.bool_]


def check(contract: Contract) -> None:
    """Refuse a contract whose calibration cannot be read.

    Raises
    ------
    InputError : intervals, aggregation or accuracy are not as heamap writes them
    """
    if contract.intervals is not None:
        Intervals.from_dict(contract.intervals)
    if contract.aggregation is not None:
        AggregationCalibration.from_dict(contract.aggregation)
    if contract.told is not None:
        Intervals.from_dict(contract.told.intervals)
    for accuracy in (contract.accuracy, None if contract.told is None else contract.told.accuracy):
        if accuracy is not None and set(accuracy.targets) != set(TARGETS):
            raise InputError(f"accuracy: targets must be {list(TARGETS)}, got {list(accuracy.targets)}")


def accuracy_of(contract: Contract, *, told: bool = False) -> Accuracy | None:
    """What the counts are worth: where a composition is told, of such counts, if the model knows."""
    return contract.told.accuracy if told and contract.told is not None else contract.accuracy


def doubted(contract: Contract, *, told: bool = False) -> tuple[str, ...]:
    """Elements that the model told apart no better than its baseline on the test images.

    The skill's interval reaches down to 0 or below: the map of such an element may show the totals alone. No
    element is doubted where the model carries no accuracy.
    """
    accuracy = accuracy_of(contract, told=told)
    return () if accuracy is None else accuracy.not_told_apart


def read_certainty(counts: npt.NDArray[np.float64], contract: Contract, *, told: bool = False) -> Certainty | None:
    """Intervals of the counts (n, 5); None where the model carries none.

    Parameters
    ----------
    told : whether the counts were brought to a told composition. A model that has no intervals of such counts lends
        those of its own, which are wider than need be (docs/benchmarks.md, "Told the composition")
    """
    values = contract.told.intervals if told and contract.told is not None else contract.intervals
    if values is None:
        return None
    intervals = Intervals.from_dict(values)
    low, high = whole_ends(*intervals.around(counts))
    return Certainty(intervals.level, low, high, ~intervals.outside(counts.sum(axis=1)))


def read_aggregation(
    counts: npt.NDArray[np.float64], positions_angstrom: npt.NDArray[np.float64], contract: Contract
) -> dict[str, Any] | None:
    """What the image says of aggregation; None where the model or the image is not fit to say anything.

    A model that may call no element aggregated is not asked: its test takes a third of the network's time. The same
    image gives the same answer: the test's random draws are fixed. ``columns`` in the answer says how many columns were
    judged, at most ``MOST_COLUMNS``.

    Parameters
    ----------
    counts, positions_angstrom : (n, 5) and (n, 2)
    """
    if contract.aggregation is None:
        return None
    calibration = AggregationCalibration.from_dict(contract.aggregation)
    if not calibration.may_claim or len(counts) < LEAST_COLUMNS or not counts.sum() > 0:
        return None
    if len(counts) > MOST_COLUMNS:
        away = np.linalg.norm(positions_angstrom - np.median(positions_angstrom, axis=0), axis=1)
        judged = np.sort(np.argsort(away, kind="stable")[:MOST_COLUMNS])
        counts, positions_angstrom = counts[judged], positions_angstrom[judged]
    return aggregation_report(counts, positions_angstrom, calibration, generator(0, Stream.AGGREGATION))


def claims(aggregation: dict[str, Any] | None) -> tuple[str, ...]:
    """One line for every element that may be called aggregated."""
    if aggregation is None:
        return ()
    return tuple(
        f"{symbol} gathers in columns (p = {found['p_value']:.2g}, correlation {found['correlation']:.2f} ± "
        f"{found['standard_error']:.2f})"
        for symbol, found in aggregation["elements"].items()
        if found["claim"] == AGGREGATED
    )
