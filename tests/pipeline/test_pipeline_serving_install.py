"""The scorer alone, installed with its pinned packages into an empty environment."""

import ast
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
from heamap_serving.choice import SHIPPED

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("tensorflow", "keras", "horovod", "abtem", "ase", "dvc", "mlflow", "great_expectations", "onnx", "zarr")


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """A virtual environment with ``heamap[serving]``; the build leaves nothing in the checkout."""
    folder = tmp_path_factory.mktemp("serving")
    checkout = folder / "checkout"
    for name in ("src", "serving"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, checkout / name)
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
    examples = runpy.run_path(str(ROOT / "tests/unit/serving/serving_examples.py"))
    model = examples["write_model"](tmp_path / "m.onnx", {METADATA_KEY: examples["make_contract"]().to_json()})
    image, centres = examples["lattice_image"]((150, 160), (0.2, 0.2))
    tifffile.imwrite(tmp_path / "a.tif", image, imagej=True, resolution=(50, 50), metadata={"unit": "nm"})
    command = [environment / "heamap", "score", "a.tif", "--out", "out", "--model", model]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    assert "ExecutionProvider" in done.stdout
    assert len(pd.read_csv(tmp_path / "out/a/columns.csv")) == len(centres)


def test_the_released_model_is_installed_with_the_scorer(environment):
    code = "from heamap_serving.choice import SHIPPED; print(sorted(p.name for p in SHIPPED.glob('*')))"
    found = subprocess.run([environment / "python", "-c", code], check=True, capture_output=True, text=True, cwd="/")
    assert ast.literal_eval(found.stdout) == sorted(path.name for path in SHIPPED.glob("*"))


@pytest.mark.skipif(released.is_there(SHIPPED), reason="a model ships with the scorer")
def test_without_a_registry_the_scorer_asks_for_a_model(environment, tmp_path):
    (tmp_path / "a.tif").touch()
    command = [environment / "heamap", "score", "a.tif", "--out", "out"]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "give --model FILE" in done.stderr
