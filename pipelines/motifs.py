"""Stage motifs: how the five species mix, from the alloy's interatomic potential."""

import csv
from dataclasses import asdict
from pathlib import Path

from common import run_stage
from heamap.params import Params
from heamap.structures.motif import find_motif

FOLDER = Path("data/motifs")


def main(params: Params) -> str:
    motif, generations = find_motif(params.motifs, params.base.seed)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "motifs.json").write_text(motif.to_json())
    with (FOLDER / "energies.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=["generation", "best_ev", "mean_ev"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(generation) for generation in generations)
    return (
        f"{FOLDER / 'motifs.json'}: lattice constant {motif.lattice_constant_angstrom:.3f} Angstrom; energies per atom "
        + ", ".join(f"{name} {energy:.4f} eV" for name, energy in motif.energy_ev.items())
    )


if __name__ == "__main__":
    run_stage(main)
