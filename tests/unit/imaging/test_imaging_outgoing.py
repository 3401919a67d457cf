import numpy as np
import pytest

from heamap.elements import ELEMENTS
from heamap.imaging import atomic, directions, elastic, optics, orbitals, outgoing
from heamap.imaging.arrays import arrays
from heamap.imaging.microscope import Microscope
from heamap.imaging.slicing import Slab
from heamap.imaging.wavefield import Wavefield

ENERGY, BOX = 200e3, 12.0
INNER, OUTER = 2.4, 4.0
EDGE = 0.00209
FIELD = Wavefield(arrays("cpu"), energy_ev=ENERGY, box_angstrom=BOX, points=150)
FREQUENCIES = np.linspace(INNER, OUTER, 500)


def column(symbols: str | list[str]) -> Slab:
    elements = np.array([ELEMENTS.index(symbol) for symbol in symbols], dtype=np.int8)
    places = np.full((len(elements), 2), 6.03)
    return Slab(elements, places, np.arange(len(elements)), 2.62 * np.arange(len(elements)))


def towards_detector(symbol: str, count: int, *, vibrating: bool) -> directions.Directions:
    number = ELEMENTS.index(symbol)
    coherent = atomic.debye_waller(FREQUENCIES)[number] ** 2
    power = np.abs(atomic.amplitudes(ENERGY, FREQUENCIES)[number]) ** 2
    density = power * (1 - coherent if vibrating else coherent)
    return directions.sample(density, FREQUENCIES, count=count, box_angstrom=BOX, rng=np.random.default_rng(1))


def share_of_plane_wave(form: np.ndarray) -> float:
    """Detected cross-section of a plane wave that meets the atom, square Angstrom."""
    axis = np.arange(-0.79, 0.8, 0.02)
    nodes = np.meshgrid(axis, axis, indexing="ij")
    wave = orbitals.projections(*nodes).sum(axis=(1, 2)) * 0.02**2
    return float((wave @ form @ wave).real) / BOX**2


@pytest.mark.parametrize("symbol", ELEMENTS)
def test_one_atom_scatters_its_thermal_cross_section_onto_the_detector(symbol: str):
    number = ELEMENTS.index(symbol)
    power = np.abs(atomic.amplitudes(ENERGY, FREQUENCIES)[number]) ** 2
    thermal = power * (1 - atomic.debye_waller(FREQUENCIES)[number] ** 2)
    expected = np.trapezoid(2 * np.pi * FREQUENCIES * thermal, FREQUENCIES)

    forms = outgoing.detected(
        column([symbol]), FIELD, towards_detector(symbol, 32, vibrating=True), rng=np.random.default_rng(2)
    )

    for form in forms[:, 0]:
        assert share_of_plane_wave(form) == pytest.approx(expected, rel=0.03)


def test_atoms_below_block():
    chosen = towards_detector("Fe", 48, vibrating=True)

    alone, below_fe, below_pt = (
        share_of_plane_wave(
            outgoing.detected(column(symbols), FIELD, chosen, rng=np.random.default_rng(2))[:, 0].mean(axis=0)
        )
        for symbols in (["Fe"], ["Fe", "Fe"], ["Fe", "Pt"])
    )

    assert below_pt < below_fe < alone
    # Measured for columns of the alloy: one Pt below lets .69 of the monopole through, one Fe .86.
    assert 0.4 < below_pt / alone < 0.85


def test_directions_stand_for_the_whole_ring():
    chosen = towards_detector("Pt", 200, vibrating=True)

    distance = np.hypot(*chosen.waves.T) / BOX

    assert np.all((distance > INNER - 1 / BOX) & (distance < OUTER + 1 / BOX))
    assert chosen.weights.sum() == pytest.approx(np.pi * (OUTER**2 - INNER**2) * BOX**2, rel=0.03)


def test_mean_wave_scatters_the_elastic_cross_section_of_one_atom():
    number = ELEMENTS.index("Pt")
    microscope = Microscope(ENERGY, 18.0, 0.0, 0.0, 0.0, 0.0, 60.0, 100.0)
    # Each plane wave b of the probe is scattered by k - b; the interference of two vanishes in the sum over positions.
    beams = optics.beams(microscope, box_angstrom=BOX, interpolation=1)
    ring = FREQUENCIES[:, None] * np.exp(2j * np.pi * np.arange(24) / 24)
    scattered = np.abs(ring[..., None] - (beams @ [1, 1j]) / BOX)
    power = np.abs(atomic.amplitudes(ENERGY, scattered)[number]) ** 2 * atomic.debye_waller(scattered)[number] ** 2
    weights = np.abs(optics.probe(beams / BOX, microscope, edge=EDGE)) ** 2
    expected = np.trapezoid(2 * np.pi * FREQUENCIES * (power @ weights).mean(axis=1), FREQUENCIES)

    halves = elastic.images(
        column(["Pt"]), FIELD, towards_detector("Pt", 32, vibrating=False), microscope, positions=40, edge=EDGE
    )

    assert halves.mean() * BOX**2 == pytest.approx(expected, rel=0.03)
    row, col = np.unravel_index(halves.mean(axis=0).argmax(), (40, 40))
    assert np.hypot(row - 6.03 / 0.3, col - 6.03 / 0.3) < 1
