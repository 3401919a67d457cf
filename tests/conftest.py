"""Shared by every suite: telemetry stays off, TensorFlow stays quiet, and processes share the tests file by file."""

import os
from pathlib import Path

import pytest

TESTS = Path(__file__).parent

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DVC_NO_ANALYTICS", "1")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests one process runs: those of a file, which share its fixtures.

    Those that start ranks, or the whole line, take all cores themselves: they run one after the other.
    """
    for item in items:
        path = item.path.relative_to(TESTS)
        group = "launches" if path.parts[0] in ("distributed", "pipeline") else str(path)
        item.add_marker(pytest.mark.xdist_group(group))
