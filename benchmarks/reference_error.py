"""Error of the reference engine against multislice, one setting varied at a time.

    python benchmarks/reference_error.py            # tables in Markdown, about 20 minutes on one core

Two particles at rest, each displaced by one phonon configuration. The truth is multislice of one probe after the other,
without PRISM: slices of one layer, the grid of a 200 mrad detector, a margin of 8 Angstrom. Column-integrated intensity
is the sum over each column's Voronoi cell within 1.13 Angstrom (``heamap.imaging.columns``).
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
from heamap.imaging import prism, reference
from heamap.imaging.columns import COLUMN_RADIUS_ANGSTROM, column_intensities
from heamap.imaging.microscope import Microscope
from heamap.imaging.potential import scattering_factors, slice_indices, transmission_functions
from heamap.imaging.scan import read_field

Image = npt.NDArray[np.floating]

BASE = params.Base(seed=1, pixels=40, sampling_angstrom=0.3)
FIELD = BASE.field_angstrom
NARROW, WIDE = (60.0, 95.0), (70.0, 200.0)
TRUE_MARGIN, TRUE_SLICE = 8.0, LAYER_PAIR_ANGSTROM / 2
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

    @property
    def box(self) -> float:
        """Side of the periodic box."""
        return FIELD + 2 * self.margin


def towards_the_edge(particle: Particle) -> Particle:
    """The particle moved so that the field sees its axis, its edge and some vacuum."""
    return replace(particle, positions=particle.positions + np.array([4.5, 3.0, 0.0]))


def slices_of(
    particle: Particle, *, margin: float, thickness: float, energy_ev: float, points: int, configuration: int
) -> npt.NDArray[np.complex64]:
    """Transmission functions of the box around the field."""
    box = FIELD + 2 * margin
    inside = np.all(np.abs(particle.positions[:, :2] - FIELD / 2) < box / 2, axis=1)
    moved = particle.positions[:, :2] + reference.displacements(
        particle.elements, seed=BASE.seed, sample=0, configuration=configuration
    )
    return transmission_functions(
        particle.elements[inside],
        moved[inside] + margin,
        slice_indices(particle.positions[:, 2], thickness)[inside],
        scattering_factors(box),
        energy_ev=energy_ev,
        box_angstrom=box,
        points=points,
    )


def multislice(particle: Particle) -> dict[tuple[float, float], Image]:
    """The field on both detectors, probe by probe."""
    optics = microscope(WIDE)
    box = FIELD + 2 * TRUE_MARGIN
    points = prism.plan(optics, box_angstrom=box, interpolation=1).gpts[0]
    transmissions = slices_of(
        particle,
        margin=TRUE_MARGIN,
        thickness=TRUE_SLICE,
        energy_ev=optics.energy_ev,
        points=points,
        configuration=0,
    )
    frequency = np.fft.fftfreq(points, box / points)
    squared = frequency[:, None] ** 2 + frequency**2
    propagator = np.exp(-1j * np.pi * optics.wavelength_angstrom * TRUE_SLICE * squared).astype(np.complex64)
    propagator[squared > (prism.WAVE_BAND * points / box / 2) ** 2] = 0
    angle = 1e3 * optics.wavelength_angstrom * np.sqrt(squared)
    aperture = (angle <= optics.semiangle_mrad).astype(np.complex64)
    aperture /= np.sqrt(aperture.sum().real) / points
    pixel_mrad = 1e3 * optics.wavelength_angstrom / box
    weights = {
        detector: np.fft.ifftshift(prism.detector_weights(points, pixel_mrad, detector)) for detector in (NARROW, WIDE)
    }
    images = {detector: np.empty((BASE.pixels, BASE.pixels)) for detector in weights}
    turns = np.exp(-2j * np.pi * np.outer(TRUE_MARGIN + np.arange(BASE.pixels) * BASE.sampling_angstrom, frequency))
    turns = turns.astype(np.complex64)
    for row, along_y in enumerate(turns):
        for col, along_x in enumerate(turns):
            wave = aperture * along_x[:, None] * along_y
            for transmission in transmissions:
                wave = scipy.fft.ifft2(wave, overwrite_x=True, workers=1)
                wave *= transmission
                wave = scipy.fft.fft2(wave, overwrite_x=True, workers=1)
                wave *= propagator
            power = np.abs(wave) ** 2
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
    transmissions = slices_of(
        particle,
        margin=settings.margin,
        thickness=settings.slice,
        energy_ev=optics.energy_ev,
        points=planned.gpts[0],
        configuration=configuration,
    )
    matrix = prism.scattering_matrix(transmissions, planned, slice_angstrom=settings.slice, band=settings.band)
    scan = prism.scan_box(matrix, optics)
    return read_field(scan, base=BASE, margin_angstrom=settings.margin), time.process_time() - started


def columns_of(image: Image, particle: Particle) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Integrated intensities of the columns whose whole disc is in the field, and their atoms."""
    intensities = column_intensities(
        image, *(particle.centres[:, axis] / BASE.sampling_angstrom for axis in (1, 0)), BASE.sampling_angstrom
    )
    inside = np.all(np.abs(particle.centres - FIELD / 2) < FIELD / 2 - COLUMN_RADIUS_ANGSTROM, axis=1)
    return intensities[inside], particle.totals[inside]


