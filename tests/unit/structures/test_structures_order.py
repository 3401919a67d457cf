import numpy as np
import pytest
from ase.build import bulk

from heamap.structures.order import nearest_pairs, pair_counts, shell_pairs, warren_cowley

LATTICE = 3.7


@pytest.fixture
def sites():
    return bulk("Pt", "fcc", a=LATTICE, cubic=True) * (2, 2, 2)


def l12(sites):
    """Species of L1_2: index 1 on cube corners, index 0 on face centres."""
    corners = np.isclose((sites.positions / LATTICE) % 1 % 1, 0.0, atol=1e-6).all(axis=1)
    return np.where(corners, 1, 0).astype(np.int8)


@pytest.mark.parametrize(("shell", "neighbours"), [(1, 12), (2, 6)])
def test_every_site_of_fcc_has_its_neighbours(sites, shell, neighbours):
    first, _ = shell_pairs(sites, LATTICE, shell)
    assert (np.bincount(first) == neighbours).all()


def test_ordered_alloy_has_the_textbook_parameters(sites):
    # L1_2: a corner has only face centres beside it, and only corners in the second shell.
    nearest = warren_cowley(l12(sites), shell_pairs(sites, LATTICE, 1))
    second = warren_cowley(l12(sites), shell_pairs(sites, LATTICE, 2))
    assert nearest[1, 1] == pytest.approx(1.0)
    assert nearest[0, 1] == pytest.approx(-1 / 3)
    assert second[1, 1] == pytest.approx(1 - 1 / 0.25)
    assert second[0, 1] == pytest.approx(1.0)


def test_parameters_are_symmetric_balanced_and_zero_for_absent_elements(sites):
    species = np.random.default_rng(0).integers(0, 4, len(sites)).astype(np.int8)
    alpha = warren_cowley(species, shell_pairs(sites, LATTICE, 1))
    shares = np.bincount(species, minlength=5) / len(species)
    np.testing.assert_allclose(alpha, alpha.T, atol=1e-12)
    np.testing.assert_allclose(alpha @ shares, 0.0, atol=1e-12)
    assert not alpha[4].any()


def test_free_particle_keeps_only_the_pairs_it_has():
    # One cubic cell without periodic images: four sites, all nearest neighbours of each other.
    first, second = nearest_pairs(bulk("Pt", "fcc", a=LATTICE, cubic=True).positions, LATTICE)
    assert len(first) == 12
    assert pair_counts(np.array([0, 0, 1, 1], dtype=np.int8), (first, second))[:2, :2].tolist() == [[2, 4], [4, 2]]
