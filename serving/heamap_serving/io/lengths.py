"""Length units met in micrographs."""

import math
import re
import unicodedata
from functools import cache

_METRE = re.compile(r"(metres?|metros?|metri|metern?)$")
"""Endings of the metre in other spellings and languages: ``nanomètre``, ``nanometri``, ``Nanometern``."""

_PREFIXES = {"mikro": "micro", "piko": "pico"}
"""German and Swedish spellings that differ from those of pint."""


def angstrom(value: float, unit: object) -> float | None:
    """A length in Angstrom; None where the number or the unit gives no length.

    The sign of a step is that of a flipped axis, and is dropped. Spelt-out units, their plurals and every SI prefix are
    read (by pint's registry), ``n_m`` and ``[n_m]`` of EMD files, and the spellings of the Angstrom. Inverse lengths
    (diffraction patterns), energies, times and print sizes are no lengths of a specimen; ``M`` is no metre.

    Examples
    --------
    >>> angstrom(-0.02, "nm")
    0.2
    >>> angstrom(0.02, "1/nm") is None
    True
    """
    if not isinstance(unit, str) or not math.isfinite(value) or value == 0:
        return None
    factor = _angstrom_per(unit)
    length = abs(value) * factor if factor else math.nan
    return length if math.isfinite(length) and length > 0 else None


@cache
def _angstrom_per(unit: str) -> float | None:
    name = _plain(unit)
    if not re.fullmatch(r"[A-Za-zμ]{1,20}", name):
        return None
    import pint

    units = pint.get_application_registry()
    # What pint finds in a name: (prefix, unit, suffix). Inches, points and parsecs are lengths, but not of a specimen.
    bases = {base for _, base, _ in units.parse_unit_name(name)}
    if not bases & {"meter", "angstrom", "micron"}:
        return None
    return float(units.Quantity(1.0, name).to("angstrom").magnitude)


def _plain(unit: str) -> str:
    """The unit as pint spells it; what is no plain name stays as it is."""
    # NFKC makes one of the two code points that the micro sign and the Angstrom sign have.
    name = unicodedata.normalize("NFKC", unit).strip().strip("[]").strip()
    name = re.sub(r"\s*(/|\bper\b)\s*(px|pix|pixels?)$", "", name)
    if re.fullmatch(r"\w(_\w){1,2}", name):
        name = name.replace("_", "")
    if name in ("Å", "å", "A", "AA"):
        return "angstrom"
    if len(name) <= 3:
        return name.lower() if name in ("NM", "PM", "UM", "MM") else name
    # Accents of "ångström" and "nanomètre".
    name = "".join(sign for sign in unicodedata.normalize("NFKD", name.lower()) if not unicodedata.combining(sign))
    for foreign, usual in _PREFIXES.items():
        name = re.sub(f"^{foreign}", usual, name)
    return _METRE.sub("meter", name)
