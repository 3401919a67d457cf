"""Cheap HAADF images of crystals that the model does not know: columns as Gaussians, brightness by Z^1.7."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from heamap.evaluation.light import EXPONENT
from heamap.imaging.effects import degrade
from heamap.params import Effects

Floats = npt.NDArray[np.float64]

PEAK = 0.05
"""Of a typical column, fraction of the beam, as of the training images."""


@dataclass(frozen=True)
class Crystal:
    """A crystal with orthogonal axes.

    Attributes
    ----------
    cell : lengths of a, b, c in Angstrom
    atoms : (atomic number, fractional x, y, z) of each
    zones : axes that it is looked at along
    """

    cell: tuple[float, float, float]
    atoms: tuple[tuple[int, float, float, float], ...]
    zones: tuple[tuple[int, int, int], ...]


def _zincblende(first: int, second: int) -> tuple[tuple[int, float, float, float], ...]:
    corners = ((0.0, 0.0, 0.0), (0.0, 0.5, 0.5), (0.5, 0.0, 0.5), (0.5, 0.5, 0.0))
    return tuple((first, *c) for c in corners) + tuple((second, *(x + 0.25 for x in c)) for c in corners)


def _perovskite(a_site: int, lift: float, oxygen: float) -> tuple[tuple[int, float, float, float], ...]:
    """Titanate: Ti lifted along c against the A site, oxygen too, in shares of c."""
    return (
        (a_site, 0.0, 0.0, 0.0),
        (22, 0.5, 0.5, 0.5 + lift),
        (8, 0.5, 0.5, oxygen),
        (8, 0.5, 0.0, 0.5 + oxygen),
        (8, 0.0, 0.5, 0.5 + oxygen),
    )


CRYSTALS = {
    "CdTe": Crystal((6.482,) * 3, _zincblende(48, 52), ((1, 1, 0), (0, 0, 1), (1, 1, 1))),
    "SrTiO3": Crystal((3.905,) * 3, _perovskite(38, 0.0, 0.0), ((0, 0, 1), (1, 1, 0), (1, 1, 1))),
    "BaTiO3": Crystal((3.994, 3.994, 4.038), _perovskite(56, 0.02, -0.02), ((0, 0, 1), (1, 0, 0), (1, 1, 0))),
    "PbTiO3": Crystal((3.904, 3.904, 4.152), _perovskite(82, 0.04, 0.1), ((0, 0, 1), (1, 0, 0), (1, 1, 0))),
}
"""Room-temperature lattices; shifts of the tetragonal titanates rounded."""

ALLOY = Crystal((3.7,) * 3, tuple((30, *c) for c in ((0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0))), ())
"""One mean element on fcc: the trained lattice, to be seen along other axes."""


def draw(
    crystal: Crystal,
    zone: tuple[int, int, int],
    *,
    pixels: int,
    step_angstrom: float,
    effects: Effects,
    rng: np.random.Generator,
    disorder: float = 0.0,
) -> npt.NDArray[np.float32]:
    """One noisy image (pixels, pixels): turned and shifted at random, half of them round particles in a dark field.

    Parameters
    ----------
    disorder : relative scatter of the columns' brightness; displaced by so many tenths of an Angstrom, too
    """
    places, weights = _columns(crystal, zone, pixels * step_angstrom, rng)
    weights = weights * np.maximum(1 + disorder * rng.standard_normal(len(weights)), 0.1)
    places = places + 0.1 * disorder * rng.standard_normal(places.shape)
    grid = np.zeros((pixels, pixels))
    inside = ((places >= 0) & (places <= (pixels - 2) * step_angstrom)).all(axis=1)
    if rng.random() < 0.5:
        radius = rng.uniform(0.25, 0.5) * pixels * step_angstrom
        inside &= np.linalg.norm(places - pixels * step_angstrom / 2, axis=1) < radius
    corner = np.floor(places[inside] / step_angstrom)
    part = places[inside] / step_angstrom - corner
    for down in (0, 1):
        for right in (0, 1):
            share = np.abs(1 - down - part[:, 0]) * np.abs(1 - right - part[:, 1])
            rows, cols = (corner + np.array([down, right])).astype(int).T
            np.add.at(grid, (rows, cols), share * weights[inside])
    blurred = ndimage.gaussian_filter(grid, rng.uniform(0.35, 0.5) / step_angstrom)
    clean = PEAK * blurred / np.percentile(blurred, 99.5)
    return degrade(clean, effects=effects, sampling_angstrom=step_angstrom, rng=rng)


def _columns(
    crystal: Crystal, zone: tuple[int, int, int], side_angstrom: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Places (n, 2) in Angstrom and brightness (n,) of the atoms of one repeat along the zone axis."""
    cell = np.array(crystal.cell)
    beam = np.array(zone) * cell
    repeat = float(np.linalg.norm(beam))
    reach = int(np.ceil((side_angstrom + repeat) / cell.min())) + 1
    steps = np.stack(np.meshgrid(*[np.arange(-reach, reach)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    # Far from the slab no cell can reach it.
    steps = steps[np.abs((steps * cell) @ beam / repeat) < 2 * repeat + cell.max()]
    numbers = np.array([atom[0] for atom in crystal.atoms], dtype=float)
    sites = (steps[:, None] + np.array([atom[1:] for atom in crystal.atoms])).reshape(-1, 3) * cell
    weights = np.tile(numbers**EXPONENT, len(steps))
    depth = sites @ beam / repeat
    slab = (depth >= -1e-6) & (depth < repeat - 1e-6)
    first = np.cross(beam, [0.3, 0.5, 0.9])
    first /= np.linalg.norm(first)
    second = np.cross(beam / repeat, first)
    flat = np.stack([sites[slab] @ first, sites[slab] @ second], axis=1)
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return flat @ rotation + side_angstrom / 2 + rng.uniform(-3, 3, 2), weights[slab]
