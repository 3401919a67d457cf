"""Which entries of a folder are micrographs."""

from pathlib import Path

from heamap_serving.io.formats import tia, zspy
from heamap_serving.io.readers import READERS


def is_folder(path: Path) -> bool:
    """Whether a path is a folder of files; a zspy folder is one image."""
    return path.is_dir() and READERS.get(path.suffix.lower()) is not zspy.read


def micrographs_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """Micrographs directly inside a folder, and all else in it but hidden entries, both by name.

    Links to what is not there are among the micrographs: reading them says what they are. An ``.emi`` beside its
    ``.ser`` files is not, for these are read with what it states.
    """
    known: list[Path] = []
    others: list[Path] = []
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith("."):
            continue
        suffix = entry.suffix.lower()
        image = suffix in READERS and not is_folder(entry) and not (suffix == ".emi" and tia.series_of(entry))
        (known if image else others).append(entry)
    return known, others


def files_of(path: Path) -> dict[str, Path]:
    """All files that an image is read from, by their names: those of a zspy folder, a ``.ser`` with its ``.emi``."""
    if path.is_dir():
        inside = sorted(entry for entry in path.rglob("*") if entry.is_file())
        return {f"{path.name}/{entry.relative_to(path).as_posix()}": entry for entry in inside}
    suffix = path.suffix.lower()
    beside = tia.emis_of(path) if suffix == ".ser" else tia.series_of(path) if suffix == ".emi" else []
    return {file.name: file for file in (path, *beside) if file.is_file()}
