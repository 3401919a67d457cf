from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from heamap.dataset.store import RECORD_FIELDS
from heamap.evaluation import slices


def test_images_are_cut_by_every_aberration_of_their_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "pipelines")
    import measured

    assert set(measured.SETTINGS) <= set(RECORD_FIELDS)
    settings = pd.DataFrame({name: [0.0, 1.0, 2.0, 9.0] for name in measured.SETTINGS}, index=[3, 5, 7, 8])
    settings = settings.assign(chemistry="waves", spherical_aberration_angstrom=[-2e4, 3e4, 1e4, 0.0])
    data = SimpleNamespace(samples=settings, image=lambda sample: sample)
    monkeypatch.setattr(
        measured,
        "drawn_effects",
        lambda image, _sample, **_: SimpleNamespace(dose_per_square_angstrom=(1e4 * image,)),
    )
    found = measured.describe(data, np.array([3, 5, 7]), None)
    assert found["dose_per_square_angstrom"].tolist() == [3e4, 5e4, 7e4]
    table = pd.DataFrame({"sample": [7, 3, 5], "true_total": [4, 5, 6], "edge_distance_angstrom": 0.0})
    cut = slices.cuts(table, found)
    assert cut["spherical_aberration_angstrom"].tolist() == [
        "middle 1e+04 to 1e+04",
        "low -2e+04 to -2e+04",
        "high 3e+04 to 3e+04",
    ]
    assert cut["astigmatism_angle_radian"].tolist() == ["high 2 to 2", "low 0 to 0", "middle 1 to 1"]
