"""The ONNX file as a model of MLflow that scores micrographs, and not only tensors."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import onnx
    from mlflow.models import Model
    from mlflow.models.model import ModelInfo

SCORER = "heamap.service"
"""Module that MLflow loads the model by (``_load_pyfunc``)."""

SHA256 = "heamap.onnx.sha256"
"""Key of the file's hash in the model's metadata."""

IMAGE = "image"
SAMPLING = "sampling_angstrom"
KNOWN = ("beam_fraction_per_count", "black_level", "energy_kev", "detector_inner_mrad", "detector_outer_mrad")
"""Columns of a request that a model of calibrated images needs, and that another does without."""
COMPOSITION = "composition"
"""Column of a request: text as of the option ``--composition``, where it is known."""
ROW = "request_row"
"""Columns of a request, and of the answer: which row of the request it belongs to."""


def log_model(model: "onnx.ModelProto", sha256: str, pip_requirements: list[str]) -> "ModelInfo":
    """Log an ONNX model to the active run under the name ``onnx``, for ``mlflow.onnx`` and as a scorer.

    Parameters
    ----------
    sha256 : of the file, which the scorer checks before it loads it
    """
    import sys

    import mlflow

    return mlflow.models.Model.log(
        artifact_path=None,
        name="onnx",
        flavor=sys.modules[__name__],
        onnx_model=model,
        metadata={SHA256: sha256},
        signature=_signature(),
        pip_requirements=pip_requirements,
    )


def save_model(path: str, mlflow_model: "Model", **options: Any) -> None:
    """What ``mlflow.models.Model.log`` calls: MLflow's own ONNX model, whose Python function is the scorer."""
    import mlflow

    mlflow.onnx.save_model(path=path, mlflow_model=mlflow_model, save_as_external_data=False, **options)
    mlflow_model.flavors["python_function"]["loader_module"] = SCORER
    mlflow_model.save(str(Path(path) / "MLmodel"))


def _signature() -> Any:
    """A micrograph a row: its pixels, rows of numbers, its pixel size and what else is known of it (``KNOWN``)."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, Schema
    from mlflow.types.schema import AnyType

    # As Array(Array(DataType.double)) MLflow refuses whole numbers, which a detector's counts are; the scorer checks.
    pixels = ColSpec(AnyType(), IMAGE)
    known = [ColSpec(DataType.double, name, required=False) for name in KNOWN]
    told = ColSpec(DataType.string, COMPOSITION, required=False)
    return ModelSignature(inputs=Schema([pixels, ColSpec(DataType.double, SAMPLING), *known, told]))
