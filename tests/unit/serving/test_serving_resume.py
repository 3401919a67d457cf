import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import fields, replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from serving_examples import lattice_image, make_contract, write_model

import heamap
from heamap.acquisition.microscope import Detector, Microscope
from heamap.contract import METADATA_KEY
from heamap.errors import InputError
from heamap_serving import finished, outputs
from heamap_serving.batch import find_micrographs, score_batch
from heamap_serving.calibration import Calibration
from heamap_serving.options import Options
from heamap_serving.pipeline import Behind, ahead
from heamap_serving.region import Region
from heamap_serving.session import load_model

IMAGES = 6
PAGES = ("index.html", "summary.csv", "summary.json")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    image, _ = lattice_image((120, 130), (0.2, 0.2))
    for number in range(IMAGES):
        np.save(folder / f"{number}.npy", image + number)
    return folder


def batch(folder, out, model_file, **options):
    calibration = Calibration(**({"sampling_angstrom": 0.2} | options))
    return score_batch(find_micrographs([folder]), out, load_model(model_file), calibration)


def made(out):
    """When each image's result was written."""
    return {path.parent.name: path.stat().st_mtime_ns for path in sorted(out.glob("[0-9]*/provenance.json"))}


def test_a_killed_batch_goes_on_where_it_was(folder, model_file, tmp_path):
    out = tmp_path / "out"
    command = "import sys; from heamap.cli import main; sys.exit(main(sys.argv[1:]))"
    arguments = ["score", folder, "--out", out, "--model", model_file, "--sampling-angstrom", "0.2"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    running = subprocess.Popen([sys.executable, "-c", command, *arguments], env=environment, stderr=subprocess.DEVNULL)
    while len(made(out)) < 2:
        assert running.poll() is None
        time.sleep(0.005)
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = made(out)
    assert 2 <= len(before) < IMAGES

    summary = batch(folder, out, model_file)

    after = made(out)
    assert {name: after[name] for name in before} == before
    assert len(after) == IMAGES
    assert (len(summary.records), summary.failed) == (IMAGES, 0)
    assert sorted(path.name for path in out.iterdir()) == [*map(str, range(IMAGES)), *PAGES]
    fresh = batch(folder, tmp_path / "fresh", model_file)
    assert summary.records == fresh.records
    for path in (tmp_path / "fresh").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (out / path.relative_to(tmp_path / "fresh")).read_bytes(), path


def test_another_file_model_or_option_is_scored_again_and_nothing_else(folder, model_file, tmp_path):
    out = tmp_path / "out"
    batch(folder, out, model_file)
    first = made(out)
    batch(folder, out, model_file)
    assert made(out) == first

    np.save(folder / "3.npy", 2 * np.load(folder / "3.npy"))
    batch(folder, out, model_file)
    second = made(out)
    assert [name for name in first if second[name] != first[name]] == ["3"]

    (out / "4" / "provenance.json").write_text("{}")
    batch(folder, out, model_file)
    third = made(out)
    assert [name for name in first if third[name] != second[name]] == ["4"]

    batch(folder, out, model_file, sampling_angstrom=0.19)
    fourth = made(out)
    assert not set(third.items()) & set(fourth.items())

    other = write_model(tmp_path / "other.onnx", {METADATA_KEY: make_contract().to_json()}, weights=(9.0, 4, 3, 2, 1))
    batch(folder, out, other, sampling_angstrom=0.19)
    assert not set(fourth.items()) & set(made(out).items())
    assert json.loads((out / "summary.json").read_text())["scored"] == IMAGES
    assert pd.read_csv(out / "0" / "columns.csv")["Pt"].max() > 0


def test_a_result_appears_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "a"
    with pytest.raises(FileNotFoundError), finished.appearing(folder) as unfinished:
        (unfinished / "half").rename(unfinished / "absent" / "half")
    assert list(tmp_path.iterdir()) == []
    for name in ("old", "new"):
        with finished.appearing(folder) as unfinished:
            (unfinished / name).touch()
            (unfinished / finished.RECORD).touch()
            assert not (folder / name).exists()
    assert sorted(path.name for path in folder.iterdir()) == ["new", finished.RECORD]


def test_nothing_but_a_result_makes_way_for_a_result(folder, model_file, capfd):
    (folder / "0").mkdir()
    (folder / "0" / "notes.txt").write_text("mine")
    (folder / "1").write_text("mine too")
    (folder / "2").mkdir()
    summary = batch(folder, folder, model_file)
    assert [record["status"] for record in summary.records] == ["failed", "failed", *["scored"] * 4]
    said = capfd.readouterr().err
    assert f"{folder / '0'} is no result of heamap and stays as it is" in said
    assert f"{folder / '1'} is no folder and stays as it is" in said
    assert (folder / "0" / "notes.txt").read_text() == "mine"
    assert (folder / "1").read_text() == "mine too"
    with pytest.raises(InputError, match="stays as it is"), finished.appearing(folder / "0"):
        pytest.fail("it was begun")


def test_a_refused_image_leaves_no_older_counts(folder, model_file, tmp_path, capfd):
    out = tmp_path / "out"
    batch(folder, out, model_file)
    np.save(folder / "0.npy", np.ones((120, 130)))
    (folder / "1.npy").write_bytes(b"no array")
    summary = batch(folder, out, model_file)
    assert [record["status"] for record in summary.records] == ["failed", "failed", *["scored"] * 4]
    assert sorted(path.name for path in out.iterdir()) == ["2", "3", "4", "5", *PAGES]
    batch(folder, out, model_file, sampling_angstrom=20.0)
    assert sorted(path.name for path in out.iterdir()) == [*PAGES]
    assert "replaces the result of another file" in capfd.readouterr().err


def test_what_should_not_happen_to_one_image_costs_no_other(folder, model_file, tmp_path, monkeypatch, capfd):
    written = outputs.write

    def write(place, title, *rest):
        if title == "2.npy":
            raise KeyError("a mistake")
        return written(place, title, *rest)

    monkeypatch.setattr(outputs, "write", write)
    summary = batch(folder, tmp_path / "out", model_file)
    assert [record["status"] for record in summary.records].count("scored") == IMAGES - 1
    said = capfd.readouterr().err
    assert re.search(r"2\.npy: failed unexpectedly \(KeyError at test_\w+\.py:\d+: 'a mistake'\); please report", said)
    assert "Traceback" not in said


def test_work_ahead_and_behind_keeps_its_order_and_its_bounds():
    started, put = [], []

    def prepare(number):
        started.append(number)
        if number == 2:
            raise KeyError(number)
        return 10 * number

    def keep(done):
        put.append(done)
        return done

    outcomes = []
    with Behind(1) as writer:
        for number, future in ahead(prepare, range(5), 1):
            assert max(started, default=0) <= number + 1
            if future.exception() is None:
                outcomes.append(writer.put(partial(keep, future.result())))
    assert [outcome.result() for outcome in outcomes] == put == [0, 10, 30, 40]


def test_all_that_decides_a_result_is_in_what_it_was_made_of(model_file, monkeypatch):
    model, mask = load_model(model_file), np.eye(4, dtype=bool)
    plain = finished.made_of("a", model, Calibration(), Options())
    known = {field.name: 0.5 for field in fields(Calibration)} | {
        "composition": (0.2,) * 5,
        "detector_mrad": (60.0, 95.0),
        "tilt_degree": (1.0, -2.0),
        "scan": Detector(black_level=1.0),
        "microscope": Microscope(energy_kev=200.0),
    }
    others = [
        finished.made_of("b", model, Calibration(), Options()),
        finished.made_of("a", replace(model, sha256="other"), Calibration(), Options()),
        *(finished.made_of("a", model, Calibration(**{name: value}), Options()) for name, value in known.items()),
        finished.made_of("a", model, Calibration(), Options(Region((0, 0, 2, 2)))),
        finished.made_of("a", model, Calibration(), Options(Region((0, 0, 2, 3)))),
        finished.made_of("a", model, Calibration(), Options(Region(mask=mask))),
        finished.made_of("a", model, Calibration(), Options(Region(mask=~mask))),
        finished.made_of("a", model, Calibration(), Options(elements=("Pt",))),
    ]
    monkeypatch.setattr(heamap, "__version__", "another")
    others.append(finished.made_of("a", model, Calibration(), Options()))
    assert len({json.dumps(each) for each in [plain, *others]}) == 1 + len(others) == 21
