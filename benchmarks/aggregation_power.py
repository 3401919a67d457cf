"""How often a model says that an element gathers in columns, on particles where it does and where it does not.

    python benchmarks/aggregation_power.py [--model models/model.onnx] [--particles 20]

Particles of the parameters' sizes that no stage has drawn: Dirichlet-multinomial columns (aggregated), and every atom
by itself (plain). Imaged by the thermal engine (finished images are kept in --work), exposed with the line's effects,
counted at the true columns. Prints a table in Markdown; 20 particles of each kind take about 5 minutes on 2 cores.
"""

import argparse
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from heamap.dataset.examples import render
from heamap.dataset.task import Task, run
from heamap.elements import ELEMENTS
from heamap.evaluation.aggregation import Overdispersion, overdispersion
from heamap.evaluation.aggregation_report import AggregationCalibration
from heamap.evaluation.claims import holm, measure_power
from heamap.imaging import microscope
from heamap.params import ChemistryMix, Params, load
from heamap.structures.motif import read_motif
from heamap.structures.sample import Sample, draw_sample
from heamap_serving.session import Model, load_model

KINDS = ("columns", "independent")
FIRST = 1_000_000
"""Number of the first particle: far beyond those that any stage draws."""


def particle(kind: str, number: int, settings: Params) -> Sample:
    """Particle of one chemistry model."""
    mix = ChemistryMix(**dict.fromkeys(("independent", "motif", "waves", "columns"), 0.0) | {kind: 1.0})
    structures = settings.structures.model_copy(update={"chemistry": mix})
    motif = read_motif(Path("data/motifs/motifs.json"))
    return draw_sample(FIRST + number, settings.base, structures, motif)


def image(job: tuple[str, int], settings: Params, folder: Path) -> npt.NDArray[np.float32]:
    """Clean image of a particle, from the folder if it is there."""
    kind, number = job
    path = folder / f"{kind}-{number}.npy"
    if not path.exists():
        sample = particle(kind, number, settings)
        task = Task(sample.index, "thermal", sample.species, sample.positions, settings.base, settings.simulate)
        np.save(path, run(task)[0])
    return np.load(path)


def counts(job: tuple[str, int], clean: npt.NDArray[np.float32], model: Model, settings: Params) -> tuple:
    """Predicted and true counts (n, 5) of the columns in the field."""
    sample = particle(*job, settings)
    table = sample.columns[sample.columns["in_field"]]
    places = table[["row", "col"]].to_numpy(np.float64)
    optics = microscope.draw(
        settings.simulate.microscope, settings.simulate.detector_mrad, seed=settings.base.seed, sample=sample.index
    )
    network_input, _ = render(clean, places, sample.index, params=settings, epoch=None, energy_ev=optics.energy_ev)
    maps = model.predict(network_input[None])[0]
    return model.counter(network_input, maps, places), table[list(ELEMENTS)].to_numpy(np.float64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=Path("models/model.onnx"))
    parser.add_argument("--particles", type=int, default=20, help="of each kind")
    parser.add_argument("--work", type=Path, default=Path("data/benchmarks/aggregation"), help="finished images")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    settings, model = load(Path("params.yaml")), load_model(arguments.model)
    if model.contract.aggregation is None:
        parser.error(f"{arguments.model} carries no error model of its counts")
    errors = AggregationCalibration.from_dict(model.contract.aggregation).errors
    jobs = [(kind, number) for number in range(arguments.particles) for kind in KINDS]
    with ProcessPoolExecutor(mp_context=get_context("spawn"), initializer=threadpool_limits, initargs=(1,)) as pool:
        images = list(pool.map(partial(image, settings=settings, folder=arguments.work), jobs))
    rng = np.random.default_rng(settings.base.seed)
    tests: list[Overdispersion] = []
    truths: list[Overdispersion] = []
    for job, clean in zip(jobs, images, strict=True):
        predicted, true = counts(job, clean, model, settings)
        tests.append(overdispersion(predicted, rng, errors=errors))
        truths.append(overdispersion(true, rng, resamples=999))
    kinds = np.array([[kind] * len(ELEMENTS) for kind, _ in jobs])
    known = np.array([truth.correlation for truth in truths])
    power = measure_power(tests, kinds == KINDS[0], kinds == KINDS[1], known)
    by_truth = np.array([holm(truth.p_value) <= truth.level for truth in truths])
    print(f"| | {' | '.join(ELEMENTS)} |\n|---|{'---|' * len(ELEMENTS)}")
    rows = {
        "aggregated particles called so": [
            f"{n} of {of}" for n, of in zip(power.detected, power.aggregated, strict=True)
        ],
        "plain particles called aggregated": [f"{n} of {of}" for n, of in zip(power.alarms, power.plain, strict=True)],
        "the same from the true counts": [
            f"{hits}, {alarms}"
            for hits, alarms in zip(
                (by_truth & (kinds == KINDS[0])).sum(axis=0), (by_truth & (kinds == KINDS[1])).sum(axis=0), strict=True
            )
        ],
        "median true correlation of the aggregated": [f"{rho:.3f}" for rho in power.correlation if rho is not None],
        "share of the element seen apart": [f"{seen:.2f}" for seen in np.mean([t.resolution for t in tests], axis=0)],
    }
    for name, cells in rows.items():
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
