"""The tables of the page: figures with their signs and errors, and what each model can do."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from ..measure import Figure
from .groups import Group
from .verdict import digits

ARROWS = {"lower": "lower is better", "higher": "higher is better", "floor": "near real is better"}
CAN = {  # promises, as columns
    "sample": "draws samples",
    "log_prob": "exact likelihood",
    "elbo": "bound on the likelihood",
    "energy": "energy",
    "encode": "data to latent",
    "decode": "latent to data",
}
MEANING = {  # figures, as columns and in the notes
    "nll": "-log p, nats",
    "nll_elbo": "ELBO, nats",
    "bits_per_dim": "bits/dim",
    "kl_to_truth": "KL to the truth",
    "frechet": "Fréchet",
    "kernel_distance": "kernel",
    "class_kl": "class KL",
    "right_class": "right class",
    "high_quality": "high quality",
    "modes_firmly": "modes firmly",
    "mode_kl": "mode KL",
    "l1": "error of pairs",
}


def tables(found: Sequence[Group], title: str) -> str:
    """A section with one table for each group; nothing without groups."""
    if not found:
        return ""
    parts = "".join(_table(group) for group in found)
    note = (
        '<p class="note">= exact, ≤ a bound (the truth is at most this), ~ an estimate; '
        "± one standard error. <b>Bold</b>: best of its column. "
        "Figures of tables with different titles cannot be compared.</p>"
    )
    return f"<section><h2>{title}</h2>{parts}{note}</section>\n"


def _table(group: Group) -> str:
    columns = group.columns
    heads = "".join(_column_head(group, name) for name in columns)
    rows = "".join(
        f'<tr><th scope="row"><a href="#{escape(model)}">{escape(model)}</a></th>'
        + "".join(_cell(own.get(name), model in group.best(name)) for name in columns)
        + "</tr>"
        for model, own in group.figures.items()
    )
    floors = [group.floor(name) for name in columns]
    if any(floor is not None for floor in floors):
        cells = "".join(f"<td>{_floor(group, name)}</td>" for name in columns)
        rows += f'<tr class="floor"><th scope="row">real rows</th>{cells}</tr>'
    wide = "wide" if len(columns) > 5 else ""
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(group.title)}"><table class="{wide}">'
        f'<caption>{escape(group.title)}</caption><thead><tr><th scope="col">model</th>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _floor(group: Group, name: str) -> str:
    floor, figure = group.floor(name), next(iter(group.column(name).values()))
    return "" if floor is None else digits(floor, figure.error)


def _column_head(group: Group, name: str) -> str:
    figure = next(iter(group.column(name).values()))
    better = {"lower": " ↓", "higher": " ↑", "floor": " ≈"}.get(figure.better or "", "")
    meaning = ARROWS.get(figure.better or "", "")
    label = MEANING.get(name, name.replace("_", " "))
    return f'<th scope="col"><abbr title="{meaning}">{escape(label)}{better}</abbr></th>'


def _cell(figure: Figure | None, best: bool) -> str:
    if figure is None:
        return '<td class="none">&ndash;</td>'
    sign = {"=": "= ", "<=": "≤ ", ">=": "≥ ", "~": "~ "}[figure.sign]
    text = f'<span class="sign">{sign}</span>{digits(figure.value, figure.error)}'
    text = f"<b>{text}</b>" if best else text
    error = figure.error and digits(figure.error, figure.error)
    return f"<td>{text}{f' <small>± {error}</small>' if error else ''}</td>"


def abilities(records: Sequence[Mapping[str, Any]]) -> str:
    """A section with one line for each model: its promises, its size and its speed."""
    heads = "".join(f'<th scope="col">{meaning}</th>' for meaning in CAN.values())
    heads += (
        '<th scope="col">parameters</th><th scope="col">rounds/s</th><th scope="col">samples/s</th>'
    )
    rows = ""
    for record in records:
        if record["failure"]:
            continue
        marks = "".join(
            '<td class="mark">● <span class="aside">yes</span></td>'
            if promise in record["promises"]
            else '<td class="mark no">· <span class="aside">no</span></td>'
            for promise in CAN
        )
        rows += (
            f'<tr><th scope="row">{link(record)}</th>{marks}<td>{record["parameters"]:,}</td>'
            f"<td>{digits(record['rounds_per_second'])}</td>"
            f"<td>{digits(record['samples_per_second'])}</td></tr>"
        )
    return (
        '<section><h2>What each can do, and what it costs</h2><div class="scroll" role="region" '
        f'tabindex="0" aria-label="abilities"><table class="abilities wide"><thead><tr><th scope="col">model</th>'
        f"{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>\n"
    )


def link(record: Mapping[str, Any]) -> str:
    """A model's name, leading to its own section."""
    return f'<a href="#{escape(record["name"])}">{escape(record["name"])}</a>'
