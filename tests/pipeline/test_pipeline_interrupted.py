"""Killing the simulation half way loses nothing that was finished."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest


@pytest.fixture
def unsimulated(repository, tmp_path):
    """A copy of the clone whose images are still to be made."""
    folder = tmp_path / "clone"
    shutil.copytree(repository, folder, symlinks=True, ignore=shutil.ignore_patterns("images", "mlruns", "models"))
    return folder


def start(folder, *arguments):
    environment = os.environ | {"PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder / 'serving'}"}
    return subprocess.Popen(
        [sys.executable, "pipelines/simulate.py", *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def images(folder):
    """Bytes of every stored image and record, by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted((folder / "data/images").rglob("*"))
        if path.is_file()
    }


def test_killed_simulation_resumes_where_it_was(unsimulated, repository):
    records = unsimulated / "data/images/records"
    killed = start(unsimulated)
    deadline = time.monotonic() + 300
    while len(list(records.glob("*.json"))) < 2:
        assert time.monotonic() < deadline
        assert killed.poll() is None
        time.sleep(0.02)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    finished = {path: path.stat().st_mtime_ns for path in records.glob("*.json")}

    output, _ = start(unsimulated).communicate(timeout=300)

    assert 2 <= len(finished) < 8
    assert f"simulated {8 - len(finished)} images, 8 in" in output
    assert all(path.stat().st_mtime_ns == before for path, before in finished.items())
    assert images(unsimulated) == images(repository)
