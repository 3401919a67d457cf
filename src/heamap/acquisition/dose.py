"""Electrons on the specimen."""

from heamap.acquisition.acquisition import Acquisition
from heamap.acquisition.fact import Source

ELECTRONS_PER_PICOCOULOMB = 6.241509e6
"""1 pC / e (SI, 2019)."""

_PARTS = ("beam_current_pa", "dwell_time_s", "sampling_angstrom")


def with_dose(known: Acquisition) -> Acquisition:
    """With the dose, current x dwell time / area of a pixel, where these are known and nobody states it.

    It has the source of the part that goes first: of an option's current and a file's dwell time it is the option's.
    """
    facts = [getattr(known, name) for name in _PARTS]
    if known.dose_per_square_angstrom is not None or None in facts:
        return known
    current, dwell, (rows, cols) = (fact.value for fact in facts)
    order: tuple[Source, ...] = ("option", "microscope", "file")
    source = next(name for name in order if any(fact.source == name for fact in facts))
    words = f"{facts[0].derived or 'beam current'} x dwell time / pixel area"
    dose = current * dwell * ELECTRONS_PER_PICOCOULOMB / (rows * cols)
    return known.derived(source, words, dose_per_square_angstrom=dose)
