"""What a laboratory knows of its microscope, written down once (``--microscope FILE.yaml``)."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from heamap.acquisition.acquisition import NOTHING_KNOWN, Acquisition
from heamap.acquisition.fact import Source
from heamap.checking import Block, Positive, PositiveRange, read_yaml
from heamap.errors import InputError

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Detector(Block):
    """One detector; what is left out is unknown. Gain and black level are those of a single frame."""

    angles_mrad: PositiveRange | None = None
    black_level: Finite | None = None
    beam_fraction_per_count: Positive | None = None
    scan: Path | None = None
    """Image of the detector itself, scanned by the beam: gain and black level come from it."""
    current_pa: Positive | None = None
    """Beam current that the gain, or the scan, belongs to; left out: that of the micrographs."""

    @model_validator(mode="after")
    def _one_way_to_the_gain(self) -> Self:
        if self.scan is not None and self.beam_fraction_per_count is not None:
            raise ValueError("give beam_fraction_per_count or a scan of the detector, not both")
        return self

    def levels(self, source: Source, words: str, *, frames: int, beam_current_pa: float | None) -> Acquisition:
        """Gain and black level of an image of this detector.

        Parameters
        ----------
        words : how they were found; empty where they are stated
        frames : whose counts the image adds
        beam_current_pa : of the image; where the gain belongs to a current and this is unknown, so is the gain
        """
        gain, black = self.beam_fraction_per_count, self.black_level
        steps = [words] if words else []
        if gain is not None and self.current_pa is not None:
            gain = None if beam_current_pa is None else gain * self.current_pa / beam_current_pa
            steps.append(f"brought from a beam current of {self.current_pa:g} pA")
        if frames > 1:
            gain, black = (None if gain is None else gain / frames), (None if black is None else black * frames)
            steps.append(f"of one frame, for {frames} added ones")
        levels = {"beam_fraction_per_count": gain, "black_level": black}
        return NOTHING_KNOWN.derived(source, "; ".join(steps), **levels)


class Microscope(Block):
    """A microscope and its detectors."""

    name: str = ""
    energy_kev: Positive | None = None
    semiangle_mrad: Positive | None = None
    beam_current_pa: Positive | None = None
    detectors: dict[str, Detector] = Field(default_factory=dict)
    default_detector: str | None = None
    """Of images whose files name no detector; left out: the only one, where there is one alone."""

    @model_validator(mode="after")
    def _known_default(self) -> Self:
        if self.default_detector is not None and self.default_detector not in self.detectors:
            raise ValueError(f"default_detector {self.default_detector!r} is none of {sorted(self.detectors)}")
        return self

    def detector_named(self, name: str | None) -> tuple[str, Detector] | None:
        """The detector of a file that names one, in upper or lower case, or none.

        Returns
        -------
        its name here and what is known of it; None where it cannot be told which it is
        """
        if name is not None:
            same = [own for own in self.detectors if own.casefold() == name.casefold()]
        elif self.default_detector is not None:
            same = [self.default_detector]
        else:
            same = list(self.detectors)
        return (same[0], self.detectors[same[0]]) if len(same) == 1 else None

    def facts(self, detector: str | None, *, frames: int = 1, beam_current_pa: float | None = None) -> Acquisition:
        """What is known of an image of one of its detectors.

        Parameters
        ----------
        detector : that the file names, or None
        frames : whose counts the image adds
        beam_current_pa : of the image, where an option or the file states it
        """
        known = Acquisition.stated(
            "microscope",
            energy_ev=None if self.energy_kev is None else 1e3 * self.energy_kev,
            semiangle_mrad=self.semiangle_mrad,
            beam_current_pa=self.beam_current_pa,
        )
        found = self.detector_named(detector)
        if found is None:
            return known
        name, own = found
        current = self.beam_current_pa if beam_current_pa is None else beam_current_pa
        return (
            Acquisition.stated("microscope", detector=name, detector_mrad=own.angles_mrad)
            .over(own.levels("microscope", "", frames=frames, beam_current_pa=current))
            .over(known)
        )


def read_microscope(path: Path) -> Microscope:
    """Read a microscope's file; scans that it names lie beside it.

    Raises
    ------
    InputError : the file is missing, is not YAML, or holds an unknown key or an impossible value
    """
    found = read_yaml(Microscope, path)
    placed = {
        name: own if own.scan is None else own.model_copy(update={"scan": path.parent / own.scan})
        for name, own in found.detectors.items()
    }
    return found.model_copy(update={"detectors": placed})


TEMPLATE = """\
# What this microscope is known to do, for: heamap score ... --microscope {name}
# Leave out what you do not know. Options of the command line go first; what is written here goes before what the
# image's file states.
name: my microscope
energy_kev: 200               # energy of the beam
semiangle_mrad: 18            # convergence semiangle of the probe
# beam_current_pa: 50         # current of the probe, where the files do not state it
detectors:
  HAADF:                      # as the files name it; upper or lower case
    angles_mrad: [60, 95]     # inner and outer collection angle at the camera length you use
    # Either gain and black level of one frame (not of added ones):
    # beam_fraction_per_count: 1.2e-6   # fraction of the incident beam that one count above black stands for
    # black_level: 1200                 # counts without beam
    # or an image of the detector itself, scanned by the beam at the same gain (path from this file):
    # scan: haadf_detector_scan.dm4
    # current_pa: 12                    # beam current that gain or scan belongs to, where it differs from the images'
# default_detector: HAADF     # of images whose files name no detector
"""
"""Of a microscope's file, to be filled in; ``name`` is that of the file."""


def write_template(path: Path) -> None:
    """Write a file to be filled in.

    Raises
    ------
    InputError : there is something of that name
    """
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE.format(name=path))
    except FileExistsError:
        raise InputError(f"{path} is there already and stays as it is; choose another name") from None
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
