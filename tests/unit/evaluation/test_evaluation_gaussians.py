import numpy as np
import pandas as pd
import pytest

from heamap.evaluation.gaussians import KNOT_ANGSTROM, fit_gaussians, with_gaussians

SAMPLING = 0.2
SHAPE = (72, 90)


def drawn(
    positions: np.ndarray, heights: np.ndarray, widths_angstrom: np.ndarray, shape: tuple[int, int] = SHAPE
) -> np.ndarray:
    row, col = np.indices(shape)
    sigma = np.asarray(widths_angstrom) / SAMPLING
    return sum(
        height * np.exp(-((row - r) ** 2 + (col - c) ** 2) / (2 * s**2))
        for (r, c), height, s in zip(positions, heights, sigma, strict=True)
    )


def slope(shape: tuple[int, int] = SHAPE) -> np.ndarray:
    row, col = np.indices(shape)
    return 0.3 + 0.004 * row - 0.002 * col


def lattice(spacing_angstrom: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A hexagonal patch of columns off the pixels: positions, heights and widths."""
    steps = np.array([(i * np.sqrt(0.75), j + (i % 2) / 2) for i in range(5) for j in range(6)])
    positions = steps * spacing_angstrom / SAMPLING + (14.0, 12.0) + rng.uniform(-0.5, 0.5, steps.shape)
    return positions, rng.uniform(0.5, 3.0, len(steps)), rng.uniform(0.5, 0.65, len(steps))


def test_volumes_of_overlapping_columns_on_a_slope_are_exact() -> None:
    positions, heights, widths = lattice(2.3, np.random.default_rng(0))
    image = drawn(positions, heights, widths) + slope()
    start = np.rint(positions)
    found = fit_gaussians(image, start[:, 0], start[:, 1], sampling_angstrom=SAMPLING)
    np.testing.assert_allclose(found.volumes, 2 * np.pi * heights * widths**2, rtol=1e-6)
    np.testing.assert_allclose(found.widths_angstrom, widths, rtol=1e-6)
    np.testing.assert_allclose(np.column_stack([found.rows, found.cols]), positions, atol=1e-6)
    np.testing.assert_allclose(found.backgrounds, 0.3 + positions @ [0.004, -0.002], rtol=1e-6)


@pytest.mark.parametrize("turned", [False, True])
def test_columns_of_a_wide_field_in_any_order_are_exact(turned: bool) -> None:
    rng = np.random.default_rng(7)
    steps = np.array([(i * np.sqrt(0.75), j + (i % 2) / 2) for i in range(4) for j in range(40)])
    positions = rng.permutation(steps * 2.3 / SAMPLING + (10.0, 12.0))
    heights, widths = rng.uniform(0.5, 3.0, len(steps)), rng.uniform(0.5, 0.65, len(steps))
    image = drawn(positions, heights, widths, (56, 490))
    if turned:
        image, positions = image.T, positions[:, ::-1]
    found = fit_gaussians(image, *np.rint(positions).T, sampling_angstrom=SAMPLING)
    np.testing.assert_allclose(found.volumes, 2 * np.pi * heights * widths**2, rtol=1e-6)
    np.testing.assert_allclose(np.column_stack([found.rows, found.cols]), positions, atol=1e-6)


def test_a_faint_column_beside_a_bright_one_keeps_its_own_volume() -> None:
    positions, heights, widths = np.array([[30.0, 30.0], [30.0, 38.5]]), np.array([10.0, 0.5]), np.array([0.6, 0.5])
    found = fit_gaussians(drawn(positions, heights, widths), *positions.T, sampling_angstrom=SAMPLING)
    np.testing.assert_allclose(found.volumes, 2 * np.pi * heights * widths**2, rtol=1e-6)


def test_a_column_at_the_border_counts_what_lies_beyond_it() -> None:
    positions, heights, widths = np.array([[0.0, 40.0]]), np.array([2.0]), np.array([0.6])
    found = fit_gaussians(drawn(positions, heights, widths), *positions.T, sampling_angstrom=SAMPLING)
    np.testing.assert_allclose(found.volumes, 2 * np.pi * 2 * 0.6**2, rtol=1e-6)


def test_a_twisted_background_stays_out_of_the_volumes() -> None:
    positions, heights, widths = lattice(2.3, np.random.default_rng(1))
    row, col = np.indices(SHAPE)
    image = drawn(positions, heights, widths) + slope() + 1e-4 * row * col
    found = fit_gaussians(image, *positions.T, sampling_angstrom=SAMPLING)
    np.testing.assert_allclose(found.volumes, 2 * np.pi * heights * widths**2, rtol=1e-6)


def test_in_a_wide_field_the_background_may_bend_at_its_knots() -> None:
    shape = (41, round(3 * KNOT_ANGSTROM / SAMPLING) + 1)
    _, col = np.indices(shape)
    background = np.abs(col * SAMPLING - KNOT_ANGSTROM) / KNOT_ANGSTROM
    positions = np.array([[20.0, 100.0], [18.0, 320.0], [22.0, 700.0]])
    heights, widths = np.array([1.0, 2.0, 3.0]), np.array([0.5, 0.6, 0.55])
    found = fit_gaussians(
        drawn(positions, heights, widths, shape) + background, *positions.T, sampling_angstrom=SAMPLING
    )
    np.testing.assert_allclose(found.volumes, 2 * np.pi * heights * widths**2, rtol=1e-6)
    np.testing.assert_allclose(found.backgrounds, np.abs(positions[:, 1] / 300 - 1), rtol=1e-6)


def test_volumes_follow_the_scale_of_the_image_and_not_its_offset() -> None:
    positions, heights, widths = lattice(2.3, np.random.default_rng(2))
    noisy = drawn(positions, heights, widths) + 0.02 * np.random.default_rng(3).standard_normal(SHAPE)
    once = fit_gaussians(noisy, *positions.T, sampling_angstrom=SAMPLING)
    scaled = fit_gaussians(1e-4 * (noisy + 7), *positions.T, sampling_angstrom=SAMPLING)
    np.testing.assert_allclose(scaled.volumes, 1e-4 * once.volumes, rtol=1e-3)


def test_noise_moves_volumes_as_far_as_the_cramer_rao_bound() -> None:
    # Per volume 8 pi s^2 times the noise's variance and the pixel's area, where the background is known. Here it is
    # fitted too, on a field so wide that it costs little.
    noise, width = 0.05, 0.5
    rng = np.random.default_rng(4)
    errors = []
    for _ in range(200):
        image = drawn([(50.0, 50.0)], [1.0], [width], (101, 101)) + noise * rng.standard_normal((101, 101))
        found = fit_gaussians(image, [50.0], [50.0], sampling_angstrom=SAMPLING)
        errors.append(found.volumes[0] - 2 * np.pi * width**2)
    bound = noise * SAMPLING * np.sqrt(8 * np.pi) * width
    assert abs(np.mean(errors)) < 3 * np.std(errors) / np.sqrt(200)
    assert np.std(errors) == pytest.approx(bound, rel=0.15)


def test_a_flat_image_holds_no_column() -> None:
    found = fit_gaussians(np.full(SHAPE, 3.0), [20.0, 40.0], [30.0, 50.0], sampling_angstrom=SAMPLING)
    np.testing.assert_allclose(found.volumes, 0, atol=1e-6)
    np.testing.assert_allclose(found.backgrounds, 3, atol=1e-6)
    assert not fit_gaussians(np.zeros(SHAPE), [20.0], [30.0], sampling_angstrom=SAMPLING).volumes.any()


def test_two_columns_on_one_place_share_its_volume() -> None:
    image = drawn([(30.0, 40.0)], [2.0], [0.6])
    found = fit_gaussians(image, [30.0, 30.0], [40.0, 40.0], sampling_angstrom=SAMPLING)
    assert found.volumes.sum() == pytest.approx(2 * np.pi * 2 * 0.6**2, rel=1e-3)


def test_no_columns_give_no_volumes() -> None:
    assert fit_gaussians(np.ones(SHAPE), [], [], sampling_angstrom=SAMPLING).volumes.shape == (0,)


def test_the_table_gets_each_columns_own_figures() -> None:
    positions, heights, widths = np.array([[50.0, 20.0], [20.0, 70.0]]), np.array([1.0, 4.0]), np.array([0.5, 0.6])
    table = pd.DataFrame({"row": positions[:, 0], "col": positions[:, 1], "column": [7, 3]}, index=[5, 6])
    found = with_gaussians(table, drawn(positions, heights, widths) + 1.0, sampling_angstrom=SAMPLING)
    assert found["column"].tolist() == [7, 3]
    np.testing.assert_allclose(found["gaussian_height"], heights, rtol=1e-6)
    np.testing.assert_allclose(found["gaussian_width_angstrom"], widths, rtol=1e-6)
    np.testing.assert_allclose(found["gaussian_volume"], 2 * np.pi * heights * widths**2, rtol=1e-6)
    np.testing.assert_allclose(found["gaussian_background"], 1.0, rtol=1e-6)


@pytest.mark.parametrize(
    ("image", "row", "message"),
    [
        (np.ones((20, 20, 1)), 5.0, "finite image"),
        (np.full((20, 20), np.nan), 5.0, "finite image"),
        (np.ones((20, 20)), 19.6, r"\[19\.6, 5\.0\]"),
        (np.ones((20, 20)), np.nan, "outside"),
    ],
)
def test_unusable_input_is_refused(image: np.ndarray, row: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_gaussians(image, [row], [5.0], sampling_angstrom=SAMPLING)
