"""Which engine makes a sample, and what its key depends on."""

import hashlib
import json

import numpy as np
import pytest

from heamap import params
from heamap.dataset.store import array_hash
from heamap.dataset.task import Task, engine_of, run
from heamap.imaging import engines
from heamap.imaging.simulated import Simulated

BASE = params.Base(seed=4, pixels=32, sampling_angstrom=0.2)
SETTINGS = params.Simulate.model_validate(
    {
        "engine": "thermal",
        "reference_share": 0.0,
        "microscope": {
            "energy_ev": [180e3, 220e3],
            "semiangle_mrad": [15.0, 20.0],
            "defocus_angstrom": [-10.0, 10.0],
            "spherical_aberration_angstrom": [-5e4, 5e4],
            "astigmatism_angstrom": [18.0, 22.0],
            "astigmatism_angle_radian": [0.21, 0.28],
        },
        "detector_mrad": [50.0, 70.0],
        "slice_angstrom": 2.6,
        "margin_angstrom": 1.0,
        "workers": 1,
        "reference": {"configurations": 2, "window_angstrom": 6.0},
        "thermal": {"window_angstrom": 6.0, "waves": 4},
    }
)


def chosen(split: str, share: float, samples: int = 2000, engine: params.EngineName = "thermal") -> list[str]:
    settings = SETTINGS.model_copy(update={"engine": engine, "reference_share": share})
    return [engine_of(split, sample, base=BASE, settings=settings) for sample in range(samples)]


@pytest.mark.parametrize("engine", ["reference", "thermal"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_test_images_come_from_the_reference_whatever_the_parameters(engine, share):
    assert set(chosen("test", share, samples=20, engine=engine)) == {"reference"}


@pytest.mark.parametrize("split", ["train", "validation"])
def test_the_share_of_the_reference_is_what_was_asked_for(split):
    assert set(chosen(split, 0.0)) == {"thermal"}
    assert set(chosen(split, 1.0)) == {"reference"}
    assert set(chosen(split, 0.3, engine="reference")) == {"reference"}
    # Four standard deviations of a binomial share.
    assert chosen(split, 0.3).count("reference") / 2000 == pytest.approx(0.3, abs=4 * np.sqrt(0.3 * 0.7 / 2000))


def test_a_larger_share_takes_no_sample_away_and_more_samples_change_none():
    small, large = (np.array(chosen("train", share)) == "reference" for share in (0.2, 0.4))
    assert large[small].all()
    assert chosen("train", 0.2, samples=10) == chosen("train", 0.2)[:10]


def task(
    maker: params.EngineName, *, base: params.Base = BASE, sample: int = 0, shift: float = 0.0, **simulate: object
) -> Task:
    settings = SETTINGS.model_copy(update=simulate)
    return Task(sample, maker, np.zeros(1, dtype=np.int8), np.ones((1, 3)) + shift, base, settings)


MORE = {
    "reference": {"reference": SETTINGS.reference.model_copy(update={"configurations": 3})},
    "thermal": {"thermal": SETTINGS.thermal.model_copy(update={"waves": 8})},
}


@pytest.fixture
def versions(monkeypatch) -> dict[str, str]:
    names = {"reference": "abtem-0", "thermal": "thermal-0"}
    monkeypatch.setattr(engines, "version", names.__getitem__)
    return names


@pytest.mark.parametrize(("own", "other"), [("reference", "thermal"), ("thermal", "reference")])
def test_the_key_follows_what_decides_the_image_and_nothing_else(own, other, versions):
    key = task(own).key
    others = {
        task(other).key,
        task(own, base=BASE.model_copy(update={"seed": 5})).key,
        task(own, sample=1).key,
        task(own, shift=1e-9).key,
        task(own, detector_mrad=(50.0, 71.0)).key,
        task(own, slice_angstrom=1.3).key,
        task(own, margin_angstrom=2.0).key,
        task(own, **MORE[own]).key,
    }
    assert len(others | {key}) == 9
    assert task(own, workers=7, engine=other, reference_share=0.5, **MORE[other]).key == key
    versions[other] = "new"
    assert task(own).key == key
    versions[own] = "new"
    assert task(own).key != key


def test_a_static_lattice_has_its_own_key_and_a_vibrating_one_that_of_before_there_was_a_choice(versions):
    plain = task("reference")
    static = SETTINGS.reference.model_copy(update={"vibrations": False})
    assert task("reference", reference=static).key != plain.key
    before = {
        "atoms": array_hash(plain.elements, plain.positions),
        "base": BASE.model_dump(),
        "simulate": SETTINGS.model_dump(include={"microscope", "detector_mrad", "slice_angstrom", "margin_angstrom"})
        | {"reference": {"configurations": 2, "window_angstrom": 6.0}},
        "engine": versions["reference"],
        "sample": 0,
    }
    assert plain.key == hashlib.sha256(json.dumps(before, sort_keys=True).encode()).hexdigest()


def test_the_record_says_what_the_engine_did(monkeypatch):
    class Engine:
        ENGINE = "thermal-0"

        @staticmethod
        def simulate(elements, positions, microscope, *, base, settings, sample):  # noqa: ARG004
            return Simulated(np.full((base.pixels, base.pixels), 0.5, dtype=np.float32), 6, 3, 0.07, 0.02)

    monkeypatch.setattr(engines, "engine", lambda name: {"thermal": Engine}[name])
    image, record = run(task("thermal"))
    np.testing.assert_array_equal(image, 0.5)
    made = {name: record[name] for name in ("engine", "configurations", "interpolation", "relative_error")}
    assert made == {"engine": "thermal-0", "configurations": 6, "interpolation": 3, "relative_error": 0.02}
    assert record["potential_sampling_angstrom"] == 0.07
    assert record["detector_outer_mrad"] == 70.0
    assert 180e3 <= record["energy_ev"] <= 220e3
