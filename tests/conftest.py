"""Shared by every suite: telemetry stays off, TensorFlow stays quiet, and processes share the tests file by file."""

import os

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DVC_NO_ANALYTICS", "1")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


class FileByFile(LoadScopeScheduling):
    """One process runs the tests of a file, which share its fixtures.

    Those that start ranks, or the whole line, take all cores themselves: they run one after the other.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.split("::")[0]
        return "launches" if path.startswith(("tests/distributed/", "tests/pipeline/")) else path


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FileByFile:
    return FileByFile(config, log)
