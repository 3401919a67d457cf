"""Maxima that were counted and are no columns: in connected vacuum, off the lattice, or without contrast."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from heamap.contract import Contract
from heamap.domain.column_lattice import fit_column_lattice
from heamap.elements import ATOMIC_NUMBERS
from heamap.evaluation.counter import Counter
from heamap.evaluation.light import EXPONENT
from heamap.evaluation.readout import THRESHOLD_ATOMS
from heamap.evaluation.surroundings import Read
from heamap_serving import scratch
from heamap_serving.background import Background
from heamap_serving.columns import Maps, count

Flags = npt.NDArray[np.bool_]
Values = npt.NDArray[np.float64]

PEAK_RADII_ANGSTROM, RING_ANGSTROM = (0.2, 0.4), 1.15
"""Circles around a column that its brightness is the mean of, and the circle half way to its nearest neighbours, whose
darker half is what it stands out from: neighbours brighten the other."""

POINTS = 16
"""Of each circle."""

LEAST_CONTRAST = 0.4
"""Of what a column's atoms should stand out by, by all columns together. Of 8,855 true columns as trained, of 1 to 29
atoms, none has less than .47, of 8,844 at a tenth of training's dose two; of false ones on a bright, uneven support
half have."""

WEAK_SHARE = 0.5
"""Of the contrast of the middle one of the columns on the lattice: what is off it and stands out no more goes. What
stands out more is a column of a defect, or of a particle of its own."""

LEAST_ON_LATTICE = 0.5
"""Of the maxima: where fewer lie on a lattice, it is no judge of the rest."""

DOUBTFUL_SHARE, DOUBTFUL_NUMBER = 0.05, 4
"""Of what was counted, gone or off the lattice: more is more than the halves of columns at an image's border."""

BAND_PIXELS = 2**21
"""Pixels that are read at a time."""


@dataclass(frozen=True)
class Checked:
    """Which of n counted maxima are columns.

    Attributes
    ----------
    real : (n,)
    in_vacuum, off_lattice, faint : how many are none for lying in vacuum, for being weak and off the lattice, and for
        standing out too little; each counts once, in this order
    """

    real: Flags
    in_vacuum: int = 0
    off_lattice: int = 0
    faint: int = 0

    @property
    def doubts(self) -> tuple[str, ...]:
        """One line, where many are none."""
        false = len(self.real) - int(self.real.sum())
        if false < DOUBTFUL_NUMBER or false <= DOUBTFUL_SHARE * len(self.real):
            return ()
        return (
            f"{false} of {len(self.real)} maxima are no columns ({self.in_vacuum} in vacuum, {self.off_lattice} off "
            f"the lattice, {self.faint} without contrast) and were left out: noise, an uneven support or contamination",
        )

    def to_dict(self) -> dict[str, int]:
        """For provenance."""
        return {"in_vacuum": self.in_vacuum, "off_lattice": self.off_lattice, "without_contrast": self.faint}


def count_columns(
    maps: Maps,
    maxima: Values,
    *,
    counter: Counter,
    read: Read,
    background: Background,
    contract: Contract,
) -> tuple[Values, Values, Checked]:
    """The columns among the maxima, and their counts; what is counted and no column goes, and the rest is read again.

    Parameters
    ----------
    maps : (rows, cols, 5) atoms
    maxima : (n, 2) row and column in pixels
    read : of the image as the network sees it
    background : what was taken off, and where there is vacuum

    Returns
    -------
    positions (m, 2), counts (m, 5), and what became of what was counted first
    """
    shape = (maps.shape[0], maps.shape[1])
    positions, counts = count(maps, maxima, counter=counter, read=read, threshold=THRESHOLD_ATOMS)
    checked = check_columns(read, shape, positions, counts, background=background, contract=contract)
    if not checked.real.all():
        real = positions[checked.real]
        positions, counts = count(maps, real, counter=counter, read=read, threshold=THRESHOLD_ATOMS)
    return positions, counts, checked


