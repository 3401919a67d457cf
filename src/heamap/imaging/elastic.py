"""The part of the image that the mean wave itself brings to the detector, by reciprocity."""

from typing import Any

import numpy as np
import numpy.typing as npt

from heamap.imaging.directions import Directions
from heamap.imaging.microscope import Microscope
from heamap.imaging.optics import probe
from heamap.imaging.slicing import Slab
from heamap.imaging.wavefield import Atoms, Wavefield


def images(
    slab: Slab, field: Wavefield, chosen: Directions, microscope: Microscope, *, positions: int, edge: float
) -> npt.NDArray[np.float64]:
    """Detected fraction of the beam over the whole box.

    One plane wave sent backwards from the detector gives its share of the whole image: the aperture cuts its spectrum
    behind the particle, and the squared amplitude at r is the detected intensity of the probe at r.

    Parameters
    ----------
    chosen : directions towards the detector
    positions : scan positions along the box
    edge : width of the aperture's edge in radian

    Returns
    -------
    (2, positions, positions) axes x and y: from every other direction, and from the rest; each an estimate of the whole
    """
    arrays = field.arrays
    xp = arrays.xp
    atoms = Atoms(field, average=True)
    waves = field.plane_waves(-chosen.waves)
    depths = np.concatenate([[0.0], slab.depths_angstrom])
    for index in range(len(slab.depths_angstrom) - 1, -1, -1):
        members = slab.members(index)
        transmission = atoms.transmission(slab.elements[members], slab.positions[members])
        field.pass_through(waves, transmission, field.propagator(depths[index + 1] - depths[index]))
    limit = int(field.box_angstrom / field.wavelength_angstrom * (microscope.semiangle_mrad * 1e-3 + edge)) + 1
    numbers = np.arange(-limit, limit + 1)
    grid = np.stack(np.meshgrid(numbers, numbers, indexing="ij"), axis=-1).reshape(-1, 2)
    amplitudes = xp.asarray(probe(grid / field.box_angstrom, microscope, edge=edge).astype(np.complex64))
    kept, placed = (tuple(grid.T % points) for points in (field.points, positions))
    result = np.zeros((2, positions, positions))
    for index, weight in enumerate(chosen.weights):
        spectrum = xp.zeros((positions, positions), dtype=xp.complex64)
        spectrum[placed] = arrays.ifft2(waves[index])[kept] * amplitudes
        result[index % 2] += 2 * weight * arrays.on_host(_squared(arrays.fft2(spectrum)))
    return result


def _squared(wave: Any) -> Any:
    return wave.real**2 + wave.imag**2
