"""The simulation engines, by name."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

from heamap import params
from heamap.imaging.microscope import Microscope
from heamap.imaging.simulated import Simulated


class Engine(Protocol):
    """What the module of an engine offers."""

    ENGINE: str

    def simulate(
        self,
        elements: npt.NDArray[np.integer],
        positions: npt.NDArray[np.floating],
        microscope: Microscope,
        *,
        base: params.Base,
        settings: params.Simulate,
        sample: int,
    ) -> Simulated: ...


def engine(name: params.EngineName) -> Engine:
    """The engine of that name; its module is loaded only now, with what it needs."""
    if name == "reference":
        from heamap.imaging import reference

        return reference
    from heamap.imaging import thermal

    return thermal


def version(name: params.EngineName) -> str:
    """Name and version of an engine, as records hold it; another version makes stored images stale."""
    return engine(name).ENGINE


def simulate(
    name: params.EngineName,
    elements: npt.NDArray[np.integer],
    positions: npt.NDArray[np.floating],
    microscope: Microscope,
    *,
    base: params.Base,
    settings: params.Simulate,
    sample: int,
) -> Simulated:
    """Simulate the HAADF image of a particle in a field of view.

    Parameters
    ----------
    elements : (n,) index into ``ELEMENTS``
    positions : (n, 3) Angstrom in field coordinates: x along columns, y along rows, z along the beam
    sample : decides what is drawn at random, with ``base.seed``

    Raises
    ------
    InputError : the engine cannot simulate this field
    """
    return engine(name).simulate(elements, positions, microscope, base=base, settings=settings, sample=sample)
