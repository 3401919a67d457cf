"""What is known of how a micrograph was taken, and where each fact comes from."""

from heamap.acquisition.acquisition import ENTRIES, Acquisition, Entry
from heamap.acquisition.fact import Fact, Source

__all__ = ["ENTRIES", "Acquisition", "Entry", "Fact", "Source"]
