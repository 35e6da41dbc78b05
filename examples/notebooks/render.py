"""Runs the notebooks and writes them with their outputs into docs/notebooks, as Markdown.

    python examples/notebooks/render.py [NAME ...]

A picture becomes a file beside the page, with few enough colours to be small. `run` is also what the
tests use, with fewer rounds.
"""

import base64
import io
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from PIL import Image

HERE = Path(__file__).parent
PAGES = HERE.parent.parent / "docs" / "notebooks"
NAMES = ("first_steps", "own_photographs", "compare_families")


def run(name: str, folder: Path, rounds: int | None = None) -> Any:
    """A notebook with the outputs of its cells; one that fails raises CellExecutionError.

    Args:
        name: name of the notebook.
        folder: folder in which it runs.
        rounds: rounds of training in place of its own.
    """
    book = nbformat.read(HERE / f"{name}.ipynb", as_version=4)
    if rounds is not None:
        for cell in book.cells:
            cell.source = re.sub(
                r"^ROUNDS = \d+", f"ROUNDS = {rounds}", cell.source, flags=re.MULTILINE
            )
    NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return book


def page(name: str, book: Any, folder: Path) -> str:
    """The Markdown of a notebook that has run; its pictures are written into the folder."""
    parts, pictures = [], 0
    for cell in book.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
            continue
        parts.append(f"```python\n{cell.source}\n```")
        for output in cell.outputs:
            data = output.get("data", {})
            if "image/png" in data:
                pictures += 1
                path = folder / f"{name}_{pictures}.png"
                path.write_bytes(small(base64.b64decode(data["image/png"])))
                parts.append(f"![Output]({path.name})")
            elif "text/html" in data:
                html = data["text/html"]
                for content in re.findall(r'src="data:image/png;base64,([^"]+)"', html):
                    pictures += 1
                    path = folder / f"{name}_{pictures}.png"
                    path.write_bytes(small(base64.b64decode(content)))
                    html = html.replace(f"data:image/png;base64,{content}", path.name)
                parts.append(re.sub(r' style="(?!text-align)[^"]*"', "", plain(html)))
            elif text := data.get("text/plain", output.get("text", "")).strip():
                parts.append(f"```\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def plain(html: str) -> str:
    """A table without the style that a notebook needs, but for the side at which texts stand."""
    html = re.sub(r' style="text-align:left[^"]*"', "", html)
    html = re.sub(r' style="text-align:right[^"]*"', ' align="right"', html)
    return re.sub(r"<details>.*?</details>", "", html, flags=re.DOTALL)


def small(content: bytes) -> bytes:
    """A PNG file with at most 128 colours."""
    image, file = Image.open(io.BytesIO(content)), io.BytesIO()
    if image.mode != "L":
        image = image.convert("RGB").quantize(
            128, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE
        )
    image.save(file, "png", optimize=True)
    return file.getvalue()


def main() -> None:
    PAGES.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[1:] or NAMES:
        with tempfile.TemporaryDirectory() as folder:
            book = run(name, Path(folder))
        (PAGES / f"{name}.md").write_text(page(name, book, PAGES), "utf-8")
        print(PAGES / f"{name}.md")


if __name__ == "__main__":
    main()
