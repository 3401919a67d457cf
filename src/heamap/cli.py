"""``heamap``: score micrographs, simulate structures, redraw the paper's figures, keep and release models."""

import argparse
import errno
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from heamap import __version__
from heamap.cli_score import DEFAULT_MODEL, add_microscope, add_score
from heamap.errors import InputError
from heamap.simulator import DEFAULT_CONFIGURATIONS, DEFAULT_ENGINE, DEFAULT_WAVES

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What a disk says that takes no more."""

_FORBIDDEN = (errno.EROFS, errno.EACCES, errno.EPERM)
"""What a disk says that may not be written, or a file that may not be read."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns
    -------
    0 when all went well, 1 when some files of a batch or links of a lineage failed or figures were left out, 2 on bad
    input
    """
    arguments = _parser().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except InputError as error:
        print(f"heamap: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in (*_NO_ROOM, *_FORBIDDEN):
            raise
        place = f"{error.filename}: " if error.filename else ""
        advice = "; what is finished is kept, run it again to go on" if error.errno in _NO_ROOM else ""
        print(f"heamap: {place}{error.strerror}{advice}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="heamap", description="Element maps of alloy particles from HAADF images.")
    parser.add_argument("--version", action="version", version=f"heamap {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    add_score(commands.add_parser("score", help="score micrographs: columns, counts, maps and a picture of each"))
    add_microscope(commands.add_parser("microscope", help="write down once what you know of your microscope"))

    _add_simulate(commands.add_parser("simulate", help="simulate the HAADF image of a structure of your own"))

    figures = commands.add_parser("figures", help="redraw the paper's figures from what the line made in this folder")
    figures.add_argument("--out", required=True, type=Path, metavar="DIR", help="where the figures and numbers go")
    figures.add_argument(
        "--beside",
        type=Path,
        metavar="FILE",
        help="comparison.csv of a line under another condition: also say which of the paper's numbers hold under each",
    )
    figures.set_defaults(command=_figures)

    rollback = commands.add_parser("rollback", help="make the previous champion champion again")
    rollback.add_argument("--model-name", default=DEFAULT_MODEL, metavar="NAME", help="in the registry (%(default)s)")
    rollback.set_defaults(command=_rollback)

    lineage = commands.add_parser("lineage", help="trace a version back to its data and check every hash")
    lineage.add_argument("version", help="version in the registry")
    lineage.add_argument("--model-name", default=DEFAULT_MODEL, metavar="NAME", help="in the registry (%(default)s)")
    lineage.set_defaults(command=_lineage)

    release = commands.add_parser("release", help="write the champion of a finished line and its model card")
    release.add_argument("line", type=Path, metavar="LINE", help="folder in which the line has run, as build/release")
    release.add_argument("--out", required=True, type=Path, metavar="FOLDER", help="where model, card and record go")
    release.add_argument("--model-name", default=DEFAULT_MODEL, metavar="NAME", help="in the registry (%(default)s)")
    release.set_defaults(command=_release)
    return parser


def _add_simulate(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("structure", type=Path, metavar="STRUCTURE", help="xyz, cif, POSCAR, ...: whatever ASE reads")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="where the results go")
    parser.add_argument("--engine", choices=("reference", "thermal"), default=DEFAULT_ENGINE, help="(%(default)s)")
    for name, default, text in (
        ("--energy-kev", 200.0, "energy of the electrons"),
        ("--semiangle-mrad", 18.0, "convergence semiangle"),
        ("--defocus-angstrom", 0.0, "positive: crossover below the entrance"),
        ("--spherical-aberration-angstrom", 0.0, "C30; 1 micrometre is 1e4"),
        ("--astigmatism-angstrom", 0.0, "two-fold, C12"),
        ("--astigmatism-angle-degree", 0.0, "from x (along columns) to y (along rows)"),
        ("--sampling-angstrom", 0.2, "pixel size of the image"),
    ):
        parser.add_argument(name, type=float, default=default, metavar="X", help=f"{text} (%(default)g)")
    parser.add_argument(
        "--detector-mrad",
        type=float,
        nargs=2,
        default=(70.0, 200.0),
        metavar=("INNER", "OUTER"),
        help="collection angles (70 200)",
    )
    for name, text in (
        ("--field-angstrom", "side of the square image (the structure and a rim)"),
        ("--margin-angstrom", "around the field, where atoms count too (6)"),
        ("--slice-angstrom", "multislice thickness (two layers of atoms along [110])"),
        ("--window-angstrom", "least width of PRISM's window around each probe (reference 12, thermal 6)"),
    ):
        parser.add_argument(name, type=float, metavar="X", help=text)
    for name, text in (
        ("--configurations", f"phonon configurations of the reference engine ({DEFAULT_CONFIGURATIONS})"),
        ("--waves", f"outgoing waves of the thermal engine ({DEFAULT_WAVES})"),
    ):
        parser.add_argument(name, type=int, metavar="N", help=text)
    parser.add_argument("--device", choices=("cpu", "cuda"), help="that the thermal engine runs on (cpu)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the phonons (%(default)s)")
    parser.add_argument(
        "--axis",
        default="auto",
        metavar="AXIS",
        help="what lies along the beam: auto (z, or the column direction found), x, y, z or a vector as --axis=1,-1,0",
    )
    parser.set_defaults(command=_simulate)


def _simulate(arguments: argparse.Namespace) -> int:
    _need("nothing to simulate with", "abtem", "ase")
    from heamap.simulator.request import Request
    from heamap.simulator.run import simulate_structure

    options = vars(arguments)
    asked = {name: options[name] for name in Request.__dataclass_fields__}
    request = Request(**asked | {"detector_mrad": tuple(arguments.detector_mrad)})
    simulate_structure(arguments.structure, arguments.out, request, lambda line: print(line, flush=True))
    print(f"see {arguments.out}")
    return 0


def _figures(arguments: argparse.Namespace) -> int:
    _need("nothing to draw from", "ase", "zarr")
    from heamap.paper.evidence import check_folder, draw_evidence

    check_folder(arguments.out)
    drawn = draw_evidence(Path(), arguments.out, arguments.beside)
    for line in drawn.left_out:
        print(f"heamap: {line}", file=sys.stderr)
    print(f"{len(drawn.figures)} figures drawn; see {arguments.out / 'index.html'}")
    return 1 if drawn.left_out else 0


def _need(fault: str, *packages: str) -> None:
    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise InputError(f"{fault}: {', '.join(missing)} not installed; install heamap[line]")


def _rollback(arguments: argparse.Namespace) -> int:
    print(_registry("install heamap[line]").rollback(arguments.model_name))
    print("what the line scored is still the former champion's: dvc repro --force --single-item score")
    return 0


def _lineage(arguments: argparse.Namespace) -> int:
    trace = _registry("install heamap[line]").lineage(arguments.model_name, arguments.version)
    print(trace)
    return 0 if trace.sound else 1


def _release(arguments: argparse.Namespace) -> int:
    _need("nothing to release from", "mlflow", "onnx", "zarr")
    from heamap.lifecycle.release import release

    record = release(arguments.line.resolve(), arguments.out, arguments.model_name)
    print(f"{arguments.out}: {record.bytes / 1e6:.1f} MB, SHA-256 {record.sha256}; read its MODEL_CARD.md")
    return 0


def _registry(remedy: str) -> ModuleType:
    """The registry, which the scorer's own installation goes without."""
    if find_spec("mlflow") is None:
        raise InputError(f"no model registry here: MLflow is not installed; {remedy}")
    return import_module("heamap.lifecycle.registry")
