"""From an image and its maps to the counts that are given."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap.elements import ELEMENTS
from heamap.evaluation.column_network import ColumnNetwork
from heamap.evaluation.light import gives_light
from heamap.evaluation.reading import Readout
from heamap.evaluation.surroundings import Read, surroundings

Floats = npt.NDArray[np.floating]
Counts = npt.NDArray[np.float64]
Gather = Callable[[Floats], Counts]


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
    dark : images are calibrated, and columns can be asked for the light of their atoms; what a background adds makes
        none of them darker
    """

    readout: Readout
    sampling_angstrom: float
    columns: ColumnNetwork | None = None
    weight: float = 0.0
    dark: bool = False

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

    def found(self, image: Floats, maps: Floats, maxima: Floats, *, threshold: float) -> tuple[Counts, Counts]:
        """:meth:`columns_among` of an image (rows, cols, 1) and maps (rows, cols, 5) that are at hand."""
        return self.columns_among(
            maxima,
            gather_maps=lambda places: self.readout.gather(maps, *places.T),
            gather_image=lambda places: self.readout.gather(image, *places.T),
            read=lambda rows, cols: image[rows, cols, 0],
            shape=(maps.shape[0], maps.shape[1]),
            threshold=threshold,
        )

    def columns_among(
        self,
        maxima: Floats,
        *,
        gather_maps: Gather,
        gather_image: Gather,
        read: Read,
        shape: tuple[int, int],
        threshold: float,
    ) -> tuple[Counts, Counts]:
        """Which maxima of the summed map are columns, and their counts.

        Ripples beside a particle are none: they may be as high as a column of one atom, but no Gaussian of the labels'
        width fits them, and what holds less than ``threshold`` atoms by the read-out goes. Nor, where images are dark,
        is what gives too little light (``light.gives_light``), as the halo of a sharp image does, which the networks
        may take for columns. What stays is read without the rest.

        Parameters
        ----------
        maxima : (n, 2) in pixels
        gather_maps, gather_image : positions (m, 2) to what the read-out gathers there, (m, 5) of the maps and (m, 1)
            of the image as the network on pixels sees it
        read, shape : of that image
        threshold : least atoms of a column, off the maps

        Returns
        -------
        positions (m, 2) and counts (m, 5)
        """
        places, kinds = np.asarray(maxima, dtype=np.float64), len(ELEMENTS)
        gathered = gather_maps(places)
        if self.dark:
            # The image is one more map: the overlaps of the columns, which take the time, are the same.
            gathered = np.hstack([gathered, gather_image(places)])
        found = self._settled(gathered, places, shape)
        stays = found[:, :kinds].sum(axis=1) >= threshold
        if not stays.all():
            places, gathered = places[stays], gathered[stays]
            found = self._settled(gathered, places, shape)
        counts = self.beside(found[:, :kinds], read, shape, places)
        if not self.dark or (stays := gives_light(found[:, kinds], counts)).all():
            return places, counts
        places, gathered = places[stays], gathered[stays]
        found = self._settled(gathered, places, shape)
        return places, self.beside(found[:, :kinds], read, shape, places)

    def _settled(self, gathered: Counts, places: Counts, shape: tuple[int, int]) -> Counts:
        rows, cols = places.T
        return self.readout.settle(gathered, rows, cols, shape)
