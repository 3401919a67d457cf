"""Series become one image: aligned, added as they are, or one frame; what does not register is refused."""

import sys

import numpy as np
import pytest
from scipy import ndimage
from writers.pictures import drifted, lattice, picture

from heamap.errors import InputError
from heamap_serving import reading_process
from heamap_serving.guarded import Reader
from heamap_serving.io import Selection, from_signal, read_micrograph
from heamap_serving.io.registration import Registration

DRIFT = [(0, 0), (1.5, -0.75), (2.75, -2.0), (4.5, -2.5), (6.0, -4.25)]


def saved(tmp_path, frames, frames_of=None, **selection):
    path = tmp_path / "a.npy"
    np.save(path, frames)
    return read_micrograph(path, selection=Selection(frames=frames_of, **selection))


@pytest.mark.parametrize("counts", [0, 20, 4])
def test_drift_is_found_to_a_part_of_a_pixel_in_noisy_frames(counts):
    registration = Registration()
    found = [registration.add(frame.astype(np.float32)) for frame in drifted(DRIFT, counts=counts)]
    np.testing.assert_allclose(found, DRIFT, atol=0.15 if counts == 0 else 0.6)


def test_a_lattice_without_a_particle_does_not_jump_by_a_lattice_vector():
    row, col = np.mgrid[:128, :128]
    image = (np.cos(2 * np.pi * row / 11) + np.cos(2 * np.pi * col / 9) + 2) / 4
    registration = Registration()
    frames = drifted(DRIFT, counts=10, image=image)
    found = [registration.add(frame.astype(np.float32)) for frame in frames]
    np.testing.assert_allclose(found, DRIFT, atol=0.5)


def test_a_crystal_that_fills_jittering_frames_does_not_jump():
    rng = np.random.default_rng(0)
    row, col = np.mgrid[:256, :256].astype(float)
    registration, found = Registration(), []
    for down, right in DRIFT:
        jitter, stretch = rng.normal(0, 0.7, (256, 1)), 1 + rng.normal(0, 0.002)
        phases = 2 * np.pi * (stretch * row + down) / 13.5, 2 * np.pi * (col + right + jitter) / 13.5
        light = ((np.cos(phases[0]) + np.cos(phases[1]) + 2) / 4) ** 2 * (1 + 0.3 * row / 256)
        found.append(registration.add(rng.poisson(10 * (light + 0.1)).astype(np.float32)))
    assert np.abs(np.subtract(found, DRIFT)).max() < 1.5


def test_steady_drift_may_be_faster_than_half_a_lattice_vector():
    drift = [(7 * index, -5 * index) for index in range(4)]
    registration = Registration()
    found = [registration.add(frame.astype(np.float32)) for frame in drifted(drift, counts=20)]
    np.testing.assert_allclose(found, drift, atol=0.5)


def test_aligned_frames_are_added_in_the_place_of_the_first(tmp_path):
    frames = drifted(DRIFT)
    found = saved(tmp_path, frames)
    assert found.image.shape == frames.shape[1:]
    expected = len(frames) * frames[0].astype(float)
    inner = (slice(8, -8), slice(8, -8))
    assert np.abs(found.image - expected)[inner].max() < 0.02 * expected.max()
    blurred = np.abs(frames.sum(0, dtype=float) - expected)[inner].max()
    assert blurred > 0.2 * expected.max()
    assert (found.frames.number, found.frames.way, found.frames.first, found.frames.chosen) == (5, "align", 0, False)
    np.testing.assert_allclose(found.frames.shifts_px, DRIFT, atol=0.15)


def test_pixels_that_moved_frames_do_not_cover_are_as_bright_as_the_others(tmp_path):
    image = 0.5 + 0.2 * lattice()
    found = saved(tmp_path, drifted(DRIFT, image=image))
    edge, inner = found.image[:4, 60:].mean(), found.image[8:12, 60:].mean()
    assert edge == pytest.approx(inner, rel=0.03)


def test_frames_are_added_as_they_are_where_that_is_asked_for(tmp_path):
    frames = drifted(DRIFT)
    found = saved(tmp_path, frames, "sum")
    np.testing.assert_array_equal(found.image, frames.sum(0, dtype=np.float64).astype(np.float32))
    assert (found.frames.number, found.frames.way, found.frames.shifts_px, found.frames.chosen) == (5, "sum", (), True)


def test_one_frame_is_taken_by_its_number_from_one(tmp_path):
    frames = drifted(DRIFT)
    found = saved(tmp_path, frames, "2")
    np.testing.assert_array_equal(found.image, frames[1])
    assert (found.frames.number, found.frames.way, found.frames.first) == (1, "single", 1)
    with pytest.raises(InputError, match=r"--frames 6: the series has 5 frames, 1 to 5"):
        saved(tmp_path, frames, "6")


def test_one_image_is_no_series(tmp_path):
    for way in (None, "sum", "align", "1"):
        found = saved(tmp_path, picture(), way)
        np.testing.assert_array_equal(found.image, picture())
        assert found.frames is None
    with pytest.raises(InputError, match="--frames 2: it is one image, no series"):
        saved(tmp_path, picture(), "2")


