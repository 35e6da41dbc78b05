"""The shape of the house in figures: what grows, what repeats itself, who needs whom.

    python tests/shape.py [ROOT]

Prints one line a figure; ROOT is a checkout, this one by default, so that two can be put side by side.
Only the text of the files is read.
"""

import ast
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

RUN = 6  # lines
OFTEN = 6  # recipes
FULL = 14  # files


class House:
    """The Python files of `genus` in a checkout, parsed, and who imports whom among them."""

    def __init__(self, root: Path):
        self.root = root
        self.paths = {self._module(path): path for path in sorted((root / "genus").rglob("*.py"))}
        self.trees = {m: ast.parse(path.read_text("utf-8")) for m, path in self.paths.items()}
        self.faces: dict[str, dict[str, tuple[str, str]]] = defaultdict(dict)
        for module in filter(self._is_package, self.paths):
            for base, name, own in self._imported(module):
                self.faces[module][own] = (base, name)

    def _module(self, path: Path) -> str:
        parts = path.relative_to(self.root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _is_package(self, module: str) -> bool:
        return self.paths[module].name == "__init__.py"

    def _imported(self, module: str) -> Iterator[tuple[str, str, str]]:
        """(module, name, name here) of everything that a file imports from genus."""
        parts = module.split(".") if self._is_package(module) else module.split(".")[:-1]
        for node in ast.walk(self.trees[module]):
            if isinstance(node, ast.ImportFrom):
                base = ".".join(parts[: len(parts) + 1 - node.level]) if node.level else ""
                whole = ".".join(filter(None, (base, node.module)))
                if whole.split(".")[0] == "genus":
                    yield from ((whole, a.name, a.asname or a.name) for a in node.names)
            elif isinstance(node, ast.Import):
                yield from ((a.name, "", a.name) for a in node.names if a.name in self.paths)

    def home(self, base: str, name: str) -> str | None:
        """The file that a name comes from: through a package's face to where it is written."""
        if (inner := f"{base}.{name}") in self.paths:
            return inner
        if name in self.faces[base]:
            return self.home(*self.faces[base][name])
        return base if base in self.paths else None

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """For each file that is no package's face, the files that it needs."""
        return {m: self.needs(m) for m in self.paths if not self._is_package(m)}

    def needs(self, module: str) -> set[str]:
        """The files of genus that a file imports from, be it through a package's face."""
        homes = {self.home(base, name) for base, name, _ in self._imported(module)}
        return {home for home in homes if home and home != module}

    def lonely(self) -> list[str]:
        """Modules of nn and functional that one file alone imports: their place is beside it."""
        counts = Counter(home for homes in self.imports.values() for home in homes)
        shared = ("genus.nn.", "genus.functional.")
        return [m for m in self.paths if m.startswith(shared) and counts[m] == 1]

    def circles(self) -> list[set[str]]:
        """Sets of files each of which needs all others."""
        reach = {m: self._reached(m) for m in self.imports}
        found = {frozenset({m, *(n for n in reach[m] if m in reach.get(n, ()))}) for m in reach}
        return [set(circle) for circle in found if len(circle) > 1]

    def _reached(self, module: str) -> set[str]:
        seen, waiting = set(), [module]
        while waiting:
            for other in self.imports.get(waiting.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    waiting.append(other)
        return seen

    def folders(self) -> dict[str, int]:
        """How many files stand in each folder, its sub-folders' not counted."""
        files = (p for p in (self.root / "genus").rglob("*") if p.is_file())
        kept = (p for p in files if "__pycache__" not in p.parts)
        return dict(Counter(str(p.parent.relative_to(self.root)) for p in kept))

    def lengths(self) -> list[int]:
        """Lines of code of each function's body: without its docstring, comments and blank lines."""
        found = []
        for module, tree in self.trees.items():
            lines = self.paths[module].read_text("utf-8").splitlines()
            for node in ast.walk(tree):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    found.append(sum(1 for _ in body_lines(node, lines)))
        return found

    def repeated(self) -> int:
        """Different runs of six lines of code that stand in more than one place."""
        runs: Counter[tuple[str, ...]] = Counter()
        for module, tree in self.trees.items():
            lines = code_lines(tree, self.paths[module].read_text("utf-8").splitlines())
            runs.update(tuple(lines[i : i + RUN]) for i in range(len(lines) - RUN + 1))
        return sum(count > 1 for count in runs.values())

    def shared_recipe_lines(self) -> tuple[int, int]:
        """Lines of the recipes' function bodies: those that stand in six files or more, and all."""
        files = []
        for module, tree in self.trees.items():
            if module.startswith("genus.recipes.") and not self.paths[module].name.startswith("_"):
                lines = self.paths[module].read_text("utf-8").splitlines()
                nodes = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
                files.append([line for node in nodes for line in body_lines(node, lines)])
        often = Counter(line for file in files for line in set(file))
        return sum(often[line] >= OFTEN for file in files for line in file), sum(map(len, files))


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: list[str]) -> Iterator[str]:
    """The lines of code of a function's body, without its docstring."""
    first = node.body[1:] if ast.get_docstring(node) is not None else node.body
    for line in lines[first[0].lineno - 1 : node.end_lineno] if first else []:
        if (text := line.strip()) and not text.startswith("#"):
            yield text


def code_lines(tree: ast.Module, lines: list[str]) -> list[str]:
    """The lines of a file that are neither blank nor comments, docstrings or imports."""
    left_out: set[int] = set()
    for node in ast.walk(tree):
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if text or isinstance(node, ast.Import | ast.ImportFrom):
            left_out |= {*range(node.lineno, (node.end_lineno or node.lineno) + 1)}
    numbered = ((i, line.strip()) for i, line in enumerate(lines, 1))
    return [line for i, line in numbered if line and line[0] != "#" and i not in left_out]


def free(folder: str) -> bool:
    """Whether a folder may have as many files as there are: recipes of a family."""
    return folder.startswith("genus/recipes/")


def main() -> None:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent.parent
    house = House(root)
    folders, lengths = house.folders(), sorted(house.lengths())
    full = {folder: count for folder, count in folders.items() if count > FULL and not free(folder)}
    shared, lines = house.shared_recipe_lines()
    total = sum(len(path.read_text("utf-8").splitlines()) for path in house.paths.values())
    circles = [sorted(circle) for circle in house.circles()]
    print(f"folders of more than {FULL} files: {len(full)} {full or ''}")
    print(f"levels of folders: {max(folder.count('/') + 1 for folder in folders)}")
    print(f"different runs of {RUN} lines that stand more than once: {house.repeated()}")
    print(
        f"recipes' body lines in {OFTEN} files or more: {shared} of {lines}, {shared / lines:.0%}"
    )
    print(f"modules of nn and functional with one importing file: {len(house.lonely())}")
    print(f"circles: {len(circles)} {circles or ''}")
    p99 = lengths[int(0.99 * (len(lengths) - 1))]
    print(f"function length p50/p99/max: {statistics.median(lengths):.0f}/{p99}/{lengths[-1]}")
    print(f"Python lines under genus/: {total}")


if __name__ == "__main__":
    main()
