import numpy as np
import pytest

from heamap.elements import ELEMENTS
from heamap.structures.edits import permute_order, swap_elements

PT, NI, PD, CO, FE = range(len(ELEMENTS))
SPECIES = np.array([PT, NI, PD, CO, FE, FE, NI, PT], dtype=np.int8)
COLUMN = np.array([1, 0, 1, 0, 1, 0, 1, 0], dtype=np.int32)


def test_a_swap_exchanges_two_elements_and_no_other():
    swapped = swap_elements(SPECIES, "Fe", "Ni")
    assert swapped.tolist() == [PT, FE, PD, CO, NI, NI, FE, PT]
    assert swapped.dtype == np.int8


def test_a_swap_twice_is_none_and_leaves_its_input_alone():
    before = SPECIES.copy()
    np.testing.assert_array_equal(swap_elements(swap_elements(SPECIES, "Pt", "Ni"), "Ni", "Pt"), before)
    np.testing.assert_array_equal(SPECIES, before)


def test_a_stranger_is_named():
    with pytest.raises(ValueError, match="'Au'"):
        swap_elements(SPECIES, "Au", "Ni")


def test_a_permuted_column_keeps_its_counts_and_only_those():
    species = np.random.default_rng(0).integers(0, 5, size=400).astype(np.int8)
    column = np.random.default_rng(1).permutation(np.repeat(np.arange(20), 20))
    shuffled = permute_order(species, column, np.random.default_rng(2))
    for number in range(20):
        before, after = species[column == number], shuffled[column == number]
        np.testing.assert_array_equal(np.bincount(before, minlength=5), np.bincount(after, minlength=5))
        assert not np.array_equal(before, after)


def test_every_order_of_a_column_is_equally_likely():
    species, column = np.array([PT, NI, PD], dtype=np.int8), np.zeros(3, dtype=np.int32)
    rng = np.random.default_rng(3)
    orders = [tuple(permute_order(species, column, rng).tolist()) for _ in range(1200)]
    frequency = np.unique(orders, axis=0, return_counts=True)[1]
    assert len(frequency) == 6
    # Five standard deviations of a binomial of 1200 and 1/6.
    assert np.abs(frequency - 200).max() < 5 * np.sqrt(1200 * 5 / 36)


def test_columns_and_species_must_match():
    with pytest.raises(ValueError, match=r"\(8,\) and \(3,\)"):
        permute_order(SPECIES, COLUMN[:3], np.random.default_rng(0))
