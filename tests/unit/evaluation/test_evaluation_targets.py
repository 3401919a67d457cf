import numpy as np
import pytest

from heamap.evaluation import targets


def test_sums_of_one_column() -> None:
    np.testing.assert_array_equal(targets.with_sums([[1, 2, 3, 4, 5]]), [[1, 2, 3, 4, 5, 11, 15]])


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(n, 5\)"):
        targets.with_sums(np.ones((3, 7)))
