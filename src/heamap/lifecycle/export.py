"""Keras model to ONNX, with the contract in its metadata, and the proof that both say the same."""

from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from heamap import params
from heamap.contract import (
    COLUMNS_KEY,
    INPUT_NAME,
    METADATA_KEY,
    OUTPUT_NAME,
    BackgroundLevel,
    ColumnShare,
    Contract,
    EnergyScale,
    Lineage,
    TrainingRanges,
)
from heamap.dataset.statistics import nearest_column_angstrom
from heamap.dataset.store import Dataset
from heamap.elements import ELEMENTS
from heamap.evaluation.counter import Counter
from heamap.imaging.normalize import DARKEST, SQUARE_ANGSTROM, STANDARD_ENERGY_EV
from heamap.lifecycle import graph
from heamap.lifecycle.orientations import AVERAGED, orient

if TYPE_CHECKING:
    import keras
    import onnx

Images = npt.NDArray[np.float32]
Predict = Callable[[Images], Images]


@dataclass(frozen=True)
class Parity:
    """How far two runtimes of one model lie apart on the same images.

    Attributes
    ----------
    max_error : largest difference of a map value, atoms
    count_mismatch : share of the column counts that differ once rounded
    counts, images : how many were compared
    """

    max_error: float
    count_mismatch: float
    counts: int
    images: int


def make_contract(
    settings: params.Params, dataset: Dataset, *, reach: int, lineage: Lineage, calibration: Mapping[str, Any]
) -> Contract:
    """The contract of a model that was trained with these parameters on the train split of a dataset.

    Parameters
    ----------
    reach : pixels to each side of a pixel of the maps that it depends on
    calibration : ``intervals`` and ``aggregation``, as ``ModelCalibration.to_dict`` gives them, and ``accuracy``, as
        ``heamap.evaluation.model_accuracy`` does; where there are, ``counting`` and ``composition``, as
        ``heamap.evaluation.counting.contract_line`` and ``heamap.evaluation.composition_errors.fit`` give them
    """
    sampling = settings.base.sampling_angstrom
    totals = [dataset.columns(int(sample), in_field=False)["total"] for sample in dataset.split("train")]
    every = np.concatenate(totals)
    exponent, most = settings.train.energy_exponent, settings.train.background_most
    return Contract(
        elements=ELEMENTS,
        sampling_angstrom=sampling,
        normalization=settings.train.normalization,
        label_sigma_angstrom=settings.train.label_sigma_angstrom,
        intensity_scale=1.0,
        stride=settings.train.stride,
        reach=reach,
        readout=settings.evaluate.readout,
        orientations=settings.evaluate.orientations,
        columns=ColumnShare(weight=settings.columns.weight) if settings.columns.counts else None,
        energy=None if exponent is None else EnergyScale(standard_ev=STANDARD_ENERGY_EV, exponent=exponent),
        background=None
        if most is None
        else BackgroundLevel(most=most, square_angstrom=SQUARE_ANGSTROM, darkest=DARKEST),
        ranges=TrainingRanges(
            energy_ev=settings.simulate.microscope.energy_ev,
            semiangle_mrad=settings.simulate.microscope.semiangle_mrad,
            detector_mrad=settings.simulate.detector_mrad,
            dose_per_square_angstrom=settings.train.effects.dose_per_square_angstrom,
            column_total=(int(every.min()), int(every.max())),
            nearest_column_angstrom=nearest_column_angstrom(dataset, sampling_angstrom=sampling),
        ),
        lineage=lineage,
        intervals=calibration["intervals"],
        aggregation=calibration["aggregation"],
        accuracy=calibration["accuracy"],
        told=calibration.get("told"),
        counting=calibration.get("counting"),
        composition=calibration.get("composition"),
    )


def load_float32(path: Path) -> "keras.Model":
    """A stored model with the same weights under a float32 policy, whatever precision it was trained in."""
    import keras

    # Keras finds the layers of our own in a file only once they are known to it.
    import heamap.network.folding  # noqa: F401

    stored = keras.models.load_model(path, compile=False)
    model = keras.models.clone_model(stored, clone_function=_float32_layer)
    model.set_weights(stored.get_weights())
    return model


def _float32_layer(layer: "keras.layers.Layer") -> "keras.layers.Layer":
    return type(layer).from_config(layer.get_config() | {"dtype": "float32"})


