import abtem
import numpy as np
import pytest
from abtem.core.energy import energy2sigma
from ase import Atoms
from scipy.special import jv

from heamap.elements import ELEMENTS
from heamap.imaging.exact import ATOMS_AT_ONCE, ExactPotential, exponentiate, structure_factors

BOX = 5.0
POINTS = 64
POSITIONS = 15
ENERGY = 200e3
LOBATO = abtem.parametrizations.LobatoParametrization()
WIDTHS = {"Pt": 0.06, "Fe": 0.07, "Pd": 0.075}


@pytest.fixture(autouse=True)
def quiet():
    with abtem.config.set({"diagnostics.progress_bar": False, "fftw.planning_effort": "FFTW_ESTIMATE"}):
        yield


def whole_box(positions=POSITIONS):
    return abtem.GridScan((0, 0), (BOX, BOX), gpts=positions, endpoint=False)


def probe():
    return abtem.Probe(energy=ENERGY, semiangle_cutoff=18.0, extent=BOX, gpts=POINTS)


def integrated(kind, symbol: str, x: float, y: float) -> float:
    """Cross-section into 60-100 mrad of one atom, in square Angstrom: the scan is that of the whole box at Nyquist."""
    atom = Atoms(symbol, positions=[(x, y, 0.5)], cell=(BOX, BOX, 1.0))
    seen = probe().scan(
        kind(atom, gpts=POINTS, slice_thickness=1.0),
        scan=whole_box(),
        detectors=abtem.AnnularDetector(60.0, 100.0),
        lazy=False,
        max_batch=POSITIONS**2,
    )
    return float(seen.array.sum() * (BOX / POSITIONS) ** 2)


@pytest.mark.parametrize("symbol", ELEMENTS)
def test_moving_an_atom_between_the_points_changes_its_brightness_by_less_than_a_percent(symbol, record_property):
    pixel = BOX / POINTS
    directions = np.array([(1, 0), (0, 1), (1, 1)])
    steps = [(0, 0), *(share * direction for direction in directions for share in (0.2, 0.4, 0.6, 0.8))]
    ours = np.array([integrated(ExactPotential, symbol, *(2.5 + pixel * np.array(step))) for step in steps])
    few = [(0, 0), (0.5, 0), (0.5, 0.5)]
    published = np.array([integrated(abtem.Potential, symbol, *(2.5 + pixel * np.array(step))) for step in few])
    spread, spread_of_abtem = np.ptp(ours) / ours.mean(), np.ptp(published) / published.mean()
    record_property("spread", float(spread))
    record_property("spread_of_abtem", float(spread_of_abtem))
    assert spread < 0.001
    assert spread_of_abtem > 0.2


def layered(heights: list[float], top: float) -> Atoms:
    symbols = [ELEMENTS[index % 5] for index in range(len(heights))]
    places = [(1.1 + 0.37 * index, 4.3 - 0.29 * index, z) for index, z in enumerate(heights)]
    return Atoms(symbols, positions=places, cell=(BOX, BOX, top))


def integrals(potential) -> np.ndarray:
    """V Angstrom^3 in each slice."""
    return np.asarray(potential.build(lazy=False).array, dtype=np.float64).mean(axis=(-2, -1)) * BOX**2


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("thickness", [2.0, 1.3, 0.1])
def test_atoms_on_borders_and_at_both_ends_of_the_cell_are_counted_once(periodic, thickness):
    top = 7.8
    borders = np.arange(1, round(top / thickness)) * thickness
    heights = [0.0, top, *borders[:40], 1e-13, top - 1e-13, 3.9]
    atoms = layered(heights, top)
    expected = sum(float(LOBATO.projected_scattering_factor(symbol)(0.0)) for symbol in atoms.symbols)
    potential = ExactPotential(atoms, gpts=32, slice_thickness=thickness, periodic=periodic)
    assert integrals(potential).sum() == pytest.approx(expected, rel=1e-5)


