"""The reference engine against physics that it does not use."""

import abtem
import numpy as np
import pytest
from abtem.core.energy import energy2sigma
from scipy.special import j0

from heamap.elements import ELEMENTS
from heamap.imaging.microscope import Microscope, wavelength_angstrom
from heamap.imaging.prism import atoms_at_rest, plan, scattering_matrix
from heamap.imaging.reference import scan_configuration

SLICE = 2.6
BOX = 12.0
LOBATO = abtem.parametrizations.LobatoParametrization()


def microscope(**changes) -> Microscope:
    standard = {
        "energy_ev": 200e3,
        "semiangle_mrad": 18.0,
        "defocus_angstrom": 0.0,
        "spherical_aberration_angstrom": 0.0,
        "astigmatism_angstrom": 0.0,
        "astigmatism_angle_radian": 0.0,
        "detector_inner_mrad": 60.0,
        "detector_outer_mrad": 100.0,
    }
    return Microscope(**(standard | changes))


def scan(symbols, places, optics: Microscope, box: float = BOX) -> np.ndarray:
    """Image of atoms at rest, (x, y) of the whole periodic box; one layer of ``SLICE`` an atom."""
    planned = plan(optics, box_angstrom=box, interpolation=1)
    return scan_configuration(
        np.array([ELEMENTS.index(symbol) for symbol in symbols], dtype=np.int8),
        np.array(places, dtype=float),
        np.arange(len(symbols)),
        atoms_at_rest(planned),
        planned,
        optics,
        depths_angstrom=SLICE * np.arange(len(symbols)),
        alone=False,
    )


def cross_section(symbol: str, optics: Microscope) -> float:
    """Square Angstrom that one atom scatters onto the detector out of a focused probe, integrated over the probe's
    places: the mean over the directions q of the aperture of int |F(k - q)|^2 d2k over the annulus, F being the Hankel
    transform 2 pi int (exp(i sigma v) - 1) J0(2 pi k r) r dr. No grid, no Fourier transform of the package."""
    log_r = np.linspace(np.log(1e-7), np.log(40), 30000)
    radius = np.exp(log_r)
    wave = np.expm1(1j * energy2sigma(optics.energy_ev) * LOBATO.projected_potential(symbol)(radius))
    wavelength = wavelength_angstrom(optics.energy_ev)
    inner, outer, aperture = (
        angle * 1e-3 / wavelength
        for angle in (optics.detector_inner_mrad, optics.detector_outer_mrad, optics.semiangle_mrad)
    )
    table = np.linspace(inner - aperture, outer + aperture, 150)
    power = np.array(
        [abs(2 * np.pi * np.trapezoid(wave * j0(2 * np.pi * k * radius) * radius**2, log_r)) ** 2 for k in table]
    )
    k = np.linspace(inner, outer, 200)[:, None, None]
    q = aperture * np.sqrt((np.arange(20) + 0.5) / 20)[:, None]
    angle = (np.arange(48) + 0.5) * np.pi / 48
    at = np.interp(np.sqrt(k**2 + q**2 - 2 * k * q * np.cos(angle)), table, power)
    return float(np.trapezoid(at.mean(axis=(1, 2)) * 2 * np.pi * k[:, 0, 0], k[:, 0, 0]))


@pytest.mark.parametrize(
    ("symbol", "angles", "box"),
    [
        *((symbol, (60.0, 100.0), 12.0) for symbol in ELEMENTS),
        *((symbol, (70.0, 200.0), 9.0) for symbol in ("Pt", "Pd", "Fe")),
    ],
)
def test_one_atom_has_the_cross_section_of_its_scattering_factor(symbol, angles, box, record_property):
    optics = microscope(detector_inner_mrad=angles[0], detector_outer_mrad=angles[1])
    seen = scan([symbol], [(box / 2 + 0.02, box / 2 - 0.03)], optics, box)
    ratio = seen.sum() * (box / len(seen)) ** 2 / cross_section(symbol, optics)
    record_property("ratio", float(ratio))
    assert ratio == pytest.approx(1, abs=0.025)


def test_the_window_does_not_change_the_cross_section():
    optics = microscope(detector_outer_mrad=95.0)
    totals = [scan(["Fe"], [(box / 2, box / 2)], optics, box).mean() * box**2 for box in (5.0, 6.3, 7.5)]
    np.testing.assert_allclose(totals, cross_section("Fe", optics), rtol=0.01)


def test_atoms_far_apart_scatter_as_if_alone():
    optics = microscope()
    pair = scan(["Pt", "Fe"], [(1.5, 1.6), (4.6, 4.3)], optics, 6.0).mean()
    alone = scan(["Pt"], [(1.5, 1.6)], optics, 6.0).mean() + scan(["Fe"], [(4.6, 4.3)], optics, 6.0).mean()
    assert pair == pytest.approx(alone, rel=0.05)


