"""Simulated columns of known total with random composition and random order of species along the beam.

They stand in a slab of fcc [110] columns of equal total that fills the engine's periodic box, so that every column has
its six neighbours and all of them are used.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import KDTree
from tqdm import tqdm

from heamap import params
from heamap.elements import ELEMENTS
from heamap.imaging import effects
from heamap.imaging.columns import COLUMN_RADIUS_ANGSTROM, column_intensities
from heamap.imaging.microscope import Microscope

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

CELLS = (5, 7)
"""Cells of a x a / sqrt(2) along x and y: the smallest slab that is square within 1 %, and two columns a cell."""
COLUMNS_PER_SLAB = 2 * CELLS[0] * CELLS[1]
REPEATS = ("first", "second")
"""Independent simulations of each slab: what they have in common is the column's, not the engine's error."""
# A multiple of both numbers of half cells, so that every column stands in the same way on the pixels.
_PIXELS = 280


@dataclass(frozen=True)
class Slabs:
    """What the slabs are made of.

    Attributes
    ----------
    composition : (5,) mean shares of the elements
    concentration : of the Dirichlet-multinomial columns; infinity draws every atom by itself. Aggregated columns say
        more about what each element scatters, and the fit of the mean does not need the columns of the prior
    displacement_angstrom : root mean square static displacement along each axis
    lattice_constant_angstrom : of the alloy
    source_fwhm_angstrom : Gaussian image of the source that blurs the scan
    """

    composition: tuple[float, ...] = (0.2, 0.2, 0.2, 0.2, 0.2)
    concentration: float = 10.0
    displacement_angstrom: float = 0.06
    lattice_constant_angstrom: float = 3.70
    source_fwhm_angstrom: float = 0.0

    def __post_init__(self) -> None:
        if len(self.composition) != len(ELEMENTS) or abs(sum(self.composition) - 1) > 1e-6:
            raise ValueError(f"composition needs {len(ELEMENTS)} shares that sum to 1, got {self.composition}")
        if min(self.composition) < 0:
            raise ValueError(f"shares must not be negative, got {self.composition}")
        if not (self.concentration > 0 and self.lattice_constant_angstrom > 0):
            raise ValueError(
                f"concentration and lattice constant must be positive, got {self.concentration} and "
                f"{self.lattice_constant_angstrom}"
            )
        if not (self.displacement_angstrom >= 0 and self.source_fwhm_angstrom >= 0):
            raise ValueError(
                f"displacement and source size must not be negative, got {self.displacement_angstrom} and "
                f"{self.source_fwhm_angstrom} Angstrom"
            )

    @property
    def side_angstrom(self) -> float:
        """Side of the square slab; the area of a column is the crystal's, its sides are off by half a per cent."""
        return float(self.lattice_constant_angstrom * np.sqrt(CELLS[0] * CELLS[1] / np.sqrt(2)))


@dataclass(frozen=True)
class Slab:
    """Columns of one total, drawn.

    Attributes
    ----------
    order : (columns, total) index into ``ELEMENTS`` along the beam
    positions : (columns, total, 3) Angstrom in field coordinates, z from 0
    """

    order: npt.NDArray[np.int8]
    positions: FloatArray


def places(side_angstrom: float) -> FloatArray:
    """(columns, 2) x and y of the columns in Angstrom."""
    corners = np.indices(CELLS).reshape(2, -1).T + 0.25
    return np.stack([corners, corners + 0.5], axis=1).reshape(-1, 2) * side_angstrom / CELLS


def draw_slab(total: int, slabs: Slabs, rng: np.random.Generator) -> Slab:
    """Draw species and displacements of a slab.

    Raises
    ------
    ValueError : total below 1
    """
    if total < 1:
        raise ValueError(f"a column needs one atom or more, got a total of {total}")
    if np.isinf(slabs.concentration):
        shares = np.broadcast_to(slabs.composition, (COLUMNS_PER_SLAB, len(ELEMENTS)))
    else:
        # A vanishing parameter would make the Dirichlet draw all zeros.
        alpha = np.maximum(slabs.concentration * np.array(slabs.composition), 1e-3)
        shares = rng.dirichlet(alpha, size=COLUMNS_PER_SLAB)
    limits = np.cumsum(shares, axis=1)[:, None, :]
    uniform = rng.random((COLUMNS_PER_SLAB, total, 1)) * limits[:, :, -1:]
    order = (uniform >= limits).sum(axis=2).astype(np.int8)

    period = slabs.lattice_constant_angstrom / np.sqrt(2)
    lateral = np.repeat(places(slabs.side_angstrom)[:, None, :], total, axis=1)
    # The column in the middle of a cell stands half a period deeper.
    depth = np.add.outer(np.arange(COLUMNS_PER_SLAB) % 2 / 2, np.arange(total)) * period
    positions = np.concatenate([lateral, depth[..., None]], axis=2)
    positions += slabs.displacement_angstrom * rng.normal(size=positions.shape)
    positions[..., :2] %= slabs.side_angstrom
    positions[..., 2] -= positions[..., 2].min()
    return Slab(order, positions)


