import numpy as np
import pandas as pd
import pytest
from scipy.spatial import KDTree

from heamap.evaluation import table, targets

SAMPLING = 0.2
DARK = np.zeros((40, 60))


def gaussians(
    rows: list[float], cols: list[float], heights: list[float], shape: tuple[int, int] = (40, 60)
) -> np.ndarray:
    row, col = np.indices(shape)
    return sum(
        height * np.exp(-((row - r) ** 2 + (col - c) ** 2) / (2 * 2.0**2))
        for r, c, height in zip(rows, cols, heights, strict=True)
    )


def columns_table() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "column": [4, 9],
            "row": [12.3, 20.0],
            "col": [40.6, 15.0],
            "Pt": [3, 0],
            "Ni": [1, 2],
            "Pd": [0, 1],
            "Co": [2, 0],
            "Fe": [0, 5],
        }
    )


def test_sums_follow_the_elements() -> None:
    np.testing.assert_array_equal(targets.with_sums([[1, 2, 3, 4, 5]]), [[1, 2, 3, 4, 5, 11, 15]])
    assert targets.TARGETS == ("Pt", "Ni", "Pd", "Co", "Fe", "NiCoFe", "total")


def test_counts_of_other_than_five_elements_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 4\)"):
        targets.with_sums([[1, 2, 3, 4]])


def test_integral_of_a_flat_image_is_the_area_of_the_disc_even_at_the_border() -> None:
    flat = np.full((40, 60), 3.0)
    found = table.integrated_intensity(flat, [0.0, 20.3], [0.0, 30.6], sampling_angstrom=SAMPLING)
    np.testing.assert_allclose(found, 3 * np.pi * 1.1**2)


def test_integral_is_that_of_a_gaussian_inside_the_radius() -> None:
    image = gaussians([20.0], [30.0], [5.0])
    (found,) = table.integrated_intensity(image, [20.0], [30.0], sampling_angstrom=SAMPLING)
    sigma = 2.0 * SAMPLING
    exact = 5 * 2 * np.pi * sigma**2 * (1 - np.exp(-(1.1**2) / (2 * sigma**2)))
    assert found == pytest.approx(exact, rel=0.05)


def test_pixels_between_two_columns_belong_to_the_nearer() -> None:
    image = np.zeros((20, 20))
    image[:, 11:] = 1.0
    left, right = table.integrated_intensity(image, [10.0, 10.0], [8.0, 13.0], sampling_angstrom=SAMPLING)
    assert left == 0
    assert right == pytest.approx(np.pi * 1.1**2)


def test_crowded_columns_share_pixels_as_a_tree_of_neighbours_does() -> None:
    rng = np.random.default_rng(4)
    image = rng.random((50, 70))
    places = rng.uniform(0, 1, (90, 2)) * (np.array(image.shape) - 1)
    pixels = np.indices(image.shape).reshape(2, -1).T
    distance, owner = KDTree(places).query(pixels, distance_upper_bound=1.1 / SAMPLING)
    expected = [image.reshape(-1)[(owner == column) & np.isfinite(distance)].mean() for column in range(len(places))]
    found = table.integrated_intensity(image, *places.T, sampling_angstrom=SAMPLING)
    np.testing.assert_allclose(found, np.array(expected) * np.pi * 1.1**2, rtol=1e-12)


def test_a_column_outside_the_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[99\.0, 5\.0\]"):
        table.integrated_intensity(np.ones((20, 20)), [99.0], [5.0], sampling_angstrom=SAMPLING)


def test_measured_rows_and_columns_are_not_swapped() -> None:
    columns = columns_table()
    image = gaussians([12.3, 20.0], [40.6, 15.0], [7.0, 2.0])
    measured = table.measure(5, columns, -image, image, split="test", sampling_angstrom=SAMPLING)
    np.testing.assert_allclose(measured["peak_intensity"], [-7.0, -2.0], rtol=0.01)
    np.testing.assert_allclose(measured["beam_fraction"], [7.0, 2.0], rtol=0.01)
    np.testing.assert_allclose(measured["gaussian_height"], [7.0, 2.0], rtol=0.01)
    assert measured["integrated_intensity"].iloc[0] == pytest.approx(
        3.5 * measured["integrated_intensity"].iloc[1], rel=0.03
    )


def test_measured_truth_carries_sums_and_identity() -> None:
    measured = table.measure(5, columns_table(), DARK, DARK, split="test", sampling_angstrom=SAMPLING)
    assert measured["sample"].tolist() == [5, 5]
    assert measured["column"].tolist() == [4, 9]
    assert measured["true_NiCoFe"].tolist() == [3, 7]
    assert measured["true_total"].tolist() == [6, 8]


def test_a_sample_without_columns_gives_an_empty_table() -> None:
    measured = table.measure(5, columns_table()[:0], DARK, DARK, split="test", sampling_angstrom=SAMPLING)
    assert len(measured) == 0
    assert "true_total" in measured


def test_predictions_keep_their_element() -> None:
    measured = table.measure(5, columns_table(), DARK, DARK, split="test", sampling_angstrom=SAMPLING)
    predicted = table.with_predictions(measured, [[3.1, 1.0, 0.0, 2.0, 0.5], [0.0, 2.0, 1.0, 0.0, 4.0]])
    assert predicted["pred_Pt"].tolist() == [3.1, 0.0]
    assert predicted["pred_Fe"].tolist() == [0.5, 4.0]
    assert predicted["pred_total"].tolist() == pytest.approx([6.6, 7.0])
    np.testing.assert_array_equal(table.element_counts(predicted, "true")[0], [3, 1, 0, 2, 0])


def test_predictions_for_another_number_of_columns_are_refused() -> None:
    measured = table.measure(5, columns_table(), DARK, DARK, split="test", sampling_angstrom=SAMPLING)
    with pytest.raises(ValueError, match="3 predictions for 2 columns"):
        table.with_predictions(measured, np.zeros((3, 5)))


def test_errors_are_grouped_by_true_count() -> None:
    truth = pd.DataFrame({f"true_{target}": [0, 2, 2] for target in targets.TARGETS})
    whole = truth.assign(**{f"pred_{target}": [1.0, 1.0, 4.0] for target in targets.TARGETS})
    grouped = table.by_count(whole)
    pt = grouped[grouped["target"] == "Pt"]
    assert pt["true"].tolist() == [0, 2]
    assert pt["columns"].tolist() == [1, 2]
    assert pt["predicted_mean"].tolist() == [1.0, 2.5]
    assert pt["mae"].tolist() == [1.0, 1.5]
