"""What a model gains when an image is also counted turned or mirrored, and the maps are averaged.

    python benchmarks/orientations.py MODEL.onnx --line build/release

On the images of a finished line, at the exam's dose: share of totals within one atom, mean squared error of the total,
that of the images' mean errors, R2 of Pt and of Ni+Co+Fe. Counts are read off the maps alone, whatever a network on
columns adds. A table in Markdown.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from beam_energy import scores

from heamap.dataset.exam import exam_for
from heamap.dataset.examples import example
from heamap.dataset.store import Dataset, open_dataset
from heamap.elements import ELEMENTS
from heamap.evaluation import reading
from heamap.evaluation.metrics import r2
from heamap.evaluation.targets import TARGETS, with_sums
from heamap.params import Params, load
from heamap_serving.session import Model, load_model

Maps = npt.NDArray[np.float32]
Orientation = tuple[int, bool]
"""Quarter turns, and whether the turned image is mirrored."""

SETS: dict[str, list[Orientation]] = {
    "as it is": [(0, False)],
    "and by a half turn": [(0, False), (2, False)],
    "and by a quarter turn": [(0, False), (1, False)],
    "and transposed": [(0, False), (1, True)],
    "four without a change of axes": [(0, False), (2, False), (0, True), (2, True)],
    "and by three quarter turns": [(turns, False) for turns in range(4)],
    "all eight": [(turns, mirrored) for turns in range(4) for mirrored in (False, True)],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--line", type=Path, default=Path("build/release"))
    parser.add_argument("--params", type=Path, default=Path("params.release.yaml"))
    arguments = parser.parse_args()
    data = open_dataset(arguments.line / "data/structures", arguments.line / "data/images")
    model, params = load_model(arguments.model), load(arguments.params)
    if model.contract.orientations > 1:
        parser.error(f"{arguments.model} averages orientations itself; export it with evaluate.orientations: 1")
    told = exam_for(model.contract, params)
    print("| split | orientations | within one | squared error | of whole images | R2 of Pt | of Ni+Co+Fe |")
    print("|---|---|---|---|---|---|---|")
    for split in ("test", "calibration", "validation"):
        for name, orientations in SETS.items():
            cells = compared(data, split, model, told, orientations)
            print(f"| {split} | {name} | {' | '.join(cells)} |", flush=True)


def averaged(image: Maps, model: Model, orientations: list[Orientation]) -> Maps:
    """Maps (rows, cols, 5) of an input (rows, cols, 1), averaged over orientations."""
    every = []
    for turns, mirrored in orientations:
        seen = np.rot90(image, turns)
        maps = model.predict(np.ascontiguousarray(seen[:, ::-1] if mirrored else seen)[None])[0]
        every.append(np.rot90(maps[:, ::-1] if mirrored else maps, -turns))
    return np.ascontiguousarray(np.mean(every, axis=0))


def compared(data: Dataset, split: str, model: Model, params: Params, orientations: list[Orientation]) -> list[str]:
    readout = reading.of_contract(model.contract)
    counted, true = [], []
    for sample in data.split(split).tolist():
        image, columns = example(data, sample, params=params, epoch=None)
        maps = averaged(image, model, orientations)
        counted.append(readout(maps, columns["row"].to_numpy(), columns["col"].to_numpy()))
        true.append(columns[list(ELEMENTS)].to_numpy(np.float64))
    light = TARGETS.index("NiCoFe")
    found, truth = (with_sums(np.concatenate(parts))[:, light] for parts in (counted, true))
    return [*scores(true, counted), f"{r2(truth, found):.3f}"]


if __name__ == "__main__":
    main()
