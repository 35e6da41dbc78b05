"""The face of a running training in a notebook: one table that changes in place, and its samples.

IPython is imported here and only where a kernel runs, so nothing of genus depends on it. Table and
samples are two outputs: the picture is sent to the browser only when there is a new one.
"""

import base64
import importlib
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

STYLE = "text-align:left;padding:0 1.2em 0 0;border:0;background:none"


class Notebook:
    """A table, and under it the latest samples; both are created when there is something to show."""

    def __init__(self) -> None:
        self.face: Any = importlib.import_module("IPython.display")
        self.outputs: dict[str, Any] = {}

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
        self._put("table", f"<div>{escape(head)}</div><table>{lines}</table>{below}")

    def picture(self, path: Path) -> None:
        """Shows a PNG file in the place of the one before."""
        content = base64.b64encode(path.read_bytes()).decode()
        image = f'<img src="data:image/png;base64,{content}" style="max-width:480px">'
        self._put("samples", f"{image}<div>{escape(path.stem.lstrip('0') or '0')} rounds</div>")

    def _put(self, name: str, html: str) -> None:
        content = self.face.HTML(html)
        if name in self.outputs:
            self.outputs[name].update(content)
        else:
            self.outputs[name] = self.face.display(content, display_id=True)


def _cell(text: str, bold: bool) -> str:
    text = escape(text)
    return f'<td style="{STYLE}">{f"<b>{text}</b>" if bold else text}</td>'
