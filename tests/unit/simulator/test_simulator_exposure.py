import numpy as np
import pytest
from test_simulator_request import request

from heamap.elements import TABLE
from heamap.simulator.exposure import engine_settings, interpolation_factor, slice_thickness
from heamap.simulator.field import field_around

CORNERS = np.array([[0.0, 0.0, 0.0], [17.6, 0.0, 2.6], [0.0, 17.6, 1.3], [17.6, 17.6, 3.9]])


@pytest.mark.parametrize("element", TABLE, ids=lambda element: element.symbol)
def test_slices_along_110_hold_two_layers(element):
    layer = element.lattice_constant_angstrom / np.sqrt(8)
    heights = np.repeat(layer * np.arange(30), 5) + np.random.default_rng(0).normal(0, 0.05, 150)
    assert slice_thickness(heights) == pytest.approx(2 * layer, rel=3e-3)


def test_slices_along_other_axes_hold_whole_layers_too():
    for spacing, layers in ((3.85 / 2, 1), (3.85 / np.sqrt(3), 1), (3.85 / np.sqrt(24), 3)):
        assert slice_thickness(spacing * np.arange(40.0)) == pytest.approx(layers * spacing, rel=3e-3)
    assert slice_thickness(np.zeros(3)) == 2.9


def test_the_prism_window_is_seven_and_a_quarter_angstrom_or_more_on_fast_grids():
    assert [interpolation_factor(box) for box in (5.0, 24.0, 37.6, 65.4, 80.0, 95.0)] == [1, 3, 5, 9, 10, 12]


def test_settings_follow_the_structure_where_nothing_is_given():
    settings = engine_settings(request(), field_around(CORNERS, request()), CORNERS[:, 2])
    # 17.6 Angstrom, a rim of 4 and a margin of 2 on both sides.
    assert settings.reference.interpolation == settings.thermal.interpolation == 4
    assert settings.slice_angstrom == pytest.approx(2.6, rel=3e-3)
    assert settings.margin_angstrom == pytest.approx(2)
    assert settings.detector_mrad == (70, 200)
    assert settings.microscope.energy_ev == (200e3, 200e3)
    assert settings.microscope.defocus_angstrom == (-20, -20)


def test_settings_that_are_given_stay():
    given = request(slice_angstrom=1.3, interpolation=2, configurations=3, margin_angstrom=5.0)
    field = field_around(CORNERS, given)
    settings = engine_settings(given, field, CORNERS[:, 2])
    assert (settings.slice_angstrom, settings.reference.interpolation, settings.margin_angstrom) == (1.3, 2, 5)
    assert settings.reference.configurations == 3
    thermal = engine_settings(request(engine="thermal", waves=6), field, CORNERS[:, 2])
    assert (thermal.engine, thermal.thermal.waves) == ("thermal", 6)


def test_prism_windows_are_those_of_the_engines_tiles():
    wide = CORNERS * [3.0, 3.0, 1.0]
    by_engine = {}
    for engine in ("reference", "thermal"):
        asked = request(engine=engine)
        by_engine[engine] = engine_settings(asked, field_around(wide, asked), wide[:, 2])
    # 60.8 Angstrom in three tiles of 20.3 and margins of 6; or whole with margins of 2.
    assert by_engine["reference"].reference.interpolation == 4
    assert by_engine["thermal"].thermal.interpolation == 8
