"""What the angles of the detector do to the brightness of columns, and to counts.

    python benchmarks/detector_angles.py columns [--totals 1 4 10 20 30] [--configurations 2]
    python benchmarks/detector_angles.py particles MODEL.onnx --line build/release

``columns``: periodic slabs of fcc [110] columns of one height, all five elements, frozen phonons by PRISM without
aberrations; one simulation serves every detector. For each the brightness over that of 60 to 95 mrad, by the scorer's
factor (``heamap_serving.detector_angles``), and as it varies with the share of Pt. ``particles``: test particles of a
finished line on several detectors (thermal engine), counted by a model at the true columns as they are, and brought to
its own detector by the factor. Tables in Markdown.
"""

import argparse
from pathlib import Path

import numpy as np
from scipy import ndimage
from threadpoolctl import threadpool_limits

from heamap.dataset.exam import exam_for
from heamap.dataset.examples import render
from heamap.dataset.store import open_structures
from heamap.elements import ATOMIC_NUMBERS, ELEMENTS
from heamap.evaluation.column_library import Slabs, draw_slab, places
from heamap.evaluation.light import EXPONENT
from heamap.imaging import engines, microscope, prism, reduction
from heamap.imaging.microscope import Microscope
from heamap.imaging.reference import displacements
from heamap.params import Params, load
from heamap_serving.detector_angles import detector_factor
from heamap_serving.session import Model, load_model

STANDARD = (60.0, 95.0)
DETECTORS = (
    STANDARD,
    *((60.0, 100.0), (55.0, 90.0), (50.0, 90.0), (50.0, 120.0), (60.0, 150.0), (60.0, 200.0), (70.0, 120.0)),
    *((70.0, 200.0), (80.0, 150.0), (80.0, 200.0), (90.0, 200.0), (100.0, 200.0)),
)
SEMIANGLE_MRAD, ENERGY_EV = 17.5, 200e3
STEP_ANGSTROM = 0.3
OTHERS = ((70.0, 200.0), (80.0, 150.0), (50.0, 120.0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("columns", "particles"))
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--params", type=Path, default=Path("params.release.yaml"))
    parser.add_argument("--line", type=Path, default=Path("build/release"))
    parser.add_argument("--particles", type=int, default=3)
    parser.add_argument("--totals", type=int, nargs="+", default=[1, 4, 10, 20, 30])
    parser.add_argument("--configurations", type=int, default=2)
    parser.add_argument("--interpolation", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.what == "particles":
        particles(load_model(arguments.model), load(arguments.params), arguments.line, arguments.particles)
        return
    print("| atoms | detector, mrad | brightness | by the factor | all Pt | no Pt |\n|---|---|---|---|---|---|")
    for total in arguments.totals:
        bright, pt = columns(total, arguments.configurations, arguments.interpolation)
        for angles, own in zip(DETECTORS, bright, strict=True):
            ratio = own.sum() / bright[0].sum()
            line = np.polyfit(pt, own / bright[0], 1, w=bright[0])
            fitted = 1 / detector_factor(angles, STANDARD)
            print(
                f"| {total} | {angles[0]:g} to {angles[1]:g} | {ratio:.3f} | {fitted:.3f} | "
                f"{np.polyval(line, 1):.3f} | {np.polyval(line, 0):.3f} |",
                flush=True,
            )


def columns(total: int, configurations: int, interpolation: int) -> tuple[np.ndarray, np.ndarray]:
    """Light of each column (detectors, columns), and its share of the light that is Pt's by Z^1.7 (columns,)."""
    slabs = Slabs()
    slab, side = draw_slab(total, slabs, np.random.default_rng(total)), slabs.side_angstrom
    elements, positions = slab.order.ravel(), slab.positions.reshape(-1, 3)
    layer = slabs.lattice_constant_angstrom / np.sqrt(8)
    slices = np.floor(positions[:, 2] / layer).astype(np.intp)
    outer = max(angles[1] for angles in DETECTORS)
    optics = Microscope(ENERGY_EV, SEMIANGLE_MRAD, 0.0, 0.0, 0.0, 0.0, 0.0, outer)
    planned = prism.plan(optics, box_angstrom=side, interpolation=interpolation)
    still = prism.atoms_at_rest(planned)
    count = round(side / STEP_ANGSTROM)
    along = np.arange(count) * side / count
    image = np.zeros((len(DETECTORS), count, count))
    for configuration in range(configurations):
        moved = positions[:, :2] + displacements(elements, seed=0, sample=total, configuration=configuration)
        matrix = prism.scattering_matrix(
            still.transmissions(elements, moved % side, slices), planned, slice_angstrom=layer
        )
        image += reduction.scan(matrix, optics, along, along, detectors_mrad=DETECTORS)
    # A pixel belongs to the nearest column of the periodic slab.
    centres = places(side)
    rows, cols = np.meshgrid(along, along, indexing="ij")
    away = np.stack([rows.ravel(), cols.ravel()], axis=1)[:, None, :] - centres[None]
    owner = (np.abs(away - side * np.round(away / side)) ** 2).sum(axis=2).argmin(axis=1)
    light = np.array([ndimage.sum(seen.ravel(), owner, np.arange(len(centres))) for seen in image])
    weights = np.power(np.asarray(ATOMIC_NUMBERS, np.float64), EXPONENT)[slab.order]
    return light, (weights * (slab.order == ELEMENTS.index("Pt"))).sum(axis=1) / weights.sum(axis=1)


def particles(model: Model, params: Params, line: Path, number: int) -> None:
    structures, told = open_structures(line / "data/structures"), exam_for(model.contract, params)
    standard = model.contract.ranges.detector_mrad
    print("| test particle | columns | detector, mrad | counted as | bias | r.m.s. | within one | bias of Pt |")
    print("|---|---|---|---|---|---|---|---|")
    for sample in structures.split("test")[:number].tolist():
        atoms, inside = structures.atoms(sample), structures.columns(sample)
        truth = inside[list(ELEMENTS)].to_numpy(np.float64)
        places = inside[["row", "col"]].to_numpy(np.float64)
        for angles in (standard, *OTHERS):
            optics = microscope.draw(params.simulate.microscope, angles, seed=params.base.seed, sample=sample)
            with threadpool_limits(limits=1):
                clean = engines.simulate(
                    "thermal",
                    atoms["element"].to_numpy(np.int8),
                    atoms[["x", "y", "z"]].to_numpy(np.float64),
                    optics,
                    base=params.base,
                    settings=params.simulate,
                    sample=sample,
                ).image
            ways = {"it is": 1.0} | ({"brought": detector_factor(angles, standard)} if angles != standard else {})
            for way, factor in ways.items():
                image, _ = render(clean * factor, places, sample, params=told, epoch=None, energy_ev=optics.energy_ev)
                counts = model.counter(image, model.predict(image[None])[0], places)
                away = counts.sum(axis=1) - truth.sum(axis=1)
                print(
                    f"| {sample} | {len(places)} | {angles[0]:g} to {angles[1]:g} | {way} | {away.mean():+.2f} | "
                    f"{np.sqrt((away**2).mean()):.2f} | {(np.abs(away) <= 1).mean():.0%} | "
                    f"{(counts - truth)[:, 0].mean():+.2f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
