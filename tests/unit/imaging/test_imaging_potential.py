import abtem
import numpy as np
import pytest
import scipy.fft
from abtem.core.energy import energy2sigma
from scipy.special import j0, jv

from heamap.elements import ELEMENTS
from heamap.imaging.microscope import wavelength_angstrom
from heamap.imaging.potential import (
    ATOMS_AT_ONCE,
    BAND_PER_ANGSTROM,
    exponentiate,
    potential_coefficients,
    scattering_factors,
    structure_factors,
    transmission_functions,
)

BOX = 8.0
ENERGY = 200e3
LOBATO = abtem.parametrizations.LobatoParametrization()


def test_structure_factors_are_those_of_a_nonuniform_fourier_transform():
    finufft = pytest.importorskip("finufft")
    extent, modes = (8.0, 6.0), (47, 33)
    positions = np.random.default_rng(0).random((ATOMS_AT_ONCE + 76, 2)) * extent
    sums = structure_factors(positions, extent, modes)
    x, y = 2 * np.pi * np.ascontiguousarray((positions / extent).T)
    expected = finufft.nufft2d1(x, y, np.ones(len(x), dtype=complex), modes, isign=-1, eps=1e-9, modeord=1)
    np.testing.assert_allclose(sums, expected[:, : modes[1] // 2 + 1], atol=1e-6 * len(positions))


def test_the_potential_between_the_points_is_the_sum_of_its_atoms_potentials():
    elements = np.array([0, 4, 2], dtype=np.int8)
    positions = np.array([[2.013, 3.127], [6.4, 6.4], [2.5, 6.1]])
    coefficients = potential_coefficients(elements, positions, scattering_factors(BOX), box_angstrom=BOX)
    fine = 640
    padded = np.zeros((fine, fine // 2 + 1), dtype=np.complex64)
    above = coefficients.shape[0] // 2
    padded[: above + 1, : coefficients.shape[1]] = coefficients[: above + 1]
    padded[-above:, : coefficients.shape[1]] = coefficients[-above:]
    potential = scipy.fft.irfft2(padded, s=(fine, fine), norm="forward")
    copies = BOX * np.stack(np.meshgrid(*[np.arange(-4, 5)] * 2), axis=-1).reshape(-1, 2)
    for point in ((182, 264), (530, 500), (215, 520)):
        place = np.array(point) * BOX / fine
        expected = 0.0
        for element, position in zip(elements, positions, strict=True):
            distance = np.hypot(*(position + copies - place).T)
            expected += LOBATO.projected_potential(ELEMENTS[element])(distance).sum()
        # The edge of the band rings by a volt or two.
        assert expected > 80
        assert potential[point] == pytest.approx(float(expected), abs=3)


def test_two_atoms_at_one_place_count_twice():
    factors = scattering_factors(BOX)
    element = np.zeros(2, dtype=np.int8)
    place = np.full((2, 2), 4.01)
    both = potential_coefficients(element, place, factors, box_angstrom=BOX)
    one = potential_coefficients(element[:1], place[:1], factors, box_angstrom=BOX)
    np.testing.assert_allclose(both, 2 * one, rtol=1e-5, atol=1e-9)
    assert one[0, 0].real * BOX**2 == pytest.approx(float(LOBATO.projected_scattering_factor("Pt")(0.0)), rel=1e-6)


def test_an_atom_beyond_the_box_is_its_copy_inside():
    factors = scattering_factors(BOX)
    element = np.zeros(1, dtype=np.int8)
    here, there = (
        potential_coefficients(element, np.array([place]), factors, box_angstrom=BOX)
        for place in ((-0.03, 3.0), (BOX - 0.03, 3.0 + BOX))
    )
    np.testing.assert_allclose(here, there, atol=1e-4 * np.abs(here).max())


def test_the_band_of_the_potential_is_a_circle():
    factors = scattering_factors(BOX)
    frequency = np.arange(factors.shape[1]) / BOX
    assert (factors[:, np.hypot(frequency[:, None], frequency) > BAND_PER_ANGSTROM * 1.001] == 0).all()
    assert (factors[:, np.hypot(frequency[:, None], frequency) < BAND_PER_ANGSTROM * 0.999] > 0).all()


def test_the_exponential_of_a_wave_has_bessel_functions_for_orders():
    # exp(i z cos(g x)) = sum_n i^n J_n(z) exp(i n g x)
    depth = 1.7
    coefficients = np.zeros((5, 3), dtype=np.complex64)
    coefficients[1, 0] = coefficients[-1, 0] = depth / 2 / energy2sigma(ENERGY)
    transmission = exponentiate(coefficients, energy_ev=ENERGY, fine=(64, 8), points=(9, 6))
    orders = np.rint(np.fft.fftfreq(9, 1 / 9)).astype(int)
    spectrum = np.fft.fft2(transmission, norm="forward")
    np.testing.assert_allclose(spectrum[:, 0], 1j**orders * jv(orders, depth), atol=1e-6)
    np.testing.assert_allclose(spectrum[:, 1:], 0, atol=1e-6)


def one_atom(symbol: str, place: tuple[float, float], points: int = 100) -> np.ndarray:
    """Fourier transform of exp(i sigma V) - 1 in square Angstrom, and its frequencies."""
    element = np.array([ELEMENTS.index(symbol)], dtype=np.int8)
    transmission = transmission_functions(
        element,
        np.array([place]),
        np.zeros(1, dtype=np.intp),
        scattering_factors(BOX),
        energy_ev=ENERGY,
        box_angstrom=BOX,
        points=points,
    )[0]
    return np.fft.fft2(transmission - 1, norm="forward") * BOX**2


@pytest.mark.parametrize("symbol", ["Pt", "Pd", "Fe"])
def test_an_atom_scatters_as_its_hankel_transform(symbol):
    # 2 pi int (exp(i sigma v) - 1) J0(2 pi k r) r dr, on steps that are equal in log r.
    log_r = np.linspace(np.log(1e-7), np.log(40), 40000)
    radius = np.exp(log_r)
    wave = np.expm1(1j * energy2sigma(ENERGY) * LOBATO.projected_potential(symbol)(radius))
    spectrum = one_atom(symbol, (4.02, 3.97))
    for i, j in ((10, 12), (19, 0), (20, 20), (31, 5)):
        kernel = j0(2 * np.pi * np.hypot(i, j) / BOX * radius)
        expected = 2 * np.pi * np.trapezoid(wave * kernel * radius**2, log_r)
        assert abs(spectrum[i, j]) == pytest.approx(abs(expected), rel=0.02)


@pytest.mark.parametrize("symbol", ELEMENTS)
@pytest.mark.parametrize("detector_mrad", [(60.0, 100.0), (70.0, 200.0)])
def test_where_an_atom_lies_between_the_points_changes_its_cross_section_by_less_than_a_percent(symbol, detector_mrad):
    points = int(np.ceil(3e-3 * detector_mrad[1] * BOX / wavelength_angstrom(ENERGY)))
    frequency = np.fft.fftfreq(points, BOX / points)
    angle = np.hypot(frequency[:, None], frequency) * wavelength_angstrom(ENERGY) * 1e3
    seen = (angle >= detector_mrad[0]) & (angle < detector_mrad[1])
    pixel = BOX / points
    steps = [(0, 0), (0.25, 0), (0.5, 0), (0.2, 0.2), (0.5, 0.5), (0.1, 0.6)]
    sections = [(np.abs(one_atom(symbol, (4 + pixel * x, 4 + pixel * y), points)[seen]) ** 2).sum() for x, y in steps]
    assert np.ptp(sections) < 0.01 * np.mean(sections)
