"""Whether a column gives the light of the atoms counted in it."""

import numpy as np
import numpy.typing as npt

from heamap.elements import ATOMIC_NUMBERS

EXPONENT = 1.7
"""An atom scatters to an annular detector about as this power of its atomic number (Krivanek et al., Nature 464 (2010)
571)."""

LEAST_SHARE = 0.5
"""Of the light that the atoms counted in a column should give. No true column of 6,623, of 1 to 33 atoms in clean and
noisy images, gave less than .6; halos of particles that were taken for columns gave .4 at most (docs/decisions.md)."""


def gives_light(light: npt.NDArray[np.floating], counts: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Whether each column gives at least ``LEAST_SHARE`` of what its atoms would, by what all columns give together.

    Parameters
    ----------
    light : (n,) heights of the columns in an image that is 0 where nothing is, in any unit
    counts : (n, 5) atoms; negative ones are none

    Returns
    -------
    (n,); where no column holds atoms or gives light, none can be told from another, and all do
    """
    atoms = np.maximum(counts, 0.0) @ np.power(np.asarray(ATOMIC_NUMBERS, np.float64), EXPONENT)
    together = light.sum() / atoms.sum() if atoms.sum() > 0 else 0.0
    if together <= 0:
        return np.ones(len(light), dtype=np.bool_)
    return np.asarray(light >= LEAST_SHARE * together * atoms)
