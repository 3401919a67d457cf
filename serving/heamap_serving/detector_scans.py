"""Gain and black level from images of the detector itself, read as micrographs are."""

import tempfile
from dataclasses import replace
from pathlib import Path

from heamap.acquisition.detector_scan import measure_scan, measure_vacuum_beam
from heamap.acquisition.microscope import Detector, Microscope, read_microscope
from heamap.errors import InputError
from heamap_serving.calibration import Calibration
from heamap_serving.guarded import Reader
from heamap_serving.micrograph import Micrograph


def with_detector(
    calibration: Calibration,
    *,
    microscope: Path | None = None,
    scan: Path | None = None,
    vacuum_beam: Path | None = None,
    scan_current_pa: float | None = None,
) -> Calibration:
    """What the user knows, with what files tell of the microscope.

    Parameters
    ----------
    microscope : YAML file of the microscope (``heamap microscope init``)
    scan : image of the detector, scanned by the beam
    vacuum_beam : image of vacuum with the whole beam on the detector; needs a black level
    scan_current_pa : beam current of either, where it is not that of the micrographs

    Raises
    ------
    InputError : a file cannot be read, does not show what it should, or options contradict each other
    """
    if scan is not None and vacuum_beam is not None:
        raise InputError("give --detector-scan or --vacuum-beam, not both")
    image = vacuum_beam if scan is None else scan
    if image is None and scan_current_pa is not None:
        raise InputError("--detector-scan-current-pa needs --detector-scan or --vacuum-beam")
    found = calibration
    if image is not None:
        detector = Detector(black_level=calibration.black_level, scan=image, current_pa=scan_current_pa)
        option = "--vacuum-beam" if scan is None else "--detector-scan"
        found = replace(found, scan=_measured(detector, option, vacuum=scan is None))
    if microscope is not None:
        found = replace(found, microscope=_measured_microscope(read_microscope(microscope), microscope))
    return found


def _measured_microscope(microscope: Microscope, path: Path) -> Microscope:
    """With gain and black level in place of each scan of a detector."""
    detectors = {
        name: own if own.scan is None else _measured(own, f"--microscope {path}: detectors.{name}.scan")
        for name, own in microscope.detectors.items()
    }
    return microscope.model_copy(update={"detectors": detectors})


def _measured(detector: Detector, place: str, *, vacuum: bool = False) -> Detector:
    assert detector.scan is not None
    try:
        image = _read(detector.scan).image
        if vacuum:
            if detector.black_level is None:
                raise InputError("the black level is not known; give it with --black-level")
            found = measure_vacuum_beam(image, black_level=detector.black_level)
        else:
            found = measure_scan(image)
    except InputError as error:
        raise InputError(f"{place} {detector.scan}: {error}") from None
    black = found.dark if detector.black_level is None else detector.black_level
    gain = 1.0 / (found.full - black)
    return Detector(
        angles_mrad=detector.angles_mrad,
        black_level=black,
        beam_fraction_per_count=gain,
        current_pa=detector.current_pa,
    )


def _read(path: Path) -> Micrograph:
    with tempfile.TemporaryDirectory() as folder, Reader(Path(folder)) as reader:
        return reader.read(path)
