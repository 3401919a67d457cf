import numpy as np
import pytest
from serving_examples import make_contract

from heamap.contract import CompositionErrors
from heamap_serving.composition import CALIBRATED, COLUMNS_ALONE, read_composition


def test_shares_are_of_all_atoms_and_of_nickel_cobalt_and_iron_together():
    found = read_composition(np.array([[4.0, 1, 2, 0, 1], [0, 1, 0, 1, -3]]), make_contract())
    np.testing.assert_allclose(found.shares, [4 / 10, 2 / 10, 2 / 10, 1 / 10, 1 / 10, 4 / 10])


def test_the_contract_s_errors_give_the_interval():
    errors = CompositionErrors(level=0.9, images=10, bias=(0.01,) * 6, half_width=(0.3,) * 6)
    found = read_composition(np.array([[2.0, 2, 2, 2, 2]]), make_contract(composition=errors))
    assert found.way == CALIBRATED
    np.testing.assert_allclose(found.low, [0, 0, 0, 0, 0, 0.31])
    np.testing.assert_allclose(found.high, [0.51] * 5 + [0.91])


def test_without_them_columns_are_drawn_anew_and_the_reader_is_told():
    # Half of the columns all Pt, half all Fe, of 10 atoms: binomial, sd .5 / sqrt(n).
    counts = np.zeros((400, 5))
    counts[:200, 0] = counts[200:, 4] = 10
    found = read_composition(counts, make_contract())
    assert found.way == COLUMNS_ALONE
    assert "Errors that all columns share are not in it" in found.how
    assert found.high[0] - found.low[0] == pytest.approx(2 * 1.645 * 0.5 / 20, rel=0.1)
    again = read_composition(counts, make_contract())
    np.testing.assert_array_equal(found.low, again.low)


def test_no_columns_have_no_composition():
    assert read_composition(np.empty((0, 5)), make_contract()) is None
