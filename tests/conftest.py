"""Shared by every suite: a folder of its own for each test, no telemetry, a quiet TensorFlow, tests shared by file.

A clone in which the line has run holds a registry, data and models. No test may see them: what it scored with would
depend on what was run before it.
"""

import os
from pathlib import Path

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DVC_NO_ANALYTICS", "1")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


os.environ.pop("DVC_ROOT", None)
os.environ.pop("DVC_EXP_NAME", None)


@pytest.fixture(scope="session", autouse=True)
def _no_registry(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Fixtures of a session, and what tests start, find no registry either, nor anything of the clone's."""
    folder = tmp_path_factory.mktemp("nowhere")
    os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{folder / 'absent.db'}"
    os.chdir(folder)


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


class FileByFile(LoadScopeScheduling):
    """One process runs the tests of a file, which share its fixtures.

    Those that start ranks, or the whole line, take all cores themselves: they run one after the other.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::")[0]
        return "launches" if path.startswith(("tests/distributed/", "tests/pipeline/")) else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileByFile:
    return FileByFile(config, log)
