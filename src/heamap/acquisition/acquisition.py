"""The facts of an acquisition as one value."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, Self

from heamap.acquisition.fact import Fact, Source
from heamap.errors import InputError

Pair = tuple[float, float]


@dataclass(frozen=True)
class Acquisition:
    """What is known of how a micrograph was taken; None where nobody states it.

    Attributes
    ----------
    sampling_angstrom : pixel size along rows and along columns
    beam_fraction_per_count : gain of the detector: fraction of the incident beam that one count above black stands for
    black_level : counts without beam
    energy_ev : energy of the beam
    semiangle_mrad : convergence semiangle of the probe
    detector_mrad : inner and outer collection angle of the detector
    detector : its name
    beam_current_pa : current of the probe
    dwell_time_s : of the beam on a pixel, all frames together
    dose_per_square_angstrom : electrons on a square Angstrom of the specimen, all frames together
    tilt_degree : of the stage, alpha and beta
    """

    sampling_angstrom: Fact[Pair] | None = None
    beam_fraction_per_count: Fact[float] | None = None
    black_level: Fact[float] | None = None
    energy_ev: Fact[float] | None = None
    semiangle_mrad: Fact[float] | None = None
    detector_mrad: Fact[Pair] | None = None
    detector: Fact[str] | None = None
    beam_current_pa: Fact[float] | None = None
    dwell_time_s: Fact[float] | None = None
    dose_per_square_angstrom: Fact[float] | None = None
    tilt_degree: Fact[Pair] | None = None

    @classmethod
    def stated(cls, source: Source, **values: Any) -> Self:
        """Facts of one source that are stated as they are; None and what is no such value are left out.

        A file may hold anything: 0 for an energy that nobody entered, text, NaN. What an option states is checked by
        ``Entry.check`` before.
        """
        known = {name: ENTRIES[name].read(value) for name, value in values.items()}
        facts: dict[str, Any] = {name: Fact(value, source) for name, value in known.items() if value is not None}
        return cls(**facts)

    def over(self, other: "Acquisition") -> "Acquisition":
        """The facts of both; where both state one, this one goes first."""
        return Acquisition(**{name: getattr(self, name) or getattr(other, name) for name in ENTRIES})

    def derived(self, source: Source, words: str, **values: Any) -> "Acquisition":
        """With facts computed from others; what is stated stays."""
        known = {name: ENTRIES[name].read(value) for name, value in values.items()}
        facts: dict[str, Any] = {n: Fact(v, source, words) for n, v in known.items() if v is not None}
        return self.over(Acquisition(**facts))

    def value(self, name: str) -> Any:
        """Value of an entry; None where nobody states it."""
        fact: Fact[Any] | None = getattr(self, name)
        return None if fact is None else fact.value

    def record(self) -> dict[str, Any]:
        """For provenance: every entry by name, with its unit; None where nobody states it."""
        facts = {name: getattr(self, name) for name in ENTRIES}
        return {
            name: None if fact is None else fact.record() | {"unit": ENTRIES[name].unit or None}
            for name, fact in facts.items()
        }

    @classmethod
    def from_record(cls, record: dict[str, Any]) -> Self:
        """What ``record`` wrote."""
        facts: dict[str, Any] = {}
        for name, entry in record.items():
            if entry is not None:
                value = tuple(entry["value"]) if isinstance(entry["value"], list) else entry["value"]
                facts[name] = Fact(value, entry["source"], entry["derived"] or "")
        return cls(**facts)


@dataclass(frozen=True)
class Entry:
    """What one fact is called, and which values it may have.

    Attributes
    ----------
    label : in words, for pages and messages
    unit : of its value
    option : of the command line that states it; empty where none does
    reads : gives the value in its type, or raises ``ValueError`` or ``TypeError`` with what is wrong
    """

    label: str
    unit: str
    option: str
    reads: Callable[[Any], Any]

    def read(self, value: Any) -> Any:
        """The value in its type; None where it is none."""
        try:
            return self.reads(value)
        except (TypeError, ValueError):
            return None

    def words(self, value: Any) -> str:
        """The value with its unit, for pages and messages; energies in keV."""
        parts = value if isinstance(value, list | tuple) else [value]
        scale, unit = (1e-3, "keV") if self.unit == "eV" else (1.0, self.unit)
        shown = [part if isinstance(part, str) else f"{scale * part:.5g}" for part in parts]
        return f"{' and '.join(shown)} {unit}".strip()

    def check(self, value: Any) -> Any:
        """The value in its type.

        Raises
        ------
        InputError : it is none; the line names the option
        """
        try:
            return self.reads(value)
        except (TypeError, ValueError) as error:
            raise InputError(f"{self.option.split()[0]} {error}") from None


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"must be a number, got {value!r}") from None
    if not math.isfinite(number):
        raise ValueError(f"must be a number, got {number:g}")
    return number


def _positive(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"must be a positive number, got {value!r}") from None
    if not (math.isfinite(number) and number > 0):
        raise ValueError(f"must be a positive number, got {number:g}")
    return number


def _pair(values: Iterable[Any], each: Callable[[Any], float]) -> Pair:
    one, other = (each(value) for value in values)
    return one, other


def _steps(value: Any) -> Pair:
    if isinstance(value, Iterable):
        return _pair(value, _positive)
    step = _positive(value)
    return step, step


def _angles(value: Any) -> Pair:
    try:
        inner, outer = (float(angle) for angle in value)
    except (TypeError, ValueError):
        raise ValueError(f"must be two angles in mrad, got {value}") from None
    if not 0 <= inner < outer < math.inf:
        raise ValueError(f"must be an inner and a larger outer angle, got {inner:g} {outer:g}")
    return inner, outer


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"must be a name, got {value!r}")
    return value.strip()


ENTRIES: dict[str, Entry] = {
    "sampling_angstrom": Entry("pixel size", "Angstrom", "--sampling-angstrom X", _steps),
    "beam_fraction_per_count": Entry("gain of the detector", "1 / count", "--beam-fraction-per-count F", _positive),
    "black_level": Entry("black level", "counts", "--black-level N", _number),
    "energy_ev": Entry("beam energy", "eV", "--energy-kev E", _positive),
    "semiangle_mrad": Entry("convergence semiangle", "mrad", "--semiangle-mrad A", _positive),
    "detector_mrad": Entry("collection angles of the detector", "mrad", "--detector-mrad INNER OUTER", _angles),
    "detector": Entry("detector", "", "", _name),
    "beam_current_pa": Entry("beam current", "pA", "--beam-current-pa I", _positive),
    "dwell_time_s": Entry("dwell time", "s", "", _positive),
    "dose_per_square_angstrom": Entry("dose", "electrons / Angstrom^2", "--dose-per-square-angstrom D", _positive),
    "tilt_degree": Entry("stage tilt", "degree", "--tilt-degree ALPHA BETA", lambda value: _pair(value, _number)),
}
"""By name of ``Acquisition``'s attributes, in their order."""

assert tuple(ENTRIES) == tuple(field.name for field in fields(Acquisition))

NOTHING_KNOWN = Acquisition()
