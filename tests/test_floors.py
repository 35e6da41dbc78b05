"""Who may import whom. The table is the architecture; the test keeps it true."""

import ast
from pathlib import Path

ROOT = Path(__file__).parent.parent / "genus"
FAMILIES = [
    "density",
    "energy",
    "autoregressive",
    "vae",
    "flow",
    "diffusion",
    "adversarial",
    "translation",
]
BASE = {"core", "spaces", "functional", "nn"}
MAY_IMPORT = {
    "core": set(),
    "spaces": {"core"},
    "functional": set(),
    "display": set(),
    "training": {"core"},
    "artifact": {"core", "__init__"},
    "run": {"core"},
    "running": {"core", "run", "training", "artifact", "display"},
    "nn": {"core", "functional"},
    **dict.fromkeys(FAMILIES, BASE),
    "data": {"core", "spaces", "functional"},
    "measure": {*BASE, "data", "__init__"},
    "laboratory": {*BASE, "data", "adversarial", "training", "run", "running", "measure"},
    "recipes": {*BASE, "training", "run", "running", "artifact", "data", "measure", *FAMILIES},
}
TOP = {
    "__init__",
    "__main__",
    "cli",
    "commands",
    "compare",
    "lab",
    "mistakes",
    "options",
    "parser",
    "report",
    "trained",
}  # may import everything; nobody imports them


def imports(path: Path) -> set[str]:
    """The rooms of genus that a file imports, relative or by name."""
    inside = path.relative_to(ROOT).with_suffix("").parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = inside[: len(inside) - node.level]
            module = (*base, *(node.module or "").split(".")) if node.module else base
            if module:
                found.add(module[0])
            else:
                names = {alias.name for alias in node.names}
                found |= {n if not n.startswith("__version__") else "__init__" for n in names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "genus":
            found.add(
                (node.module or "").split(".")[1] if "." in (node.module or "") else "__init__"
            )
        elif isinstance(node, ast.Import):
            rooms = [alias.name.split(".") for alias in node.names]
            found |= {
                (room[1] if len(room) > 1 else "__init__") for room in rooms if room[0] == "genus"
            }
    return found


def test_arrows_point_down():
    for path in sorted(ROOT.rglob("*.py")):
        room = path.relative_to(ROOT).with_suffix("").parts[0]
        if room in TOP:
            continue
        allowed = MAY_IMPORT[room] | {room}
        assert imports(path) <= allowed, f"{path.name} imports {imports(path) - allowed}"


def test_rooms_have_at_most_two_levels():
    for path in ROOT.rglob("*.py"):
        assert len(path.relative_to(ROOT).parts) <= 2, path


def test_files_stay_readable():
    for path in ROOT.rglob("*.py"):
        lines = len(path.read_text().splitlines())
        assert lines <= 350, f"{path.name} has {lines} lines; a file is read from top to bottom"
