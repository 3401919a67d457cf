"""The scorer alone, installed with its pinned packages into an empty environment."""

import json
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tifffile

from heamap import released
from heamap.contract import METADATA_KEY
from heamap.lifecycle.lineage import sha256

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = runpy.run_path(str(ROOT / "tests/unit/serving/serving_examples.py"))
HEAVY = ("tensorflow", "keras", "horovod", "abtem", "ase", "dvc", "mlflow", "great_expectations", "onnx")


def tiny_model(path):
    return EXAMPLES["write_model"](path, {METADATA_KEY: EXAMPLES["make_contract"]().to_json()})


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """``heamap[serving]`` with a tiny released model in an environment of its own; the checkout stays as it is."""
    folder = tmp_path_factory.mktemp("serving")
    checkout = folder / "checkout"
    for name in ("src", "serving"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout / name)
    model = tiny_model(folder / "m.onnx")
    record = released.Released(sha256=sha256(model), bytes=model.stat().st_size, run_id="r", commit="c", heamap="9.9.9")
    released.write(checkout / "serving/heamap_serving/released", record, model.read_bytes(), "# A card\n")
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    install = [folder / "venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    lock = ROOT / "requirements-serving.lock"
    subprocess.run([*install, "--only-binary", ":all:", "--require-hashes", "-r", lock], check=True)
    subprocess.run([*install, "--no-deps", checkout], check=True)
    return folder / "venv" / "bin"


def test_no_training_package_is_there(environment):
    code = f"import importlib.util as u; print([n for n in {HEAVY} if u.find_spec(n)])"
    found = subprocess.run([environment / "python", "-c", code], check=True, capture_output=True, text=True, cwd="/")
    assert found.stdout.strip() == "[]"
    subprocess.run([environment / "python", "-m", "pip", "check"], check=True)


def test_an_image_is_scored(environment, tmp_path):
    model = tiny_model(tmp_path / "m.onnx")
    image, centres = EXAMPLES["lattice_image"]((150, 160), (0.2, 0.2))
    tifffile.imwrite(tmp_path / "a.tif", image, imagej=True, resolution=(50, 50), metadata={"unit": "nm"})
    command = [environment / "heamap", "score", "a.tif", "--out", "out", "--model", model]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "ExecutionProvider" in done.stdout
    assert len(pd.read_csv(tmp_path / "out/a/columns.csv")) == len(centres)


def test_the_released_model_is_installed_with_the_scorer_and_scores(environment, tmp_path):
    command = [environment / "heamap", "score", micrograph(tmp_path), "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "model: released with heamap 9.9.9 (heamap-fcn.onnx" in done.stderr
    record = json.loads((tmp_path / "out/a/provenance.json").read_text())
    assert record["model"]["origin"] == "released with heamap 9.9.9"
    assert (shipped(environment) / released.CARD).read_text() == "# A card\n"


def test_without_a_registry_and_a_released_model_the_scorer_asks_for_one(environment, tmp_path):
    folder = shipped(environment)
    away = folder.rename(folder.with_name("away"))
    command = [environment / "heamap", "score", micrograph(tmp_path), "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    away.rename(folder)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "give --model FILE" in done.stderr
    assert "none ships with this heamap" in done.stderr


def shipped(environment):
    code = "from heamap_serving.choice import SHIPPED; print(SHIPPED)"
    found = subprocess.run([environment / "python", "-c", code], check=True, capture_output=True, text=True, cwd="/")
    return Path(found.stdout.strip())


def micrograph(folder):
    image, _ = EXAMPLES["lattice_image"]((150, 160), (0.2, 0.2))
    tifffile.imwrite(folder / "a.tif", image, imagej=True, resolution=(50, 50), metadata={"unit": "nm"})
    return "a.tif"
