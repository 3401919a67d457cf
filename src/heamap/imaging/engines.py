"""The simulation engines, by name."""

from dataclasses import replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from heamap import params
from heamap.imaging import box
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
    """Simulate the HAADF image of a particle in a field of view; where the field is empty, it is dark.

    Parameters
    ----------
    elements : (n,) index into ``ELEMENTS``
    positions : (n, 3) Angstrom in field coordinates: x along columns, y along rows, z along the beam
    sample : decides what is drawn at random, with ``base.seed``

    Raises
    ------
    InputError : the engine cannot simulate this field
    """
    part = box.occupied(positions, base)
    corner = base.sampling_angstrom * np.array([part.col, part.row, 0])
    seen = engine(name).simulate(
        elements,
        positions - corner,
        microscope,
        base=base.model_copy(update={"pixels": part.pixels}),
        settings=settings,
        sample=sample,
    )
    image = np.zeros((base.pixels, base.pixels), dtype=np.float32)
    image[part.row : part.row + part.pixels, part.col : part.col + part.pixels] = seen.image
    return replace(seen, image=image)
