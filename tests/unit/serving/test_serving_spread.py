import json
import subprocess
import sys

import h5py
import numpy as np
import pytest
from distributed import LocalCluster
from serving_examples import lattice_image
from writers import tia

from heamap.cli import main
from heamap_serving.io.folders import files_of


def score(*arguments):
    return main(["score", *map(str, arguments), "--sampling-angstrom", "0.2"])


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(3):
        np.save(folder / f"{number}.npy", lattice_image((120, 130), (0.2, 0.2))[0] + number)
    (folder / "broken.dm3").write_bytes(b"\0\0\0\3garbage")
    return folder


def contents(path):
    """Attributes, shapes and values of everything in an HDF5 file."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.update(
                {name: (sorted((key, str(value)) for key, value in item.attrs.items()), values(item))}
            )
        )
    assert found
    return found


def values(item):
    return (item.shape, np.asarray(item[()]).tolist()) if isinstance(item, h5py.Dataset) else None


def test_a_cluster_gives_the_files_of_one_process(folder, model_file, tmp_path, capfd):
    alone, spread = tmp_path / "alone", tmp_path / "spread"
    assert score(folder, "--out", alone, "--model", model_file) == 1
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        assert score(folder, "--out", spread, "--model", model_file, "--scheduler", address) == 1
        assert "broken.dm3: damaged" in capfd.readouterr().err
        made = {path: path.stat().st_mtime_ns for path in spread.glob("*/provenance.json")}
        assert len(made) == 3
        assert score(folder, "--out", spread, "--model", model_file, "--scheduler", address) == 1
        assert {path: path.stat().st_mtime_ns for path in made} == made
    for path in alone.rglob("*"):
        other = spread / path.relative_to(alone)
        if path.suffix == ".hspy":
            # Where HDF5 puts things in a file depends on what the process wrote before.
            assert contents(path) == contents(other), path
        elif path.is_file():
            assert path.read_bytes() == other.read_bytes(), path


def test_all_files_of_an_image_go_to_the_worker(tmp_path, model_file, capfd):
    image = lattice_image((120, 130), (0.2, 0.2))[0]
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.zspy").mkdir()
    (tmp_path / "in" / "a.zspy" / ".zgroup").write_text('{"zarr_format": 2}')
    tia.write_ser(tmp_path / "in" / "scan_1.ser", image.astype(np.uint16)[None])
    tia.write_emi(tmp_path / "in" / "scan.emi", [({"High tension": ("200", "kV")}, {})])
    assert set(files_of(tmp_path / "in" / "scan_1.ser")) == {"scan_1.ser", "scan.emi"}
    with LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as cluster:
        out = tmp_path / "out"
        options = ("--model", model_file, "--scheduler", cluster.scheduler_address, "--tables")
        assert score(tmp_path / "in", "--out", out, *options) == 1
    assert "a.zspy: a .zspy that holds no signal of HyperSpy" in capfd.readouterr().err
    record = json.loads((out / "scan_1" / "provenance.json").read_text())
    assert record["acquisition"]["energy_ev"]["source"] == "file"


def test_a_scheduler_that_does_not_answer_is_told_in_one_line(folder, model_file, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("heamap_serving.spread.CONNECT_TIMEOUT_SECONDS", 0.5)
    out = tmp_path / "out"
    assert score(folder, "--out", out, "--model", model_file, "--scheduler", "tcp://127.0.0.1:9") == 2
    assert "no Dask scheduler answers at 'tcp://127.0.0.1:9'" in capsys.readouterr().err.splitlines()[-1]


def test_the_scorer_loads_no_dask_of_its_own():
    code = "import sys, heamap_serving.batch\nassert not {'dask', 'distributed'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
