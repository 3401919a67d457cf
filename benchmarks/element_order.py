"""Does the order of atoms in a column change its brightness as much as it should?

    python benchmarks/element_order.py

Fe12 above Pt6 against the reverse, alone in vacuum, under both detectors and both ends of voltage and convergence:
multislice probe by probe, each probe in a phonon configuration of its own, beside the thermal engine.
"""

import time
from itertools import product
from pathlib import Path

import numpy as np
import numpy.typing as npt
import scipy.fft
from particles import LAYER_PAIR_ANGSTROM
from threadpoolctl import threadpool_limits

from heamap import params
from heamap.elements import ELEMENTS
from heamap.imaging import prism, reference, thermal
from heamap.imaging.columns import COLUMN_RADIUS_ANGSTROM
from heamap.imaging.microscope import Microscope
from heamap.imaging.reduction import detector_weights

BASE = params.Base(seed=20110905, pixels=32, sampling_angstrom=0.2)
BOX_ANGSTROM = 12.0
CENTRE_ANGSTROM = BASE.field_angstrom / 2
DETECTORS = ((60.0, 100.0), (70.0, 200.0))
OPTICS = ((180e3, 15.0), (220e3, 20.0))
REPEATS = 24
WAVES = 96
COLUMNS = {"Fe12 above Pt6": ["Fe"] * 12 + ["Pt"] * 6, "Pt6 above Fe12": ["Pt"] * 6 + ["Fe"] * 12}


def probes() -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Pixels of the column up to symmetry, as offsets from it (n, 2), and how many each stands for (n,)."""
    reach = int(COLUMN_RADIUS_ANGSTROM / BASE.sampling_angstrom)
    every = [
        (abs(x), abs(y))
        for x, y in product(range(-reach, reach + 1), repeat=2)
        if np.hypot(x, y) * BASE.sampling_angstrom < COLUMN_RADIUS_ANGSTROM
    ]
    places, counts = np.unique([sorted(pair) for pair in every], axis=0, return_counts=True)
    return places, counts


def multislice(elements: npt.NDArray[np.int8], optics: Microscope, repeat: int) -> npt.NDArray[np.float64]:
    """Detected fractions (detectors, probes), each probe in a phonon configuration of its own."""
    planned = prism.plan(optics, box_angstrom=BOX_ANGSTROM, interpolation=1)
    points = planned.gpts[0]
    frequency = np.fft.fftfreq(points, BOX_ANGSTROM / points)
    squared = frequency[:, None] ** 2 + frequency**2
    band = squared <= (prism.WAVE_BAND * points / BOX_ANGSTROM / 2) ** 2
    phase = -1j * np.pi * optics.wavelength_angstrom * LAYER_PAIR_ANGSTROM * squared
    propagator = (band * np.exp(phase)).astype(np.complex64)
    step = 1e3 * optics.wavelength_angstrom / BOX_ANGSTROM
    angle = 1e3 * optics.wavelength_angstrom * np.sqrt(squared)
    aperture = np.clip((optics.semiangle_mrad - angle) / step + 0.5, 0, 1)
    # As bright in the middle as a sharp aperture's probe; its tails beyond the box would fall into vacuum.
    aperture *= points / np.sqrt(aperture.sum())
    weights = [np.fft.ifftshift(detector_weights(points, step, detector)) for detector in DETECTORS]
    still = prism.atoms_at_rest(planned)
    places, _ = probes()
    seen = np.empty((len(DETECTORS), len(places)))
    for number, (x, y) in enumerate((places * BASE.sampling_angstrom + BOX_ANGSTROM / 2).tolist()):
        moved = BOX_ANGSTROM / 2 + reference.displacements(
            elements, seed=BASE.seed, sample=number, configuration=repeat
        )
        transmissions = still.transmissions(elements, moved, np.arange(len(elements)))
        turn_x, turn_y = (np.exp(-2j * np.pi * place * frequency) for place in (x, y))
        wave = (aperture * turn_x[:, None] * turn_y).astype(np.complex64)
        for transmission in transmissions:
            wave = scipy.fft.fft2(scipy.fft.ifft2(wave, workers=1) * transmission, workers=1) * propagator
        seen[:, number] = [(np.abs(wave) ** 2 * weight).sum() / points**2 for weight in weights]
    return seen


def thermal_image(elements: npt.NDArray[np.int8], optics: Microscope) -> npt.NDArray[np.float32]:
    """The thermal engine's image of the column in the middle of its field."""
    heights = LAYER_PAIR_ANGSTROM * np.arange(len(elements))
    positions = np.column_stack([np.full((len(elements), 2), CENTRE_ANGSTROM), heights])
    settings = params.Simulate(
        engine="thermal",
        reference_share=0.0,
        microscope=params.load(Path("params.yaml")).simulate.microscope,
        detector_mrad=(optics.detector_inner_mrad, optics.detector_outer_mrad),
        slice_angstrom=LAYER_PAIR_ANGSTROM,
        margin_angstrom=BOX_ANGSTROM / 2,
        workers=1,
        reference=params.Reference(configurations=1, window_angstrom=BOX_ANGSTROM),
        thermal=params.Thermal(window_angstrom=BOX_ANGSTROM, waves=WAVES),
    )
    return thermal.simulate(elements, positions, optics, base=BASE, settings=settings, sample=0).image


