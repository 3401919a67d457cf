"""How the brightness of columns falls with the energy of the beam: the exponent of ``train.energy_exponent``.

    python benchmarks/beam_energy.py [--params params.release.yaml] [--detector-mrad 60 95]

Periodic slabs of fcc [110] columns of one height and mean composition, the same atoms at the two ends and in the middle
of the parameters' energies, no aberrations, by the thermal engine. Prints a table in Markdown: the exponent between
the middle and each end, from the mean cross-section of 70 columns.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from heamap.evaluation.column_library import REPEATS, Slabs, draw_slab, simulate_slab
from heamap.imaging.microscope import Microscope
from heamap.params import load


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--params", type=Path, default=Path("params.release.yaml"))
    parser.add_argument("--detector-mrad", type=float, nargs=2, help="the parameters'")
    parser.add_argument("--totals", type=int, nargs="+", default=[1, 4, 10, 20, 30])
    arguments = parser.parse_args()
    settings = load(arguments.params).simulate
    inner, outer = arguments.detector_mrad or settings.detector_mrad
    low, high = settings.microscope.energy_ev
    middle = (low + high) / 2
    optics = Microscope(middle, float(np.mean(settings.microscope.semiangle_mrad)), 0.0, 0.0, 0.0, 0.0, inner, outer)
    print(f"| atoms | exponent, {low / 1e3:g} to {middle / 1e3:g} keV | {middle / 1e3:g} to {high / 1e3:g} keV |")
    print("|---|---|---|")
    slabs = Slabs()
    for total in arguments.totals:
        slab = draw_slab(total, slabs, np.random.default_rng(total))
        bright = {}
        for energy in (low, middle, high):
            # The same random numbers: vibrations and directions are shared, the energy alone differs.
            table = simulate_slab(
                slab, slabs, replace(optics, energy_ev=energy), settings=settings, rng=np.random.default_rng(0)
            )
            bright[energy] = float(table[[f"{repeat}_square_angstrom" for repeat in REPEATS]].to_numpy().mean())
        ends = [-np.log(bright[end] / bright[middle]) / np.log(end / middle) for end in (low, high)]
        print(f"| {total} | {ends[0]:.2f} | {ends[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