def test_an_atom_at_the_top_belongs_to_the_bottom_of_a_crystal_and_to_the_top_of_a_particle():
    atom = layered([6.0], 6.0)
    pt = float(LOBATO.projected_scattering_factor("Pt")(0.0))
    crystal, particle = (
        integrals(ExactPotential(atom, gpts=32, slice_thickness=2.0, periodic=periodic)) for periodic in (True, False)
    )
    np.testing.assert_allclose(crystal, [pt, 0, 0], rtol=1e-5, atol=1e-3)
    np.testing.assert_allclose(particle, [0, 0, pt], rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("symbol", ["O", "Au", "U"])
def test_every_element_of_the_parametrization_has_its_scattering_factor_between_the_points(symbol):
    cell = (6.0, 4.5, 1.0)
    atom = Atoms(symbol, positions=[(2.037, 1.519, 0.2)], cell=cell)
    potential = ExactPotential(atom, gpts=(60, 48), slice_thickness=1.0).build(lazy=False).array[0]
    spectrum = np.abs(np.fft.fft2(potential)) * cell[0] * cell[1] / potential.size
    for i, j in ((1, 0), (0, 3), (7, 5), (20, 10)):
        expected = LOBATO.projected_scattering_factor(symbol)((i / cell[0]) ** 2 + (j / cell[1]) ** 2)
        assert spectrum[i, j] == pytest.approx(float(expected), rel=1e-3)


def trio() -> Atoms:
    return Atoms("PtFePd", positions=[(1.5, 2.1, 0.0), (2.5, 3.3, 2.0), (4.2, 4.0, 4.0)], cell=(BOX, BOX, 4.0))


def phonons() -> abtem.FrozenPhonons:
    return abtem.FrozenPhonons(trio(), num_configs=3, sigmas=WIDTHS, directions="xy", seed=7)


def test_multislice_smatrix_and_a_built_array_give_the_same_image_of_frozen_phonons():
    potential = ExactPotential(phonons(), gpts=POINTS, slice_thickness=2.0)
    detector = abtem.AnnularDetector(60.0, 90.0)
    multislice = probe().scan(potential, scan=whole_box(6), detectors=detector).compute().array
    matrix = abtem.SMatrix(potential=potential, energy=ENERGY, semiangle_cutoff=18.0)
    prism = matrix.scan(scan=whole_box(6), detectors=detector).compute().array
    built = probe().scan(potential.build().compute(), scan=whole_box(6), detectors=detector).compute().array
    assert multislice.shape == (6, 6)
    np.testing.assert_allclose(prism, multislice, rtol=1e-3)
    np.testing.assert_allclose(built, multislice, rtol=1e-4)


def test_the_mean_over_frozen_phonons_is_that_of_the_displaced_atoms_one_by_one():
    detector = abtem.AnnularDetector(60.0, 90.0)
    together = probe().scan(
        ExactPotential(phonons(), gpts=POINTS, slice_thickness=2.0), scan=whole_box(6), detectors=detector, lazy=False
    )
    each = [
        probe()
        .scan(
            ExactPotential(atoms, gpts=POINTS, slice_thickness=2.0), scan=whole_box(6), detectors=detector, lazy=False
        )
        .array
        for atoms in phonons().to_atoms_ensemble().trajectory
    ]
    np.testing.assert_allclose(together.array, np.mean(each, axis=0), rtol=1e-4)
    assert np.std(each, axis=0).max() > 0.02 * together.array.max()


def test_exit_planes_give_the_image_of_each_thickness():
    potential = ExactPotential(trio(), gpts=POINTS, slice_thickness=2.0, exit_planes=1)
    seen = probe().scan(potential, scan=whole_box(6), detectors=abtem.AnnularDetector(60.0, 90.0), lazy=False).array
    totals = seen.sum(axis=(-2, -1))
    assert len(totals) == 3
    assert totals[0] < 1e-6
    assert totals[1] < totals[2]


def test_the_graphics_card_gives_the_same_potential():
    if not pytest.importorskip("cupy").cuda.is_available():
        pytest.skip("no graphics card")
    here, there = (
        ExactPotential(trio(), gpts=POINTS, slice_thickness=2.0, device=device).build(lazy=False)
        for device in ("cpu", "gpu")
    )
    np.testing.assert_allclose(there.array.get(), here.array, rtol=1e-3, atol=1e-3 * here.array.max())
    transmissions = [np.asarray(p.transmission_function(ENERGY).to_cpu().array) for p in (here, there)]
    np.testing.assert_allclose(transmissions[1], transmissions[0], atol=1e-3)


def test_structure_factors_are_those_of_a_nonuniform_fourier_transform():
    finufft = pytest.importorskip("finufft")
    extent, modes = (8.0, 6.0), (47, 33)
    positions = np.random.default_rng(0).random((ATOMS_AT_ONCE + 76, 2)) * extent
    sums = structure_factors(positions, extent, modes)
    x, y = 2 * np.pi * np.ascontiguousarray((positions / extent).T)
    expected = finufft.nufft2d1(x, y, np.ones(len(x), dtype=complex), modes, isign=-1, eps=1e-9, modeord=1)
    np.testing.assert_allclose(sums, expected[:, : modes[1] // 2 + 1], atol=1e-6 * len(positions))


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
