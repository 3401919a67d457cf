"""Micrographs from the file formats of electron microscopy."""

import errno
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from heamap.errors import InputError
from heamap_serving.io.datasets import Dataset, printable
from heamap_serving.io.formats import (
    digital_micrograph,
    hdf5,
    mrc,
    nion_archive,
    numpy_array,
    pantarhei,
    tia,
    tiff,
    zspy,
)
from heamap_serving.io.selection import HAADF, Selection, choose
from heamap_serving.io.series import micrograph
from heamap_serving.micrograph import Micrograph
from heamap_serving.names import shown

READERS: dict[str, Callable[[Path, ExitStack], list[Dataset]]] = {
    ".dm3": digital_micrograph.read,
    ".dm4": digital_micrograph.read,
    ".dm5": hdf5.read,
    ".emd": hdf5.read,
    ".emi": tia.read_emi,
    ".ser": tia.read_ser,
    ".tif": tiff.read,
    ".tiff": tiff.read,
    ".hspy": hdf5.read,
    ".h5": hdf5.read,
    ".hdf5": hdf5.read,
    ".ndata1": nion_archive.read,
    ".mrc": mrc.read,
    ".prz": pantarhei.read,
    ".zspy": zspy.read,
    ".npy": numpy_array.read,
}
"""Reader by suffix."""


BROKEN_LINK = "a link to {}, which is not there: fetch the data (dvc pull, git annex get), or connect the drive"
"""Of the file that it points to."""

LINE_LENGTH = 1000
"""Of a refusal that lists images."""


def read_micrograph(
    path: Path, folder: Path | None = None, selection: Selection = HAADF, each_frame: Callable[[], None] | None = None
) -> Micrograph:
    """Read the one image that a file holds, or the one that is chosen of several.

    Of several images the HAADF image or series is taken, by the name of its detector; a series becomes one image
    (``series``). A file that somebody made to do harm, or that is damaged in an unlucky place, may hang or eat the
    memory: ``guarded.Reader`` reads in a process of its own.

    Parameters
    ----------
    path : file of one of the formats of ``READERS``
    folder : of the temporary file that a large image is kept in
    selection : which image, and what becomes of a series
    each_frame : called after each frame of a series that was added, which may take a while

    Raises
    ------
    InputError : an unknown suffix, a missing, damaged or unreadable file, or one that holds no single greyscale image;
        the line leaves the path to the caller
    """
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"suffix {path.suffix!r} is none of {', '.join(READERS)}")
    if not path.is_file() and not (path.is_dir() and reader is zspy.read):
        if path.is_symlink():
            raise InputError(BROKEN_LINK.format(shown(path.readlink())))
        raise InputError("no such file" if not path.is_dir() else "a folder, not a file")
    if path.is_file() and not path.stat().st_size:
        raise InputError("the file is empty (0 bytes)")
    try:
        with ExitStack() as files:
            chosen = choose(reader(path, files), selection)
            return micrograph(chosen, selection, folder, each_frame or (lambda: None))
    except InputError as error:
        raise InputError(printable(str(error), LINE_LENGTH)) from None
    except MemoryError:
        raise InputError("damaged: it asks for more memory than a file of its size can need") from None
    except ModuleNotFoundError as error:
        raise InputError(f"the Python package {error.name!r}, which reads such files, is not installed") from None
    # A damaged file makes the third-party readers raise anything, from struct.error and KeyError to bare Exception
    # (tests/unit/serving/test_serving_damaged.py cuts real files short): one boundary turns it into one line.
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        reason = printable(str(error), 160) or "no reason given"
        raise InputError(f"damaged or not a {path.suffix} file ({type(error).__name__}: {reason})") from error
