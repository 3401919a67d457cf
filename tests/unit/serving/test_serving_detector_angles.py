import numpy as np
import pytest
from serving_examples import DETECTOR, calibrated, lattice_image, make_contract

from heamap.contract import BackgroundLevel
from heamap.errors import InputError
from heamap_serving.detector_angles import angles_doubt, angles_scale, check_angles, detector_factor, read_angles
from heamap_serving.micrograph import Micrograph
from heamap_serving.score import score

GAIN = 1e-4


@pytest.fixture
def lattice():
    return Micrograph(lattice_image((150, 150), (0.2, 0.2))[0], (0.2, 0.2))


def test_counts_and_image_follow_the_factor_and_the_result_tells_it(lattice, model_of):
    model = model_of()
    own, wide = (score(lattice, model, calibrated(None, GAIN, 100.0, detector_mrad=at)) for at in (DETECTOR, (60, 200)))
    factor = detector_factor((60, 200), DETECTOR)
    # A wider ring catches more: the same brightness is of fewer atoms.
    assert 0.6 < factor < 0.9
    np.testing.assert_allclose(wide.image, factor * own.image, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(wide.counts, factor * own.counts, rtol=1e-4)
    assert (own.detector_factor, wide.detector_factor) == (1.0, factor)
    assert wide.known.value("detector_mrad") == (60.0, 200.0)


def test_a_model_of_calibrated_images_refuses_without_angles_and_names_the_option(lattice, model_of):
    with pytest.raises(InputError, match=r"collection angles of the detector \(--detector-mrad INNER OUTER\)"):
        score(lattice, model_of(), calibrated(None, GAIN, detector_mrad=None))
    local = score(lattice, model_of(normalization="local"), calibrated(None, GAIN, detector_mrad=None))
    assert local.detector_factor == 1.0


@pytest.mark.parametrize("angles", [(30.0, 200.0), (120.0, 200.0), (70.0, 300.0), (50.0, 60.0), (70.0, 90.0)])
def test_angles_far_from_any_that_were_simulated_are_refused(angles):
    with pytest.raises(InputError, match=r"the model was trained with 70 to 200 mrad, and how brightness compares"):
        check_angles(angles, make_contract(normalization="absolute"))
    check_angles(angles, make_contract())
    assert angles_scale(angles, make_contract()) == 1.0


def test_a_model_of_a_detector_beyond_those_simulated_scores_its_own_alone():
    own = (30.0, 60.0)
    contract = make_contract(normalization="absolute")
    contract = contract.model_copy(update={"ranges": contract.ranges.model_copy(update={"detector_mrad": own})})
    check_angles(own, contract)
    assert angles_doubt(own, contract) is None
    with pytest.raises(InputError, match="the model was trained with 30 to 60 mrad"):
        check_angles(DETECTOR, contract)


def test_another_detector_is_doubtful_and_one_that_sees_about_the_same_is_not():
    contract = make_contract(normalization="absolute")
    for near in (DETECTOR, (73.5, 210.0), (66.5, 190.0)):
        assert angles_doubt(near, contract) is None
    for far in ((60.0, 200.0), (70.0, 180.0), (60.0, 95.0)):
        assert f"{far[0]:g} to {far[1]:g} mrad, in training 70 to 200" in angles_doubt(far, contract)
    assert angles_doubt(None, contract) is angles_doubt((60.0, 95.0), make_contract()) is None


def test_a_narrow_ring_of_nearly_the_same_angles_sees_other_brightness_and_is_doubtful():
    contract = make_contract(normalization="absolute")
    narrow = contract.ranges.model_copy(update={"detector_mrad": (60.0, 95.0)})
    assert "multiplied by 1.2" in angles_doubt((62.9, 90.3), contract.model_copy(update={"ranges": narrow}))


def test_a_support_is_taken_off_as_on_the_models_own_detector(lattice, model_of):
    taken = BackgroundLevel(most=0.005, square_angstrom=2.0, darkest=0.01)
    model, factor = model_of(background=taken), detector_factor((60, 200), DETECTOR)
    # The same scene on a wider ring, which catches more of the support, too.
    fractions = GAIN * (lattice.image - 100.0) + 0.0045
    own = score(Micrograph(fractions.astype(np.float32), (0.2, 0.2)), model, calibrated(None, 1.0))
    brighter = Micrograph((fractions / factor).astype(np.float32), (0.2, 0.2))
    wide = score(brighter, model, calibrated(None, 1.0, detector_mrad=(60.0, 200.0)))
    np.testing.assert_allclose(wide.image, own.image, atol=1e-6)
    np.testing.assert_allclose(wide.counts, own.counts, rtol=1e-4)
    assert wide.background == pytest.approx(own.background / factor)


@pytest.mark.parametrize("given", [[60, 95], np.array([60, 95]), (np.float32(60), 95)])
def test_angles_of_any_kind_of_numbers_are_two_floats(given):
    assert repr(calibrated(detector_mrad=given).detector_mrad) == "(60.0, 95.0)"


@pytest.mark.parametrize("given", [60, "60 95", (60, None), (60, 95, 120), ("inner", "outer")])
def test_what_are_no_two_angles_is_told_in_one_line(given):
    with pytest.raises(InputError, match="--detector-mrad must be two angles"):
        calibrated(detector_mrad=given)


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
