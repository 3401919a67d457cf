"""The network on columns, as it is exported and used (``heamap.columns`` trains it)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from heamap.errors import InputError
from heamap.evaluation.surroundings import (
    FEATURES,
    NEIGHBOUR_ANGSTROM,
    NEIGHBOURS,
    OFFSETS,
    Surroundings,
)

Shape = tuple[int | None, ...]

INPUTS: dict[str, tuple[Shape, str]] = {
    "features": ((FEATURES,), "float32"),
    "neighbours": ((NEIGHBOURS,), "int32"),
    "offsets": ((NEIGHBOURS, OFFSETS), "float32"),
    "particle": ((), "int32"),
    "shares": ((None,), "float32"),
}
"""Names, shapes behind the axis of columns, and types; the last has an axis of particles."""

OUTPUT = "column_counts"

ROUNDS = 6
"""How often word passes from neighbour to neighbour."""

HEARD_ANGSTROM = ROUNDS * NEIGHBOUR_ANGSTROM
"""How far word comes from at most."""

AT_ONCE = 4096
"""Columns that are counted at a time; messages take 20 kB for each."""

PARTICLES_AT_ONCE = 64
"""Particles that are counted at a time: each column has a share in every one of them, mostly 0."""

LOAD_ERRORS = (
    runtime.Fail,
    runtime.InvalidArgument,
    runtime.InvalidGraph,
    runtime.InvalidProtobuf,
    runtime.NotImplemented,
    runtime.RuntimeException,
)
"""What onnxruntime raises at a file that it cannot run."""


class ColumnNetwork:
    """Counts columns from their surroundings, on the CPU.

    Parameters
    ----------
    content : the bytes of an ONNX file
    threads : that it runs on; None: onnxruntime's choice

    Raises
    ------
    InputError : not an ONNX file, or one with other inputs and outputs
    """

    def __init__(self, content: bytes, *, threads: int | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 4
        try:
            self._session: Any = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        except LOAD_ERRORS as error:
            raise InputError(f"no usable network on columns ({' '.join(str(error).split())[:160]})") from None
        found = {
            item.name: tuple(side if isinstance(side, int) else None for side in item.shape[1:])
            for item in self._session.get_inputs()
        }
        wanted = {name: shape for name, (shape, _) in INPUTS.items()}
        outputs = [item.name for item in self._session.get_outputs()]
        if found != wanted or outputs != [OUTPUT]:
            raise InputError(
                f"the network on columns takes {found} to {outputs}, expected {wanted} to [{OUTPUT!r}]; "
                "export the model with this version of heamap"
            )

    @classmethod
    def read(cls, path: Path) -> "ColumnNetwork":
        """From a file.

        Raises
        ------
        InputError : no such file, or as above
        """
        try:
            return cls(path.read_bytes())
        except OSError as error:
            raise InputError(f"{path}: {error.strerror}; run the columns stage") from None

    def __call__(
        self, around: Surroundings, places_angstrom: npt.NDArray[np.floating], *, at_once: int = AT_ONCE
    ) -> npt.NDArray[np.float64]:
        """Counts (n, 5), unrounded.

        Parameters
        ----------
        around : the n columns of one image
        places_angstrom : (n, 2) where they lie
        at_once : a particle of more columns is halved until its parts have no more, and each part is counted with all
            that it hears from its neighbours; what the particle has in common is then that of the part
        """
        counts = np.empty((len(around), 5))
        for chosen in _portions(around.particle, at_once):
            if len(chosen) <= at_once:
                counts[chosen] = self._run(around.of(chosen))
                continue
            for part in _halved(chosen, places_angstrom, at_once):
                own, all_places = places_angstrom[part], places_angstrom[chosen]
                low, high = own.min(axis=0) - HEARD_ANGSTROM, own.max(axis=0) + HEARD_ANGSTROM
                heard = chosen[((low <= all_places) & (all_places <= high)).all(axis=1)]
                counts[part] = self._run(around.of(heard))[np.searchsorted(heard, part)]
        return counts

    def _run(self, around: Surroundings) -> npt.NDArray[np.float64]:
        given = {name: getattr(around, name) for name in INPUTS}
        return np.asarray(self._session.run([OUTPUT], given)[0], dtype=np.float64)


def _portions(particle: npt.NDArray[np.int32], at_once: int) -> list[npt.NDArray[np.intp]]:
    """Columns in ascending order, whole particles together: a larger one alone, small ones with others."""
    order = np.argsort(particle, kind="stable")
    ends = np.cumsum(np.bincount(particle))
    portions, first, taken = [], 0, 0
    for number, end in enumerate(ends):
        following = ends[number + 1] if number + 1 < len(ends) else None
        taken += 1
        if following is None or following - first > at_once or taken == PARTICLES_AT_ONCE:
            portions.append(np.sort(order[first:end]))
            first, taken = int(end), 0
    return portions


def _halved(
    chosen: npt.NDArray[np.intp], places: npt.NDArray[np.floating], at_once: int
) -> Iterator[npt.NDArray[np.intp]]:
    """Compact parts of a particle's columns: across the longer side, again and again."""
    waiting = [chosen]
    while waiting:
        part = waiting.pop()
        if len(part) <= at_once:
            yield part
            continue
        longer = int(np.argmax(np.ptp(places[part], axis=0)))
        order = part[np.argsort(places[part, longer], kind="stable")]
        waiting += [order[len(order) // 2 :], order[: len(order) // 2]]