def simulate_slab(
    slab: Slab, slabs: Slabs, microscope: Microscope, *, settings: params.Simulate, rng: np.random.Generator
) -> pd.DataFrame:
    """Image a slab twice and integrate its columns.

    Parameters
    ----------
    settings : ``thermal``, ``slice_angstrom``; the box is the slab, so that the margin does not count
    rng : seeds the engine

    Returns
    -------
    one row a column: ``total``, a count per element, ``near_`` counts per element of the six neighbours together,
    ``first_square_angstrom`` and ``second_square_angstrom``, the scattering cross-sections of the two simulations
    """
    # With what it needs, abTEM, which reading a library does not.
    from heamap.imaging import thermal

    side = slabs.side_angstrom
    base = params.Base(seed=int(rng.integers(2**31)), pixels=_PIXELS, sampling_angstrom=side / _PIXELS)
    columns, total = slab.order.shape
    counts = (slab.order[:, :, None] == np.arange(len(ELEMENTS))).sum(axis=1)
    table = pd.DataFrame(counts, columns=list(ELEMENTS))
    table.insert(0, "total", total)
    near = _neighbours(side) @ counts
    table[[f"near_{symbol}" for symbol in ELEMENTS]] = near
    for sample, repeat in enumerate(REPEATS):
        image = thermal.expose(
            slab.order.reshape(columns * total),
            slab.positions.reshape(columns * total, 3),
            microscope,
            base,
            settings,
            sample,
            periodic=True,
        ).image
        table[f"{repeat}_square_angstrom"] = _integrate(image, slabs)
    return table


Job = tuple[int, np.random.Generator]
"""Total of a slab, and what it draws from."""


def simulate_library(
    totals: Sequence[int],
    columns: int,
    slabs: Slabs,
    microscope: Microscope,
    *,
    settings: params.Simulate,
    rng: np.random.Generator,
    spread: Callable[[Callable[[Job], pd.DataFrame], Iterable[Job]], Iterable[pd.DataFrame]] = map,
) -> pd.DataFrame:
    """Simulate slabs of every total.

    Parameters
    ----------
    totals : atoms in a column
    columns : of each total at least; slabs of 70 columns are added, two or more, until they suffice
    rng : every slab draws from its own child of it
    spread : applies a function to every slab, in order, as ``map`` does; a pool's spreads them over processes

    Returns
    -------
    as ``simulate_slab``, with ``slab``, its number
    """
    number = max(-(-columns // COLUMNS_PER_SLAB), 2)
    every = [total for total in totals for _ in range(number)]
    jobs = list(zip(every, rng.spawn(len(every)), strict=True))
    work = partial(_simulate_job, slabs=slabs, microscope=microscope, settings=settings)
    tables = tqdm(spread(work, jobs), total=len(jobs), desc="columns", unit="slab", disable=None)
    return pd.concat([table.assign(slab=index) for index, table in enumerate(tables)], ignore_index=True)


def _simulate_job(job: Job, slabs: Slabs, microscope: Microscope, settings: params.Simulate) -> pd.DataFrame:
    total, rng = job
    return simulate_slab(draw_slab(total, slabs, rng), slabs, microscope, settings=settings, rng=rng)


def _integrate(image: npt.NDArray[np.floating], slabs: Slabs) -> FloatArray:
    sampling = slabs.side_angstrom / _PIXELS
    rim = int(np.ceil((COLUMN_RADIUS_ANGSTROM + 2 * slabs.source_fwhm_angstrom) / sampling))
    around = np.pad(image, rim, mode="wrap")
    if slabs.source_fwhm_angstrom:
        around = effects.source_size(around, fwhm_angstrom=slabs.source_fwhm_angstrom, sampling_angstrom=sampling)
    cols, rows = places(slabs.side_angstrom).T / sampling + rim
    return column_intensities(around, rows, cols, sampling)


def _neighbours(side_angstrom: float) -> IntArray:
    """(columns, columns) 1 where a column is one of the six nearest of another, 0 elsewhere."""
    xy = places(side_angstrom)
    # The column itself comes first; the seventh is an Angstrom further off than the sixth.
    nearest = np.asarray(KDTree(xy, boxsize=np.full(2, side_angstrom)).query(xy, k=7)[1])[:, 1:]
    matrix = np.zeros((len(xy), len(xy)), dtype=np.int64)
    np.put_along_axis(matrix, nearest, 1, axis=1)
    return matrix
