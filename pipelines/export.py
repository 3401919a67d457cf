"""Export the trained model to ONNX with its contract, and compare it with Keras on the test split."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx

from common import run_stage
from counted import COLUMN_NETWORK, load_counter
from heamap.contract import Contract, DomainLimits
from heamap.dataset.exam import exam
from heamap.dataset.examples import example
from heamap.dataset.store import Dataset, open_dataset
from heamap.domain.training import training_limits
from heamap.lifecycle import export, tracking
from heamap.lifecycle.reports import read_report
from heamap.network.architectures import ARCHITECTURES
from heamap.params import Params
from heamap_serving.resample import resample

KERAS_MODEL, POINTER, ONNX_MODEL = Path("models/model.keras"), Path("models/run.json"), Path("models/model.onnx")
CALIBRATION, REPORT = Path("reports/calibration.json"), Path("reports/parity.json")


def test_images(data: Dataset, params: Params) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]]:
    for sample in data.split("test"):
        image, columns = example(data, int(sample), params=exam(params), epoch=None)
        yield image, columns[["row", "col"]].to_numpy(np.float64)


def domain(data: Dataset, params: Params) -> DomainLimits | None:
    """Limits of the images that the model may be used on, resampled for them as the scorer resamples."""
    target = params.base.sampling_angstrom
    return training_limits(data, params, lambda image, step: resample(image, steps=(step, step), target=target))


def convert(params: Params) -> str:
    data = open_dataset(Path("data/structures"), Path("data/images"))
    run = tracking.find_run(tracking.read_pointer(POINTER), tracking.client())
    contract = export.make_contract(
        params,
        data,
        reach=ARCHITECTURES[params.train.network].reach(params.train.filters),
        lineage=tracking.run_lineage(run),
        calibration=read_report(CALIBRATION),
    ).model_copy(update={"domain": domain(data, params)})
    model = export.load_float32(KERAS_MODEL)
    columns = None if contract.columns is None else COLUMN_NETWORK.read_bytes()
    exported = export.to_onnx(model, opset=params.export.opset, contract=contract, columns=columns)
    onnx.save(exported, ONNX_MODEL)
    parity = export.compare(
        export.keras_predict(model, orientations=params.evaluate.orientations),
        export.session_predict(ONNX_MODEL),
        test_images(data, params),
        counter=load_counter(params),
    )
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(asdict(parity), indent=2) + "\n")
    with tracking.resume(run.info.run_id):
        tracking.log_files(REPORT)
    return (
        f"exported {ONNX_MODEL}; on {parity.images} test images at most {parity.max_error:.2g} atoms from Keras, "
        f"{parity.count_mismatch:.2%} of {parity.counts} counts differ; {said_of(contract)}"
    )


def said_of(contract: Contract) -> str:
    """What the contract holds on the domain, in words."""
    limits = contract.domain
    if limits is None:
        return "fields too small or unclear for limits of the domain: the scorer will refuse no image for its content"
    return f"domain from {limits.views} views, {limits.calibration_views} calibrate it"


if __name__ == "__main__":
    run_stage(convert)
