"""Whether an image, and each region of it, is one that the model may count in, before anything is counted."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.contract import DomainLimits
from heamap.domain.limits import Verdict, distance, image_bounds, image_checks, judge
from heamap.domain.measures import Measures, measure
from heamap.errors import InputError
from heamap_serving import domain_regions
from heamap_serving.domain_saturation import burnt_in, saturated_share
from heamap_serving.domain_words import check_line, no_lattice_line, refused_share_line

_ORDER = (
    *("misfit", "superlattice", "foreign", "lattice_constant_angstrom", "spacing_angstrom"),
    *("columns_per_cell", "saturated_share", "distance"),
)
"""Of the reasons: the constant of a lattice that does not fit says nothing."""

DOUBTFUL_SHARE, REFUSED_SHARE = 0.25, 0.5
"""Of the regions with something to count: more that are not in domain make the image doubtful, or refused."""


@dataclass(frozen=True)
class Domain:
    """How an image lies in the domain of a model.

    Attributes
    ----------
    verdict : of the whole image
    reasons : one line each, remarks last; none for an image that is in domain in every respect
    regions : (rows, cols) of a coarse grid over the image: 0 in domain (or nothing to count), 1 doubtful, 2 refused
    region_angstrom : side of a cell; the first begins at the image's first pixel, the last may reach beyond the image
    checks : the measured figures by name; NaN where there was nothing to measure
    """

    verdict: Verdict
    reasons: tuple[str, ...]
    regions: npt.NDArray[np.int8]
    region_angstrom: float
    checks: dict[str, float]

    def with_doubt(self, *lines: str | None) -> "Domain":
        """The finding of an image that is not refused, with more reasons for doubt, if there are any."""
        found = tuple(line for line in lines if line is not None)
        return replace(self, verdict="doubtful", reasons=(*self.reasons, *found)) if found else self

    def with_remark(self, line: str | None) -> "Domain":
        """The same finding, with a line that says what else there is to know."""
        return self if line is None else replace(self, reasons=(*self.reasons, line))

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready; a figure that could not be measured is None."""
        return {
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "checks": {name: None if np.isnan(value) else value for name, value in self.checks.items()},
            "regions": self.regions.tolist(),
            "region_angstrom": self.region_angstrom,
        }

    def region_of(self, positions_angstrom: npt.NDArray[np.floating]) -> npt.NDArray[np.int8]:
        """Value of ``regions`` (n,) at positions (n, 2), row and column from the first pixel, Angstrom."""
        last = np.array(self.regions.shape) - 1
        row, col = np.clip((positions_angstrom / self.region_angstrom).astype(np.int64), 0, last).T
        return self.regions[row, col]

    def column_verdicts(self, positions_angstrom: npt.NDArray[np.floating]) -> npt.NDArray[np.str_]:
        """``in domain`` or ``doubtful`` of columns (n,) that no refused region holds."""
        doubtful = (self.region_of(positions_angstrom) == domain_regions.DOUBTFUL) | (self.verdict == "doubtful")
        return np.where(doubtful, "doubtful", "in domain")


class Refused(InputError):  # noqa: N818  (a verdict)
    """The image is outside the model's domain: nothing is counted.

    Attributes
    ----------
    domain : the whole finding
    """

    def __init__(self, domain: Domain) -> None:
        super().__init__(f"outside the model's domain: {domain.reasons[0]}")
        self.domain = domain

    def __reduce__(self) -> tuple[type["Refused"], tuple[Domain]]:
        # An exception is rebuilt from its text, which this one is not made of; it comes from the workers of a cluster.
        return type(self), (self.domain,)


def examine(
    image: npt.NDArray[np.floating],
    limits: DomainLimits,
    *,
    sampling_angstrom: float,
    original: npt.NDArray[np.floating] | None = None,
) -> Domain:
    """Examine an image at the model's sampling.

    Parameters
    ----------
    image : (rows, cols) any scale and offset
    original : (any, any) the same field as the file has it, for clipped pixels; None: they are not looked for
    """
    measures = measure(image, sampling_angstrom=sampling_angstrom)
    checks = image_checks(measures)
    checks["distance"] = _distance(measures, limits)
    checks["saturated_share"] = 0.0 if original is None else saturated_share(original)
    burnt = None if original is None else burnt_in(original, measures.grid)
    cells = domain_regions.judge_cells(measures, limits, burnt)
    checks["regions_refused_share"], checks["regions_doubtful_share"] = domain_regions.shares(cells, measures)
    verdict, reasons = _verdict(measures, checks, limits)
    return Domain(verdict, reasons, cells, measures.grid.cell * sampling_angstrom, checks)


def _distance(measures: Measures, limits: DomainLimits) -> float:
    if not measures.any_lattice:
        return float("nan")
    return float(distance(measures.mean(measures.features)[None], limits)[0])


def _verdict(measures: Measures, checks: dict[str, float], limits: DomainLimits) -> tuple[Verdict, tuple[str, ...]]:
    """The worst of all verdicts, and a line for each check that is not passed, the worst first."""
    found: list[tuple[Verdict, str]] = []
    if not measures.any_lattice:
        found.append(("refused", no_lattice_line(float(measures.fit.contrast.max()))))
    for name in _ORDER:
        bounds = image_bounds(limits, name)
        known = measures.any_lattice or not np.isnan(checks[name])
        if known and (said := judge(checks[name], bounds)) != "in domain":
            found.append((said, check_line(name, checks, measures, limits)))
    bad = checks["regions_refused_share"]
    if bad > REFUSED_SHARE:
        found.append(("refused", refused_share_line(bad)))
    elif bad + checks["regions_doubtful_share"] > DOUBTFUL_SHARE:
        found.append(("doubtful", refused_share_line(bad + checks["regions_doubtful_share"])))
    refused = [line for said, line in found if said == "refused"]
    doubts = [line for said, line in found if said == "doubtful"]
    return "refused" if refused else "doubtful" if doubts else "in domain", (*refused, *doubts)
