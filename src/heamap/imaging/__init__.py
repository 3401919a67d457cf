"""Atoms to images: microscope, multislice engines, experimental effects, normalisation."""
