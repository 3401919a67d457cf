"""Columns found without calibration, against the truth of simulated images.

    python benchmarks/positions.py --structures .
    heamap simulate round.xyz --out round --waves 12 --axis z
    python benchmarks/positions.py round

The first writes ``round.xyz``, ``wedge.xyz`` and ``twin.xyz``. Each image is blurred by a source, put on a support and
exposed. Prints a table in Markdown: recall, precision and distance of the columns, correlation r of their relative
intensities with the true ones, lattice constant, and error of a component of the strain of columns with all neighbours.
"""

import argparse
import math
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from ase import Atoms
from ase.io import write
from scipy import ndimage
from scipy.spatial import cKDTree

from heamap.contract import Contract
from heamap.domain.column_lattice import ALL_PAIRS, fit_column_lattice
from heamap.domain.column_strain import strain_of
from heamap.elements import ELEMENTS
from heamap_serving.choice import SHIPPED
from heamap_serving.positions.result import read_positions
from heamap_serving.session import load_model

DOSES = (1e3, 3e3, 1e4, 3e4, 1e5)
SAMPLING, CONSTANT = 0.2, 3.7
SOURCE_ANGSTROM, SUPPORT = 0.35, 0.004
REACH_ANGSTROM = 0.8


HEADS = ("image", "e/Å²", "true", "recall", "precision", "r.m.s. Å", "r", "a (Å)", "true a", "strain", "s")


def main() -> None:
    """Print a table, one line an image and dose."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="results of heamap simulate at .2 Angstrom a pixel")
    parser.add_argument("--structures", type=Path, help="write the three particles into this folder")
    options = parser.parse_args()
    if options.structures is not None:
        write_structures(options.structures)
        return
    contract = load_model(SHIPPED / "heamap-fcn.onnx").contract
    print(f"| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}")
    for folder in options.folders:
        columns, image = pd.read_csv(folder / "columns.csv"), np.load(folder / "image.npy")
        for dose in DOSES:
            print(f"| {folder.name} | {dose:.0e} | {' | '.join(judged(columns, exposed(image, dose), contract))} |")


def judged(columns: pd.DataFrame, image: npt.NDArray[np.float32], contract: Contract) -> list[str]:
    """What is found in one image beside its true columns, in words: the last nine of ``HEADS``."""
    start = time.perf_counter()
    found = read_positions(image, (SAMPLING, SAMPLING), contract)
    took = time.perf_counter() - start
    true = columns[["row", "col"]].to_numpy() * SAMPLING
    away, which = cKDTree(true).query(found.positions * SAMPLING)
    hit = away < REACH_ANGSTROM
    alike = np.corrcoef(columns["intensity_square_angstrom"].to_numpy()[which[hit]], found.intensities.relative[hit])
    truth = fit_column_lattice(true)
    constants = [[grain.columns, grain.lattice_constant_angstrom] for grain in truth.grains]
    inner, strain = hit & (found.lattice.pairs == ALL_PAIRS), strain_of(truth)
    wrong = [(found.strain.xx - strain.xx[which])[inner], (found.strain.yy - strain.yy[which])[inner]]
    size = found.pixel_size
    return [
        str(len(true)),
        f"{len(set(which[hit])) / len(true):.3f}",
        f"{hit.mean():.3f}",
        f"{math.sqrt((away[hit] ** 2).mean()):.3f}",
        f"{alike[0, 1]:.3f}",
        "–"
        if size.lattice_constant_angstrom is None
        else f"{size.lattice_constant_angstrom:.3f} ± {size.error_angstrom:.3f}",
        f"{np.average(np.array(constants)[:, 1], weights=np.array(constants)[:, 0]):.3f}",
        f"{math.sqrt(np.nanmean(np.square(wrong))):.4f}",
        f"{took:.2f}",
    ]


def exposed(image: npt.NDArray[np.floating], dose: float) -> npt.NDArray[np.float32]:
    """Counts of an image in fractions of the beam, with a black level and a gain that nobody is told."""
    rng = np.random.default_rng(int(dose))
    blurred = np.maximum(ndimage.gaussian_filter(image, SOURCE_ANGSTROM / SAMPLING), 0) + SUPPORT
    electrons = dose * SAMPLING**2
    return (rng.poisson(blurred * electrons) / electrons * 3e4 + 1000).astype(np.float32)


def write_structures(folder: Path) -> None:
    """Write an ellipsoid turned in the plane, a wedge with a strain that grows along x, and a {111} twin."""
    rng = np.random.default_rng(3)
    cells = np.array(np.meshgrid(*[range(-14, 14)] * 3)).reshape(3, -1).T[:, None]
    sites = (cells + np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])).reshape(-1, 3) * CONSTANT
    # x along [001], y along [1-10], z along [110].
    half = math.sqrt(0.5)
    sites = sites @ np.array([[0, 0, 1], [half, -half, 0], [half, half, 0]]).T
    turn = np.array([[math.cos(0.4), math.sin(0.4), 0], [-math.sin(0.4), math.cos(0.4), 0], [0, 0, 1]])
    ellipsoid = sites[np.linalg.norm(sites * [1, 1, 1.6], axis=1) < 17] @ turn
    x, y, z = sites.T
    wedge = sites[(abs(x) < 18) & (abs(y) < 14) & (z > -0.1) & (z < 2 + (x + 18) / 36 * 40)]
    wedge = wedge + np.outer(0.03 * wedge[:, 0] ** 2 / 72, [1, 0, 0])
    normal = np.array([1, -math.sqrt(2), 0]) / math.sqrt(3)
    upper = sites[(sites @ normal > -0.1) & (np.linalg.norm(sites * [1, 1, 1.3], axis=1) < 16)]
    mirrored = upper[upper @ normal > 0.1]
    mirrored = mirrored - 2 * np.outer(mirrored @ normal, normal)
    for name, places in (("round", ellipsoid), ("wedge", wedge), ("twin", np.concatenate([upper, mirrored]))):
        atoms = Atoms(rng.choice(ELEMENTS, len(places)), places - places.min(axis=0) + 4)
        atoms.cell = atoms.positions.max(axis=0) + 4
        write(folder / f"{name}.xyz", atoms, format="extxyz")


if __name__ == "__main__":
    main()
