import numpy as np

from heamap.evaluation import detection

SHAPE = (50, 50)


def test_found_columns_are_judged_within_the_tolerance() -> None:
    true = np.array([[10.0, 10.0], [30.0, 10.0]])
    found = np.array([[10.0, 12.9], [30.0, 13.1], [20.0, 40.0]])
    judged = detection.detect(true, found, shape=SHAPE, sampling_angstrom=0.2)
    assert (judged.true, judged.true_found, judged.found, judged.found_true) == (2, 1, 3, 1)


def test_columns_at_the_border_are_not_judged_but_may_be_partners() -> None:
    true = np.array([[1.0, 25.0], [25.0, 46.5]])
    found = np.array([[25.0, 45.5], [25.0, 2.0]])
    judged = detection.detect(true, found, shape=SHAPE, sampling_angstrom=0.2)
    assert (judged.true, judged.true_found, judged.found, judged.found_true) == (0, 0, 1, 1)


def test_detections_add_up_over_images() -> None:
    total = detection.Detection(2, 1, 3, 1) + detection.Detection(2, 2, 1, 1)
    assert (total.recall, total.precision) == (0.75, 0.5)


def test_recall_without_columns_is_undefined() -> None:
    assert np.isnan(detection.Detection(0, 0, 0, 0).recall)
