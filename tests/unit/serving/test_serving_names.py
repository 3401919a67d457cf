import json
import os
import threading
import time

import pandas as pd
import pytest
import tifffile
from serving_examples import lattice_image

from heamap.cli import main
from heamap.errors import InputError
from heamap_serving.batch import find_micrographs
from heamap_serving.calibration import Calibration
from heamap_serving.names import link, shown
from heamap_serving.options import DEFAULTS
from heamap_serving.session import load_model
from heamap_serving.watch import watch

LATIN = os.fsdecode(b"Messung_5\xb5m.tif")


def write(path):
    image, _ = lattice_image((150, 150), (0.2, 0.2))
    tifffile.imwrite(path, image, imagej=True, resolution=(50, 50), metadata={"unit": "nm"})


def test_bytes_that_are_no_text_stand_as_escapes():
    assert shown(LATIN) == "Messung_5\\xb5m.tif"
    assert shown("Größe µ.tif") == "Größe µ.tif"
    assert link(LATIN) == "Messung_5%B5m.tif"


def test_a_name_that_is_no_utf_8_is_scored_and_the_batch_has_its_summary(tmp_path, model_file, capfd):
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / LATIN)
    write(tmp_path / "in" / "plain.tif")
    out = tmp_path / "out"
    assert main(["score", str(tmp_path / "in"), "--out", str(out), "--model", str(model_file)]) == 0
    table = pd.read_csv(out / "summary.csv")
    assert set(table["folder"]) == {"plain", "Messung_5\\xb5m"}
    assert {entry["status"] for entry in json.loads((out / "summary.json").read_text())["images"]} == {"scored"}
    folder = out / LATIN.removesuffix(".tif")
    assert len(pd.read_csv(folder / "columns.csv")) > 50
    assert "Messung_5\\xb5m.tif" in (folder / "report.html").read_text(encoding="utf-8")
    assert 'href="Messung_5%B5m/report.html"' in (out / "index.html").read_text(encoding="utf-8")
    # And a bad file of such a name costs the others nothing.
    (tmp_path / "in" / LATIN).write_bytes(b"no image")
    assert main(["score", str(tmp_path / "in"), "--out", str(out), "--model", str(model_file), "--tables"]) == 1
    assert "Messung_5\\xb5m.tif: damaged" in capfd.readouterr().err


def test_a_name_that_is_no_utf_8_does_not_end_a_watch(tmp_path, model_file):
    inside, lines = tmp_path / "in", []
    inside.mkdir()
    write(inside / LATIN)

    def say(line):
        line.encode("utf-8")
        lines.append(line)
        if "columns" in line:
            threading.Timer(0.1, _interrupt).start()

    def _interrupt():
        import _thread

        _thread.interrupt_main()

    model = load_model(model_file)
    summary = watch(inside, tmp_path / "out", model, Calibration(), DEFAULTS, say, seconds=0.05)
    time.sleep(0.2)
    assert summary.failed == 0
    assert any(line.startswith("Messung_5\\xb5m.tif: ") for line in lines)


def test_a_name_as_long_as_the_file_system_allows_is_scored(tmp_path, model_file):
    path = tmp_path / f"{'n' * 247}.tif"
    write(path)
    assert main(["score", str(path), "--out", str(tmp_path / "o"), "--model", str(model_file), "--tables"]) == 0
    assert (tmp_path / "o" / path.stem / "columns.csv").exists()
    assert not [entry for entry in (tmp_path / "o").iterdir() if entry.name.startswith(".")]


def test_a_link_to_what_is_missing_is_named_as_one(tmp_path, model_file, capfd):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "broken.tif").symlink_to("/nowhere/annex/object")
    write(tmp_path / "in" / "plain.tif")
    arguments = ["--out", str(tmp_path / "o"), "--model", str(model_file), "--tables"]
    assert main(["score", str(tmp_path / "in"), *arguments]) == 1
    assert "broken.tif: a link to /nowhere/annex/object, which is not there" in capfd.readouterr().err
    assert main(["score", str(tmp_path / "in" / "broken.tif"), *arguments]) == 1
    assert "a link to /nowhere/annex/object" in capfd.readouterr().err


def test_nothing_of_a_folder_is_passed_over_in_silence(tmp_path, model_file, capfd):
    inside = tmp_path / "in"
    (inside / "deeper").mkdir(parents=True)
    write(inside / "plain.tif")
    (inside / "notes.txt").touch()
    (inside / "image.zspy").mkdir()
    arguments = ["--out", str(tmp_path / "o"), "--model", str(model_file), "--tables"]
    assert main(["score", str(inside), *arguments]) == 1
    errors = capfd.readouterr().err
    assert "deeper: a folder; name it" in errors
    assert "notes.txt: not a micrograph" in errors
    assert "image.zspy: " in errors
    assert "zspy" in json.loads((tmp_path / "o" / "summary.json").read_text())["images"][0]["file"]


def test_the_emi_of_series_in_the_folder_is_read_with_them(tmp_path):
    for name in ("scan.emi", "scan_1.ser", "scan_2.ser", "other.emi", "lonely_1.ser"):
        (tmp_path / name).touch()
    found = find_micrographs([tmp_path])
    assert {path.name for path in found.micrographs} == {"scan_1.ser", "scan_2.ser", "other.emi", "lonely_1.ser"}
    assert [path.name for path in found.skipped] == ["scan.emi"]
    assert find_micrographs([tmp_path / "scan.emi"]).micrographs == (tmp_path / "scan.emi",)
    with pytest.raises(InputError, match="no such file"):
        find_micrographs([tmp_path / "absent.ser"])


def test_a_link_and_what_it_points_to_are_two_images(tmp_path):
    write(tmp_path / "a.tif")
    (tmp_path / "best.tif").symlink_to("a.tif")
    found = find_micrographs([tmp_path, tmp_path / "a.tif"])
    assert [path.name for path in found.micrographs] == ["a.tif", "best.tif"]


def test_a_watch_names_a_link_to_nothing_and_does_not_call_positions_scored(tmp_path, model_of):
    inside, lines = tmp_path / "in", []
    inside.mkdir()
    (inside / "broken.tif").symlink_to("/nowhere")

    def say(line):
        lines.append(line)
        if line.startswith("broken.tif"):
            raise KeyboardInterrupt

    watch(inside, tmp_path / "out", model_of(), Calibration(), DEFAULTS, say, seconds=0.05)
    assert any("a link to /nowhere, which is not there" in line for line in lines)
