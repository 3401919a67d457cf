"""Untrusted micrographs, read in a process of their own that may be stopped."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from heamap.errors import InputError
from heamap_serving import reading_process
from heamap_serving.io.readers import BROKEN_LINK
from heamap_serving.io.selection import HAADF, Selection
from heamap_serving.micrograph import Micrograph
from heamap_serving.names import shown

SECONDS = 30.0
"""A file of no size may take so long to read."""

SECONDS_PER_GIGABYTE = 120.0
"""And so much longer for its size: a slow network drive."""


PIXELS = ".pixels-"
"""How the names of the temporary files start."""


def clear_pixels(folder: Path) -> None:
    """Remove what a killed process left in a folder; another batch of this machine may be at work in it."""
    for path in folder.glob(f"{PIXELS}*"):
        owner = path.name.removeprefix(PIXELS).split("-")[0]
        if not (owner.isdecimal() and _alive(int(owner))):
            path.unlink(missing_ok=True)


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Reader:
    """Reads micrographs in a process that is started once and stopped where a file takes too long or crashes it.

    The process may take no more memory than a file of that size needs (``reading_process.memory_limit``). It leaves the
    pixels in a file, from which they are mapped: they pass through no pipe. Starting it takes half a second, once;
    it starts with the object, beside what else is being prepared.

    Parameters
    ----------
    folder : of the temporary files with pixels; they are gone once mapped
    selection : which image of a file is taken, and what becomes of a series
    seconds : that a file of no size, or a frame of a series, may take

    Attributes
    ----------
    restarts : how often the process had to be started again
    """

    def __init__(self, folder: Path, selection: Selection = HAADF, *, seconds: float = SECONDS) -> None:
        self._folder, self._selection, self._seconds = folder, selection, seconds
        self._process = _start()
        self.restarts = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def read(self, path: Path) -> Micrograph:
        """Read the one image that a file holds, as ``io.read_micrograph`` does.

        Raises
        ------
        InputError : as there, or the file took too long or crashed the reader
        """
        try:
            size = reading_process.file_bytes(path)
        except OSError as error:
            if path.is_symlink():
                raise InputError(BROKEN_LINK.format(shown(path.readlink()))) from None
            raise InputError(error.strerror or "cannot be read") from None
        if self._process.poll() is not None:
            self._process = _start()
            self.restarts += 1
        pixels = self._folder / f"{PIXELS}{os.getpid()}-{threading.get_ident()}"
        try:
            request = {"path": str(path), "pixels": str(pixels), "selection": asdict(self._selection)}
            answer = self._ask(request, self._seconds + SECONDS_PER_GIGABYTE * size / 2**30)
            if "refused" in answer:
                raise InputError(answer["refused"])
            image = np.memmap(pixels, dtype=np.float32, mode="r", shape=tuple(answer["shape"]))
        finally:
            pixels.unlink(missing_ok=True)
        return reading_process.rebuilt(image, answer)

    def _ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._process.kill()

        question = json.dumps(request) + "\n"
        answer: dict[str, Any] = reading_process.AT_WORK
        # Each frame of a series has the time that a file has.
        while answer == reading_process.AT_WORK:
            timer = threading.Timer(seconds, stop)
            timer.start()
            try:
                self._process.stdin.write(question)
                self._process.stdin.flush()
                line, question = self._process.stdout.readline(), ""
            except BrokenPipeError:
                line = ""
            finally:
                timer.cancel()
            if not line:
                break
            answer = json.loads(line)
        else:
            return answer
        code = self._process.wait()
        if late.is_set():
            raise InputError(f"damaged: not read within {seconds:.0f} s")
        cause = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        raise InputError(f"damaged: it crashed the reader ({cause})")

    def _stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(2)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()


def _start() -> subprocess.Popen[str]:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry),
        # Every thread of a library reserves memory that counts against the limit.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
    }
    command = [sys.executable, "-m", reading_process.__name__]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True
    )
