"""What is known of how a micrograph was taken, and where each fact comes from."""

from heamap.acquisition.acquisition import ENTRIES, NOTHING_KNOWN, Acquisition, Entry
from heamap.acquisition.fact import Fact, Source

__all__ = ["ENTRIES", "NOTHING_KNOWN", "Acquisition", "Entry", "Fact", "Source"]
