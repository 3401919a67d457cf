import json
from pathlib import Path
from types import SimpleNamespace

import pytest

import evaluate
from heamap.lifecycle import tracking
from heamap.params import Params, load

ROOT = Path(__file__).parents[3]


def test_without_targets_both_files_say_that_none_are_set(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(evaluate, "TARGETS", tmp_path / "targets.json")
    monkeypatch.setattr(evaluate, "TARGET_TABLE", tmp_path / "targets.md")
    evaluate.write_targets({}, SimpleNamespace(evaluate=SimpleNamespace(targets=None)))
    assert json.loads((tmp_path / "targets.json").read_text()) == []
    assert (tmp_path / "targets.md").read_text().startswith("No targets are set")


def test_the_run_tells_how_the_counts_behind_its_metrics_were_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.chdir(tmp_path)
    peak = load(ROOT / "params.yaml")
    changes = {"readout": "fit", "orientations": 2}
    fit = peak.model_copy(update={"evaluate": peak.evaluate.model_copy(update=changes)})
    for file in (evaluate.REPORT, evaluate.CALIBRATION, evaluate.ACCURACY, evaluate.TARGETS, evaluate.TARGET_TABLE):
        file.parent.mkdir(exist_ok=True)
        file.write_text("")
    for folder in (evaluate.PLOTS, evaluate.BOUND_PLOTS):
        folder.mkdir(parents=True)
    with tracking.start_run("train", peak) as run:
        tracking.write_pointer(evaluate.RUN, run.info.run_id)
    found = []
    for settings in (peak, fit):
        evaluate.track(settings, {"summary": {"r2_Pt": 0.5}})
        tags = tracking.client().get_run(run.info.run_id).data.tags
        found.append((tags[tracking.READOUT_TAG], tags[tracking.ORIENTATIONS_TAG]))
    assert found == [("peak", "1"), ("fit", "2")]


def test_calibration_images_keep_the_doses_of_training_and_test_images_have_the_exams(monkeypatch) -> None:
    whole = load(ROOT / "params.release.yaml")
    seen = {}

    class Data:
        def split(self, name: str) -> str:
            return name

    class Enough(Exception):  # noqa: N818
        pass

    def predict_all(_data: Data, split: str, _network: None, _counter: None, settings: Params) -> SimpleNamespace:
        seen[split] = settings.train.effects.dose_per_square_angstrom
        if len(seen) == 2:
            raise Enough
        return SimpleNamespace(columns=None)

    monkeypatch.setattr(evaluate, "open_dataset", lambda *_: Data())
    monkeypatch.setattr(evaluate, "load_network", lambda *_: None)
    monkeypatch.setattr(evaluate, "load_counter", lambda *_: None)
    monkeypatch.setattr(evaluate, "measure_all", lambda *_: None)
    monkeypatch.setattr(evaluate, "predict_all", predict_all)
    with pytest.raises(Enough):
        evaluate.evaluate(whole)
    assert seen == {"calibration": (1e5, 4e5), "test": (2e5, 2e5)}
