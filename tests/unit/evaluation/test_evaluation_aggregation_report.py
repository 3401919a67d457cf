import json

import numpy as np
import pytest

from heamap.elements import ELEMENTS
from heamap.errors import InputError
from heamap.evaluation.aggregation_report import AggregationCalibration, aggregation_report
from heamap.evaluation.claims import Power
from heamap.evaluation.correlogram import SHELLS_ANGSTROM
from heamap.evaluation.prediction_errors import without_errors

NO_ERRORS = np.zeros((len(SHELLS_ANGSTROM) - 1, len(ELEMENTS)))
SHOWN = Power(0.05, (20,) * 5, (19,) * 5, (20,) * 5, (0,) * 5, (0.1,) * 5)
CALIBRATION = AggregationCalibration(without_errors(), NO_ERRORS, SHOWN)


def image(concentration: float | None, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Columns on a grid 2.5 Angstrom apart."""
    places = 2.5 * np.indices((12, 12)).reshape(2, -1).T
    shares = np.full(5, 0.2) if concentration is None else rng.dirichlet(np.full(5, concentration / 5), 144)
    return rng.multinomial(rng.integers(5, 26, 144), shares), places


def test_aggregated_columns_are_claimed_and_random_ones_are_not() -> None:
    rng = np.random.default_rng(0)
    seeded = aggregation_report(*image(6.0, rng), CALIBRATION, rng, resamples=199)
    bare = aggregation_report(*image(None, rng), CALIBRATION, rng, resamples=199)
    assert {part["claim"] for part in seeded["elements"].values()} == {"aggregated"}
    assert {part["claim"] for part in bare["elements"].values()} == {"no claim"}
    # Columns gather each by itself: neighbours have nothing in common.
    assert min(part["correlogram_p_value"] for part in seeded["elements"].values()) > 0.01
    assert seeded["elements"]["Pt"]["correlation"] == pytest.approx(1 / 7, abs=0.06)
    assert seeded["columns"] == 144


def test_a_gradient_shows_in_the_correlogram() -> None:
    rng = np.random.default_rng(1)
    _, places = image(None, rng)
    pt = 0.1 + 0.3 * places[:, 0] / places[:, 0].max()
    shares = np.column_stack([pt, *[(1 - pt) / 4] * 4])
    report = aggregation_report(rng.multinomial(np.full(144, 20), shares), places, CALIBRATION, rng, resamples=199)
    assert report["elements"]["Pt"]["claim"] == "aggregated"
    assert report["elements"]["Pt"]["correlogram_p_value"] == 1 / 200
    correlation = report["correlogram"]["correlation"]["Pt"]
    assert correlation[0] > 0.2
    assert correlation[-1] < 0
    assert report["correlogram"]["pairs"][0] == 2 * 12 * 11
    assert report["correlogram"]["distance_angstrom"][0] == 2.5


def test_report_is_json() -> None:
    rng = np.random.default_rng(2)
    text = json.dumps(aggregation_report(*image(None, rng), CALIBRATION, rng, resamples=99), allow_nan=False)
    assert set(json.loads(text)["elements"]) == set(ELEMENTS)


def test_nothing_is_claimed_without_measured_power() -> None:
    rng = np.random.default_rng(3)
    unmeasured = AggregationCalibration(without_errors(), NO_ERRORS, None)
    report = aggregation_report(*image(6.0, rng), unmeasured, rng, resamples=199)
    assert {part["reason"] for part in report["elements"].values()} == {"the model's power was not measured"}


def test_the_same_after_json() -> None:
    back = AggregationCalibration.from_dict(json.loads(json.dumps(CALIBRATION.to_dict())))
    assert back.power == SHOWN
    np.testing.assert_array_equal(back.errors.response, CALIBRATION.errors.response)
    np.testing.assert_array_equal(back.error_correlation, NO_ERRORS)
    bare = AggregationCalibration(without_errors(), NO_ERRORS, None).to_dict()
    assert AggregationCalibration.from_dict(bare).power is None


@pytest.mark.parametrize(
    ("change", "message"),
    [({"power": {}}, "power: not as heamap"), ({"error_correlation": [[0.0]]}, r"error_correlation must be \(7, 5\)")],
)
def test_a_damaged_record_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        AggregationCalibration.from_dict(CALIBRATION.to_dict() | change)


def test_a_missing_part_is_named() -> None:
    with pytest.raises(InputError, match="aggregation: error_correlation, power missing"):
        AggregationCalibration.from_dict({"errors": {}})
