import abtem
import numpy as np
import pytest
from abtem.core.energy import energy2sigma
from scipy.special import j0

from heamap.elements import ELEMENTS, TABLE
from heamap.imaging import atomic

ENERGY = 200e3


def test_an_atom_takes_from_the_beam_what_it_scatters():
    # exp(i sigma v) only turns phases: 2 Re A(0) + int |A(k)|^2 d^2k = 0, the optical theorem.
    frequencies = atomic.HIGHEST * np.linspace(0, 1, 4001) ** 2
    amplitude = atomic.amplitudes(ENERGY, frequencies)
    scattered = np.trapezoid(np.abs(amplitude) ** 2 * 2 * np.pi * frequencies, frequencies, axis=1)

    # Beyond the highest frequency a few per mille of a heavy atom's scattering are left.
    np.testing.assert_allclose(scattered, -2 * amplitude[:, 0].real, rtol=0.01)


def test_transform_is_that_of_the_atom_on_a_fine_grid():
    points, box = 1024, 16.0
    axis = (np.arange(points) - points // 2) * box / points
    radius = np.hypot(axis[:, None] + box / points / 2, axis + box / points / 2)
    potential = atomic.projected_potential("Fe", radius.ravel()).reshape(radius.shape)
    spectrum = np.fft.fft2(np.expm1(1j * energy2sigma(ENERGY) * potential)) * (box / points) ** 2
    frequencies = np.arange(0, 40, 8) / box

    expected = np.abs(spectrum[:40:8, 0])

    np.testing.assert_allclose(
        np.abs(atomic.amplitudes(ENERGY, frequencies)[ELEMENTS.index("Fe")]), expected, rtol=2e-3
    )


def test_heavier_atoms_scatter_more_at_every_angle_of_the_detector():
    frequencies = np.linspace(2.4, 8, 20)
    power = np.abs(atomic.amplitudes(ENERGY, frequencies)) ** 2

    by_number = power[np.argsort([element.number for element in TABLE])]

    assert np.all(np.diff(by_number, axis=0) > 0)


def test_vibration_damps_the_mean_by_the_mean_of_its_phases():
    rng = np.random.default_rng(1)
    for factor, element in zip(atomic.debye_waller(np.array([2.4])), TABLE, strict=True):
        along = element.rms_displacement_angstrom * rng.standard_normal(200_000)
        assert factor[0] == pytest.approx(np.cos(2 * np.pi * 2.4 * along).mean(), abs=0.005)


def test_slow_transform_agrees_at_a_high_frequency():
    share = (np.arange(40_000) + 0.5) / 40_000
    radius = 8 * share**3
    potential = atomic.projected_potential("Pt", radius)
    rings = 2 * np.pi * radius * 24 * share**2 / 40_000 * np.expm1(1j * energy2sigma(ENERGY) * potential)

    assert atomic.amplitudes(ENERGY, np.array([9.3]))[0, 0] == pytest.approx(rings @ j0(2 * np.pi * 9.3 * radius), 1e-5)


def test_potential_is_abtems():
    radius = np.array([0.003, 0.05, 0.4, 1.7])

    for symbol in ELEMENTS:
        theirs = abtem.parametrizations.LobatoParametrization().projected_potential(symbol)(radius)
        np.testing.assert_allclose(atomic.projected_potential(symbol, radius), theirs, rtol=1e-4)


@pytest.mark.parametrize("average", [True, False])
def test_longer_tables_say_the_same_and_go_on(average):
    near, far = np.linspace(0, atomic.HIGHEST, 200), np.linspace(0, 1.7 * atomic.HIGHEST, 400)
    for short, long in zip(
        atomic.halos_and_cores(300e3, near, average=average),
        atomic.halos_and_cores(300e3, np.concatenate([near, far]), average=average),
        strict=True,
    ):
        np.testing.assert_allclose(long[:, :200], short, atol=1e-6 * np.abs(short).max())
        assert np.abs(long[:, -1]).max() < 3e-3 * np.abs(short).max()
    whole = atomic.amplitudes(300e3, np.array([atomic.HIGHEST - 1e-3, atomic.HIGHEST + 1e-3]))
    np.testing.assert_allclose(whole[:, 0], atomic.amplitudes(300e3, np.array([atomic.HIGHEST]))[:, 0], rtol=1e-3)
