"""What a told composition buys, and what a wrong one costs: skill over total x composition, and coverage.

    python benchmarks/told_composition.py data/evaluation/predictions.parquet models/model.onnx

Each image of the table is told its true composition with normal errors of so many atomic per cent in each share (the
shares are then scaled to sum to 1), 20 times. Intervals are the model's own, of counts that are told nothing, and,
where it has them, those of counts that are.
"""

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pandas as pd

from heamap.contract import Contract
from heamap.elements import ELEMENTS
from heamap.evaluation.baselines import TRUE_TOTAL
from heamap.evaluation.baselines import estimates as baselines
from heamap.evaluation.conformal import Intervals
from heamap.evaluation.model_calibration import judge_coverage
from heamap.evaluation.table import element_counts
from heamap.evaluation.targets import TARGETS, TOTAL, with_sums
from heamap.evaluation.told_composition import bring_to

ERRORS = (0.0, 0.01, 0.02, 0.03, 0.05)
REPEATS = 20

Floats = npt.NDArray[np.float64]


def told(table: pd.DataFrame, error: float, rng: np.random.Generator) -> Floats:
    """Counts (n, 7) brought to the composition of each image, wrong by ``error``."""
    guess, truth = element_counts(table, "pred").copy(), element_counts(table, "true")
    for rows in table.groupby("sample").indices.values():
        shares = truth[rows].sum(axis=0) / truth[rows].sum()
        wrong = np.maximum(shares + error * rng.normal(size=len(ELEMENTS)), 0)
        guess[rows] = bring_to(guess[rows], wrong / wrong.sum())
    return with_sums(guess)


def with_counts(table: pd.DataFrame, counts: Floats) -> pd.DataFrame:
    return table.assign(**{f"pred_{target}": part for target, part in zip(TARGETS, counts.T, strict=True)})


def line(name: str, values: npt.ArrayLike) -> None:
    print(f"{name:<44}" + "".join(f"{value:>8.3f}" for value in np.asarray(values)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("predictions", type=Path)
    parser.add_argument("model", type=Path, help="ONNX file, for its intervals")
    arguments = parser.parse_args()
    table = pd.read_parquet(arguments.predictions)
    metadata = {entry.key: entry.value for entry in onnx.load(arguments.model).metadata_props}
    contract = Contract.from_metadata(metadata, str(arguments.model))
    truth, first = (
        with_sums(counts[:, :5]) for counts in (element_counts(table, "true"), baselines(table, table)[TRUE_TOTAL])
    )
    shown = [target for target in TARGETS if target != TOTAL]

    def squares(counts: Floats) -> Floats:
        return np.asarray(((counts - truth) ** 2).sum(axis=0)[:-1])

    print(
        f"{len(table)} columns of {table['sample'].nunique()} images\n{'skill':<44}" + "".join(f"{t:>8}" for t in shown)
    )
    line("told nothing", 1 - squares(with_sums(element_counts(table, "pred"))) / squares(first))
    rng = np.random.default_rng(0)
    for error in ERRORS:
        sums = np.mean([squares(told(table, error, rng)) for _ in range(REPEATS if error else 1)], axis=0)
        line(f"told with an error of {100 * error:g} at.% in each share", 1 - sums / squares(first))
    print(f"\n{'share of columns inside their interval':<44}" + "".join(f"{t:>8}" for t in TARGETS))
    kinds = {"its own intervals": contract.intervals}
    if contract.told is not None:
        kinds["intervals of told counts"] = contract.told.intervals
    for name, values in kinds.items():
        if values is None:
            continue
        intervals = Intervals.from_dict(values)
        for how, rows in (
            ("told nothing", table),
            ("told", with_counts(table, told(table, 0.0, rng))),
            ("wrong by 2 at.%", with_counts(table, told(table, 0.02, rng))),
            ("wrong by 5 at.%", with_counts(table, told(table, 0.05, rng))),
        ):
            targets = judge_coverage(intervals, rows)["targets"]
            line(f"{name}, {how}", [targets[target]["overall"]["share"] for target in TARGETS])
            line("  mean width (atoms)", [targets[target]["overall"]["width"] for target in TARGETS])


if __name__ == "__main__":
    main()
