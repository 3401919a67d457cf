"""One image by an engine, with the settings that the structure asks for."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from heamap import params
from heamap.imaging import engines
from heamap.imaging.simulated import Simulated
from heamap.simulator import DEFAULT_CONFIGURATIONS, DEFAULT_WAVES
from heamap.simulator.field import Field
from heamap.simulator.request import Request
from heamap.structures.orientation import Oriented
from heamap.structures.projection import layer_spacing
from heamap.structures.structure_file import Structure

WINDOW_ANGSTROM: dict[params.EngineName, float] = {"reference": 12.0, "thermal": 6.0}
"""Least width of the window that PRISM keeps of each probe: of all that leaves, or of the mean wave on its way down
(docs/benchmarks.md). Rays that the aberrations spread further come on top, on both sides: in a window of 6 Angstrom a
quarter of a probe 200 Angstrom out of focus wraps around."""

REACH_ANGSTROM = 6.0
"""Atoms this far outside the field scatter into it."""

THICKEST_SLICE_ANGSTROM = 2.9
"""Two layers of any fcc metal of the table along [110]; where atoms form no layers, the slice itself."""


@dataclass(frozen=True)
class Exposure:
    """An image and all that led to it.

    Attributes
    ----------
    simulated : as from the engine, whose image may go on beyond the field
    """

    structure: Structure
    oriented: Oriented
    field: Field
    settings: params.Simulate
    simulated: Simulated

    @property
    def image(self) -> npt.NDArray[np.float32]:
        """The image (rows, cols) of the field, fractions of the incident beam."""
        return np.ascontiguousarray(self.simulated.image[: self.field.pixels, : self.field.pixels])


def slice_thickness(z_angstrom: npt.NDArray[np.float64]) -> float:
    """As many whole layers of atoms as ``THICKEST_SLICE_ANGSTROM`` holds, at least one: two along fcc [110]."""
    spacing = layer_spacing(z_angstrom)
    return THICKEST_SLICE_ANGSTROM if spacing is None else spacing * max(int(THICKEST_SLICE_ANGSTROM / spacing), 1)


def engine_settings(request: Request, z_angstrom: npt.NDArray[np.float64]) -> params.Simulate:
    """The engines' parameters: what the user gave, and what follows from its layers where nothing was given."""
    optics = request.microscope
    windows = {engine: width + 2 * request.spread_angstrom for engine, width in WINDOW_ANGSTROM.items()}
    ranges = {name: (value, value) for name, value in vars(optics).items() if not name.startswith("detector")}
    return params.Simulate(
        engine=request.engine,
        reference_share=0.0,
        microscope=params.Microscope(**ranges),
        detector_mrad=request.detector_mrad,
        slice_angstrom=request.slice_angstrom or slice_thickness(z_angstrom),
        margin_angstrom=REACH_ANGSTROM if request.margin_angstrom is None else request.margin_angstrom,
        workers=1,
        reference=params.Reference(
            configurations=request.configurations or DEFAULT_CONFIGURATIONS,
            window_angstrom=request.window_angstrom or windows["reference"],
        ),
        thermal=params.Thermal(
            waves=request.waves or DEFAULT_WAVES,
            device=request.device or "cpu",
            window_angstrom=request.window_angstrom or windows["thermal"],
        ),
    )


def expose(structure: Structure, oriented: Oriented, field: Field, request: Request) -> Exposure:
    """Simulate the image of a field.

    Raises
    ------
    InputError : it has too many pixels, or would not fit in memory
    """
    field.check_size()
    settings = engine_settings(request, oriented.positions[:, 2])
    # The order of sums in BLAS depends on its number of threads.
    with threadpool_limits(limits=1):
        simulated = engines.simulate(
            request.engine,
            structure.elements,
            field.place(oriented.positions),
            request.microscope,
            base=field.base(request.seed),
            settings=settings,
            sample=0,
        )
    return Exposure(structure, oriented, field, settings, simulated)
