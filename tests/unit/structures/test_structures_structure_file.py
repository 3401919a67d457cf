import hashlib

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.spacegroup import crystal
from crystals import alloy, fcc_ball

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.structures.structure_file import read_structure

APART = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 2.7], [2.2, 0.0, 1.3]])


def refusal(path) -> str:
    with pytest.raises(InputError) as caught:
        read_structure(path)
    line = str(caught.value)
    assert str(path) in line
    assert "\n" not in line
    return line


def test_elements_and_positions_come_as_in_the_file(tmp_path):
    path = tmp_path / "three.xyz"
    ase.io.write(path, Atoms("FePtPd", positions=APART))
    structure = read_structure(path)
    assert [ELEMENTS[index] for index in structure.elements] == ["Fe", "Pt", "Pd"]
    np.testing.assert_allclose(structure.positions, APART, atol=1e-7)
    assert structure.cell_angstrom is None
    assert structure.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["ball.xyz", "ball.cif", "POSCAR", "ball.traj", "ball@3.xyz"])
def test_whatever_ase_reads_is_read(tmp_path, name):
    ball = alloy(fcc_ball(5.0))
    ball.center(vacuum=3.0)
    ase.io.write(tmp_path / name, ball)
    structure = read_structure(tmp_path / name)
    assert len(structure.elements) == len(ball)
    assert np.bincount(structure.elements, minlength=5)[0] == (ball.numbers == 78).sum()


def test_a_periodic_cell_is_reported(tmp_path):
    ase.io.write(tmp_path / "slab.xyz", Atoms("Pt3", positions=APART, cell=[8.0, 9.0, 10.0], pbc=[True, True, False]))
    assert read_structure(tmp_path / "slab.xyz").cell_angstrom == (8.0, 9.0, 10.0)


def test_a_file_that_is_no_structure_is_one_line(tmp_path):
    assert "no such file" in refusal(tmp_path / "absent.xyz")
    (tmp_path / "folder.xyz").mkdir()
    assert "a folder" in refusal(tmp_path / "folder.xyz")
    for name, content in (
        ("words.xyz", b"not a structure\nat all\n"),
        ("binary.xyz", bytes(range(256)) * 4),
        ("short.xyz", b"3\n\nPt 0 0 0\n"),
        ("unknown.abc", b"Pt 0 0 0\n"),
        ("nothing.xyz", b""),
        ("empty.cif", b"data_x\n"),
    ):
        (tmp_path / name).write_bytes(content)
        assert any(reason in refusal(tmp_path / name) for reason in ("not a structure that ASE reads", "no atoms"))


def test_no_atoms_and_many_structures_are_refused(tmp_path):
    (tmp_path / "zero.xyz").write_text("0\n\n")
    assert "holds no atoms" in refusal(tmp_path / "zero.xyz")
    ase.io.write(tmp_path / "run.xyz", [Atoms("Pt3", positions=APART)] * 3)
    assert "holds 3 structures" in refusal(tmp_path / "run.xyz")


def test_elements_without_data_are_named_with_those_that_have_them(tmp_path):
    ase.io.write(tmp_path / "au.xyz", Atoms("PtAuCu", positions=APART))
    assert "no data for Au, Cu; heamap simulates Pt, Ni, Pd, Co, Fe only" in refusal(tmp_path / "au.xyz")


def test_positions_that_are_no_numbers_are_refused(tmp_path):
    (tmp_path / "nan.xyz").write_text("2\n\nPt 0 0 0\nPt nan 0 3\n")
    assert "positions of 1 of 2 atoms are NaN or infinite, the first that of atom 1" in refusal(tmp_path / "nan.xyz")


def test_two_atoms_in_one_place_are_refused(tmp_path):
    ase.io.write(tmp_path / "twice.xyz", Atoms("Pt4", positions=np.vstack([APART, [0.0, 0.4, 2.7]])))
    assert "atoms 1 and 3 are 0.40 Angstrom apart (1 such pair)" in refusal(tmp_path / "twice.xyz")


def test_partly_occupied_sites_are_refused(tmp_path):
    ase.io.write(tmp_path / "alloy.cif", crystal("Pt", [(0, 0, 0)], spacegroup=225, cellpar=[3.9] * 3 + [90] * 3))
    text = (tmp_path / "alloy.cif").read_text()
    assert read_structure(tmp_path / "alloy.cif").cell_angstrom == pytest.approx((3.9, 3.9, 3.9))
    site = next(line for line in text.splitlines() if line.split()[:1] == ["Pt"])
    shared = "\n".join(site.rsplit("1.0", 1)[0] + "0.5" if line == site else line for line in text.splitlines())
    (tmp_path / "alloy.cif").write_text(shared + "\n")
    assert "a partly occupied site (Pt 0.5)" in refusal(tmp_path / "alloy.cif")
