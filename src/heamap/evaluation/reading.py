"""The ways of reading counts off maps, by the names that ``evaluate.readout`` and a model's contract know."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from heamap.contract import Contract
from heamap.evaluation.amplitudes import heights, projections, window_pixels
from heamap.evaluation.readout import read_counts

if TYPE_CHECKING:
    from heamap.params import Params

Floats = npt.NDArray[np.floating]
Counts = npt.NDArray[np.float64]
Name = Literal["peak", "fit"]

SPLINE_REACH = 32
"""Pixels that a height is read with: a cubic spline keeps .27 of what is a pixel away, here 1e-18."""


@dataclass(frozen=True)
class Readout:
    """Reads counts in two steps, so that large maps can be read band by band.

    Attributes
    ----------
    gather : (maps, rows, cols) to (n, elements): what is read around each column
    settle : (gathered, rows, cols, shape of the maps) to counts (n, elements): what needs every column at once
    reach : pixels from a column to the last that ``gather`` looks at
    """

    gather: Callable[[Floats, Floats, Floats], Counts]
    settle: Callable[[Counts, Floats, Floats, tuple[int, int]], Counts]
    reach: int

    def __call__(self, maps: Floats, rows: Floats, cols: Floats) -> Counts:
        """Counts (n, elements), unrounded, of maps (rows, cols, elements) at positions (n,), (n,) in pixels."""
        return self.settle(self.gather(maps, rows, cols), rows, cols, (maps.shape[0], maps.shape[1]))


def make(name: Name, *, sigma_pixels: float) -> Readout:
    """A way of reading by its name.

    Parameters
    ----------
    name : ``peak`` reads the height at the column (``readout.read_counts``); ``fit`` the height of the label's
        Gaussian that fits around it (``amplitudes``)
    sigma_pixels : standard deviation of the labels' Gaussians
    """
    if name == "peak":
        return Readout(read_counts, _as_gathered, SPLINE_REACH)
    return Readout(
        partial(projections, sigma_pixels=sigma_pixels),
        partial(heights, sigma_pixels=sigma_pixels),
        window_pixels(sigma_pixels),
    )


def of_params(params: "Params") -> Readout:
    """The one that the parameters ask for."""
    return make(params.evaluate.readout, sigma_pixels=params.train.label_sigma_angstrom / params.base.sampling_angstrom)


def of_contract(contract: Contract) -> Readout:
    """The one that a model's intervals were calibrated with."""
    return make(contract.readout, sigma_pixels=contract.label_sigma_angstrom / contract.sampling_angstrom)


def _as_gathered(gathered: Counts, _rows: Floats, _cols: Floats, _shape: tuple[int, int]) -> Counts:
    return gathered
