"""Error of the reference engine against multislice, one setting varied at a time.

    python benchmarks/reference_error.py            # tables in Markdown, about 20 minutes on one core

Two particles at rest, each displaced by one phonon configuration. The truth is multislice of one probe after the other,
without PRISM: slices of one layer, the grid of a 200 mrad detector, a margin of 8 Angstrom, an aperture with a sharp
edge. Column-integrated intensity is the sum over each column's Voronoi cell within 1.13 Angstrom
(``heamap.imaging.columns``).
"""

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import scipy.fft
from particles import LAYER_PAIR_ANGSTROM, Particle, ellipsoid
from threadpoolctl import threadpool_limits

from heamap import params
from heamap.imaging import prism, reference, tails
from heamap.imaging.columns import COLUMN_RADIUS_ANGSTROM, column_intensities
from heamap.imaging.microscope import Microscope
from heamap.imaging.reduction import detector_weights, scan_box
from heamap.imaging.scan import read_field
from heamap.imaging.slicing import slab

Image = npt.NDArray[np.floating]
Truth = dict[tuple[float, float], Image]

BASE = params.Base(seed=1, pixels=40, sampling_angstrom=0.3)
FIELD = BASE.field_angstrom
NARROW, WIDE = (60.0, 95.0), (70.0, 200.0)
TRUE_MARGIN = 8.0
LAYER = LAYER_PAIR_ANGSTROM / 2
GROUPS = ((1, 4), (5, 9), (10, 13), (14, 20))


def microscope(detector: tuple[float, float]) -> Microscope:
    """Without aberrations."""
    return Microscope(200e3, 18.0, 0.0, 0.0, 0.0, 0.0, *detector)


@dataclass(frozen=True)
class Settings:
    """Of one PRISM image; what a row varies."""

    detector: tuple[float, float] = NARROW
    interpolation: int = 2
    margin: float = 6.0
    oversampling: float = 1.0
    slice: float = LAYER_PAIR_ANGSTROM
    band: float = prism.WAVE_BAND
    restored: bool = True

    @property
    def box(self) -> float:
        """Side of the periodic box."""
        return FIELD + 2 * self.margin


def towards_the_edge(particle: Particle) -> Particle:
    """The particle moved so that the field sees its axis, its edge and some vacuum."""
    return replace(particle, positions=particle.positions + np.array([6.0, 4.0, 0.0]))


@dataclass(frozen=True)
class Sliced:
    """What of a particle, displaced by a phonon configuration, lies in the box around the field.

    Attributes
    ----------
    elements, positions, slices : of each atom, x and y in the box
    ways : to each slice from the one before
    """

    elements: npt.NDArray[np.int8]
    positions: npt.NDArray[np.float64]
    slices: npt.NDArray[np.intp]
    ways: npt.NDArray[np.float64]


def sliced(particle: Particle, *, margin: float, thickness: float, configuration: int) -> Sliced:
    """The atoms of the box around the field, cut into slices."""
    box = FIELD + 2 * margin
    inside = np.all(np.abs(particle.positions[:, :2] - FIELD / 2) < box / 2, axis=1)
    moved = particle.positions[:, :2] + reference.displacements(
        particle.elements, seed=BASE.seed, sample=0, configuration=configuration
    )
    atoms = slab(particle.elements, particle.positions, thickness_angstrom=thickness, top_angstrom=0.0)
    slices = atoms.slices[inside]
    ways = np.diff(atoms.depths_angstrom[: slices.max() + 1], prepend=0.0)
    return Sliced(particle.elements[inside], moved[inside] + margin, slices, ways)


