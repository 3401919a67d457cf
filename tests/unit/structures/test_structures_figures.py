from pathlib import Path

import numpy as np
import pytest

from heamap.elements import ELEMENTS
from heamap.params import load
from heamap.structures.figures import gallery
from heamap.structures.motif import Motif


@pytest.fixture(scope="module")
def figure():
    motif = Motif(
        calculator="zhou-eam",
        elements=ELEMENTS,
        temperature_kelvin=800.0,
        lattice_constant_angstrom=3.69,
        lattice_constant_spread_angstrom=0.0,
        displacement_angstrom=(0.05,) * 5,
        quenched_displacement_angstrom=(0.05,) * 5,
        warren_cowley=[np.zeros((5, 5)).tolist()] * 2,
        evolved_warren_cowley=[np.zeros((5, 5)).tolist()] * 2,
        energy_ev={},
        acceptance=0.5,
        pure_metals=[],
    )
    return gallery(load(Path(__file__).parents[3] / "params.yaml").structures, motif, seed=3)


def test_gallery_titles_count_the_drawn_atoms(figure):
    for axis in figure.axes:
        drawn = len(axis.collections[0].get_offsets())
        assert f"{drawn:,} atoms" in axis.get_title()


def test_gallery_grows_with_the_cube_of_the_diameter(figure):
    drawn = [len(axis.collections[0].get_offsets()) for axis in figure.axes]

    assert drawn[3] / drawn[1] == pytest.approx(8, rel=0.05)
