"""The batch scorer: micrographs in, column counts out, on onnxruntime alone."""

# First of all imports: heamap sets what onnxruntime reads when it is imported.
from heamap import __version__ as __version__
