import abtem
import numpy as np
import pytest

from heamap.elements import ELEMENTS
from heamap.imaging import prism, reduction
from heamap.imaging.microscope import Microscope
from heamap.imaging.scan import positions_along

BOX = 14.0
DETECTORS = [(60.0, 80.0), (30.0, 55.0)]
OPTICS = Microscope(200e3, 18.0, 8.0, 3e4, 20.0, 0.25, *DETECTORS[0])


def matrix(interpolation: int):
    """Two columns of a few atoms, one of them at the edge of the box."""
    planned = prism.plan(OPTICS, box_angstrom=BOX, interpolation=interpolation)
    return prism.scattering_matrix(
        prism.atoms_at_rest(planned).transmissions(
            np.array([ELEMENTS.index(symbol) for symbol in ("Pt", "Fe", "Pd", "Pt")]),
            np.array([[5.0, 6.0], [5.1, 6.1], [13.8, 0.3], [5.0, 5.9]]),
            np.array([0, 1, 1, 2]),
        ),
        planned,
        slice_angstrom=2.6,
    )


def published(whole, detector: tuple[float, float]) -> np.ndarray:
    """abTEM's own reduction, with our weights on its patterns."""
    count = positions_along(BOX, OPTICS)
    measured = whole.reduce(
        scan=abtem.GridScan((0, 0), (BOX, BOX), gpts=count, endpoint=False),
        ctf=abtem.CTF(energy=200e3, semiangle_cutoff=18.0, defocus=8.0, C30=3e4, C12=20.0, phi12=0.25),
        detectors=abtem.PixelatedDetector(max_angle="full"),
    )
    weights = reduction.detector_weights(measured.array.shape[-1], measured.angular_sampling[0], detector)
    return np.tensordot(measured.array, weights, axes=2)


@pytest.mark.parametrize(("interpolation", "agreement"), [(1, 1e-5), (2, 2e-2)])
@pytest.mark.parametrize("detector", DETECTORS)
def test_the_scan_is_that_of_abtem(interpolation, agreement, detector):
    # With interpolation the window stands still for a few positions, and what lies at its rim is cut elsewhere.
    whole = matrix(interpolation)
    along = np.arange(positions_along(BOX, OPTICS)) * BOX / positions_along(BOX, OPTICS)
    scanned = reduction.scan(whole, OPTICS, along, along, detectors_mrad=[detector])[0]
    expected = published(whole, detector)
    np.testing.assert_allclose(scanned, expected, atol=agreement * expected.max())
    assert expected.max() > 5 * expected.min()


def test_the_box_is_scanned_at_nyquist_on_the_detector_of_the_microscope():
    whole = matrix(2)
    box = reduction.scan_box(whole, OPTICS)
    assert BOX / len(box) <= OPTICS.nyquist_angstrom
    along = np.arange(len(box)) * BOX / len(box)
    np.testing.assert_array_equal(box, reduction.scan(whole, OPTICS, along, along, detectors_mrad=DETECTORS[:1])[0])


def test_detectors_share_a_scan_and_positions_need_no_company():
    whole = matrix(2)
    x, y = np.array([4.8, 5.0, 13.9]), np.array([0.2, 6.0])
    both = reduction.scan(whole, OPTICS, x, y, detectors_mrad=DETECTORS)
    assert both.shape == (2, 3, 2)
    for row, detector in enumerate(DETECTORS):
        np.testing.assert_allclose(
            both[row], reduction.scan(whole, OPTICS, x, y, detectors_mrad=[detector])[0], rtol=1e-5
        )
    alone = reduction.scan(whole, OPTICS, x[1:2], y[1:], detectors_mrad=DETECTORS)
    np.testing.assert_allclose(alone[:, 0, 0], both[:, 1, 1], rtol=0.01)


def test_blocks_hold_every_position_once():
    along = np.array([0.0, 0.3, 1.59, 1.6, 1.7, 6.0])
    parts = reduction._blocks(along)
    assert [along[part].tolist() for part in parts] == [[0.0, 0.3, 1.59], [1.6, 1.7], [6.0]]


@pytest.mark.parametrize(("points", "pixel_mrad"), [(64, 3.3), (65, 4.1), (300, 0.7)])
def test_the_detector_has_the_area_of_its_annulus(points, pixel_mrad):
    weights = reduction.detector_weights(points, pixel_mrad, (60.0, 95.0))
    assert weights.sum() * pixel_mrad**2 == pytest.approx(np.pi * (95**2 - 60**2), rel=1e-3)
    angle = pixel_mrad * np.hypot(
        *np.mgrid[-(points // 2) : points - points // 2, -(points // 2) : points - points // 2]
    )
    np.testing.assert_array_equal(weights[(angle > 60 + pixel_mrad) & (angle < 95 - pixel_mrad)], 1)
    np.testing.assert_array_equal(weights[(angle < 60 - pixel_mrad) | (angle > 95 + pixel_mrad)], 0)
