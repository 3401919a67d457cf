"""The reference engine: abTEM's PRISM with frozen phonons."""

from importlib.metadata import version
from itertools import product

import abtem
import numpy as np
import numpy.typing as npt

from heamap import params
from heamap.elements import TABLE
from heamap.errors import InputError
from heamap.imaging.microscope import Microscope
from heamap.imaging.potential import scattering_factors, transmission_functions
from heamap.imaging.prism import needed_bytes, plan, scattering_matrix
from heamap.imaging.reduction import scan_box
from heamap.imaging.scan import read_field, relative_error
from heamap.imaging.simulated import Simulated
from heamap.imaging.slicing import slab
from heamap.seeds import Stream, generator

ENGINE = f"abtem-{version('abtem')}-prism-2"
"""Name and version of the engine; another version makes stored images stale."""

MAX_BYTES = 1_550_000_000
"""Of the scattering matrix with its slices or crops; the process holds .45 GB more."""
DEPTH_STEP_ANGSTROM = 0.1
"""Depths of slices are rounded to this: then a few propagators serve all of them."""
TILE_ANGSTROM = 25.6
"""A wider field is simulated in tiles of at most this side, so that memory and PRISM's window stay as they are."""


def simulate(
    elements: npt.NDArray[np.integer],
    positions: npt.NDArray[np.floating],
    microscope: Microscope,
    *,
    base: params.Base,
    settings: params.Simulate,
    sample: int,
) -> Simulated:
    """Simulate the HAADF image of a particle in a field of view.

    The particle is cut into slices of at most ``settings.slice_angstrom`` that hold no two atoms of a column, each at
    the mean depth of its atoms below the lowest atom, to which the microscope's aberrations refer. The field is cut
    into equal tiles, and the atoms are cropped laterally to a tile and ``settings.margin_angstrom`` around it, by where
    they rest; that box is periodic, and an atom that its displacement carries over the edge comes in on the other side.
    What the cut and the neighbouring copies do to the waves must die out within the margin (docs/benchmarks.md). The
    whole box is scanned at Nyquist and the tile read off by Fourier interpolation, which is exact only there.

    Parameters
    ----------
    elements : (n,) index into ``ELEMENTS``
    positions : (n, 3) Angstrom in field coordinates: x along columns, y along rows, z along the beam
    sample : decides the frozen phonons, with ``base.seed``

    Raises
    ------
    InputError : the scattering matrix would not fit in memory
    """
    margin, interpolation = settings.margin_angstrom, settings.reference.interpolation
    tile = base.model_copy(update={"pixels": _tile_pixels(base)})
    box = tile.field_angstrom + 2 * margin
    planned = plan(microscope, box_angstrom=box, interpolation=interpolation)
    sampling = box / planned.gpts[0]
    images = np.zeros((settings.reference.configurations, base.pixels, base.pixels))
    if not _within(positions, -margin, base.field_angstrom + margin).any():
        return Simulated(images[0].astype(np.float32), 0, interpolation, sampling, float("nan"))
    atoms = slab(
        elements, positions, thickness_angstrom=settings.slice_angstrom, top_angstrom=float(positions[:, 2].min())
    )
    size = needed_bytes(planned, len(atoms.depths_angstrom))
    if size > MAX_BYTES:
        raise InputError(
            f"the scattering matrix needs {size / 1e9:.2f} GB with its slices, more than {MAX_BYTES / 1e9:.2f} GB; "
            f"raise simulate.reference.interpolation above {interpolation} or lower simulate.margin_angstrom"
        )
    factors = scattering_factors(box)
    corners = range(0, base.pixels, tile.pixels)
    for configuration, image in enumerate(images):
        places = positions[:, :2] + displacements(elements, seed=base.seed, sample=sample, configuration=configuration)
        for row, col in product(corners, corners):
            corner = np.array([col, row]) * base.sampling_angstrom - margin
            inside = _within(positions, corner, corner + box)
            if not inside.any():
                continue
            scan = scan_configuration(
                elements[inside],
                places[inside] - corner,
                atoms.slices[inside],
                factors,
                planned,
                microscope,
                depths_angstrom=atoms.depths_angstrom,
            )
            part = image[row : row + tile.pixels, col : col + tile.pixels]
            part[:] = read_field(scan, base=tile, margin_angstrom=margin)[: part.shape[0], : part.shape[1]]
    return Simulated(
        image=images.mean(axis=0).astype(np.float32),
        configurations=len(images),
        interpolation=interpolation,
        potential_sampling_angstrom=sampling,
        relative_error=relative_error(images, sampling_angstrom=base.sampling_angstrom),
    )


def _tile_pixels(base: params.Base) -> int:
    tiles = int(np.ceil(base.field_angstrom / TILE_ANGSTROM - 1e-9))
    return int(np.ceil(base.pixels / tiles))


def _within(
    positions: npt.NDArray[np.floating], low: float | npt.NDArray[np.floating], high: float | npt.NDArray[np.floating]
) -> npt.NDArray[np.bool_]:
    return np.all((positions[:, :2] > low) & (positions[:, :2] < high), axis=1)


def displacements(
    elements: npt.NDArray[np.integer], *, seed: int, sample: int, configuration: int
) -> npt.NDArray[np.float64]:
    """Frozen phonons: independent Gaussian displacements in x and y, of each element's own width.

    Returns
    -------
    (n, 2) Angstrom
    """
    width = np.array([element.rms_displacement_angstrom for element in TABLE])[elements]
    rng = generator(seed, Stream.PHONONS, sample, configuration)
    return width[:, None] * rng.standard_normal((len(elements), 2))


def scan_configuration(
    elements: npt.NDArray[np.integer],
    positions: npt.NDArray[np.floating],
    slices: npt.NDArray[np.integer],
    factors: npt.NDArray[np.float32],
    planned: abtem.SMatrix,
    microscope: Microscope,
    *,
    depths_angstrom: npt.NDArray[np.floating],
) -> npt.NDArray[np.float64]:
    """Detected fraction of the beam over the periodic box, for atoms at rest.

    Parameters
    ----------
    elements, positions : (n,) and (n, 2) x and y in Angstrom, in the box
    slices : (n,) slice of each atom
    factors : from :func:`scattering_factors` of the same box
    planned : from :func:`plan`
    depths_angstrom : (slices or more,) depth of each slice below the plane that the probe is focused on

    Returns
    -------
    (scan positions, scan positions) axes x and y
    """
    depths = np.rint(depths_angstrom[: slices.max() + 1] / DEPTH_STEP_ANGSTROM)
    # Nothing else holds the slices: they are freed before the scan, as the matrix is before the next configuration.
    matrix = scattering_matrix(
        transmission_functions(
            elements,
            positions,
            slices,
            factors,
            energy_ev=microscope.energy_ev,
            box_angstrom=planned.extent[0],
            points=planned.gpts[0],
        ),
        planned,
        slice_angstrom=DEPTH_STEP_ANGSTROM * np.diff(depths, append=depths[-1]),
        entrance_angstrom=DEPTH_STEP_ANGSTROM * float(depths[0]),
    )
    return scan_box(matrix, microscope)
