"""Whether counted totals are ones that the model has seen; a wrong gain makes them any number."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from heamap.contract import Contract
from heamap.domain.limits import Verdict
from heamap_serving.domain import Domain, Refused

SPARE_ATOMS = 1.0
"""By which a count may pass the largest total of training and still be a count of such a column."""

DOUBTFUL_SHARE, REFUSED_SHARE = 0.1, 0.5
"""Of the columns; more that hold more atoms than any in training make the image doubtful, or refused."""


def weighed(domain: Domain, counts: npt.NDArray[np.float64], contract: Contract) -> Domain:
    """The finding, with what the counts add to it.

    Parameters
    ----------
    domain : of an image that is not refused, so that it shows a lattice
    counts : (n, 5) atoms of all its columns, whatever is left out later

    Raises
    ------
    Refused : most columns hold more atoms than any in training, or a model of calibrated images finds none at all
    """
    if contract.normalization != "absolute":
        return domain
    most = contract.ranges.column_total[1]
    if not len(counts):
        line = (
            "it shows a lattice, but no column is bright enough for an atom: gain, black level or angles of the "
            "detector are wrong"
        )
        raise Refused(replace(domain, verdict="refused", reasons=(line, *domain.reasons)))
    share = float((counts.sum(axis=1) > most + SPARE_ATOMS).mean())
    found = replace(domain, checks=domain.checks | {"beyond_training_share": share})
    if share <= DOUBTFUL_SHARE:
        return found
    line = (
        f"{share:.0%} of the columns hold more atoms than any in training ({most}): gain, black level, beam energy "
        "or angles of the detector are wrong, or the particle is too thick"
    )
    verdict: Verdict = "refused" if share > REFUSED_SHARE else "doubtful"
    found = replace(found, verdict=verdict, reasons=(line, *domain.reasons))
    if verdict == "refused":
        raise Refused(found)
    return found
