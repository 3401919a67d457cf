import numpy as np
import pytest
from scipy import ndimage

from heamap import params
from heamap.imaging import effects

SAMPLING = 0.2


def rng() -> np.random.Generator:
    return np.random.default_rng(5)


def columns_image(pixels: int = 128) -> np.ndarray:
    rows, cols = np.mgrid[:pixels, :pixels]
    return 0.04 * (1 + np.cos(2 * np.pi * rows / 11)) * (1 + np.cos(2 * np.pi * cols / 13)) / 2


def quiet(**changes) -> params.Effects:
    nothing = {
        "dose_per_square_angstrom": (1e12, 1e12),
        "source_fwhm_angstrom": (0.0, 0.0),
        "background_fraction": (0.0, 0.0),
        "pixel_jitter_angstrom": (0.0, 0.0),
        "line_jitter_angstrom": (0.0, 0.0),
        "drift_fraction": (0.0, 0.0),
        "readout_noise": (0.0, 0.0),
        "bits": 0,
    }
    return params.Effects(**(nothing | changes))


def distort(image, **changes) -> np.ndarray:
    still = {"pixel_jitter_angstrom": 0.0, "line_jitter_angstrom": 0.0, "drift_fraction": 0.0}
    return effects.scan_distortion(image, **(still | changes), sampling_angstrom=SAMPLING, rng=rng())


def test_source_size_spreads_a_point_to_its_full_width_at_half_maximum():
    image = np.zeros((65, 65))
    image[32, 32] = 1.0
    seen = effects.source_size(image, fwhm_angstrom=2.0, sampling_angstrom=SAMPLING)
    assert seen.sum() == pytest.approx(1.0)
    assert seen[32, 37] == pytest.approx(seen[32, 32] / 2, rel=1e-3)
    assert seen[27, 32] == pytest.approx(seen[32, 32] / 2, rel=1e-3)


def test_background_has_its_mean_and_varies_slowly():
    added = effects.background(np.zeros((256, 256)), fraction=0.01, sampling_angstrom=SAMPLING, rng=rng())
    assert added.mean() == pytest.approx(0.01, rel=0.2)
    assert added.min() >= 0
    assert 0.02 < added.std() / added.mean() < 0.3
    assert np.abs(np.diff(added, axis=0)).max() < 0.05 * added.mean()


def test_background_is_the_cubic_spline_through_its_nodes():
    rows, cols = 100, 161
    seen = effects.background(np.zeros((rows, cols)), fraction=1.0, sampling_angstrom=SAMPLING, rng=rng())
    nodes = [int(np.ceil(n * SAMPLING / effects.BACKGROUND_LENGTH_ANGSTROM)) + 2 for n in (rows, cols)]
    thickness = 1 + effects.BACKGROUND_CONTRAST * rng().standard_normal(nodes)
    places = np.meshgrid(*(np.linspace(0, m - 1, n) for m, n in zip(nodes, (rows, cols), strict=True)), indexing="ij")
    np.testing.assert_allclose(seen, ndimage.map_coordinates(thickness, places, order=3), rtol=1e-12)


def test_a_steady_scan_changes_nothing():
    image = columns_image()
    np.testing.assert_allclose(distort(image), image, atol=1e-9)


def test_line_jitter_moves_whole_rows():
    _rows, cols = np.mgrid[:64, :64]
    seen = distort(cols.astype(float), line_jitter_angstrom=0.1)[8:-8, 8:-8] - cols[8:-8, 8:-8]
    np.testing.assert_allclose(seen, np.broadcast_to(seen[:, :1], seen.shape), atol=1e-3)
    assert seen[:, 0].std() == pytest.approx(0.1 / SAMPLING, rel=0.3)


def test_pixel_jitter_moves_every_pixel_on_its_own():
    rows, _cols = np.mgrid[:64, :64]
    seen = (distort(rows.astype(float), pixel_jitter_angstrom=0.1) - rows)[8:-8, 8:-8]
    assert seen.std() == pytest.approx(0.1 / SAMPLING, rel=0.1)
    assert abs(np.corrcoef(seen[:, :-1].ravel(), seen[:, 1:].ravel())[0, 1]) < 0.1


def test_drift_is_nothing_at_mid_frame_and_half_its_length_at_the_ends():
    rows, cols = np.mgrid[:100, :100].astype(float)
    length = np.hypot(distort(rows, drift_fraction=0.1) - rows, distort(cols, drift_fraction=0.1) - cols)
    assert length[50, 50] < 0.1
    assert length[15, 50] == pytest.approx(0.1 * 100 * 0.35, rel=0.05)
    assert length[85, 50] == pytest.approx(0.1 * 100 * 0.35, rel=0.05)


def test_shot_noise_has_the_variance_of_its_dose():
    dose = 1e5
    seen = effects.shot_noise(
        np.full((200, 200), 0.05), dose_per_square_angstrom=dose, sampling_angstrom=SAMPLING, rng=rng()
    )
    assert seen.mean() == pytest.approx(0.05, rel=0.01)
    assert seen.var() == pytest.approx(0.05 / (dose * SAMPLING**2), rel=0.05)


