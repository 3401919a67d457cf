import numpy as np
import pytest

from heamap.imaging.arrays import arrays


@pytest.mark.parametrize("points", [30, 35])
def test_transforms_are_those_of_numpy(points: int):
    rng = np.random.default_rng(points)
    image = rng.standard_normal((2, points, points)).astype(np.float32)
    wave = (image[0] + 1j * image[1]).astype(np.complex64)
    cpu = arrays("cpu")

    np.testing.assert_allclose(cpu.fft2(wave.copy()), np.fft.fft2(wave), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(cpu.ifft2(wave.copy()), np.fft.ifft2(wave), rtol=1e-4, atol=1e-6)
    half = np.fft.rfft2(image).astype(np.complex64)
    np.testing.assert_allclose(cpu.irfft2(half, points), image, rtol=1e-4, atol=1e-5)


def test_single_precision_stays():
    cpu = arrays("cpu")
    wave = np.ones((8, 8), dtype=np.complex64)

    assert cpu.fft2(wave.copy()).dtype == np.complex64
    assert cpu.irfft2(wave[:, :5].copy(), 8).dtype == np.float32
