import numpy as np
import pytest
from scipy.special import j0

from heamap.evaluation.correlogram import SHELLS_ANGSTROM, correlogram, error_correlation


def scattered(number: int, side: float, rng: np.random.Generator) -> np.ndarray:
    return rng.uniform(0, side, (number, 2))


def test_a_row_of_alternating_columns_by_hand() -> None:
    places = np.column_stack([np.arange(6.0), np.zeros(6)])
    values = np.array([[1.0], [-1.0]] * 3)
    found = correlogram(places, values, np.random.default_rng(0), shells_angstrom=(0.5, 1.5, 2.5, 9.0), resamples=99)
    np.testing.assert_array_equal(found.pairs, [5, 4, 6])
    np.testing.assert_allclose(found.correlation[:, 0], [-1, 1, -1 / 3])
    # Three pairs 3 apart, two 4 apart, one 5 apart.
    np.testing.assert_allclose(found.distance_angstrom, [1, 2, (9 + 8 + 5) / 6])


@pytest.mark.parametrize("wave_length", [12.0, 25.0])
def test_a_plane_wave_correlates_as_a_bessel_function(wave_length: float) -> None:
    # The mean of cos(k . d) over directions of d is J0(k |d|).
    rng = np.random.default_rng(1)
    places = scattered(4000, 100.0, rng)
    values = np.cos(2 * np.pi / wave_length * (places @ [0.6, 0.8]))[:, None]
    shells = (0.0, 1.0, 4.5, 5.5, 8.5, 9.5)
    found = correlogram(places, values, rng, shells_angstrom=shells, resamples=19)
    distances = found.distance_angstrom[[0, 2, 4]]
    np.testing.assert_allclose(found.correlation[[0, 2, 4], 0], j0(2 * np.pi / wave_length * distances), atol=0.04)
    assert found.overall[0] == 1 / 20


def test_a_wave_of_composition_is_significant_near_and_at_half_a_wave() -> None:
    rng = np.random.default_rng(2)
    places = scattered(250, 40.0, rng)
    wave = np.cos(2 * np.pi / 20 * places[:, 0])
    values = np.column_stack([wave + rng.normal(size=250), rng.normal(size=250)])
    found = correlogram(places, values, rng, resamples=199)
    assert found.p_value[0, 0] == 1 / 200
    assert found.correlation[0, 0] > 0.15
    # 7.5 to 10 Angstrom: J0 is negative there.
    assert found.correlation[3, 0] < -0.05
    assert found.overall[0] == 1 / 200
    assert found.overall[1] > 0.05


def test_p_values_of_columns_by_chance_are_uniform() -> None:
    rng = np.random.default_rng(3)
    images = 25
    overall = np.array(
        [
            correlogram(scattered(60, 30.0, rng), rng.normal(size=(60, 5)), rng, resamples=39).overall
            for _ in range(images)
        ]
    )
    assert (overall <= 0.2).mean() == pytest.approx(0.2, abs=3 * np.sqrt(0.16 / (5 * images)))


def test_correlation_of_errors_is_taken_off() -> None:
    # Errors of neighbours are shared: 70 % of the first shell's correlation is theirs.
    rng = np.random.default_rng(4)
    places, images, errors = [], [], []
    for image in range(6):
        pairs = scattered(60, 150.0, rng)
        places.append(np.concatenate([pairs, pairs + np.array([2.3, 0.0])]))
        common = rng.normal(size=(60, 1))
        errors.append(np.concatenate([common, common]) * np.sqrt(0.7) + rng.normal(size=(120, 1)) * np.sqrt(0.3))
        images.append(np.full(120, image))
    expected = error_correlation(np.concatenate(images), np.concatenate(places), np.concatenate(errors))
    assert expected.shape == (len(SHELLS_ANGSTROM) - 1, 1)
    raw = correlogram(places[0], errors[0], np.random.default_rng(0), resamples=99)
    corrected = correlogram(places[0], errors[0], np.random.default_rng(0), expected=expected, resamples=99)
    np.testing.assert_allclose(raw.correlation - corrected.correlation, expected)
    assert raw.p_value[0, 0] == 1 / 100
    assert raw.correlation[0, 0] > 0.4
    assert abs(corrected.correlation[0, 0]) < 0.15
    assert corrected.p_value[0, 0] > 0.05


def test_values_that_are_not_known_are_not_judged() -> None:
    rng = np.random.default_rng(5)
    values = rng.normal(size=(30, 2))
    values[:, 1] = np.nan
    found = correlogram(scattered(30, 20.0, rng), values, rng, resamples=19)
    assert np.isnan(found.correlation[:, 1]).all()
    assert found.overall[1] == 1
    assert np.isfinite(found.correlation[0, 0])


def test_shells_without_pairs_are_empty() -> None:
    places = np.array([[0.0, 0.0], [2.0, 0.0], [4.0, 0.0]])
    found = correlogram(places, np.array([[1.0], [2.0], [4.0]]), np.random.default_rng(0), resamples=19)
    np.testing.assert_array_equal(found.pairs, [2, 1, 0, 0, 0, 0, 0])
    assert np.isnan(found.distance_angstrom[2:]).all()
    np.testing.assert_array_equal(found.p_value[2:], 1)


def test_columns_without_positions_are_refused() -> None:
    with pytest.raises(ValueError, match="three columns or more"):
        correlogram(np.zeros((4, 2)), np.zeros((3, 1)), np.random.default_rng(0))


def test_a_column_without_a_value_is_left_out_and_not_the_image():
    rng = np.random.default_rng(4)
    places = np.stack(np.meshgrid(np.arange(8) * 2.6, np.arange(8) * 2.6), axis=-1).reshape(-1, 2)
    values = rng.standard_normal((64, 2))
    values[:, 1] = np.nan
    lacking = values.copy()
    lacking[10] = np.nan

    found = correlogram(places, lacking, np.random.default_rng(0), resamples=99)

    without = correlogram(
        np.delete(places, 10, axis=0), np.delete(values, 10, axis=0), np.random.default_rng(0), resamples=99
    )
    np.testing.assert_allclose(found.correlation, without.correlation)
    assert np.isfinite(found.correlation[:, 0]).any()
    assert np.isnan(found.correlation[:, 1]).all()
    owners = np.zeros(64, dtype=int)
    np.testing.assert_allclose(
        error_correlation(owners, places, lacking),
        error_correlation(owners[1:], np.delete(places, 10, axis=0), np.delete(values, 10, axis=0)),
    )
    assert error_correlation(owners, places, lacking)[:, 0].any()
