import math

import numpy as np
import pytest

from heamap.domain.column_lattice import fit_column_lattice
from heamap.domain.column_strain import LEAST_PAIRS, strain_error, strain_of

A = 3.7


def crystal(radius=20.0, degree=0.0):
    i, j = np.mgrid[-25:26, -25:26].reshape(2, -1)
    columns = np.stack([(i + j) * A / 2, (i - j) * A / math.sqrt(8)], axis=1)
    turn = math.radians(degree)
    columns = columns @ np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return columns[np.hypot(*columns.T) <= radius]


def test_a_perfect_crystal_has_no_strain():
    strain = strain_of(fit_column_lattice(crystal(degree=33.0)))
    for part in (strain.xx, strain.yy, strain.xy, strain.rotation_degree):
        np.testing.assert_allclose(part[strain.known], 0, atol=1e-9)
    assert strain.known.mean() > 0.85


def test_each_component_is_the_gradient_of_its_displacement():
    y, x = crystal(degree=20.0).T
    # Quadratic displacements along x and y: strain is linear in the place, and of no mean over a round particle.
    moved = np.stack([y + 0.0005 * y**2 + 0.0003 * x**2, x + 0.0004 * x**2 - 0.0002 * y**2], axis=1)
    lattice = fit_column_lattice(moved)
    strain, inner = strain_of(lattice), lattice.pairs == 8
    for found, expected in (
        (strain.yy, 0.001 * y),
        (strain.xx, 0.0008 * x),
        (strain.xy, 0.5 * (0.0006 * x - 0.0004 * y)),
        (strain.rotation_degree, np.degrees(0.5 * (0.0006 * x + 0.0004 * y))),
    ):
        away = (found - expected)[inner]
        scale = np.abs(expected[inner]).max()
        np.testing.assert_allclose(away - np.median(away), 0, atol=0.03 * scale)
        assert abs(np.median(away)) < 0.05 * scale


def test_a_grain_is_measured_against_itself_however_it_lies():
    columns = crystal(14.0)
    turned = crystal(14.0, degree=50.0) * 1.02 + np.array([0.0, 45.0])
    strain = strain_of(fit_column_lattice(np.concatenate([columns, turned])))
    np.testing.assert_allclose(strain.xx[strain.known], 0, atol=1e-9)


def test_columns_with_few_neighbours_have_no_strain():
    lattice = fit_column_lattice(crystal())
    strain = strain_of(lattice)
    few = lattice.pairs < LEAST_PAIRS
    assert few.any()
    assert not strain.known[few].any()
    assert strain.known[~few].all()


def test_the_stated_error_is_that_of_columns_with_all_neighbours():
    rng = np.random.default_rng(0)
    columns = crystal(28.0)
    lattice = fit_column_lattice(columns + 0.05 * rng.standard_normal(columns.shape))
    strain, inner = strain_of(lattice), lattice.pairs == 8
    both = np.concatenate([strain.xx[inner], strain.yy[inner]])
    assert both.std() == pytest.approx(strain_error(lattice.grains[0]), rel=0.15)
