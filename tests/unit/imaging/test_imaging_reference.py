import abtem
import numpy as np
import pytest

from heamap import params
from heamap.elements import ELEMENTS, TABLE
from heamap.errors import InputError
from heamap.imaging import reference
from heamap.imaging.microscope import Microscope
from heamap.imaging.potential import (
    projected_potential,
    scattering_factors,
    slice_indices,
    transmission_functions,
)

BASE = params.Base(seed=3, pixels=32, sampling_angstrom=0.2)
FIELD = 6.4
UNLIMITED = 2.0
"""A band beyond the corners of the grid, for comparison with abTEM without its antialiasing."""
LAYER = 2.62
Z = dict(zip(ELEMENTS, (element.number for element in TABLE), strict=True))


def settings(**changes) -> params.Simulate:
    standard = {
        "engine": "reference",
        "microscope": {
            "energy_ev": (200e3, 200e3),
            "semiangle_mrad": (18.0, 18.0),
            "defocus_angstrom": (0.0, 0.0),
            "spherical_aberration_angstrom": (0.0, 0.0),
            "astigmatism_angstrom": (0.0, 0.0),
            "astigmatism_angle_radian": (0.0, 0.0),
        },
        "detector_mrad": (60.0, 80.0),
        "configurations": 1,
        "interpolation": 1,
        "slice_angstrom": 2.6,
        "margin_angstrom": 1.0,
        "workers": 1,
    }
    return params.Simulate(**(standard | changes))


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


def column(symbols: str | list[str], x: float = FIELD / 2, y: float = FIELD / 2) -> tuple[np.ndarray, np.ndarray]:
    elements = np.array([ELEMENTS.index(symbol) for symbol in symbols], dtype=np.int8)
    return elements, np.array([(x, y, LAYER * layer) for layer in range(len(symbols))], dtype=float)


def image(atoms, *, optics=None, sample=0, seed=3, **changes) -> np.ndarray:
    base = BASE.model_copy(update={"seed": seed})
    return reference.simulate(
        *atoms, optics or microscope(), base=base, settings=settings(**changes), sample=sample
    ).image


def test_a_single_atom_is_brighter_the_heavier_it_is():
    brightness = {symbol: float(image(column([symbol])).sum()) for symbol in ELEMENTS}
    assert sorted(brightness, key=brightness.get) == sorted(Z, key=Z.get)
    exponent = np.log(brightness["Pt"] / brightness["Fe"]) / np.log(Z["Pt"] / Z["Fe"])
    assert 1.3 < exponent < 2.0


def test_a_column_is_brighter_the_thicker_it_is():
    totals = [float(image(column(["Ni"] * count)).sum()) for count in (1, 3, 6)]
    assert totals[0] < totals[1] < totals[2]
    assert totals[1] / totals[0] == pytest.approx(3, rel=0.35)


def test_the_image_is_a_small_part_of_the_beam():
    seen = image(column(["Pt"] * 6))
    assert seen.dtype == np.float32
    assert seen.shape == (32, 32)
    assert seen.min() > -1e-4
    assert 1e-3 < seen.max() < 0.3


def test_an_asymmetric_particle_comes_out_the_right_way_round():
    heavy, light = column(["Pt"] * 3, x=5.0, y=1.6), column(["Fe"] * 3, x=1.4, y=3.2)
    seen = image((np.concatenate([heavy[0], light[0]]), np.concatenate([heavy[1], light[1]])))
    assert np.abs(np.subtract(np.unravel_index(seen.argmax(), seen.shape), (8, 25))).max() <= 1
    assert np.abs(np.subtract(np.unravel_index(seen[:, :14].argmax(), (32, 14)), (16, 7))).max() <= 1


def test_an_atom_keeps_its_brightness_between_the_points_of_the_grid():
    sampling = reference.simulate(
        *column(["Pt"]), microscope(), base=BASE, settings=settings(), sample=0
    ).potential_sampling_angstrom
    totals = [
        float(image(column(["Pt"], x=3.2 + shift * sampling, y=3.2 + shift * sampling)).sum())
        for shift in (0.0, 0.25, 0.5)
    ]
    assert np.ptp(totals) < 0.02 * np.mean(totals)


