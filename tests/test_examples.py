"""Examples: each runs from beginning to end, in a few rounds, and leaves what it says that it leaves."""

import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_runs(path, tmp_path, monkeypatch, capsys):
    monkeypatch.syspath_prepend(path.parent)  # an own model's class is named by its file
    runpy.run_path(str(path))["main"](rounds=2, out=tmp_path)
    shown = capsys.readouterr().out
    assert re.search(r"\d", shown)
    for picture in re.findall(rf"{re.escape(str(tmp_path))}\S+\.png", shown):
        assert Path(picture).stat().st_size > 0


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_it_is_short_and_in_readme(path):
    assert len(path.read_text("utf-8").splitlines()) <= 80
    assert f"examples/{path.name}" in (ROOT / "README.md").read_text("utf-8")
