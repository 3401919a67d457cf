"""The trained network on columns as an ONNX file."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import keras
import numpy as np

from heamap.columns.examples import Columns
from heamap.columns.fit import inference
from heamap.evaluation.column_network import INPUTS, OUTPUT, ColumnNetwork

if TYPE_CHECKING:
    import onnx


def to_onnx(model: keras.Model, *, opset: int) -> bytes:
    """The bytes of an ONNX file for any number of columns; the same network gives the same bytes."""
    import onnx

    signature = [keras.InputSpec(shape=(None, *shape), dtype=kind, name=name) for name, (shape, kind) in INPUTS.items()]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "columns.onnx"
        model.export(path, format="onnx", input_signature=[signature], opset_version=opset, verbose=False)
        exported = onnx.load(path)
    for value in (*exported.graph.input, *exported.graph.output):
        for place, size in enumerate(value.type.tensor_type.shape.dim):
            if size.dim_param or not place:
                size.dim_param = f"{value.name}_{place}" if place else "columns"
    settle(exported.graph)
    onnx.checker.check_model(exported, full_check=True)
    return bytes(exported.SerializeToString())


def settle(graph: "onnx.GraphProto") -> None:
    """Put nodes and weights in an order, and give all values names, that follow from the graph alone, in place.

    The converter's differ from one call to the next, so that the same network would be another file each time. Nodes
    are walked from the output, each after what it reads; inputs keep their names, the output becomes ``OUTPUT``.
    """
    made = {name: node for node in graph.node for name in node.output}
    (last,) = graph.output
    nodes, done, waiting = [], set(), [last.name]
    while waiting:
        name = waiting.pop()
        if name not in made or name in done:
            continue
        if before := [source for source in made[name].input if source in made and source not in done]:
            waiting += [name, *reversed(before)]
            continue
        nodes.append(made[name])
        done.update(made[name].output)

    names = {"": "", **{value.name: value.name for value in graph.input}, last.name: OUTPUT}
    for node in nodes:
        for name in (*node.input, *node.output):
            names.setdefault(name, f"value_{len(names)}")
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names[name] for name in node.output]
        node.ClearField("name")
        node.ClearField("doc_string")
    weights = {names[item.name]: item for item in graph.initializer if item.name in names}
    for name, item in weights.items():
        item.name = name
    last.name = OUTPUT
    # Copies: a message of protobuf goes with the list that holds it.
    ordered = [type(node).FromString(node.SerializeToString(deterministic=True)) for node in nodes]
    read = [weights[name] for name in names.values() if name in weights]
    read = [type(item).FromString(item.SerializeToString()) for item in read]
    del graph.node[:], graph.initializer[:], graph.value_info[:]
    graph.node.extend(ordered)
    graph.initializer.extend(read)
    graph.name = "columns"
    graph.ClearField("doc_string")


def largest_difference(model: keras.Model, content: bytes, images: list[Columns]) -> float:
    """How far Keras and onnxruntime lie apart at most, in atoms."""
    network, predict = ColumnNetwork(content), inference(model)
    return max(
        float(np.abs(network(columns.around, np.zeros((len(columns.around), 2))) - predict(columns)).max(initial=0.0))
        for columns in images
    )
