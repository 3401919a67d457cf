"""Arrays of the processor (NumPy, SciPy) or of a graphics card (CuPy), behind the same names."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import scipy.fft

from heamap.errors import InputError

Device = Literal["cpu", "cuda"]


@dataclass(frozen=True)
class Arrays:
    """The array module of a device and its Fourier transforms.

    Attributes
    ----------
    xp : ``numpy`` or ``cupy``
    """

    xp: Any
    _fft: Any
    _options: dict[str, Any]

    def fft2(self, array: Any) -> Any:
        """Transform over the last two axes; the input may be overwritten."""
        return self._fft.fft2(array, overwrite_x=True, **self._options)

    def ifft2(self, array: Any) -> Any:
        """Inverse of :meth:`fft2`."""
        return self._fft.ifft2(array, overwrite_x=True, **self._options)

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
        # One transform at a time on one core stays in its cache.
        return Arrays(np, scipy.fft, {"workers": 1})
    try:
        cupy = import_module("cupy")
        cupy.cuda.runtime.getDevice()
    except (ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"device 'cuda' needs CuPy and a graphics card ({reason}); use device 'cpu'") from None
    return Arrays(cupy, import_module("cupyx.scipy.fft"), {})
