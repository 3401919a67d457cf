import numpy as np

from heamap.structures.columns import column_table

# Two columns by hand: three atoms at x = 2, y = 1 given out of order, and one that stands off at x = -1.
POSITIONS = np.array([[2.0, 1.1, 5.0], [-1.0, 3.0, 2.0], [2.2, 0.9, 0.0], [1.8, 1.0, 2.5]])
SPECIES = np.array([4, 2, 0, 1], dtype=np.int8)
COLUMN = np.array([0, 1, 0, 0], dtype=np.int32)


def table(pixels=8):
    return column_table(POSITIONS, SPECIES, COLUMN, pixels=pixels, sampling_angstrom=0.5)


def test_row_follows_y_and_col_follows_x_in_pixels():
    first = table().iloc[0]
    np.testing.assert_allclose([first["row"], first["col"]], [2.0, 4.0])


def test_order_runs_along_the_beam_from_the_entrance():
    assert table()["order"].tolist() == ["014", "2"]


def test_counts_are_by_element_and_sum_to_the_atoms():
    counts = table()[["Pt", "Ni", "Pd", "Co", "Fe"]].to_numpy()
    assert counts.tolist() == [[1, 1, 0, 0, 1], [0, 0, 1, 0, 0]]
    assert table()["total"].tolist() == [3, 1]


def test_column_is_in_field_up_to_the_last_pixel_centre():
    assert table()["in_field"].tolist() == [True, False]
    assert table(pixels=5)["in_field"].tolist() == [True, False]
    assert table(pixels=4)["in_field"].tolist() == [False, False]
