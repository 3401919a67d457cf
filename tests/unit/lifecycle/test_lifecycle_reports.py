import pytest

from heamap.errors import InputError
from heamap.lifecycle.reports import read_list, read_report


def test_reports_are_blocks_or_lists(tmp_path):
    (tmp_path / "a.json").write_text('{"passed": true}')
    (tmp_path / "b.json").write_text('[{"name": "x"}]')
    assert read_report(tmp_path / "a.json") == {"passed": True}
    assert read_list(tmp_path / "b.json") == [{"name": "x"}]


@pytest.mark.parametrize("read", [read_report, read_list])
def test_a_missing_or_broken_report_names_the_remedy(read, tmp_path):
    (tmp_path / "broken.json").write_text("{")
    for name in ("absent", "broken"):
        with pytest.raises(InputError, match=rf"{name}\.json: .*run the stage that writes it"):
            read(tmp_path / f"{name}.json")
