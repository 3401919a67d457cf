"""Stage simulate: HAADF images of all samples; ``--scheduler`` runs them on any Dask cluster."""

import argparse
import os
from pathlib import Path

from common import run_stage
from heamap.dataset.simulation import simulate_all
from heamap.dataset.store import open_dataset
from heamap.params import Params

STRUCTURES, IMAGES = Path("data/structures"), Path("data/images")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scheduler",
        default=os.environ.get("HEAMAP_SCHEDULER"),
        help="address of a Dask scheduler (default: $HEAMAP_SCHEDULER, else a local cluster)",
    )
    scheduler = parser.parse_args().scheduler

    def simulate(params: Params) -> str:
        made = simulate_all(STRUCTURES, IMAGES, params, scheduler)
        engines = open_dataset(STRUCTURES, IMAGES).samples["engine"].value_counts().sort_index()
        shares = ", ".join(f"{count} by {engine}" for engine, count in engines.items())
        return f"simulated {made} images; {IMAGES}: {shares}"

    run_stage(simulate)


if __name__ == "__main__":
    main()
