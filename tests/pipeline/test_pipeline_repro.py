"""The line as a user runs it: ``dvc repro``, twice, then an experiment beside the first."""

import json
import re

import pandas as pd
import yaml

from heamap import released
from heamap.lifecycle.lineage import sha256

STAGES = (
    *("motifs", "structures", "simulate", "counterfactuals", "validate", "train", "bounds", "evaluate", "export"),
    *("gate", "promote", "score", "figures"),
)


def test_line_ends_with_a_champion_and_a_scored_micrograph(repository):
    gate = json.loads((repository / "reports/gate.json").read_text())
    promotion = json.loads((repository / "reports/promotion.json").read_text())
    tables = sorted((repository / "data/scores").glob("*/columns.csv"))

    assert gate["passed"] is True
    assert (promotion["decision"]["action"], promotion["version"]) == ("promote", "1")
    assert tables
    assert {"row_px", "col_px", "Pt", "Ni", "Pd", "Co", "Fe", "total"} <= set(pd.read_csv(tables[0]).columns)


def test_the_papers_figures_are_drawn_and_logged_with_the_model(repository):
    pictures, others = (
        {path.name for path in (repository / name).iterdir()} for name in ("plots/paper", "reports/paper")
    )
    assert {"figure_6.png", "figure_S8.png", "table_2.png"} <= pictures
    assert {"index.html", "comparison.csv", "figure_6.pdf"} <= others
    assert {name.rpartition(".")[2] for name in pictures} == {"png"}
    made = pictures | others
    run_id = json.loads((repository / "models/run.json").read_text())["run_id"]
    (logged,) = (repository / "mlruns").glob(f"**/{run_id}/artifacts/paper")
    assert {path.name for path in logged.iterdir()} == made


def test_the_papers_figures_are_plots(run, tmp_path):
    shown = run("dvc", "plots", "show", "plots/paper", "--json", "--out", str(tmp_path)).stdout

    assert "figure_6.png" in shown


def test_every_report_is_machine_readable(repository):
    for name in ("validation", "evaluation", "parity", "gate"):
        assert json.loads((repository / f"reports/{name}.json").read_text())


def test_the_exam_has_its_dose_and_its_targets_are_judged(repository):
    reports = repository / "reports"
    evaluation, targets = (json.loads((reports / f"{name}.json").read_text()) for name in ("evaluation", "targets"))

    assert evaluation["dose_per_square_angstrom"] == {"test_images": [2e5, 2e5], "bound": 2.5e5}
    assert list(evaluation["slices"]["dose_per_square_angstrom"]) == ["low 2e+05 to 2e+05"]
    assert "Dose of the test images: 2e+05 electrons per Å² each." in (reports / "accuracy.md").read_text()
    assert len(targets) == 7
    table = (reports / "targets.md").read_text()
    assert table.startswith(f"{sum(each['met'] for each in targets)} of 7 targets met")
    run_id = json.loads((repository / "models/run.json").read_text())["run_id"]
    (logged,) = (repository / "mlruns").glob(f"**/{run_id}/artifacts/reports/targets.md")
    assert logged.read_text() == table


def test_the_champion_is_released_with_a_card_of_its_own_numbers(repository, run, tmp_path):
    done = run("heamap", "release", ".", "--out", str(tmp_path))
    assert "SHA-256" in done.stdout

    promotion = json.loads((repository / "reports/promotion.json").read_text())
    record, card = released.read(tmp_path), (tmp_path / released.CARD).read_text()
    assert record.sha256 == sha256(tmp_path / released.MODEL_FILE) == promotion["onnx_sha256"]
    assert record.run_id == promotion["run_id"]
    evaluation = json.loads((repository / "reports/evaluation.json").read_text())
    pt = evaluation["scores"]["Pt"]["model"]["r2"]
    lock = yaml.safe_load((repository / "dvc.lock").read_text())["stages"]["simulate"]["outs"]
    for words in (
        record.sha256,
        record.commit,
        record.run_id,
        next(out["md5"] for out in lock if out["path"] == "data/images"),
        f"| the model | {pt['value']:.2f} [{pt['low']:.2f}, {pt['high']:.2f}] |",
        "| dose | 100,000 to 400,000 electrons per Å² |",
        "of 7 targets met",
        f"{evaluation['columns']} columns of 2 test images",
    ):
        assert words in card


def test_splits_share_no_particle(repository):
    samples = pd.read_parquet(repository / "data/structures/samples.parquet")

    assert samples.groupby("structure_hash")["split"].nunique().max() == 1
    assert samples["split"].value_counts().to_dict() == {"train": 4, "validation": 2, "calibration": 4, "test": 2}


def test_test_images_come_from_the_reference_and_the_others_from_the_engine_asked_for(repository):
    splits = pd.read_parquet(repository / "data/structures/samples.parquet").set_index("sample")["split"]
    records = pd.read_parquet(repository / "data/images/microscope.parquet").set_index("sample")

    engines = records["engine"].str.split("-").str[0].groupby(splits).unique()
    assert {split: list(names) for split, names in engines.items()} == {
        "train": ["thermal"],
        "validation": ["thermal"],
        "calibration": ["abtem"],
        "test": ["abtem"],
    }
    assert records["relative_error"].between(0, 1).all()


def test_second_repro_runs_nothing(repository, run):
    run_id = (repository / "models/run.json").read_text()

    done = run("dvc", "repro")

    for stage in STAGES:
        assert f"Stage '{stage}' didn't change, skipping" in done.stdout
    assert (repository / "models/run.json").read_text() == run_id


def test_lineage_of_the_champion_checks_out(repository, run):
    version = json.loads((repository / "reports/promotion.json").read_text())["version"]

    done = run("heamap", "lineage", str(version))

    commit = run("git", "rev-parse", "HEAD").stdout.strip()
    assert commit in done.stdout
    assert re.search(r"onnx", done.stdout, re.IGNORECASE)


def test_lineage_fails_on_changed_data(repository, run):
    version = json.loads((repository / "reports/promotion.json").read_text())["version"]
    lock = yaml.safe_load((repository / "dvc.lock").read_text())
    digest = next(out["md5"] for out in lock["stages"]["structures"]["outs"] if out["path"] == "data/structures")
    listing = repository / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    original = listing.read_bytes()
    listing.chmod(0o644)
    listing.write_bytes(original.replace(b"atoms", b"atomz"))
    try:
        done = run("heamap", "lineage", str(version), check=False)
    finally:
        listing.write_bytes(original)
        listing.chmod(0o444)

    assert done.returncode == 1
    assert "data/structures" in done.stdout + done.stderr


def test_unknown_parameter_stops_in_one_line(repository, run):
    params = repository / "params.yaml"
    original = params.read_text()
    params.write_text(original.replace("learning_rate:", "learnin_rate:"))
    try:
        done = run("python", "pipelines/structures.py", check=False)
    finally:
        params.write_text(original)

    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "train.learnin_rate" in done.stderr


def test_experiment_with_another_learning_rate_shows_beside_the_first(repository, run):
    run("dvc", "exp", "run", "-S", "train.learning_rate=0.004", "--name", "faster")

    shown = json.loads(run("dvc", "exp", "show", "--json").stdout)
    rates = set(re.findall(r'"learning_rate": ([0-9.]+)', json.dumps(shown)))
    assert {"0.002", "0.004"} <= rates
    versions = json.loads((repository / "reports/promotion.json").read_text())["version"]
    assert int(versions) == 2
    restored = run("heamap", "rollback")
    assert "1" in restored.stdout
