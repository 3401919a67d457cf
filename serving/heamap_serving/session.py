"""An ONNX model, held to its contract."""

import ctypes
import hashlib
import os
from base64 import b64decode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from heamap.contract import COLUMNS_KEY, INPUT_NAME, OUTPUT_NAME, Contract
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation import reading
from heamap.evaluation.column_network import LOAD_ERRORS, ColumnNetwork
from heamap.evaluation.counter import Counter
from heamap.seal import seal_fault
from heamap_serving.certainty import check

NAMED = "the file that was named"
"""Origin of a model that nobody keeps."""

CPU = "CPUExecutionProvider"
GPU = "CUDAExecutionProvider"


@dataclass(frozen=True)
class Model:
    """A loaded model.

    Attributes
    ----------
    name : file name
    sha256 : of the file's bytes
    contract : read from its metadata
    provider : the execution provider in use, ``CUDAExecutionProvider`` or ``CPUExecutionProvider``
    version : in the registry; None for a file that comes from elsewhere
    origin : where it comes from, in words
    columns : the network on columns; None where counts are read off the maps alone
    """

    name: str
    sha256: str
    contract: Contract
    provider: str
    session: Any
    version: str | None = None
    origin: str = NAMED
    columns: ColumnNetwork | None = None

    @property
    def counter(self) -> Counter:
        """How counts come from an image and its maps, as the contract has it."""
        contract = self.contract
        return Counter(
            reading.of_contract(contract),
            contract.sampling_angstrom,
            self.columns,
            weight=0.0 if contract.columns is None else contract.columns.weight,
            dark=contract.normalization == "absolute",
        )

    @property
    def on_gpu(self) -> bool:
        return self.provider == GPU

    def predict(self, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Maps (batch, rows, cols, 5) in atoms of normalised images (batch, rows, cols, 1).

        Input and output are bound once to the session's device: on a GPU the pixels cross the bus once each way, and
        on the CPU nothing is copied on the way in.
        """
        binding = self.session.io_binding()
        binding.bind_cpu_input(INPUT_NAME, np.ascontiguousarray(image, dtype=np.float32))
        binding.bind_output(OUTPUT_NAME, "cuda" if self.on_gpu else "cpu")
        self.session.run_with_iobinding(binding)
        maps: npt.NDArray[np.float32] = binding.copy_outputs_to_cpu()[0]
        scale = np.float32(self.contract.intensity_scale)
        return maps if scale == 1 else maps * scale


def load_model(
    path: Path,
    *,
    sha256: str | None = None,
    threads: int | None = None,
    version: str | None = None,
    origin: str = NAMED,
) -> Model:
    """Load an ONNX file onto the GPU where that works, else onto the CPU.

    Parameters
    ----------
    sha256 : of the file as the registry or its release recorded it; None where nobody did
    threads : that the network runs on; None: one on each core that this process may use
    version, origin : that the file has in the registry, and where it comes from, for provenance

    Raises
    ------
    InputError : no such file, another file than the recorded one, a damaged one, not an ONNX model, no contract,
        another element order, other inputs and outputs, or a calibration that cannot be read
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    digest = hashlib.sha256(content).hexdigest()
    if sha256 is not None and digest != sha256:
        raise InputError(f"{path}: SHA-256 is {digest}, recorded was {sha256}; it is another or a damaged file")
    broken = seal_fault(content)
    if broken:
        raise InputError(f"{path}: {broken}")
    try:
        session = onnxruntime.InferenceSession(content, _options(threads), providers=_providers())
    except LOAD_ERRORS as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a usable ONNX model ({reason[:160]})") from None
    metadata = session.get_modelmeta().custom_metadata_map
    contract = Contract.from_metadata(metadata, str(path))
    _check_face(session, path)
    try:
        check(contract)
        columns = _columns(metadata, contract, threads)
    except InputError as fault:
        raise InputError(f"{path}: {fault}") from None
    return Model(path.name, digest, contract, session.get_providers()[0], session, version, origin, columns)


def _columns(metadata: dict[str, str], contract: Contract, threads: int | None) -> ColumnNetwork | None:
    """The network on columns, where the contract has it counted."""
    if contract.columns is None:
        return None
    try:
        content = b64decode(metadata[COLUMNS_KEY], validate=True)
    except (KeyError, ValueError):
        raise InputError("its contract counts by a network on columns, which the file lacks; export it again") from None
    return ColumnNetwork(content, threads=threads or len(os.sched_getaffinity(0)))


def _options(threads: int | None) -> Any:
    options = onnxruntime.SessionOptions()
    # onnxruntime counts two cores of a virtual machine as one with two threads, and then leaves one idle.
    options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
    # A plan of where tensors go saves nothing on a handful of large tiles, and a third of the memory is lost on it.
    options.enable_mem_pattern = False
    # A refused file is told in one line of ours; onnxruntime would print its own besides.
    options.log_severity_level = 4
    return options


def _providers() -> list[str]:
    """The GPU first where a driver is there: without one, onnxruntime prints errors before it falls back."""
    if GPU not in onnxruntime.get_available_providers() or not _cuda_driver():
        return [CPU]
    onnxruntime.preload_dlls()
    return [GPU, CPU]


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
