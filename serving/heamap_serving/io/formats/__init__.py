"""The formats, one module a family: each gives the datasets of a file."""
