import numpy as np
import pytest

from heamap.elements import ATOMIC_NUMBERS, ELEMENTS, index_of_number


def test_element_order_is_the_contract():
    assert ELEMENTS == ("Pt", "Ni", "Pd", "Co", "Fe")
    assert ATOMIC_NUMBERS == (78, 28, 46, 27, 26)


def test_atomic_numbers_map_to_positions():
    np.testing.assert_array_equal(index_of_number([26, 78, 46, 27, 28]), [4, 0, 2, 3, 1])


def test_foreign_atomic_number_is_named():
    with pytest.raises(ValueError, match=r"\[79\]"):
        index_of_number([78, 79])