def rms(values: Image) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


ROWS = (
    ("base", Settings()),
    *((f"f = {f}", Settings(interpolation=f)) for f in (3, 4, 5)),
    *((f"margin {margin:g} A", Settings(margin=margin)) for margin in (3.0, 4.5, 8.0)),
    *((f"grid {over:g} times as fine", Settings(oversampling=over)) for over in (0.8, 1.25, 1.6)),
    *((f"slices of {layers} layers", Settings(slice=layers * TRUE_SLICE)) for layers in (1, 3)),
    *((f"waves to {band:.2f} of Nyquist", Settings(band=band)) for band in (2 / 3, 0.9)),
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
        truths = [multislice(particle) for particle in particles]
        atoms = [columns_of(truth[NARROW], particle)[1] for truth, particle in zip(truths, particles, strict=True)]
        print(
            f"Truth: {time.process_time() - started:.0f} CPU s; columns of "
            + " and ".join(f"{counts.min()}-{counts.max()} atoms ({len(counts)})" for counts in atoms)
        )
        print("\n| | points | beams | CPU s | ratio | columns, r.m.s. | image, r.m.s. |\n|---|---|---|---|---|---|---|")
        for name, settings in ROWS:
            report(name, settings, particles, truths)
        print("\n| atoms in the column | one configuration's scatter |\n|---|---|")
        scatter(particles, arguments.configurations)


def report(
    name: str,
    settings: Settings,
    particles: list[Particle],
    truths: list[dict[tuple[float, float], Image]],
) -> None:
    """One row: each figure for either particle."""
    planned = prism.plan(
        microscope(settings.detector),
        box_angstrom=settings.box,
        interpolation=settings.interpolation,
        oversampling=settings.oversampling,
    )
    seconds, ratios, columns, images = [], [], [], []
    for particle, truth in zip(particles, truths, strict=True):
        image, cost = engine(particle, settings)
        expected = truth[settings.detector]
        ours, theirs = (columns_of(seen, particle)[0] for seen in (image, expected))
        seconds.append(f"{cost:.0f}")
        ratios.append(f"{ours.sum() / theirs.sum():.3f}")
        columns.append(f"{100 * rms(ours - theirs) / rms(theirs):.1f}")
        images.append(f"{100 * rms(image - expected) / rms(expected):.1f}")
    cells = [name, str(planned.gpts[0]), str(len(planned)), *(", ".join(c) for c in (seconds, ratios))]
    cells += [", ".join(figures) + " %" for figures in (columns, images)]
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
