"""Thermal engine against frozen phonons: error at equal cost, on particles that tuned nothing.

    python benchmarks/thermal_engine.py reference   # hours; every finished configuration is kept
    python benchmarks/thermal_engine.py thermal
    python benchmarks/thermal_engine.py compare     # tables, and pictures into --out

The frozen phonons are PRISM's with a window of half the box (interpolation 2): with windows of 8 Angstrom an electron
that leaves at 100 mrad is counted for the wrong probe (docs/benchmarks.md).
"""

import argparse
import time
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt
from particles import LAYER_PAIR_ANGSTROM, Particle, ellipsoid
from threadpoolctl import threadpool_limits

from heamap import params
from heamap.imaging import prism, reference, thermal
from heamap.imaging.columns import column_intensities
from heamap.imaging.microscope import Microscope
from heamap.imaging.potential import scattering_factors, transmission_functions
from heamap.imaging.reduction import scan
from heamap.imaging.simulated import Simulated
from heamap.imaging.slicing import slab

FIELD_ANGSTROM, MARGIN_ANGSTROM = 14.4, 6.0
BOX_ANGSTROM = FIELD_ANGSTROM + 2 * MARGIN_ANGSTROM
EDGE_ANGSTROM = 1.2
BASE = params.Base(seed=20110905, pixels=72, sampling_angstrom=0.2)
DETECTORS = ((60.0, 100.0), (70.0, 200.0))
WINDOW_INTERPOLATION = 2
THERMAL_WINDOW_ANGSTROM = 7.5
WAVES = (12, 24, 48)


@dataclass(frozen=True)
class Case:
    """A particle under a microscope."""

    name: str
    seed: int
    width_angstrom: float
    height_angstrom: float
    energy_ev: float
    semiangle_mrad: float

    @property
    def particle(self) -> Particle:
        """The particle in the field."""
        return ellipsoid(
            self.seed,
            width_angstrom=self.width_angstrom,
            height_angstrom=self.height_angstrom,
            field_angstrom=FIELD_ANGSTROM,
        )

    def microscope(self, detector: tuple[float, float]) -> Microscope:
        """Without aberrations."""
        return Microscope(self.energy_ev, self.semiangle_mrad, 0.0, 0.0, 0.0, 0.0, *detector)


# Both ends of the voltage and of the convergence range of params.yaml; columns of 1 to 18 atoms.
CASES = (
    Case("A", 11, 24.0, 46.0, 180e3, 15.0),
    Case("B", 12, 24.0, 46.0, 220e3, 20.0),
    Case("C", 13, 22.0, 26.0, 180e3, 20.0),
    Case("D", 14, 22.0, 26.0, 220e3, 15.0),
)


def reference_configuration(case: Case, configuration: int) -> tuple[npt.NDArray[np.float64], float]:
    """Images of one phonon configuration on both detectors (2, rows, cols), and the seconds they took together."""
    particle = case.particle
    wide = case.microscope(DETECTORS[1])
    inside = np.all(np.abs(particle.positions[:, :2] - FIELD_ANGSTROM / 2) < BOX_ANGSTROM / 2, axis=1)
    atoms = slab(particle.elements, particle.positions, thickness_angstrom=LAYER_PAIR_ANGSTROM, top_angstrom=0.0)
    planned = prism.plan(wide, box_angstrom=BOX_ANGSTROM, interpolation=WINDOW_INTERPOLATION)
    started = time.perf_counter()
    moved = particle.positions[:, :2] + reference.displacements(
        particle.elements, seed=BASE.seed, sample=case.seed, configuration=configuration
    )
    matrix = prism.scattering_matrix(
        transmission_functions(
            particle.elements[inside],
            moved[inside] + MARGIN_ANGSTROM,
            atoms.slices[inside],
            scattering_factors(BOX_ANGSTROM),
            energy_ev=wide.energy_ev,
            box_angstrom=BOX_ANGSTROM,
            points=planned.gpts[0],
        ),
        planned,
        slice_angstrom=np.diff(atoms.depths_angstrom, append=atoms.depths_angstrom[-1]),
        entrance_angstrom=float(atoms.depths_angstrom[0]),
    )
    along = MARGIN_ANGSTROM + np.arange(BASE.pixels) * BASE.sampling_angstrom
    images = scan(matrix, wide, along, along, detectors_mrad=DETECTORS)
    return images.transpose(0, 2, 1), time.perf_counter() - started


