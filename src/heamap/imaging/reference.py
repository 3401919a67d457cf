"""The reference engine: abTEM's PRISM with frozen phonons."""

from dataclasses import dataclass
from importlib.metadata import version
from itertools import product

import abtem
import numpy as np
import numpy.typing as npt

from heamap import params
from heamap.elements import TABLE
from heamap.errors import InputError
from heamap.imaging import box, tails
from heamap.imaging.microscope import Microscope
from heamap.imaging.prism import atoms_at_rest, needed_bytes, plan, scattering_matrix
from heamap.imaging.reduction import scan_box
from heamap.imaging.scan import read_field, relative_error
from heamap.imaging.simulated import Simulated
from heamap.imaging.slicing import slab
from heamap.imaging.wavefield import Atoms
from heamap.seeds import Stream, generator

ENGINE = f"abtem-{version('abtem')}-prism-6"
"""Name and version of the engine; another version makes stored images stale."""

MAX_BYTES = 1_550_000_000
"""Of the scattering matrix with its slices or crops; the process holds .45 GB more."""
DEPTH_STEP_ANGSTROM = 0.1
"""Depths of slices are rounded to this: then a few propagators serve all of them."""
LEAST_TILE_PIXELS = 8


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

    The atoms are displaced by frozen phonons, unless ``settings.reference.vibrations`` is false: the static lattice.

    The particle is cut into slices of at most ``settings.slice_angstrom`` that hold no two atoms of a column, each at
    the mean depth of its atoms below the lowest atom, to which the microscope's aberrations refer. Laterally the atoms
    are cropped to the field and a margin around it (:func:`heamap.imaging.box.margin`), by where they rest; that box is
    periodic, and an atom that its displacement carries over the edge comes in on the other side. What the cut and the
    neighbouring copies do to the waves must die out within the margin (docs/benchmarks.md). Where the scattering matrix
    would not fit in memory, the field is cut into equal tiles, each with a margin. A whole box is scanned at Nyquist
    and the tile read off by Fourier interpolation, which is exact only there.

    Parameters
    ----------
    elements : (n,) index into ``ELEMENTS``
    positions : (n, 3) Angstrom in field coordinates: x along columns, y along rows, z along the beam
    sample : decides the frozen phonons, with ``base.seed``

    Raises
    ------
    InputError : the scattering matrix would not fit in memory
    """
    images = np.zeros((settings.reference.configurations, base.pixels, base.pixels))
    lowest = float(positions[:, 2].min()) if len(positions) else 0.0
    atoms = slab(elements, positions, thickness_angstrom=settings.slice_angstrom, top_angstrom=lowest)
    layout = _layout(positions, microscope, base, settings, slices=len(atoms.depths_angstrom))
    side, interpolation = layout.planned.extent[0], layout.planned.interpolation[0]
    seen = _within(positions, -layout.margin_angstrom, base.field_angstrom + layout.margin_angstrom).any()
    still = atoms_at_rest(layout.planned)
    corners = range(0, base.pixels, layout.tile.pixels)
    for configuration, image in enumerate(images if seen else ()):
        places = positions[:, :2]
        if settings.reference.vibrations:
            places = places + displacements(elements, seed=base.seed, sample=sample, configuration=configuration)
        for row, col in product(corners, corners):
            corner = np.array([col, row]) * base.sampling_angstrom - layout.margin_angstrom
            inside = _within(positions, corner, corner + side)
            if not inside.any():
                continue
            scan = scan_configuration(
                elements[inside],
                places[inside] - corner,
                atoms.slices[inside],
                still,
                layout.planned,
                microscope,
                depths_angstrom=atoms.depths_angstrom,
                alone=bool(inside.all()),
            )
            part = image[row : row + layout.tile.pixels, col : col + layout.tile.pixels]
            field = read_field(scan, base=layout.tile, margin_angstrom=layout.margin_angstrom)
            part[:] = field[: part.shape[0], : part.shape[1]]
    return Simulated(
        image=images.mean(axis=0).astype(np.float32),
        configurations=len(images) if seen else 0,
        interpolation=interpolation,
        potential_sampling_angstrom=side / layout.planned.gpts[0],
        relative_error=_error(images, base=base, settings=settings) if seen else float("nan"),
    )


def _error(images: npt.NDArray[np.float64], *, base: params.Base, settings: params.Simulate) -> float:
    """Of the phonons' sampling: a lattice that does not vibrate has none."""
    if not settings.reference.vibrations:
        return 0.0
    return relative_error(images, sampling_angstrom=base.sampling_angstrom)


@dataclass(frozen=True)
class _Layout:
    """How a field is cut into tiles.

    Attributes
    ----------
    tile : of each
    margin_angstrom : around each
    planned : PRISM in the box of tile and margin
    """

    tile: params.Base
    margin_angstrom: float
    planned: abtem.SMatrix


def _layout(
    positions: npt.NDArray[np.floating],
    microscope: Microscope,
    base: params.Base,
    settings: params.Simulate,
    *,
    slices: int,
) -> _Layout:
    """The fewest tiles that fit in memory."""
    reach, window = settings.margin_angstrom, settings.reference.window_angstrom
    margin = box.margin(positions, field_angstrom=base.field_angstrom, reach_angstrom=reach)
    for tiles in range(1, base.pixels // LEAST_TILE_PIXELS + 1):
        tile = base.model_copy(update={"pixels": int(np.ceil(base.pixels / tiles))})
        side = tile.field_angstrom + 2 * margin
        planned = plan(microscope, box_angstrom=side, interpolation=box.interpolation_factor(side, window))
        size = needed_bytes(planned, slices)
        if size <= MAX_BYTES:
            return _Layout(tile, margin, planned)
        margin = reach
    raise InputError(
        f"the scattering matrix needs {size / 1e9:.2f} GB with its slices, even of the smallest tile, more than "
        f"{MAX_BYTES / 1e9:.2f} GB; lower simulate.reference.window_angstrom below {window:g} or "
        "simulate.margin_angstrom"
    )


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
    still: Atoms,
    planned: abtem.SMatrix,
    microscope: Microscope,
    *,
    depths_angstrom: npt.NDArray[np.floating],
    alone: bool,
) -> npt.NDArray[np.float64]:
    """Detected fraction of the beam over the periodic box, for atoms at rest.

    Parameters
    ----------
    elements, positions : (n,) and (n, 2) x and y in Angstrom, in the box
    slices : (n,) slice of each atom
    still : from :func:`atoms_at_rest` of the same plan
    planned : from :func:`plan`
    depths_angstrom : (slices or more,) depth of each slice below the plane that the probe is focused on
    alone : there is nothing around the box (:func:`heamap.imaging.tails.restore`)

    Returns
    -------
    (scan positions, scan positions) axes x and y
    """
    depths = np.rint(depths_angstrom[: slices.max() + 1] / DEPTH_STEP_ANGSTROM)
    # Nothing else holds the slices: they are freed before the scan, as the matrix is before the next configuration.
    matrix = scattering_matrix(
        still.transmissions(elements, positions, slices),
        planned,
        slice_angstrom=DEPTH_STEP_ANGSTROM * np.diff(depths, append=depths[-1]),
        entrance_angstrom=DEPTH_STEP_ANGSTROM * float(depths[0]),
    )
    return tails.restore(
        scan_box(matrix, microscope),
        microscope,
        box_angstrom=planned.extent[0],
        interpolation=planned.interpolation[0],
        alone=alone,
    )
