import numpy as np
import pytest

from heamap.errors import InputError
from heamap.simulator.request import Request

STANDARD = {
    "engine": "reference",
    "energy_kev": 200.0,
    "semiangle_mrad": 18.0,
    "detector_mrad": (70.0, 200.0),
    "defocus_angstrom": -20.0,
    "spherical_aberration_angstrom": 1e4,
    "astigmatism_angstrom": 20.0,
    "astigmatism_angle_degree": 90.0,
    "sampling_angstrom": 0.2,
    "field_angstrom": None,
    "margin_angstrom": None,
    "slice_angstrom": None,
    "configurations": None,
    "waves": None,
    "device": None,
    "window_angstrom": None,
    "seed": 0,
    "axis": "auto",
}


def request(**changes) -> Request:
    return Request(**STANDARD | changes)


def test_the_microscope_is_in_the_units_of_the_engines():
    optics = request().microscope
    assert optics.energy_ev == 200e3
    assert (optics.detector_inner_mrad, optics.detector_outer_mrad) == (70, 200)
    assert optics.defocus_angstrom == -20
    assert optics.astigmatism_angle_radian == pytest.approx(np.pi / 2)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"energy_kev": 2e5}, "--energy-kev must be between 20 and 1000, got 200000"),
        ({"energy_kev": 0.0}, "--energy-kev must be between 20 and 1000, got 0"),
        ({"semiangle_mrad": -18.0}, "--semiangle-mrad must be a positive number, got -18"),
        ({"sampling_angstrom": 0.0}, "--sampling-angstrom must be between 0.01 and 1, got 0"),
        ({"sampling_angstrom": float("nan")}, "--sampling-angstrom must be between 0.01 and 1, got nan"),
        ({"field_angstrom": float("inf")}, "--field-angstrom must be a positive number, got inf"),
        ({"slice_angstrom": 0.0}, "--slice-angstrom must be a positive number, got 0"),
        ({"margin_angstrom": -1.0}, "--margin-angstrom must be a number from 0 up, got -1"),
        ({"defocus_angstrom": float("nan")}, "--defocus-angstrom must be a number, got nan"),
        ({"configurations": 0}, "--configurations must be 1 or more, got 0"),
        ({"engine": "thermal", "waves": 5}, "--waves must be an even number from 2 up, got 5"),
        ({"window_angstrom": 0.0}, "--window-angstrom must be a positive number, got 0"),
        ({"seed": -1}, "--seed must be 0 or more, got -1"),
        ({"detector_mrad": (200.0, 70.0)}, "--detector-mrad needs inner < outer"),
        ({"detector_mrad": (10.0, 200.0)}, "an inner angle above --semiangle-mrad 18, got 10 200"),
        ({"waves": 8}, "--waves belongs to --engine thermal, got --engine reference; leave it out"),
        (
            {"engine": "thermal", "configurations": 8},
            "--configurations belongs to --engine reference, got --engine thermal; leave it out",
        ),
        ({"device": "cuda"}, "--device belongs to --engine thermal, got --engine reference; leave it out"),
        ({"axis": "w"}, "--axis must be auto, x, y, z or a vector such as 1,1,0, got 'w'"),
        ({"axis": "1,1"}, "got '1,1'"),
        ({"axis": "0,0,0"}, "got '0,0,0'"),
        ({"axis": "1,nan,0"}, "got '1,nan,0'"),
    ],
)
def test_an_impossible_option_is_one_line_with_its_value(changes, line):
    with pytest.raises(InputError) as caught:
        request(**changes)
    assert line in str(caught.value)


def test_axes_are_names_or_vectors():
    assert request().direction() == "auto"
    np.testing.assert_array_equal(request(axis="y").direction(), [0, 1, 0])
    np.testing.assert_array_equal(request(axis="1,-1,0.5").direction(), [1, -1, 0.5])
