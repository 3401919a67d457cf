"""What the user knows of micrographs, joined with what their files state."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from heamap.acquisition import ENTRIES, Acquisition
from heamap.acquisition.dose import with_dose
from heamap.acquisition.microscope import Detector, Microscope
from heamap.contract import Contract
from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap_serving.micrograph import BeamScale, Micrograph

SAME_SHARE = 0.05
"""By which a number of the microscope's file may differ from that of the micrograph's, and mean the same."""

_COMPARED = ("energy_ev", "semiangle_mrad", "detector_mrad")


@dataclass(frozen=True)
class Calibration:
    """What the user knows of the micrographs; each number goes before that of the microscope's file and the image's.

    Attributes
    ----------
    sampling_angstrom : pixel size
    beam_fraction_per_count : fraction of the incident beam that one count above the black level stands for
    black_level : counts without beam
    energy_kev : energy of the beam
    composition : shares of the elements in what is scored, in their order, together 1, known from elsewhere (EDX):
        counts are brought to it (``heamap.evaluation.told_composition``)
    detector_mrad : inner and outer collection angle of the detector
    semiangle_mrad : convergence semiangle of the probe
    beam_current_pa : current of the probe
    dose_per_square_angstrom : electrons on a square Angstrom
    tilt_degree : of the stage, alpha and beta
    scan : gain and black level as a scan of the detector shows them
    microscope : what is known of the microscope
    """

    sampling_angstrom: float | None = None
    beam_fraction_per_count: float | None = None
    black_level: float | None = None
    energy_kev: float | None = None
    composition: tuple[float, ...] | None = None
    detector_mrad: tuple[float, float] | None = None
    semiangle_mrad: float | None = None
    beam_current_pa: float | None = None
    dose_per_square_angstrom: float | None = None
    tilt_degree: tuple[float, float] | None = None
    scan: Detector | None = None
    microscope: Microscope | None = None

    def __post_init__(self) -> None:
        for name, entry in _OPTIONS.items():
            value = getattr(self, name)
            if value is not None:
                # Of arrays and whole numbers, too: the record of the result is JSON.
                checked = ENTRIES[entry].check(value)
                object.__setattr__(self, name, value if entry in _SINGLE else checked)
        told = self.composition
        if told is not None and (len(told) != len(ELEMENTS) or min(told) < 0 or not abs(sum(told) - 1) <= 1e-6):
            raise InputError(f"a composition is {len(ELEMENTS)} shares of 0 or more that sum to 1, got {told}")

    def stated(self) -> Acquisition:
        """The options as facts."""
        values = {entry: getattr(self, name) for name, entry in _OPTIONS.items()}
        kev = values.pop("energy_ev")
        return Acquisition.stated("option", **values, energy_ev=None if kev is None else 1e3 * kev)

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        own = {field.name: getattr(self, field.name) for field in fields(self)}
        return own | {
            name: None if own[name] is None else own[name].model_dump(mode="json") for name in ("scan", "microscope")
        }


_OPTIONS = {
    **{name: name for name in ENTRIES if name in Calibration.__dataclass_fields__},
    "energy_kev": "energy_ev",
}
"""Entry of the acquisition that each number states."""

_SINGLE = ("sampling_angstrom",)
"""Entries of two numbers that an option states as one."""


def resolve(calibration: Calibration, micrograph: Micrograph) -> Acquisition:
    """All that is known of a micrograph: by the options, else the microscope's file, else its own.

    What a file lets be computed (``Fact.derived``) is known less surely than what anyone states, and comes last.
    """
    own = Acquisition.stated("file", sampling_angstrom=micrograph.sampling_angstrom).over(micrograph.known)
    stated, computed = _parted(own)
    options = calibration.stated()
    frames = 1 if micrograph.frames is None else micrograph.frames.number
    ours = None if calibration.microscope is None else calibration.microscope.beam_current_pa
    # A gain is brought to the current that is recorded, by the same order of sources.
    current = options.over(Acquisition.stated("microscope", beam_current_pa=ours)).over(own).value("beam_current_pa")
    known = options
    if calibration.scan is not None:
        words = "from the image of the detector"
        known = known.over(calibration.scan.levels("option", words, frames=frames, beam_current_pa=current))
    if calibration.microscope is not None:
        detector = own.value("detector")
        known = known.over(calibration.microscope.facts(detector, frames=frames, beam_current_pa=current))
    known = known.over(stated)
    return with_dose(known).over(computed)


def demand(known: Acquisition, contract: Contract, fault: str, hints: tuple[str, ...] = ()) -> None:
    """Refuse a micrograph of which too little is known to count atoms in it.

    Parameters
    ----------
    fault : what the file says instead of a pixel size
    hints : why what the user gave does not tell, one line each

    Raises
    ------
    NotCalibratedError : the line names all that is missing, with the options to give
    """
    needed = ["sampling_angstrom"]
    if contract.normalization == "absolute":
        needed += ["beam_fraction_per_count", "black_level", "detector_mrad"]
        needed += [] if contract.energy is None else ["energy_ev"]
    missing = tuple(name for name in needed if known.value(name) is None)
    if missing:
        raise NotCalibratedError(missing, fault, hints)


def hints_of(calibration: Calibration, micrograph: Micrograph, known: Acquisition) -> tuple[str, ...]:
    """Why what the user gave does not tell gain, black level or angles, one line each."""
    found, microscope = [], calibration.microscope
    name = micrograph.known.value("detector")
    own = None if microscope is None else microscope.detector_named(name)
    if microscope is not None and own is None and microscope.detectors:
        held = ", ".join(sorted(microscope.detectors))
        found.append(
            f"the image's file names no detector, and the microscope's file has {held} without a default_detector"
            if name is None
            else f"the image is of the detector {name}, and the microscope's file has {held}"
        )
    measured = (calibration.scan, None if own is None else own[1])
    if known.beam_current_pa is None and any(each is not None and each.current_pa is not None for each in measured):
        found.append("the gain belongs to a beam current: give that of the images with --beam-current-pa")
    return tuple(found)


class NotCalibratedError(InputError):
    """What the model must know of a micrograph is not known.

    Attributes
    ----------
    missing : entries of the acquisition
    """

    def __init__(self, missing: tuple[str, ...], fault: str, hints: tuple[str, ...] = ()) -> None:
        self.missing, self.fault, self.hints = missing, fault, hints
        named = ", ".join(f"{ENTRIES[name].label} ({ENTRIES[name].option})" for name in missing)
        why = f"{fault}; " if "sampling_angstrom" in missing else ""
        ways = "as an option" if len(missing) == 1 else "as options"
        if missing != ("sampling_angstrom",):
            ways += " or, written once for your microscope, by --microscope FILE (heamap microscope init)"
        them = "it" if len(missing) == 1 else "them"
        line = f"{why}not known, and needed to count atoms: {named}; give {them} {ways}"
        super().__init__("; ".join((line, *hints)))

    @property
    def places_columns(self) -> bool:
        """Whether what is known tells where the columns are."""
        return "sampling_angstrom" not in self.missing

    def __reduce__(self) -> tuple[type["NotCalibratedError"], tuple[tuple[str, ...], str, tuple[str, ...]]]:
        # An exception is rebuilt from its text, which this one is not made of; it comes from the workers of a cluster.
        return type(self), (self.missing, self.fault, self.hints)


def beam_scale_of(known: Acquisition) -> BeamScale | None:
    """How counts become fractions of the incident beam; None where gain or black level is unknown."""
    gain, black = known.value("beam_fraction_per_count"), known.value("black_level")
    return None if gain is None or black is None else BeamScale(gain, black)


def fact_doubts(known: Acquisition, calibration: Calibration, micrograph: Micrograph, contract: Contract) -> list[str]:
    """What in the facts makes counts doubtful, one line each."""
    found = _contradictions(calibration, micrograph)
    semiangle = known.value("semiangle_mrad")
    low, high = contract.ranges.semiangle_mrad
    if semiangle is not None and not low * (1 - SAME_SHARE) <= semiangle <= high * (1 + SAME_SHARE):
        found.append(
            f"the convergence semiangle is {semiangle:.3g} mrad, in training {low:g} to {high:g}: columns of another "
            "probe have another brightness"
        )
    series = series_doubt(known, micrograph, contract)
    return found if series is None else [series, *found]


def series_doubt(known: Acquisition, micrograph: Micrograph, contract: Contract) -> str | None:
    """That a gain or black level given by an option may be that of one of the frames that were added."""
    frames = micrograph.frames
    if frames is None or frames.number == 1 or frames.chosen or contract.normalization != "absolute":
        return None
    facts: Mapping[str, Any] = {"gain": known.beam_fraction_per_count, "black level": known.black_level}
    named = [name for name, fact in facts.items() if fact and fact.source == "option" and not fact.derived]
    if not named:
        return None
    return (
        f"{frames.number} frames were added, and {' and '.join(named)} taken as those of their sum: if so, say "
        f"--frames {frames.way}; if they are those of one frame, divide the gain by {frames.number} and multiply the "
        f"black level by {frames.number}, or score one frame (--frames 1)"
    )


def _contradictions(calibration: Calibration, micrograph: Micrograph) -> list[str]:
    """Where the microscope's file and the micrograph's disagree and no option decides."""
    if calibration.microscope is None:
        return []
    ours, theirs = calibration.microscope.facts(micrograph.known.value("detector")), micrograph.known
    decided = calibration.stated()
    found = []
    for name in _COMPARED:
        one, other = ours.value(name), theirs.value(name)
        if one is None or other is None or decided.value(name) is not None:
            continue
        pairs = zip(_numbers(one), _numbers(other), strict=True)
        if any(abs(a - b) > SAME_SHARE * max(abs(a), abs(b)) for a, b in pairs):
            entry = ENTRIES[name]
            found.append(
                f"{entry.label}: the microscope's file says {entry.words(one)}, the image's {entry.words(other)}; "
                f"the former was used, {entry.option} decides"
            )
    return found


def _numbers(value: Any) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)


def _parted(own: Acquisition) -> tuple[Acquisition, Acquisition]:
    """What a file states, and what was computed from it."""
    facts = {name: getattr(own, name) for name in ENTRIES}
    stated = {name: fact for name, fact in facts.items() if fact is not None and not fact.derived}
    computed = {name: fact for name, fact in facts.items() if fact is not None and fact.derived}
    return Acquisition(**stated), Acquisition(**computed)
