"""Whether columns are as bright as those of training: counts cannot tell, as a network never gives more than it saw."""

import math

import numpy as np
import numpy.typing as npt

from heamap.contract import Contract
from heamap.elements import ATOMIC_NUMBERS
from heamap.evaluation.light import EXPONENT
from heamap_serving.atom_counting import cell_intensities

DOUBTFUL_SHARE = 0.1
"""Of the columns: more that scatter more of the beam than a column as thick as any in training make the image doubtful.
Of 30 training particles of up to 73 Angstrom the brightest has 3 in 100."""

BEYOND = 1.1
"""Times the most atoms of training, by the counting line, which errs by composition: of the release's 512 particles the
brightest tenth of the columns passes this in one of 150, the most itself in one of 70 (structures alone)."""

LEAST_LIGHT = 0.61
"""Of what the atoms counted in the brightest tenth of the columns should give by the counting line. Training particles
give .63 to 1 (60 images of 30); blocks of 33, 45 and 60 atoms of all elements .61, .57 and .56: the network counts too
few atoms, and too heavy ones."""


def brightness_doubts(
    image: npt.NDArray[np.floating],
    positions: npt.NDArray[np.float64],
    counts: npt.NDArray[np.float64],
    contract: Contract,
) -> tuple[str, ...]:
    """What there is to doubt about the light of the columns, one line each.

    Parameters
    ----------
    image : (rows, cols) at the model's sampling, its energy and its detector, without background, fractions of the beam
    positions : (n, 2) row and column in pixels
    counts : (n, 5) atoms
    """
    line = contract.counting
    if line is None or contract.background is None or not len(positions):
        return ()
    light = cell_intensities(image, positions, contract.sampling_angstrom, line.radius_angstrom)
    most = contract.ranges.column_total[1]
    share = float((line.slope * light + line.intercept > BEYOND * most).mean())
    if share > DOUBTFUL_SHARE:
        return (
            f"{share:.0%} of the columns scatter more of the beam than {most} atoms do, the most in training: too "
            "thick a particle, or gain, black level, beam energy or angles of the detector are wrong",
        )
    top = light >= np.quantile(light, 0.9)
    atoms = np.maximum(counts[top], 0.0) @ np.power(np.asarray(ATOMIC_NUMBERS, np.float64), EXPONENT)
    mean = float(np.mean(np.power(np.asarray(ATOMIC_NUMBERS, np.float64), EXPONENT)))
    given = float(light[top].sum()) * line.slope * mean / float(atoms.sum()) if atoms.sum() > 0 else math.inf
    if given < LEAST_LIGHT:
        return (
            f"the brightest columns give {given:.2f} of the light of the atoms counted in them, in training "
            f"{LEAST_LIGHT:g} at least: too thick a particle, or a wrong gain",
        )
    return ()
