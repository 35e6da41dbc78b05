"""The page: one file of HTML with everything in it, without requests and scripts."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ..core import PROMISES
from ..train.best import whose_weights
from .curves import chart, drawable, legend
from .groups import Group, context, groups, space
from .tables import abilities, link, tables
from .verdict import digits, listed, verdict, word

STYLE = Path(__file__).parent / "style.css"
SHARES = ("accuracy", "accuracy_train", "signal", "diversity", "memorised")  # about 0 to 1


def page(results: Mapping[str, Any], folder: Path) -> str:
    """The whole page.

    Args:
        results: results as `compare` writes them.
        folder: folder of the pictures that the results name.
    """
    records = results["models"]
    found = groups(records)
    data = str(results["data"]["name"])
    points = str(results["data"]["space"]).startswith("Reals")
    title = f"{word(len(records))} model{'s' * (len(records) > 1)} of {data}"
    sections = [
        _gallery(results, folder),
        _says(results, found),
        tables([g for g in found if g.kind == "likelihood"], "How probable are unseen rows?"),
        tables([g for g in found if g.kind == "samples"], "How near are the samples?"),
        abilities(records),
        *(_model(record, folder) for record in records),
        _protocols(results, found),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE.read_text('utf-8')}</style>\n</head>\n"
        f'<body class="{"plots" if points else "images"}">\n'
        f"{_head(results, title)}\n<main>\n{''.join(sections)}</main>\n{_foot(results)}\n</body>\n</html>\n"
    )


def _head(results: Mapping[str, Any], title: str) -> str:
    sizes, minutes = results["data"]["splits"], results["minutes"]
    time = "one minute" if minutes == 1 else f"{minutes:g} minutes"
    return (
        f'<header><p class="eyebrow">genus compare</p><h1>{escape(title.capitalize())}</h1>'
        f'<p class="lede">Each learnt for at most {time} from {sizes["train"]:,} rows, and was then judged '
        f"on {sizes['test']:,} rows that it had never seen. One seed, {results['seed']}; "
        f"{_threads(results['machine']['threads'])} of {escape(results['machine']['system'])}.</p></header>"
    )


def _threads(count: int) -> str:
    return "one thread" if count == 1 else f"{count} threads"


def _foot(results: Mapping[str, Any]) -> str:
    machine = results["machine"]
    return (
        f"<footer><p><code>{escape(results['command'])}</code></p><p>genus {results['genus']}, "
        f"torch {escape(machine['torch'])}, Python {machine['python']}; {results['date']}</p></footer>"
    )


# --- what is seen first -----------------------------------------------------------------------


def _gallery(results: Mapping[str, Any], folder: Path) -> str:
    cards = [_card("real rows", "", "of the test set", folder / results["real"], "data")]
    for record in results["models"]:
        if record["failure"]:
            cards.append(
                f'<li class="card failed"><h3>{link(record)}</h3><p>{escape(record["failure"])}</p></li>'
            )
            continue
        path = folder / record["pictures"]["samples"]
        cards.append(
            _card(link(record), record["family"], _key_figure(record), path, record["name"])
        )
    return f'<section><h2>What they draw</h2><ul class="cards">{"".join(cards)}</ul></section>\n'


def _card(title: str, family: str, caption: str, path: Path, name: str) -> str:
    chip = f'<span class="chip {family}">{family}</span>' if family else ""
    return (
        f'<li class="card">{_image(path, f"Samples of {name}" if family else "Rows of the data")}'
        f"<h3>{title}{chip}</h3><p>{caption}</p></li>"
    )


def _key_figure(record: Mapping[str, Any]) -> str:
    own = {figure["name"]: figure for figure in record["figures"]}
    parts = []
    if "nll" in own:
        parts.append(f"{_signed(own['nll'])} nats")
    if (distance := own.get("frechet")) and distance["floor"]:
        parts.append(f"Fréchet {float(distance['value']) / float(distance['floor']):.1f} floors")
    return " · ".join(parts)


def _signed(figure: Mapping[str, Any]) -> str:
    sign = (
        "" if figure["sign"] == "=" else f"{figure['sign'].replace('<=', '≤').replace('>=', '≥')} "
    )
    return sign + digits(float(figure["value"]), figure["error"] and float(figure["error"]))


def _says(results: Mapping[str, Any], found: Sequence[Group]) -> str:
    names = [record["name"] for record in results["models"]]
    paragraphs = "".join(f"<p>{_named(text, names)}</p>" for text in verdict(results, found))
    return f'<section class="says"><h2>What the figures say</h2>{paragraphs}</section>\n'


def _named(text: str, names: Iterable[str]) -> str:
    """HTML of a text with the names of models in bold."""
    words = escape(text.replace("<=", "≤")).split(" ")
    known = set(names)
    return " ".join(
        word.replace(bare, f"<b>{bare}</b>") if (bare := word.strip("(.,;:)")) in known else word
        for word in words
    )


# --- each model -------------------------------------------------------------------------------


def _model(record: Mapping[str, Any], folder: Path) -> str:
    name, family = record["name"], record["family"]
    head = (
        f'<section class="model" id="{escape(name)}"><h2>{escape(name)} '
        f'<span class="chip {family}">{family}</span></h2><p class="aim">{escape(record["aim"])}</p>'
    )
    if record["failure"]:
        return f'{head}<p class="failure">It failed: {escape(record["failure"])}.</p></section>\n'
    given = f", {context(record['given'])}" if record["given"] else ""
    facts = (
        f"{record['class']} on {space(record['view'])}{given}; {record['parameters']:,} "
        f"parameters; {record['rounds']:,} rounds in {digits(record['seconds'])} s{whose_weights(record)}; can "
        f"{listed([promise for promise in PROMISES if promise in record['promises']])}."
    )
    return (
        f'{head}<p class="facts">{facts}</p>{game(record)}<div class="columns"><div>{_samples(record, folder)}</div>'
        f"<div>{_neighbours(record, folder)}{_curves(record)}</div></div>{_history(record, folder)}"
        f'<p class="source">{escape(record["source"])}</p></section>\n'
    )


def game(record: Mapping[str, Any]) -> str:
    """The findings about the game of a run, as a list; empty without a game."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in record.get("game", ()))
    return f'<ul class="game">{items}</ul>' if items else ""


