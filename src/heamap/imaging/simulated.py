"""What every engine makes of a particle."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Simulated:
    """A clean image and how it was made.

    Attributes
    ----------
    image : (rows, cols) float32, fractions of the incident beam
    configurations : phonon configurations drawn; for the thermal engine outgoing waves
    interpolation : PRISM interpolation factor
    potential_sampling_angstrom : sampling of potential and waves
    relative_error : estimated standard error of column-integrated intensity, root mean square over the image, as a
        share of that intensity; NaN where it cannot be estimated
    """

    image: npt.NDArray[np.float32]
    configurations: int
    interpolation: int
    potential_sampling_angstrom: float
    relative_error: float
