import numpy as np

from heamap.evaluation.total_bins import bin_names, bin_of, inner_edges


def test_equal_numbers_of_columns_where_every_image_is_everywhere() -> None:
    totals = np.arange(400.0)
    assert inner_edges(totals, np.arange(400) % 4, most=4, least_columns=50, least_images=4) == (99.75, 199.5, 299.25)


def test_no_more_bins_than_columns_allow() -> None:
    assert inner_edges(np.arange(250.0), np.zeros(250), most=6, least_columns=100, least_images=1) == (124.5,)
    assert inner_edges(np.arange(99.0), np.zeros(99), most=6, least_columns=100, least_images=1) == ()


def test_a_bin_of_few_images_joins_its_neighbour() -> None:
    # Only image 0 holds totals above 300.
    totals = np.arange(400.0)
    images = np.where(totals < 300, np.arange(400) % 4, 0)
    assert inner_edges(totals, images, most=4, least_columns=50, least_images=4) == (99.75, 199.5)


def test_one_bin_is_left_where_all_are_too_few() -> None:
    assert inner_edges(np.arange(400.0), np.zeros(400), most=4, least_columns=50, least_images=2) == ()


def test_equal_totals_are_one_bin() -> None:
    edges = inner_edges(np.full(400, 7.0), np.arange(400) % 4, most=4, least_columns=50, least_images=4)
    assert np.bincount(bin_of(np.full(400, 7.0), edges)).max() == 400


def test_a_total_on_an_edge_belongs_above_it() -> None:
    np.testing.assert_array_equal(bin_of([4.9, 5.0, 9.9, 10.0], (5.0, 10.0)), [0, 1, 1, 2])


def test_names() -> None:
    assert bin_names(()) == ("all",)
    assert bin_names((8.24, 15.06)) == ("below 8.2", "8.2 to 15.1", "15.1 and more")
