import hashlib
import json
from pathlib import Path

import ase.io
import numpy as np
import pandas as pd
import pytest
from ase import Atoms
from scipy.spatial.transform import Rotation

from heamap.cli import main
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.imaging import engines
from heamap.imaging.simulated import Simulated
from heamap_serving.io import read_micrograph

OPTICS = ("--detector-mrad", "60", "80", "--sampling-angstrom", "0.3")
CHEAP = (*OPTICS, "--engine", "reference", "--configurations", "1")
STACKS = {
    (0.0, 0.0): "PtPtPtPtPt",
    (2.6, 0.0): "PdPd",
    (5.2, 0.0): "NiNi",
    (0.0, 2.6): "PtFePt",
    (2.6, 2.6): "Co",
}
"""Columns of atoms 2.7 Angstrom apart along z by their place: no symmetry maps them onto each other."""


def stacks() -> Atoms:
    atoms = Atoms()
    for (x, y), symbols in STACKS.items():
        atoms += Atoms(symbols, positions=[(x, y, 2.7 * level) for level in range(len(Atoms(symbols)))])
    return atoms


def run(*arguments) -> int:
    return main(["simulate", *map(str, arguments)])


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("simulated")


@pytest.fixture(scope="module")
def upright(folder) -> Path:
    path = folder / "stacks.xyz"
    ase.io.write(path, stacks())
    return path


@pytest.fixture(scope="module")
def out(folder, upright) -> Path:
    assert run(upright, "--out", folder / "out", *CHEAP) == 0
    return folder / "out"


def test_the_folder_holds_image_picture_columns_and_settings(out):
    assert sorted(path.name for path in out.iterdir()) == [
        "columns.csv",
        "image.npy",
        "image.png",
        "image.tif",
        "settings.json",
    ]
    image = np.load(out / "image.npy")
    # 5.2 Angstrom and a rim of 4 on each side, in steps of .3.
    assert (image.dtype, image.shape) == (np.float32, (44, 44))
    assert -1e-4 < image.min() < image.max() < 0.3
    tiff = read_micrograph(out / "image.tif")
    np.testing.assert_array_equal(tiff.image, image)
    assert tiff.sampling_angstrom == pytest.approx((0.3, 0.3))


def test_the_columns_are_those_of_the_structure_at_their_places_in_the_image(out):
    table = pd.read_csv(out / "columns.csv")
    assert list(table.columns) == [
        "column", "row", "col", *ELEMENTS, "total", "order", "intensity_square_angstrom",
    ]  # fmt: skip
    places = [(round(0.3 * col - 3.85, 1), round(0.3 * row - 5.15, 1)) for row, col in table[["row", "col"]].to_numpy()]
    assert dict(zip(places, table["order"], strict=True)) == STACKS
    assert table["total"].tolist() == table[list(ELEMENTS)].sum(axis=1).tolist()
    assert table["total"].sum() == len(stacks())


def test_a_column_is_as_bright_as_its_atoms_make_it(out):
    table = pd.read_csv(out / "columns.csv").set_index("order")
    brightness = table["intensity_square_angstrom"].sort_values(ascending=False)
    assert list(brightness.index) == ["PtPtPtPtPt", "PtFePt", "PdPd", "NiNi", "Co"]
    image = np.load(out / "image.npy")
    brightest = np.unravel_index(image.argmax(), image.shape)
    np.testing.assert_allclose(brightest, table.loc["PtPtPtPtPt", ["row", "col"]].astype(float), atol=1)


