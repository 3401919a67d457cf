"""heamap: element maps of high-entropy-alloy nanoparticles, atom column by atom column, from HAADF-STEM images."""

__version__ = "0.1.0"
