"""Tracking, promotion, rollback and lineage against a real database, repository and cache."""

import json
import shutil
import subprocess
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from heamap import released
from heamap.contract import METADATA_KEY, Contract, TrainingRanges
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.lifecycle import decisions, lineage, registry, tracking
from heamap.lifecycle.release import release
from heamap.params import Params, load
from heamap_serving.choice import DEFAULT_MODEL, choose

PASSED = {"passed": True, "criteria": [{"name": "skill_Pt", "passed": True}]}
FAILED = {"passed": False, "criteria": [{"name": "skill_Pt", "passed": False}]}
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with parameters, two data folders in DVC's cache, and the lock that names them."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    for command in (
        ["git", "init", "-q"],
        ["git", "config", "user.name", "Test"],
        ["git", "config", "user.email", "test@example.org"],
    ):
        subprocess.run(command, cwd=folder, check=True)
    from dvc.repo import Repo

    Repo.init(str(folder)).close()
    (folder / "dvc.yaml").write_text("stages: {export: {cmd: 'true', outs: [models/model.onnx]}}\n")
    (folder / ".gitignore").write_text("/models/\n")
    subprocess.run(["git", "add", "."], cwd=folder, check=True)
    subprocess.run(["git", "commit", "-qm", "start"], cwd=folder, check=True)
    return folder


def cached(clone: Path, content: bytes, suffix: str = "") -> str:
    path = clone / "content"
    path.write_bytes(content)
    digest = lineage.md5(path)
    target = clone / ".dvc/cache/files/md5" / digest[:2] / f"{digest[2:]}{suffix}"
    target.parent.mkdir(parents=True, exist_ok=True)
    path.rename(target)
    return f"{digest}{suffix}"


def locked(clone: Path, pixels: bytes) -> dict[str, str]:
    """Put two data folders into the cache and the lock."""
    hashes = {}
    for path in lineage.DATA:
        entries = [{"md5": cached(clone, pixels + path.encode()), "relpath": "0"}]
        hashes[path] = cached(clone, json.dumps(entries).encode(), ".dir")
    write_lock(clone, hashes)
    return hashes


def write_lock(clone: Path, hashes: dict[str, str]) -> None:
    outs = ", ".join(f"{{path: {path}, md5: {value}}}" for path, value in hashes.items())
    (clone / "dvc.lock").write_text(f"schema: '2.0'\nstages: {{line: {{outs: [{outs}]}}}}\n")