def check_columns(
    read: Read, shape: tuple[int, int], positions: Values, counts: Values, *, background: Background, contract: Contract
) -> Checked:
    """Which of the counted maxima are columns.

    Parameters
    ----------
    read : of the image as the network sees it
    shape : of that image
    positions : (n, 2) row and column in pixels
    counts : (n, 5) atoms
    background : what was taken off, and where there is vacuum
    """
    if contract.background is None or len(positions) < 2:
        return Checked(np.ones(len(positions), np.bool_))
    vacuum = background.in_vacuum(positions)
    stand_out = contrasts(read, shape, positions, sampling_angstrom=contract.sampling_angstrom)
    away = _off_lattice(positions * contract.sampling_angstrom, contract)
    usual = float(np.median(stand_out[~away & ~vacuum])) if (~away & ~vacuum).any() else math.inf
    away &= ~vacuum & (stand_out < WEAK_SHARE * usual)
    faint = ~vacuum & ~away & _faint(stand_out, counts, ~vacuum & ~away)
    return Checked(~(vacuum | away | faint), int(vacuum.sum()), int(away.sum()), int(faint.sum()))


def contrasts(read: Read, shape: tuple[int, int], positions: Values, *, sampling_angstrom: float) -> Values:
    """By how much columns (n,) are brighter than the darker half of a ring around them, in the image's unit.

    Parameters
    ----------
    read, shape : of the image
    positions : (n, 2) row and column in pixels; beyond the border the border counts
    """
    angles = 2 * np.pi * np.arange(POINTS) / POINTS
    circle = np.stack([np.sin(angles), np.cos(angles)], axis=1) / sampling_angstrom
    points = np.concatenate([radius * circle for radius in (*PEAK_RADII_ANGSTROM, RING_ANGSTROM)])
    reach = math.ceil(RING_ANGSTROM / sampling_angstrom) + 1
    found = np.empty(len(positions))
    for start, stop in scratch.row_bands(shape, BAND_PIXELS):
        inside = np.flatnonzero((positions[:, 0] >= start) & (positions[:, 0] < stop))
        if not len(inside):
            continue
        first = max(start - reach, 0)
        part = read(slice(first, min(stop + reach, shape[0])), slice(0, shape[1]))
        places = positions[inside, None, :] + points - np.array([first, 0])
        values = map_coordinates(part, places.reshape(-1, 2).T, output=np.float64, order=1, mode="nearest")
        values = values.reshape(len(inside), -1)
        peak, ring = values[:, :-POINTS], np.sort(values[:, -POINTS:], axis=1)
        found[inside] = peak.mean(axis=1) - ring[:, : POINTS // 2].mean(axis=1)
    return found


def _off_lattice(positions_angstrom: Values, contract: Contract) -> Flags:
    """Positions (n,) off the lattice that most lie on; none where there is no such lattice."""
    lattice = fit_column_lattice(
        positions_angstrom, nearest_distance_angstrom=contract.ranges.nearest_column_angstrom * _MIDDLE
    )
    off = lattice.off_lattice
    return off if off.mean() <= 1 - LEAST_ON_LATTICE else np.zeros(len(off), np.bool_)


_MIDDLE = 1.06
"""Of the training's lattices over the smallest: nearest distances are looked for a fifth around it."""


def _faint(stand_out: Values, counts: Values, judges: Flags) -> Flags:
    """Which (n,) stand out by less than ``LEAST_CONTRAST`` of what their atoms should, by what all judges do."""
    atoms = np.maximum(counts, 0.0) @ np.power(np.asarray(ATOMIC_NUMBERS, np.float64), EXPONENT)
    total = float(atoms[judges].sum())
    together = float(stand_out[judges].sum()) / total if total > 0 else 0.0
    if together <= 0:
        return np.zeros(len(atoms), np.bool_)
    return np.asarray(stand_out < LEAST_CONTRAST * together * atoms)
