"""Self-contained pages of HTML, without requests and scripts, for light and dark screens."""

import base64
from collections.abc import Mapping, Sequence
from html import escape

from .outcome import Outcome

STYLE = """\
:root { --paper: #fcfbf8; --card: #ffffff; --ink: #20242a; --soft: #5d6570; --rule: #dcd9d1;
  --accent: #1f5f8b; color-scheme: light dark; }
@media (prefers-color-scheme: dark) { :root { --paper: #15181c; --card: #1d2126; --ink: #e6e3dc;
  --soft: #a0a6ae; --rule: #343a41; --accent: #7ab8e0; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 "Inter", "Segoe UI", "Liberation Sans", Arial, sans-serif; }
header, main, footer { max-width: 1100px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 44px; } footer { padding: 40px 24px; color: var(--soft); font-size: 0.88rem; }
h1, h2 { font-family: "Iowan Old Style", "Palatino Linotype", Palatino, Georgia, serif;
  font-weight: 600; line-height: 1.2; margin: 0 0 0.4em; }
h1 { font-size: clamp(1.7rem, 4vw, 2.5rem); } h2 { font-size: 1.25rem; margin-top: 1.8em; }
.eyebrow { margin: 0 0 0.4em; color: var(--soft); font-size: 0.9rem; }
.why { max-width: 52em; margin: 1.4em 0; }
.says { font-size: 1.12rem; max-width: 52em; margin: 0 0 1.4em; }
figure { margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 12px; }
img { display: block; width: 100%; height: auto; }
pre { background: var(--card); border: 1px solid var(--rule); border-radius: 8px; padding: 14px 16px;
  overflow-x: auto; font: 0.92rem/1.6 ui-monospace, "Liberation Mono", Menlo, Consolas, monospace; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: 0.93rem; }
th, td { text-align: left; padding: 5px 18px 5px 0; border-bottom: 1px solid var(--rule); white-space: nowrap;
  font-variant-numeric: tabular-nums; }
th { color: var(--soft); font-weight: 500; } a { color: var(--accent); }
.cards { list-style: none; margin: 24px 0 0; padding: 0; display: grid; gap: 22px;
  grid-template-columns: repeat(auto-fill, minmax(300px, 1fr)); }
.cards p { margin: 0.5em 0 0; font-size: 0.92rem; } .cards a { font-weight: 600; }
"""


def page(outcome: Outcome, light: bytes, dark: bytes, command: str) -> str:
    """An experiment: the picture, the sentence that it teaches, the numbers, the formula.

    Args:
        outcome: outcome of the experiment.
        light, dark: picture as PNG, for light and for dark screens.
        command: command that produces this page.
    """
    head = "".join(f"<th>{escape(column)}</th>" for column in outcome.columns)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in outcome.rows
    )
    return _document(
        outcome.title,
        f'<header><p class="eyebrow">genus lab {outcome.name}</p><h1>{escape(outcome.title)}</h1>'
        f'<p class="says">{escape(outcome.sentence)}</p></header>\n<main>\n'
        f"<figure>{_picture(light, dark, outcome.title)}</figure>\n"
        f'<p class="why">{escape(outcome.why)}</p>\n<h2>The numbers</h2><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>\n"
        f"<h2>The formula</h2><pre>{escape(outcome.formula)}</pre>\n</main>\n"
        f"<footer><p>{escape(outcome.source)}</p><p><code>{escape(command)}</code></p></footer>",
    )


def index(outcomes: Sequence[Outcome], pictures: Mapping[str, tuple[bytes, bytes]]) -> str:
    """All experiments on one page, each with a link to its own.

    Args:
        outcomes: outcomes of the experiments.
        pictures: pictures of each, by its name, light and dark.
    """
    cards = "".join(
        f'<li><figure><a href="{o.name}.html">{_picture(*pictures[o.name], o.title)}</a></figure>'
        f'<p><a href="{o.name}.html">{escape(o.title)}</a></p><p>{escape(o.sentence)}</p></li>\n'
        for o in outcomes
    )
    return _document(
        "The laboratory",
        '<header><p class="eyebrow">genus lab</p><h1>Why adversarial training fails</h1></header>\n'
        f'<main><ul class="cards">\n{cards}</ul></main>',
    )


def _picture(light: bytes, dark: bytes, title: str) -> str:
    """One picture for either ground."""
    first, second = (base64.b64encode(png).decode() for png in (light, dark))
    return (
        f'<picture><source media="(prefers-color-scheme: dark)" srcset="data:image/png;base64,{second}">'
        f'<img src="data:image/png;base64,{first}" alt="{escape(title)}"></picture>'
    )


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )
