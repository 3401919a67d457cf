"""Length units that microscopes, ImageJ and people write."""

import math

import pytest

from heamap_serving.io.lengths import angstrom


@pytest.mark.parametrize(
    ("value", "unit"),
    [
        *(
            (0.02, unit)
            for unit in ("nm", "n_m", "[n_m]", "[nm]", " nm ", "NM", "nanometer", "nanometers", "Nanometer")
        ),
        *((0.02, unit) for unit in ("nanometre", "nanometres", "nanomètre", "Nanomètres", "nanómetro", "nanometri")),
        *((0.2, unit) for unit in ("Å", "\u212b", "A\u030a", "A", "[Å]", "å", "angstrom", "Angstrom", "angstroms")),
        *((0.2, unit) for unit in ("ångström", "Ångström", "Ångstrom", "ANGSTROM", "angström")),
        *((2e-5, unit) for unit in ("µm", "\u03bcm", "um", "[u_m]", "micron", "microns", "micrometer", "Mikrometer")),
        *((20.0, unit) for unit in ("pm", "p_m", "picometer", "Pikometer")),
        *((2e-11, unit) for unit in ("m", "meter", "meters", "metre")),
        *((2e-8, unit) for unit in ("mm", "millimeters")),
        *((2e-9, unit) for unit in ("cm", "centimeter")),
        (2e4, "fm"),
        (2e-14, "km"),
    ],
)
def test_a_length_is_read_however_it_is_spelt(value, unit):
    assert angstrom(value, unit) == pytest.approx(0.2)
    assert angstrom(-value, unit) == pytest.approx(0.2)


@pytest.mark.parametrize(
    "unit",
    [
        "1/nm",
        "nm^-1",
        "nm-1",
        "[1/n_m]",
        "M",
        "eV",
        "keV",
        "s",
        "min",
        "mrad",
        "rad",
        "inch",
        "in",
        "dpi",
        "pixel",
        "px",
        "pt",
        "point",
        "ft",
        "parsec",
        "au",
        "nmi",
        "Nm",
        "nM",
        "a",
        "<undefined>",
        "1 / nm",
        "2 nm",
        "",
        " ",
        "x" * 999,
        None,
        3,
        b"nm",
    ],
)
def test_other_units_are_no_length(unit):
    assert angstrom(0.2, unit) is None


@pytest.mark.parametrize("value", [0.0, math.nan, math.inf, -math.inf])
def test_a_nonsense_step_is_none(value):
    assert angstrom(value, "nm") is None
