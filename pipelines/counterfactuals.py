"""Stage counterfactuals: test particles with edited chemistry, simulated beside their originals."""

import os
from pathlib import Path

from common import run_stage
from heamap.dataset.counterfactuals import open_counterfactuals, simulate_counterfactuals
from heamap.params import Params

STRUCTURES, FOLDER = Path("data/structures"), Path("data/counterfactuals")


def counterfactuals(params: Params) -> str:
    made = simulate_counterfactuals(STRUCTURES, FOLDER, params, os.environ.get("HEAMAP_SCHEDULER"))
    return f"{FOLDER}: {len(open_counterfactuals(FOLDER).samples)} test particles; simulated {made} images now"


if __name__ == "__main__":
    run_stage(counterfactuals)
