"""Stage evaluate: the trained model on the untouched test split, beside its baselines and bounds, with intervals."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from at_best import doses, pooled_bound, untold, usual
from common import run_stage
from counted import load_counter
from evaluation_plots import PLOTS, draw, draw_overview
from heamap.dataset.counterfactual_report import assess
from heamap.dataset.counterfactuals import open_counterfactuals
from heamap.dataset.exam import exam
from heamap.dataset.store import Dataset, open_dataset
from heamap.elements import ELEMENTS
from heamap.evaluation import (
    accuracy,
    counterfactuals,
    counting,
    model_calibration,
    reached,
    report,
    slices,
    table,
    told_composition,
)
from heamap.evaluation.model_accuracy import model_accuracy
from heamap.evaluation.targets import NI_CO_FE, TOTAL
from heamap.evaluation.yardsticks import COUNTED, yardsticks
from heamap.lifecycle import tracking
from heamap.params import Params
from heamap.seeds import Stream, generator
from measured import describe, load_network, measure_all, predict_all

STRUCTURES, IMAGES, COUNTERFACTUALS = Path("data/structures"), Path("data/images"), Path("data/counterfactuals")
MODEL, RUN = Path("models/model.keras"), Path("models/run.json")
PREDICTIONS = Path("data/evaluation/predictions.parquet")
REPORT, SUMMARY = Path("reports/evaluation.json"), Path("reports/evaluation_summary.json")
CALIBRATION, ACCURACY = Path("reports/calibration.json"), Path("reports/accuracy.md")
TARGETS, TARGET_TABLE = Path("reports/targets.json"), Path("reports/targets.md")
WEIGHT_TAG = "heamap.columns.weight"
BOUND_PLOTS = Path("plots/bounds")


def evaluate(params: Params) -> str:
    data, examined = open_dataset(STRUCTURES, IMAGES), exam(params)
    network, counter = load_network(MODEL, params), load_counter(params)
    training = measure_all(data, data.split("train"), params)
    calibration = predict_all(data, data.split("calibration"), network, counter, params).columns
    tested = predict_all(data, data.split("test"), network, counter, examined)
    test, resamples = tested.columns, params.evaluate.bootstrap
    rivals = yardsticks(
        training,
        test,
        sampling_angstrom=params.base.sampling_angstrom,
        rng=generator(params.base.seed, Stream.TREES),
    )
    found = report.assemble(
        test,
        training,
        rivals,
        tested.detection,
        resamples=resamples,
        rng=generator(params.base.seed, Stream.BOOTSTRAP),
    )
    every = pooled_bound(test, found["scores"], params)
    bound = usual(every, examined)
    labels = slices.cuts(test, describe(data, data.split("test"), examined))
    found["dose_per_square_angstrom"] = doses(bound, examined)
    found["bound"] = json.loads(every.to_json(orient="records"))
    found["untold_composition"] = untold(training, test, float(bound["dose_per_square_angstrom"].iloc[0]), params)
    found["slices"] = slices.score(
        test, rivals, labels, resamples=resamples, rng=generator(params.base.seed, Stream.BOOTSTRAP, 2)
    )
    calibrated = certainty(data, training, calibration, test, labels, params, found)
    found["counterfactuals"], moved = assess(
        open_counterfactuals(COUNTERFACTUALS),
        network,
        counter,
        params=params,
        rng=generator(params.base.seed, Stream.BOOTSTRAP, 4),
        energy_ev=data.energy_ev,
    )
    found = {"summary": summarize(found, bound), **found}
    promised = {
        **calibrated.to_dict(),
        "accuracy": model_accuracy(found, bound, found["intervals"]["coverage"]),
        "told": told_model(calibration, test, bound, found),
        "counting": counting.contract_line(training),
        "composition": model_calibration.fit_composition(calibration),
    }
    ended = model_calibration.with_ends(test, calibrated.intervals)
    write(found, promised, ended, accuracy.page(found, bound))
    write_targets(found, params)
    draw(found, test, bound)
    counterfactuals.as_table(found["counterfactuals"]).to_csv(PLOTS / "counterfactuals.csv", index=False)
    moved.savefig(PLOTS / "counterfactuals.png", dpi=150)
    draw_overview(data, network, test, examined)
    track(params, found)
    scores = " ".join(
        f"{name} {value:.3f}"
        for name in ("r2_Pt", "r2_total", "skill_Pt", "skill_NiCoFe", "coverage_total")
        if (value := found["summary"][name]) is not None
    )
    return f"evaluated {found['columns']} columns of {found['images']} images: {scores}; {ACCURACY}"


def certainty(
    data: Dataset,
    training: pd.DataFrame,
    calibration: pd.DataFrame,
    test: pd.DataFrame,
    labels: dict[str, pd.Categorical],
    params: Params,
    found: dict[str, Any],
) -> model_calibration.ModelCalibration:
    """Calibrate intervals and aggregation; what they are worth on the test split goes into the report.

    The intervals' rival is atom counting, told the composition of each image as in the scores.
    """
    sampling, chemistry = params.base.sampling_angstrom, data.samples["chemistry"]
    intervals = model_calibration.fit_intervals(calibration)
    counted = [counting.estimates(training, part)[COUNTED][:, : len(ELEMENTS)] for part in (calibration, test)]
    predicted = table.element_counts(test, "pred")
    cuts: dict[str, npt.ArrayLike] = {
        "predicted_total": intervals.names(predicted.sum(axis=1)),
        **{name: np.asarray(slices, dtype=object) for name, slices in labels.items()},
    }
    found["intervals"] = model_calibration.judge_intervals(
        intervals,
        calibration,
        test,
        (counted[0], counted[1]),
        cuts,
        resamples=params.evaluate.bootstrap,
        rng=generator(params.base.seed, Stream.BOOTSTRAP, 3),
    )
    aggregation = model_calibration.fit_aggregation(
        calibration, test, chemistry, sampling_angstrom=sampling, rng=generator(params.base.seed, Stream.AGGREGATION)
    )
    found["aggregation"] = model_calibration.judge_aggregation(
        test,
        aggregation,
        chemistry,
        sampling_angstrom=sampling,
        rng=generator(params.base.seed, Stream.AGGREGATION, 1),
    )
    return model_calibration.ModelCalibration(intervals, aggregation)


def told_model(
    calibration: pd.DataFrame, test: pd.DataFrame, bound: pd.DataFrame, found: dict[str, Any]
) -> dict[str, Any]:
    """What the contract says of counts that are brought to a told composition; how their intervals hold is reported."""
    told = told_composition.told(test)
    intervals = model_calibration.fit_intervals(told_composition.told(calibration))
    covered = model_calibration.judge_coverage(intervals, told)
    found["told_composition"] = {"coverage": covered}
    return {
        "intervals": intervals.to_dict(),
        "accuracy": model_accuracy(found, bound, covered, told_composition.MODEL_TOLD),
    }


def summarize(found: dict[str, Any], usual_bound: pd.DataFrame) -> dict[str, float | None]:
    """The flat numbers that runs are compared by."""
    intervals = found["intervals"]
    covered, sharp = intervals["coverage"]["targets"], intervals["sharpness"]
    best = usual_bound.set_index("element")
    return {
        **report.summary(found),
        **{f"bound_skill_{name}": report.number_or_none(float(best["skill"][name])) for name in ("Pt", NI_CO_FE)},
        **{f"coverage_{name}": covered[name]["overall"]["share"] for name in ("Pt", TOTAL)},
        **{f"width_over_counting_{name}": sharp[name]["ratio"] for name in ("Pt", TOTAL)},
        **counterfactuals.responses(found["counterfactuals"]),
    }


def write(found: dict[str, Any], promised: dict[str, Any], predictions: pd.DataFrame, text: str) -> None:
    for folder in (PREDICTIONS.parent, REPORT.parent, PLOTS):
        folder.mkdir(parents=True, exist_ok=True)
    predictions.to_parquet(PREDICTIONS, index=False)
    for path, content in ((REPORT, found), (SUMMARY, found["summary"]), (CALIBRATION, promised)):
        path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")
    ACCURACY.write_text(text)


def write_targets(found: dict[str, Any], params: Params) -> None:
    """Which targets are reached; where none are set, the files say so, as a stage must write what it declares."""
    wanted = params.evaluate.targets
    judged = [] if wanted is None else reached.to_dict(reached.reached(found, wanted))
    TARGETS.write_text(json.dumps(judged, indent=2, allow_nan=False) + "\n")
    TARGET_TABLE.write_text(reached.markdown(found, judged))


def track(params: Params, found: dict[str, Any]) -> None:
    """Add the scores, the reports and the plots to the run that trained the model."""
    import mlflow

    with tracking.start_run("evaluate", params, tracking.read_pointer(RUN)):
        mlflow.set_tag(tracking.READOUT_TAG, params.evaluate.readout)
        mlflow.set_tag(tracking.ORIENTATIONS_TAG, params.evaluate.orientations)
        mlflow.set_tag(WEIGHT_TAG, params.columns.weight if params.columns.counts else 0)
        mlflow.log_metrics({f"test_{name}": value for name, value in found["summary"].items() if value is not None})
        tracking.log_files(REPORT, CALIBRATION, ACCURACY, TARGETS, TARGET_TABLE, PLOTS, BOUND_PLOTS)


if __name__ == "__main__":
    run_stage(evaluate)
