import abtem
import numpy as np
import pytest
from abtem.core.energy import energy2sigma
from scipy.special import j0

from heamap.elements import ELEMENTS, TABLE
from heamap.imaging.arrays import arrays
from heamap.imaging.microscope import wavelength_angstrom
from heamap.imaging.wavefield import Atoms, Wavefield

ENERGY, BOX, POINTS = 200e3, 12.0, 200
FIELD = Wavefield(arrays("cpu"), energy_ev=ENERGY, box_angstrom=BOX, points=POINTS)
# Nearest columns of fcc [110]; the middle between them lies on the grid.
PLACES = np.array([(4.9, 6.0), (7.1, 6.0), (6.0, 7.9)])
SYMBOLS = ("Pt", "Pt", "Fe")
LOBATO = abtem.parametrizations.LobatoParametrization()


def numbers(symbols) -> np.ndarray:
    return np.array([ELEMENTS.index(symbol) for symbol in symbols], dtype=np.int8)


BETWEEN = (slice(90, 111), slice(90, 111))
"""Two Angstrom around the middle; the waves' band rings there, and the mean over them does not."""


@pytest.fixture(scope="module")
def together() -> np.ndarray:
    return Atoms(FIELD, average=False).transmission(numbers(SYMBOLS), PLACES)


def phase_in_space(fine: int) -> np.ndarray:
    """sigma V of the three atoms in radian at the middles of the pixels of a grid: the potential is infinite at nuclei,
    and no middle is one."""
    middles = (np.arange(fine) + 0.5) * BOX / fine
    phase = np.zeros((fine, fine))
    for symbol, place in zip(SYMBOLS, PLACES, strict=True):
        offset = np.abs(middles[:, None] - place)
        x, y = np.minimum(offset, BOX - offset).T
        distance = np.hypot(x[:, None], y)
        table = np.geomspace(1e-4, BOX, 20000)
        potential = LOBATO.projected_potential(symbol)(table)
        phase += energy2sigma(ENERGY) * np.interp(np.log(distance), np.log(table), potential)
    return phase


def test_phases_of_neighbours_add(together):
    fine = 10 * POINTS
    kept = np.rint(np.fft.fftfreq(POINTS, 1 / POINTS)).astype(int)
    spectrum = np.fft.fft2(np.exp(1j * phase_in_space(fine)), norm="forward")
    half_pixel = np.exp(-1j * np.pi / fine * kept)
    exact = np.fft.ifft2(spectrum[np.ix_(kept, kept)] * half_pixel[:, None] * half_pixel, norm="forward")

    assert together[BETWEEN].mean() == pytest.approx(exact[BETWEEN].mean(), abs=5e-5)
    assert np.sqrt(np.mean(np.abs(together - exact) ** 2)) < 0.01 * np.sqrt(np.mean(np.abs(exact - 1) ** 2))


def test_no_energy_arises_between_atoms(together):
    alone = [
        Atoms(FIELD, average=False).transmission(numbers([symbol]), place[None])
        for symbol, place in zip(SYMBOLS, PLACES, strict=True)
    ]
    summed = 1 + sum(one - 1 for one in alone)

    # The cores' highest frequencies are beyond the grid, and their energy with them.
    assert -1e-4 < np.mean(np.abs(together) ** 2) - 1 < 0
    assert np.mean(np.abs(together[BETWEEN]) ** 2) == pytest.approx(1, abs=5e-5)
    assert np.mean(np.abs(summed[BETWEEN]) ** 2) > 1 + 3e-4


@pytest.mark.parametrize("symbol", ELEMENTS)
def test_halo_and_core_of_a_vibrating_atom_are_those_of_its_mean(symbol):
    width = TABLE[ELEMENTS.index(symbol)].rms_displacement_angstrom
    still = Atoms(FIELD, average=False).transmission(numbers([symbol]), PLACES[:1])
    shift = -2 * np.pi**2 * width**2 * (FIELD.frequencies[:, None] ** 2 + FIELD.frequencies**2)

    mean = Atoms(FIELD, average=True).transmission(numbers([symbol]), PLACES[:1])

    expected = np.fft.ifft2(np.fft.fft2(still) * np.exp(shift))
    np.testing.assert_allclose(mean, expected, atol=2e-3 * np.abs(expected - 1).max())