@pytest.mark.parametrize(
    "other",
    [
        ndimage.rotate(lattice(), 30, reshape=False),
        lattice().max() - lattice(),
        np.random.default_rng(0).random((96, 112)),
        np.zeros((96, 112)),
    ],
    ids=["rotated", "bright field", "noise", "blank"],
)
def test_unlike_frames_are_refused_with_what_to_do(tmp_path, other):
    frames = np.stack([lattice(), lattice(), other])
    line = r"the 3 frames of .* do not register: frame 3 is .*--frames N \(1 to 3\), or add .* --frames sum"
    with pytest.raises(InputError, match=line):
        saved(tmp_path, np.rint(1000 * frames))
    assert saved(tmp_path, frames, "sum").image.shape == (96, 112)


@pytest.mark.parametrize("finished_rows", [0, 40, 80])
def test_a_last_frame_that_the_scan_did_not_finish_is_left_out(tmp_path, finished_rows):
    frames = drifted(DRIFT, counts=20)
    whole = saved(tmp_path, frames[:4])
    frames[4, finished_rows:] = 0
    found = saved(tmp_path, frames)
    assert found.frames.number == 4
    assert len(found.frames.shifts_px) == 4
    np.testing.assert_array_equal(found.image, whole.image)


def test_vacuum_without_noise_is_no_unfinished_scan(tmp_path):
    image = np.pad(lattice(), ((0, 60), (0, 0)))
    assert saved(tmp_path, drifted(DRIFT, image=image)).frames.number == 5


def test_frames_of_noise_alone_do_not_register(tmp_path):
    with pytest.raises(InputError, match="do not register"):
        saved(tmp_path, np.random.default_rng(1).poisson(20, (3, 128, 128)))


def test_a_frame_that_is_no_numbers_is_named(tmp_path):
    frames = drifted(DRIFT).astype(np.float32)
    frames[1, 3, 3] = np.nan
    with pytest.raises(InputError, match="frame 2 holds NaN"):
        saved(tmp_path, frames)


def test_large_frames_are_registered_at_a_lower_resolution(tmp_path):
    image = np.kron(lattice(), np.ones((12, 12)))
    shift = (24, -36)
    frames = np.rint(1000 * np.stack([image, np.roll(image, (-shift[0], -shift[1]), (0, 1))])).astype(np.uint16)
    found = saved(tmp_path, frames)
    np.testing.assert_allclose(found.frames.shifts_px[1], shift, atol=0.5)


@pytest.mark.parametrize("frames", ["0", "-1", "mean", "1.5", "", "sum2"])
def test_an_impossible_choice_of_frames_is_refused_by_its_option(frames):
    with pytest.raises(InputError, match=r"^--frames .*expected sum, align or the number of a frame, from 1"):
        Selection(frames=frames)
    with pytest.raises(InputError, match=r"^--image"):
        Selection(image=" ")


def test_the_process_of_its_own_reads_what_is_selected(tmp_path):
    frames = drifted(DRIFT)
    np.save(tmp_path / "a.npy", frames)
    with Reader(tmp_path, Selection(frames="2")) as reader:
        found = reader.read(tmp_path / "a.npy")
    np.testing.assert_array_equal(found.image, frames[1])
    assert (found.frames.first, found.frames.chosen) == (1, True)
    with Reader(tmp_path) as reader:
        found = reader.read(tmp_path / "a.npy")
        np.testing.assert_allclose(found.frames.shifts_px, DRIFT, atol=0.15)
        assert reader.restarts == 0


def test_each_frame_of_a_long_series_has_the_time_of_a_file(tmp_path, monkeypatch):
    slow = tmp_path / "slow.py"
    slow.write_text(
        "import json, sys, time\n"
        "sys.stdin.readline()\n"
        "for _ in range(5):\n    time.sleep(0.5)\n    print('{}', flush=True)\n"
        "print(json.dumps({'refused': 'read to the end'}), flush=True)\n"
        "sys.stdin.readline()\ntime.sleep(60)\n"
    )
    np.save(tmp_path / "a.npy", drifted(DRIFT))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(reading_process, "__name__", "slow")
    with Reader(tmp_path, seconds=2.0) as reader:
        with pytest.raises(InputError, match="read to the end"):
            reader.read(tmp_path / "a.npy")
        with pytest.raises(InputError, match="not read within 2 s"):
            reader.read(tmp_path / "a.npy")


def test_memory_does_not_grow_with_the_number_of_frames():
    class Counted:
        """A long series of which no more than a frame is asked for at a time."""

        shape, dtype, largest = (60, 96, 112), np.dtype(np.uint16), 0

        def __getitem__(self, key):
            part = drifted([(0, 0)])[0][key[1:]]
            assert isinstance(key[0], int)
            Counted.largest = max(Counted.largest, part.size)
            return part

    found = from_signal({"data": Counted(), "axes": [], "metadata": {}}, Selection(frames="sum"))
    assert found.frames.number == 60
    assert Counted.largest == 96 * 112
