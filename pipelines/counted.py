"""How the counts that are judged and exported come about."""

from pathlib import Path

from heamap.evaluation import reading
from heamap.evaluation.column_network import ColumnNetwork
from heamap.evaluation.counter import Counter
from heamap.params import Params

COLUMN_NETWORK = Path("models/columns/columns.onnx")


def load_counter(params: Params) -> Counter:
    """Off the maps, and by the network on columns where there is one."""
    columns = ColumnNetwork.read(COLUMN_NETWORK) if params.columns.counts else None
    return Counter(
        reading.of_params(params),
        params.base.sampling_angstrom,
        columns,
        weight=params.columns.weight,
        dark=params.train.normalization == "absolute",
    )
