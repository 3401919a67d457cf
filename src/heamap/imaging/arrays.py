"""Arrays of the processor (NumPy, ducc0's transforms) or of a graphics card (CuPy), behind the same names."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, Protocol

import ducc0.fft
import numpy as np
import numpy.typing as npt

from heamap.errors import InputError

Device = Literal["cpu", "cuda"]


class Transforms(Protocol):
    """Fourier transforms over the last two axes, as SciPy's of the same names."""

    def fft2(self, array: Any, *, overwrite_x: bool) -> Any:
        """From complex numbers."""

    def ifft2(self, array: Any, *, overwrite_x: bool) -> Any:
        """Inverse of ``fft2``."""

    def irfft2(self, array: Any, s: tuple[int, int], *, overwrite_x: bool) -> Any:
        """To real numbers, from the half of the spectrum that tells them."""


class _Processor:
    """ducc0's, on one core: a transform at a time stays in its cache."""

    def fft2(self, array: Any, *, overwrite_x: bool) -> Any:
        out = array if overwrite_x else None
        return ducc0.fft.c2c(array, axes=(-2, -1), out=out, nthreads=1)

    def ifft2(self, array: Any, *, overwrite_x: bool) -> Any:
        out = array if overwrite_x else None
        return ducc0.fft.c2c(array, axes=(-2, -1), forward=False, inorm=2, out=out, nthreads=1)

    def irfft2(self, array: Any, s: tuple[int, int], *, overwrite_x: bool) -> Any:
        return ducc0.fft.c2r(
            array, axes=(-2, -1), lastsize=s[1], forward=False, inorm=2, nthreads=1, allow_overwriting_input=overwrite_x
        )


@dataclass(frozen=True)
class Arrays:
    """The array module of a device and its Fourier transforms.

    Attributes
    ----------
    xp : ``numpy`` or ``cupy``
    """

    xp: Any
    _fft: Transforms

    def fft2(self, array: Any) -> Any:
        """Transform over the last two axes; the input, complex and contiguous, may be overwritten."""
        return self._fft.fft2(array, overwrite_x=True)

    def ifft2(self, array: Any) -> Any:
        """Inverse of :meth:`fft2`."""
        return self._fft.ifft2(array, overwrite_x=True)

    def irfft2(self, array: Any, points: int) -> Any:
        """Real (..., points, points) from the half (..., points, points // 2 + 1) of its :meth:`fft2`.

        The input may be overwritten.
        """
        return self._fft.irfft2(array, (points, points), overwrite_x=True)

    def on_host(self, array: Any) -> npt.NDArray[Any]:
        """The array in the processor's memory."""
        return array if isinstance(array, np.ndarray) else self.xp.asnumpy(array)


def arrays(device: Device) -> Arrays:
    """The arrays of a device.

    Raises
    ------
    InputError : CuPy is not installed or finds no card
    """
    if device == "cpu":
        return Arrays(np, _Processor())
    try:
        cupy = import_module("cupy")
        cupy.cuda.runtime.getDevice()
    except (ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"device 'cuda' needs CuPy and a graphics card ({reason}); use device 'cpu'") from None
    return Arrays(cupy, import_module("cupyx.scipy.fft"))
