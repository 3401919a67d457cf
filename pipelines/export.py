"""Export the trained model to ONNX with its contract, and compare it with Keras on the test split."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from common import run_stage
from heamap.dataset.examples import example
from heamap.dataset.store import Dataset, open_dataset
from heamap.lifecycle import export, tracking
from heamap.lifecycle.reports import read_report
from heamap.network import fcn
from heamap.params import Params

KERAS_MODEL, POINTER, ONNX_MODEL = Path("models/model.keras"), Path("models/run.json"), Path("models/model.onnx")
CALIBRATION, REPORT = Path("reports/calibration.json"), Path("reports/parity.json")


def test_images(data: Dataset, params: Params) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]]:
    for sample in data.split("test"):
        image, columns = example(data, int(sample), params=params, epoch=None)
        yield image, columns[["row", "col"]].to_numpy(np.float64)


def convert(params: Params) -> str:
    data = open_dataset(Path("data/structures"), Path("data/images"))
    run = tracking.find_run(tracking.read_pointer(POINTER), tracking.client())
    contract = export.make_contract(
        params,
        data,
        stride=fcn.stride(params.train.filters),
        lineage=tracking.run_lineage(run),
        calibration=read_report(CALIBRATION),
    )
    model = export.load_float32(KERAS_MODEL)
    onnx.save(export.to_onnx(model, opset=params.export.opset, contract=contract), ONNX_MODEL)
    parity = export.compare(export.keras_predict(model), export.session_predict(ONNX_MODEL), test_images(data, params))
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(asdict(parity), indent=2) + "\n")
    with tracking.resume(run.info.run_id):
        tracking.log_files(REPORT)
    return (
        f"exported {ONNX_MODEL}; on {parity.images} test images at most {parity.max_error:.2g} atoms from Keras, "
        f"{parity.count_mismatch:.2%} of {parity.counts} counts differ"
    )


if __name__ == "__main__":
    run_stage(convert)
