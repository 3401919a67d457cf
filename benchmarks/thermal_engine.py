"""Thermal engine against frozen phonons: error at equal cost, on particles that tuned nothing.

    python benchmarks/thermal_engine.py reference   # hours; every finished configuration is kept
    python benchmarks/thermal_engine.py thermal
    python benchmarks/thermal_engine.py compare     # tables, and pictures into --out

The frozen phonons are PRISM's with a window of half the box (interpolation 2): with windows of 8 Angstrom an electron
that leaves at 100 mrad is counted for the wrong probe (docs/benchmarks.md).
"""

import argparse
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from particles import LAYER_PAIR_ANGSTROM
from thermal_cases import BASE, CASES, DETECTORS, FIELD_ANGSTROM, MARGIN_ANGSTROM, WAVES, Case
from thermal_tables import tables
from threadpoolctl import threadpool_limits

from heamap import params
from heamap.imaging import prism, reference, tails, thermal
from heamap.imaging.reduction import scan
from heamap.imaging.scan import positions_along, read_field
from heamap.imaging.simulated import Simulated
from heamap.imaging.slicing import slab

BOX_ANGSTROM = FIELD_ANGSTROM + 2 * MARGIN_ANGSTROM
WINDOW_INTERPOLATION = 2
THERMAL_WINDOW_ANGSTROM = 6.0


def reference_configuration(
    case: Case, configuration: int, detectors: tuple[tuple[float, float], ...] = DETECTORS
) -> tuple[npt.NDArray[np.float64], float]:
    """Images of one phonon configuration on some detectors (n, rows, cols), and the CPU seconds they took together."""
    particle = case.particle
    wide = case.microscope(detectors[-1])
    inside = np.all(np.abs(particle.positions[:, :2] - FIELD_ANGSTROM / 2) < BOX_ANGSTROM / 2, axis=1)
    atoms = slab(particle.elements, particle.positions, thickness_angstrom=LAYER_PAIR_ANGSTROM, top_angstrom=0.0)
    planned = prism.plan(wide, box_angstrom=BOX_ANGSTROM, interpolation=WINDOW_INTERPOLATION)
    started = time.process_time()
    moved = particle.positions[:, :2] + reference.displacements(
        particle.elements, seed=BASE.seed, sample=case.seed, configuration=configuration
    )
    matrix = prism.scattering_matrix(
        prism.atoms_at_rest(planned).transmissions(
            particle.elements[inside], moved[inside] + MARGIN_ANGSTROM, atoms.slices[inside]
        ),
        planned,
        slice_angstrom=np.diff(atoms.depths_angstrom, append=atoms.depths_angstrom[-1]),
        entrance_angstrom=float(atoms.depths_angstrom[0]),
    )
    count = positions_along(BOX_ANGSTROM, wide)
    along = np.arange(count) * BOX_ANGSTROM / count
    images = np.stack(
        [
            read_field(
                tails.restore(
                    whole,
                    wide,
                    box_angstrom=BOX_ANGSTROM,
                    interpolation=WINDOW_INTERPOLATION,
                    alone=bool(inside.all()),
                ),
                base=BASE,
                margin_angstrom=MARGIN_ANGSTROM,
            )
            for whole in scan(matrix, wide, along, along, detectors_mrad=detectors)
        ]
    )
    return images, time.process_time() - started


def run_reference(folder: Path, detectors: int) -> None:
    """Simulate configuration by configuration, all particles abreast, on the first detector or on both."""
    for configuration in range(max(max(case.configurations) for case in CASES)):
        for case in CASES:
            path = folder / f"{case.name}-{configuration}.npz"
            wanted = list(zip(DETECTORS, case.configurations, strict=True))[:detectors]
            chosen = tuple(detector for detector, number in wanted if configuration < number)
            if path.exists() or not chosen:
                continue
            images, seconds = reference_configuration(case, configuration, chosen)
            np.savez(path, images=images, seconds=seconds)
            print(f"{path.name}: {len(images)} detectors, {seconds:.1f} s", flush=True)


def thermal_image(case: Case, detector: tuple[float, float], waves: int) -> tuple[Simulated, float]:
    """The thermal engine's image of the field, and its CPU seconds."""
    particle = case.particle
    started = time.process_time()
    simulated = thermal.simulate(
        particle.elements,
        particle.positions,
        case.microscope(detector),
        base=BASE,
        settings=settings(detector, waves),
        sample=case.seed,
    )
    return simulated, time.process_time() - started


def settings(detector: tuple[float, float], waves: int) -> params.Simulate:
    """The thermal engine's, in the reference's box; PRISM's window for the mean wave is half the box there too."""
    return params.Simulate(
        engine="thermal",
        reference_share=0.0,
        microscope=params.load(Path("params.yaml")).simulate.microscope,
        detector_mrad=detector,
        slice_angstrom=LAYER_PAIR_ANGSTROM,
        margin_angstrom=MARGIN_ANGSTROM,
        workers=1,
        reference=params.Reference(configurations=1, window_angstrom=BOX_ANGSTROM / WINDOW_INTERPOLATION),
        thermal=params.Thermal(window_angstrom=THERMAL_WINDOW_ANGSTROM, waves=waves),
    )


def run_thermal(folder: Path, detectors: int) -> None:
    """Simulate every particle on each detector with each number of waves, and time the reference beside it."""
    for case in CASES:
        for detector in DETECTORS[:detectors]:
            beside = None
            for waves in WAVES:
                path = folder / f"{case.name}-{detector[0]:.0f}-{waves}.npz"
                if path.exists():
                    continue
                if beside is None:
                    _, beside = reference_configuration(case, 0, (detector,))
                simulated, seconds = thermal_image(case, detector, waves)
                np.savez(path, image=simulated.image, seconds=seconds, error=simulated.relative_error, reference=beside)
                print(
                    f"{path.name}: {seconds:.1f} s, own error {simulated.relative_error:.4f}; "
                    f"a configuration of the reference {beside:.1f} s",
                    flush=True,
                )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["reference", "thermal", "compare"])
    parser.add_argument("--work", type=Path, default=Path("data/benchmarks/thermal"), help="finished images")
    parser.add_argument("--out", type=Path, default=Path("plots/benchmarks"), help="pictures")
    parser.add_argument("--detectors", type=int, default=2, choices=[1, 2], help="1: only the first one")
    arguments = parser.parse_args()
    # Images of another version of an engine are never mistaken for this one's.
    references, thermals = (arguments.work / name for name in (reference.ENGINE, thermal.ENGINE))
    for folder in (references, thermals):
        folder.mkdir(parents=True, exist_ok=True)
    with threadpool_limits(limits=1):
        if arguments.what == "reference":
            run_reference(references, arguments.detectors)
        elif arguments.what == "thermal":
            run_thermal(thermals, arguments.detectors)
        else:
            tables(references, thermals, arguments.out)


if __name__ == "__main__":
    main()
