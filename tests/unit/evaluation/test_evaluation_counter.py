import numpy as np
import pytest

from heamap.dataset.labels import label_maps
from heamap.elements import ATOMIC_NUMBERS
from heamap.evaluation import reading
from heamap.evaluation.counter import Counter

SIGMA = 2.5
COUNTS = np.array([[5.0, 4, 3, 2, 1], [0, 0, 0, 0, 1], [20, 5, 5, 2, 1], [0, 3, 0, 3, 0]])
LIGHT = 1e-3 * COUNTS @ np.asarray(ATOMIC_NUMBERS, float) ** 1.7
PLACES = np.array([[12.3, 12.7], [13.0, 35.0], [36.5, 14.0], [40.25, 40.5], [26.0, 56.0]])


def ghostly() -> tuple[np.ndarray, np.ndarray]:
    """Maps that hold three atoms at the last place, and an image that is all but dark there."""
    counts = np.vstack([COUNTS, [[1.0, 0.5, 0.5, 0.5, 0.5]]])
    light = np.append(LIGHT, 0.02 * LIGHT[0])
    maps = label_maps(*PLACES.T, counts, (56, 64), SIGMA).astype(np.float32)
    image = label_maps(*PLACES.T, np.repeat(light[:, None], 5, axis=1), (56, 64), SIGMA)[..., :1].astype(np.float32)
    return image, maps


@pytest.mark.parametrize("dark", [False, True])
def test_a_ripple_that_no_label_fits_is_no_column_and_the_rest_is_read_without_it(dark):
    image, maps = ghostly()
    # As high as two atoms in its middle, and a pixel wide; beside the first column, whose flank it raises.
    rippled, places = maps.copy(), np.vstack([PLACES[:4], [[12.0, 6.0]]])
    rippled[12, 6, 0] += 2.0
    fit, peak = (reading.make(name, sigma_pixels=SIGMA) for name in ("fit", "peak"))
    found, counts = Counter(fit, 0.2, dark=dark).found(image, rippled, places, threshold=0.9)
    np.testing.assert_array_equal(found, PLACES[:4])
    np.testing.assert_allclose(counts, fit(rippled, *PLACES[:4].T))
    found, _ = Counter(peak, 0.2).found(image, rippled, places, threshold=0.9)
    np.testing.assert_array_equal(found, places)


def test_what_lacks_its_light_is_no_column_and_the_rest_is_read_without_it():
    image, maps = ghostly()
    readout = reading.make("fit", sigma_pixels=SIGMA)
    places, counts = Counter(readout, 0.2, dark=True).found(image, maps, PLACES, threshold=0.9)
    np.testing.assert_array_equal(places, PLACES[:4])
    np.testing.assert_allclose(counts, readout(maps, *PLACES[:4].T))
    # Images of unknown black level say nothing of light.
    places, counts = Counter(readout, 0.2).found(image, maps, PLACES, threshold=0.9)
    np.testing.assert_array_equal(places, PLACES)
    np.testing.assert_allclose(counts, readout(maps, *PLACES.T))
