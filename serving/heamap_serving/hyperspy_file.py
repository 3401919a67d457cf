"""Element maps as a HyperSpy file, written by RosettaSciIO."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import heamap
from heamap.elements import ELEMENTS
from heamap_serving import scratch

PIECE_PIXELS = 1024
"""Side of the pieces that maps are written in."""

TITLE = "element maps"
"""Of the signal; it names a group of the file, so no file name goes into it."""


def write_maps(
    path: Path, maps: npt.NDArray[np.float32], sampling_angstrom: float, origin_angstrom: tuple[float, float]
) -> None:
    """Write a signal of five images, one an element, whose axes are in nm.

    HyperSpy opens it as a ``Signal2D`` with one navigation axis; ``original_metadata.heamap.elements`` names its
    positions.

    Parameters
    ----------
    maps : (rows, cols, 5) atoms
    origin_angstrom : place of the first pixel along rows and columns
    """
    import dask
    from rsciio import hspy

    step = sampling_angstrom / 10
    rows, cols = maps.shape[:2]
    plane = [
        _axis(index, name, length, step, first / 10, "nm")
        for index, name, length, first in ((1, "y", rows, origin_angstrom[0]), (2, "x", cols, origin_angstrom[1]))
    ]
    signal: dict[str, Any] = {
        "data": _planes(maps),
        "axes": [_axis(0, f"element ({', '.join(ELEMENTS)})", len(ELEMENTS), 1.0, 0.0, "", navigate=True), *plane],
        "metadata": {
            "General": {"title": TITLE},
            "Signal": {"signal_type": "", "quantity": "atoms in the column"},
            "Sample": {"elements": sorted(ELEMENTS)},
            "_HyperSpy": {"Stacking_history": {}},
        },
        "original_metadata": {
            "heamap": {"elements": list(ELEMENTS), "unit": "atoms", "version": heamap.__version__},
        },
        "attributes": {"_lazy": False, "ragged": False},
        # HyperSpy would ask its user to install the package that is named here, as if it brought a class of its own.
        "package_info": {},
        "tmp_parameters": {},
        "learning_results": {},
        "models": {},
    }
    # Maps of real numbers hardly shrink, so they are not compressed. One thread: pieces lie in the file as they come.
    chunks = (1, min(rows, PIECE_PIXELS), min(cols, PIECE_PIXELS))
    with dask.config.set(scheduler="single-threaded"):
        hspy.file_writer(str(path), signal, compression=None, show_progressbar=False, chunks=chunks)


def _planes(maps: npt.NDArray[np.float32]) -> Any:
    """Maps (5, rows, cols): as they are where they are small, else so that they are read when they are written.

    The latter are Dask's to RosettaSciIO; importing its arrays and the cluster that it looks for takes two seconds.
    """
    if maps.nbytes <= scratch.IN_MEMORY_BYTES:
        return np.ascontiguousarray(np.moveaxis(maps, -1, 0))
    import dask.array as da

    # All elements of a piece at once: they lie side by side in memory.
    pieces = (len(ELEMENTS), PIECE_PIXELS, PIECE_PIXELS)
    return da.from_array(_Planes(maps), chunks=pieces, asarray=False, name=False)


class _Planes:
    """Maps (5, rows, cols) that are read when they are written: of an array, Dask would copy every piece beforehand."""

    def __init__(self, maps: npt.NDArray[np.float32]) -> None:
        self._maps = maps
        self.shape = (maps.shape[2], *maps.shape[:2])
        self.ndim, self.dtype = maps.ndim, maps.dtype

    def __getitem__(self, key: tuple[slice, slice, slice]) -> npt.NDArray[np.float32]:
        element, rows, cols = key
        piece = np.ascontiguousarray(np.moveaxis(self._maps[rows, cols, element], -1, 0))
        scratch.release(self._maps)
        return piece


def _axis(
    index: int, name: str, size: int, scale: float, offset: float, units: str, *, navigate: bool = False
) -> dict[str, Any]:
    return {
        "_type": "UniformDataAxis",
        "name": name,
        "size": size,
        "index_in_array": index,
        "scale": scale,
        "offset": offset,
        "units": units,
        "navigate": navigate,
        "is_binned": False,
    }
