"""Git state, DVC's lock and DVC's cache."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from heamap.lifecycle import lineage

LOCK = """
schema: '2.0'
stages:
  structures:
    cmd: python pipelines/structures.py
    outs: [{path: data/structures, hash: md5, md5: 11111111111111111111111111111111.dir, size: 1, nfiles: 3}]
  simulate:
    cmd: python pipelines/simulate.py
    deps: [{path: data/structures, hash: md5, md5: 11111111111111111111111111111111.dir}]
    outs: [{path: data/images, hash: md5, md5: 22222222222222222222222222222222.dir, size: 1, nfiles: 3}]
"""
PIPELINE = """
stages:
  train:
    cmd: "true"
    outs: [models/model.keras, models/run.json: {cache: false}]
    metrics: [reports/evaluation.json]
    plots: [plots]
"""


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q")
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "params.yaml").write_text("base: {seed: 1}\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "start")
    return tmp_path


def write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)


def test_what_the_run_writes_is_no_dirt(clone: Path) -> None:
    for name in ("dvc.lock", "models/run.json", "reports/evaluation.json", "plots/evaluation/skill.csv"):
        write(clone / name, "x")
    state = lineage.git_state(clone)
    assert state == lineage.GitState(git(clone, "rev-parse", "HEAD"), ())


def test_changed_and_untracked_files_are_dirt(clone: Path) -> None:
    write(clone / "params.yaml", "base: {seed: 2}\n")
    write(clone / "src/stray.py", "")
    write(clone / "plots.txt", "")
    assert lineage.git_state(clone).dirty == ("params.yaml", "plots.txt", "src/stray.py")


def test_parameters_that_an_experiment_sets_are_no_dirt(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(clone / "params.yaml", "base: {seed: 2}\n")
    monkeypatch.setenv("DVC_EXP_NAME", "quick-test")
    assert lineage.git_state(clone).dirty == ()


def test_no_repository_is_dirt(tmp_path: Path) -> None:
    assert lineage.git_state(tmp_path) == lineage.GitState("", ("no git commit",))


def test_only_commits_of_the_repository_exist(clone: Path) -> None:
    assert lineage.has_commit(clone, git(clone, "rev-parse", "HEAD"))
    assert not lineage.has_commit(clone, "0123456789abcdef0123456789abcdef01234567")
    assert not lineage.has_commit(clone, "")


def test_the_parent_of_a_commit_is_known_where_it_has_one(clone: Path) -> None:
    first = git(clone, "rev-parse", "HEAD")
    git(clone, "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-q", "--allow-empty", "-m", "next")
    assert lineage.parent_commit(clone, "HEAD") == first
    assert lineage.parent_commit(clone, first) == ""


def test_data_hashes_come_from_the_outputs_in_the_lock(tmp_path: Path) -> None:
    write(tmp_path / "dvc.lock", LOCK)
    assert lineage.data_hashes(tmp_path / "dvc.lock") == {
        "data/structures": "11111111111111111111111111111111.dir",
        "data/images": "22222222222222222222222222222222.dir",
    }
    assert lineage.data_hashes(tmp_path / "absent.lock") == {}


def cached(cache: Path, content: bytes, suffix: str = "") -> str:
    digest = hashlib.md5(content).hexdigest()
    path = cache / digest[:2] / f"{digest[2:]}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return f"{digest}{suffix}"


def test_a_cached_directory_is_sound_until_one_of_its_files_changes(tmp_path: Path) -> None:
    digest = cached(tmp_path, b"pixels")
    folder = cached(tmp_path, json.dumps([{"md5": digest, "relpath": "images/c/0"}]).encode(), ".dir")
    assert lineage.cache_fault(tmp_path, folder) is None
    (tmp_path / digest[:2] / digest[2:]).write_bytes(b"other pixels")
    assert "is not what its name says" in str(lineage.cache_fault(tmp_path, folder))
    (tmp_path / digest[:2] / digest[2:]).unlink()
    assert f"{digest} is not in the cache" in str(lineage.cache_fault(tmp_path, folder))
