"""Under which parameters the test images are exposed."""

from heamap.contract import Contract
from heamap.params import Params


def exam(params: Params) -> Params:
    """The parameters that test images are exposed with: those of training, at the dose of the exam where one is set.

    ``evaluate.dose_per_square_angstrom`` fixes the dose of the test images and of nothing else. Calibration images keep
    the doses of training: intervals and the composition's errors must hold for users' images of any dose in that
    range, and would be too narrow below a dose that they were calibrated at alone. What they are worth at the dose of
    the exam is then measured on images that had no say in them.
    """
    dose = params.evaluate.dose_per_square_angstrom
    if dose is None:
        return params
    effects = params.train.effects.model_copy(update={"dose_per_square_angstrom": (dose, dose)})
    return params.model_copy(update={"train": params.train.model_copy(update={"effects": effects})})


def exam_for(contract: Contract, params: Params) -> Params:
    """The same, with a model's own normalisation, and with energy and background used as it has them used."""
    told = {
        "normalization": contract.normalization,
        "energy_exponent": None if contract.energy is None else contract.energy.exponent,
        "background_most": None if contract.background is None else contract.background.most,
    }
    return exam(params.model_copy(update={"train": params.train.model_copy(update=told)}))
