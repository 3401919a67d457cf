"""Which entries of a folder are micrographs."""

from pathlib import Path

from heamap_serving.io.formats import tia, zspy
from heamap_serving.io.readers import READERS


def micrographs_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """Micrographs directly inside a folder, and its other files, both by name.

    Links to what is not there and zspy folders are among the micrographs: reading them says what they are. An ``.emi``
    beside its ``.ser`` files is left out, for these are read with what it states. Hidden entries are left out.
    """
    known: list[Path] = []
    others: list[Path] = []
    for entry in sorted(folder.iterdir()):
        suffix = entry.suffix.lower()
        if entry.name.startswith(".") or (suffix == ".emi" and tia.series_of(entry)):
            continue
        if entry.is_file() or (entry.is_symlink() and not entry.exists()):
            (known if suffix in READERS else others).append(entry)
        elif entry.is_dir() and READERS.get(suffix) is zspy.read:
            known.append(entry)
    return known, others
