import numpy as np
from serving_examples import make_contract

from heamap.contract import CompositionErrors
from heamap_serving.certainty import Certainty
from heamap_serving.composition import ALIKE, CALIBRATED, NONE, read_composition


def test_shares_are_of_all_atoms_and_of_nickel_cobalt_and_iron_together():
    found = read_composition(np.array([[4.0, 1, 2, 0, 1], [0, 1, 0, 1, -3]]), None, make_contract())
    np.testing.assert_allclose(found.shares, [4 / 10, 2 / 10, 2 / 10, 1 / 10, 1 / 10, 4 / 10])


def test_the_contract_s_errors_give_the_interval():
    errors = CompositionErrors(level=0.9, images=10, bias=(0.01,) * 6, half_width=(0.3,) * 6)
    found = read_composition(np.array([[2.0, 2, 2, 2, 2]]), None, make_contract(composition=errors))
    assert found.way == CALIBRATED
    np.testing.assert_allclose(found.low, [0, 0, 0, 0, 0, 0.31])
    np.testing.assert_allclose(found.high, [0.51] * 5 + [0.91])


def test_without_them_the_ends_of_the_columns_are_added_up():
    counts = np.array([[2.0, 2, 2, 2, 2], [4, 0, 0, 0, 6]])
    low = np.array([[1, 1, 1, 1, 1, 5, 9], [3, 0, 0, 0, 4, 5, 9]])
    certainty = Certainty(0.9, low, low + 2, np.ones(2, bool))
    found = read_composition(counts, certainty, make_contract())
    assert found.way == ALIKE
    assert "as if all columns erred the same way" in found.how
    np.testing.assert_allclose(found.low, np.array([4, 1, 1, 1, 5, 10]) / 20)
    np.testing.assert_allclose(found.high, np.array([8, 5, 5, 5, 9, 14]) / 20)


def test_a_model_without_intervals_gives_shares_alone():
    found = read_composition(np.array([[1.0, 1, 1, 1, 1]]), None, make_contract())
    assert found.way == NONE
    np.testing.assert_allclose(found.shares, [0.2] * 5 + [0.6])


def test_no_columns_have_no_composition():
    assert read_composition(np.empty((0, 5)), None, make_contract()) is None
