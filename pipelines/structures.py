"""Stage structures: nanoparticles in their fields of view, and the columns of atoms in them."""

from pathlib import Path

from common import run_stage
from heamap.dataset.store import write_structures
from heamap.params import Params
from heamap.structures.figures import gallery
from heamap.structures.motif import read_motif
from heamap.structures.sample import SPLITS, draw_structures

FOLDER, GALLERY = Path("data/structures"), Path("plots/structures/sizes.png")


def main(params: Params) -> str:
    motif = read_motif(Path("data/motifs/motifs.json"))
    tables = draw_structures(params.base, params.structures, motif)
    write_structures(FOLDER, tables.samples, tables.atoms, tables.columns)
    GALLERY.parent.mkdir(parents=True, exist_ok=True)
    gallery(params.structures, motif, params.base.seed).savefig(GALLERY, dpi=150, metadata={"Software": None})
    shares = ", ".join(f"{size} {name}" for name in SPLITS if (size := (tables.samples["split"] == name).sum()))
    return f"{FOLDER}: {len(tables.samples)} particles ({shares}), {len(tables.atoms)} atoms"


if __name__ == "__main__":
    run_stage(main)