def multislice(
    particle: Particle, *, optics: Microscope, margin: float, thickness: float, oversampling: float, edge_mrad: float
) -> Truth:
    """The field on both detectors, probe by probe.

    ``edge_mrad`` is the width over which the aperture's amplitude falls from 1 to 0.
    """
    box = FIELD + 2 * margin
    planned = prism.plan(optics, box_angstrom=box, interpolation=1, oversampling=oversampling)
    points = planned.gpts[0]
    atoms = sliced(particle, margin=margin, thickness=thickness, configuration=0)
    transmissions = prism.atoms_at_rest(planned).transmissions(atoms.elements, atoms.positions, atoms.slices)
    frequency = np.fft.fftfreq(points, box / points)
    squared = frequency[:, None] ** 2 + frequency**2
    band = squared <= (prism.WAVE_BAND * points / box / 2) ** 2
    propagators = [
        (band * np.exp(-1j * np.pi * optics.wavelength_angstrom * way * squared)).astype(np.complex64)
        for way in atoms.ways
    ]
    angle = 1e3 * optics.wavelength_angstrom * np.sqrt(squared)
    aperture = np.clip((optics.semiangle_mrad - angle) / edge_mrad + 0.5, 0, 1).astype(np.complex64)
    aperture *= points / np.sqrt((np.abs(aperture) ** 2).sum())
    pixel_mrad = 1e3 * optics.wavelength_angstrom / box
    weights = {
        detector: np.fft.ifftshift(detector_weights(points, pixel_mrad, detector)) for detector in (NARROW, WIDE)
    }
    images: Truth = {detector: np.empty((BASE.pixels, BASE.pixels)) for detector in weights}
    turns = np.exp(-2j * np.pi * np.outer(margin + np.arange(BASE.pixels) * BASE.sampling_angstrom, frequency))
    turns = turns.astype(np.complex64)
    for row, along_y in enumerate(turns):
        for col, along_x in enumerate(turns):
            wave = aperture * along_x[:, None] * along_y
            for transmission, propagator in zip(transmissions, propagators, strict=True):
                wave *= propagator
                wave = scipy.fft.ifft2(wave, overwrite_x=True, workers=1)
                wave *= transmission
                wave = scipy.fft.fft2(wave, overwrite_x=True, workers=1)
            power = np.abs(wave) ** 2 * band
            for detector, weight in weights.items():
                images[detector][row, col] = (power * weight).sum() / points**2
    return images


def engine(particle: Particle, settings: Settings, configuration: int = 0) -> tuple[Image, float]:
    """The field as the reference engine makes it, and its seconds."""
    optics = microscope(settings.detector)
    started = time.process_time()
    planned = prism.plan(
        optics, box_angstrom=settings.box, interpolation=settings.interpolation, oversampling=settings.oversampling
    )
    atoms = sliced(particle, margin=settings.margin, thickness=settings.slice, configuration=configuration)
    matrix = prism.scattering_matrix(
        prism.atoms_at_rest(planned).transmissions(atoms.elements, atoms.positions, atoms.slices),
        planned,
        slice_angstrom=np.append(atoms.ways[1:], 0.0),
        entrance_angstrom=float(atoms.ways[0]),
        band=settings.band,
    )
    scan = scan_box(matrix, optics)
    if settings.restored:
        scan = tails.restore(scan, optics, box_angstrom=settings.box, interpolation=settings.interpolation, alone=False)
    return read_field(scan, base=BASE, margin_angstrom=settings.margin), time.process_time() - started


