"""Under which condition our numbers were made, in words, and whether it is the paper's."""

from heamap.params import Params

NOISE_FREE_DOSE = 1e10
"""Electrons per square Angstrom from which on counting noise is below .1 % in a pixel."""


def static_lattice(params: Params) -> bool:
    return not params.simulate.reference.vibrations


def noise_free(params: Params) -> bool:
    effects = params.train.effects
    others = (
        effects.source_fwhm_angstrom,
        effects.background_fraction,
        effects.pixel_jitter_angstrom,
        effects.line_jitter_angstrom,
        effects.drift_fraction,
        effects.readout_noise,
    )
    return effects.dose_per_square_angstrom[0] >= NOISE_FREE_DOSE and not any(high for _, high in others)


def is_papers(params: Params) -> bool:
    """Whether the images are those of atoms at rest, without noise."""
    return static_lattice(params) and noise_free(params)


def describe(params: Params) -> str:
    """The condition of the test images in one line."""
    simulate, effects = params.simulate, params.train.effects
    inner, outer = simulate.detector_mrad
    if static_lattice(params):
        atoms = "atoms at rest"
    else:
        atoms = f"thermal vibration ({simulate.reference.configurations} phonon configurations)"
    if noise_free(params):
        noise = "no noise"
    else:
        low, high = effects.dose_per_square_angstrom
        noise = f"{low:.0e} to {high:.0e} electrons per square Angstrom, source size and scan errors"
    return f"HAADF {inner:g}-{outer:g} mrad, {atoms}, {noise}, {params.train.normalization} normalisation"


def difference(params: Params) -> str:
    """Why our numbers differ from the paper's, in one sentence."""
    inner, outer = params.simulate.detector_mrad
    if is_papers(params):
        return (
            "Both are images of atoms at rest without noise; the detector differs (ours is annular, "
            f"{inner:g}-{outer:g} mrad), and so does the number of images and epochs."
        )
    theirs = "The paper's atoms are at rest, and the authors' stored scripts add no noise"
    kinds = []
    if not static_lattice(params):
        kinds.append("thermal vibration")
    if not noise_free(params):
        kinds.append("source size, scan errors and counting noise")
    return f"{theirs}; ours are true HAADF images ({inner:g}-{outer:g} mrad) with {' and '.join(kinds)}."
