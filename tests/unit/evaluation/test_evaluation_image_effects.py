import numpy as np
import pytest

from heamap.evaluation.image_effects import ImageEffect, foresee


def test_equal_noise_has_a_closed_form() -> None:
    # Sample variance 5/3 of the means is the variance between images plus the noise of a mean.
    effect = foresee([1.0, 2.0, 3.0, 4.0], [0.5] * 4)
    between = 5 / 3 - 0.5
    assert effect.centre == pytest.approx(2.5)
    assert effect.scale == pytest.approx(np.sqrt(between + (between + 0.5) / 4))
    assert effect.freedom == pytest.approx(3)


def test_images_closer_than_their_noise_do_not_differ() -> None:
    effect = foresee([1.0, 1.1, 0.9], [1.0, 1.0, 1.0])
    assert effect.scale == pytest.approx(np.sqrt(1 / 3))


def test_images_known_badly_count_less() -> None:
    effect = foresee([0.0, 0.2, 50.0], [0.01, 0.01, 1e6])
    assert effect.centre == pytest.approx(0.1, abs=0.01)
    assert effect.freedom == pytest.approx(1, abs=0.01)


def test_quantiles_are_those_of_students_t() -> None:
    # Tables: t of 4 degrees of freedom is 2.132 at 95 %.
    np.testing.assert_allclose(ImageEffect(1.0, 2.0, 4.0).quantiles([0.05, 0.5, 0.95]), [-3.264, 1, 5.264], atol=1e-3)


@pytest.mark.parametrize("images", [4, 10])
def test_a_normal_effect_of_a_new_image_is_covered_as_promised(images: int) -> None:
    rng = np.random.default_rng(images)
    trials = 600
    hits = 0
    for _ in range(trials):
        seen = rng.normal(3, 2, images) + rng.normal(0, 0.2, images)
        low, high = foresee(seen, np.full(images, 0.04)).quantiles([0.05, 0.95])
        hits += low <= rng.normal(3, 2) <= high
    assert hits / trials == pytest.approx(0.9, abs=3 * np.sqrt(0.09 / trials))


@pytest.mark.parametrize(("means", "variances"), [([1.0], [1.0]), ([1.0, 2.0], [1.0, 0.0])])
def test_too_little_is_refused(means: list[float], variances: list[float]) -> None:
    with pytest.raises(ValueError, match="two images with positive variances"):
        foresee(means, variances)
