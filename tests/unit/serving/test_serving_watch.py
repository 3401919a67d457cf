import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tifffile
from serving_examples import lattice_image

from heamap.cli import main
from heamap.errors import InputError
from heamap_serving import watch as watching
from heamap_serving.calibration import Calibration
from heamap_serving.options import DEFAULTS
from heamap_serving.session import load_model
from heamap_serving.watch import Folder, watch

IMAGE, _ = lattice_image((100, 110), (0.2, 0.2))


def land(path):
    tifffile.imwrite(path, IMAGE, imagej=True, resolution=(50, 50), metadata={"unit": "nm"})


def test_a_file_has_landed_once_it_stopped_changing(tmp_path):
    folder = Folder(tmp_path)
    file = tmp_path / "a.tif"
    assert list(folder.landed()) == []
    file.write_bytes(b"1")
    assert list(folder.landed()) == []
    file.write_bytes(b"12")
    assert list(folder.landed()) == []
    assert list(folder.landed()) == [file]
    assert list(folder.landed()) == []
    file.write_bytes(b"123")
    assert list(folder.landed()) == []
    assert list(folder.landed()) == [file]


def test_empty_hidden_and_other_files_never_land(tmp_path):
    for name, content in (("a.tif", b""), (".b.tif", b"1"), ("c.md", b"1"), ("d.npy", b"1")):
        (tmp_path / name).write_bytes(content)
    (tmp_path / "e.tif").mkdir()
    folder = Folder(tmp_path)
    list(folder.landed())
    assert [path.name for path in folder.landed()] == ["d.npy"]


def test_a_folder_that_is_away_for_a_moment_is_no_end(tmp_path):
    folder = Folder(tmp_path / "gone")
    assert list(folder.landed()) == []


@pytest.fixture
def scripted(monkeypatch):
    """Looks at the folder are steps of a script; the end of the script is Ctrl-C."""

    def play(steps):
        left = iter(steps)

        def sleep(_):
            try:
                next(left)()
            except StopIteration:
                raise KeyboardInterrupt from None

        monkeypatch.setattr(watching.time, "sleep", sleep)

    return play


def test_each_micrograph_is_scored_as_it_lands_and_a_bad_one_is_survived(scripted, model_file, tmp_path):
    inside, out, lines = tmp_path / "in", tmp_path / "out", []
    inside.mkdir()
    nothing = lambda: None  # noqa: E731
    scripted(
        [
            lambda: land(inside / "one.tif"),
            nothing,
            lambda: (inside / "bad.dm3").write_bytes(b"\0\0\0\3garbage"),
            nothing,
            lambda: land(inside / "two.tif"),
            nothing,
            nothing,
        ]
    )
    summary = watch(inside, out, load_model(model_file), Calibration(), DEFAULTS, lines.append)
    assert (len(summary.records), summary.failed) == (3, 1)
    assert [line.split(":")[0] for line in lines[1:-1]] == ["one.tif", "bad.dm3", "two.tif"]
    assert "damaged" in lines[2]
    assert lines[-1] == f"ended: 2 of 3 scored; see {out}"
    assert (out / "one.tif" / "report.html").exists()
    assert json.loads((out / "summary.json").read_text())["scored"] == 2
    assert "damaged" in (out / "index.html").read_text()


def test_what_was_scored_before_under_the_same_choices_is_not_scored_again(scripted, model_file, tmp_path, monkeypatch):
    inside, out = tmp_path / "in", tmp_path / "out"
    inside.mkdir()
    land(inside / "one.tif")
    scored = []
    real = watching.score_loaded
    monkeypatch.setattr(watching, "score_loaded", lambda job, *rest: scored.append(job.path.name) or real(job, *rest))
    model = load_model(model_file)
    for calibration, times in ((Calibration(), 1), (Calibration(), 1), (Calibration(0.21), 2)):
        scripted([lambda: None, lambda: None])
        summary = watch(inside, out, model, calibration, DEFAULTS, lambda _: None)
        assert len(scored) == times
        assert summary.records[0]["columns"] > 0


def test_the_command_line_ends_cleanly_on_an_interrupt(model_file, tmp_path):
    inside = tmp_path / "in"
    inside.mkdir()
    land(inside / "one.tif")
    command = ["score", "--watch", inside, "--out", tmp_path / "out", "--model", model_file]
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; from heamap.cli import main; sys.exit(main(sys.argv[1:]))", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ,
    )
    end = time.monotonic() + 120
    while not (tmp_path / "out" / "index.html").exists() and time.monotonic() < end:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert said.splitlines()[-1] == f"ended: 1 of 1 scored; see {tmp_path / 'out'}"
    assert "Traceback" not in errors


def test_micrographs_and_a_folder_to_watch_exclude_each_other(model_file, tmp_path, capsys):
    np.save(tmp_path / "a.npy", IMAGE)
    rest = ["--out", str(tmp_path / "out"), "--model", str(model_file)]
    assert main(["score", *rest]) == 2
    assert main(["score", str(tmp_path / "a.npy"), "--watch", str(tmp_path), *rest]) == 2
    assert capsys.readouterr().err.count("give either micrographs (PATH) or a folder to watch") == 2
    with pytest.raises(InputError, match="no such folder"):
        watch(tmp_path / "absent", tmp_path, load_model(model_file), Calibration(), DEFAULTS, print)


def test_results_go_to_another_folder_than_the_micrographs(tmp_path, model_file):
    with pytest.raises(InputError, match="is the folder that is watched"):
        watch(tmp_path, tmp_path / ".", load_model(model_file), Calibration(), DEFAULTS, print)
    arguments = ["score", "--watch", tmp_path, "--out", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:1"]
    assert main([str(argument) for argument in arguments]) == 2