@pytest.mark.parametrize("points", [189, 200])
@pytest.mark.parametrize("average", [False, True])
def test_atom_between_grid_points_is_the_shifted_one(points: int, average: bool):
    field = Wavefield(arrays("cpu"), energy_ev=ENERGY, box_angstrom=BOX, points=points)
    atoms = Atoms(field, average=average)
    shift = np.array([0.3, 0.7]) * field.pixel_angstrom
    origin = np.zeros((1, 2))

    here = atoms.transmission(numbers(["Pd"]), origin)
    there = atoms.transmission(numbers(["Pd"]), origin + shift)

    # Halos and cores move exactly; their product does within what the grid resolves, which the low frequencies are.
    turn = np.exp(-2j * np.pi * (field.frequencies[:, None] * shift[0] + field.frequencies * shift[1]))
    low = np.hypot(field.frequencies[:, None], field.frequencies) < 5
    moved, found = (np.fft.fft2(here) * turn)[low], np.fft.fft2(there)[low]
    # The middle of the spectrum is the incident wave's.
    assert np.abs(found - moved).max() < 2e-3 * np.abs(moved[1:]).max()


@pytest.mark.parametrize("symbol", ELEMENTS)
@pytest.mark.parametrize("detector_mrad", [(60.0, 100.0), (70.0, 200.0)])
def test_an_atom_scatters_as_its_hankel_transform_wherever_it_lies(symbol: str, detector_mrad: tuple[float, float]):
    # 2 pi int (exp(i sigma v) - 1) J0(2 pi k r) r dr, on steps that are equal in log r.
    log_r = np.linspace(np.log(1e-7), np.log(40), 40000)
    radius = np.exp(log_r)
    wave = np.expm1(1j * energy2sigma(ENERGY) * LOBATO.projected_potential(symbol)(radius)) * radius**2
    points = int(np.ceil(3e-3 * detector_mrad[1] * BOX / wavelength_angstrom(ENERGY)))
    field = Wavefield(arrays("cpu"), energy_ev=ENERGY, box_angstrom=BOX, points=points)
    frequency = np.hypot(field.frequencies[:, None], field.frequencies)
    angle = frequency * wavelength_angstrom(ENERGY) * 1e3
    seen = (angle >= detector_mrad[0]) & (angle < detector_mrad[1])
    table = np.linspace(frequency[seen].min(), frequency[seen].max(), 200)
    scattered = [abs(2 * np.pi * np.trapezoid(wave * j0(2 * np.pi * k * radius), log_r)) ** 2 for k in table]
    expected = np.interp(frequency[seen], table, scattered).sum()

    atoms, pixel = Atoms(field, average=False), field.pixel_angstrom
    for x, y in [(0, 0), (0.25, 0), (0.5, 0), (0.2, 0.2), (0.5, 0.5), (0.1, 0.6)]:
        transmission = atoms.transmission(numbers([symbol]), np.array([(4 + pixel * x, 4 + pixel * y)]))
        spectrum = np.fft.fft2(transmission - 1, norm="forward") * BOX**2
        assert (np.abs(spectrum[seen]) ** 2).sum() == pytest.approx(expected, rel=1e-3)


def test_every_slice_has_its_own_atoms_and_an_empty_one_lets_all_pass(together):
    atoms = Atoms(FIELD, average=False)
    elements = np.concatenate([numbers(SYMBOLS), numbers(["Ni"])])
    places = np.concatenate([PLACES, [(2.0, 3.0)]])

    first, empty, last = atoms.transmissions(elements, places, np.array([0, 0, 0, 2]))

    np.testing.assert_array_equal(first, together)
    np.testing.assert_array_equal(empty, np.ones((POINTS, POINTS)))
    np.testing.assert_array_equal(last, atoms.transmission(numbers(["Ni"]), places[3:]))


def test_pass_through_writes_where_the_waves_lie():
    waves = FIELD.plane_waves(np.array([[0, 0], [3, -2]]))
    before = waves.copy()
    transmission = Atoms(FIELD, average=False).transmission(numbers(SYMBOLS), PLACES)
    propagator = FIELD.propagator(2.0)

    FIELD.pass_through(waves, transmission, propagator)

    np.testing.assert_allclose(waves, np.fft.ifft2(np.fft.fft2(before * transmission) * propagator), atol=1e-5)
