"""``heamap score`` and ``heamap microscope``."""

import argparse
import logging
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from heamap.errors import InputError

if TYPE_CHECKING:
    from heamap_serving.batch import Summary
    from heamap_serving.calibration import Calibration

DEFAULT_MODEL = "heamap-fcn"

POSITIONS_ONLY = 3
"""Exit code of a batch that was read whole, but in which not every image could be counted."""


def add_score(parser: argparse.ArgumentParser) -> None:
    """The options of ``heamap score``."""
    parser.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="files of a microscope (dm3, dm4, emd, ser, emi, mrc, prz, ndata1, tif, hspy, zspy, h5, hdf5, npy) or "
        "folders of them; none with --watch",
    )
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="where the results go")
    model = parser.add_mutually_exclusive_group()
    model.add_argument(
        "--model", type=Path, metavar="FILE", help="ONNX file; else the registry's champion, else the released"
    )
    model.add_argument("--model-name", metavar="NAME", help=f"champion of this name, and no other ({DEFAULT_MODEL})")
    _add_image(parser)
    _add_known(parser)
    _add_output(parser)
    parser.set_defaults(command=_score)


def _add_image(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("which image of a file, and which part of it")
    group.add_argument("--image", metavar="NAME", help="of a file with several images (the one named HAADF)")
    group.add_argument(
        "--frames",
        metavar="WAY",
        help="of a series: align (shift the frames onto each other and add them, the default), sum (add them as they "
        "are), or the number of one frame, from 1",
    )
    group.add_argument(
        "--roi",
        type=int,
        nargs=4,
        metavar=("X", "Y", "WIDTH", "HEIGHT"),
        help="score this rectangle of every image alone; pixels of the image, X to the right, Y down",
    )
    group.add_argument(
        "--mask",
        type=Path,
        metavar="FILE",
        help="npy, png or tif of the images' shape; columns where it is 0 are left out",
    )


def _add_known(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "what you know of the images",
        "each option goes before --microscope, which goes before what the files state; what nobody states is asked for",
    )
    for option, letter, text in (
        ("--sampling-angstrom", "X", "pixel size"),
        ("--beam-fraction-per-count", "F", "gain: fraction of the incident beam that one count above black stands for"),
        ("--black-level", "N", "counts without beam"),
        ("--energy-kev", "E", "energy of the beam"),
        ("--semiangle-mrad", "A", "convergence semiangle of the probe"),
        ("--beam-current-pa", "I", "current of the probe"),
        ("--dose-per-square-angstrom", "D", "electrons on a square Angstrom"),
    ):
        group.add_argument(option, type=float, metavar=letter, help=text)
    group.add_argument(
        "--detector-mrad",
        type=float,
        nargs=2,
        metavar=("INNER", "OUTER"),
        help="collection angles of the detector",
    )
    group.add_argument("--tilt-degree", type=float, nargs=2, metavar=("ALPHA", "BETA"), help="tilt of the stage")
    group.add_argument(
        "--composition",
        metavar="LIST",
        help="atomic per cent of what is scored, known from elsewhere (EDX), as Pt=20,Ni=20,Pd=20,Co=20,Fe=20",
    )
    group.add_argument(
        "--microscope", type=Path, metavar="FILE", help="what is known of the microscope (heamap microscope init)"
    )
    group.add_argument(
        "--detector-scan",
        type=Path,
        metavar="FILE",
        help="image of the detector, scanned by the beam at the gain of the images: gives gain and black level",
    )
    group.add_argument(
        "--vacuum-beam",
        type=Path,
        metavar="FILE",
        help="image of vacuum with the whole beam on the detector: gives the gain, with --black-level",
    )
    group.add_argument(
        "--detector-scan-current-pa",
        type=float,
        metavar="I",
        help="beam current of either, where it differs from that of the images (--beam-current-pa)",
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("how it is done, and what is written")
    group.add_argument("--scheduler", metavar="ADDRESS", help="spread the files over the workers of a Dask scheduler")
    group.add_argument("--elements", metavar="LIST", help="to draw, as Pt,Ni; tables and maps hold all five")
    group.add_argument(
        "--tables", action="store_true", help="tables and maps alone, no pictures and no reports: for long series"
    )
    group.add_argument(
        "--watch", type=Path, metavar="DIR", help="score each micrograph that lands in this folder, until Ctrl-C"
    )


def add_microscope(parser: argparse.ArgumentParser) -> None:
    """``heamap microscope init``."""
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    init = verbs.add_parser("init", help="write a file with comments, to be filled in and given by --microscope")
    init.add_argument(
        "file", nargs="?", type=Path, default=Path("microscope.yaml"), metavar="FILE", help="(%(default)s)"
    )
    init.set_defaults(command=_init_microscope)


def _init_microscope(arguments: argparse.Namespace) -> int:
    from heamap.acquisition.microscope import write_template

    write_template(arguments.file)
    print(f"{arguments.file}: fill it in, then: heamap score IMAGES --out DIR --microscope {arguments.file}")
    return 0


def _score(arguments: argparse.Namespace) -> int:
    from heamap_serving.batch import find_micrographs, score_batch
    from heamap_serving.choice import choose
    from heamap_serving.io import Selection
    from heamap_serving.names import shown
    from heamap_serving.options import read_options
    from heamap_serving.watch import watch

    for reader in ("rsciio", "tifffile"):
        logging.getLogger(reader).setLevel(logging.CRITICAL)
    options = read_options(
        arguments.roi,
        arguments.mask,
        arguments.elements,
        tables=arguments.tables,
        selection=Selection(arguments.image, arguments.frames),
    )
    if bool(arguments.paths) == (arguments.watch is not None):
        raise InputError("give either micrographs (PATH) or a folder to watch (--watch DIR)")
    if arguments.watch is not None and arguments.scheduler is not None:
        raise InputError("--watch scores on this machine: leave out --scheduler, or --watch")
    calibration = _calibration(arguments)
    try:
        arguments.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {arguments.out}: {error.strerror}; it must be a folder that can be written") from None
    if arguments.watch is not None:
        model = choose(arguments.model, arguments.model_name).load()
        # A process that a shell starts in the background ignores interrupts, and could not be ended cleanly.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return 1 if watch(arguments.watch, arguments.out, model, calibration, options, _say).failed else 0
    found = find_micrographs(arguments.paths)
    choice = choose(arguments.model, arguments.model_name)
    model = choice.load()
    for path in found.skipped:
        print(f"skipped {shown(path)}: {_why_skipped(path)}", file=sys.stderr)
    if arguments.scheduler is None:
        summary = score_batch(found, arguments.out, model, calibration, options)
    else:
        from heamap_serving.spread import score_spread

        summary = score_spread(found, arguments.out, model, choice.path, calibration, arguments.scheduler, options)
    return _outcome(summary, arguments.out, f"{model.name} on {model.provider}")


def _calibration(arguments: argparse.Namespace) -> "Calibration":
    from heamap_serving.calibration import Calibration
    from heamap_serving.detector_scans import with_detector
    from heamap_serving.told import read_told

    told = arguments.composition
    known = Calibration(
        arguments.sampling_angstrom,
        arguments.beam_fraction_per_count,
        arguments.black_level,
        arguments.energy_kev,
        None if told is None else read_told(told),
        None if arguments.detector_mrad is None else tuple(arguments.detector_mrad),
        semiangle_mrad=arguments.semiangle_mrad,
        beam_current_pa=arguments.beam_current_pa,
        dose_per_square_angstrom=arguments.dose_per_square_angstrom,
        tilt_degree=None if arguments.tilt_degree is None else tuple(arguments.tilt_degree),
    )
    return with_detector(
        known,
        microscope=arguments.microscope,
        scan=arguments.detector_scan,
        vacuum_beam=arguments.vacuum_beam,
        scan_current_pa=arguments.detector_scan_current_pa,
    )


def _outcome(summary: "Summary", out: Path, scorer: str) -> int:
    """What a batch came to, in words and as an exit code."""
    from heamap_serving.names import shown

    for record in summary.records:
        if record.get("aggregated"):
            print(f"{shown(record['file'])}: {record['aggregated']}")
        if record.get("told_outside"):
            print(f"{shown(record['file'])}: told outside of what the image alone says: {record['told_outside']}")
    done = len(summary.records) - summary.failed - summary.positions_only
    found = f", {summary.positions_only} positions only" if summary.positions_only else ""
    print(f"{done} of {len(summary.records)} scored{found} with {scorer}; see {out}")
    return 1 if summary.failed else POSITIONS_ONLY if summary.positions_only else 0


def _why_skipped(path: Path) -> str:
    if path.is_dir():
        return "a folder; name it to score what it holds"
    return "read with the .ser files beside it" if path.suffix.lower() == ".emi" else "not a micrograph"


def _say(line: str) -> None:
    print(line, flush=True)
