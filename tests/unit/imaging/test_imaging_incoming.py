import numpy as np

from heamap.elements import ELEMENTS, TABLE
from heamap.imaging import incoming, orbitals
from heamap.imaging.arrays import arrays
from heamap.imaging.slicing import Slab
from heamap.imaging.wavefield import Atoms, Wavefield

ENERGY, BOX, POINTS = 200e3, 12.0, 125
FIELD = Wavefield(arrays("cpu"), energy_ev=ENERGY, box_angstrom=BOX, points=POINTS)


def waves_behind(slab: Slab, places: np.ndarray, *, average: bool) -> np.ndarray:
    """The wave (0, 0) just before the last slice."""
    atoms = Atoms(FIELD, average=average)
    wave = FIELD.plane_waves(np.array([(0, 0)]))
    for index, step in enumerate(np.diff(slab.depths_angstrom)):
        members = slab.members(index)
        transmission = atoms.transmission(slab.elements[members], places[members])
        FIELD.pass_through(wave, transmission, FIELD.propagator(step))
    return wave[0]


def column(symbols: list[str]) -> Slab:
    elements = np.array([ELEMENTS.index(symbol) for symbol in symbols], dtype=np.int8)
    places = np.full((len(elements), 2), 6.03)
    return Slab(elements, places, np.arange(len(elements)), 2.62 * np.arange(len(elements)))


def test_mean_wave_is_the_mean_over_displacements():
    slab = column(["Pt", "Fe", "Pd", "Pt"])
    rng = np.random.default_rng(4)
    width = np.array([element.rms_displacement_angstrom for element in TABLE])[slab.elements]

    mean = waves_behind(slab, slab.positions, average=True)
    drawn = [
        waves_behind(slab, slab.positions + width[:, None] * rng.standard_normal((4, 2)), average=False)
        for _ in range(400)
    ]

    sampled = np.mean(drawn, axis=0)
    error = np.std(drawn, axis=0) / np.sqrt(len(drawn))
    assert np.sqrt(np.mean(np.abs(mean - sampled) ** 2)) < 1.3 * np.sqrt(np.mean(error**2))


def test_a_wave_in_free_space_keeps_its_power():
    wave = FIELD.plane_waves(np.array([(3, -2), (9, 4)])).sum(axis=0, keepdims=True)

    FIELD.pass_through(wave, np.ones((POINTS, POINTS), dtype=np.complex64), FIELD.propagator(30.0))

    np.testing.assert_allclose(np.mean(np.abs(wave) ** 2), 2, rtol=1e-5)


def test_still_atoms_take_nothing_from_a_wave_but_what_leaves_the_band():
    slab = column(["Fe", "Fe"])

    behind = waves_behind(slab, slab.positions, average=False)
    averaged = waves_behind(slab, slab.positions, average=True)

    power, coherent = (np.mean(np.abs(wave) ** 2) for wave in (behind, averaged))
    assert 0.999 < power <= 1.0001
    assert coherent < power - 1e-5


def test_orbitals_give_the_wave_around_the_atom():
    slab = column(["Pt", "Pt", "Pt"])

    coefficients = incoming.sample(slab, FIELD, np.array([[0, 0]]))[2, :, 0]

    wave = waves_behind(slab, slab.positions, average=True)
    pixel = np.rint(slab.positions[2] / FIELD.pixel_angstrom).astype(int)
    around = np.arange(-4, 5)
    offset = (pixel + around[:, None]) * FIELD.pixel_angstrom - slab.positions[2]
    nodes = np.meshgrid(*offset.T, indexing="ij")
    modelled = np.tensordot(coefficients, orbitals.values(*nodes), axes=1)
    exact = wave[np.ix_(*(pixel + around[:, None]).T)]
    near = np.hypot(*nodes) < 0.35
    # Scattering goes with the power of the wave; half a per cent of it may be missed.
    missed, power = (np.mean(np.abs(part[near]) ** 2) for part in (modelled - exact, exact))
    assert missed < 0.005 * power
