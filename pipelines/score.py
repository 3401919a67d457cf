"""Stage score: the champion over the folder of micrographs."""

from pathlib import Path

from common import run_stage
from heamap.errors import InputError
from heamap.params import Params
from heamap_serving.batch import find_micrographs, score_batch
from heamap_serving.calibration import Calibration
from heamap_serving.choice import champion

FOLDER = Path("data/scores")


def main(params: Params) -> str:
    found = find_micrographs([Path(params.score.micrographs)])
    model = champion(params.promote.model_name).load()
    calibration = Calibration(
        beam_fraction_per_count=params.score.beam_fraction_per_count,
        black_level=params.score.black_level,
        energy_kev=params.score.energy_kev,
        detector_mrad=params.score.detector_mrad,
    )
    summary = score_batch(found, FOLDER, model, calibration)
    if summary.failed:
        raise InputError(f"{summary.failed} of {len(summary.records)} micrographs failed; see {FOLDER}/summary.csv")
    columns = sum(record["columns"] for record in summary.records)
    return f"{FOLDER}: {len(summary.records)} micrographs, {columns} columns, on {model.provider}"


if __name__ == "__main__":
    run_stage(main)
