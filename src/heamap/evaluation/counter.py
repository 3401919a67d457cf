"""From an image and its maps to the counts that are given."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap.evaluation.column_network import ColumnNetwork
from heamap.evaluation.reading import Readout
from heamap.evaluation.surroundings import Read, surroundings

Floats = npt.NDArray[np.floating]
Counts = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Counter:
    """Counts read off the maps; where there is a network on columns, a weighted mean of these and its own.

    The two err differently: one knows every pixel around a column, the other the whole neighbourhood at a glance.

    Attributes
    ----------
    readout : of the maps
    sampling_angstrom : of images and maps
    columns : the network on columns; None where there is none
    weight : of its counts, 0 to 1
    """

    readout: Readout
    sampling_angstrom: float
    columns: ColumnNetwork | None = None
    weight: float = 0.0

    def __call__(self, image: Floats, maps: Floats, positions: Floats) -> Counts:
        """Counts (n, 5), unrounded.

        Parameters
        ----------
        image : (rows, cols, 1) as the network on pixels sees it
        maps : (rows, cols, 5) atoms
        positions : (n, 2) in pixels
        """
        counts = self.readout(maps, *np.asarray(positions).T)
        return self.beside(counts, lambda rows, cols: image[rows, cols, 0], image.shape[:2], positions)

    def beside(self, counts: Counts, read: Read, shape: tuple[int, ...], positions: Floats) -> Counts:
        """Counts (n, 5) from those off the maps (n, 5), of an image that is read in parts.

        Parameters
        ----------
        read, shape : of the image as the network on pixels sees it
        """
        if self.columns is None:
            return counts
        places = np.asarray(positions, dtype=np.float64).reshape(-1, 2)
        around = surroundings(read, (shape[0], shape[1]), places, sampling_angstrom=self.sampling_angstrom)
        own = self.columns(around, places * self.sampling_angstrom)
        return (1 - self.weight) * counts + self.weight * own
