import inspect
import sys

import pytest

from heamap.imaging import engines, reference


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
        def simulate(*atoms_and_microscope, **options):
            return atoms_and_microscope, options

    monkeypatch.setattr(engines, "engine", lambda name: {"thermal": Engine}[name])
    made = engines.simulate("thermal", "elements", "positions", "optics", base="base", settings="settings", sample=3)
    assert made == (("elements", "positions", "optics"), {"base": "base", "settings": "settings", "sample": 3})