def _samples(record: Mapping[str, Any], folder: Path) -> str:
    given = str(record["given"] or "")
    caption = "Samples"
    if given.startswith("Classes"):
        caption = "Samples; each column is one label"
    elif given:
        caption = "In each triple: context, sample, true row"
    path = folder / record["pictures"]["samples"]
    return f"<figure>{_image(path, caption)}<figcaption>{caption}.</figcaption></figure>"


def _neighbours(record: Mapping[str, Any], folder: Path) -> str:
    pictures = record["pictures"]
    if "near_pixels" not in pictures:
        return ""
    parts = [("shown", "samples"), ("near_pixels", "nearest training rows, in pixels")]
    if "near_oracle" in pictures:
        parts.append(("near_oracle", "nearest training rows, for the oracle"))
    figures = "".join(
        f"<figure>{_image(folder / pictures[key], text)}<figcaption>{text}</figcaption></figure>"
        for key, text in parts
    )
    return f'<div class="near">{figures}</div>'


def _history(record: Mapping[str, Any], folder: Path) -> str:
    frames = "".join(
        f"<figure>{_image(folder / path, f'Samples after {number:,} rounds')}"
        f"<figcaption>{number:,} rounds</figcaption></figure>"
        for number, path in record["history"]
    )
    return (
        f'<h3>How they came to be, from the same noise</h3><div class="history">{frames}</div>'
        if frames
        else ""
    )


def _curves(record: Mapping[str, Any]) -> str:
    figures = []
    for player, terms in record["curves"].items():
        title = (
            "figures on the validation rows" if player == "figures" else f"losses of the {player}"
        )
        if player == "game":  # only those of its many figures that are shares
            title, terms = "the game", {k: terms[k] for k in SHARES if k in terms}
        if svg := chart(terms, title):
            caption = f"<figcaption>{escape(title)}{legend(list(drawable(terms)))}</figcaption>"
            figures.append(f"<figure>{svg}{caption}</figure>")
    return f'<div class="curves {record["family"]}">{"".join(figures)}</div>'


# --- how it was measured ----------------------------------------------------------------------


def _protocols(results: Mapping[str, Any], found: Sequence[Group]) -> str:
    parts = [
        _details("machine and time", {**results["machine"], "minutes": results["minutes"]}),
    ]
    for group in found:
        parts.append(_details(f"{group.kind}: {group.title}", group.protocol))
        how = {
            f"{model}, {name}": " ".join(
                [
                    str(figure.estimator.get("name", "exact")),
                    *(f"{k}={v}" for k, v in figure.estimator.get("settings", {}).items()),
                ]
            )
            for model, own in group.figures.items()
            for name, figure in own.items()
        }
        if group.kind == "likelihood":
            parts.append(_details(f"estimators: {group.title}", how))
    return f'<section class="protocols"><h2>How it was measured</h2>{"".join(parts)}</section>\n'


def _details(title: str, entries: Mapping[str, Any]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(str(key))}</th><td>{escape(_flat(value))}</td></tr>'
        for key, value in entries.items()
    )
    return f"<details><summary>{escape(title)}</summary><table>{rows}</table></details>"


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_flat(item)}" for key, item in value.items())
    return str(value)


def _image(path: Path, text: str) -> str:
    content = base64.b64encode(path.read_bytes()).decode()
    return f'<img alt="{escape(text)}" src="data:image/png;base64,{content}">'
