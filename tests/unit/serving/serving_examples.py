"""A tiny ONNX model with a contract, and a made-up micrograph of columns, for the tests of the scorer."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from heamap.contract import Accuracy, Contract, Lineage, TargetAccuracy, TrainingRanges
from heamap.elements import ELEMENTS
from heamap.evaluation.targets import TARGETS
from heamap_serving.calibration import Calibration

DETECTOR = (70.0, 200.0)
"""Of the contract's training, in mrad."""

WEIGHTS = (5.0, 4.0, 3.0, 2.0, 1.0)


def calibrated(*known, **options):
    """What a user of that detector tells; black is 0 unless another number is given."""
    black = {"black_level": 0.0} if len(known) < 3 else {}
    return Calibration(*known, **({"detector_mrad": DETECTOR} | black | options))


def make_contract(**changes):
    values = {
        "elements": ELEMENTS,
        "sampling_angstrom": 0.2,
        "normalization": "local",
        "label_sigma_angstrom": 0.5,
        "intensity_scale": 1.0,
        "stride": 8,
        "ranges": TrainingRanges(
            energy_ev=(1.8e5, 2.2e5),
            semiangle_mrad=(15.0, 20.0),
            detector_mrad=DETECTOR,
            dose_per_square_angstrom=(1e5, 4e5),
            column_total=(1, 40),
            nearest_column_angstrom=2.27,
        ),
        "lineage": Lineage(run_id="r1", commit="c1", data={"data/images": "h1"}),
    }
    return Contract(**(values | changes))


def make_accuracy(**lows):
    """Skills of .5 from .4 up, but for the low ends named."""
    known = {"baseline": "total x composition", "skill_high": 0.6, "bound_skill": 0.7, "r2": 0.9}
    known |= {"covered": 0.91, "covered_low": 0.87, "covered_high": 0.95}
    targets = {target: TargetAccuracy(skill=0.5, skill_low=lows.get(target, 0.4), **known) for target in TARGETS}
    return Accuracy(level=0.95, images=30, columns=5000, targets=targets)


def write_model(path, metadata, *, weights=WEIGHTS, output="counts"):
    """One 1x1 convolution: every element's map is the normalised image times its weight."""
    kernel = helper.make_tensor("kernel", TensorProto.FLOAT, (len(weights), 1, 1, 1), weights)
    nodes = [
        helper.make_node("Transpose", ["image"], ["first"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["first", "kernel"], ["mapped"]),
        helper.make_node("Transpose", ["mapped"], [output], perm=[0, 2, 3, 1]),
    ]
    graph = helper.make_graph(
        nodes,
        "copy",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["b", "r", "c", 1])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["b", "r", "c", len(weights)])],
        [kernel],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    helper.set_model_props(model, metadata)
    onnx.save(model, path)
    return Path(path)


def lattice_image(shape, step, spacing=2.8, sigma=0.45):
    """Gaussian columns on a square lattice, brighter to the right; returns the image and (rows, cols) in pixels."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    y = np.arange(2.0, (shape[0] - 1) * step[0] - 2.0, spacing)
    x = np.arange(2.0, (shape[1] - 1) * step[1] - 2.0, spacing)
    centres = np.array([(b, a) for b in y for a in x])
    image = np.full(shape, 100.0)
    for b, a in centres:
        distance = (rows * step[0] - b) ** 2 + (cols * step[1] - a) ** 2
        image += (1000 + 20 * a) * np.exp(-distance / (2 * sigma**2))
    return image.astype(np.float32), centres / np.asarray(step)
