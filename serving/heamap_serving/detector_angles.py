"""The collection angles of the detector that a micrograph was taken with, on which its brightness depends."""

from dataclasses import replace

from heamap.contract import Contract
from heamap.errors import InputError
from heamap_serving.domain import Domain

Angles = tuple[float, float]

DECAY_MRAD, DECAY_POWER = 48.5, 0.95
"""Of scattering with the angle, see :func:`detector_factor`."""

SAME = 0.05
"""Share by which both angles may differ from those of training, and the image stay in domain."""

INNER_MRAD, OUTER_MRAD = (45.0, 110.0), (85.0, 250.0)
"""Inner and outer angles that the factor was simulated for, and a little beyond (``benchmarks/detector_angles.py``)."""


def detector_factor(angles_mrad: Angles, standard_mrad: Angles) -> float:
    """What brings fractions of the incident beam on one annular detector to those on another.

    Scattering by a screened nucleus falls as 1 / (theta^2 + theta_0^2)^2 (Reimer and Kohl, Transmission Electron
    Microscopy, 5th ed., ch. 5); in columns, where the beam is drawn to the nuclei and scattered again, more slowly.
    ``DECAY_MRAD`` and ``DECAY_POWER`` are fitted to simulated columns of 10 to 30 atoms of the mean alloy at 200 keV,
    for whose mean they are right within 1 %. At 70 to 200 mrad, brought to 60 to 95, a column of 4 atoms comes out 9 %
    too dim, one of 30 2 % too bright, and one rich in Pt differs from one without by up to a tenth
    (``benchmarks/detector_angles.py``).

    Parameters
    ----------
    angles_mrad : inner and outer collection angle of the detector
    standard_mrad : and of the one that its image is brought to
    """

    def caught(inner: float, outer: float) -> float:
        near, far = ((angle**2 + DECAY_MRAD**2) ** -DECAY_POWER for angle in (inner, outer))
        return near - far

    return caught(*standard_mrad) / caught(*angles_mrad)


def read_angles(inner: float | None, outer: float | None) -> Angles | None:
    """Both angles; None where neither is given.

    Raises
    ------
    InputError : one alone
    """
    if inner is None and outer is None:
        return None
    if inner is None or outer is None:
        raise InputError("of the detector's angles both are needed: detector_inner_mrad and detector_outer_mrad")
    return inner, outer


def check_angles(angles_mrad: Angles | None, contract: Contract) -> None:
    """Refuse a micrograph of whose detector too little is known.

    Raises
    ------
    InputError : a model of calibrated images, and no angles are given, or such that no factor is known for
    """
    if contract.normalization != "absolute":
        return
    low, high = contract.ranges.detector_mrad
    if angles_mrad is None:
        raise InputError(
            f"the model reads brightness, and that depends on the detector; its own collects {low:g} to {high:g} mrad: "
            "give the angles of yours with --detector-mrad INNER OUTER"
        )
    for angle, (least, most), name in zip(angles_mrad, (INNER_MRAD, OUTER_MRAD), ("inner", "outer"), strict=True):
        if not least <= angle <= most:
            raise InputError(
                f"detector of {angles_mrad[0]:g} to {angles_mrad[1]:g} mrad: the model was trained with {low:g} to "
                f"{high:g} mrad, and how brightness compares is known for {name} angles of {least:g} to {most:g} mrad"
            )


def angles_scale(angles_mrad: Angles | None, contract: Contract) -> float:
    """What brings the image's fractions of the incident beam to those on the detector of training."""
    if angles_mrad is None or contract.normalization != "absolute":
        return 1.0
    return detector_factor(angles_mrad, contract.ranges.detector_mrad)


def doubted(domain: Domain, angles_mrad: Angles | None, contract: Contract) -> Domain:
    """The finding, with what the detector adds to it: the factor is of the mean alloy at medium thickness."""
    if angles_mrad is None or contract.normalization != "absolute":
        return domain
    low, high = contract.ranges.detector_mrad
    if all(abs(own / other - 1) <= SAME for own, other in zip(angles_mrad, (low, high), strict=True)):
        return domain
    factor = angles_scale(angles_mrad, contract)
    line = (
        f"the detector collects {angles_mrad[0]:g} to {angles_mrad[1]:g} mrad, in training {low:g} to {high:g}: "
        f"brightness was multiplied by {factor:.3f}, which differs between elements and thicknesses"
    )
    return replace(domain, verdict="doubtful", reasons=(*domain.reasons, line))
