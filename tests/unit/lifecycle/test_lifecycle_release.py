"""What is not released; a whole release is made in tests/pipeline."""

import json
import os
from pathlib import Path

import pytest

from heamap.errors import InputError
from heamap.lifecycle import tracking
from heamap.lifecycle.release import registry_of, release


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
