import numpy as np
import pytest

from heamap.elements import ELEMENTS, TABLE
from heamap.imaging.arrays import arrays
from heamap.imaging.potential import scattering_factors, transmission_functions
from heamap.imaging.wavefield import Atoms, Wavefield

ENERGY, BOX, POINTS = 200e3, 12.0, 200
FIELD = Wavefield(arrays("cpu"), energy_ev=ENERGY, box_angstrom=BOX, points=POINTS)
# Nearest columns of fcc [110]; the middle between them lies on the grid.
PLACES = np.array([(4.9, 6.0), (7.1, 6.0), (6.0, 7.9)])
SYMBOLS = ("Pt", "Pt", "Fe")


def numbers(symbols) -> np.ndarray:
    return np.array([ELEMENTS.index(symbol) for symbol in symbols], dtype=np.int8)


BETWEEN = (slice(90, 111), slice(90, 111))
"""Two Angstrom around the middle; the waves' band rings there, and the mean over them does not."""


@pytest.fixture(scope="module")
def together() -> np.ndarray:
    return Atoms(FIELD, average=False).transmission(numbers(SYMBOLS), PLACES)


def test_phases_of_neighbours_add(together):
    exact = transmission_functions(
        numbers(SYMBOLS),
        PLACES,
        np.zeros(3, dtype=np.intp),
        scattering_factors(BOX),
        energy_ev=ENERGY,
        box_angstrom=BOX,
        points=POINTS,
    )[0]

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


def test_pass_through_writes_where_the_waves_lie():
    waves = FIELD.plane_waves(np.array([[0, 0], [3, -2]]))
    before = waves.copy()
    transmission = Atoms(FIELD, average=False).transmission(numbers(SYMBOLS), PLACES)
    propagator = FIELD.propagator(2.0)

    FIELD.pass_through(waves, transmission, propagator)

    np.testing.assert_allclose(waves, np.fft.ifft2(np.fft.fft2(before * transmission) * propagator), atol=1e-5)
