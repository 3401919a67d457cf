"""An exported graph, cleaned for onnxruntime, and sealed against damage."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from heamap.lifecycle.orientations import AXES, Orientation, Step
from heamap.seal import SEAL_BLANK, SEAL_KEY, seal_value

if TYPE_CHECKING:
    import onnx

TO_CHANNELS_FIRST = (0, 3, 1, 2)
ORDER_KEEPING = ("Unsqueeze", "Squeeze", "Reshape", "Transpose")
"""What a converter may put between the image and the first operator: one channel makes all of them mere views."""

ROWS_FOR_COLS = (0, 2, 1, 3)

BEFORE_THE_FIRST = int(np.iinfo(np.int64).min)
"""Where a slice ends that is read backwards and holds the first one too."""

ENTRIES = ("Conv", "SpaceToDepth")
"""What may come first in a network, channels first."""


def clean(model: "onnx.ModelProto") -> None:
    """Spell the graph in the operators that onnxruntime runs in its own blocked layout, in place.

    * Four copies of the channels folded out by ``DepthToSpace`` become ``Resize`` to the nearest neighbour: onnxruntime
      runs that, like convolutions and pooling, on blocks of channels, and so never leaves that layout from the first
      convolution to the last.
    * Whatever brings the image (batch, rows, cols, 1) to the first convolution or folding becomes one ``Transpose``.
    """
    _enlarge_by_resize(model.graph)
    _enter_by_transpose(model.graph)


def average_orientations(model: "onnx.ModelProto", orientations: Sequence[Orientation]) -> None:
    """Let the graph see each image in several orientations, and answer with the mean of their maps, in place.

    All orientations use one set of weights, so that the file grows by its nodes alone. From images (batch, rows, cols,
    1) to maps (batch, rows, cols, elements), as before.

    Parameters
    ----------
    model : sees an image as it is
    orientations : a power of two of them, the first as it is; maps are added in pairs, neighbours first
    """
    from onnx import helper, numpy_helper

    graph = model.graph
    image, counts, share = graph.input[0].name, graph.output[0].name, "share"
    once = list(graph.node)
    # Weights, and the inputs that an operator leaves out.
    shared = {"", *(item.name for item in graph.initializer)}
    maps = [f"as_it_is/{counts}"]
    for orientation in orientations[1:]:

        def own(name: str, prefix: str = "_".join(orientation)) -> str:
            return name if name in shared else f"{prefix}/{name}"

        _orient(graph, image, own(image), orientation)
        for node in once:
            copy = type(node)()
            copy.CopyFrom(node)
            copy.name = own(node.name)
            copy.input[:] = map(own, node.input)
            copy.output[:] = map(own, node.output)
            graph.node.append(copy)
        maps.append(f"{own(counts)}/back")
        _orient(graph, own(counts), maps[-1], orientation[::-1])
    for node in once:
        node.output[:] = [maps[0] if name == counts else name for name in node.output]
    graph.initializer.append(numpy_helper.from_array(np.array(1 / len(maps), np.float32), share))
    while len(maps) > 1:
        pairs = list(zip(maps[::2], maps[1::2], strict=True))
        maps = [f"{counts}/sum_{len(pairs)}_{place}" for place in range(len(pairs))]
        for pair, total in zip(pairs, maps, strict=True):
            graph.node.append(helper.make_node("Add", pair, [total], name=total))
    graph.node.append(helper.make_node("Mul", [maps[0], share], [counts], name=f"{counts}/mean"))


def _orient(graph: "onnx.GraphProto", source: str, target: str, steps: Sequence[Step]) -> None:
    """Append what leads from one value (batch, rows, cols, channels) through these steps to another."""
    from onnx import helper, numpy_helper

    names = [source, *(f"{target}/{place}" for place in range(1, len(steps))), target]
    for step, before, after in zip(steps, names[:-1], names[1:], strict=True):
        if step == "transpose":
            graph.node.append(helper.make_node("Transpose", [before], [after], name=after, perm=ROWS_FOR_COLS))
            continue
        # From the last pixel past the first, backwards.
        span = {f"{step}/start": -1, f"{step}/end": BEFORE_THE_FIRST, f"{step}/axis": AXES[step], f"{step}/step": -1}
        graph.node.append(helper.make_node("Slice", [before, *span], [after], name=after))
        present = {item.name for item in graph.initializer}
        graph.initializer.extend(
            numpy_helper.from_array(np.array([value], np.int64), name)
            for name, value in span.items()
            if name not in present
        )


def seal(model: "onnx.ModelProto") -> None:
    """Write the checksum of the serialised model into its metadata, in place: any flipped bit shows on loading.

    The checksum is that of the file with the checksum's own digits blank (``heamap.seal.SEAL_BLANK``).
    """
    entry = model.metadata_props.add(key=SEAL_KEY, value=SEAL_BLANK)
    entry.value = seal_value(hashlib.sha256(model.SerializeToString()).hexdigest())


def _enlarge_by_resize(graph: "onnx.GraphProto") -> None:
    from onnx import helper, numpy_helper

    scales = "enlarge_scales"
    made = {output: node for node in graph.node for output in node.output}
    for place, node in enumerate(graph.node):
        if node.op_type != "DepthToSpace":
            continue
        copies = made[node.input[0]]
        if copies.op_type != "Concat" or len(copies.input) != 4 or len(set(copies.input)) != 1:
            continue
        resize = helper.make_node(
            "Resize",
            [copies.input[0], "", scales],
            list(node.output),
            name=node.name,
            mode="nearest",
            nearest_mode="floor",
            coordinate_transformation_mode="asymmetric",
        )
        graph.node[place].CopyFrom(resize)
    if any(scales in node.input for node in graph.node):
        graph.initializer.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), scales))
    _drop_unused(graph)


def _enter_by_transpose(graph: "onnx.GraphProto") -> None:
    from onnx import helper

    image = graph.input[0].name
    users = {name: [node for node in graph.node if name in node.input] for name in (image, *_outputs(graph))}
    name, chain = image, []
    while len(users[name]) == 1 and users[name][0].op_type in ORDER_KEEPING:
        chain.append(users[name][0])
        name = chain[-1].output[0]
    if len(users[name]) != 1 or users[name][0].op_type not in ENTRIES:
        return
    for node in chain:
        graph.node.remove(node)
    entry = helper.make_node("Transpose", [image], [name], name="channels_first", perm=TO_CHANNELS_FIRST)
    graph.node.insert(0, entry)
    _drop_unused(graph)


def _outputs(graph: "onnx.GraphProto") -> Iterator[str]:
    for node in graph.node:
        yield from node.output


def _drop_unused(graph: "onnx.GraphProto") -> None:
    """Nodes and weights that nothing reads any more."""
    while True:
        read = Counter(name for node in graph.node for name in node.input) + Counter(item.name for item in graph.output)
        idle = [node for node in graph.node if not any(read[name] for name in node.output)]
        if not idle:
            break
        for node in idle:
            graph.node.remove(node)
    for weights in [item for item in graph.initializer if not read[item.name]]:
        graph.initializer.remove(weights)
