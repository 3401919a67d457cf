"""What a model's counts lose by the background of an image and by the sampling error of simulated images.

    python benchmarks/background.py MODEL.onnx --line build/release [--waves 16 96] [--splits test] [--keep FOLDER]

The particles of a finished line's splits, all simulated by the thermal engine with so many waves, each under its own
microscope, at the exam's dose: share of totals within one atom, mean squared error of the total, that of the images'
mean errors, R2 of Pt; with the effects that the line draws, with backgrounds that are all the same, and with the level
of the darkest squares taken off and the middle of the training's backgrounds put in its place. A model that does not
use the energy has its counts multiplied by (keV / 200)^.55 (``benchmarks/beam_energy.py``). A table in Markdown. Only
the line's structures are read; images are kept in the folder named.
"""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt
from beam_energy import scores

from heamap.dataset.exam import exam_for
from heamap.dataset.examples import render
from heamap.dataset.store import Structures, open_structures
from heamap.dataset.task import Task, run
from heamap.elements import ELEMENTS
from heamap.imaging import microscope
from heamap.imaging.normalize import ABSOLUTE_SCALE, STANDARD_ENERGY_EV, background_level, square_means
from heamap.params import Params, load
from heamap_serving.session import Model, load_model

POWER = 0.55
"""Of the energy, for models that do not use it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--line", type=Path, default=Path("build/release"))
    parser.add_argument("--params", type=Path, default=Path("params.release.yaml"))
    parser.add_argument("--waves", type=int, nargs="+", default=[16, 96])
    parser.add_argument("--splits", nargs="+", default=["test"])
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    model, params = load_model(arguments.model), load(arguments.params)
    structures = open_structures(arguments.line / "data/structures")
    print("| split | waves | background | within one | squared error | of whole images | R2 of Pt |")
    print("|---|---|---|---|---|---|---|")
    with TemporaryDirectory() as folder:
        kept = arguments.keep or Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        for split in arguments.splits:
            for waves in arguments.waves:
                images = {sample: image(structures, sample, params, waves, kept) for sample in structures.split(split)}
                for name, cells in counted(images, structures, model, exam_for(model.contract, params)).items():
                    print(f"| {split} | {waves} | {name} | {' | '.join(cells)} |", flush=True)


def image(structures: Structures, sample: int, params: Params, waves: int, folder: Path) -> npt.NDArray[np.float32]:
    """The clean image of a particle under its own microscope."""
    path = folder / f"{sample}_{waves}.npy"
    if not path.exists():
        thermal = params.simulate.thermal.model_copy(update={"waves": waves})
        settings = params.simulate.model_copy(update={"thermal": thermal})
        atoms = structures.atoms(sample)
        elements, positions = atoms["element"].to_numpy(np.int8), atoms[["x", "y", "z"]].to_numpy(np.float64)
        simulated, _ = run(Task(sample, "thermal", elements, positions, params.base, settings))
        np.save(path, simulated)
    return np.load(path)


def optics(sample: int, params: Params) -> microscope.Microscope:
    settings = params.simulate
    return microscope.draw(settings.microscope, settings.detector_mrad, seed=params.base.seed, sample=sample)


def with_background(params: Params, low: float, high: float) -> Params:
    effects = params.train.effects.model_copy(update={"background_fraction": (low, high)})
    return params.model_copy(update={"train": params.train.model_copy(update={"effects": effects})})


def counted(
    images: dict[int, npt.NDArray[np.float32]], structures: Structures, model: Model, params: Params
) -> dict[str, tuple[str, ...]]:
    """Scores by what is done about the background."""
    low, high = params.train.effects.background_fraction
    middle = (low + high) / 2
    rows = {
        "as drawn": (params, False),
        **{f"{level:g} in all": (with_background(params, level, level), False) for level in (low, middle, high)},
    }
    if model.contract.background is None:
        rows["level taken off, middle put on"] = (params, True)
    result = {}
    for name, (told, replaced) in rows.items():
        true, found = [], []
        for sample, clean in images.items():
            inside, energy_ev = structures.columns(sample), optics(sample, params).energy_ev
            places = inside[["row", "col"]].to_numpy(np.float64)
            seen, _ = render(clean, places, sample, params=told, epoch=None, energy_ev=energy_ev)
            if replaced:
                means = square_means(seen[..., 0], sampling_angstrom=params.base.sampling_angstrom)
                seen = seen + np.float32(ABSOLUTE_SCALE * middle - background_level(means, most=ABSOLUTE_SCALE * high))
            counts = model.counter(seen, model.predict(seen[None])[0], places)
            power = POWER if model.contract.energy is None else 0.0
            found.append(counts * (energy_ev / STANDARD_ENERGY_EV) ** power)
            true.append(inside[list(ELEMENTS)].to_numpy(np.float64))
        result[name] = scores(true, found)
    return result


if __name__ == "__main__":
    main()
