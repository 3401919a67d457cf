"""In which numbers a training multiplies."""

from pathlib import Path

import tensorflow as tf

from heamap.params import Params
from heamap.training.horovod import World

CPUINFO = Path("/proc/cpuinfo")
NATIVE = frozenset({"amx_bf16", "avx512_bf16", "bf16"})
"""Names that Linux gives to a processor's products of bfloat16: two of x86, then Arm's."""
_CARDS_FROM = (8, 0)
"""Least compute capability of NVIDIA's cards with products of bfloat16 (CUDA C++ Programming Guide, Ampere)."""


def settled(params: Params, world: World) -> Params:
    """The parameters with ``train.mixed_precision`` said: ``auto`` is what the leading rank's machine is made for.

    Where a processor has no products of bfloat16, each is made of several in float32: a step took eleven times as
    long as one in float32 (docs/benchmarks.md).
    """
    if params.train.mixed_precision != "auto":
        return params
    train = params.train.model_copy(update={"mixed_precision": world.agree(has_bfloat16())})
    return params.model_copy(update={"train": train})


def has_bfloat16() -> bool:
    """Whether what this process trains on, its card or else its processor, multiplies bfloat16 natively."""
    cards = tf.config.get_visible_devices("GPU")
    if cards:
        capability = tf.config.experimental.get_device_details(cards[0]).get("compute_capability", (0, 0))
        return bool(capability >= _CARDS_FROM)
    return processor_has_bfloat16(CPUINFO)


def processor_has_bfloat16(cpuinfo: Path) -> bool:
    """The same of the processor that a file like Linux's ``/proc/cpuinfo`` describes; not where there is none."""
    if not cpuinfo.exists():
        return False
    lines = (line.partition(":") for line in cpuinfo.read_text().splitlines())
    return any(NATIVE & set(said.split()) for name, _, said in lines if name.strip() in ("flags", "Features"))
