import numpy as np
import pytest
from test_simulator_request import request

from heamap.elements import TABLE
from heamap.simulator.exposure import engine_settings, slice_thickness

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


def test_settings_follow_the_structure_where_nothing_is_given():
    settings = engine_settings(request(), CORNERS[:, 2])
    assert (settings.reference.window_angstrom, settings.thermal.window_angstrom) == (12, 6)
    assert settings.slice_angstrom == pytest.approx(2.6, rel=3e-3)
    assert settings.margin_angstrom == 6
    assert settings.detector_mrad == (70, 200)
    assert settings.microscope.energy_ev == (200e3, 200e3)
    assert settings.microscope.defocus_angstrom == (-20, -20)


def test_settings_that_are_given_stay():
    given = request(slice_angstrom=1.3, window_angstrom=9.0, configurations=3, margin_angstrom=0.0)
    settings = engine_settings(given, CORNERS[:, 2])
    assert (settings.slice_angstrom, settings.reference.window_angstrom, settings.margin_angstrom) == (1.3, 9, 0)
    assert settings.reference.configurations == 3
    thermal = engine_settings(request(engine="thermal", waves=6), CORNERS[:, 2])
    assert (thermal.engine, thermal.thermal.waves) == ("thermal", 6)


def test_windows_hold_what_the_aberrations_spread():
    far = {"defocus_angstrom": 200.0, "spherical_aberration_angstrom": 1e7, "semiangle_mrad": 10.0}
    settings = engine_settings(request(**far, astigmatism_angstrom=0.0), CORNERS[:, 2])
    spread = 200 * 0.01 + 1e7 * 0.01**3 - 1
    assert settings.reference.window_angstrom == pytest.approx(12 + 2 * spread)
    assert settings.thermal.window_angstrom == pytest.approx(6 + 2 * spread)
