import inspect
import sys

import numpy as np
import pytest

from heamap import params
from heamap.imaging import engines, reference
from heamap.imaging.simulated import Simulated


def test_the_reference_is_abtem_and_needs_no_other_engine(monkeypatch):
    monkeypatch.setitem(sys.modules, "heamap.imaging.thermal", None)
    assert engines.engine("reference") is reference
    assert engines.version("reference") == reference.ENGINE


def test_every_engine_has_the_same_face_and_a_name_of_its_own():
    pytest.importorskip("heamap.imaging.thermal")
    faces = [inspect.signature(engines.engine(name).simulate) for name in ("reference", "thermal")]
    assert faces[0] == faces[1]
    assert engines.version("thermal") != engines.version("reference")


def test_a_simulation_goes_to_the_engine_of_that_name(monkeypatch):
    class Engine:
        ENGINE = "other-1"

        @staticmethod
        def simulate(elements, positions, microscope, *, base, settings, sample):
            asked.append((elements, microscope, settings, sample))
            image = np.zeros((base.pixels, base.pixels), dtype=np.float32)
            image[tuple(np.rint(positions[0, 1::-1] / base.sampling_angstrom).astype(int))] = 1
            return Simulated(image, 4, 3, 0.08, 0.01)

    asked = []
    monkeypatch.setattr(engines, "engine", lambda name: {"thermal": Engine}[name])
    base = params.Base(seed=0, pixels=128, sampling_angstrom=0.2)
    atom = np.array([[6.0, 14.0, 0.0]])
    made = engines.simulate("thermal", "elements", atom, "optics", base=base, settings="settings", sample=3)
    assert asked == [("elements", "optics", "settings", 3)]
    assert (made.configurations, made.relative_error, made.image.shape) == (4, 0.01, (128, 128))
    assert np.argwhere(made.image).tolist() == [[70, 30]]