def test_the_settings_say_all_that_decided_the_image(out, upright):
    record = json.loads((out / "settings.json").read_text())
    assert record["input"]["sha256"] == hashlib.sha256(upright.read_bytes()).hexdigest()
    assert record["input"]["atoms"] == {"Pt": 7, "Ni": 2, "Pd": 2, "Co": 1, "Fe": 1}
    assert record["orientation"]["angle_degree"] == 0
    assert record["engine"]["version"] == engines.version("reference")
    assert record["engine"]["configurations"] == 1
    assert record["engine"]["relative_error"] is None
    # Layers are 2.7 Angstrom apart here: one of them a slice.
    assert record["engine"]["slice_angstrom"] == pytest.approx(2.7, rel=0.01)
    assert record["microscope"]["energy_ev"] == 200e3
    assert record["microscope"]["detector_outer_mrad"] == 80
    assert record["image"]["sampling_angstrom"] == 0.3
    assert record["columns"]["number"] == 5
    assert {"heamap", "abtem", "ase", "numpy", "python"} <= set(record["versions"])


def test_the_thermal_engine_makes_it_too(out, folder, upright):
    assert run(upright, "--out", folder / "thermal", *OPTICS, "--engine", "thermal", "--waves", "4") == 0
    record = json.loads((folder / "thermal" / "settings.json").read_text())
    assert record["engine"]["version"] == engines.version("thermal")
    assert record["engine"]["waves"] == 4
    image = np.load(folder / "thermal" / "image.npy")
    assert np.corrcoef(image.ravel(), np.load(out / "image.npy").ravel())[0, 1] > 0.95


def test_a_tilted_structure_is_turned_and_the_record_maps_the_file_onto_the_image(out, folder, capsys):
    atoms = stacks()
    atoms.positions = Rotation.from_euler("xy", (8, -5), degrees=True).apply(atoms.positions)
    atoms.translate([3.0, -7.0, 11.0])
    path = folder / "tilted.xyz"
    ase.io.write(path, atoms)
    assert run(path, "--out", folder / "tilted", *CHEAP, "--axis", "auto") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("tilted.xyz: turned by 9.43 degrees: its [")
    orientation = json.loads((folder / "tilted" / "settings.json").read_text())["orientation"]
    placed = ase.io.read(path).positions @ np.transpose(orientation["rotation"]) - orientation["origin_angstrom"]
    table = pd.read_csv(folder / "tilted" / "columns.csv").set_index("order")
    np.testing.assert_allclose(placed[:5, 0].mean() / 0.3, table.loc["PtPtPtPtPt", "col"], atol=1e-3)
    np.testing.assert_allclose(placed[:5, 1].mean() / 0.3, table.loc["PtPtPtPtPt", "row"], atol=1e-3)
    untilted = pd.read_csv(out / "columns.csv").set_index("order")["intensity_square_angstrom"]
    np.testing.assert_allclose(table["intensity_square_angstrom"][untilted.index], untilted, rtol=0.1)


def test_the_same_command_writes_the_same_files_over_the_old_ones(out, upright):
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    (out / "columns.csv").write_text("old")
    (out / "notes.md").write_text("mine")
    assert run(upright, "--out", out, *CHEAP) == 0
    assert (out / "notes.md").read_text() == "mine"
    (out / "notes.md").unlink()
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_a_given_field_is_cut_to_its_size(folder, upright, out):
    assert run(upright, "--out", folder / "given", *CHEAP, "--field-angstrom", "15.6") == 0
    image = np.load(folder / "given" / "image.npy")
    assert image.shape == (52, 52)
    # It is 4 pixels wider on each side; the engine's box, and with it PRISM's error, is another.
    whole = np.load(out / "image.npy")
    assert np.corrcoef(image[4:48, 4:48].ravel(), whole.ravel())[0, 1] > 0.99
    assert image[4:48, 4:48].sum() == pytest.approx(whole.sum(), rel=0.1)


def two_apart(path: Path, distance_angstrom: float) -> Path:
    far = Atoms("Pt2", positions=[(distance_angstrom, 0.0, 0.0), (distance_angstrom, 0.0, 2.7)])
    ase.io.write(path, stacks() + far)
    return path


