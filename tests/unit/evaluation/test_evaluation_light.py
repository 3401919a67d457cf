import numpy as np
import pytest

from heamap.elements import ATOMIC_NUMBERS
from heamap.evaluation.light import LEAST_SHARE, gives_light

COUNTS = np.array([[5.0, 4, 3, 2, 1], [0, 0, 0, 0, 1], [20, 5, 5, 2, 1], [0, 3, 0, 3, 0]])
LIGHT = 1e-3 * COUNTS @ np.asarray(ATOMIC_NUMBERS, float) ** 1.7


def test_light_atoms_give_their_own_light_whatever_the_unit():
    # One iron atom gives a 140th of the third column's light, and passes.
    assert LIGHT[1] < LIGHT[2] / 100
    for unit in (1e-6, 1.0, 1e6):
        assert gives_light(unit * LIGHT, COUNTS).all()


def test_a_column_without_the_light_of_its_atoms_is_none():
    light = LIGHT * np.array([1, 0.9 * LEAST_SHARE, 1, 1.2 * LEAST_SHARE])
    assert gives_light(light, COUNTS).tolist() == [True, False, True, True]
    assert gives_light(LIGHT * np.array([1, 1, 1, -1]), COUNTS).tolist() == [True, True, True, False]


def test_negative_counts_hold_no_atoms():
    assert gives_light(LIGHT, COUNTS - np.array([[0, 0, 0, 0, 0.2]])).all()


@pytest.mark.parametrize(("light", "counts"), [(LIGHT, 0 * COUNTS), (-LIGHT, COUNTS), (LIGHT[:0], COUNTS[:0])])
def test_where_nothing_gives_light_nothing_is_taken_away(light, counts):
    assert gives_light(light, counts).tolist() == [True] * len(light)
