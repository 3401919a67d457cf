"""The thermal engine: the thermally averaged image without sampling frozen phonons probe by probe.

Averaged over independently vibrating atoms, the detected intensity is that of the mean wave plus, atom by atom, of
what the atom's own vibration scatters out of the mean wave for the first time. The first is :mod:`elastic`; the second
a product of the mean wave that reaches the atom (:mod:`incoming`) and of the detected share of what leaves it
(:mod:`outgoing`), whatever happens to it below. The decomposition is exact; sampled are only the directions towards
the detector and the displacements of the atoms below, and the mean over all atoms of a column averages them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap import params
from heamap.elements import ELEMENTS, TABLE
from heamap.errors import InputError
from heamap.imaging import assembly, atomic, box, directions, elastic, incoming, optics, orbitals, outgoing, scan, tails
from heamap.imaging.arrays import Arrays, arrays
from heamap.imaging.directions import Directions
from heamap.imaging.microscope import Microscope
from heamap.imaging.simulated import Simulated
from heamap.imaging.slicing import Slab, slab
from heamap.imaging.wavefield import WAVE_BAND, Wavefield
from heamap.seeds import Stream, generator

ENGINE = "thermal-6"
"""Name and version of the engine; another version makes stored images stale."""

INCOMING_BAND = 4.2
"""Highest frequency of the mean wave above the atoms, per Angstrom."""
OUTGOING_BAND = 1.5
"""Highest angle of the outgoing waves over the detector's outer angle."""
ELASTIC_LIMIT = 0.03
"""The mean wave is not followed to angles where the square of every Debye-Waller factor is below this."""
MAX_BYTES = 1_500_000_000
"""Of waves, slices and what is known of every atom; the process holds .4 GB more."""
_STEPS = 1000


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

    The atoms are cropped laterally to the field and a margin around it (:func:`heamap.imaging.box.margin`); that box is
    periodic. The microscope's aberrations refer to the lowest atom of the whole particle.

    Parameters
    ----------
    elements : (n,) index into ``ELEMENTS``
    positions : (n, 3) Angstrom in field coordinates: x along columns, y along rows, z along the beam
    sample : decides the sampled directions and displacements, with ``base.seed``

    Raises
    ------
    InputError : waves and atoms would not fit in memory
    """
    return expose(elements, positions, microscope, base, settings, sample, periodic=False)


def expose(
    elements: npt.NDArray[np.integer],
    positions: npt.NDArray[np.floating],
    microscope: Microscope,
    base: params.Base,
    settings: params.Simulate,
    sample: int,
    *,
    periodic: bool,
) -> Simulated:
    """As :func:`simulate`, for what lies alone in the field, or goes on beyond it.

    Parameters
    ----------
    periodic : the field is one cell of a crystal: there is no margin, and the probe's tails fall on more of the crystal
        where they leave the field

    Raises
    ------
    InputError : waves and atoms would not fit in memory
    """
    reach = 0.0 if periodic else settings.margin_angstrom
    margin = box.margin(positions, field_angstrom=base.field_angstrom, reach_angstrom=reach)
    side = base.field_angstrom + 2 * margin
    interpolation = box.interpolation_factor(side, settings.thermal.window_angstrom)
    bench = _Bench(arrays(settings.thermal.device), microscope, side, interpolation)
    inside = np.all(np.abs(positions[:, :2] - base.field_angstrom / 2) < side / 2, axis=1)
    band = OUTGOING_BAND * microscope.detector_outer_mrad * 1e-3 / microscope.wavelength_angstrom
    if not inside.any():
        empty = np.zeros((base.pixels, base.pixels), dtype=np.float32)
        return Simulated(empty, 0, interpolation, bench.field(band).pixel_angstrom, float("nan"))
    atoms = slab(
        elements[inside],
        positions[inside] + [margin, margin, 0],
        thickness_angstrom=settings.slice_angstrom,
        top_angstrom=positions[:, 2].min(),
    )
    rng = generator(base.seed, Stream.PHONONS, sample)
    waves = settings.thermal.waves
    sorts = len(np.unique(atoms.elements))
    at_once = _fitting(bench, len(atoms.elements), band, settings.thermal, sorts=sorts)
    halves = bench.thermal(atoms, band, waves, rng, at_once=at_once) + bench.elastic(atoms, waves, rng)
    alone = bool(inside.all()) and not periodic
    whole = [
        tails.restore(half, microscope, box_angstrom=side, interpolation=interpolation, alone=alone) for half in halves
    ]
    fields = np.stack([scan.read_field(half, base=base, margin_angstrom=margin) for half in whole])
    return Simulated(
        image=fields.mean(axis=0).astype(np.float32),
        configurations=waves,
        interpolation=interpolation,
        potential_sampling_angstrom=bench.field(band).pixel_angstrom,
        relative_error=scan.relative_error(fields, sampling_angstrom=base.sampling_angstrom),
    )


def _fitting(bench: "_Bench", atoms: int, band: float, settings: params.Thermal, *, sorts: int = len(ELEMENTS)) -> int:
    """How many outgoing waves at a time fit in memory: all, or a half, a quarter ... of them; all on a card."""
    waves = settings.waves
    if settings.device != "cpu":
        return waves
    for number in (waves, *(-(-waves // parts) for parts in (2, 4, 8))):
        size = bench.needed_bytes(atoms, band, waves, at_once=number, sorts=sorts)
        if size <= MAX_BYTES:
            return number
    raise InputError(
        f"the thermal engine needs {size / 1e9:.2f} GB for this field, more than {MAX_BYTES / 1e9:.2f} GB; lower "
        f"simulate.thermal.waves below {waves}, simulate.thermal.window_angstrom below "
        f"{settings.window_angstrom:g} or simulate.margin_angstrom"
    )


@dataclass(frozen=True)
class _Bench:
    """A box under a microscope.

    Attributes
    ----------
    interpolation : PRISM's
    """

    arrays: Arrays
    microscope: Microscope
    box_angstrom: float
    interpolation: int

    @property
    def count(self) -> int:
        """Scan positions along the box."""
        return scan.positions_along(self.box_angstrom, self.microscope)

    def field(self, band: float) -> Wavefield:
        """A grid for waves up to a frequency."""
        points = scan.smooth(2 * band * self.box_angstrom / WAVE_BAND)
        return Wavefield(
            self.arrays, energy_ev=self.microscope.energy_ev, box_angstrom=self.box_angstrom, points=points
        )

    def needed_bytes(self, atoms: int, band: float, waves: int, *, at_once: int, sorts: int = len(ELEMENTS)) -> int:
        """Memory at the peak: outgoing waves with the slices they share, PRISM's with their integrals, or the elastic
        part's."""
        beams = len(optics.beams(self.microscope, box_angstrom=self.box_angstrom, interpolation=self.interpolation))
        functions, number = len(orbitals.BASIS), np.dtype(np.complex64).itemsize
        arriving = number * beams * (self.field(INCOMING_BAND).points ** 2 + atoms * functions)
        thermal = max(outgoing.needed_bytes(self.field(band), at_once, sorts), arriving)
        thermal += number * 2 * atoms * functions**2
        return max(thermal, number * waves * self._elastic_field(self._rings(vibrating=False)[1]).points ** 2)

    def thermal(
        self, atoms: Slab, band: float, waves: int, rng: np.random.Generator, *, at_once: int
    ) -> npt.NDArray[np.float64]:
        """(2, count, count): what the atoms' vibrations scatter, from either half of the directions."""
        chosen = self._directions(atoms, waves, rng, vibrating=True)
        forms = outgoing.detected(atoms, self.field(band), chosen, rng=rng, at_once=at_once)
        beams = optics.beams(self.microscope, box_angstrom=self.box_angstrom, interpolation=self.interpolation)
        coefficients = incoming.sample(atoms, self.field(INCOMING_BAND), beams)
        return np.stack(
            [
                assembly.image(
                    self.arrays,
                    coefficients,
                    form,
                    beams,
                    atoms.positions,
                    self.microscope,
                    box_angstrom=self.box_angstrom,
                    interpolation=self.interpolation,
                    count=self.count,
                )
                for form in forms
            ]
        )

    def elastic(self, atoms: Slab, waves: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """(2, count, count): what the mean wave scatters, from either half of the directions."""
        chosen = self._directions(atoms, waves, rng, vibrating=False)
        highest = np.hypot(*chosen.waves.T).max() / self.box_angstrom
        edge = self.interpolation * self.microscope.wavelength_angstrom / self.box_angstrom
        return elastic.images(
            atoms, self._elastic_field(highest), chosen, self.microscope, positions=self.count, edge=edge
        )

    def _elastic_field(self, highest: float) -> Wavefield:
        return self.field(OUTGOING_BAND * highest)

    def _rings(self, *, vibrating: bool) -> tuple[float, float]:
        """Lowest and highest frequency towards the detector, per Angstrom, that are followed."""
        edges = np.array([self.microscope.detector_inner_mrad, self.microscope.detector_outer_mrad])
        inner, outer = edges * 1e-3 / self.microscope.wavelength_angstrom
        if not vibrating:
            least = min(element.rms_displacement_angstrom for element in TABLE)
            outer = max(min(outer, np.sqrt(-np.log(ELASTIC_LIMIT)) / (2 * np.pi * least)), 1.05 * inner)
        return inner, outer

    def _directions(self, atoms: Slab, waves: int, rng: np.random.Generator, *, vibrating: bool) -> Directions:
        inner, outer = self._rings(vibrating=vibrating)
        frequencies = np.linspace(inner, outer, _STEPS)
        power = np.abs(atomic.amplitudes(self.microscope.energy_ev, frequencies)) ** 2
        coherent = atomic.debye_waller(frequencies) ** 2
        share = np.bincount(atoms.elements, minlength=len(ELEMENTS)) / len(atoms.elements)
        density = share @ (power * (1 - coherent if vibrating else coherent))
        return directions.sample(density, frequencies, count=waves, box_angstrom=self.box_angstrom, rng=rng)
