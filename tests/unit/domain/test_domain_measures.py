import numpy as np
import pytest
from lattices import draw, fcc110

from heamap.domain.measures import measure


def particle(shape, radius, step=0.2):
    """A round patch of the lattice in a dark field, with a little noise."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    inside = np.hypot(rows - shape[0] / 2, cols - shape[1] / 2) * step < radius
    noise = np.random.default_rng(3).standard_normal(shape)
    return np.where(inside, draw(fcc110(3.7), shape=shape, turn_degree=25), 0.0) + 0.02 * noise


def test_windows_beside_a_particle_do_not_count():
    found = measure(particle((400, 400), 14.0), sampling_angstrom=0.2)
    weights = found.weights.reshape(found.grid.cells)
    assert found.any_lattice
    assert weights[0].max() == weights[-1].max() == 0
    assert not found.lit.reshape(found.grid.cells)[0].any()
    assert found.median(found.fit.constant) == pytest.approx(3.7, rel=0.005)


def test_neighbouring_columns_and_their_number_are_found():
    found = measure(draw(fcc110(3.7), shape=(256, 256), turn_degree=12), sampling_angstrom=0.2)
    assert found.columns == pytest.approx(1.0, abs=0.1)
    # The nearest columns are sqrt(3 / 8) of the constant apart; places are whole pixels.
    assert found.spacing_angstrom == pytest.approx(3.7 * np.sqrt(3 / 8), abs=0.15)


def test_scale_and_offset_do_not_matter():
    image = particle((256, 256), 14.0)
    plain, other = measure(image, sampling_angstrom=0.2), measure(5000 * image + 300, sampling_angstrom=0.2)
    np.testing.assert_allclose(other.features, plain.features, atol=2e-2)
    np.testing.assert_allclose(other.fit.constant, plain.fit.constant, rtol=1e-3)
    assert other.spacing_angstrom == pytest.approx(plain.spacing_angstrom)


def test_an_empty_field_has_no_lattice():
    found = measure(np.random.default_rng(4).standard_normal((256, 256)), sampling_angstrom=0.2)
    assert not found.any_lattice
    assert np.isnan(found.spacing_angstrom)