def test_readout_noise_is_a_share_of_the_maximum():
    image = columns_image()
    seen = effects.readout(image, noise=0.02, rng=rng()) - image
    assert seen.std() == pytest.approx(0.02 * image.max(), rel=0.05)


def test_quantization_leaves_two_to_the_bits_levels():
    image = columns_image()
    assert len(np.unique(effects.quantize(image, bits=3))) == 8
    assert np.abs(effects.quantize(image, bits=8) - image).max() <= np.ptp(image) / 255 / 2 + 1e-12
    assert effects.quantize(image, bits=0) is image


def test_degrade_without_effects_returns_the_image():
    image = columns_image()
    seen = effects.degrade(image, effects=quiet(), sampling_angstrom=SAMPLING, rng=rng())
    assert seen.dtype == np.float32
    np.testing.assert_allclose(seen, image, atol=1e-5)


def test_degrade_is_decided_by_its_generator():
    image = columns_image()
    noisy = quiet(dose_per_square_angstrom=(1e5, 4e5), line_jitter_angstrom=(0.0, 0.1), bits=16)
    first, same = (effects.degrade(image, effects=noisy, sampling_angstrom=SAMPLING, rng=rng()) for _ in range(2))
    other = effects.degrade(image, effects=noisy, sampling_angstrom=SAMPLING, rng=np.random.default_rng(6))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)


def test_the_support_is_counted_with_the_dose():
    empty = np.zeros((128, 128))
    support = quiet(background_fraction=(0.02, 0.02), dose_per_square_angstrom=(1e4, 1e4))
    seen = effects.degrade(empty, effects=support, sampling_angstrom=SAMPLING, rng=rng())
    assert seen.std() > 0.8 * np.sqrt(0.02 / (1e4 * SAMPLING**2))


REAL = params.Effects(
    dose_per_square_angstrom=(1e5, 4e5),
    source_fwhm_angstrom=(0.7, 1.1),
    background_fraction=(0.0, 0.005),
    pixel_jitter_angstrom=(0.0, 0.05),
    line_jitter_angstrom=(0.0, 0.08),
    drift_fraction=(0.0, 0.005),
    readout_noise=(0.0, 0.01),
    bits=16,
)


def by_hand(image: np.ndarray, ranges: params.Effects, rng: np.random.Generator) -> np.ndarray:
    """The chain step by step: stored models were trained on these very numbers."""
    seen = effects.source_size(image, fwhm_angstrom=rng.uniform(*ranges.source_fwhm_angstrom), sampling_angstrom=0.2)
    seen = effects.background(
        seen, fraction=rng.uniform(*ranges.background_fraction), sampling_angstrom=SAMPLING, rng=rng
    )
    pixel, line = rng.uniform(*ranges.pixel_jitter_angstrom), rng.uniform(*ranges.line_jitter_angstrom)
    seen = effects.scan_distortion(
        seen,
        pixel_jitter_angstrom=pixel,
        line_jitter_angstrom=line,
        drift_fraction=rng.uniform(*ranges.drift_fraction),
        sampling_angstrom=SAMPLING,
        rng=rng,
    )
    dose = rng.uniform(*ranges.dose_per_square_angstrom)
    seen = effects.shot_noise(seen, dose_per_square_angstrom=dose, sampling_angstrom=SAMPLING, rng=rng)
    seen = effects.readout(seen, noise=rng.uniform(*ranges.readout_noise), rng=rng)
    return effects.quantize(seen, bits=ranges.bits).astype(np.float32)


def seen_with(image: np.ndarray, ranges: params.Effects) -> np.ndarray:
    return effects.degrade(image, effects=ranges, sampling_angstrom=SAMPLING, rng=rng())


def test_degrade_draws_between_the_noises_bit_by_bit():
    image = columns_image()
    np.testing.assert_array_equal(seen_with(image, REAL), by_hand(image, REAL, rng()))


def test_what_was_drawn_gives_the_same_image_again():
    image = columns_image()
    fixed = effects.drawn(image, effects=REAL, sampling_angstrom=SAMPLING, rng=rng())
    assert all(low == high for low, high in fixed.model_dump(exclude={"bits"}).values())
    assert 1e5 < fixed.dose_per_square_angstrom[0] < 4e5
    np.testing.assert_array_equal(seen_with(image, fixed), seen_with(image, REAL))


def test_another_dose_leaves_every_other_strength_and_the_scan_alone():
    image = columns_image()
    still = quiet(dose_per_square_angstrom=(1e5, 4e5), line_jitter_angstrom=(0.05, 0.1), drift_fraction=(0.0, 0.01))
    fixed = effects.drawn(image, effects=still, sampling_angstrom=SAMPLING, rng=rng())
    doubled = effects.with_dose(fixed, factor=2)
    assert doubled.dose_per_square_angstrom[0] == 2 * fixed.dose_per_square_angstrom[0]
    assert doubled.model_dump(exclude={"dose_per_square_angstrom"}) == fixed.model_dump(
        exclude={"dose_per_square_angstrom"}
    )
    # At an endless dose only the scan is left; at the doubled one noise of half the variance about it.
    scanned = seen_with(image, effects.with_dose(fixed, factor=1e9))
    noise = [np.var(seen_with(image, some) - scanned) for some in (fixed, doubled)]
    assert noise[0] / noise[1] == pytest.approx(2, rel=0.1)