def test_what_memory_does_not_hold_is_seen_in_its_middle(folder, monkeypatch, capsys):
    fields = []

    def little_memory(*_, base, **__):
        fields.append(base.pixels)
        if base.pixels > 200:
            raise InputError("needs 9.0 GB")
        return Simulated(np.zeros((base.pixels, base.pixels), dtype=np.float32), 1, 1, 0.05, float("nan"))

    monkeypatch.setattr(engines, "simulate", little_memory)
    wide, wider = two_apart(folder / "wide.xyz", 70.0), two_apart(folder / "wider.xyz", 200.0)
    assert run(wide, "--out", folder / "wide", *OPTICS) == 0
    assert "a field of 78.0 Angstrom is too large (needs 9.0 GB): its middle 51.2 Angstrom are simulated" in (
        capsys.readouterr().out
    )
    assert fields == [264, 176]
    assert np.load(folder / "wide" / "image.npy").shape == (171, 171)
    assert len(pd.read_csv(folder / "wide" / "columns.csv")) == 0
    assert run(wider, "--out", folder / "wider", *OPTICS) == 0
    assert "too large (90 at most are taken unasked; give --field-angstrom for more)" in capsys.readouterr().out
    assert fields[2:] == [176]
    assert run(wide, "--out", folder / "wide", *OPTICS, "--field-angstrom", "80") == 2
    assert capsys.readouterr().err == "heamap: needs 9.0 GB\n"


def test_a_periodic_cell_is_told_of(folder, monkeypatch, capsys):
    atoms = stacks()
    atoms.set_cell([10.0, 11.0, 12.0])
    atoms.pbc = True
    ase.io.write(folder / "cell.xyz", atoms)
    monkeypatch.setattr(engines, "simulate", lambda *_, **__: (_ for _ in ()).throw(InputError("enough")))
    assert run(folder / "cell.xyz", "--out", folder / "cell", *CHEAP) == 2
    assert "the periodic cell of 10 x 11 x 12 Angstrom is simulated once" in capsys.readouterr().out


def test_what_cannot_be_simulated_is_one_line_and_exit_code_two(folder, upright, tmp_path, capsys):
    gold = Atoms("PtAu", positions=[(0, 0, 0), (0, 0, 2.7)])
    ase.io.write(tmp_path / "gold.xyz", gold)
    (tmp_path / "nan.xyz").write_text("1\n\nPt nan 0 0\n")
    loose = np.random.default_rng(0).uniform(0, 30, (30, 30, 3)).reshape(-1, 3)
    kept = [at for index, at in enumerate(loose) if np.linalg.norm(loose[:index] - at, axis=1).min(initial=9) > 2.2]
    ase.io.write(tmp_path / "loose.xyz", Atoms(f"Pt{len(kept)}", positions=kept))
    (tmp_path / "taken").write_text("a file")
    for arguments, line in (
        ([tmp_path / "absent.xyz"], "absent.xyz: no such file"),
        ([tmp_path / "taken"], "not a structure that ASE reads"),
        ([tmp_path / "gold.xyz"], "no data for Au; heamap simulates Pt, Ni, Pd, Co, Fe only"),
        ([tmp_path / "nan.xyz"], "NaN or infinite"),
        ([tmp_path / "loose.xyz"], "loose.xyz: no column direction"),
        ([tmp_path / "loose.xyz", "--axis", "z"], "no atomic columns along [0, 0, 1]"),
        ([upright, "--field-angstrom", "4"], "5.2 x 2.6 Angstrom as seen along the beam are 1.5 Angstrom more"),
        ([upright, "--energy-kev", "-1"], "--energy-kev must be between 20 and 1000, got -1"),
        ([upright, "--out", tmp_path / "taken"], "File exists; --out must be a folder that can be written"),
    ):
        assert run("--out", tmp_path / "out", *CHEAP, *arguments) == 2
        errors = capsys.readouterr().err
        assert line in errors
        assert len(errors.splitlines()) == 1
    assert not (tmp_path / "out").exists()
    assert not (folder / "absent").exists()
