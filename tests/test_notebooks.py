"""Notebooks: each runs from its first cell to its last, is stored without outputs, and is rendered."""

import json
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "examples" / "notebooks"
BOOKS = sorted(FOLDER.glob("*.ipynb"))
PAGES = ROOT / "docs" / "notebooks"


@pytest.fixture(scope="module")
def render():
    pytest.importorskip(
        "nbclient", reason="nbclient and ipykernel run notebooks: make installs them"
    )
    pytest.importorskip(
        "ipykernel", reason="nbclient and ipykernel run notebooks: make installs them"
    )
    return runpy.run_path(str(FOLDER / "render.py"))


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_it_runs_and_shows_pictures(book, render, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    done = render["run"](book.stem, tmp_path, rounds=2)
    pages = render["page"](book.stem, done, tmp_path)
    assert pages.count("](") == pages.count("![Output]") > 1
    assert "base64" not in pages
    for picture in re.findall(r"!\[Output\]\((\S+)\)", pages):
        assert (tmp_path / picture).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_it_is_stored_without_outputs(book):
    cells = json.loads(book.read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    assert sum("ROUNDS = " in "".join(cell["source"]) for cell in code) == 1  # tests take fewer


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.stem)
def test_its_page_has_its_cells(book):
    page = (PAGES / f"{book.stem}.md").read_text("utf-8")
    for cell in json.loads(book.read_text("utf-8"))["cells"]:
        assert "".join(cell["source"]) in page, "make notebooks renders it anew"
    assert f"docs/notebooks/{book.stem}.md" in (ROOT / "README.md").read_text("utf-8")


def test_the_pages_are_small():
    assert sum(path.stat().st_size for path in PAGES.iterdir()) < 200_000
