import pytest

from heamap.paper import condition
from heamap.params import load
from heamap.profiles import write_merged


@pytest.fixture
def params(finished):
    return load(finished / "params.yaml")


@pytest.fixture
def papers(finished, tmp_path, request):
    write_merged(finished / "params.yaml", request.config.rootpath / "profiles/paper.yaml", tmp_path / "params.yaml")
    return load(tmp_path / "params.yaml")


def test_the_words_follow_the_parameters(params, papers):
    assert condition.describe(params) == (
        "HAADF 50-70 mrad, thermal vibration (2 phonon configurations), 1e+05 to 4e+05 electrons per square Angstrom, "
        "source size and scan errors, local normalisation"
    )
    assert condition.describe(papers) == "HAADF 50-70 mrad, atoms at rest, no noise, local normalisation"


def test_the_difference_names_only_what_differs(params, papers):
    assert "thermal vibration and source size" in condition.difference(params)
    assert condition.difference(papers).startswith("Both are images of atoms at rest without noise")
    still = params.simulate.model_copy(update={"reference": papers.simulate.reference})
    half = params.model_copy(update={"simulate": still})
    assert not condition.is_papers(half)
    assert "vibration" not in condition.difference(half)


@pytest.mark.parametrize(
    "effect",
    [
        {"dose_per_square_angstrom": (1e5, 1e12)},
        {"source_fwhm_angstrom": (0.0, 0.1)},
        {"readout_noise": (0.0, 0.01)},
        {"drift_fraction": (0.0, 0.001)},
    ],
)
def test_one_effect_is_enough_for_noise(papers, effect):
    effects = papers.train.effects.model_copy(update=effect)
    noisy = papers.model_copy(update={"train": papers.train.model_copy(update={"effects": effects})})
    assert condition.noise_free(papers)
    assert not condition.noise_free(noisy)
