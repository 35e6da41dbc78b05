"""A perceptron whose outputs each see just the features that come before their own."""

from collections.abc import Generator, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear, relu

from ..errors import Refused, at_least, in_range


class UnitOrder(NamedTuple):
    """The order of features and units in `MaskedMLP.unroll`.

    Args:
        outs: the numbers of each feature's channels of the output, in the order of the features.
        sorts: of the input and each hidden layer, its units in the order of their degrees.
        ends: of each of these: how many of its units have a degree of at most 0, 1, ...
        tidy: of each of these: whether that is the order in which they are.
        order: the features in their order.
    """

    outs: Tensor
    sorts: list[Tensor]
    ends: list[list[int]]
    tidy: list[bool]
    order: list[int]

    def picked(self, weight: Tensor, after: int | None, before: int) -> Tensor:
        """Rows and columns in the order of two layers' units; what is in order already is not copied."""
        for axis, layer in ((0, after), (1, before)):
            if layer is not None and not self.tidy[layer]:
                weight = weight.index_select(axis, self.sorts[layer])
        return weight


class MaskedMLP(nn.Module):
    """Features in, as many out: (n, features, d_in) -> (n, features, d_out).

    An order puts the features in places 1 .. features. Every hidden unit has a degree m, and sees
    the features in places up to m only; the output of the feature in place i is a sum over units of
    degree below i, and of the features before it. So a unit is known as soon as its last feature is,
    and `unroll` computes each once. A context is seen by all units; some then have degree 0, and
    see nothing else, so that the first output is a function of the context.

    Args:
        features: number of features; at least 1.
        d_in, d_out: numbers that describe one feature where it comes in and where it goes out.
        hidden: widths of the hidden layers.
        masks: number of ways to put features and units in order; all share the weights.
        shuffled: orders of features are drawn; otherwise each is the features' own.
        backwards: True takes that order from its end.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
        seed: seed of orders and degrees.
        context: numbers that all outputs may see, of what `forward` is given; 0 for none.
        shortcut: an output also sees the features before it without a layer between.
    """

    places: Tensor  # (masks, features) int64, in 1 .. features

    def __init__(
        self,
        features: int,
        d_in: int,
        d_out: int,
        hidden: Sequence[int],
        masks: int = 1,
        shuffled: bool = False,
        dropout: float = 0.0,
        seed: int = 0,
        context: int = 0,
        shortcut: bool = True,
        backwards: bool = False,
    ):
        super().__init__()
        at_least(1, "MaskedMLP", features=features)
        at_least(1, "MaskedMLP", masks=masks)
        if not hidden or min(hidden) < 1:
            raise Refused(f"MaskedMLP: hidden is {tuple(hidden)}; widths of 1 or more are wanted")
        in_range("MaskedMLP", "[0, 1)", dropout=dropout)
        self.features, self.d_in, self.d_out, self.hidden = features, d_in, d_out, tuple(hidden)
        self.masks, self.shuffled, self.dropout, self.seed = masks, shuffled, dropout, seed
        self.context, self.shortcut, self.backwards = context, shortcut, backwards
        self._plans: dict[tuple[int, torch.device], UnitOrder] = {}
        widths = [features * d_in, *hidden]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.last = nn.Linear(widths[-1], features * d_out)
        self.direct = None
        if shortcut:
            self.direct = nn.Linear(features * d_in, features * d_out, bias=False)
            nn.init.zeros_(self.direct.weight)
        self.aside = nn.Linear(context, hidden[0], bias=False) if context else None
        draw = torch.Generator().manual_seed(seed)
        own = torch.arange(1, features + 1).expand(masks, -1).clone()
        own = own.flip(1) if backwards else own
        self.register_buffer("places", _shuffled(own, draw) if shuffled else own)
        for i, width in enumerate(hidden):
            least = 0 if context else 1  # of degree 0: what sees nothing but the context
            even = torch.arange(width) * (features - least) // width + least
            degrees = even.expand(masks, -1).clone()
            self.register_buffer(f"degrees{i}", _shuffled(degrees, draw) if masks > 1 else degrees)
        for k, link in enumerate(self._links(0) if masks == 1 else []):  # one mask is kept as it is
            self.register_buffer(f"link{k}", link.to(self.last.weight.dtype), persistent=False)

    def forward(self, x: Tensor, mask: int | Tensor = 0, context: Tensor | None = None) -> Tensor:
        links = self.links(mask)
        x = h = x.flatten(1)
        aside = self._aside(context)
        for layer, link in zip(self.linears(), links, strict=False):
            h = linear(h, layer.weight * link, layer.bias)
            h, aside = relu(h if aside is None else h + aside, inplace=True), None
            h = dropout(h, self.dropout, self.training) if self.dropout else h
        out = linear(h, self.last.weight * links[-2], self.last.bias)
        if self.direct is not None:
            out = out + linear(x, self.direct.weight * links[-1])
        out = out.to(self.last.weight.dtype)  # in full precision also under autocast
        return out.unflatten(1, (self.features, self.d_out))

    @torch.no_grad()
    def unroll(
        self, n: int, mask: int = 0, context: Tensor | None = None
    ) -> Generator[Tensor, Tensor, None]:
        """`forward`, one feature after another, each drawn from what came out for it.

        Yields what comes out for a feature, (n, d_out), in the order of the mask, and is sent what
        goes in for it, (n, d_in).

        Args:
            n: rows.
            mask: whose order it is.
            context: (n, context), where the network has one.
        """
        outs, sorts, ends, *_ = plan = self.plan(mask)
        # units are rows, of which few are new each time; those of a layer follow a row of ones, its bias
        layers = [
            torch.cat([layer.bias[after, None], plan.picked(layer.weight, k + 1, k)], 1)
            for k, (layer, after) in enumerate(zip(self.linears(), sorts[1:], strict=False))
        ]
        last = torch.cat(
            [self.last.bias[:, None], plan.picked(self.last.weight, None, len(sorts) - 1)], 1
        )
        direct = None if self.direct is None else self.direct.weight[:, sorts[0]]
        aside = self._aside(context)
        aside = None if aside is None else aside.T[sorts[1]]
        known = [last.new_empty(1 + len(sort), n) for sort in sorts]
        for units in known:
            units[0] = 1
        for i in range(self.features):
            for k, weight in enumerate(layers):
                begin, end = ends[k + 1][i - 1] if i else 0, ends[k + 1][i]
                if begin < end:
                    h, seen = known[k + 1][begin + 1 : end + 1], 1 + ends[k][i]
                    torch.mm(weight[begin:end, :seen], known[k][:seen], out=h)
                    if k == 0 and aside is not None:
                        h.add_(aside[begin:end])
                    h.relu_()
            mine, seen = outs[i], 1 + ends[-1][i]
            out = last[mine, :seen] @ known[-1][:seen]
            if direct is not None:
                out.addmm_(direct[mine, : ends[0][i]], known[0][1 : 1 + ends[0][i]])
            came = yield out.T
            known[0][1 + i * self.d_in : 1 + (i + 1) * self.d_in] = came.T

    def plan(self, mask: int) -> "UnitOrder":
        """How `unroll` goes through the units: found once, for orders and degrees do not change."""
        key = (mask, self.places.device)
        if key not in self._plans:
            order, degrees = self.places[mask].argsort(), self.degrees(mask)
            ins, outs = _channels(order, self.d_in), _channels(order, self.d_out)
            sorts = [ins.flatten(), *(m.argsort(stable=True) for m in degrees[1:])]
            places = torch.arange(self.features, device=order.device)
            ends = [
                torch.searchsorted(m[sort], places, right=True).tolist()
                for m, sort in zip(degrees, sorts, strict=True)
            ]
            tidy = [bool((sort.diff() == 1).all()) for sort in sorts]
            self._plans = {**self._plans, key: UnitOrder(outs, sorts, ends, tidy, order.tolist())}
        return self._plans[key]

    def _aside(self, context: Tensor | None) -> Tensor | None:
        """What the context adds to the first layer, (n, hidden)."""
        if self.aside is None:
            return None
        if context is None or context.shape[1:] != (self.context,):
            came = None if context is None else f"of shape {tuple(context.shape)}"
            raise Refused(f"MaskedMLP: context is {came}; it must be (n, {self.context})")
        return self.aside(context)

    def links(self, mask: int | Tensor) -> list[Tensor]:
        """1 where a unit may see another, else 0: of each hidden layer, the last one, the direct one."""
        if self.masks > 1:
            return self._links(mask)
        return [self.get_buffer(f"link{k}") for k in range(len(self.hidden) + 2)]

    def _links(self, mask: int | Tensor) -> list[Tensor]:
        degrees, goal = self.degrees(mask), _row(self.places, mask).repeat_interleave(self.d_out)
        inner = [after[:, None] >= before for before, after in pairwise(degrees)]
        return [*inner, goal[:, None] > degrees[-1], goal[:, None] > degrees[0]]

    def degrees(self, mask: int | Tensor) -> list[Tensor]:
        """The places of the numbers that come in, then the degrees of each layer's units."""
        inner = [_row(self.get_buffer(f"degrees{i}"), mask) for i in range(len(self.hidden))]
        return [_row(self.places, mask).repeat_interleave(self.d_in), *inner]

    def linears(self) -> list[nn.Linear]:
        """The hidden layers."""
        return [layer for layer in self.layers if isinstance(layer, nn.Linear)]


def _row(rows: Tensor, which: int | Tensor) -> Tensor:
    """One of some rows; its number, if it is drawn, is not read."""
    return rows.index_select(0, which.view(1))[0] if isinstance(which, Tensor) else rows[which]


def _channels(features: Tensor, count: int) -> Tensor:
    """The numbers of each feature's channels, (features, count)."""
    return features[:, None] * count + torch.arange(count, device=features.device)


def _shuffled(rows: Tensor, draw: torch.Generator) -> Tensor:
    """Each row in an order of its own."""
    return torch.stack([row[torch.randperm(len(row), generator=draw)] for row in rows])
