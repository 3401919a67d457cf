import pytest

from heamap import released
from heamap.errors import InputError

RECORD = released.Released(sha256="a" * 64, bytes=3, run_id="r1", commit="c1", heamap="0.1.0")


def test_what_is_written_is_read_again(tmp_path):
    folder = tmp_path / "released"
    assert not released.is_there(folder)
    released.write(folder, RECORD, b"abc", "# Card\n")
    assert released.is_there(folder)
    assert released.read(folder) == RECORD
    assert (folder / released.MODEL_FILE).read_bytes() == b"abc"
    assert (folder / released.CARD).read_text() == "# Card\n"


def test_a_model_too_large_to_ship_is_refused_and_nothing_written(tmp_path):
    with pytest.raises(InputError, match="25000001 bytes, a released one at most 25000000"):
        released.write(tmp_path / "released", RECORD, bytes(released.MAX_BYTES + 1), "# Card\n")
    assert not (tmp_path / "released").exists()


def test_a_record_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"released\.json: No such file"):
        released.read(tmp_path)
    (tmp_path / released.RECORD).write_text('{"sha256": "short"}')
    with pytest.raises(InputError, match=r"sha256: String should match"):
        released.read(tmp_path)
