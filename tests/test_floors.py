"""Who may import whom. The tables are the architecture; the tests keep them true."""

import re
from pathlib import Path

import pytest
from shape import FULL, House, free

from genus import FAMILIES

HOUSE = House(Path(__file__).parent.parent)
BASE = {"core", "functional", "nn"}
MAY_IMPORT = {  # the top folders, from the ground up
    "_version": set(),
    "errors": set(),
    "families": set(),
    "core": set(),
    "functional": set(),
    "nn": {"core", "functional"},
    "media": {"_version", "core", "functional"},
    "compiling": {"core"},
    "train": {"_version", "core", "media", "data", "compiling"},
    **dict.fromkeys(FAMILIES, BASE),
    "data": {"core", "functional", "media"},
    "measure": {*BASE, "_version", "train", "data"},
    "recipes": {*BASE, "_version", "media", "train", "data", "measure", *FAMILIES},
    "tabular": {"core", "data", "measure", "train"},
    "laboratory": {
        *BASE,
        "media",
        "train",
        "data",
        "measure",
        "density",
        "energy",
        "vae",
        "flow",
        "adversarial",
    },
    "report": {"core", "functional", "media", "train", "data", "measure"},
    "cli": {
        *BASE,
        "_version",
        "compiling",
        "media",
        "train",
        "data",
        "measure",
        "recipes",
        "tabular",
        "laboratory",
        "report",
    },
    "__main__": {"cli"},
}


def place(module: str) -> list[str]:
    """The folders, below genus, and the file of a module: ["flow", "maps", "planar"]."""
    return module.split(".")[1:]


@pytest.mark.parametrize("module", [m for m in HOUSE.paths if m != "genus"])
def test_arrows_point_down(module):
    top = place(module)[0]
    needed = HOUSE.needs(module)
    assert "genus" not in needed, "imports genus/__init__, which stands above all"
    others = {place(other)[0] for other in needed} - {top, "errors", "families"}
    assert others <= MAY_IMPORT[top], f"imports {others - MAY_IMPORT[top]}"


@pytest.mark.parametrize("family", FAMILIES)
def test_rooms_of_a_family_meet_in_its_kit(family):
    for module, needed in HOUSE.imports.items():
        for other in needed:
            if place(module)[0] == place(other)[0] == family and len(place(other)) > 2:
                assert place(module)[1] == place(other)[1], f"{module} imports {other}"


def test_there_are_no_circles():
    assert HOUSE.circles() == []


def test_what_one_file_needs_stands_beside_it():
    assert HOUSE.lonely() == []


def test_a_folder_can_be_taken_in_at_a_glance():
    folders = HOUSE.folders()
    assert {f: n for f, n in folders.items() if n > FULL and not free(f)} == {}
    assert [f for f in folders if f.count("/") > 2] == []


def test_recipes_do_not_repeat_each_other():
    shared, lines = HOUSE.shared_recipe_lines()
    assert shared <= 0.15 * lines


@pytest.mark.parametrize("module", HOUSE.paths)
def test_files_stay_readable(module):
    lines = len(HOUSE.paths[module].read_text("utf-8").splitlines())
    assert lines <= 350, f"{lines} lines; a file is read from top to bottom"


def test_text_files_name_their_encoding():
    bare = re.compile(r'read_text\(\)|\.open\(\)|open\([^()]*"[rwax]t?"\)|write_text\((?!.*utf-8)')
    lines = [
        (m, line) for m, p in HOUSE.paths.items() for line in p.read_text("utf-8").splitlines()
    ]
    assert [f"{module}: {line}" for module, line in lines if bare.search(line)] == []
