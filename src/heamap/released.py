"""The files of the model that ships with heamap: the ONNX file, its card, and the record that the file is held to."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from heamap.checking import Block, read_yaml
from heamap.errors import InputError

MODEL_FILE = "heamap-fcn.onnx"
CARD = "MODEL_CARD.md"
RECORD = "released.json"
MAX_BYTES = 25_000_000
"""Of the ONNX file, which every clone and every wheel carries."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Released(Block):
    """What is recorded of a released model."""

    sha256: Sha256
    """Of ``MODEL_FILE``."""
    bytes: int
    run_id: str
    commit: str
    heamap: str
    """Version that it was released with."""


def is_there(folder: Path) -> bool:
    """Whether a released model lies in a folder."""
    return (folder / RECORD).is_file()


def read(folder: Path) -> Released:
    """The record of the model in a folder.

    Raises
    ------
    InputError : missing, or not what ``write`` writes
    """
    return read_yaml(Released, folder / RECORD)


def write(folder: Path, record: Released, model: bytes, card: str) -> None:
    """Write the three files, the record last: without it, no model is there.

    Raises
    ------
    InputError : the ONNX file is larger than ``MAX_BYTES``
    """
    if len(model) > MAX_BYTES:
        raise InputError(
            f"the ONNX file has {len(model)} bytes, a released one at most {MAX_BYTES}; train with fewer train.filters"
        )
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MODEL_FILE).write_bytes(model)
    (folder / CARD).write_text(card)
    (folder / RECORD).write_text(record.model_dump_json(indent=2) + "\n")
