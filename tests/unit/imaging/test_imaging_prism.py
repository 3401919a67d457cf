import abtem
import numpy as np
import pytest
from abtem.core.energy import energy2sigma

from heamap.imaging import prism
from heamap.imaging.microscope import Microscope

BOX = 8.4
SLICE = 2.6
UNLIMITED = 2.0
"""A band beyond the corners of the grid, for comparison with abTEM without its antialiasing."""


def microscope(**changes) -> Microscope:
    standard = {
        "energy_ev": 200e3,
        "semiangle_mrad": 18.0,
        "defocus_angstrom": 0.0,
        "spherical_aberration_angstrom": 0.0,
        "astigmatism_angstrom": 0.0,
        "astigmatism_angle_radian": 0.0,
        "detector_inner_mrad": 60.0,
        "detector_outer_mrad": 80.0,
    }
    return Microscope(**(standard | changes))


@pytest.fixture
def without_antialiasing():
    with abtem.config.set({"antialias.cutoff": UNLIMITED}):
        yield


@pytest.mark.parametrize("energy_ev", [180e3, 193e3, 207e3, 220e3])
@pytest.mark.parametrize("interpolation", [1, 4, 5])
def test_the_plan_reaches_the_detector_and_its_lengths_are_fast_to_transform(energy_ev, interpolation):
    optics = microscope(energy_ev=energy_ev)
    planned = prism.plan(optics, box_angstrom=37.6, interpolation=interpolation)
    points, window = planned.gpts[0], planned.window_gpts[0]
    assert points % interpolation == 0
    assert optics.wavelength_angstrom / (3 * 37.6 / points) >= 80e-3
    assert window * optics.wavelength_angstrom * interpolation / 37.6 / 2 > 80e-3
    for length in (points, window):
        assert all(length % prime for prime in (11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61))


def planned(interpolation: int = 1) -> abtem.SMatrix:
    return prism.plan(microscope(), box_angstrom=BOX, interpolation=interpolation)


def potentials(points: int, slices: int = 3) -> np.ndarray:
    """Slices of an atom each, wide enough for their grid."""
    x = np.arange(points) * BOX / points
    places = [(4.0, 4.6), (4.9, 4.1), (3.3, 5.2)][:slices]
    return np.stack(
        [
            900 * np.exp(-((x[:, None] - a) ** 2 + (x - b) ** 2) / 0.006)
            + 40 * np.exp(-((x[:, None] - a) ** 2 + (x - b) ** 2) / 0.5)
            for a, b in places
        ]
    ).astype(np.float32)


def transmissions(points: int, slices: int = 3) -> np.ndarray:
    return np.exp(np.complex64(1j * energy2sigma(200e3)) * potentials(points, slices))


@pytest.mark.parametrize("interpolation", [1, 2])
@pytest.mark.usefixtures("without_antialiasing")
def test_the_scattering_matrix_is_that_of_abtem(interpolation):
    plan = planned(interpolation)
    points = plan.gpts[0]
    published = abtem.SMatrix(
        semiangle_cutoff=18.0,
        energy=200e3,
        potential=abtem.PotentialArray(potentials(points), slice_thickness=SLICE, extent=(BOX, BOX)),
        interpolation=interpolation,
        downsample=plan.downsample,
    ).build(lazy=False)
    ours = prism.scattering_matrix(transmissions(points), plan, slice_angstrom=SLICE, band=UNLIMITED)
    np.testing.assert_allclose(ours.wave_vectors, published.wave_vectors)
    np.testing.assert_allclose(ours.array, published.array, atol=2e-5 * np.abs(published.array).max())


def powers(matrix) -> np.ndarray:
    """Share of the beam left in each plane wave."""
    return (np.abs(matrix.array) ** 2).mean(axis=(-2, -1), dtype=np.float64) * matrix.array.shape[-1] ** 4


def whole(band: float, slices: int):
    plan = abtem.SMatrix(semiangle_cutoff=18.0, energy=200e3, gpts=150, extent=BOX, interpolation=1, downsample=False)
    return prism.scattering_matrix(transmissions(150, slices), plan, slice_angstrom=SLICE, band=band)


def test_waves_lose_nothing_but_what_lies_beyond_their_band():
    np.testing.assert_allclose(powers(whole(UNLIMITED, 3)), 1, rtol=1e-4)
    everything, cut = whole(UNLIMITED, 1), whole(0.25, 1)
    spectrum = np.abs(np.fft.fft2(everything.array, norm="forward")) ** 2 * 150**4
    frequency = np.fft.fftfreq(150, 1 / 150)
    beyond = np.hypot(frequency[:, None], frequency) > 0.25 * 75
    lost = (spectrum * beyond).sum(axis=(-2, -1))
    assert lost.min() > 2e-5
    np.testing.assert_allclose(1 - powers(cut), lost, atol=1e-6)
    assert (powers(whole(0.25, 3)) < powers(cut)).all()


def test_slices_of_any_distance_and_an_entrance_are_slices_with_vacuum_between():
    plan = planned()
    three = transmissions(plan.gpts[0])
    vacuum = np.ones_like(three[0])
    uneven = prism.scattering_matrix(three, plan, slice_angstrom=np.array([2.0, 1.0, 0.0]), entrance_angstrom=1.0)
    even = prism.scattering_matrix(
        np.stack([vacuum, three[0], vacuum, three[1], three[2]]), plan, slice_angstrom=np.array([1.0, 1, 1, 1, 0])
    )
    np.testing.assert_allclose(uneven.array, even.array, atol=1e-5 * np.abs(even.array).max())


def test_the_memory_is_that_of_matrix_and_slices():
    plan = planned()
    matrix = prism.scattering_matrix(transmissions(plan.gpts[0]), plan, slice_angstrom=SLICE).array
    slices = transmissions(plan.gpts[0], 1).nbytes
    assert prism.needed_bytes(plan, 10_000) == matrix.nbytes + 10_000 * slices
