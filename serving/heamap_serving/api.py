"""The scorer as a library: one image in, a typed result out that shows itself in a notebook."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from heamap.acquisition.microscope import Microscope
from heamap.elements import ELEMENTS
from heamap.evaluation.targets import NI_CO_FE
from heamap_serving import outputs
from heamap_serving.calibration import Calibration
from heamap_serving.choice import Choice, choose
from heamap_serving.composition import SHARED, Composition, composition_of
from heamap_serving.detector_scans import with_detector
from heamap_serving.figure import pixels
from heamap_serving.html_page import table
from heamap_serving.io import Selection, from_signal, is_signal, read_micrograph
from heamap_serving.micrograph import Micrograph, as_image
from heamap_serving.names import shown
from heamap_serving.options import Options, read_elements
from heamap_serving.pictures import data_uri
from heamap_serving.positions import outputs as position_outputs
from heamap_serving.positions.figure import draw_positions
from heamap_serving.positions.records import position_table
from heamap_serving.positions.result import PositionsResult
from heamap_serving.provenance import provenance
from heamap_serving.region import Region
from heamap_serving.report import report
from heamap_serving.report_sections import composition_heads, name_of, share_range
from heamap_serving.results import find_positions
from heamap_serving.score import Scored
from heamap_serving.score import score as score_micrograph
from heamap_serving.session import Model
from heamap_serving.told import told_shares


@dataclass(frozen=True)
class Result:
    """A scored image.

    Attributes
    ----------
    title : name of the image
    scored : image, maps (rows, cols, 5), column positions and counts, as arrays
    model : what scored it
    source : what is recorded of the image
    elements : drawn
    """

    title: str
    scored: Scored
    model: Model
    source: dict[str, Any]
    elements: tuple[str, ...] = ELEMENTS

    @property
    def columns(self) -> pd.DataFrame:
        """The table of columns, as in ``columns.csv``: positions, counts and their intervals, fractions."""
        counted = outputs.count(self.scored, self.model)
        return outputs.column_table(self.scored, self.model.contract.sampling_angstrom, counted)

    @property
    def counts(self) -> npt.NDArray[np.float64]:
        """(n, 5) atoms of each column, unrounded, in the order of ``heamap.elements.ELEMENTS``."""
        return self.scored.counts

    @property
    def composition(self) -> Composition | None:
        """Shares of the image with their intervals; None without columns."""
        return composition_of(self.scored, self.model.contract)

    @property
    def provenance(self) -> dict[str, Any]:
        """What the result rests on, as in ``provenance.json``."""
        return provenance(self.scored, self.model, self.source)

    def plot(self) -> Figure:
        """The picture: image with columns, maps, histograms."""
        return outputs.picture_of(self.scored, self.model, self.title, self.elements)

    def report(self) -> str:
        """The interactive page, as HTML."""
        counted, still = outputs.count(self.scored, self.model), pixels(self.plot(), outputs.PNG_DPI)
        return report(self.title, self.scored, self.model, counted, self.provenance, still, self.elements)

    def save(self, folder: Path | str) -> None:
        """Write all that ``heamap score`` writes for an image."""
        outputs.write(Path(folder), self.title, self.scored, self.model, self.source, self.elements)

    def _repr_png_(self) -> bytes:
        file = BytesIO()
        self.plot().savefig(file, format="png", dpi=100, metadata={"Software": None})
        return file.getvalue()

    def _repr_html_(self) -> str:
        """The picture and the composition, for notebooks."""
        found = self.composition
        picture = f'<img alt="Micrograph, element maps and histograms" src="{data_uri(self._repr_png_())}">'
        head = f"<p><b>{escape(self.title)}</b>: {len(self.counts)} columns</p>"
        if found is None:
            return head + picture
        rows = []
        for target in (*self.elements, NI_CO_FE):
            index = SHARED.index(target)
            rows.append([name_of(target), f"{100 * found.shares[index]:.1f}", share_range(found, index)])
        return head + picture + table(["", *composition_heads(found)], rows)


def score(
    image: Any,
    *,
    sampling_angstrom: float | None = None,
    model: str | Path | Model | None = None,
    beam_fraction_per_count: float | None = None,
    black_level: float | None = None,
    energy_kev: float | None = None,
    detector_mrad: tuple[float, float] | None = None,
    semiangle_mrad: float | None = None,
    microscope: str | Path | Microscope | None = None,
    image_name: str | None = None,
    frames: str | int | None = None,
    composition: Mapping[str, float] | None = None,
    roi: tuple[int, int, int, int] | None = None,
    mask: npt.ArrayLike | None = None,
    elements: str = ",".join(ELEMENTS),
    title: str | None = None,
) -> Result:
    """Find the atom columns of a HAADF image and count the atoms of each element in them.

    Parameters
    ----------
    image : (rows, cols) intensities; a HyperSpy signal, or a signal as RosettaSciIO reads it, with its axes and
        metadata; or a file that ``heamap score`` reads
    sampling_angstrom : pixel size; a file's own is taken where none is given
    model : ONNX file, or what ``heamap_serving.session.load_model`` gave; else the champion of the registry; where
        there is none, the model that ships with heamap
    beam_fraction_per_count, black_level : calibrated detectors: fraction of the incident beam that one count stands
        for, and counts without beam; a file's own are taken where none are given
    energy_kev : energy of the beam; a file's own is taken where none is given
    detector_mrad : inner and outer collection angle of the detector; models of calibrated images need them
    semiangle_mrad : convergence semiangle of the probe
    microscope : what is known of the microscope: its file (``heamap microscope init``), or what it holds
    image_name : of a file with several images; else the one named HAADF
    frames : what becomes of a series: ``align``, ``sum``, or the number of a frame, from 1
    composition : atomic per cent or shares of each element in what is scored, known from elsewhere (EDX); counts are
        brought to it
    roi : x, y, width and height in pixels: the image is scored as if it held nothing else
    mask : (rows, cols) of the image; columns where it is 0 are left out
    elements : to draw, with commas
    title : of the result; else the file's name

    Returns
    -------
    Result

    Raises
    ------
    NotCalibratedError : something is not known that the model needs; the line names all of it.
        ``heamap.find_columns`` finds columns without it
    InputError : whatever else ``heamap score`` refuses; the line says what to do

    Examples
    --------
    >>> known = {"beam_fraction_per_count": 2e-6, "black_level": 1200, "energy_kev": 200, "detector_mrad": (60, 95)}
    >>> result = heamap.score(image, sampling_angstrom=0.15, **known)  # doctest: +SKIP
    >>> result.columns[["x_angstrom", "y_angstrom", "Pt", "low_Pt", "high_Pt"]]  # doctest: +SKIP
    """
    told = None if composition is None else told_shares(composition)
    calibration = Calibration(
        sampling_angstrom,
        beam_fraction_per_count,
        black_level,
        energy_kev,
        told,
        detector_mrad,
        semiangle_mrad,
        microscope=microscope if isinstance(microscope, Microscope) else None,
    )
    if isinstance(microscope, str | Path):
        calibration = with_detector(calibration, microscope=Path(microscope))
    selection = Selection(image_name, None if frames is None else str(frames))
    region = Region(roi, None if mask is None else np.asarray(mask) != 0)
    drawn = read_elements(elements)
    micrograph, name, source = _opened(image, selection)
    chosen = model if isinstance(model, Model) else _load(choose(Path(model) if model else None))
    scored = score_micrograph(micrograph, chosen, calibration, region)
    known = outputs.source_record(source, micrograph, calibration)
    return Result(title or name, scored, chosen, known, drawn)


@dataclass(frozen=True)
class Columns:
    """The columns of an image in which no atoms were counted.

    Attributes
    ----------
    title : name of the image
    found : image, positions, lattice, strain and relative intensities, as arrays
    model : whose sampling and limits were used
    source : what is recorded of the image
    """

    title: str
    found: PositionsResult
    model: Model
    source: dict[str, Any]

    @property
    def columns(self) -> pd.DataFrame:
        """The table of columns: positions, relative intensities, strain; no counts."""
        return position_table(self.found)

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why positions or lattice are doubtful, one line each."""
        return () if self.found.domain is None else self.found.domain.reasons

    def plot(self) -> Figure:
        """The picture: image with columns, relative intensities, strain maps."""
        return draw_positions(self.title, self.found, position_outputs.remarks(self.found, ()))

    def save(self, folder: Path | str) -> None:
        """Write all that ``heamap score`` writes for an image without calibration."""
        position_outputs.write(Path(folder), self.title, self.found, self.model, self.source, (NOT_ASKED,))


