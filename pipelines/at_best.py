"""What the best estimates reach on the test columns: the bound, and the one that is not told the composition."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from heamap.errors import InputError
from heamap.evaluation import untold_composition
from heamap.evaluation.bound_pool import pool
from heamap.evaluation.bounds import Measurement
from heamap.evaluation.targets import TOTAL
from heamap.evaluation.yardsticks import FIRST
from heamap.params import Params
from heamap.seeds import Stream, generator
from heamap.structures.chemistry import draw_composition

BOUNDS, LIBRARY = Path("data/bounds/table.parquet"), Path("data/bounds/library.parquet")
PARTICLES, LEAST_PARTICLES = 60_000, 10_000
"""That an image's composition is weighed over: a large image of a rare composition leaves few of them likely, and then
the skill of Ni moves by .1 with 20,000 (docs/benchmarks.md, "Composition not told")."""
FEW_IMAGES = 12
"""Of more, that error averages out, and the particles are fewer in proportion: they would take hours of thousands."""


def pooled_bound(test: pd.DataFrame, scores: dict[str, Any], params: Params) -> pd.DataFrame:
    """The bound for the totals of the test columns and the compositions of their images, at every dose."""
    baseline = {target: found[FIRST[target]]["r2"]["value"] for target, found in scores.items() if target != TOTAL}
    left_open = {target: np.nan if r2 is None else 1 - r2 for target, r2 in baseline.items()}
    try:
        return pool(pd.read_parquet(BOUNDS), test[f"true_{TOTAL}"], left_open)
    except FileNotFoundError:
        raise InputError(f"{BOUNDS} is missing; run the bounds stage") from None
    except ValueError as fault:
        raise InputError(f"{fault}; raise the last of bounds.totals {list(params.bounds.totals)}") from None


def usual(bound: pd.DataFrame, params: Params) -> pd.DataFrame:
    """The bound at the tabulated dose next to the middle of the test images' range."""
    middle = float(np.mean(params.train.effects.dose_per_square_angstrom))
    tabulated = bound["dose_per_square_angstrom"]
    return bound[tabulated == tabulated.iloc[(tabulated - middle).abs().argmin()]]


def doses(bound: pd.DataFrame, examined: Params) -> dict[str, Any]:
    """The ends of the test images' range of doses, and the dose of the bound beside them."""
    return {
        "test_images": list(examined.train.effects.dose_per_square_angstrom),
        "bound": float(bound["dose_per_square_angstrom"].iloc[0]),
    }


def untold(training: pd.DataFrame, test: pd.DataFrame, dose: float, params: Params) -> dict[str, Any]:
    """The best estimate that is not told the composition: of particles as the line draws them, at the bound's dose."""
    rng = generator(params.base.seed, Stream.BOUNDS, 3)
    number = max(PARTICLES * FEW_IMAGES // max(test["sample"].nunique(), FEW_IMAGES), LEAST_PARTICLES)
    particles = untold_composition.Particles(
        np.array([draw_composition(params.structures, rng) for _ in range(number)]),
        rng.choice(untold_composition.concentrations(training), number),
    )
    background = float(np.mean(params.train.effects.background_fraction))
    library = pd.read_parquet(LIBRARY)
    return untold_composition.assess(test, library, particles, Measurement(dose, background), rng=rng)
