"""Drawn lattices of known constants."""

import numpy as np


def draw(vectors, *, shape=(160, 160), step=0.2, turn_degree=0.0, sigma=0.45, basis=((0.0, 0.0, 1.0),)):
    """Gaussian columns on a two-dimensional lattice: vectors (2, 2) in Angstrom; basis (first, second, brightness)."""
    angle = np.deg2rad(turn_degree)
    turned = np.asarray(vectors) @ np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    rows, cols = np.mgrid[: shape[0], : shape[1]] * step
    # A sum of Gaussians on a lattice is a sum of waves: exact, and quick where few waves are left.
    reciprocal = np.linalg.inv(turned).T
    image = np.zeros(shape)
    for m in range(-8, 9):
        for n in range(-8, 9):
            row, col = m * reciprocal[0] + n * reciprocal[1]
            height = np.exp(-2 * (np.pi * sigma) ** 2 * (row**2 + col**2))
            if height > 1e-6:
                phase = 2 * np.pi * (row * rows + col * cols)
                for first, second, bright in basis:
                    image += bright * height * np.cos(phase - 2 * np.pi * (m * first + n * second))
    return image


def fcc110(constant):
    """Primitive vectors of fcc seen along [110]."""
    return np.array([[constant / 2, constant / np.sqrt(8)], [constant / 2, -constant / np.sqrt(8)]])


def square(side):
    return np.eye(2) * side
