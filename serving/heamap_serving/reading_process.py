"""The process behind ``guarded.Reader``: one request a line, one answer a line."""

import json
import os
import resource
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import numpy.typing as npt

from heamap.acquisition import Acquisition
from heamap_serving.micrograph import Frames, Micrograph

BASE_BYTES = 3 * 2**30
"""Address space of the libraries and of an image of ordinary size."""

BYTES_PER_FILE_BYTE = 32
"""And for every byte of the file: a compressed one holds more than its size."""


def memory_limit(file_bytes: int) -> int:
    """Address space that a file of that size may make the process take, in bytes."""
    return BASE_BYTES + BYTES_PER_FILE_BYTE * file_bytes


AT_WORK: dict[str, Any] = {}
"""Said after each frame of a series: the answer will take longer, and the process does not hang."""


def file_bytes(path: Path) -> int:
    """Size of a file, or of all files of a folder that is one image.

    Raises
    ------
    OSError : it cannot be looked at
    """
    if path.is_dir():
        return sum(entry.stat().st_size for entry in path.rglob("*") if entry.is_file())
    return path.stat().st_size


def answer(request: dict[str, Any], each_frame: Callable[[], None] | None = None) -> dict[str, Any]:
    """Read the file ``path`` as ``selection`` says; leave its pixels, (rows, cols) float32, in the file ``pixels``."""
    from heamap.errors import InputError
    from heamap_serving.io import Selection, read_micrograph

    path, pixels = Path(request["path"]), Path(request["pixels"])
    _limit(memory_limit(file_bytes(path)))
    try:
        micrograph = read_micrograph(path, pixels.parent, Selection(**request["selection"]), each_frame)
        _leave(micrograph.image, pixels)
    except InputError as error:
        return {"refused": str(error)}
    except OSError as error:
        return {"refused": error.strerror or "cannot be read"}
    return {"shape": list(micrograph.image.shape), **described(micrograph)}


def described(micrograph: Micrograph) -> dict[str, Any]:
    """All of a micrograph but its pixels, ready for JSON."""
    return {
        "sampling": micrograph.sampling_angstrom,
        "fault": micrograph.fault,
        "known": micrograph.known.record(),
        "dataset": micrograph.dataset,
        "frames": None if micrograph.frames is None else asdict(micrograph.frames),
    }


def rebuilt(image: npt.NDArray[np.float32], answer: dict[str, Any]) -> Micrograph:
    """The micrograph that ``described`` told of."""
    sampling, frames = answer["sampling"], answer["frames"]
    if frames is not None:
        shifts = tuple((float(row), float(col)) for row, col in frames.pop("shifts_px"))
        frames = Frames(shifts_px=shifts, **frames)
    return Micrograph(
        image,
        None if sampling is None else (sampling[0], sampling[1]),
        answer["fault"],
        Acquisition.from_record(answer["known"]),
        answer["dataset"],
        frames,
    )


def main(requests: TextIO, answers: TextIO) -> None:
    """Answer every request until there are no more."""

    def say(words: dict[str, Any]) -> None:
        answers.write(json.dumps(words) + "\n")
        answers.flush()

    for line in requests:
        say(answer(json.loads(line), lambda: say(AT_WORK)))


def _leave(image: Any, pixels: Path) -> None:
    from heamap_serving import scratch

    with pixels.open("wb") as file:
        for start, stop in scratch.row_bands(image.shape, 2**22):
            image[start:stop].tofile(file)
            scratch.release(image)


def _limit(size: int) -> None:
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (size if most == resource.RLIM_INFINITY else min(size, most), most))


if __name__ == "__main__":
    # What the libraries print would break the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    main(sys.stdin, answers)
