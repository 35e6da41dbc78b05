"""The face of a running training in a notebook: one table that changes in place, samples beside it.

IPython is imported here and only where a kernel runs, so nothing of genus depends on it. Table and
samples are one output, which wraps where the page is narrow: the samples then stand under the table.
"""

import importlib
import io
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from PIL import Image

from ...core.html import embedded

HEAVY = 64_000  # bytes of a picture that is sent as it is
WIDE = 480  # pixels of one that is not
BESIDE = "display:flex;flex-wrap:wrap;align-items:flex-start;gap:0.5em 2em"
HEAD = "white-space:pre-wrap;min-width:26em"  # so that the samples keep their place
STYLE = "text-align:left;padding:0 1.2em 0 0;border:0;background:none"


class Notebook:
    """A table, and beside it the latest samples, as one output that appears with the first of them."""

    def __init__(self) -> None:
        self.face: Any = importlib.import_module("IPython.display")
        self.output: Any = None
        self.parts = {"table": "", "samples": ""}

    def table(self, head: str, rows: Sequence[tuple[str, str, str, bool]], verdict: str) -> None:
        """Shows the state of the run in the place of the one before.

        Args:
            head: line above the table.
            rows: player, term, value, and whether it is a figure.
            verdict: line below the table, or "".
        """
        lines = "".join(
            "<tr>" + "".join(_cell(cell, figure) for cell in cells) + "</tr>"
            for *cells, figure in rows
        )
        below = f"<div><b>{escape(verdict)}</b></div>" if verdict else ""
        self._put("table", f'<div style="{HEAD}">{escape(head)}</div><table>{lines}</table>{below}')

    def picture(self, path: Path) -> None:
        """Shows a PNG file in the place of the one before."""
        content, kind = _light(path)
        image = f'<img src="{embedded(content, kind)}" style="max-width:min(480px,100%)">'
        self._put("samples", f"{image}<div>{escape(path.stem.lstrip('0') or '0')} rounds</div>")

    def _put(self, name: str, html: str) -> None:
        self.parts[name] = html
        sides = "".join(f"<div>{part}</div>" for part in self.parts.values() if part)
        content = self.face.HTML(f'<div style="{BESIDE}">{sides}</div>')
        if self.output is None:
            self.output = self.face.display(content, display_id=True)
        else:
            self.output.update(content)


def _light(path: Path) -> tuple[bytes, str]:
    """A picture and its type; a heavy one made lighter, for it is sent with each table."""
    content = path.read_bytes()
    if len(content) <= HEAVY:
        return content, "image/png"
    made = io.BytesIO()
    with Image.open(path) as image:
        small = image.convert("RGB")
        small.thumbnail((WIDE, WIDE))
        small.save(made, "jpeg", quality=85)
    return made.getvalue(), "image/jpeg"


def _cell(text: str, bold: bool) -> str:
    text = escape(text)
    return f'<td style="{STYLE}">{f"<b>{text}</b>" if bold else text}</td>'
