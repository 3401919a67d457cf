"""Micrographs from files and signals: which image of it is taken, and what is known of it."""

from heamap_serving.io.folders import micrographs_in
from heamap_serving.io.readers import READERS, read_micrograph
from heamap_serving.io.selection import Selection
from heamap_serving.io.signals import from_signal, is_signal

__all__ = ["READERS", "Selection", "from_signal", "is_signal", "micrographs_in", "read_micrograph"]
