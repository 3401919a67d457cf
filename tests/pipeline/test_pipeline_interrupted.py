"""Killing the simulation half way loses nothing that was finished."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest


@pytest.fixture
def unsimulated(repository, tmp_path):
    """A copy of the clone whose images are still to be made."""
    folder = tmp_path / "clone"
    shutil.copytree(repository, folder, symlinks=True, ignore=shutil.ignore_patterns("images", "mlruns", "models"))
    return folder


def start(folder, *command):
    binaries = Path(sys.executable).parent
    environment = os.environ | {
        "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder / 'serving'}",
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
    }
    return subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def simulate(folder):
    return start(folder, "python", "pipelines/simulate.py")


def train(folder):
    return start(folder, "horovodrun", "--gloo", "-np", "2", "python", "pipelines/train.py")


def images(folder):
    """Bytes of every stored image and record, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted((folder / "data/images").rglob("*"))
        if path.is_file()
    }


def test_killed_simulation_resumes_where_it_was(unsimulated, repository):
    records = unsimulated / "data/images/records"
    killed = simulate(unsimulated)
    deadline = time.monotonic() + 300
    while len(list(records.glob("*.json"))) < 2:
        assert time.monotonic() < deadline
        assert killed.poll() is None
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    finished = {path: path.stat().st_mtime_ns for path in records.glob("*.json")}

    output, _ = simulate(unsimulated).communicate(timeout=300)

    assert 2 <= len(finished) < 12
    assert f"simulated {12 - len(finished)} images; data/images: " in output
    assert all(path.stat().st_mtime_ns == before for path, before in finished.items())
    assert images(unsimulated) == images(repository)


@pytest.fixture
def untrained(repository, tmp_path):
    """A copy of the clone that trains from the first epoch, for longer, against a tracking server of its own."""
    folder = tmp_path / "clone"
    shutil.copytree(repository, folder, symlinks=True, ignore=shutil.ignore_patterns("models", "mlruns", "mlflow.db*"))
    params = folder / "params.yaml"
    params.write_text(params.read_text().replace("epochs: 3", "epochs: 40").replace("patience: 30", "patience: 40"))
    return folder


def test_killed_training_goes_on_in_the_same_run(untrained):
    pointer = untrained / "models/checkpoint/run.json"
    state = untrained / "models/checkpoint"
    killed = train(untrained)
    deadline = time.monotonic() + 300
    while not (state / "state.npz").exists():
        assert time.monotonic() < deadline
        assert killed.poll() is None
        time.sleep(0.05)
    begun = json.loads(pointer.read_text())["run_id"]
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not (untrained / "models/model.keras").exists()

    resumed = train(untrained)
    output, _ = resumed.communicate(timeout=300)

    assert resumed.returncode == 0, output
    assert json.loads((untrained / "models/run.json").read_text())["run_id"] == begun
    assert len(pd.read_csv(untrained / "plots/training/learning_curves.csv")) == 40
    assert not state.exists()
