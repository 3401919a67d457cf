"""What the energy of the beam does to the brightness of columns, and to counts.

    python benchmarks/beam_energy.py columns [--detector-mrad 60 95]
    python benchmarks/beam_energy.py particles MODEL.onnx --line build/release
    python benchmarks/beam_energy.py images MODEL.onnx --line build/release

``columns``: periodic slabs of fcc [110] columns of one height and mean composition, the same atoms at the two ends and
in the middle of the parameters' energies, without aberrations: the exponent by which their mean cross-section falls
(``train.energy_exponent``). ``particles``: test particles of a finished line at those energies, counted by a model.
``images``: the line's own images, counted by a model, and the same with all counts of an image times a power of its
energy, which shows what a model that is not told the energy loses by it. All simulation is by the thermal engine;
tables in Markdown.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from heamap.dataset.exam import exam_for
from heamap.dataset.examples import example, render
from heamap.dataset.store import Dataset, open_dataset
from heamap.elements import ELEMENTS
from heamap.evaluation.column_library import REPEATS, Slabs, draw_slab, simulate_slab
from heamap.evaluation.metrics import r2
from heamap.imaging import engines, microscope
from heamap.imaging.microscope import Microscope
from heamap.imaging.normalize import STANDARD_ENERGY_EV
from heamap.params import Params, load
from heamap_serving.session import Model, load_model

Floats = npt.NDArray[np.float64]
POWERS = (0.0, 0.3, 0.55, 0.8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("columns", "particles", "images"))
    parser.add_argument("model", type=Path, nargs="?")
    parser.add_argument("--params", type=Path, default=Path("params.release.yaml"))
    parser.add_argument("--line", type=Path, default=Path("build/release"))
    parser.add_argument("--detector-mrad", type=float, nargs=2, help="the parameters'")
    parser.add_argument("--totals", type=int, nargs="+", default=[1, 4, 10, 20])
    parser.add_argument("--particles", type=int, default=4)
    arguments = parser.parse_args()
    params = load(arguments.params)
    if arguments.what == "columns":
        columns(params, tuple(arguments.detector_mrad or params.simulate.detector_mrad), arguments.totals)
        return
    model = load_model(arguments.model)
    data = open_dataset(arguments.line / "data/structures", arguments.line / "data/images")
    told = exam_for(model.contract, params)
    if arguments.what == "particles":
        particles(data, model, told, arguments.particles)
    else:
        images(data, model, told)


def columns(params: Params, detector_mrad: tuple[float, ...], totals: list[int]) -> None:
    low, middle, high = energies(params)
    angle = float(np.mean(params.simulate.microscope.semiangle_mrad))
    optics = Microscope(middle, angle, 0.0, 0.0, 0.0, 0.0, *detector_mrad)
    print(f"| atoms | exponent, {low / 1e3:g} to {middle / 1e3:g} keV | {middle / 1e3:g} to {high / 1e3:g} keV |")
    print("|---|---|---|")
    slabs = Slabs()
    for total in totals:
        slab = draw_slab(total, slabs, np.random.default_rng(total))
        bright = {}
        for energy in (low, middle, high):
            # The same random numbers: vibrations and directions are shared, the energy alone differs.
            rng = np.random.default_rng(0)
            table = simulate_slab(slab, slabs, replace(optics, energy_ev=energy), settings=params.simulate, rng=rng)
            bright[energy] = float(table[[f"{repeat}_square_angstrom" for repeat in REPEATS]].to_numpy().mean())
        ends = [-np.log(bright[end] / bright[middle]) / np.log(end / middle) for end in (low, high)]
        print(f"| {total} | {ends[0]:.2f} | {ends[1]:.2f} |", flush=True)


def energies(params: Params) -> tuple[float, float, float]:
    low, high = params.simulate.microscope.energy_ev
    return low, (low + high) / 2, high


def particles(data: Dataset, model: Model, params: Params, number: int) -> None:
    print("| test particle | columns | keV | brightness over that in the middle | mean total | mean Pt |")
    print("|---|---|---|---|---|---|")
    for sample in data.split("test")[:number].tolist():
        atoms, inside = data.atoms(sample), data.columns(sample)
        own = microscope.draw(
            params.simulate.microscope, params.simulate.detector_mrad, seed=params.base.seed, sample=sample
        )
        places, sums = inside[["row", "col"]].to_numpy(np.float64), {}
        truth = inside[list(ELEMENTS)].to_numpy(np.float64)
        lines = []
        for energy in energies(params):
            with threadpool_limits(limits=1):
                clean = engines.simulate(
                    "thermal",
                    atoms["element"].to_numpy(np.int8),
                    atoms[["x", "y", "z"]].to_numpy(np.float64),
                    replace(own, energy_ev=energy),
                    base=params.base,
                    settings=params.simulate,
                    sample=sample,
                ).image
            sums[energy] = float(clean.sum())
            image, _ = render(clean, places, sample, params=params, epoch=None, energy_ev=energy)
            counts = model.counter(image, model.predict(image[None])[0], places)
            words = f"{counts.sum(axis=1).mean():.2f} | {counts[:, 0].mean():.2f}"
            lines.append((energy, words))
        middle = sums[energies(params)[1]]
        known = f"{truth.sum(axis=1).mean():.2f} | {truth[:, 0].mean():.2f}"
        print(f"| {sample} | {len(places)} | true | | {known} |")
        for energy, words in lines:
            print(f"| | | {energy / 1e3:g} | {sums[energy] / middle:.3f} | {words} |", flush=True)


def images(data: Dataset, model: Model, params: Params) -> None:
    print("| split | counts times (keV / 200)^ | within one | mean squared error | of that whole images | R2 of Pt |")
    print("|---|---|---|---|---|---|")
    for split in ("test", "validation", "calibration"):
        counted: list[Floats] = []
        true: list[Floats] = []
        for sample in data.split(split).tolist():
            image, inside = example(data, sample, params=params, epoch=None)
            maps = model.predict(image[None])[0]
            counted.append(model.counter(image, maps, inside[["row", "col"]].to_numpy(np.float64)))
            true.append(inside[list(ELEMENTS)].to_numpy(np.float64))
        shares = [data.energy_ev(sample) / STANDARD_ENERGY_EV for sample in data.split(split).tolist()]
        for power in POWERS:
            scaled = [counts * share**power for counts, share in zip(counted, shares, strict=True)]
            print(f"| {split} | {power:g} | {' | '.join(scores(true, scaled))} |", flush=True)


def scores(true: list[Floats], counted: list[Floats]) -> tuple[str, ...]:
    """Within one, squared error of the total, that of the images' mean errors, R2 of Pt, by images' counts (n, 5)."""
    errors = [counts.sum(axis=1) - truth.sum(axis=1) for counts, truth in zip(counted, true, strict=True)]
    every = np.concatenate(errors)
    wholes = sum(len(part) * part.mean() ** 2 for part in errors) / len(every)
    rounded = np.concatenate(
        [np.rint(counts.sum(axis=1)) - truth.sum(axis=1) for counts, truth in zip(counted, true, strict=True)]
    )
    fit = r2(np.concatenate(true)[:, 0], np.concatenate(counted)[:, 0])
    return (f"{(np.abs(rounded) <= 1).mean():.3f}", f"{(every**2).mean():.2f}", f"{wholes:.2f}", f"{fit:.3f}")


if __name__ == "__main__":
    main()