def test_atoms_outside_the_field_and_its_margin_do_not_count():
    inside = column(["Ni"] * 2)
    outside = column(["Pt"] * 2, x=FIELD + 1.5)
    both = tuple(np.concatenate(pair) for pair in zip(inside, outside, strict=True))
    assert image(both).max() == pytest.approx(image(inside).max(), rel=1e-5)


def test_a_field_without_atoms_is_black():
    assert not image(column(["Pt"], x=40.0)).any()


def test_every_atom_is_in_one_slice_top_and_bottom_included():
    z = np.array([0.0, 1.31, 2.62, 3.93, 26.2])
    np.testing.assert_array_equal(slice_indices(z, 2.6), [0, 0, 1, 1, 10])
    elements = np.zeros(2, dtype=np.int8)
    factors = scattering_factors(8.0, 96)
    ends = projected_potential(elements, np.full((2, 2), 4.0), factors, box_angstrom=8.0)
    one = projected_potential(elements[:1], np.full((1, 2), 4.0), factors, box_angstrom=8.0)
    assert ends.sum() == pytest.approx(2 * one.sum(), rel=1e-5)
    assert one.mean() * 64 == pytest.approx(factors[0, 0, 0], rel=1e-4)


def test_the_potential_moves_with_the_atom_by_parts_of_a_point():
    factors = scattering_factors(8.0, 96)
    element = np.zeros(1, dtype=np.int8)
    here = projected_potential(element, np.array([[4.0, 3.0]]), factors, box_angstrom=8.0)
    there = projected_potential(element, np.array([[4.0 + 0.37 * 8 / 96, 3.0]]), factors, box_angstrom=8.0)
    below_nyquist = np.abs(np.fft.fftfreq(96, 1 / 96)) < 48
    spectra = [np.abs(np.fft.fft2(potential))[below_nyquist] for potential in (here, there)]
    np.testing.assert_allclose(spectra[1], spectra[0], rtol=1e-3, atol=1e-4 * spectra[0].max())


@pytest.fixture
def abtem_without_antialiasing():
    with abtem.config.set({"antialias.cutoff": UNLIMITED}):
        yield


def points_of(box, interpolation):
    return reference.plan(microscope(), box_angstrom=box, interpolation=interpolation).gpts[0]


@pytest.mark.parametrize("energy_ev", [180e3, 193e3, 207e3, 220e3])
@pytest.mark.parametrize("interpolation", [1, 4, 5])
def test_the_plan_reaches_the_detector_and_its_lengths_are_fast_to_transform(energy_ev, interpolation):
    optics = microscope(energy_ev=energy_ev)
    planned = reference.plan(optics, box_angstrom=37.6, interpolation=interpolation)
    points, window = planned.gpts[0], planned.window_gpts[0]
    assert points % interpolation == 0
    assert optics.wavelength_angstrom / (3 * 37.6 / points) >= 80e-3
    assert window * optics.wavelength_angstrom * interpolation / 37.6 / 2 > 80e-3
    for length in (points, window):
        assert all(length % prime for prime in (11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61))


def scattering(transmissions, box, interpolation):
    planned = reference.plan(microscope(), box_angstrom=box, interpolation=interpolation)
    return reference.scattering_matrix(transmissions, planned, slice_angstrom=2.6, band=UNLIMITED)


@pytest.mark.parametrize("interpolation", [1, 2])
@pytest.mark.usefixtures("abtem_without_antialiasing")
def test_the_scattering_matrix_is_that_of_abtem(interpolation):
    box = 8.4
    points = points_of(box, interpolation)
    elements, positions = column(["Pt", "Fe", "Pd"])
    positions += [1.0, 0.3, 0.0]
    slices = slice_indices(positions[:, 2], 2.6)
    factors = scattering_factors(box, points)
    potential = [
        projected_potential(elements[slices == index], positions[slices == index, :2], factors, box_angstrom=box)
        for index in range(3)
    ]
    planned = reference.plan(microscope(), box_angstrom=box, interpolation=interpolation)
    published = abtem.SMatrix(
        semiangle_cutoff=18.0,
        energy=200e3,
        potential=abtem.PotentialArray(np.stack(potential), slice_thickness=2.6, extent=(box, box)),
        interpolation=interpolation,
        downsample=planned.downsample,
    ).build(lazy=False)
    transmissions = transmission_functions(
        elements, positions[:, :2], slices, energy_ev=200e3, box_angstrom=box, points=points, oversampling=1
    )
    ours = scattering(transmissions, box, interpolation)
    np.testing.assert_allclose(ours.wave_vectors, published.wave_vectors)
    np.testing.assert_allclose(ours.array, published.array, atol=2e-5 * np.abs(published.array).max())


