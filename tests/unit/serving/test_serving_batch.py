import errno
import hashlib
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import tifffile
from serving_examples import lattice_image, make_contract, write_model
from threadpoolctl import threadpool_info

from heamap.cli import main
from heamap.contract import METADATA_KEY
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap_serving import batch, outputs, results
from heamap_serving.batch import find_micrographs


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    image, _ = lattice_image((150, 160), (0.2, 0.2))
    tifffile.imwrite(folder / "good.tif", image, imagej=True, resolution=(50, 50), metadata={"unit": "nm"})
    return folder


def run(*arguments):
    return main([str(argument) for argument in arguments])


def test_a_good_image_leaves_tables_maps_picture_and_provenance(folder, model_file, tmp_path):
    out = tmp_path / "out"
    assert run("score", folder, "--out", out, "--model", model_file) == 0
    table = pd.read_csv(out / "good" / "columns.csv")
    stored = pd.read_parquet(out / "good" / "columns.parquet")
    pd.testing.assert_frame_equal(table, stored, check_dtype=False, atol=1e-3)
    assert list(table.columns[5:12]) == [*ELEMENTS, "NiCoFe", "total"]
    with tifffile.TiffFile(out / "good" / "maps.tif") as tiff:
        assert tiff.series[0].shape == (5, 150, 160)
        assert tiff.imagej_metadata["unit"] == "nm"
        assert [label.split()[0] for label in tiff.imagej_metadata["Labels"]] == list(ELEMENTS)
        above, below = tiff.pages[0].tags["XResolution"].value
        assert above / below == pytest.approx(50)
    assert (out / "good" / "figure.png").stat().st_size > 50_000
    record = json.loads((out / "good" / "provenance.json").read_text())
    assert record["input"]["sha256"] == hashlib.sha256((folder / "good.tif").read_bytes()).hexdigest()
    assert record["model"]["sha256"] == hashlib.sha256(model_file.read_bytes()).hexdigest()
    assert record["sampling"]["source"] == "file"
    assert record["sampling"]["resampling"].startswith("Lanczos")
    assert record["tiles"]["number"] == 1
    assert record["model"]["provider"].endswith("ExecutionProvider")
    assert record["model"]["version"] is None
    assert record["region"] == {"roi_px": None, "mask_share": None}
    assert set(record["versions"]) >= {"heamap", "python", "numpy", "onnxruntime-gpu", "rosettasciio", "plotly"}
    assert all(record["versions"].values())
    assert (out / "good" / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert record["model"]["contract"]["lineage"]["run_id"] == "r1"
    # A model of before the accuracy was recorded says nothing of it.
    assert record["accuracy"] is None
    assert json.loads((out / "summary.json").read_text())["images"][0]["not_told_apart"] is None


def test_an_image_without_columns_is_scored_as_empty(folder, tmp_path):
    model = write_model(tmp_path / "m.onnx", {METADATA_KEY: make_contract().to_json()}, weights=(1e-3,) * 5)
    assert run("score", folder, "--out", tmp_path / "out", "--model", model) == 0
    assert len(pd.read_csv(tmp_path / "out" / "good" / "columns.csv")) == 0
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["images"][0]["columns"] == 0


def test_the_same_input_gives_the_same_files(folder, model_file, tmp_path):
    for out in ("one", "two"):
        run("score", folder, "--out", tmp_path / out, "--model", model_file)
    for path in (tmp_path / "one").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes(), path


def test_every_image_that_may_be_said_to_show_aggregation_is_named(folder, model_file, tmp_path, capsys, monkeypatch):
    (folder / "plain.tif").write_bytes((folder / "good.tif").read_bytes())
    (folder / "broken.dm3").write_bytes(b"\0\0\0\3garbage")
    said = iter([("Pt gathers in columns (p = 0.005)", "Pd gathers in columns (p = 0.01)"), ()])
    monkeypatch.setattr("heamap_serving.results.claims", lambda _: next(said))
    assert run("score", folder, "--out", tmp_path / "out", "--model", model_file) == 1
    lines = capsys.readouterr().out.splitlines()
    claim = "Pt gathers in columns (p = 0.005); Pd gathers in columns (p = 0.01)"
    assert lines[0] == f"{folder / 'good.tif'}: {claim}"
    assert lines[1].startswith("2 of 3 scored with model.onnx")
    assert len(lines) == 2


def test_a_bad_file_is_reported_and_the_rest_goes_on(folder, model_file, tmp_path, capfd):
    (folder / "broken.dm3").write_bytes(b"\0\0\0\3garbage")
    np.save(folder / "bare.npy", np.random.default_rng(0).random((100, 100)))
    (folder / "notes.md").write_text("not a micrograph")
    out = tmp_path / "out"
    assert run("score", folder, "--out", out, "--model", model_file) == 1
    errors = capfd.readouterr().err
    assert "broken.dm3: damaged" in errors
    assert (
        "bare.npy: npy files hold no pixel size; not known, and needed to count atoms: pixel size (--sampling-angstrom"
        in errors
    )
    assert "skipped" in errors
    assert "notes.md" in errors
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["scored"], summary["failed"]) == (1, 2)
    statuses = pd.read_csv(out / "summary.csv").set_index("file")["status"].to_dict()
    assert sorted(statuses.values()) == ["failed", "failed", "scored"]
    assert (out / "good" / "columns.csv").exists()


