import numpy as np
import pytest

from heamap.elements import ELEMENTS
from heamap.structures.zhou import ZHOU, pair_energy, setfl


@pytest.mark.parametrize("symbol", ELEMENTS)
def test_embedding_energy_is_continuous_where_its_branches_meet(symbol):
    # The printed parameters have six decimals; a wrong digit in any of them opens a gap far above this.
    metal = ZHOU[symbol]
    for share in (metal.onset, 1.15):
        below, above = metal.embedding(share * metal.rho_e * np.array([1 - 1e-9, 1 + 1e-9]))
        assert below == pytest.approx(above, abs=1e-6)


@pytest.mark.parametrize("symbol", ELEMENTS)
def test_free_atom_has_no_embedding_energy(symbol):
    assert ZHOU[symbol].embedding(0.0) == pytest.approx(0.0, abs=2e-6)


def test_pair_energy_of_a_metal_with_itself_is_its_own():
    distance = np.linspace(2.0, 6.0, 9)
    np.testing.assert_allclose(pair_energy("Pd", "Pd", distance), ZHOU["Pd"].pair(distance), rtol=1e-14)


def test_pair_energy_does_not_depend_on_the_order_of_the_metals():
    distance = np.linspace(2.0, 6.0, 9)
    np.testing.assert_allclose(pair_energy("Pt", "Fe", distance), pair_energy("Fe", "Pt", distance), rtol=1e-14)


def test_table_names_the_elements_in_their_one_order_and_reaches_past_the_fifth_shell():
    lines = setfl().splitlines()
    assert lines[3].split() == ["5", *ELEMENTS]
    assert float(lines[4].split()[-1]) == pytest.approx(np.sqrt(10) / 2 * np.sqrt(2) * 2.771916)
