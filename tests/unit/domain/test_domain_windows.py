import numpy as np
import pytest

from heamap.domain import windows


def test_every_pixel_of_an_image_belongs_to_the_window_around_its_cell():
    grid = windows.plan_grid((300, 500), sampling_angstrom=0.2)
    assert grid.side == (128, 128)
    assert grid.cells == (5, 8)
    corners = grid.corners()
    assert (corners >= 0).all()
    assert (corners[-1] + 128 == (300, 500)).all()
    row, col = grid.cell_of(np.array([[0.0, 0.0], [70.0, 130.0], [299.0, 499.0]]))
    assert row.tolist() == [0, 1, 4]
    assert col.tolist() == [0, 2, 7]
    # Cell (1, 2) reaches from row 64 to 128 and from column 128 to 192; its window shares its middle.
    assert corners[1 * 8 + 2].tolist() == [32, 96]


def test_a_small_image_is_one_window_and_a_huge_one_no_more_than_allowed():
    small = windows.plan_grid((60, 50), sampling_angstrom=0.2)
    assert small.side == (60, 50)
    assert small.cells == (1, 1)
    huge = windows.plan_grid((8192, 8192), sampling_angstrom=0.2)
    assert huge.cells == (32, 32)
    assert huge.cell == 4 * 64
    assert windows.plan_grid((1024, 1024), sampling_angstrom=0.2).cells == (8, 8)


def test_white_noise_of_unit_variance_has_unit_power():
    noise = np.random.default_rng(0).standard_normal((40, 128, 128)).astype(np.float32)
    power = np.exp(windows.log_polar(noise, sampling_angstrom=0.2).astype(float))
    # Between grid points the logarithm is interpolated, which costs a few per cent of the mean.
    assert power.mean() == pytest.approx(1.0, abs=0.12)


@pytest.mark.parametrize(("frequency", "degree"), [(0.3, 0), (0.47, 60), (0.8, 130)])
def test_a_wave_peaks_at_its_frequency_and_direction(frequency, degree):
    rows, cols = np.mgrid[:128, :128] * 0.2
    angle = np.deg2rad(degree)
    wave = np.cos(2 * np.pi * frequency * (np.sin(angle) * rows + np.cos(angle) * cols)) + 100
    polar = windows.log_polar(wave[None].astype(np.float32), sampling_angstrom=0.2)[0]
    radius, direction = np.unravel_index(polar.argmax(), polar.shape)
    assert windows.radii(0.2)[radius] == pytest.approx(frequency, rel=0.025)
    assert direction * 2 == pytest.approx(degree, abs=3)
