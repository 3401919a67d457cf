from pathlib import Path

import numpy as np
import pytest

from heamap.dataset.exam import exam
from heamap.dataset.examples import drawn_effects, render
from heamap.params import Params, load

ROOT = Path(__file__).parents[3]
CLEAN = np.full((48, 48), 0.05, dtype=np.float32)
NOWHERE = np.empty((0, 2))


def params(dose: float | None) -> Params:
    whole = load(ROOT / "params.yaml")
    return whole.model_copy(update={"evaluate": whole.evaluate.model_copy(update={"dose_per_square_angstrom": dose})})


def test_without_a_dose_of_the_exam_nothing_changes() -> None:
    own = params(None)
    assert exam(own) is own


def test_the_exam_fixes_the_dose_and_no_other_effect() -> None:
    fixed = exam(params(3e5))
    changed = fixed.model_dump()
    assert changed["train"]["effects"].pop("dose_per_square_angstrom") == (3e5, 3e5)
    wanted = params(3e5).model_dump()
    wanted["train"]["effects"].pop("dose_per_square_angstrom")
    assert changed == wanted


def test_every_image_of_the_exam_has_its_dose_and_its_own_other_effects() -> None:
    own, fixed = params(None), exam(params(3e5))
    for sample in (1, 2):
        drawn, at_exam = (drawn_effects(CLEAN, sample, params=which) for which in (own, fixed))
        assert at_exam.dose_per_square_angstrom == (3e5, 3e5)
        assert drawn.dose_per_square_angstrom != (3e5, 3e5)
        for name in ("source_fwhm_angstrom", "background_fraction", "line_jitter_angstrom", "drift_fraction"):
            assert getattr(at_exam, name) == getattr(drawn, name)


def test_images_of_the_exam_are_as_noisy_as_its_dose_says() -> None:
    effects = params(None).train.effects
    quiet = {name: (0.0, 0.0) for name, value in effects if name not in ("dose_per_square_angstrom", "bits")}
    own = params(1e6)
    train = own.train.model_copy(update={"effects": effects.model_copy(update=quiet), "normalization": "absolute"})
    seen, _ = render(CLEAN, NOWHERE, 1, params=exam(own.model_copy(update={"train": train})), epoch=None, energy_ev=2e5)
    electrons = 0.05 * 1e6 * own.base.sampling_angstrom**2
    # 2304 pixels tell a standard deviation to 1.5 %.
    assert seen.std() / seen.mean() == pytest.approx(electrons**-0.5, rel=0.06)
