"""How well a model counts a particle that no generator of heamap made.

    heamap simulate PARTICLE.xyz --out FOLDER --engine reference --configurations 12 --detector-mrad 60 95
    python benchmarks/real_particle.py FOLDER MODEL.onnx --params params.release.yaml

The simulated image is exposed several times with the effects of the parameters at the exam's dose, scored as a
micrograph is, and the columns found are held against those that the simulation recorded. A column that is not found
counts as no atoms. With ``--told`` the scorer is told the true composition, as of EDX.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.spatial import KDTree

from heamap.dataset.exam import exam
from heamap.elements import ELEMENTS
from heamap.evaluation.detection import TOLERANCE_ANGSTROM, detect
from heamap.evaluation.metrics import error_shares, r2
from heamap.evaluation.targets import TARGETS, with_sums
from heamap.imaging.effects import degrade
from heamap.params import load
from heamap.seeds import Stream, generator
from heamap_serving.calibration import Calibration
from heamap_serving.domain import Refused
from heamap_serving.micrograph import Micrograph
from heamap_serving.score import Scored, score
from heamap_serving.session import Model, load_model

Floats = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--params", type=Path, default=Path("params.release.yaml"))
    parser.add_argument("--exposures", type=int, default=8)
    parser.add_argument("--told", action="store_true", help="tell the scorer the true composition")
    arguments = parser.parse_args()
    model = load_model(arguments.model)
    parameters = exam(load(arguments.params))
    sampling = parameters.base.sampling_angstrom
    image = np.load(arguments.folder / "image.npy")
    microscope = json.loads((arguments.folder / "settings.json").read_text())["microscope"]
    energy_kev = microscope["energy_ev"] / 1e3
    angles = microscope["detector_inner_mrad"], microscope["detector_outer_mrad"]
    columns = pd.read_csv(arguments.folder / "columns.csv")
    places, truth = columns[["row", "col"]].to_numpy(np.float64), with_sums(columns[list(ELEMENTS)].to_numpy())
    told = tuple((truth[:, : len(ELEMENTS)].sum(axis=0) / truth[:, -1].sum()).tolist()) if arguments.told else None
    dose = parameters.train.effects.dose_per_square_angstrom[0]
    print(f"{len(columns)} columns of {truth[:, -1].min():.0f} to {truth[:, -1].max():.0f} atoms; {dose:g} e/A^2")
    found = []
    for number in range(arguments.exposures):
        rng = generator(0, Stream.EFFECTS, number)
        seen = degrade(image, effects=parameters.train.effects, sampling_angstrom=sampling, rng=rng)
        scored = scored_anyway(seen, model, Calibration(sampling, 1.0, 0.0, energy_kev, told, angles))
        caught = detect(places, scored.positions, shape=image.shape, sampling_angstrom=sampling)
        print(f"exposure {number}: recall {caught.recall:.3f}, precision {caught.precision:.3f}")
        counts = counted_at(places, scored, TOLERANCE_ANGSTROM / sampling)
        found.append((counts, truth[:, -1:] * shares(scored)))
    print(f"{'':8}{'true':>8}{'bias':>8}{'rms':>8}{'R2':>8}{'within 1':>10}{'rms, total x composition':>26}")
    for line in lines(truth, found):
        print(line)


def scored_anyway(seen: npt.NDArray[np.float32], model: Model, calibration: Calibration) -> Scored:
    """The scored image; where the domain check objects it says so, and the image is scored all the same."""
    micrograph = Micrograph(seen, None, "an array")
    try:
        scored = score(micrograph, model, calibration)
        if scored.domain is not None and scored.domain.reasons:
            print(f"{scored.domain.verdict}: {'; '.join(scored.domain.reasons)}")
    except Refused as refusal:
        print(f"refused: {refusal}")
        trusting = model.contract.model_copy(update={"domain": None})
        scored = score(micrograph, replace(model, contract=trusting), calibration)
    return scored


def counted_at(places: Floats, scored: Scored, tolerance: float) -> Floats:
    """(n, 7) counts of the nearest column found, none where that is too far."""
    distance, nearest = KDTree(scored.positions).query(places, distance_upper_bound=tolerance)
    counts = np.zeros((len(places), len(TARGETS)))
    counts[np.isfinite(distance)] = with_sums(scored.counts)[np.asarray(nearest)[np.isfinite(distance)]]
    return counts


def shares(scored: Scored) -> Floats:
    """(7,) composition that the model finds in the whole image."""
    sums = with_sums(scored.counts).sum(axis=0)
    return sums / sums[-1]


def lines(truth: Floats, found: list[tuple[Floats, Floats]]) -> Iterator[str]:
    """One line a target: means over exposures, and the standard deviation among them of the root mean square."""
    for index, target in enumerate(TARGETS):
        true = truth[:, index]
        errors = np.stack([counts[:, index] - true for counts, _ in found])
        rms = np.sqrt((errors**2).mean(axis=1))
        plain = np.mean([np.sqrt(((shared[:, index] - true) ** 2).mean()) for _, shared in found])
        fit = np.mean([r2(true, counts[:, index]) for counts, _ in found]) if true.std() > 0 else np.nan
        near = np.mean([error_shares(true, counts[:, index])[:2].sum() for counts, _ in found])
        yield (
            f"{target:8}{true.mean():8.2f}{errors.mean():8.2f}{rms.mean():8.2f}{fit:8.2f}{near:10.1%}{plain:26.2f}"
            f"   (rms +- {rms.std():.2f} among exposures)"
        )


if __name__ == "__main__":
    main()
