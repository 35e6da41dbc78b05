"""The guides say what is there."""

import ast
import re
import runpy
from collections import Counter
from pathlib import Path

import pytest
from shape import House
from test_floors import MAY_IMPORT

from genus import FAMILIES

ROOT = Path(__file__).parent.parent
DIFF = re.compile(r"^```diff\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "docs").rglob("*.md")
    if PYTHON.search(path.read_text("utf-8")) and path.parent.name != "notebooks"  # run as such
)
GUIDE = (ROOT / "docs" / "guide" / "new-model.md").read_text("utf-8")


@pytest.mark.parametrize("diff", DIFF.findall(GUIDE), ids=lambda diff: diff.split()[1])
def test_what_the_guide_adds_is_in_the_files(diff):
    head, *lines = diff.splitlines()
    path = ROOT / head.removeprefix("+++ b/")
    added = "\n".join(line.removeprefix("+") for line in lines)
    assert all(line.startswith("+") for line in lines)
    assert added in path.read_text("utf-8")


def test_the_table_of_floors_is_the_dictionary():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*) \|$", text, re.MULTILINE)
    assert [folder for folder, _ in rows] == list(MAY_IMPORT)
    for folder, words in rows:
        named = set(re.findall(r"`(\w+)`", words))
        if "each family" in words:
            named |= {*FAMILIES}
        if words == "everything but the families":
            named = {*MAY_IMPORT} - {*FAMILIES, "errors", "families", "cli", "__main__"}
        assert named == MAY_IMPORT[folder], folder


def test_every_folder_is_in_the_layout():
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    folders = [path.parts[1:] for path in map(Path, House(ROOT).folders()) if path.parts[1:]]
    assert len(folders) > 50
    for parts in folders:
        free = parts[0] in ("recipes", "oracles", "extractors") and len(parts) > 1
        assert free or f"{parts[-1]}/" in text, parts


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_the_code_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    blocks = PYTHON.findall((ROOT / page).read_text("utf-8"))
    code = re.sub(r"(minutes|rounds)=\d+", "rounds=1", "\n".join(blocks))
    (tmp_path / "page.py").write_text(code.replace("number == 100", "number == 2"))
    runpy.run_path("page.py")


def test_no_class_name_is_defined_twice():
    names = Counter(
        node.name
        for path in (ROOT / "genus").rglob("*.py")
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert names.total() > 300
    assert [name for name, times in names.items() if times > 1] == []