@pytest.fixture
def params(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.chdir(clone)
    return load(clone / "params.yaml")


def trained(clone: Path, params: Params, pixels: bytes) -> tuple[str, Path]:
    """A run on data with these pixels, and the ONNX file that came of it, as the line makes them."""
    hashes = locked(clone, pixels)
    with tracking.start_run("train", params) as run:
        run_id = run.info.run_id
    origin = tracking.run_lineage(tracking.find_run(run_id, tracking.client()))
    path = clone / "models/model.onnx"
    path.parent.mkdir(exist_ok=True)
    graph = helper.make_graph(
        [helper.make_node("Identity", ["image"], ["counts"])],
        "identity",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", "rows", "cols", 1])],
        [helper.make_tensor_value_info("counts", TensorProto.FLOAT, ["batch", "rows", "cols", 1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    ranges = TrainingRanges(
        energy_ev=(180e3, 220e3),
        semiangle_mrad=(15, 20),
        detector_mrad=(60, 95),
        dose_per_square_angstrom=(1e5, 4e5),
        column_total=(1, 15),
        nearest_column_angstrom=2.27,
    )
    contract = Contract(
        elements=ELEMENTS,
        sampling_angstrom=0.2,
        normalization="local",
        label_sigma_angstrom=0.5,
        intensity_scale=1.0,
        stride=8,
        ranges=ranges,
        lineage=origin,
    )
    helper.set_model_props(model, {METADATA_KEY: contract.to_json()})
    onnx.save(model, path)
    write_lock(clone, hashes | {registry.ONNX_OUTPUT: lineage.md5(path)})
    return run_id, path


def promoted(clone: Path, params: Params, name: str, pixels: bytes, verdict: dict[str, object]) -> registry.Promotion:
    run_id, path = trained(clone, params, pixels)
    return registry.promote(path, run_id, verdict, model_name=name, lock=clone / "dvc.lock")


def test_a_run_knows_its_parameters_commit_and_data(clone: Path, params: Params) -> None:
    run_id, _ = trained(clone, params, b"known")
    run = tracking.find_run(run_id, tracking.client())
    assert run.data.params["train.learning_rate"] == str(params.train.learning_rate)
    assert run.data.params["validate.max_total"] == str(params.validate_.max_total)
    assert tracking.run_lineage(run).commit == lineage.git_state(clone).commit
    assert tracking.dirty_files(run) == ()
    inputs = {entry.dataset.name: entry.dataset.digest for entry in run.inputs.dataset_inputs}
    assert inputs == tracking.run_lineage(run).data
    assert set(inputs) == set(lineage.DATA)


def test_going_on_from_another_commit_is_dirt(clone: Path, params: Params) -> None:
    run_id, _ = trained(clone, params, b"resumed")
    subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", "next"], cwd=clone, check=True)
    with tracking.start_run("train", params, run_id):
        pass
    run = tracking.find_run(run_id, tracking.client())
    (resumed,) = tracking.dirty_files(run)
    assert resumed.startswith(f"resumed at commit {lineage.git_state(clone).commit}; train anew")


def test_what_a_later_stage_adds_from_another_commit_is_no_dirt(clone: Path, params: Params) -> None:
    run_id, _ = trained(clone, params, b"evaluated")
    subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", "next"], cwd=clone, check=True)
    with tracking.start_run("evaluate", params, run_id):
        tracking.log_files(clone / "params.yaml")
    run = tracking.find_run(run_id, tracking.client())
    assert tracking.dirty_files(run) == ()


def test_a_stage_that_adds_to_a_run_records_commit_and_dirt_of_its_own(clone: Path, params: Params) -> None:
    run_id, _ = trained(clone, params, b"added to")
    first = lineage.git_state(clone).commit
    subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", "next"], cwd=clone, check=True)
    stray = clone / "src" / "stray.py"
    stray.parent.mkdir(exist_ok=True)
    stray.touch()
    with tracking.start_run("columns", params, run_id):
        pass
    run = tracking.find_run(run_id, tracking.client())
    assert tracking.dirty_files(run) == ("src/stray.py",)
    assert tracking.run_lineage(run).commit == first
    assert run.data.tags[f"{tracking.COMMIT_TAG}.columns"] == lineage.git_state(clone).commit != first

    stray.unlink()
    with tracking.start_run("columns", params, run_id):
        pass
    assert tracking.dirty_files(tracking.find_run(run_id, tracking.client())) == ()


@pytest.mark.usefixtures("params")
def test_an_unknown_run_is_refused() -> None:
    with pytest.raises(InputError, match="no run deadbeef"), tracking.resume("deadbeef"):
        pass


def test_the_validation_report_goes_to_the_run_with_its_warnings(clone: Path, params: Params, tmp_path: Path) -> None:
    report = tmp_path / "validation.json"
    report.write_text(json.dumps({"warnings": [{"suite": "samples", "subject": "contrast"}]}))
    run_id, _ = trained(clone, params, b"warned")
    with tracking.resume(run_id):
        tracking.log_validation(report)
    run = tracking.find_run(run_id, tracking.client())
    assert run.data.tags[tracking.WARNINGS_TAG] == "samples.contrast"


def test_the_pointer_names_the_run(tmp_path: Path) -> None:
    tracking.write_pointer(tmp_path / "run.json", "abc")
    assert tracking.read_pointer(tmp_path / "run.json") == "abc"
    with pytest.raises(InputError, match="run the train stage"):
        tracking.read_pointer(tmp_path / "absent.json")


def test_the_database_lies_in_the_parent_of_an_experiment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert tracking.tracking_uri() == f"sqlite:///{tmp_path.resolve()}/mlflow.db"


def test_a_passed_gate_makes_a_champion_and_its_file_is_the_same(clone: Path, params: Params) -> None:
    done = promoted(clone, params, "first", b"1", PASSED)
    assert (done.version, done.decision.action, done.decision.replaced_version) == ("1", "promote", "")
    assert registry.champion_version("first") == "1"
    assert lineage.sha256(registry.champion_onnx("first")) == lineage.sha256(clone / "models/model.onnx")


def test_where_there_is_a_champion_it_scores_and_not_the_released_model(
    clone: Path, params: Params, tmp_path: Path
) -> None:
    done = promoted(clone, params, DEFAULT_MODEL, b"chosen", PASSED)
    record = released.Released(sha256=done.onnx_sha256, bytes=1, run_id="r", commit="c", heamap="0.1.0")
    released.write(tmp_path, record, b"a", "")
    choice = choose(shipped=tmp_path)
    assert (choice.version, choice.origin) == (done.version, "champion of the registry, version 1 of heamap-fcn")
    assert lineage.sha256(choice.path) == done.onnx_sha256


@pytest.mark.usefixtures("params")
def test_asking_for_a_champion_makes_no_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/absent.db")
    with pytest.raises(registry.NoChampionError, match="nobody has no champion"):
        registry.champion_onnx("nobody")
    assert not list(tmp_path.iterdir())


def test_a_failed_gate_leaves_the_champion(clone: Path, params: Params) -> None:
    promoted(clone, params, "guarded", b"1", PASSED)
    second = promoted(clone, params, "guarded", b"2", FAILED)
    assert decisions.holder_of("guarded", decisions.CHAMPION) == "1"
    assert decisions.holder_of("guarded", decisions.CHALLENGER) == second.version == "2"
    assert second.decision.reason == "gate failed: skill_Pt"


def test_promoting_twice_is_promoting_once(clone: Path, params: Params) -> None:
    run_id, path = trained(clone, params, b"twice")
    first, second = (
        registry.promote(path, run_id, PASSED, model_name="twice", lock=clone / "dvc.lock") for _ in range(2)
    )
    assert first == second
    assert len(decisions.decisions("twice")) == 1


def test_a_challenger_that_passes_later_is_champion_alone(clone: Path, params: Params) -> None:
    run_id, path = trained(clone, params, b"later")
    for verdict in (FAILED, PASSED):
        registry.promote(path, run_id, verdict, model_name="later", lock=clone / "dvc.lock")
    assert decisions.holder_of("later", decisions.CHAMPION) == "1"
    assert decisions.holder_of("later", decisions.CHALLENGER) is None


def test_rollback_goes_back_step_by_step_and_is_recorded(clone: Path, params: Params) -> None:
    for pixels in (b"1", b"2", b"3"):
        promoted(clone, params, "stepwise", pixels, PASSED)
    assert registry.rollback("stepwise").version == "2"
    assert registry.rollback("stepwise").version == "1"
    assert decisions.holder_of("stepwise", decisions.CHAMPION) == "1"
    assert [(entry.action, entry.version, entry.replaced_version) for entry in decisions.decisions("stepwise")] == [
        ("promote", "1", ""),
        ("promote", "2", "1"),
        ("promote", "3", "2"),
        ("rollback", "2", "3"),
        ("rollback", "1", "2"),
    ]
    with pytest.raises(InputError, match="version 1 of stepwise is the first champion"):
        registry.rollback("stepwise")


@pytest.mark.usefixtures("params")
def test_without_a_champion_there_is_nothing_to_score_with_or_go_back_from() -> None:
    for call in (registry.champion_onnx, registry.rollback):
        with pytest.raises(InputError, match="nobody has no champion"):
            call("nobody")


def test_a_whole_lineage_is_sound(clone: Path, params: Params) -> None:
    done = promoted(clone, params, "traced", b"traced", PASSED)
    trace = registry.lineage("traced", done.version)
    assert trace.sound, str(trace)
    names = ["version", "run", "commit", "dvc.lock, trained", "dvc.lock, promoted", *lineage.DATA, "onnx"]
    assert [link.name for link in trace.links] == names


def test_changed_data_breaks_its_link(clone: Path, params: Params) -> None:
    done = promoted(clone, params, "damaged", b"damaged", PASSED)
    digest = lineage.data_hashes(clone / "dvc.lock")["data/images"]
    listing = clone / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    listing.write_text("[]")
    assert faults("damaged", done.version) == ["data/images"]


def test_a_changed_onnx_file_breaks_its_links(clone: Path, params: Params) -> None:
    done = promoted(clone, params, "forged", b"forged", PASSED)
    path = registry.champion_onnx("forged")
    model = onnx.load(path)
    model.producer_name = "somebody else"
    onnx.save(model, path)
    assert faults("forged", done.version) == ["dvc.lock, promoted", "onnx"]
    for call in (registry.champion_onnx, lambda name: choose(model_name=name)):
        with pytest.raises(InputError, match="not the file that was registered"):
            call("forged")


def test_a_clone_without_the_commit_breaks_its_link(
    clone: Path, params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = promoted(clone, params, "moved", b"moved", PASSED)
    other = tmp_path / "other"
    shutil.copytree(clone, other, ignore=shutil.ignore_patterns(".git"))
    subprocess.run(["git", "init", "-q"], cwd=other, check=True)
    monkeypatch.setenv("DVC_ROOT", str(other))
    assert faults("moved", done.version) == ["commit"]


def finished(clone: Path, done: registry.Promotion, reports_of: str) -> None:
    """The pointer and the report that a line leaves beside its registry."""
    tracking.write_pointer(clone / "models/run.json", done.run_id)
    (clone / "reports").mkdir(exist_ok=True)
    (clone / "reports/promotion.json").write_text(json.dumps({"onnx_sha256": reports_of, "version": "7"}))


def test_a_champion_whose_lineage_is_broken_is_not_released(clone: Path, params: Params, tmp_path: Path) -> None:
    done = promoted(clone, params, "unsound", b"unsound", PASSED)
    finished(clone, done, done.onnx_sha256)
    digest = lineage.data_hashes(clone / "dvc.lock")["data/images"]
    (clone / ".dvc/cache/files/md5" / digest[:2] / digest[2:]).unlink()
    with pytest.raises(InputError, match=r"lineage of version 1 of unsound does not hold: data/images: .* not in the"):
        release(clone, tmp_path / "out", "unsound")
    assert not (tmp_path / "out").exists()


def test_a_champion_with_reports_of_another_model_is_not_released(clone: Path, params: Params, tmp_path: Path) -> None:
    done = promoted(clone, params, "overtaken", b"overtaken", PASSED)
    finished(clone, done, "0" * 64)
    with pytest.raises(InputError, match="are of version 7, the champion is version 1 of overtaken"):
        release(clone, tmp_path / "out", "overtaken")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("params")
def test_an_unknown_version_is_refused() -> None:
    with pytest.raises(InputError, match="no version 9 of nobody"):
        registry.lineage("nobody", "9")


def faults(name: str, version: str) -> list[str]:
    return [link.name for link in registry.lineage(name, version).links if link.fault]