@pytest.mark.usefixtures("abtem_without_antialiasing")
def test_without_interpolation_the_scan_agrees_with_abtem_multislice():
    box = 8.4
    points = points_of(box, 1)
    elements, positions = column(["Pt", "Fe", "Pd"], x=4.0, y=4.6)
    slices = slice_indices(positions[:, 2], 2.6)
    factors = scattering_factors(box, points)
    potential = np.stack(
        [
            projected_potential(elements[slices == index], positions[slices == index, :2], factors, box_angstrom=box)
            for index in range(3)
        ]
    )
    optics = microscope(defocus_angstrom=8.0, astigmatism_angstrom=20.0, astigmatism_angle_radian=0.25)
    transmissions = transmission_functions(
        elements, positions[:, :2], slices, energy_ev=200e3, box_angstrom=box, points=points, oversampling=1
    )
    scan = reference.scan_box(scattering(transmissions, box, 1), optics)
    probe = abtem.Probe(energy=200e3, semiangle_cutoff=18.0, extent=box, gpts=points, defocus=8.0, C12=20.0, phi12=0.25)
    expected = probe.scan(
        abtem.PotentialArray(potential, slice_thickness=2.6, extent=(box, box)),
        scan=abtem.GridScan((0, 0), (box, box), gpts=len(scan), endpoint=False),
        detectors=abtem.AnnularDetector(60.0, 80.0),
        lazy=False,
    ).array
    np.testing.assert_allclose(scan, expected, rtol=0.02, atol=1e-3 * expected.max())


def test_fourier_interpolation_returns_the_scan_at_its_own_points_and_waves_between():
    x = np.arange(12) / 12
    scan = np.cos(2 * np.pi * x)[:, None] + np.sin(4 * np.pi * x)[None, :]
    np.testing.assert_allclose(reference._interpolate(scan, x), scan, atol=1e-12)
    fine = np.array([0.01, 0.3, 0.77])
    expected = np.cos(2 * np.pi * fine)[:, None] + np.sin(4 * np.pi * fine)[None, :]
    np.testing.assert_allclose(reference._interpolate(scan, fine), expected, atol=1e-12)


def test_defocus_and_astigmatism_blur_the_column():
    sharp = image(column(["Pt"]))
    assert image(column(["Pt"]), optics=microscope(defocus_angstrom=120.0)).max() < 0.8 * sharp.max()
    stretched = image(column(["Pt"]), optics=microscope(astigmatism_angstrom=80.0, defocus_angstrom=80.0))
    weights = stretched / stretched.sum()
    rows, cols = np.mgrid[:32, :32] - 16
    assert abs(np.log((weights * rows**2).sum() / (weights * cols**2).sum())) > 0.2


def test_the_phonons_are_decided_by_seed_and_sample():
    first = image(column(["Pt"] * 2))
    np.testing.assert_array_equal(first, image(column(["Pt"] * 2)))
    assert not np.array_equal(first, image(column(["Pt"] * 2), sample=1))
    assert not np.array_equal(first, image(column(["Pt"] * 2), seed=4))


def test_the_error_is_estimated_from_two_configurations_on_and_falls_with_more():
    atoms = column(["Pt"] * 4)

    def error(configurations: int) -> float:
        return reference.simulate(
            *atoms, microscope(), base=BASE, settings=settings(configurations=configurations), sample=0
        ).relative_error

    assert np.isnan(error(1))
    assert 0 < error(8) < 0.2


def test_a_matrix_beyond_memory_is_refused_with_the_way_out(monkeypatch):
    monkeypatch.setattr(reference, "MAX_MATRIX_BYTES", 1000)
    with pytest.raises(InputError, match=r"raise simulate.interpolation above 1"):
        image(column(["Pt"]))
