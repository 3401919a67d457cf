"""Pictures of particles, after Fig. 2 of Ragone et al. (2022)."""

import numpy as np
from matplotlib.figure import Figure

from heamap.elements import COLOURS
from heamap.params import Structures
from heamap.seeds import Stream, generator
from heamap.structures.chemistry import draw_composition, independent
from heamap.structures.motif import Motif
from heamap.structures.particle import Particle, make_particle

GALLERY_DIAMETERS_ANGSTROM = (20.0, 40.0, 60.0, 80.0)
"""The sizes that the paper draws."""

ATOM_DIAMETER_ANGSTROM = 2.6
_POINTS_PER_INCH = 72


def gallery(settings: Structures, motif: Motif, seed: int) -> Figure:
    """Particles of the paper's four sizes, seen along the beam on one scale; the atoms nearest to the viewer on top."""
    figure = Figure(figsize=(12, 4.4), layout="constrained")
    axes = figure.subplots(1, len(GALLERY_DIAMETERS_ANGSTROM), sharey=True)
    half = 0.62 * GALLERY_DIAMETERS_ANGSTROM[-1]
    palette = np.array(list(COLOURS.values()))
    for index, (axis, diameter) in enumerate(zip(axes, GALLERY_DIAMETERS_ANGSTROM, strict=True)):
        # Negative sample numbers do not exist: the gallery's streams are keyed behind the last possible sample.
        rng = generator(seed, Stream.STRUCTURE, 2**31 + index)
        particle = make_particle(diameter, motif.lattice_constant_angstrom, 2 * half, rng)
        species = independent(draw_composition(settings, rng), len(particle.positions), rng)
        centred = particle.positions - particle.positions.mean(axis=0)
        far_to_near = np.argsort(-centred[:, 2])
        axis.set(
            xlim=(-half, half),
            ylim=(half, -half),
            aspect="equal",
            xlabel="x (Å)",
            title=f"{diameter / 10:g} nm\n{len(species):,} atoms, up to {_thickest(particle)} a column",
        )
        points = axis.get_window_extent().width / figure.dpi * _POINTS_PER_INCH
        axis.scatter(
            *centred[far_to_near, :2].T,
            s=(ATOM_DIAMETER_ANGSTROM / (2 * half) * points) ** 2,
            c=palette[species[far_to_near]],
            edgecolors="black",
            linewidths=0.15,
        )
    axes[0].set_ylabel("y (Å)")
    for symbol, colour in COLOURS.items():
        axes[-1].scatter([], [], s=30, c=colour, edgecolors="black", linewidths=0.3, label=symbol)
    figure.legend(loc="outside lower center", ncols=len(COLOURS), frameon=False)
    return figure


def _thickest(particle: Particle) -> int:
    return int(np.bincount(particle.column).max())
