"""The domain verdict of a scored image, as pages show it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from heamap_serving.score import Scored

IN_DOMAIN, DOUBTFUL, REFUSED = "in domain", "doubtful", "refused"
NOT_CHECKED = "not checked"


@dataclass(frozen=True)
class Verdict:
    """What is said of an image, and of its squares.

    Attributes
    ----------
    word : ``in domain``, ``doubtful``, ``refused`` or ``not checked``
    reasons : one line each
    regions : (rows, cols) of squares of ``region_angstrom``: 0 in domain, 1 doubtful, 2 refused; None where not checked
    checks : what was measured, by name
    """

    word: str
    reasons: tuple[str, ...]
    regions: npt.NDArray[np.int8] | None
    region_angstrom: float
    checks: dict[str, float]


def verdict_of(scored: Scored) -> Verdict:
    """The one place that reads the domain check's result."""
    domain = scored.domain
    if domain is None:
        return Verdict(NOT_CHECKED, (), None, 0.0, {})
    return Verdict(domain.verdict, domain.reasons, domain.regions, domain.region_angstrom, domain.checks)
