import numpy as np
import pytest
from serving_examples import DETECTOR, calibrated, lattice_image, make_contract

from heamap.errors import InputError
from heamap_serving.detector_angles import angles_scale, check_angles, detector_factor, doubted, read_angles
from heamap_serving.domain import Domain
from heamap_serving.micrograph import Micrograph
from heamap_serving.score import score

GAIN = 1e-4
CLEAR = Domain("in domain", (), np.zeros((1, 1), np.int8), 12.8, {})


@pytest.fixture
def lattice():
    return Micrograph(lattice_image((150, 150), (0.2, 0.2))[0], (0.2, 0.2))


def test_counts_and_image_follow_the_factor_and_the_result_tells_it(lattice, model_of):
    model = model_of()
    own, wide = (score(lattice, model, calibrated(None, GAIN, 100.0, detector_mrad=at)) for at in (DETECTOR, (60, 250)))
    factor = detector_factor((60, 250), DETECTOR)
    # A wider ring catches more: the same brightness is of fewer atoms.
    assert 0.6 < factor < 0.9
    np.testing.assert_allclose(wide.image, factor * own.image, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(wide.counts, factor * own.counts, rtol=1e-4)
    assert (own.detector_factor, wide.detector_factor) == (1.0, factor)
    assert wide.detector_mrad == (60, 250)


def test_a_model_of_calibrated_images_refuses_without_angles_and_names_the_option(lattice, model_of):
    with pytest.raises(InputError, match=r"its own collects 70 to 200 mrad: give .* --detector-mrad INNER OUTER"):
        score(lattice, model_of(), calibrated(None, GAIN, detector_mrad=None))
    local = score(lattice, model_of(normalization="local"), calibrated(None, GAIN, detector_mrad=None))
    assert local.detector_factor == 1.0


@pytest.mark.parametrize("angles", [(30.0, 200.0), (120.0, 200.0), (70.0, 300.0), (50.0, 60.0)])
def test_angles_far_from_any_that_were_simulated_are_refused(angles):
    with pytest.raises(InputError, match=r"the model was trained with 70 to 200 mrad, and how brightness compares"):
        check_angles(angles, make_contract(normalization="absolute"))
    check_angles(angles, make_contract())
    assert angles_scale(angles, make_contract()) == 1.0


def test_another_detector_is_doubtful_and_one_within_five_per_cent_is_not():
    contract = make_contract(normalization="absolute")
    for near in (DETECTOR, (73.0, 209.0), (67.0, 191.0)):
        assert doubted(CLEAR, near, contract) is CLEAR
    for far in ((60.0, 200.0), (70.0, 180.0), (60.0, 95.0)):
        found = doubted(CLEAR, far, contract)
        assert found.verdict == "doubtful"
        assert f"{far[0]:g} to {far[1]:g} mrad, in training 70 to 200" in found.reasons[0]
    assert doubted(CLEAR, None, contract) is CLEAR
    assert doubted(CLEAR, (60.0, 95.0), make_contract()) is CLEAR


def test_both_angles_or_none():
    assert read_angles(None, None) is None
    assert read_angles(60.0, 95.0) == (60.0, 95.0)
    for one in ((60.0, None), (None, 95.0)):
        with pytest.raises(InputError, match="both are needed"):
            read_angles(*one)


@pytest.mark.parametrize(
    ("angles", "brightness"),
    [
        ((60, 100), 1.090),
        ((55, 90), 1.114),
        ((50, 120), 1.832),
        ((70, 120), 0.990),
        ((70, 200), 1.466),
        ((90, 200), 0.940),
    ],
)
def test_detectors_compare_as_simulated_columns_of_ten_to_thirty_atoms(angles, brightness):
    # Means of 10, 20 and 30 atoms by benchmarks/detector_angles.py, over 60 to 95 mrad.
    assert 1 / detector_factor(angles, (60, 95)) == pytest.approx(brightness, rel=0.01)
    there, back = detector_factor(angles, (60, 95)), detector_factor((60, 95), angles)
    assert there * back == pytest.approx(1.0)