NOT_ASKED = "counts were not asked for (heamap.find_columns)"


def find_columns(
    image: Any,
    *,
    sampling_angstrom: float | None = None,
    model: str | Path | Model | None = None,
    image_name: str | None = None,
    frames: str | int | None = None,
    roi: tuple[int, int, int, int] | None = None,
    mask: npt.ArrayLike | None = None,
    title: str | None = None,
) -> Columns:
    """Find the atom columns of an image, their lattice, strain and relative intensities.

    Nothing but the pixel size need be known.

    Parameters
    ----------
    image, sampling_angstrom, model, image_name, frames, roi, mask, title : as of ``score``

    Raises
    ------
    InputError : no pixel size, or no columns
    """
    selection = Selection(image_name, None if frames is None else str(frames))
    micrograph, name, source = _opened(image, selection)
    chosen = model if isinstance(model, Model) else _load(choose(Path(model) if model else None))
    calibration = Calibration(sampling_angstrom)
    region = Region(roi, None if mask is None else np.asarray(mask) != 0)
    found = find_positions(micrograph, chosen, calibration, Options(region))
    return Columns(title or name, found, chosen, outputs.source_record(source, micrograph, calibration))


def _opened(image: Any, selection: Selection) -> tuple[Micrograph, str, dict[str, Any]]:
    """The micrograph of a file, a signal or an array, its name, and what provenance says of where it comes from."""
    if isinstance(image, str | Path):
        path = Path(image)
        return read_micrograph(path, selection=selection), shown(path.name), outputs.file_record(path)
    if is_signal(image):
        found = from_signal(image, selection)
        return found, found.dataset or "image", outputs.array_record(found.image)
    values = np.asarray(image)
    found = Micrograph(as_image(values), None, "an array has no pixel size")
    return found, "image", outputs.array_record(values)


@lru_cache(maxsize=1)
def _load(choice: Choice) -> Model:
    return choice.load()
