"""Stage simulate: HAADF images of all samples; ``--scheduler`` runs them on any Dask cluster."""

import argparse
import os
from pathlib import Path

from common import run_stage
from heamap.dataset.simulation import simulate_all
from heamap.params import Params


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--scheduler",
        default=os.environ.get("HEAMAP_SCHEDULER"),
        help="address of a Dask scheduler (default: $HEAMAP_SCHEDULER, else a local cluster)",
    )
    scheduler = parser.parse_args().scheduler

    def simulate(params: Params) -> str:
        images = Path("data/images")
        made = simulate_all(Path("data/structures"), images, params, scheduler)
        return f"simulated {made} images, {params.structures.samples} in {images}"

    run_stage(simulate)


if __name__ == "__main__":
    main()