def thermal_column(image: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """The image at the probes' places, each the mean of its equals by symmetry."""
    middle = round(CENTRE_ANGSTROM / BASE.sampling_angstrom)
    turned = [np.rot90(part, turns) for turns in range(4) for part in (around(image, middle), around(image, middle).T)]
    mean = np.mean(turned, axis=0)
    places, _ = probes()
    half = len(mean) // 2
    return mean[half + places[:, 0], half + places[:, 1]]


def around(image: npt.NDArray[np.floating], middle: int) -> npt.NDArray[np.floating]:
    """The pixels around the column, an odd number a side."""
    return image[middle - 6 : middle + 7, middle - 6 : middle + 7]


def compare(energy_ev: float, semiangle_mrad: float) -> None:
    """Print the rows of one microscope."""
    _, counts = probes()
    started = time.perf_counter()
    wide = Microscope(energy_ev, semiangle_mrad, 0.0, 0.0, 0.0, 0.0, *DETECTORS[1])
    columns = {name: np.array([ELEMENTS.index(symbol) for symbol in order], np.int8) for name, order in COLUMNS.items()}
    # (orders, repeats, detectors, probes)
    exact = np.stack(
        [[multislice(elements, wide, repeat) for repeat in range(REPEATS)] for elements in columns.values()]
    )
    seconds = time.perf_counter() - started
    for index, detector in enumerate(DETECTORS):
        optics = Microscope(energy_ev, semiangle_mrad, 0.0, 0.0, 0.0, 0.0, *detector)
        started = time.perf_counter()
        ours = np.stack([thermal_column(thermal_image(elements, optics)) for elements in columns.values()])
        took = time.perf_counter() - started
        for what, weight in (("on the column", (counts == 1) * 1.0), ("integrated", counts * 1.0)):
            sums = exact[:, :, index] @ weight
            mean, error = sums.mean(axis=1), sums.std(axis=1, ddof=1) / np.sqrt(REPEATS)
            effect = mean[0] / mean[1] - 1
            unsure = (1 + effect) * np.hypot(*(error / mean))
            seen = ours @ weight
            print(
                f"| {energy_ev / 1e3:.0f}, {semiangle_mrad:.0f} | {detector[0]:.0f}-{detector[1]:.0f} | {what} | "
                f"{100 * effect:+.1f} ± {100 * unsure:.1f} % | {100 * (seen[0] / seen[1] - 1):+.1f} % | "
                f"{seen[0] / mean[0]:.3f}, {seen[1] / mean[1]:.3f} | {seconds:.0f}, {took:.0f} |",
                flush=True,
            )


def main() -> None:
    print("| kV, mrad | detector | where | multislice | thermal | thermal over multislice | seconds |")
    print("|---|---|---|---|---|---|---|")
    with threadpool_limits(limits=1):
        for energy_ev, semiangle_mrad in OPTICS:
            compare(energy_ev, semiangle_mrad)


if __name__ == "__main__":
    main()