def to_onnx(model: "keras.Model", *, opset: int, contract: Contract, columns: bytes | None = None) -> "onnx.ModelProto":
    """Convert a float32 model for inference.

    Parameters
    ----------
    model : one input (batch, rows, cols, 1), one output (batch, rows, cols, elements)
    contract : of as many ``orientations`` as the graph shall average
    columns : the ONNX file of the network on columns, where the contract has it counted

    Returns
    -------
    checked ONNX model from ``image`` to ``counts``, of any batch and size, cleaned, with the contract in its metadata
    and sealed (``heamap.lifecycle.graph``)
    """
    import keras
    import onnx

    traced = keras.models.clone_model(model, clone_function=_exportable_layer)
    traced.set_weights(model.get_weights())
    signature = [keras.InputSpec(shape=(None, None, None, 1), dtype="float32")]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        traced.export(path, format="onnx", input_signature=signature, opset_version=opset, verbose=False)
        exported = onnx.load(path)
    _rename(exported, exported.graph.input[0], INPUT_NAME)
    _rename(exported, exported.graph.output[0], OUTPUT_NAME)
    graph.clean(exported)
    if contract.orientations > 1:
        graph.average_orientations(exported, AVERAGED[contract.orientations])
    told = {METADATA_KEY: contract.to_json()}
    if columns is not None:
        told[COLUMNS_KEY] = b64encode(columns).decode()
    onnx.helper.set_model_props(exported, told)
    onnx.checker.check_model(exported, full_check=True)
    graph.seal(exported)
    return exported


def _exportable_layer(layer: "keras.layers.Layer") -> "keras.layers.Layer":
    """Enlargement by nearest neighbours as one ``DepthToSpace``.

    The converter spells ``UpSampling2D`` of an unknown size as two dozen operators with two transposes; a copy of the
    channels for each of the four pixels is the same values, and a form that ``heamap.lifecycle.graph`` recognises.
    """
    import keras

    if isinstance(layer, keras.layers.UpSampling2D) and layer.size == (2, 2) and layer.interpolation == "nearest":
        return keras.layers.Lambda(
            lambda inputs: keras.ops.depth_to_space(keras.ops.concatenate([inputs] * 4, axis=-1), 2),
            output_shape=lambda shape: shape,
            name=layer.name,
        )
    return type(layer).from_config(layer.get_config())


def _rename(model: "onnx.ModelProto", value: Any, name: str) -> None:
    """Rename an input or output of the graph wherever it occurs, and its free axes to batch, rows, cols."""
    for node in model.graph.node:
        for names in (node.input, node.output):
            for index, old in enumerate(names):
                if old == value.name:
                    names[index] = name
    value.name = name
    for axis, dimension in zip(("batch", "rows", "cols"), value.type.tensor_type.shape.dim[:3], strict=True):
        dimension.dim_param = axis


def session_predict(path: Path) -> Predict:
    """Inference by onnxruntime on the CPU: images (batch, rows, cols, 1) to maps (batch, rows, cols, elements)."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    def predict(images: Images) -> Images:
        return np.asarray(session.run([OUTPUT_NAME], {INPUT_NAME: images})[0], dtype=np.float32)

    return predict


def keras_predict(model: "keras.Model", *, orientations: int = 1) -> Predict:
    """Inference by Keras: the mean of the maps of all ``orientations`` of the images (``AVERAGED``)."""

    def predict(images: Images) -> Images:
        maps = [
            orient(np.asarray(model(np.ascontiguousarray(orient(images, steps)), training=False)), steps[::-1])
            for steps in AVERAGED[orientations]
        ]
        return np.mean(maps, axis=0, dtype=np.float32)

    return predict


def compare(
    first: Predict, second: Predict, examples: Iterable[tuple[Images, npt.NDArray[np.floating]]], *, counter: Counter
) -> Parity:
    """Compare two runtimes image by image.

    Parameters
    ----------
    examples : input (rows, cols, 1) and column positions (n, 2) in pixels, of each image
    counter : of the columns of both

    Returns
    -------
    Parity

    Raises
    ------
    ValueError : no examples
    """
    worst, differing, counted, images = 0.0, 0, 0, 0
    for image, positions in examples:
        one, other = first(image[None])[0], second(image[None])[0]
        worst = max(worst, float(np.abs(one - other).max()))
        rounded = [np.rint(counter(image, maps, positions)) for maps in (one, other)]
        differing += int((rounded[0] != rounded[1]).sum())
        counted += rounded[0].size
        images += 1
    if not images:
        raise ValueError("parity needs at least one image")
    return Parity(worst, differing / max(counted, 1), counted, images)
