"""The trained network on columns as an ONNX file."""

from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np

from heamap.columns.examples import Columns
from heamap.columns.fit import inference
from heamap.evaluation.column_network import INPUTS, OUTPUT, ColumnNetwork


def to_onnx(model: keras.Model, *, opset: int) -> bytes:
    """The bytes of an ONNX file for any number of columns."""
    import onnx

    signature = [keras.InputSpec(shape=(None, *shape), dtype=kind, name=name) for name, (shape, kind) in INPUTS.items()]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "columns.onnx"
        model.export(path, format="onnx", input_signature=[signature], opset_version=opset, verbose=False)
        exported = onnx.load(path)
    graph = exported.graph
    (last,) = graph.output
    for node in graph.node:
        node.output[:] = [OUTPUT if name == last.name else name for name in node.output]
    last.name = OUTPUT
    for value in (*graph.input, last):
        value.type.tensor_type.shape.dim[0].dim_param = "columns"
    onnx.checker.check_model(exported, full_check=True)
    return bytes(exported.SerializeToString())


def largest_difference(model: keras.Model, content: bytes, images: list[Columns]) -> float:
    """How far Keras and onnxruntime lie apart at most, in atoms."""
    network, predict = ColumnNetwork(content), inference(model)
    return max(
        float(np.abs(network(columns.around, np.zeros(len(columns.around))) - predict(columns)).max(initial=0.0))
        for columns in images
    )