def columns_of(image: Image, particle: Particle) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Integrated intensities of the columns whose whole disc is in the field, and their atoms."""
    cols, rows = (particle.centres / BASE.sampling_angstrom).T
    intensities = column_intensities(image, rows, cols, BASE.sampling_angstrom)
    inside = np.all(np.abs(particle.centres - FIELD / 2) < FIELD / 2 - COLUMN_RADIUS_ANGSTROM, axis=1)
    return intensities[inside], particle.totals[inside]


def rms(values: Image) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


ROWS = (
    *((f"f = {f}", Settings(interpolation=f)) for f in (2, 3, 4, 5)),
    *((f"f = {f}, tails not restored", Settings(interpolation=f, restored=False)) for f in (2, 3, 4)),
    *((f"margin {margin:g} Å", Settings(margin=margin)) for margin in (3.0, 4.5, 8.0)),
    *((f"grid {over:g} times as fine", Settings(oversampling=over)) for over in (0.8, 1.25, 1.6)),
    *((f"slices of {layers:g} layers", Settings(slice=layers * LAYER)) for layers in (1, 1.5, 3)),
    *((f"waves to {band:.2f} of Nyquist", Settings(band=band)) for band in (2 / 3, 0.8)),
    *((f"70-200 mrad, f = {f}", Settings(detector=WIDE, interpolation=f)) for f in (2, 3, 4)),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configurations", type=int, default=8, help="for the scatter of one configuration")
    arguments = parser.parse_args()
    with threadpool_limits(limits=1):
        particles = [
            towards_the_edge(ellipsoid(seed, width_angstrom=24.0, height_angstrom=height, field_angstrom=FIELD))
            for seed, height in ((21, 26.0), (22, 46.0))
        ]
        started = time.process_time()
        truths = [
            multislice(
                particle,
                optics=microscope(WIDE),
                margin=TRUE_MARGIN,
                thickness=LAYER,
                oversampling=1.0,
                edge_mrad=1e-6,
            )
            for particle in particles
        ]
        atoms = [columns_of(truth[NARROW], particle)[1] for truth, particle in zip(truths, particles, strict=True)]
        print(
            f"Truth: {time.process_time() - started:.0f} CPU s; columns of "
            + " and ".join(f"{counts.min()}-{counts.max()} atoms ({len(counts)})" for counts in atoms)
        )
        print("\n| | points | beams | window | CPU s | ratio | columns, r.m.s. | image, r.m.s. |")
        print("|---|---|---|---|---|---|---|---|")
        soft_probe(particles, truths)
        for name, settings in ROWS:
            report(name, settings, particles, truths)
        print("\n| atoms in the column | one configuration's scatter |\n|---|---|")
        scatter(particles, arguments.configurations)


def errors(
    images: list[Image], detector: tuple[float, float], particles: list[Particle], truths: list[Truth]
) -> tuple[str, str, str]:
    """Ratio, error of column-integrated intensity, error of the image: a figure for either particle."""
    ratios, columns, pixels = [], [], []
    for particle, truth, image in zip(particles, truths, images, strict=True):
        ours, theirs = (columns_of(seen, particle)[0] for seen in (image, truth[detector]))
        ratios.append(f"{ours.sum() / theirs.sum():.3f}")
        columns.append(f"{100 * rms(ours - theirs) / rms(theirs):.1f}")
        pixels.append(f"{100 * rms(image - truth[detector]) / rms(truth[detector]):.1f}")
    return ", ".join(ratios), ", ".join(columns) + " %", ", ".join(pixels) + " %"


def soft_probe(particles: list[Particle], truths: list[Truth]) -> None:
    """Multislice of probes whose aperture has the edge of PRISM's with f = 2: what a window does to the probe alone."""
    settings, optics = Settings(), microscope(NARROW)
    started = time.process_time()
    edge = 1e3 * optics.wavelength_angstrom * settings.interpolation / settings.box
    images = [
        multislice(
            particle,
            optics=optics,
            margin=settings.margin,
            thickness=settings.slice,
            oversampling=1.6,
            edge_mrad=edge,
        )[NARROW]
        for particle in particles
    ]
    cells = ["multislice, edge of f = 2", "448", "", "", f"{time.process_time() - started:.0f} both"]
    print("| " + " | ".join([*cells, *errors(images, NARROW, particles, truths)]) + " |", flush=True)


def report(name: str, settings: Settings, particles: list[Particle], truths: list[Truth]) -> None:
    """One row of the engine's."""
    planned = prism.plan(
        microscope(settings.detector),
        box_angstrom=settings.box,
        interpolation=settings.interpolation,
        oversampling=settings.oversampling,
    )
    runs = [engine(particle, settings) for particle in particles]
    cells = [
        name,
        str(planned.gpts[0]),
        str(len(planned)),
        f"{settings.box / settings.interpolation:.1f} Å",
        ", ".join(f"{seconds:.0f}" for _, seconds in runs),
        *errors([image for image, _ in runs], settings.detector, particles, truths),
    ]
    print("| " + " | ".join(cells) + " |", flush=True)


def scatter(particles: list[Particle], configurations: int) -> None:
    """Standard deviation of one configuration's column intensities, by the columns' length."""
    deviations, counts = [], []
    for particle in particles:
        stack = []
        for configuration in range(configurations):
            image, _ = engine(particle, replace(Settings(), interpolation=3), configuration)
            stack.append(columns_of(image, particle)[0])
        deviations.append(np.var(stack, axis=0, ddof=1) / np.mean(stack, axis=0) ** 2)
        counts.append(columns_of(image, particle)[1])
    variance, atoms = np.concatenate(deviations), np.concatenate(counts)
    for low, high in GROUPS:
        members = (atoms >= low) & (atoms <= high)
        if members.any():
            print(f"| {low}-{high} ({members.sum()} columns) | {100 * np.sqrt(variance[members].mean()):.1f} % |")


if __name__ == "__main__":
    main()
