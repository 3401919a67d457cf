"""Species swapped on a lattice until their short-range order meets a target."""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from heamap.elements import ELEMENTS
from heamap.structures.order import Indices, pair_counts

Array = npt.NDArray[np.float64]
_TRIALS_PER_ATOM = 20
_BALANCING_ROUNDS = 200


def target_pairs(order: Array, composition: Array) -> Array:
    """Shares of the directed pairs that go with Warren-Cowley parameters and a composition.

    c_i c_j (1 - alpha_ij), scaled symmetrically (R. Sinkhorn, Ann. Math. Stat. 35, 876 (1964)) until each species has
    its share of the ends, which parameters found for another composition do not by themselves.

    Parameters
    ----------
    order : (5, 5) Warren-Cowley parameters
    composition : (5,) shares that sum to 1

    Returns
    -------
    (5, 5), symmetric, of sum 1
    """
    shares = np.outer(composition, composition) * np.clip(1 - (order + order.T) / 2, 1e-3, None)
    for _ in range(_BALANCING_ROUNDS):
        ends = shares.sum(axis=1)
        scale = np.sqrt(composition / np.where(ends > 0, ends, 1.0))
        shares = scale[:, None] * shares * scale[None, :]
    return shares / shares.sum()


def arrange(
    species: npt.NDArray[np.int8],
    pairs: tuple[Indices, Indices],
    order: Array,
    *,
    tolerance: float,
    rng: np.random.Generator,
) -> npt.NDArray[np.int8]:
    """Swap unlike atoms, keeping each swap that brings the pair counts closer to a target (reverse Monte Carlo).

    Parameters
    ----------
    species : (n,) indices into ``ELEMENTS``; their numbers are kept
    pairs : nearest neighbours in both directions, as from ``shell_pairs``
    order : (5, 5) target Warren-Cowley parameters
    tolerance : stop when the r.m.s. deviation of the parameters falls below it

    Returns
    -------
    (n,) the same species, rearranged; as close as 20 trials an atom bring them
    """
    kinds = range(len(ELEMENTS))
    composition = np.bincount(species, minlength=len(ELEMENTS)) / len(species)
    counts = pair_counts(species, pairs)
    goal = target_pairs(order, composition) * counts.sum()
    error = (counts - goal).tolist()
    expected = np.outer(composition, composition) * counts.sum()
    enough = float(np.square(tolerance * expected).sum())
    misfit = float(np.square(error).sum())

    by_first = np.argsort(pairs[0], kind="stable")
    bounds = np.searchsorted(pairs[0][by_first], np.arange(len(species) + 1)).tolist()
    listed = pairs[1][by_first].tolist()
    neighbours = [listed[low:high] for low, high in pairwise(bounds)]
    now = species.tolist()
    # Plain lists: a swap touches two dozen numbers, for which arrays are slower.
    trials = rng.integers(len(species), size=(_TRIALS_PER_ATOM * len(species), 2)).tolist()
    for p, q in trials:
        if misfit <= enough:
            break
        a, b = now[p], now[q]
        if a == b:
            continue
        moved = [0] * len(ELEMENTS)
        for r in neighbours[p]:
            if r != q:
                moved[now[r]] += 1
        for r in neighbours[q]:
            if r != p:
                moved[now[r]] -= 1
        row_a, row_b = error[a], error[b]
        change = 0.0
        for s in kinds:
            d = moved[s]
            if s != a and s != b:
                change += 2 * d * (2 * (row_b[s] - row_a[s]) + 2 * d)
        mixed = moved[a] - moved[b]
        change += 2 * mixed * (2 * row_a[b] + mixed)
        change += 4 * moved[b] * (row_b[b] + moved[b]) - 4 * moved[a] * (row_a[a] - moved[a])
        if change < 0:
            misfit += change
            now[p], now[q] = b, a
            for s in kinds:
                if s != a and s != b:
                    error[a][s] -= moved[s]
                    error[s][a] -= moved[s]
                    error[b][s] += moved[s]
                    error[s][b] += moved[s]
            error[a][b] += mixed
            error[b][a] += mixed
            error[a][a] -= 2 * moved[a]
            error[b][b] += 2 * moved[b]
    return np.array(now, dtype=np.int8)
