import json

import numpy as np
import pytest

from heamap.errors import InputError
from heamap.evaluation.image_effects import ImageEffect
from heamap.evaluation.prediction_errors import PredictionErrors, deviations, without_errors

SUMLESS = np.eye(5) - 0.2


def model() -> PredictionErrors:
    """Two bins: all is seen at .5, and Pt against the rest at .8."""
    pt = SUMLESS[0] / np.linalg.norm(SUMLESS[0])
    rng = np.random.default_rng(0)
    return PredictionErrors(
        edges=(10.5,),
        offset=np.zeros((2, 5)),
        response=np.stack([0.5 * SUMLESS, 0.8 * np.outer(pt, pt)]).round(4),
        residuals=(rng.normal(size=(2, 96, 5)) @ SUMLESS).round(4),
        gain=(ImageEffect(1.0, 0.02, 7.0),) * 5,
        loudness=(ImageEffect(0.0, 0.1, 6.5),) * 5,
        images=8,
    )


def test_deviations_are_counts_less_total_times_composition() -> None:
    off, totals, shares = deviations([[2, 0, 0, 0, 0], [1, 1, 1, 1, 2]])
    np.testing.assert_array_equal(totals, [2, 6])
    np.testing.assert_allclose(shares, np.array([3, 1, 1, 1, 2]) / 8)
    np.testing.assert_allclose(off[0], [2 - 0.75, -0.25, -0.25, -0.25, -0.5])
    np.testing.assert_allclose(off.sum(axis=0), 0, atol=1e-12)


def test_true_counts_are_their_own_model() -> None:
    model = without_errors()
    np.testing.assert_allclose(model.seen[0], SUMLESS, atol=1e-12)
    np.testing.assert_allclose(model.resolution[0], 1)
    np.testing.assert_array_equal(model.noise, 0)


def test_unmixing_undoes_what_is_seen() -> None:
    whole, pt = model().unmixing
    np.testing.assert_allclose(whole, SUMLESS / 0.5, atol=1e-3)
    np.testing.assert_allclose(pt @ model().response[1] @ SUMLESS[0], SUMLESS[0], atol=1e-3)


def test_resolution_is_the_share_that_is_seen_apart() -> None:
    # A deviation of Pt takes a quarter of it from each of the others: they are seen with 1/16 of theirs.
    np.testing.assert_allclose(model().resolution, [[1] * 5, [1] + [1 / 16] * 4], atol=1e-3)


def test_noise_is_that_of_unmixed_errors() -> None:
    errors = model()
    np.testing.assert_allclose(errors.noise[0], (errors.residuals[0] ** 2).mean(axis=0) / 0.5**2, rtol=1e-3)


def test_small_and_the_same_after_json() -> None:
    errors = model()
    text = json.dumps(errors.to_dict())
    assert len(text) < 12000
    back = PredictionErrors.from_dict(json.loads(text))
    assert (back.edges, back.gain, back.loudness, back.images) == (
        errors.edges,
        errors.gain,
        errors.loudness,
        errors.images,
    )
    for name in ("offset", "response", "residuals"):
        np.testing.assert_array_equal(getattr(back, name), getattr(errors, name))


@pytest.mark.parametrize(
    "change", [{"elements": ["Pt"]}, {"offset": [[0.0]]}, {"gain": [[1, 0]]}, {"edges": None}, {"residuals": [0.0]}]
)
def test_a_damaged_record_is_refused_in_one_line(change: dict[str, object]) -> None:
    record = without_errors().to_dict() | change
    with pytest.raises(InputError, match="prediction errors") as fault:
        PredictionErrors.from_dict(record)
    assert "\n" not in str(fault.value)


def test_counts_without_atoms_or_values_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        deviations(np.full((3, 5), np.nan))
    with pytest.raises(ValueError, match=r"\(n, 5\)"):
        deviations(np.ones((3, 4)))
    with pytest.raises(ValueError, match="hold no atoms"):
        deviations(np.zeros((3, 5)))
