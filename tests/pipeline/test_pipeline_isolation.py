"""Tests see no registry, data or model but their own."""

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SCORER_TESTS = ("shipped", "choice", "example", "api")
"""Of ``tests/unit/serving``: those that score without naming a model."""


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder as the line leaves one, whose registry cannot be read and whose data and model are none."""
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("create table alembic_version (version_num text)")
        database.execute("insert into alembic_version values ('of another time')")
    for name in ("models/model.onnx", "data/images/microscope.parquet", "reports/gate.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"not what it seems")
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MLFLOW_TRACKING"))}
    environment = own | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_scorers_tests_pass_beside_a_registry_that_would_break_them(hostile: Path) -> None:
    broken = run(hostile, "-c", "from heamap_serving.choice import choose; choose()")
    assert broken.returncode, "the registry does no harm, so that this test shows nothing"
    files = [str(ROOT / f"tests/unit/serving/test_serving_{name}.py") for name in SCORER_TESTS]
    own = ["-q", "-p", "no:cacheprovider", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)]
    # Memory is measured once, by the suite itself.
    chosen = ["-k", "not gigabytes", "--basetemp", str(hostile / "temporary")]
    done = run(hostile, "-m", "pytest", *own, *chosen, *files)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
