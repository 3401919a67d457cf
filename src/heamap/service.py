"""The registered model as a Python function of MLflow: images in, tables of columns out.

    mlflow models serve -m models:/heamap-fcn@champion --env-manager local

loads it by this module (``heamap.lifecycle.flavor``).
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from heamap.errors import InputError
from heamap.lifecycle.flavor import COMPOSITION, IMAGE, KNOWN, ROW, SAMPLING, SHA256
from heamap_serving.calibration import Calibration
from heamap_serving.detector_angles import read_angles
from heamap_serving.micrograph import Micrograph, as_image
from heamap_serving.outputs import column_table, count
from heamap_serving.score import score
from heamap_serving.session import Model, load_model
from heamap_serving.told import read_told


class Scorer:
    """Scores the rows of a table."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def predict(self, table: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:  # noqa: ARG002
        """Columns of every micrograph.

        Parameters
        ----------
        table : ``image``, rows of pixels, and ``sampling_angstrom``, a micrograph a row; for models of calibrated
            images also ``beam_fraction_per_count``, ``black_level``, ``energy_kev``,
            ``detector_inner_mrad`` and ``detector_outer_mrad``, as the options of ``heamap score``; where it is known,
            ``composition``, text as of that option
        params : MLflow's; there are none

        Returns
        -------
        one row a column: ``request_row``, the row of the request from 0, and what ``columns.csv`` holds

        Raises
        ------
        MlflowException : a micrograph cannot be scored; the server answers 400 with the line
        """
        from mlflow.exceptions import MlflowException

        found = []
        for row, request in enumerate(table.to_dict("records")):
            gain, black, kev, *angles = (
                float(request[name]) if pd.notna(request.get(name)) else None for name in KNOWN
            )
            try:
                told = read_told(request[COMPOSITION]) if pd.notna(request.get(COMPOSITION)) else None
                calibration = Calibration(float(request[SAMPLING]), gain, black, kev, told, read_angles(*angles))
                columns = self._columns(request[IMAGE], calibration)
            except InputError as error:
                raise MlflowException.invalid_parameter_value(f"row {row}: {error}") from None
            found.append(columns.assign(**{ROW: row}))
        answer = pd.concat(found, ignore_index=True)
        return answer[[ROW, *answer.columns.drop(ROW)]]

    def _columns(self, pixels: Any, calibration: Calibration) -> pd.DataFrame:
        try:
            image = np.array([np.asarray(row, dtype=np.float64) for row in pixels])
        except (TypeError, ValueError):
            raise InputError("image must be rows of numbers, all of one length") from None
        micrograph = Micrograph(as_image(image), None)
        scored = score(micrograph, self._model, calibration)
        return column_table(scored, self._model.contract.sampling_angstrom, count(scored, self._model))


def _load_pyfunc(path: str) -> Scorer:
    """What MLflow calls with the path of the ONNX file; the file must be the one that was registered."""
    import mlflow

    file = Path(path)
    known = mlflow.models.Model.load(str(file.parent)).metadata or {}
    return Scorer(load_model(file, sha256=known.get(SHA256)))
