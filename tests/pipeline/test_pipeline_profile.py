"""``tools/profile.sh``: a line under other parameters, in a clone of its own."""

import subprocess
from pathlib import Path

import pytest
import yaml
from conftest import Run, clone, runner

from heamap.profiles import merged

LINE = {"stages": {"figures": {"cmd": "cp params.yaml taken.yaml", "params": ["base"], "outs": ["taken.yaml"]}}}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose line is one stage that keeps the parameters it was run with."""
    folder = clone(tmp_path_factory.mktemp("profiled"))
    (folder / "dvc.yaml").write_text(yaml.safe_dump(LINE))
    commit = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "one stage"]
    subprocess.run(commit, cwd=folder, check=True)
    return folder


@pytest.fixture(scope="module")
def run(checkout: Path) -> Run:
    return runner(checkout)


def test_a_profile_is_laid_over_the_parameters(checkout: Path, run: Run) -> None:
    run("tools/profile.sh", "paper")
    base, profile = (yaml.safe_load((checkout / name).read_text()) for name in ("params.yaml", "profiles/paper.yaml"))
    assert yaml.safe_load((checkout / "build/paper/taken.yaml").read_text()) == merged(base, profile)


def test_a_whole_parameter_file_is_taken_as_it_is_and_taken_anew_on_the_next_run(checkout: Path, run: Run) -> None:
    whole, taken = checkout / "params.release.yaml", checkout / "build/release/taken.yaml"
    run("tools/profile.sh", "release")
    assert taken.read_text() == whole.read_text()
    assert (checkout / "params.yaml").read_text() != whole.read_text()
    whole.write_text(whole.read_text().replace("seed: 20110905", "seed: 5"))
    run("tools/profile.sh", "release")
    assert yaml.safe_load(taken.read_text())["base"]["seed"] == 5


def test_run_again_a_clone_stays_on_its_commit_until_something_changes(checkout: Path, run: Run) -> None:
    """The gate refuses a training that was resumed at another commit."""

    def commit() -> str:
        run("tools/profile.sh", "release")
        found = ["git", "-C", str(checkout / "build/release"), "rev-parse", "HEAD"]
        return subprocess.run(found, check=True, capture_output=True, text=True).stdout

    first = commit()
    assert commit() == first
    whole = checkout / "params.release.yaml"
    sound = whole.read_text()
    whole.write_text(sound.replace("epochs:", "epoch:"))
    assert "params.release.yaml" in run("tools/profile.sh", "release", check=False).stderr
    whole.write_text(sound)
    assert commit() == first
    # Stopped between taking up the sources and the commit of the parameters.
    subprocess.run(["git", "-C", str(checkout / "build/release"), "reset", "-q", "--hard", "HEAD^"], check=True)
    assert commit() == first
    whole.write_text(whole.read_text() + "\n")
    assert commit() != first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a profile: tools/profile.sh NAME, one of challenger paper release"),
        (("absent",), "absent: no such profile; there are challenger paper release"),
        (("release", "build/other", "params.yaml"), "params.release.yaml is a whole parameter file"),
    ],
)
def test_what_is_no_profile_is_refused(run: Run, arguments: tuple[str, ...], message: str) -> None:
    done = run("tools/profile.sh", *arguments, check=False)
    assert done.returncode == 2
    assert message in done.stderr