def run_reference(folder: Path, configurations: int) -> None:
    """Simulate configuration by configuration, all particles abreast."""
    for configuration in range(configurations):
        for case in CASES:
            path = folder / f"{case.name}-{configuration}.npz"
            if path.exists():
                continue
            images, seconds = reference_configuration(case, configuration)
            np.savez(path, images=images, seconds=seconds)
            print(f"{path.name}: {seconds:.1f} s", flush=True)


def thermal_image(case: Case, detector: tuple[float, float], waves: int) -> tuple[Simulated, float]:
    """The thermal engine's image of the field, and its seconds."""
    particle = case.particle
    started = time.perf_counter()
    simulated = thermal.simulate(
        particle.elements,
        particle.positions,
        case.microscope(detector),
        base=BASE,
        settings=settings(detector, waves),
        sample=case.seed,
    )
    return simulated, time.perf_counter() - started


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


def run_thermal(folder: Path) -> None:
    """Simulate every particle on both detectors with each number of waves."""
    for case in CASES:
        for detector in DETECTORS:
            for waves in WAVES:
                path = folder / f"{case.name}-{detector[0]:.0f}-{waves}w.npz"
                if path.exists():
                    continue
                simulated, seconds = thermal_image(case, detector, waves)
                np.savez(path, image=simulated.image, seconds=seconds, error=simulated.relative_error)
                print(f"{path.name}: {seconds:.1f} s, own error {simulated.relative_error:.4f}", flush=True)


