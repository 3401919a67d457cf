"""Stage bounds: how well any estimate can tell elements apart in a column of known total and intensity."""

import multiprocessing
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from common import run_stage
from heamap import params as parameters
from heamap.dataset.store import open_structures
from heamap.elements import ELEMENTS
from heamap.evaluation import bounds, intensity_model
from heamap.evaluation.bound_figures import skill_against_total
from heamap.evaluation.column_library import Slabs, simulate_library
from heamap.evaluation.priors import Prior, fit_prior
from heamap.imaging.microscope import Microscope
from heamap.params import Params
from heamap.seeds import Stream, generator
from heamap.structures.motif import read_motif

FOLDER, PLOTS = Path("data/bounds"), Path("plots/bounds")
LIBRARY, BRIGHTNESS, TABLE = (FOLDER / f"{name}.parquet" for name in ("library", "brightness", "table"))


def main(params: Params) -> str:
    prior = training_prior()
    settings = params.bounds
    workers = params.simulate.workers or multiprocessing.cpu_count()
    # A worker that is forked would share the threads of its parent's libraries.
    with multiprocessing.get_context("spawn").Pool(workers, partial(threadpool_limits, 1)) as pool:
        library = simulate_library(
            settings.totals,
            settings.columns,
            slabs(params, prior),
            middle(params.simulate),
            settings=params.simulate,
            rng=generator(params.base.seed, Stream.BOUNDS, 0),
            spread=pool.imap,
        )
    background = float(np.mean(params.train.effects.background_fraction))
    table = bounds.tabulate(
        library,
        [bounds.Measurement(dose, background) for dose in settings.dose_per_square_angstrom],
        prior,
        rng=generator(params.base.seed, Stream.BOUNDS, 1),
    )
    brightness = intensity_model.summarize(library, prior, rng=generator(params.base.seed, Stream.BOUNDS, 2))
    for folder in (FOLDER, PLOTS):
        folder.mkdir(parents=True, exist_ok=True)
    for path, rows in ((LIBRARY, library), (BRIGHTNESS, brightness), (TABLE, table)):
        rows.to_parquet(path, index=False)
    table.to_csv(PLOTS / "bounds.csv", index=False)
    brightness.to_csv(PLOTS / "brightness.csv", index=False)
    skill_against_total(table).savefig(PLOTS / "skill_against_total.png", dpi=150, metadata={"Software": None})
    scatter = ", ".join(
        f"{100 * share:.1f} % at {total}"
        for total, share in zip(brightness["total"], brightness["relative_scatter"], strict=True)
    )
    return f"{TABLE}: {len(library)} columns simulated; at fixed composition their intensity scatters {scatter}"


def training_prior() -> Prior:
    """Composition and aggregation of the training columns."""
    structures = open_structures(Path("data/structures"))
    columns = pd.concat([structures.columns(int(sample)) for sample in structures.split("train")])
    return fit_prior(columns["sample"], columns[list(ELEMENTS)].to_numpy())


def slabs(params: Params, prior: Prior) -> Slabs:
    """Slabs of the line's alloy, seen with its mean source size."""
    motif = read_motif(Path("data/motifs/motifs.json"))
    return Slabs(
        composition=prior.composition,
        displacement_angstrom=float(np.sqrt(np.mean(np.square(motif.displacement_angstrom)))),
        lattice_constant_angstrom=motif.lattice_constant_angstrom,
        source_fwhm_angstrom=float(np.mean(params.train.effects.source_fwhm_angstrom)),
    )


def middle(simulate: parameters.Simulate) -> Microscope:
    """The microscope in the middle of the ranges."""
    ranges = {name: float(np.mean(ends)) for name, ends in simulate.microscope.model_dump().items()}
    inner, outer = simulate.detector_mrad
    return Microscope(**ranges, detector_inner_mrad=inner, detector_outer_mrad=outer)


if __name__ == "__main__":
    run_stage(main)
