"""Register the exported model; champion past the gate, else challenger."""

import json
from dataclasses import asdict
from pathlib import Path

from common import run_stage
from heamap.lifecycle import decisions, lineage, registry, tracking
from heamap.lifecycle.reports import read_report
from heamap.params import Params

ONNX_MODEL, POINTER = Path("models/model.onnx"), Path("models/run.json")
VERDICT, REPORT = Path("reports/gate.json"), Path("reports/promotion.json")


def promote(params: Params) -> str:
    name = params.promote.model_name
    verdict = read_report(VERDICT)
    done = registry.promote(
        ONNX_MODEL, tracking.read_pointer(POINTER), verdict, model_name=name, lock=Path(lineage.LOCK)
    )
    with tracking.resume(done.run_id):
        tracking.log_files(VERDICT)
    history = [asdict(decision) for decision in decisions.decisions(name)]
    REPORT.write_text(json.dumps({**asdict(done), "history": history}, indent=2) + "\n")
    return f"{name} version {done.version}: {done.decision}"


if __name__ == "__main__":
    run_stage(promote)
