"""The example micrograph with what is not as in training added to it, by the model that ships."""

from pathlib import Path

import numpy as np
import pytest

import heamap
from heamap import released
from heamap.errors import InputError
from heamap.params import load
from heamap_serving.choice import SHIPPED, choose
from heamap_serving.io import read_micrograph

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.skipif(not released.is_there(SHIPPED), reason="no model ships yet")
GAIN = (
    load(ROOT / "params.release.yaml").score.beam_fraction_per_count if (ROOT / "params.release.yaml").exists() else 1
)


@pytest.fixture(scope="module")
def model():
    return choose().load()


@pytest.fixture(scope="module")
def image():
    return read_micrograph(ROOT / "examples/micrographs/PtNiPdCoFe.tif").image


@pytest.fixture(scope="module")
def score(model, tmp_path_factory):
    known = load(ROOT / "params.release.yaml").score.model_dump(exclude={"micrographs"})

    def score(pixels, **changes):
        path = tmp_path_factory.mktemp("image") / "image.npy"
        np.save(path, np.asarray(pixels, np.float32))
        return heamap.score(path, model=model, **(known | {"sampling_angstrom": 0.15} | changes))

    return score


@pytest.fixture(scope="module")
def right(score, image):
    return score(image)


def mean_total(result):
    return float(result.columns["total"].mean())


def verdict(result):
    return result.scored.domain.verdict


def test_the_example_itself_is_in_domain(right):
    assert verdict(right) == "in domain"
    assert (len(right.columns), mean_total(right)) == (113, pytest.approx(7.97, abs=0.02))
    assert right.provenance["maxima"]["in_vacuum"] == 0


@pytest.mark.parametrize("level", [0.008, 0.012, 0.02, 0.03])
def test_all_of_an_even_background_is_taken_off_and_said(level, score, image, right):
    found = score(image + level / GAIN)
    assert verdict(found) == "doubtful"
    assert "the vacuum in view is at" in found.scored.domain.reasons[0]
    assert len(found.columns) == len(right.columns)
    assert mean_total(found) == pytest.approx(mean_total(right), rel=0.01)


def test_a_slope_is_taken_off(score, image, right):
    slope = np.linspace(0, 0.02 / GAIN, len(image))[:, None]
    found = score(image + slope)
    assert verdict(found) == "doubtful"
    assert abs(len(found.columns) - len(right.columns)) <= 1
    assert mean_total(found) == pytest.approx(mean_total(right), rel=0.05)


@pytest.mark.parametrize("counts", [1e4, 3e4, 32768])
def test_a_black_level_that_is_too_low_is_doubtful_and_invents_no_columns(counts, score, image, right):
    found = score(image + counts)
    assert verdict(found) == "doubtful"
    assert len(found.columns) == len(right.columns)
    assert mean_total(found) == pytest.approx(mean_total(right), rel=0.01)


def test_vacuum_as_bright_as_no_support_is_refused(score, image):
    with pytest.raises(InputError, match=r"vacuum in view is at 0\.07\d of the beam, brighter than any support"):
        score(image + 6e4)


def test_vacuum_darker_than_black_is_doubtful(score, image):
    found = score(image - 5e3)
    assert verdict(found) == "doubtful"
    assert "darker than black" in found.scored.domain.reasons[0]


@pytest.mark.parametrize("factor", [2, 3])
def test_a_gain_that_is_too_high_is_doubtful(factor, score, image):
    assert verdict(score(676 * (factor - 1) + image * factor)) == "doubtful"


def test_a_stopped_scan_counts_as_with_the_rectangle_that_it_names(score, image):
    stopped = image + 5000
    stopped[120:] = 0
    found = score(stopped, black_level=4324)
    told = score(stopped, black_level=4324, roi=(0, 0, 192, 120))
    assert verdict(found) == "in domain"
    assert "72 of 192 rows are blank" in found.scored.domain.reasons[-1]
    assert "--roi 0 0 192 120" in found.scored.domain.reasons[-1]
    np.testing.assert_array_equal(found.columns["total"], told.columns["total"])
    assert found.provenance["region"] == told.provenance["region"]
