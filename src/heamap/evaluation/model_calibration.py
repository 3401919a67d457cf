"""What a model learns about its own errors on the calibration split, and how that holds on the test split."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation import composition_errors, conformal, coverage, error_calibration
from heamap.evaluation.aggregation import RESAMPLES, Overdispersion, overdispersion
from heamap.evaluation.aggregation_report import AggregationCalibration, aggregation_report
from heamap.evaluation.claims import holm, measure_power
from heamap.evaluation.correlogram import error_correlation
from heamap.evaluation.dispersion_moments import read_columns
from heamap.evaluation.table import element_counts
from heamap.evaluation.targets import TARGETS, FloatArray

AGGREGATED, PLAIN = "columns", "independent"
"""Chemistry models whose columns are over-dispersed by construction, and by chance alone."""

_FEW = 100
"""Resamples where only the correlation is asked for, not its p-value."""


@dataclass(frozen=True)
class ModelCalibration:
    """Goes into the model's contract.

    Attributes
    ----------
    intervals : of the counts
    aggregation : None where the calibration columns are too few for an error model, and then nothing is claimed
    """

    intervals: conformal.Intervals
    aggregation: AggregationCalibration | None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        aggregation = None if self.aggregation is None else self.aggregation.to_dict()
        return {"intervals": self.intervals.to_dict(), "aggregation": aggregation}


def fit_intervals(calibration: pd.DataFrame) -> conformal.Intervals:
    """Intervals of the model's counts.

    Parameters
    ----------
    calibration : columns of the calibration split: ``sample``, ``true_`` and ``pred_`` counts

    Raises
    ------
    InputError : too few images or columns
    """
    images, true, predicted = _counts(calibration)
    try:
        return conformal.calibrate(images, true, predicted)
    except ValueError as fault:
        raise InputError(f"{fault}; raise structures.split.calibration or structures.samples") from None


def fit_composition(calibration: pd.DataFrame) -> dict[str, Any] | None:
    """How far compositions of images are off (``heamap.evaluation.composition_errors``); None with too few images.

    Parameters
    ----------
    calibration : columns of the calibration split: ``sample``, ``true_`` and ``pred_`` counts
    """
    try:
        return composition_errors.fit(*_counts(calibration))
    except ValueError:
        return None


def with_ends(columns: pd.DataFrame, intervals: conformal.Intervals) -> pd.DataFrame:
    """The table with ``low_`` and ``high_`` of every target added, whole atoms as the scorer prints them.

    Parameters
    ----------
    columns : ``pred_`` counts
    """
    ends = conformal.whole_ends(*intervals.around(element_counts(columns, "pred")))
    names = [f"{end}_{target}" for end in ("low", "high") for target in TARGETS]
    return columns.assign(**dict(zip(names, np.hstack(ends).T, strict=True)))


def fit_aggregation(
    calibration: pd.DataFrame,
    test: pd.DataFrame,
    chemistry: pd.Series,
    *,
    sampling_angstrom: float,
    rng: np.random.Generator,
) -> AggregationCalibration | None:
    """The error model from the calibration split, and its power from the test split.

    Parameters
    ----------
    calibration, test : ``sample``, ``row``, ``col`` (pixels), ``true_`` and ``pred_`` counts
    chemistry : model of every sample, indexed by sample

    Returns
    -------
    None where the calibration columns are too few
    """
    images, true, predicted = _counts(calibration)
    try:
        errors = error_calibration.fit(images, true, predicted)
    except ValueError:
        return None
    wrong = np.empty_like(true)
    for image in np.unique(images):
        here = images == image
        wrong[here] = read_columns(predicted[here], errors).errors_of(true[here])
    places = calibration[["row", "col"]].to_numpy() * sampling_angstrom
    left_over = error_correlation(images, places, wrong)
    tests, strength, kinds = [], [], []
    for image, rows in test.groupby("sample"):
        tests.append(overdispersion(element_counts(rows, "pred"), rng, errors=errors))
        strength.append(_true_test(rows, rng, resamples=_FEW).correlation)
        kinds.append(chemistry.loc[image])
    seeded, bare = (
        np.repeat([[kind == name] for kind in kinds], len(ELEMENTS), axis=1) for name in (AGGREGATED, PLAIN)
    )
    return AggregationCalibration(errors, left_over, measure_power(tests, seeded, bare, np.array(strength)))


def judge_intervals(
    intervals: conformal.Intervals,
    calibration: pd.DataFrame,
    test: pd.DataFrame,
    rivals: tuple[FloatArray, FloatArray],
    slices: dict[str, npt.ArrayLike],
    *,
    resamples: int,
    rng: np.random.Generator,
) -> dict[str, Any]:
    """Coverage on the test split, and width beside that of atom counting's intervals, calibrated alike.

    Parameters
    ----------
    rivals : (n, 5) counts by atom counting of the calibration and of the test columns
    slices : name of a property -> (n,) label of each test column

    Returns
    -------
    JSON-ready: ``coverage`` (``heamap.evaluation.coverage.coverage_report``); ``sharpness[target]``: ``width`` and
    ``rival_width`` in atoms, their ``ratio`` with ``low`` and ``high``, and ``rival_coverage``, the share of test
    columns in the rival's intervals; ``images``, ``columns``: calibrated on
    """
    images, true, predicted = _counts(test)
    low, high = intervals.around(predicted)
    own_images, own_true, _ = _counts(calibration)
    rival = conformal.calibrate(own_images, own_true, rivals[0])
    rival_low, rival_high = rival.around(rivals[1])
    truth = test[[f"true_{target}" for target in TARGETS]].to_numpy(np.float64)
    held = ((truth >= rival_low) & (truth <= rival_high)).mean(axis=0)
    sharp: dict[str, dict[str, Any]] = dict(
        coverage.sharpness(images, high - low, rival_high - rival_low, resamples=resamples, rng=rng)
    )
    for target, share in zip(TARGETS, held.tolist(), strict=True):
        sharp[target] = {**sharp[target], "rival_coverage": share}
    return {
        "images": intervals.images,
        "columns": intervals.columns,
        "coverage": coverage.coverage_report(images, true, low, high, slices, level=intervals.level),
        "sharpness": sharp,
    }


def judge_coverage(intervals: conformal.Intervals, test: pd.DataFrame) -> dict[str, Any]:
    """How often intervals hold on the test columns as a whole (``heamap.evaluation.coverage.coverage_report``).

    Parameters
    ----------
    test : ``sample``, ``true_`` and ``pred_`` counts
    """
    images, true, predicted = _counts(test)
    return coverage.coverage_report(images, true, *intervals.around(predicted), {}, level=intervals.level)


def judge_aggregation(
    test: pd.DataFrame,
    calibration: AggregationCalibration | None,
    chemistry: pd.Series,
    *,
    sampling_angstrom: float,
    rng: np.random.Generator,
) -> dict[str, Any] | None:
    """What is said of every test image, beside the same test on its true counts; None as above.

    Returns
    -------
    JSON-ready: ``power``, and ``images`` of ``aggregation_report`` with ``sample``, ``chemistry``, and by symbol
    ``true``, the correlation of the true counts, and ``true_gathers``, whether it is significant
    """
    if calibration is None:
        return None
    images = []
    for image, rows in test.groupby("sample"):
        places = rows[["row", "col"]].to_numpy() * sampling_angstrom
        said = aggregation_report(element_counts(rows, "pred"), places, calibration, rng)
        true = _true_test(rows, rng)
        known = {symbol: rho if np.isfinite(rho) else None for symbol, rho in _by_symbol(true.correlation)}
        gathers = dict(_by_symbol(holm(true.p_value) <= true.level))
        own = {"sample": int(str(image)), "chemistry": str(chemistry.loc[image]), "true": known}
        images.append({**own, "true_gathers": gathers, **said})
    power = calibration.power
    return {"power": None if power is None else power.to_dict(), "images": images}


def _true_test(rows: pd.DataFrame, rng: np.random.Generator, *, resamples: int = RESAMPLES) -> Overdispersion:
    return overdispersion(element_counts(rows, "true"), rng, resamples=resamples)


def _by_symbol(values: npt.NDArray[Any]) -> Iterator[tuple[str, Any]]:
    return zip(ELEMENTS, values.tolist(), strict=True)


def _counts(table: pd.DataFrame) -> tuple[npt.NDArray[np.int64], FloatArray, FloatArray]:
    """Image, true and predicted counts (n, 5) of every column."""
    return table["sample"].to_numpy(np.int64), element_counts(table, "true"), element_counts(table, "pred")
