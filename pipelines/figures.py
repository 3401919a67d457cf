"""Stage figures: the paper's figures and numbers, redrawn from this line's data, into the model's MLflow run."""

from pathlib import Path

from common import run_stage
from heamap.errors import InputError
from heamap.lifecycle import tracking
from heamap.paper.evidence import draw_evidence
from heamap.params import Params

# DVC's plots hold pictures and tables only, so that the rest has a folder of its own.
FOLDER, PICTURES, RUN = Path("reports/paper"), Path("plots/paper"), Path("models/run.json")


def main(_: Params) -> str:
    drawn = draw_evidence(Path(), FOLDER, pictures=PICTURES)
    if drawn.left_out:
        raise InputError("; ".join(drawn.left_out))
    with tracking.resume(tracking.read_pointer(RUN)):
        tracking.log_files(FOLDER, PICTURES)
    return f"{FOLDER}: {len(drawn.figures)} figures and the paper's numbers beside ours"


if __name__ == "__main__":
    run_stage(main)
