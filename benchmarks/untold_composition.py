"""How well the best estimate without the composition is known: by the number of particles, and beside the exact bound.

    python benchmarks/untold_composition.py        # in a folder of the line, after its stage bounds; minutes

Of each test image the estimate (``heamap.evaluation.untold_composition``) is made with more and more particles, and
once with the one particle that it is, which is what the exact bound is told.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from heamap.dataset.exam import exam
from heamap.dataset.store import open_structures
from heamap.elements import ELEMENTS
from heamap.evaluation import untold_composition as untold
from heamap.evaluation.bound_pool import pool
from heamap.evaluation.bounds import Measurement
from heamap.evaluation.targets import with_sums
from heamap.params import load
from heamap.structures.chemistry import draw_composition

PARTICLES = (2000, 5000, 20000, 60000)
SEEDS = 3
TRUE = [f"true_{symbol}" for symbol in ELEMENTS]


def columns(split: str) -> pd.DataFrame:
    """True counts of the columns in the fields of a split."""
    structures = open_structures(Path("data/structures"))
    table = pd.concat([structures.columns(int(sample)) for sample in structures.split(split)])
    return table[table["in_field"]].rename(columns=dict(zip(ELEMENTS, TRUE, strict=True)))


def main() -> None:
    params = load(Path("params.yaml"))
    training, test, library = columns("train"), columns("test"), pd.read_parquet("data/bounds/library.parquet")
    table = pd.read_parquet("data/bounds/table.parquet")
    middle = float(np.mean(exam(params).train.effects.dose_per_square_angstrom))
    doses = table["dose_per_square_angstrom"].unique()
    dose = float(doses[np.abs(doses - middle).argmin()])
    measurement = Measurement(dose, float(np.mean(params.train.effects.background_fraction)))
    aggregation = untold.concentrations(training)
    print(f"{'skill over total x composition':<34}" + "".join(f"{target:>8}" for target in untold.JUDGED))

    def line(name: str, found: list[dict[str, float]]) -> None:
        print(f"{name:<34}" + "".join(f"{np.mean([one[t] for one in found]):>8.3f}" for t in untold.JUDGED))

    for number in PARTICLES:
        found = []
        for seed in range(SEEDS):
            rng = np.random.default_rng(seed)
            particles = untold.Particles(
                np.array([draw_composition(params.structures, rng) for _ in range(number)]),
                rng.choice(aggregation, number),
            )
            said = untold.assess(test, library, particles, measurement, repeats=3, draws=1, rng=rng)
            found.append({target: own["skill"] for target, own in said["targets"].items()})
        line(f"{number} particles", found)
    sums = []
    for sample, rows in test.groupby("sample"):
        counts = rows[TRUE].to_numpy(np.float64)
        shares = np.repeat(counts.sum(axis=0, keepdims=True) / counts.sum(), 2, axis=0)
        one = untold.Particles(shares, np.repeat(untold.concentrations(rows), 2))
        said = untold.assess(
            rows, library, one, measurement, repeats=10, draws=1, rng=np.random.default_rng(int(str(sample)))
        )
        # Baseline 1's sum of squares, which an image's skill is over.
        first = counts.sum(axis=1, keepdims=True) * shares[0]
        spread = (with_sums(first - counts)[:, :-1] ** 2).sum(axis=0)
        sums.append([(1 - own["skill"], of) for own, of in zip(said["targets"].values(), spread, strict=True)])
    left = np.array(sums)
    known = 1 - (left[..., 0] * left[..., 1]).sum(axis=0) / left[..., 1].sum(axis=0)
    line("told the particle", [dict(zip(untold.JUDGED, known, strict=True))])
    best = pool(table[table["dose_per_square_angstrom"] == dose], test[TRUE].sum(axis=1), {}).set_index("element")
    line("exact bound, told the composition", [{target: float(best["skill"][target]) for target in untold.JUDGED}])


if __name__ == "__main__":
    main()
