"""The verdict on each region of an image."""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from heamap.contract import DomainLimits
from heamap.domain.limits import judge
from heamap.domain.measures import FOUND_CONTRAST, Measures

IN_DOMAIN, DOUBTFUL, REFUSED = 0, 1, 2
"""Values of ``Domain.regions``."""

Cells = npt.NDArray[np.int8]

FULL_SHARE = 0.5
"""A window that varies by this share of the clearest ones, and neither has nor touches a lattice, shows something
else."""


def judge_cells(measures: Measures, limits: DomainLimits, burnt: npt.NDArray[np.bool_] | None) -> Cells:
    """The verdict on every cell (rows, cols) of the measures' grid.

    A window reaches half a cell into its neighbours, and one at the edge of a particle shows too few columns to find
    their lattice. So a cell without one is refused only if no neighbour's lattice is in domain, and one with another
    lattice beside a neighbour in domain is doubtful.

    Parameters
    ----------
    burnt : (rows, cols) cells with something burnt in
    """
    shape = measures.grid.cells
    constant = measures.median(measures.fit.constant) if measures.any_lattice else np.nan
    own = np.array([_window_verdict(measures, index, limits, constant) for index in range(len(measures.strength))])
    cells = np.reshape(own, shape)
    found = (measures.fit.contrast >= FOUND_CONTRAST).reshape(shape)
    lit = measures.lit.reshape(shape)
    beside = ndimage.maximum_filter((cells == IN_DOMAIN) & found & lit, size=3, mode="constant")
    full = _share_of_clearest(measures).reshape(shape) >= FULL_SHARE
    result = np.where(found & lit, cells, np.where(full, REFUSED, IN_DOMAIN))
    result = np.where(beside & (result > IN_DOMAIN), np.where(found, DOUBTFUL, IN_DOMAIN), result)
    if burnt is not None:
        result = np.where(burnt, REFUSED, result)
    return result.astype(np.int8)


def shares(cells: Cells, measures: Measures) -> tuple[float, float]:
    """Shares of the cells with something to count that are refused, and doubtful."""
    lit = measures.lit.reshape(cells.shape)
    if not lit.any():
        return 0.0, 0.0
    return float((cells[lit] == REFUSED).mean()), float((cells[lit] == DOUBTFUL).mean())


def _window_verdict(measures: Measures, index: int, limits: DomainLimits, image_constant: float) -> int:
    """The verdict on one window, its lattice constant seen beside the image's: that one is judged by itself."""
    fit, usual = measures.fit, limits.checks["lattice_constant_angstrom"]
    middle = (_number(usual.doubtful_below) + _number(usual.doubtful_above)) / 2
    figures = {
        "lattice_constant_angstrom": fit.constant[index] * middle / image_constant,
        "misfit": fit.misfit[index],
        "foreign": fit.foreign[index],
    }
    verdicts = {judge(float(value), limits.region_checks[name]) for name, value in figures.items()}
    return REFUSED if "refused" in verdicts else DOUBTFUL if "doubtful" in verdicts else IN_DOMAIN


def _number(bound: float | None) -> float:
    return np.nan if bound is None else bound


def _share_of_clearest(measures: Measures) -> npt.NDArray[np.float64]:
    clear = measures.strength[measures.weights > 0]
    reference = np.percentile(clear if clear.size else measures.strength, 90)
    return np.asarray(measures.strength / max(float(reference), np.finfo(np.float64).tiny))
