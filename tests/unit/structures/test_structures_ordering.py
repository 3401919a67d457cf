import numpy as np
import pytest

from heamap.structures.order import nearest_pairs, pair_counts, warren_cowley
from heamap.structures.ordering import arrange, target_pairs
from heamap.structures.particle import make_particle

LATTICE = 3.7
EQUIATOMIC = np.full(5, 0.2)
# Pt beside Fe, away from Pd; rows sum to 0 as the parameters of an equiatomic alloy do.
ORDER = np.array(
    [
        [0.1, 0.0, 0.2, 0.0, -0.3],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [0.2, 0.0, -0.2, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0],
        [-0.3, 0.0, 0.0, 0.0, 0.3],
    ]
)


@pytest.fixture(scope="module")
def pairs():
    return nearest_pairs(make_particle(32.0, LATTICE, 25.6, np.random.default_rng(0)).positions, LATTICE)


def random_species(pairs, composition, seed):
    return np.random.default_rng(seed).choice(5, size=pairs[0].max() + 1, p=composition).astype(np.int8)


def test_pairs_of_random_mixing_are_products_of_shares():
    composition = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    np.testing.assert_allclose(target_pairs(np.zeros((5, 5)), composition), np.outer(composition, composition))


def test_target_gives_each_species_its_share_of_ends_at_another_composition():
    composition = np.array([0.4, 0.3, 0.1, 0.1, 0.1])
    target = target_pairs(ORDER, composition)
    np.testing.assert_allclose(target, target.T, atol=1e-15)
    np.testing.assert_allclose(target.sum(axis=1), composition, atol=1e-9)
    assert target[0, 4] > 0.4 * 0.1 > target[0, 2]


def test_target_bears_an_absent_element():
    target = target_pairs(ORDER, np.array([0.5, 0.5, 0.0, 0.0, 0.0]))
    assert np.isfinite(target).all()
    assert target[2].sum() == 0


def test_arrangement_reaches_the_target_and_keeps_the_composition(pairs):
    species = random_species(pairs, EQUIATOMIC, 1)
    arranged = arrange(species, pairs, ORDER, tolerance=0.01, rng=np.random.default_rng(2))
    assert (np.bincount(arranged, minlength=5) == np.bincount(species, minlength=5)).all()
    composition = np.bincount(species, minlength=5) / len(species)
    counts = pair_counts(arranged, pairs)
    deviation = counts - target_pairs(ORDER, composition) * counts.sum()
    expected = np.outer(composition, composition) * counts.sum()
    # The kept tally of the misfit must be the true one, or the search would stop elsewhere.
    assert np.square(deviation).sum() <= np.square(0.01 * expected).sum()
    assert warren_cowley(arranged, pairs)[0, 4] == pytest.approx(-0.3, abs=0.08)


def test_arrangement_that_meets_the_target_is_left_alone(pairs):
    species = random_species(pairs, EQUIATOMIC, 3)
    order = warren_cowley(species, pairs)
    kept = arrange(species, pairs, order, tolerance=0.1, rng=np.random.default_rng(4))
    assert (kept == species).all()
