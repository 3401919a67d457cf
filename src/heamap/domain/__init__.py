"""When an image is unlike those that a model was trained on: lattice, columns, noise and statistics of its windows."""