CLUSTER = ("Pt", "Fe", "Pd", "Ni", "Co")
PLACES = np.array([(2.03, 2.11), (4.71, 2.35), (2.6, 4.85), (2.09, 2.2), (6.2, 1.33)])
SMALL = 7.2
ABERRATED = {"defocus_angstrom": 30.0, "astigmatism_angstrom": 40.0, "spherical_aberration_angstrom": 4e4}


def test_the_mirror_image_is_that_of_the_mirrored_atoms_in_the_mirrored_microscope():
    straight = scan(CLUSTER, PLACES, microscope(**ABERRATED, astigmatism_angle_radian=0.4), SMALL)
    mirrored = scan(
        CLUSTER, PLACES * [-1, 1] + [SMALL, 0], microscope(**ABERRATED, astigmatism_angle_radian=-0.4), SMALL
    )
    np.testing.assert_allclose(mirrored, np.roll(straight[::-1], 1, axis=0), atol=2e-4 * straight.max())
    assert np.abs(mirrored - straight).max() > 0.5 * straight.max()


def test_the_turned_image_is_that_of_the_turned_atoms_in_the_turned_microscope():
    straight = scan(CLUSTER, PLACES, microscope(**ABERRATED, astigmatism_angle_radian=0.4), SMALL)
    turned = scan(
        CLUSTER,
        PLACES[:, ::-1] * [-1, 1] + [SMALL, 0],
        microscope(**ABERRATED, astigmatism_angle_radian=0.4 + np.pi / 2),
        SMALL,
    )
    # (x, y) goes to (-y, x).
    np.testing.assert_allclose(turned, np.roll(straight.T[::-1], 1, axis=0), atol=2e-4 * straight.max())
    assert np.abs(turned - straight).max() > 0.5 * straight.max()


def test_the_image_moves_with_the_atoms_by_whole_and_broken_steps():
    optics = microscope(**ABERRATED, astigmatism_angle_radian=0.4)
    here = scan(CLUSTER, PLACES, optics, SMALL)
    shift = np.array([0.37, -1.9])
    there = scan(CLUSTER, PLACES + shift, optics, SMALL)
    frequency = np.fft.fftfreq(len(here), SMALL / len(here))
    phase = np.exp(-2j * np.pi * (frequency[:, None] * shift[0] + frequency * shift[1]))
    moved = np.fft.ifft2(np.fft.fft2(here) * phase).real
    np.testing.assert_allclose(there, moved, atol=0.01 * here.max())


def test_a_heavy_column_is_brighter_and_a_longer_one_too_and_the_order_counts():
    optics = microscope()
    places = [(3.0, 3.0)] * 6

    def total(symbols) -> float:
        return float(scan(symbols, places[: len(symbols)], optics, 6.0).mean())

    assert total(["Fe"] * 3) < total(["Pd"] * 3) < total(["Pt"] * 3)
    assert total(["Ni"]) < total(["Ni"] * 3) < total(["Ni"] * 6)
    assert total(["Pt"] * 3 + ["Fe"] * 3) != pytest.approx(total(["Fe"] * 3 + ["Pt"] * 3), rel=0.01)


def test_an_asymmetric_cluster_comes_out_the_right_way_round():
    seen = scan(["Pt", "Pt", "Fe"], [(1.2, 4.8), (1.2, 4.8), (4.4, 4.8)], microscope(), 6.0)
    step = 6.0 / len(seen)
    brightest = np.array(np.unravel_index(seen.argmax(), seen.shape)) * step
    np.testing.assert_allclose(brightest, (1.2, 4.8), atol=step)
    assert seen[round(4.4 / step), round(4.8 / step)] > 5 * seen[round(4.4 / step), round(1.8 / step)]


@pytest.mark.parametrize("symbols", [["Fe"] * 6, ["Pt"] * 6])
def test_the_wave_keeps_its_energy_but_for_what_leaves_the_grid(symbols):
    optics = microscope(detector_outer_mrad=200.0)
    points = plan(optics, box_angstrom=BOX, interpolation=1).gpts[0]
    whole = abtem.SMatrix(
        semiangle_cutoff=18.0, energy=200e3, gpts=points, extent=BOX, interpolation=1, downsample=False
    )
    transmissions = atoms_at_rest(whole).transmissions(
        np.array([ELEMENTS.index(symbol) for symbol in symbols]), np.full((6, 2), BOX / 2 + 0.013), np.arange(6)
    )

    power = [
        (np.abs(scattering_matrix(transmissions[:count], whole, slice_angstrom=SLICE).array) ** 2).mean(axis=(-2, -1))
        * points**4
        for count in (1, 6)
    ]

    # A slice is cut at the grid's band, so that it may also give: 1e-4 of the beam each.
    for count, found in zip((1, 6), power, strict=True):
        np.testing.assert_allclose(found, 1, atol=1e-3 * count)
