"""Length units met in micrographs."""

import math

_ANGSTROM_PER = {
    "angstrom": 1.0,
    "angstroms": 1.0,
    "a": 1.0,
    "å": 1.0,
    "pm": 1e-2,
    "p_m": 1e-2,
    "nm": 1e1,
    "n_m": 1e1,
    "nanometer": 1e1,
    "nanometre": 1e1,
    "um": 1e4,
    "u_m": 1e4,
    "µm": 1e4,
    "micron": 1e4,
    "m": 1e10,
}


def angstrom(value: float, unit: str | None) -> float | None:
    """A length in Angstrom; None where the number or the unit gives no length.

    Upper and lower case count for ``m`` alone: ``M`` is no metre. ``[n_m]`` is the way of EMD files. Inverse lengths
    (diffraction patterns), energies and print sizes are none.

    Examples
    --------
    >>> angstrom(0.02, "nm")
    0.2
    >>> angstrom(0.02, "1/nm") is None
    True
    """
    if not isinstance(unit, str) or not math.isfinite(value) or value <= 0:
        return None
    # The Greek mu and the Angstrom sign have two code points each.
    name = unit.strip().strip("[]").replace("\u03bc", "\u00b5").replace("\u212b", "\u00e5")
    factor = _ANGSTROM_PER.get(name if len(name) == 1 and name.isascii() and name != "A" else name.lower())
    return None if factor is None else value * factor
