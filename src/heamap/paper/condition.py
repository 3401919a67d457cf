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
        noise = f"{low:,.0f} to {high:,.0f} electrons per square Angstrom, source size and scan errors"
    return f"HAADF {inner:g}-{outer:g} mrad, {atoms}, {noise}, {params.train.normalization} normalisation"


def difference(params: Params) -> str:
    """Why our numbers differ from the paper's, as far as the images go, in one sentence.

    Of the paper's condition the authors' public code is the witness: it holds no vibration, none of its stored scripts
    adds noise, and its image is the negated signal of a detector from 0 to 70 mrad.
    """
    inner, outer = params.simulate.detector_mrad
    theirs = "negated 0-70 mrad signal (by the authors' public code)"
    if is_papers(params):
        return f"Both: atoms at rest, no noise. Theirs: {theirs}; ours: HAADF, {inner:g}-{outer:g} mrad."
    kinds = [f"HAADF, {inner:g}-{outer:g} mrad"]
    kinds.append("atoms at rest" if static_lattice(params) else "vibrating atoms")
    kinds.append("no noise" if noise_free(params) else "source size, scan errors and counting noise")
    return f"Theirs: atoms at rest, no noise, {theirs}; ours: {', '.join(kinds)}."
