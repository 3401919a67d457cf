import numpy as np
import pytest

from heamap import params
from heamap.elements import ELEMENTS
from heamap.imaging import box, engines
from heamap.imaging.microscope import Microscope

BASE = params.Base(seed=3, pixels=256, sampling_angstrom=0.2)


def square(low: float, high: float) -> np.ndarray:
    return np.array([(x, y, 0.0) for x in (low, high) for y in (low, high)])


def test_the_part_holds_the_particle_and_its_rim_on_the_fields_own_pixels():
    positions = square(20.0, 31.0) + np.array([1.0, -3.0, 0.0])
    part = box.occupied(positions, BASE)
    assert part.pixels == 96
    corner = np.array([part.col, part.row]) * 0.2
    inside = positions[:, :2] - corner
    assert inside.min() >= 4 - 0.1
    assert inside.max() <= 96 * 0.2 - 4 + 0.1


@pytest.mark.parametrize(("low", "high"), [(3.9, 47.5), (0.0, 47.0), (-80.0, 130.0)])
def test_a_particle_as_wide_as_the_field_keeps_the_whole_field(low, high):
    assert box.occupied(square(low, high), BASE) == box.Part(0, 0, 256)
    assert box.occupied(np.zeros((0, 3)), BASE) == box.Part(0, 0, 256)


@pytest.mark.parametrize(("low", "high", "pixels", "first"), [(-9.0, 20.0, 120, 0), (30.0, 60.0, 128, 128)])
def test_of_a_particle_at_the_edge_the_part_inside_counts(low, high, pixels, first):
    assert box.occupied(square(low, high), BASE) == box.Part(first, first, pixels)


def test_one_atom_keeps_a_field_of_the_smallest_size():
    assert box.occupied(square(25.0, 25.0), BASE).pixels == 40
    assert (
        box.occupied(square(2.5, 2.5) * [10, 10, 1], params.Base(seed=0, pixels=64, sampling_angstrom=0.9)).pixels == 32
    )


def test_atoms_at_the_two_ends_of_the_periodic_box_stay_apart_and_no_atom_that_counts_is_lost():
    for low, high in ((4.0, 26.0), (0.0, 22.0), (1.0, 29.0), (25.0, 33.0), (-5.0, 3.0), (-9.0, 50.0)):
        positions = square(low, high)
        margin = box.margin(positions, field_angstrom=30.0, reach_angstrom=6.0)
        near = positions[np.all((positions[:, :2] > -6) & (positions[:, :2] < 36), axis=1)]
        if high - low < 30 + 2 * 6 and len(near) == 4:
            assert 30 + 2 * margin - (high - low) >= min(12, 42 - (high - low)) - 1e-6
        assert (np.abs(near[:, :2] - 15) < 15 + margin).all()
        assert margin <= 6
    assert box.margin(square(80.0, 90.0), field_angstrom=30.0, reach_angstrom=6.0) == 0
    assert box.margin(square(4.0, 26.0), field_angstrom=30.0, reach_angstrom=6.0) == pytest.approx(2)


def test_windows_are_as_wide_as_asked_on_fast_grids():
    assert [box.interpolation_factor(side, 7.25) for side in (5.0, 24.0, 37.6, 65.4, 80.0, 95.0)] == [
        1,
        3,
        5,
        9,
        10,
        12,
    ]
    assert box.interpolation_factor(63.2, 12.0) == 5


def test_largest_prime_factors():
    assert [box.largest_prime(number) for number in (1, 2, 6, 8, 11, 49, 22, 90)] == [1, 2, 3, 2, 11, 7, 11, 5]


@pytest.mark.parametrize("engine", ["reference", "thermal"])
def test_the_part_is_the_image_of_the_whole_field(engine):
    """And beyond it the image is dark: the rim is wide enough."""
    base = params.Base(seed=3, pixels=96, sampling_angstrom=0.2)
    settings = params.Simulate(
        engine=engine,
        reference_share=0.0,
        microscope={
            "energy_ev": (200e3, 200e3),
            "semiangle_mrad": (18.0, 18.0),
            "defocus_angstrom": (0.0, 0.0),
            "spherical_aberration_angstrom": (0.0, 0.0),
            "astigmatism_angstrom": (0.0, 0.0),
            "astigmatism_angle_radian": (0.0, 0.0),
        },
        detector_mrad=(60.0, 80.0),
        slice_angstrom=2.6,
        margin_angstrom=4.0,
        workers=1,
        reference={"configurations": 1, "window_angstrom": 12.0},
        thermal={"window_angstrom": 7.5, "waves": 48},
    )
    elements = np.full(6, ELEMENTS.index("Pt"), dtype=np.int8)
    positions = np.array([(8.1, 10.3, 2.6 * layer) for layer in range(6)])
    optics = Microscope(200e3, 18.0, 0.0, 0.0, 0.0, 0.0, 60.0, 80.0)
    given = {"base": base, "settings": settings, "sample": 0}
    part = engines.simulate(engine, elements, positions, optics, **given).image
    whole = engines.engine(engine).simulate(elements, positions, optics, **given).image
    dark = part == 0
    assert 0.5 < dark.mean() < 0.9
    assert whole[dark].max() < 3e-3 * whole.max()
    np.testing.assert_allclose(part[~dark], whole[~dark], atol=0.05 * whole.max())
    assert part.sum() == pytest.approx(whole.sum(), rel=0.05)
