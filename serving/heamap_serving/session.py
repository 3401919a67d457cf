"""An ONNX model, held to its contract."""

import ctypes
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as runtime

from heamap.contract import INPUT_NAME, OUTPUT_NAME, Contract
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap_serving.certainty import check

_LOAD_ERRORS = (
    runtime.Fail,
    runtime.InvalidArgument,
    runtime.InvalidGraph,
    runtime.InvalidProtobuf,
    runtime.NotImplemented,
    runtime.RuntimeException,
)


@dataclass(frozen=True)
class Model:
    """A loaded model.

    Attributes
    ----------
    name : file name
    sha256 : of the file's bytes
    contract : read from its metadata
    provider : the execution provider in use, ``CUDAExecutionProvider`` or ``CPUExecutionProvider``
    version : in the registry; None for a file that was named
    """

    name: str
    sha256: str
    contract: Contract
    provider: str
    session: Any
    version: str | None = None

    def predict(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Maps (batch, rows, cols, 5) in atoms of normalised images (batch, rows, cols, 1)."""
        maps: npt.NDArray[np.float32] = self.session.run([OUTPUT_NAME], {INPUT_NAME: image})[0]
        return maps * np.float32(self.contract.intensity_scale)


def load_model(path: Path, version: str | None = None) -> Model:
    """Load an ONNX file onto the GPU where that works, else onto the CPU.

    Parameters
    ----------
    version : that the file has in the registry, for provenance

    Raises
    ------
    InputError : no such file, not an ONNX model, no contract, another element order, other inputs and
        outputs, or a calibration that cannot be read
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    try:
        session = onnxruntime.InferenceSession(content, providers=_providers())
    except _LOAD_ERRORS as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a usable ONNX model ({reason[:160]})") from None
    contract = Contract.from_metadata(session.get_modelmeta().custom_metadata_map, str(path))
    _check_face(session, path)
    try:
        check(contract)
    except InputError as fault:
        raise InputError(f"{path}: {fault}") from None
    return Model(path.name, hashlib.sha256(content).hexdigest(), contract, session.get_providers()[0], session, version)


def _providers() -> list[str]:
    """The GPU first where a driver is there: without one, onnxruntime prints errors before it falls back."""
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers() or not _cuda_driver():
        return ["CPUExecutionProvider"]
    onnxruntime.preload_dlls()
    return ["CUDAExecutionProvider", "CPUExecutionProvider"]


def _cuda_driver() -> bool:
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def _check_face(session: Any, path: Path) -> None:
    """Names, types and ranks of what goes in and comes out."""
    found = [(item.name, item.type, len(item.shape)) for item in (*session.get_inputs(), *session.get_outputs())]
    wanted = [(name, "tensor(float)", 4) for name in (INPUT_NAME, OUTPUT_NAME)]
    if found != wanted:
        raise InputError(f"{path}: inputs and outputs are {found}, expected {wanted}; export the model with heamap")
    channels = session.get_outputs()[0].shape[-1]
    if channels != len(ELEMENTS):
        raise InputError(f"{path}: {channels} output channels, expected {len(ELEMENTS)} for {', '.join(ELEMENTS)}")