@dataclass(frozen=True)
class Comparison:
    """The columns of one particle on one detector.

    Attributes
    ----------
    references : (configurations, columns) of each phonon configuration
    images : (configurations, rows, cols)
    totals : (columns,) atoms
    """

    references: npt.NDArray[np.float64]
    images: npt.NDArray[np.float64]
    totals: npt.NDArray[np.int64]
    rows: npt.NDArray[np.float64]
    cols: npt.NDArray[np.float64]

    def columns(self, image: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Column-integrated intensities of an image."""
        return column_intensities(image, self.rows, self.cols, BASE.sampling_angstrom)


def comparison(case: Case, detector: int, folder: Path) -> Comparison:
    """Read the finished configurations of a case."""
    particle = case.particle
    cols, rows = particle.centres.T / BASE.sampling_angstrom
    rim = EDGE_ANGSTROM / BASE.sampling_angstrom
    whole = np.all((np.stack([rows, cols]) > rim) & (np.stack([rows, cols]) < BASE.pixels - 1 - rim), axis=0)
    count = len(list(folder.glob(f"{case.name}-*.npz"))) - len(list(folder.glob(f"{case.name}-*w.npz")))
    images = np.stack([np.load(folder / f"{case.name}-{number}.npz")["images"][detector] for number in range(count)])
    found = Comparison(np.empty(0), images, particle.totals[whole], rows[whole], cols[whole])
    return replace(found, references=np.stack([found.columns(image) for image in images]))


def tables(folder: Path, pictures: Path) -> None:
    """Print the tables and draw the pictures."""
    print(
        "| particle | kV, mrad | detector | waves | columns | mean ratio | column r.m.s. | less noise | reference s.e."
    )
    print("image r.m.s. | less noise | thermal s, reference s a configuration |", flush=True)
    for case in CASES:
        for number, detector in enumerate(DETECTORS):
            reference_columns = comparison(case, number, folder)
            seconds = float(np.load(folder / f"{case.name}-0.npz")["seconds"])
            for waves in WAVES:
                found = np.load(folder / f"{case.name}-{detector[0]:.0f}-{waves}w.npz")
                print(row(case, detector, waves, reference_columns, found["image"]), end=" ")
                print(f"{float(found['seconds']):.1f}, {seconds:.1f} |")
            draw(case, detector, reference_columns, found["image"], pictures)


def row(
    case: Case, detector: tuple[float, float], waves: int, exact: Comparison, image: npt.NDArray[np.floating]
) -> str:
    """One row of the table."""
    count = len(exact.images)
    columns, mean = exact.columns(image), exact.references.mean(axis=0)
    size, image_size = (mean**2).mean(), (exact.images.mean(axis=0) ** 2).mean()
    noise = (exact.references.var(axis=0, ddof=1) / count).mean() / size
    image_noise = (exact.images.var(axis=0, ddof=1) / count).mean() / image_size
    error = ((columns - mean) ** 2).mean() / size
    image_error = ((image - exact.images.mean(axis=0)) ** 2).mean() / image_size
    cells = [
        f"{case.name} ({exact.totals.min()}-{exact.totals.max()} atoms)",
        f"{case.energy_ev / 1e3:.0f}, {case.semiangle_mrad:.0f}",
        f"{detector[0]:.0f}-{detector[1]:.0f}",
        str(waves),
        str(len(columns)),
        f"{columns.sum() / mean.sum():.3f}",
        f"{np.sqrt(error):.3f}",
        f"{np.sqrt(max(error - noise, 0)):.3f}",
        f"{np.sqrt(noise):.3f} ({count})",
        f"{np.sqrt(image_error):.3f}",
        f"{np.sqrt(max(image_error - image_noise, 0)):.3f}",
    ]
    return "| " + " | ".join(cells) + " |"


def draw(
    case: Case, detector: tuple[float, float], exact: Comparison, image: npt.NDArray[np.floating], folder: Path
) -> None:
    """Reference, thermal image, difference, and line profiles through the brightest column."""
    folder.mkdir(parents=True, exist_ok=True)
    mean = exact.images.mean(axis=0)
    top = mean.max()
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.6), layout="constrained")
    shown = (
        ("frozen phonons", mean, 0, top),
        ("thermal", image, 0, top),
        ("difference", image - mean, -top / 5, top / 5),
    )
    for axis, (title, picture, low, high) in zip(axes, shown, strict=False):
        drawn = axis.imshow(picture, vmin=low, vmax=high, cmap="gray" if low == 0 else "RdBu_r")
        axis.set(title=title, xticks=[], yticks=[])
        figure.colorbar(drawn, ax=axis, shrink=0.8)
    line = int(np.unravel_index(mean.argmax(), mean.shape)[0])
    place = np.arange(BASE.pixels) * BASE.sampling_angstrom
    error = exact.images.std(axis=0, ddof=1)[line] / np.sqrt(len(exact.images))
    axes[3].fill_between(place, mean[line] - error, mean[line] + error, color="0.8", label="standard error")
    axes[3].plot(place, mean[line], "k", label="frozen phonons")
    axes[3].plot(place, image[line], color="#D55E00", label="thermal")
    axes[3].set(title="row through the brightest column", xlabel="x (Å)", ylabel="fraction of the beam")
    axes[3].legend(frameon=False)
    figure.savefig(folder / f"thermal-{case.name}-{detector[0]:.0f}.png", dpi=110)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["reference", "thermal", "compare"])
    parser.add_argument("--work", type=Path, default=Path("data/benchmarks/thermal"), help="finished images")
    parser.add_argument("--out", type=Path, default=Path("plots/benchmarks"), help="pictures")
    parser.add_argument("--configurations", type=int, default=24)
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    with threadpool_limits(limits=1):
        if arguments.what == "reference":
            run_reference(arguments.work, arguments.configurations)
        elif arguments.what == "thermal":
            run_thermal(arguments.work)
        else:
            tables(arguments.work, arguments.out)


if __name__ == "__main__":
    main()
