"""The batch scorer: micrographs in, column counts out, on onnxruntime alone."""
