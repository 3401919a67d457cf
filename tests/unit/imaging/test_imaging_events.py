import numpy as np
import pytest

from heamap.elements import TABLE
from heamap.imaging import atomic, events

ENERGY, BAND = 200e3, 5.0


def test_modes_hold_what_displacements_change():
    axis = np.arange(-40, 41) * 0.02
    points = np.stack([[0.0, 0.0], [0.1, 0.0], [0.06, -0.12], [0.3, 0.2]])
    index = np.rint(points / 0.02).astype(int) + 40
    for symbol in ("Pt", "Fe"):
        number = [element.symbol for element in TABLE].index(symbol)
        modes = events.modes(ENERGY, axis, band=BAND)[number]
        found = modes[:, index[:, 0], index[:, 1]]

        moved = TABLE[number].rms_displacement_angstrom * np.random.default_rng(5).standard_normal((4000, 1, 2))
        frequencies = np.linspace(0, BAND, 400)
        rings = 2 * np.pi * frequencies * frequencies[1]
        distance = np.linspace(0, 1.2, 500)
        from scipy.special import j0

        profile = (atomic.amplitudes(ENERGY, frequencies)[number] * rings) @ j0(
            2 * np.pi * frequencies[:, None] * distance
        )
        drawn = np.interp(np.hypot(*(points - moved).transpose(2, 0, 1)), distance, profile)
        expected = np.cov(drawn.T)

        # Four thousand draws leave a few per cent.
        covariance = found.T @ found.conj()
        np.testing.assert_allclose(covariance, expected, atol=0.06 * np.abs(expected).max())


def test_a_few_modes_are_enough_on_a_coarse_grid_and_more_are_needed_on_a_fine_one():
    axis = np.arange(-32, 33) * 0.025

    coarse, fine = (events.modes(ENERGY, axis, band=band)[0] for band in (5.0, 10.0))

    assert 8 < len(coarse) < len(fine) < 60


def test_scattering_of_one_vibrating_atom_is_what_the_mean_loses():
    # Of a plane wave the modes scatter, summed over all angles, int |A|^2 (1 - D^2) of the band.
    axis = np.arange(-60, 61) * 0.025
    frequencies = np.linspace(0, BAND, 2000)
    power = np.abs(atomic.amplitudes(ENERGY, frequencies)) ** 2 * (1 - atomic.debye_waller(frequencies) ** 2)
    expected = np.trapezoid(power * 2 * np.pi * frequencies, frequencies, axis=1)

    scattered = [np.sum(np.abs(modes) ** 2) * 0.025**2 for modes in events.modes(ENERGY, axis, band=BAND)]

    assert scattered == pytest.approx(expected, rel=0.02)
