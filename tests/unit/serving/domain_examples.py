"""Made-up micrographs of the alloy's lattice and of others, and a contract whose domain is that lattice."""

import numpy as np
from scipy import ndimage

from heamap.domain.limits import fit_limits
from heamap.domain.measures import measure

CONSTANT = 3.7


def lattice(vectors, *, seed, shape=(200, 200), step=0.2, sigma=0.45, disorder=0.3, basis=((0.0, 0.0, 1.0),)):
    """Turned columns of scattered brightness with noise; vectors (2, 2) in Angstrom; basis (first, second, bright)."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi)
    turned = np.asarray(vectors) @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    reach = int(max(shape) * step / np.linalg.norm(vectors, axis=1).min()) + 2
    steps = np.stack(np.meshgrid(*[np.arange(-reach, reach + 1)] * 2, indexing="ij"), axis=-1).reshape(-1, 2)
    image = np.zeros(shape)
    for first, second, bright in basis:
        places = (steps + np.array([first, second])) @ turned + np.array(shape) * step / 2
        pixels = np.rint((places + rng.normal(0, 0.03, places.shape)) / step).astype(int)
        inside = ((pixels >= 0) & (pixels < shape)).all(axis=1)
        heights = bright * np.maximum(1 + disorder * rng.standard_normal(len(pixels)), 0.1)
        np.add.at(image, tuple(pixels[inside].T), heights[inside])
    image = ndimage.gaussian_filter(image, sigma / step)
    image += 0.02 * image.max() * rng.standard_normal(shape)
    return (1000 + 5000 * image / image.max()).astype(np.float32)


def alloy(seed, *, constant=CONSTANT, **options):
    """The trained lattice: fcc seen along [110]."""
    vectors = [[constant / 2, constant / np.sqrt(8)], [constant / 2, -constant / np.sqrt(8)]]
    return lattice(vectors, seed=seed, **options)


def perovskite(seed, *, side=3.905, **options):
    """SrTiO3 down a cube axis."""
    return lattice(np.eye(2) * side, seed=seed, disorder=0.0, basis=((0, 0, 1.0), (0.5, 0.5, 0.45)), **options)


def perovskite_as_fcc(seed, *, side=CONSTANT, **options):
    """A perovskite down [110]: the trained lattice, in which every second column is darker."""
    basis = ((0, 0, 1.0), (0.5, 0.5, 0.4))
    return lattice([[side, 0.0], [0.0, side / np.sqrt(2)]], seed=seed, disorder=0.0, basis=basis, **options)


def alloy_limits():
    rng = np.random.default_rng(0)
    views = [
        measure(alloy(100 + number, constant=CONSTANT * rng.uniform(0.99, 1.01)), sampling_angstrom=0.2)
        for number in range(60)
    ]
    return fit_limits(views[:40], [views[40:50], views[50:]])
