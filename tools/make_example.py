"""Make the micrograph that the repository ships: a particle that no training set holds, and its true columns.

    python tools/make_example.py [--motif data/motifs/motifs.json]

Runs from the repository root. The image is simulated by the reference engine and degraded like an experiment; its seed
and pixel size are its own. Writes examples/micrographs/PtNiPdCoFe.tif and examples/truth/PtNiPdCoFe.csv.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import tifffile

from heamap.elements import ELEMENTS
from heamap.imaging import microscope
from heamap.imaging.effects import degrade
from heamap.imaging.reference import simulate
from heamap.params import Params, load
from heamap.seeds import Stream, generator
from heamap.structures.motif import read_motif
from heamap.structures.sample import Sample, draw_sample

NAME = "PtNiPdCoFe"
SEED = 271828
SAMPLE = 0
PIXELS = 192
SAMPLING_ANGSTROM = 0.15
CONFIGURATIONS = 4
FULL_SCALE = 50000


def example_params(params: Params) -> Params:
    """The line's parameters with the example's own seed, field and pixel size."""
    base = params.base.model_copy(update={"seed": SEED, "pixels": PIXELS, "sampling_angstrom": SAMPLING_ANGSTROM})
    reference = params.simulate.reference.model_copy(update={"configurations": CONFIGURATIONS})
    simulate = params.simulate.model_copy(update={"reference": reference})
    return params.model_copy(update={"base": base, "simulate": simulate})


def make_image(params: Params, sample: Sample) -> npt.NDArray[np.uint16]:
    """Counts (rows, cols) of a detector of 16 bits."""
    probe = microscope.draw(
        params.simulate.microscope, params.simulate.detector_mrad, seed=params.base.seed, sample=sample.index
    )
    clean = simulate(
        sample.species, sample.positions, probe, base=params.base, settings=params.simulate, sample=sample.index
    ).image
    seen = degrade(
        clean,
        effects=params.train.effects,
        sampling_angstrom=params.base.sampling_angstrom,
        rng=generator(params.base.seed, Stream.EXAMPLE, sample.index),
    )
    return np.rint(FULL_SCALE * (seen - seen.min()) / np.ptp(seen)).astype(np.uint16)


def truth(sample: Sample) -> pd.DataFrame:
    """The true columns of the field, named as in the scorer's tables."""
    columns = sample.columns[sample.columns["in_field"]]
    return pd.DataFrame(
        {
            "column": columns["column"],
            "row_px": columns["row"],
            "col_px": columns["col"],
            "x_angstrom": columns["col"] * SAMPLING_ANGSTROM,
            "y_angstrom": columns["row"] * SAMPLING_ANGSTROM,
            **{element: columns[element] for element in ELEMENTS},
            "total": columns["total"],
            "order": columns["order"],
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--motif", type=Path, default=Path("data/motifs/motifs.json"))
    params = example_params(load(Path("params.yaml")))
    sample = draw_sample(SAMPLE, params.base, params.structures, read_motif(parser.parse_args().motif))
    pixels_per_nm = 10 / SAMPLING_ANGSTROM
    tifffile.imwrite(
        Path("examples/micrographs") / f"{NAME}.tif",
        make_image(params, sample),
        imagej=True,
        resolution=(pixels_per_nm, pixels_per_nm),
        metadata={"unit": "nm"},
    )
    truth(sample).to_csv(Path("examples/truth") / f"{NAME}.csv", index=False, float_format="%.4f")


if __name__ == "__main__":
    main()
