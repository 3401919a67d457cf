import numpy as np
import pytest

from heamap.imaging import orbitals
from heamap.imaging.arrays import arrays
from heamap.imaging.sampling import OFFSETS, Sampler, factored, lattice

PIXEL, POINTS = 0.1, 64


def plane_waves(*numbers: tuple[int, int]) -> np.ndarray:
    turns = np.arange(POINTS) / POINTS
    waves = [np.outer(np.exp(2j * np.pi * x * turns), np.exp(2j * np.pi * y * turns)) for x, y in numbers]
    return np.array(waves, dtype=np.complex64)


def gaussian_sampler(width: float) -> Sampler:
    axis, reach = lattice(PIXEL, 5 * width)
    function = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * width**2))
    return Sampler(arrays("cpu"), function[None], pixel_angstrom=PIXEL, reach=reach)


def test_integral_of_a_plane_wave_with_a_gaussian_between_grid_points():
    width, numbers = 0.15, [(3, -2), (12, 7), (0, 0)]
    # On the places that are tabulated the integral is exact; the second atom's function crosses the box's edge.
    atoms = np.array([[3.2 + PIXEL / OFFSETS, 2.0 - PIXEL / OFFSETS], [0.1, 6.35]])

    found = gaussian_sampler(width)(plane_waves(*numbers), atoms)

    for wave, number in enumerate(numbers):
        frequency = np.array(number) / (POINTS * PIXEL)
        size = 2 * np.pi * width**2 * np.exp(-2 * np.pi**2 * width**2 * (frequency @ frequency))
        expected = size * np.exp(2j * np.pi * atoms @ frequency)
        np.testing.assert_allclose(found[:, 0, wave], expected, rtol=1e-5)


def test_an_atom_elsewhere_takes_the_nearest_place():
    sampler = gaussian_sampler(0.2)
    waves = plane_waves((2, 5))

    near = sampler(waves, np.array([[3.211, 2.0]]))
    tabulated = sampler(waves, np.array([[3.2, 2.0]]))

    np.testing.assert_array_equal(near, tabulated)


def test_orbitals_are_found_again_in_a_wave_made_of_them():
    axis, reach = lattice(0.02, orbitals.RADIUS_ANGSTROM)
    nodes = np.meshgrid(axis, axis, indexing="ij")
    sampler = Sampler(arrays("cpu"), orbitals.projections(*nodes), pixel_angstrom=0.02, reach=reach)
    points = 200
    coordinate = np.arange(points) * 0.02 - 2.0
    rng = np.random.default_rng(3)
    coefficients = rng.standard_normal(len(orbitals.BASIS)) + 1j * rng.standard_normal(len(orbitals.BASIS))
    grid = np.meshgrid(coordinate, coordinate, indexing="ij")
    wave = np.tensordot(coefficients, orbitals.values(*grid), axes=1).astype(np.complex64)

    found = sampler(wave[None], np.array([[2.0, 2.0]]))[0, :, 0]
    again = np.tensordot(found, orbitals.values(*grid), axes=1)

    # The functions overlap, so the coefficients may differ where the wave does not.
    inside = np.hypot(*grid) < 0.6
    assert np.abs(again - wave)[inside].max() < 0.01 * np.abs(wave)[inside].max()


@pytest.mark.parametrize("radius", [0.31, 0.8])
def test_lattice_reaches_around_the_atom(radius: float):
    axis, reach = lattice(PIXEL, radius)

    assert reach * PIXEL >= radius
    np.testing.assert_allclose(axis, -axis[::-1])
    assert axis[-1] == pytest.approx((reach + 1) * PIXEL)


@pytest.mark.parametrize("loss", [1e-3, 1e-6])
def test_many_smooth_functions_are_made_of_few(loss: float):
    axis, _ = lattice(PIXEL, 0.8)
    widths = np.linspace(0.3, 0.6, 40)[:, None, None]
    many = np.exp(-(axis[:, None] ** 2 + axis**2) / (2 * widths**2)) * np.exp(1j * widths * axis)

    mixing, basis = factored(many, loss)

    few = len(basis)
    assert few < 12
    np.testing.assert_allclose(np.tensordot(basis, basis.conj(), axes=([1, 2], [1, 2])), np.eye(few), atol=1e-6)
    lost = np.abs(np.tensordot(mixing, basis, axes=1) - many) ** 2
    assert 0 < lost.sum() <= loss * (np.abs(many) ** 2).sum()
