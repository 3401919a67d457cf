"""From a structure file to a folder with its image."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from heamap.errors import InputError
from heamap.simulator import outputs
from heamap.simulator.exposure import Exposure, expose
from heamap.simulator.field import LARGEST_ANGSTROM, STANDARD_ANGSTROM, Field, field_around, middle_field
from heamap.simulator.record import seen_columns, settings_record
from heamap.simulator.request import Request
from heamap.structures.orientation import Oriented, orient
from heamap.structures.structure_file import Structure, read_structure

Tell = Callable[[str], None]


def simulate_structure(path: Path, out: Path, request: Request, tell: Tell) -> None:
    """Read, turn, image and write one structure.

    Parameters
    ----------
    out : made where it is not there; files of the same names in it are replaced
    tell : takes one line at a time on what is done

    Raises
    ------
    InputError : a structure that cannot be simulated, or a folder that cannot be written
    """
    structure = read_structure(path)
    try:
        oriented = orient(structure.positions, request.direction())
        field = field_around(oriented.positions, request)
        if request.field_angstrom is not None:
            field.check_size()
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    try:
        out.mkdir(parents=True, exist_ok=True)
        _describe(path, structure, oriented, tell)
        exposure = _expose(structure, oriented, field, request, tell)
        record = settings_record(path, request, exposure)
        columns = seen_columns(exposure)
        outputs.write(out, exposure.image, columns, record, sampling_angstrom=field.sampling_angstrom)
    except OSError as error:
        raise InputError(f"{out}: {error.strerror or error}; --out must be a folder that can be written") from None
    _sum_up(exposure, request, tell)


def _describe(path: Path, structure: Structure, oriented: Oriented, tell: Tell) -> None:
    if structure.cell_angstrom is not None:
        sides = " x ".join(f"{side:.4g}" for side in structure.cell_angstrom)
        tell(
            f"{path.name}: the periodic cell of {sides} Angstrom is simulated once, its atoms where the file has them "
            "and vacuum around; repeat it first for more"
        )
    if oriented.angle_degree > 0:
        axis = ", ".join(f"{part:.4f}" for part in oriented.axis)
        tell(f"{path.name}: turned by {oriented.angle_degree:.2f} degrees: its [{axis}] lies along the beam")
    counts = np.bincount(oriented.projection.column)
    tell(
        f"{path.name}: {len(structure.elements)} atoms in {len(counts)} columns of up to {counts.max()}; they scatter "
        f"{oriented.projection.scatter_angstrom:.2f} Angstrom about their columns"
    )


def _expose(structure: Structure, oriented: Oriented, field: Field, request: Request, tell: Tell) -> Exposure:
    """The image of the field; of the structure's middle where no field was asked for and the whole is too large."""
    chosen = request.field_angstrom is None and field.side_angstrom > STANDARD_ANGSTROM
    reason = f"{LARGEST_ANGSTROM:g} at most are taken unasked; give --field-angstrom for more"
    if not chosen or field.side_angstrom <= LARGEST_ANGSTROM:
        try:
            return expose(structure, oriented, field, request)
        except InputError as error:
            if not chosen:
                raise
            reason = str(error)
    tell(
        f"a field of {field.side_angstrom:.1f} Angstrom is too large ({reason}): "
        f"its middle {STANDARD_ANGSTROM} Angstrom are simulated"
    )
    return expose(structure, oriented, middle_field(oriented.positions, request), request)


def _sum_up(exposure: Exposure, request: Request, tell: Tell) -> None:
    simulated, field = exposure.simulated, exposure.field
    drawn = "phonon configurations" if request.engine == "reference" else "outgoing waves"
    error = simulated.relative_error
    known = f"{100 * error:.1f} %" if math.isfinite(error) else "not known"
    tell(
        f"{field.pixels} x {field.pixels} pixels of {field.sampling_angstrom:g} Angstrom, {request.engine} engine, "
        f"{drawn}: {simulated.configurations}, standard error of a column's intensity: {known}"
    )
