import json

import numpy as np
import pytest
from serving_examples import calibrated, lattice_image, make_contract

from heamap.contract import BackgroundLevel, EnergyScale
from heamap.errors import InputError
from heamap.imaging.normalize import background_level, square_means
from heamap_serving import background
from heamap_serving.micrograph import Frames, Micrograph
from heamap_serving.provenance import provenance
from heamap_serving.score import score

GAIN = 1e-4
TAKEN = BackgroundLevel(most=0.005, square_angstrom=2.0, darkest=0.01)
TOLD = EnergyScale(standard_ev=2e5, exponent=1.1)


def beside_vacuum(level: float) -> Micrograph:
    """Columns in the middle of a field, in counts of ``GAIN``, over a background that is a fraction of the beam."""
    lattice = lattice_image((150, 150), (0.2, 0.2))[0]
    image = np.zeros((210, 210), dtype=np.float32)
    image[30:180, 30:180] = lattice
    return Micrograph(image + np.float32(level / GAIN), (0.2, 0.2))


def test_counts_do_not_depend_on_what_lies_beside_the_particle(model_of):
    model = model_of(background=TAKEN)
    none, some = (score(beside_vacuum(level), model, calibrated(None, GAIN)) for level in (0.0, 0.004))
    np.testing.assert_allclose(some.counts, none.counts, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(some.image, none.image, atol=1e-6)
    assert none.background == pytest.approx(0.0, abs=1e-7)
    assert some.background == pytest.approx(0.004, rel=1e-4)
    assert json.loads(json.dumps(provenance(some, model, {})))["background_beam_fraction"] == some.background


def filling_the_field(level: float) -> Micrograph:
    """Columns as far as the image goes, over a background that is a fraction of the beam."""
    return Micrograph(lattice_image((150, 150), (0.2, 0.2))[0] + np.float32(level / GAIN), (0.2, 0.2))


def test_of_an_image_without_vacuum_the_middle_of_the_training_is_taken_off(model_of):
    found = score(filling_the_field(0.02), model_of(background=TAKEN), calibrated(None, GAIN))
    assert found.background == pytest.approx(0.0025)
    assert found.image.min() == pytest.approx(0.0175 + filling_the_field(0.0).image.min() * GAIN, rel=1e-4)


def test_all_of_the_vacuum_in_view_is_taken_off_however_bright(model_of):
    model = model_of(background=TAKEN)
    none, bright = (score(beside_vacuum(level), model, calibrated(None, GAIN)) for level in (0.0, 0.02))
    assert bright.background == pytest.approx(0.02, rel=1e-4)
    np.testing.assert_allclose(bright.image, none.image, atol=1e-6)


def test_an_image_far_below_black_is_refused_and_one_a_little_below_is_brought_up(model_of):
    model = model_of(background=TAKEN)
    with pytest.raises(
        InputError, match=r"darkest parts of the image are at -0\.006 of the beam.*crop a black border$"
    ):
        score(beside_vacuum(0.0), model, calibrated(None, GAIN, black_level=60.0))
    slightly = score(beside_vacuum(0.0), model, calibrated(None, GAIN, black_level=20.0))
    assert slightly.background == pytest.approx(-0.002, rel=1e-4)
    assert slightly.image.min() == pytest.approx(0.0, abs=1e-6)


def test_the_level_is_a_fraction_of_the_beam_at_any_energy(model_of):
    model = model_of(background=TAKEN, energy=TOLD)
    found = score(filling_the_field(0.02), model, calibrated(None, GAIN, energy_kev=180.0))
    assert found.background == pytest.approx(0.0025)
    lowest = 0.0175 + filling_the_field(0.0).image.min() * GAIN
    assert found.image.min() == pytest.approx(lowest * 0.9**1.1, rel=1e-4)


def test_a_model_that_asks_for_nothing_has_nothing_taken_off(model_of):
    found = score(beside_vacuum(0.004), model_of(), calibrated(None, GAIN))
    assert found.background is None
    assert found.image.min() == pytest.approx(0.004, rel=1e-4)


@pytest.mark.parametrize("shape", [(257, 133), (7, 133), (20, 11)])
def test_bands_find_the_level_of_the_whole_image(shape, monkeypatch):
    monkeypatch.setattr(background, "BAND_PIXELS", 2000)
    image = np.random.default_rng(1).gamma(2.0, 0.001, shape).astype(np.float32)
    contract = make_contract(normalization="absolute", background=TAKEN)
    level = background_level(square_means(image, sampling_angstrom=contract.sampling_angstrom), most=0.005)
    less = image.copy()
    assert background.take_off(less, contract, beam=1.0).level == pytest.approx(level, rel=1e-6)
    np.testing.assert_allclose(less, image - level, atol=1e-8)


def test_without_vacuum_in_view_a_remark_says_that_the_background_is_not_known(model_of):
    contract = model_of(background=TAKEN).contract
    full = lattice_image((150, 150), (0.2, 0.2))[0][10:110, 10:110]
    seen = background.take_off((GAIN * full).astype(np.float32), contract, beam=1.0)
    assert seen.doubts == ()
    assert "no vacuum is in view, so that the background is not known; 0.0025 of the beam" in seen.remark
    beside = background.take_off(GAIN * beside_vacuum(0.004).image, contract, beam=1.0)
    assert (beside.doubts, beside.remark) == ((), None)


def test_where_frames_were_added_a_refusal_says_so(model_of):
    series = Micrograph(beside_vacuum(0.0).image, (0.2, 0.2), frames=Frames(4, "align"))
    with pytest.raises(InputError, match=r"darkest parts .*; 4 frames were added, and gain and black level taken as"):
        score(series, model_of(background=TAKEN), calibrated(None, GAIN, black_level=60.0))


def test_vacuum_along_a_part_of_the_image_leaves_a_remark(model_of):
    contract = model_of(background=TAKEN).contract
    lattice = np.tile(lattice_image((150, 150), (0.2, 0.2))[0][14:140, 14:140], (2, 2))
    lattice[:60, :60] = 100.0
    found = background.take_off((GAIN * (lattice - 100.0)).astype(np.float32), contract, beam=1.0)
    assert found.vacuum.any()
    assert found.doubts == ()
    assert "vacuum is in view along" in found.remark
