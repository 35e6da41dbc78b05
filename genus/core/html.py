"""Objects as HTML, for notebooks. Every text is escaped: names of data and folders are their users'."""

import base64
from collections.abc import Collection, Mapping, Sequence
from html import escape

CELL = "text-align:{};padding:0.1em 1.2em 0.1em 0;border:0;background:none;vertical-align:top"


def table(rows: Sequence[Sequence[str]], right: Collection[int] = (), head: bool = True) -> str:
    """Rows of texts as a table.

    Args:
        rows: texts, a row after another.
        right: columns whose texts stand at the right.
        head: whether the first row has the names of the columns.
    """
    lines = []
    for number, row in enumerate(rows):
        kind = "th" if head and number == 0 else "td"
        cells = (
            f'<{kind} style="{CELL.format("right" if column in right else "left")}">'
            f"{escape(text)}</{kind}>"
            for column, text in enumerate(row)
        )
        lines.append(f"<tr>{''.join(cells)}</tr>")
    return f'<table style="border:0">{"".join(lines)}</table>'


def card(title: str, entries: Mapping[str, str], folded: str = "") -> str:
    """A title, and under it what is known, a line for each entry.

    Args:
        title: text of the title.
        entries: texts by their names.
        folded: longer text that opens on a click; "" for none.
    """
    more = folded and f"<details><summary>modules</summary><pre>{escape(folded)}</pre></details>"
    return f"<div><b>{escape(title)}</b></div>{table([*entries.items()], head=False)}{more}"


def embedded(content: bytes, kind: str) -> str:
    """The address of a file that is written into the page itself.

    Args:
        content: bytes of the file.
        kind: MIME type, such as "image/png".
    """
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
