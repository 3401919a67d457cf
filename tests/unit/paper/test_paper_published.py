import pytest

from heamap.elements import ELEMENTS
from heamap.paper import published
from heamap.paper.published import Value


@pytest.mark.parametrize(
    ("value", "text"), [(Value(0.82, 0.82), "0.82"), (Value(0.7, None), "> 0.7"), (Value(0.17, 0.18), "0.17-0.18")]
)
def test_a_number_reads_as_the_paper_gives_it(value, text):
    assert str(value) == text


def test_every_element_has_its_numbers():
    tables = [published.INTENSITY_SLOPE, published.INTENSITY_R2, published.PREDICTION_R2, published.ERROR_SHARES]
    for numbers in (*tables, *published.MEAN_FRACTIONS.values()):
        assert set(numbers) == set(ELEMENTS)


def test_the_shares_of_table_2_are_of_all_columns():
    for shares in published.ERROR_SHARES.values():
        assert sum(shares) == pytest.approx(1)


def test_the_mean_fractions_of_a_particle_can_sum_to_one():
    for fractions in published.MEAN_FRACTIONS.values():
        low = sum(value.low for value in fractions.values())
        high = sum(value.high for value in fractions.values())
        assert low - 0.02 <= 1 <= high + 0.02
