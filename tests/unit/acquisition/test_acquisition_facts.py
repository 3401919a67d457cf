import json

import numpy as np
import pytest

from heamap.acquisition import ENTRIES, Acquisition, Fact
from heamap.errors import InputError


def test_the_first_of_two_sources_goes_before_the_second_entry_by_entry():
    option = Acquisition.stated("option", energy_ev=2e5)
    file = Acquisition.stated("file", energy_ev=3e5, black_level=-676)
    known = option.over(file)
    assert known.energy_ev == Fact(2e5, "option")
    assert known.black_level == Fact(-676.0, "file")
    assert known.value("semiangle_mrad") is None


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("energy_ev", (0, -2e5, float("nan"), float("inf"), "none", None, [])),
        ("black_level", (float("nan"), "", None)),
        ("detector_mrad", ((0, 0), (95, 60), (60,), (60, 95, 120), "60 95", 60, None, (float("nan"), 95))),
        ("sampling_angstrom", ((0.2, 0.0), (-0.2, 0.2), (0.2,), 0, None)),
        ("detector", ("", "  ", 3, None)),
        ("tilt_degree", ((1.0,), 1.0, None)),
    ],
)
def test_what_is_no_value_is_unknown(name, values):
    for value in values:
        assert getattr(Acquisition.stated("file", **{name: value}), name) is None, value


def test_values_of_any_kind_of_number_are_plain_ones():
    known = Acquisition.stated("file", detector_mrad=np.array([60, 95]), energy_ev="200000", sampling_angstrom=0.2)
    assert repr(known.value("detector_mrad")) == "(60.0, 95.0)"
    assert known.value("energy_ev") == 2e5
    assert known.value("sampling_angstrom") == (0.2, 0.2)


def test_what_is_derived_says_from_what_and_never_replaces_what_is_stated():
    known = Acquisition.stated("file", black_level=5.0).derived("file", "from x", black_level=6.0, energy_ev=2e5)
    assert known.black_level == Fact(5.0, "file")
    assert known.energy_ev == Fact(2e5, "file", "from x")


def test_the_record_is_json_with_units_and_is_read_back():
    known = Acquisition.stated("microscope", detector_mrad=(60, 95), detector="HAADF").derived(
        "file", "from the screen current", beam_fraction_per_count=1e-6
    )
    record = json.loads(json.dumps(known.record()))
    assert set(record) == set(ENTRIES)
    assert record["detector_mrad"] == {"value": [60.0, 95.0], "source": "microscope", "derived": None, "unit": "mrad"}
    assert record["beam_fraction_per_count"]["derived"] == "from the screen current"
    assert record["energy_ev"] is None
    assert Acquisition.from_record(record) == known


def test_an_entry_checks_what_an_option_states_and_names_it():
    with pytest.raises(InputError, match="--energy-kev must be a positive number, got -1"):
        ENTRIES["energy_ev"].check(-1)
    assert ENTRIES["energy_ev"].words(2e5) == "200 keV"
    assert ENTRIES["detector_mrad"].words((60.0, 95.0)) == "60 and 95 mrad"
