"""The collection angles of the detector that a micrograph was taken with, on which its brightness depends."""

from heamap.contract import Contract
from heamap.errors import InputError

Angles = tuple[float, float]

DECAY_MRAD, DECAY_POWER = 48.5, 0.95
"""Of scattering with the angle, see :func:`detector_factor`."""

SAME_ANGLES, SAME_BRIGHTNESS, ROUNDING = 0.05, 0.1, 1e-6
"""By which shares both angles, and brightness, may differ from those of training, and the image stay in domain."""

INNER_MRAD, OUTER_MRAD, LEAST_WIDTH_MRAD = (45.0, 110.0), (85.0, 220.0), 30.0
"""Inner and outer angles that the factor was simulated for, and a little beyond, and the narrowest ring."""


def detector_factor(angles_mrad: Angles, standard_mrad: Angles) -> float:
    """What brings fractions of the incident beam on one annular detector to those on another.

    Scattering by a screened nucleus falls as 1 / (theta^2 + theta_0^2)^2 (Reimer and Kohl, Transmission Electron
    Microscopy, 5th ed., ch. 5); in columns, where the beam is drawn to the nuclei and scattered again, more slowly.
    ``DECAY_MRAD`` and ``DECAY_POWER`` are fitted to simulated columns of 10 to 30 atoms of the mean alloy at 200 keV,
    for whose mean they are right within 1 % between 60 to 95 mrad and twelve others; for each of these thicknesses
    within 4 %, for 4 atoms from -14 to +17 %, and columns all of Pt and without any differ by up to a fifth
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
    standard = contract.ranges.detector_mrad
    low, high = standard
    if angles_mrad is None:
        raise InputError("the angles of the detector are not known; give them with --detector-mrad INNER OUTER")
    if not _same(angles_mrad, standard) and not (_simulated(angles_mrad) and _simulated(standard)):
        (least, most), (nearest, farthest) = INNER_MRAD, OUTER_MRAD
        raise InputError(
            f"detector of {angles_mrad[0]:g} to {angles_mrad[1]:g} mrad: the model was trained with {low:g} to "
            f"{high:g} mrad, and how brightness compares is known for inner angles of {least:g} to {most:g} mrad, "
            f"outer ones of {nearest:g} to {farthest:g}, and rings of {LEAST_WIDTH_MRAD:g} and more"
        )


def angles_scale(angles_mrad: Angles | None, contract: Contract) -> float:
    """What brings the image's fractions of the incident beam to those on the detector of training."""
    if angles_mrad is None or contract.normalization != "absolute":
        return 1.0
    return detector_factor(angles_mrad, contract.ranges.detector_mrad)


def angles_doubt(angles_mrad: Angles | None, contract: Contract) -> str | None:
    """Why counts on that detector are doubtful, in one line; None where they are not."""
    standard, factor = contract.ranges.detector_mrad, angles_scale(angles_mrad, contract)
    if angles_mrad is None or contract.normalization != "absolute" or _same(angles_mrad, standard):
        return None
    return (
        f"the detector collects {angles_mrad[0]:g} to {angles_mrad[1]:g} mrad, in training {standard[0]:g} to "
        f"{standard[1]:g}: brightness was multiplied by {factor:.3f}, which differs between elements and thicknesses"
    )


def _same(angles_mrad: Angles, standard_mrad: Angles) -> bool:
    shares = [own / other - 1 for own, other in zip(angles_mrad, standard_mrad, strict=True)]
    brightness = detector_factor(angles_mrad, standard_mrad) - 1
    return max(map(abs, shares)) <= SAME_ANGLES + ROUNDING and abs(brightness) <= SAME_BRIGHTNESS


def _simulated(angles_mrad: Angles) -> bool:
    (inner, outer), (least, most), (nearest, farthest) = angles_mrad, INNER_MRAD, OUTER_MRAD
    return least <= inner <= most and nearest <= outer <= farthest and outer - inner >= LEAST_WIDTH_MRAD
