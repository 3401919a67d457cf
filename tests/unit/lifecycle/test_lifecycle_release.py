"""What is not released; a whole release is made in tests/pipeline."""

import json
import os
from pathlib import Path

import pytest
import yaml

from heamap.errors import InputError
from heamap.lifecycle import tracking
from heamap.lifecycle.release import parameters, registry_of, release
from heamap.params import load

ROOT = Path(__file__).parents[3]


def line(folder: Path, uri: str) -> Path:
    (folder / "models").mkdir()
    (folder / "models/run.json").write_text(json.dumps({"run_id": "r1", "tracking_uri": uri}))
    return folder


def test_the_registry_asked_is_the_lines_own_and_only_inside_the_block(tmp_path: Path) -> None:
    before = tracking.tracking_uri()
    with registry_of(line(tmp_path, "sqlite:////elsewhere/mlflow.db")):
        assert tracking.tracking_uri() == "sqlite:////elsewhere/mlflow.db"
    assert tracking.tracking_uri() == before


def test_an_unset_registry_is_unset_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    with registry_of(line(tmp_path, "sqlite:////elsewhere/mlflow.db")):
        pass
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_a_folder_without_a_line_releases_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"models/run\.json.*run the stage that writes it"):
        release(tmp_path, tmp_path / "out", "heamap-fcn")
    assert not (tmp_path / "out").exists()


def test_a_line_without_a_champion_releases_nothing_and_makes_no_registry(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="heamap-fcn has no champion"):
        release(line(tmp_path, f"sqlite:///{tmp_path}/mlflow.db"), tmp_path / "out", "heamap-fcn")
    assert not (tmp_path / "mlflow.db").exists()
    assert not (tmp_path / "out").exists()


def test_the_cards_parameters_are_those_that_the_line_was_made_with(tmp_path: Path) -> None:
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(text)
    values = yaml.safe_load(text)
    used = {"simulate": ("base", "simulate"), "train": ("base", "train")}
    stages = {
        stage: {"params": {"params.yaml": {block: values[block] for block in blocks}}} for stage, blocks in used.items()
    }
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump({"stages": stages}))
    assert parameters(tmp_path) == load(ROOT / "params.yaml")
    # What is only judged by may change: judging runs again.
    (tmp_path / "params.yaml").write_text(text.replace("bootstrap: 1000", "bootstrap: 999"))
    assert parameters(tmp_path).evaluate.bootstrap == 999
    (tmp_path / "params.yaml").write_text(text.replace("label_sigma_angstrom: 0.5", "label_sigma_angstrom: 0.6"))
    with pytest.raises(InputError, match="train was changed after stage train had run"):
        parameters(tmp_path)
