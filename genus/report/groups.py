"""Groups: which figures may stand in one column.

Two models share a table only if all figures that both have were measured alike: the figures of a
model of bits and of a model of grey levels cannot be compared, however similar they look.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..measure import Figure, differences, from_json, table

KINDS = ("likelihood", "samples")
LIKELIHOOD = {"nll", "nll_elbo", "bits_per_dim", "kl_to_truth"}
COST = {
    "parameters",
    "samples_per_second",
}  # in no group, for cost is no quality


@dataclass
class Group:
    """Models that were measured alike.

    Args:
        kind: kind of figures, one of KINDS.
        figures: figures of each model, by the figure's name.
    """

    kind: str
    figures: dict[str, dict[str, Figure]] = field(default_factory=dict)

    @property
    def models(self) -> list[str]:
        return list(self.figures)

    @property
    def columns(self) -> list[str]:
        """Names of the figures that some model has, in their first order."""
        return list(dict.fromkeys(name for own in self.figures.values() for name in own))

    @property
    def protocol(self) -> dict[str, Any]:
        """The common part of the protocols of the group."""
        everyone = [figure.protocol for own in self.figures.values() for figure in own.values()]
        first = everyone[0]
        return {k: v for k, v in first.items() if all(p.get(k) == v for p in everyone)}

    @property
    def title(self) -> str:
        """The data on which they were measured, in words."""
        protocol = self.protocol
        return f"{protocol.get('data', 'data')}, {protocol.get('split', 'all')} rows, {self.view}"

    @property
    def view(self) -> str:
        """The space of a row in words: "17 levels a pixel"."""
        given = context(str(self.protocol.get("context") or ""))
        return space(str(self.protocol.get("space", ""))) + (f", {given}" if given else "")

    def column(self, name: str) -> dict[str, Figure]:
        """One figure, of the models that have it."""
        return {model: own[name] for model, own in self.figures.items() if name in own}

    def floor(self, name: str) -> float | None:
        """The figure of real rows against real rows."""
        return next((f.floor for f in self.column(name).values() if f.floor is not None), None)

    def best(self, name: str) -> set[str]:
        """The models with the best value of a figure; none if no direction is better, or all are equal."""
        column, floor = self.column(name), self.floor(name)
        better = {figure.better for figure in column.values()}
        if better == {"floor"} and floor is not None:
            badness = {model: abs(figure.value - floor) for model, figure in column.items()}
        elif better == {"lower"} or better == {"higher"}:
            sign = 1 if better == {"lower"} else -1
            badness = {model: sign * figure.value for model, figure in column.items()}
        else:
            return set()
        least = min(badness.values())
        best = {model for model, value in badness.items() if value == least}
        return best if len(best) < len(column) else set()


def groups(records: Iterable[Mapping[str, Any]]) -> list[Group]:
    """The models of some results, in as few groups of each kind as their protocols allow."""
    found: list[Group] = []
    for record in records:
        own = from_json(json.dumps(record.get("figures", [])))
        for kind in KINDS:
            figures = {f.name: f for f in own if kind_of(f.name) == kind}
            if not figures:
                continue
            home = next((g for g in found if g.kind == kind and _fits(figures, g)), None)
            if home is None:
                found.append(home := Group(kind))
            home.figures[record["name"]] = figures
    return sorted(found, key=lambda group: KINDS.index(group.kind))


def kind_of(name: str) -> str:
    """The kind of a figure: likelihood, samples or cost."""
    return "cost" if name in COST else "likelihood" if name in LIKELIHOOD else "samples"


def _fits(figures: Mapping[str, Figure], group: Group) -> bool:
    """Whether every figure is measured like those of its name, and on the same data as the rest."""
    others = [figure for own in group.figures.values() for figure in own.values()]
    return all(
        not differences(mine, other) if mine.name == other.name else _data(mine) == _data(other)
        for mine in figures.values()
        for other in others
    )


def _data(figure: Figure) -> list[Any]:
    return [figure.protocol.get(key) for key in ("data", "split", "fingerprint", "space", "rows")]


def space(text: str) -> str:
    """A space in words."""
    if found := re.match(r"Pixels\(.*levels=(\d+)\)", text):
        return f"{found[1]} levels a pixel"
    if text.startswith("Bits"):
        return "pixels as bits"
    if text.startswith("Tokens"):
        return "sequences of tokens"
    return "real numbers" if text.startswith("Reals") else "rows"


def context(text: str) -> str:
    """A context in words."""
    if text.startswith("Classes"):
        return "given a label"
    return "given a picture" if re.match(r"\w+\(.*,.*,", text) else ""


def printed(found: Sequence[Group]) -> str:
    """All groups as plain text, one table each."""
    parts = []
    for group in found:
        what = (
            "how probable test rows are" if group.kind == "likelihood" else "what samples are worth"
        )
        figures = {model: list(own.values()) for model, own in group.figures.items()}
        parts.append(f"{what}: {group.title}\n\n{table(figures)}")
    return "\n\n".join(parts)