def test_files_of_one_stem_get_folders_of_their_own(folder, model_file, tmp_path):
    (folder / "good.tiff").write_bytes((folder / "good.tif").read_bytes())
    deeper = folder / "deeper"
    deeper.mkdir()
    (deeper / "good.tif").write_bytes((folder / "good.tif").read_bytes())
    out = tmp_path / "out"
    assert run("score", folder, deeper, "--out", out, "--model", model_file) == 0
    assert sorted(path.name for path in out.iterdir() if path.is_dir()) == ["good.tif", "good.tif-2", "good.tiff"]


def test_bad_input_exits_with_two_and_one_line(folder, model_file, tmp_path, capsys):
    empty = tmp_path / "empty"
    empty.mkdir()
    (tmp_path / "a.docx").touch()
    for arguments, line in (
        ([empty, "--model", model_file], "no micrograph"),
        ([tmp_path / "a.docx", "--model", model_file], "'.docx' is none of"),
        ([tmp_path / "absent.tif", "--model", model_file], "no such file"),
        ([folder, "--model", tmp_path / "absent.onnx"], "No such file"),
        ([folder, "--model", model_file, "--sampling-angstrom", "-1"], "--sampling-angstrom must be a positive"),
    ):
        assert run("score", *arguments, "--out", tmp_path / "out") == 2
        errors = capsys.readouterr().err
        assert line in errors
        assert len(errors.splitlines()) == 1


def test_a_file_named_twice_is_scored_once(folder):
    found = find_micrographs([folder, folder / "good.tif"])
    assert [path.name for path in found.micrographs] == ["good.tif"]
    with pytest.raises(InputError, match="no such file or folder"):
        find_micrographs([folder / "absent"])


def test_help_loads_nothing_heavy():
    code = (
        "import sys\nfrom heamap.cli import main\n"
        "try:\n    main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "heavy = {'numpy', 'pandas', 'onnxruntime', 'mlflow', 'tensorflow', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_maps_too_large_for_imagej_are_written_as_ome(folder, model_file, tmp_path, monkeypatch):
    assert run("score", folder, "--out", tmp_path / "small", "--model", model_file) == 0
    monkeypatch.setattr(outputs, "IMAGEJ_BYTES", 1000)
    assert run("score", folder, "--out", tmp_path / "large", "--model", model_file) == 0
    with tifffile.TiffFile(tmp_path / "large" / "good" / "maps.tif") as tiff:
        assert tiff.is_ome
        assert tiff.is_bigtiff
        np.testing.assert_array_equal(tiff.asarray(), tifffile.imread(tmp_path / "small" / "good" / "maps.tif"))


def test_results_cannot_go_where_a_file_is(folder, model_file, tmp_path, capsys):
    (tmp_path / "taken").write_text("a file")
    assert run("score", folder, "--out", tmp_path / "taken", "--model", model_file) == 2
    assert "taken: File exists; it must be a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("largest", "code", "line"),
    [
        (200_000, 1, "good.tif: its results cannot be written: File too large"),
        (200, 2, "File too large; what is finished is kept, run it again to go on"),
    ],
    ids=["maps", "summary"],
)
def test_a_disk_that_takes_no_more_is_told_in_one_line(folder, model_file, tmp_path, largest, code, line):
    words = ["score", folder, "--out", tmp_path / "out", "--model", model_file]
    limited = f"resource.setrlimit(resource.RLIMIT_FSIZE, ({largest}, resource.RLIM_INFINITY))"
    command = f"import resource, sys; from heamap.cli import main; {limited}; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", command, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == code
    assert line in done.stderr
    assert "Traceback" not in done.stderr
    assert run(*words) == 0


def test_a_file_that_may_not_be_written_is_told_in_one_line(folder, model_file, tmp_path, capsys, monkeypatch):
    def forbidden(*_):
        raise PermissionError(errno.EACCES, "Permission denied", "summary.csv")

    monkeypatch.setattr(batch, "write_summary", forbidden)
    assert run("score", folder, "--out", tmp_path / "out", "--model", model_file) == 2
    assert "heamap: summary.csv: Permission denied\n" in capsys.readouterr().err


def test_tables_alone_hold_the_same_counts_and_no_pictures(folder, model_file, tmp_path, capsys):
    words = ["score", folder, "--model", model_file, "--out"]
    assert run(*words, tmp_path / "all") == 0
    assert run(*words, tmp_path / "bare", "--tables") == 0
    names = {path.name for path in (tmp_path / "bare" / "good").iterdir()}
    assert {path.name for path in (tmp_path / "all" / "good").iterdir()} - names == {
        "figure.png",
        "figure.pdf",
        "report.html",
    }
    for name in ("columns.csv", "maps.tif"):
        assert (tmp_path / "bare" / "good" / name).read_bytes() == (tmp_path / "all" / "good" / name).read_bytes()
    assert 'href="good/columns.csv"' in (tmp_path / "bare" / "index.html").read_text()
    assert 'href="good/report.html"' in (tmp_path / "all" / "index.html").read_text()
    # Pictures that are asked for afterwards are made.
    assert run(*words, tmp_path / "bare") == 0
    assert (tmp_path / "bare" / "good" / "report.html").exists()
    assert run(*words, tmp_path / "bare", "--tables", "--elements", "Pt") == 2
    assert "leave out --elements" in capsys.readouterr().err


def test_blas_has_one_thread_while_a_batch_is_scored_and_its_own_afterwards(folder, model_file, tmp_path, monkeypatch):
    def threads():
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    seen, score = [], results.score

    def spied(*arguments, **options):
        seen.append(threads())
        return score(*arguments, **options)

    monkeypatch.setattr(results, "score", spied)
    before = threads()
    assert run("score", folder, "--out", tmp_path / "out", "--model", model_file, "--tables") == 0
    assert seen == [[1] * len(before)]
    assert threads() == before
