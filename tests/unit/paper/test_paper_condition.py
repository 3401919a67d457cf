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
        "HAADF 50-70 mrad, thermal vibration (2 phonon configurations), 100,000 to 400,000 electrons per square "
        "Angstrom, source size and scan errors, local normalisation"
    )
    assert condition.describe(papers) == "HAADF 50-70 mrad, atoms at rest, no noise, local normalisation"


def test_the_difference_names_what_ours_are(params, papers):
    assert condition.difference(params).endswith(
        "ours: HAADF, 50-70 mrad, vibrating atoms, source size, scan errors and counting noise."
    )
    assert condition.difference(papers).startswith("Both: atoms at rest, no noise.")
    still = params.simulate.model_copy(update={"reference": papers.simulate.reference})
    half = params.model_copy(update={"simulate": still})
    assert not condition.is_papers(half)
    assert "ours: HAADF, 50-70 mrad, atoms at rest, source size" in condition.difference(half)


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
