import numpy as np
import pytest
from test_simulator_request import request

from heamap.errors import InputError
from heamap.simulator.field import field_around, middle_field

POSITIONS = np.array([[-10.0, 3.0, 7.0], [20.0, 5.0, 9.0], [1.0, 17.0, -4.0]])
"""30 Angstrom along x, 14 along y."""


def around(positions=POSITIONS, **changes):
    return field_around(positions, request(**{"engine": "thermal"} | changes))


def test_the_whole_structure_is_in_the_field_with_its_rim():
    field = around()
    assert field.pixels == 190
    placed = field.place(POSITIONS)
    np.testing.assert_allclose(placed[:, 0], [3.9, 33.9, 14.9])
    np.testing.assert_allclose([placed[:, 1].min(), placed[:, 1].max()], [11.9, 25.9])
    np.testing.assert_allclose(placed[:, 2], [11, 13, 0])


def test_the_rim_holds_what_the_aberrations_spread():
    far = around(
        defocus_angstrom=200.0, astigmatism_angstrom=0.0, spherical_aberration_angstrom=0.0, semiangle_mrad=20.0
    )
    assert far.pixels == 190 + 2 * (200 * 0.02 - 1) / 0.2


def test_a_given_field_keeps_its_size_and_the_engines_get_a_multiple_of_eight():
    field = around(sampling_angstrom=0.3, field_angstrom=33.0)
    assert field.pixels == 110
    assert field.base(0).pixels == 112
    assert around(field_angstrom=51.2).pixels == 256
    assert around(POSITIONS[:1], field_angstrom=3.0).base(0).pixels == 32


def test_a_structure_wider_than_its_field_is_refused_by_how_much():
    with pytest.raises(InputError, match=r"30\.0 x 14\.0 Angstrom .* 2\.2 Angstrom more than --field-angstrom 28"):
        around(field_angstrom=28.0)
    with pytest.raises(InputError, match=r"0\.1 Angstrom more than --field-angstrom 30\.1"):
        around(field_angstrom=30.1)
    placed = around(field_angstrom=30.2).place(POSITIONS)
    assert placed[:, 0].min() >= -1e-9
    assert placed[:, 0].max() <= 150 * 0.2 + 1e-9


def test_the_middle_of_a_large_structure_is_the_papers_field():
    field = middle_field(10 * POSITIONS, request())
    assert field.pixels == 256
    np.testing.assert_allclose(field.place(10 * POSITIONS)[:2, 0].mean(), 25.5)


def test_a_field_of_too_many_pixels_is_refused():
    with pytest.raises(InputError, match=r"a field of 1e\+06 Angstrom in steps of 0.2 has 5e\+06 pixels a side"):
        around(field_angstrom=1e6).check_size()
    whole = around(sampling_angstrom=0.01, semiangle_mrad=18.0)
    assert whole.pixels == 3800
    whole.check_size()
    with pytest.raises(InputError, match=r"a field of 0\.1 Angstrom"):
        around(POSITIONS[:1], field_angstrom=0.1)
