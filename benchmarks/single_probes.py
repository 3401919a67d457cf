"""The thermal engine beside multislice of single probes, with nothing of PRISM in it.

    python benchmarks/single_probes.py D --rounds 288    # 5 to 15 minutes on one core

Probes are sent one by one, on a grid finer than the engines', nine of them 4.8 Angstrom apart through one phonon
configuration and another nine through the next. The box is twice that of the engines, with vacuum around: so the
aperture's edge is sharp, and the probe's tails are there. The thermal engine's image is read at the same pixels.
"""

import argparse
import time
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import scipy.fft
from particles import LAYER_PAIR_ANGSTROM
from thermal_cases import BASE, CASES, DETECTORS, FIELD_ANGSTROM, MARGIN_ANGSTROM, Case
from thermal_engine import BOX_ANGSTROM, thermal_image
from threadpoolctl import threadpool_limits

from heamap.imaging import prism, reference
from heamap.imaging.reduction import detector_weights
from heamap.imaging.slicing import slab

OVERSAMPLING = 1.2
WIDENING = 2
APART = 24
"""Pixels between the probes that share a configuration."""
FIRST = 1000
"""Number of the first configuration: none is one of the reference's."""
GROUPS = (0.0, 0.5, 0.8, 0.95, 1.0)
"""Quantiles of brightness between which the engines are compared."""


def pixels_of(rounds: int, seed: int) -> npt.NDArray[np.int64]:
    """Rows and columns of the probes, (rounds, probes, 2); no pixel comes twice."""
    corners = np.stack(np.divmod(np.random.default_rng(seed).permutation(APART**2)[:rounds], APART), axis=1)
    every = np.arange(0, BASE.pixels, APART)
    return corners[:, None] + np.stack(np.meshgrid(every, every, indexing="ij"), axis=-1).reshape(-1, 2)


def multislice(case: Case, detector: tuple[float, float], pixels: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Detected fractions of the beam (rounds, probes), every round in a phonon configuration of its own."""
    particle, optics = case.particle, case.microscope(detector)
    planned = prism.plan(optics, box_angstrom=BOX_ANGSTROM, interpolation=1, oversampling=OVERSAMPLING)
    inner = planned.gpts[0]
    points, box = WIDENING * inner, WIDENING * BOX_ANGSTROM
    frequency = np.fft.fftfreq(points, box / points)
    squared = frequency[:, None] ** 2 + frequency**2
    inside = np.all(np.abs(particle.positions[:, :2] - FIELD_ANGSTROM / 2) < BOX_ANGSTROM / 2, axis=1)
    atoms = slab(particle.elements, particle.positions, thickness_angstrom=LAYER_PAIR_ANGSTROM, top_angstrom=0.0)
    band = squared <= (prism.WAVE_BAND * points / box / 2) ** 2
    phase = -1j * np.pi * optics.wavelength_angstrom * squared
    propagators = [
        (band * np.exp(phase * step)).astype(np.complex64) for step in np.diff(atoms.depths_angstrom, prepend=0.0)
    ]
    step = optics.wavelength_angstrom / box
    aperture = np.clip(
        (1e-3 * optics.semiangle_mrad - optics.wavelength_angstrom * np.sqrt(squared)) / step + 0.5, 0, 1
    )
    aperture *= points / np.sqrt((aperture**2).sum())
    weights = band * np.fft.ifftshift(detector_weights(points, 1e3 * step, detector)) / points**2
    still = prism.atoms_at_rest(planned)
    vacuum = (WIDENING - 1) * inner // 2
    seen = np.empty(pixels.shape[:2])
    for number, probes in enumerate(pixels):
        moved = particle.positions[:, :2] + reference.displacements(
            particle.elements, seed=BASE.seed, sample=case.seed, configuration=FIRST + number
        )
        slices = still.transmissions(particle.elements[inside], moved[inside] + MARGIN_ANGSTROM, atoms.slices[inside])
        rim = [(0, 0), (vacuum, points - inner - vacuum), (vacuum, points - inner - vacuum)]
        slices = np.pad(slices, rim, constant_values=1)
        corner = MARGIN_ANGSTROM + vacuum * BOX_ANGSTROM / inner
        for place, (row, col) in enumerate(probes * BASE.sampling_angstrom + corner):
            turned = np.exp(-2j * np.pi * frequency * col)[:, None] * np.exp(-2j * np.pi * frequency * row)
            wave = (aperture * turned).astype(np.complex64)
            for transmission, propagator in zip(slices, propagators, strict=True):
                wave *= propagator
                wave = scipy.fft.ifft2(wave, workers=1, overwrite_x=True)
                wave *= transmission
                wave = scipy.fft.fft2(wave, workers=1, overwrite_x=True)
            seen[number, place] = ((wave.real**2 + wave.imag**2) * weights).sum()
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("case", choices=[case.name for case in CASES])
    parser.add_argument("--detector", type=int, choices=[0, 1], default=0, help="60-100 or 70-200 mrad")
    parser.add_argument("--rounds", type=int, default=288, help="of nine probes, at most 576")
    parser.add_argument("--waves", type=int, default=96, help="of the thermal engine")
    arguments = parser.parse_args()
    case = next(case for case in CASES if case.name == arguments.case)
    detector = DETECTORS[arguments.detector]
    pixels = pixels_of(arguments.rounds, case.seed)
    with threadpool_limits(limits=1):
        simulated, seconds = thermal_image(case, detector, arguments.waves)
        started = time.process_time()
        exact = multislice(case, detector, pixels)
        print(f"thermal {seconds:.0f} s, own error {simulated.relative_error:.3f}; ", end="")
        print(f"multislice {time.process_time() - started:.0f} s, {exact.size} probes")
    found = simulated.image[pixels[..., 0], pixels[..., 1]]
    ratio = found.sum() / exact.sum()
    error = (found - ratio * exact).sum(axis=1).std(ddof=1) * np.sqrt(len(exact)) / exact.sum()
    print(
        f"case {case.name}, {detector[0]:.0f}-{detector[1]:.0f} mrad: "
        f"thermal over multislice {ratio:.4f} +- {error:.4f}"
    )
    edges = np.quantile(found, GROUPS)
    for low, high in pairwise(edges):
        some = (found >= low) & (found <= high)
        unsure = (found - exact)[some].std(ddof=1) / np.sqrt(some.sum()) / exact[some].mean()
        print(f"  pixels of {low:.4f} to {high:.4f}: {found[some].sum() / exact[some].sum():.3f} +- {unsure:.3f}")


if __name__ == "__main__":
    main()
