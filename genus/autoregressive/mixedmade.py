"""MixedMADE: MADE for rows of a table, whose columns are of several kinds.

    p(x) = prod_i p(x_i | x_<i)                                    x_i a field of `Records`

    category         softmax of its logits
    real number      sum_k w_k logistic(z; m_k, s_k)
    rounded number   sum_k w_k [sigma((b - m_k) / s_k) - sigma((a - m_k) / s_k)]       (a, b) its bin

A masked network gives all parameters at once, as in MADE. The mass of a bin is exact at every width:
with u = ((a + b) / 2 - m) / s and d = (b - a) / 2 s it is sinh(d) / (cosh(u) + cosh(d)). The first and
the last bin also hold what lies beyond them, so that the masses of all values sum to one.

The network begins with a regression of each number on the fields before it, or on these and their
products, whichever foretells left-out rows best (`prepare`): as a normal distribution, about, or a bent
one, from which it learns to go on. Its logistics make up the normal residual that it begins with.

Source: Germain, Gregor, Murray, Larochelle, "MADE: masked autoencoder for distribution estimation",
    2015, arXiv:1502.03509; mixtures for real numbers: Uria, Murray, Larochelle, "RNADE: the
    real-valued neural autoregressive density-estimator", 2013, arXiv:1306.0186; masses of bins under
    logistics: Salimans, Karpathy, Chen, Kingma, "PixelCNN++", 2017, arXiv:1701.05517, section 2.1.
Departs: fields keep their order, under a single mask; the start is in closed form.
"""

import math
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, linear, logsigmoid, relu, softplus

from ..core import (
    Bits,
    Category,
    GenerativeModel,
    Grid,
    Real,
    Reals,
    Records,
    Space,
    at_least,
    in_range,
    require,
)

PENALTIES = tuple(10.0**k for k in range(-6, 4))  # of the regressions that are tried
SQUARED = 64  # features of the fields, at most, whose products are regressed on as well
FAR = 3.0  # where features end in products
CLEARLY = 0.98  # error of left-out rows, of that without products, below which products are used
NARROWEST = 1e-4  # least deviation of a residual, in deviations of its column


class MixedMADE(GenerativeModel):
    """p(x), or p(x | context), of rows of a table.

    Args:
        space: fields of a row, or bits or real numbers, (k,).
        hidden: widths of the hidden layers.
        components: number of logistics of a number's mixture.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
        context_space: fields that are given with each row; None if nothing is.
    """

    pairs: Tensor  # (2, products) int64, numbers of features

    def __init__(
        self,
        space: Space,
        hidden: Sequence[int] = (128, 128),
        components: int = 8,
        dropout: float = 0.0,
        context_space: Space | None = None,
    ):
        super().__init__()
        self.fields = _fields("MixedMADE", space)
        self.given = _fields("MixedMADE: context", context_space) if context_space else None
        at_least(1, "MixedMADE", components=components, layers=len(hidden), width=min(hidden))
        in_range("MixedMADE", "[0, 1)", dropout=dropout)
        self.space, self.hidden, self.components = space, tuple(hidden), components
        self.dropout, self.context_space = dropout, context_space
        counts = [f.count if isinstance(f, Category) else 1 for f in self.fields.fields]
        wide = [f.count if isinstance(f, Category) else 3 * components for f in self.fields.fields]
        self.starts, self.ends = (0, *accumulate(counts)), (0, *accumulate(wide))
        aside = sum(self.given.widths) if self.given else 0
        inside = sum(self.fields.widths)
        widths = [inside + aside, *hidden]
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.last = nn.Linear(widths[-1], self.ends[-1])
        squared = inside + aside if inside + aside <= SQUARED else 0
        self.register_buffer("pairs", torch.triu_indices(squared, squared), persistent=False)
        self.direct = nn.Linear(inside + aside + self.pairs.shape[1], self.starts[-1])
        for weight in (self.last.weight, self.last.bias, self.direct.weight, self.direct.bias):
            nn.init.zeros_(weight)
        self.log_scale = nn.Parameter(torch.zeros(len(counts)))
        for name, link in self._links(counts, wide, aside).items():
            self.register_buffer(name, link.float(), persistent=False)
        self.register_buffer("normal", _normal(components), persistent=False)

    def _links(self, counts: list[int], wide: list[int], aside: int) -> dict[str, Tensor]:
        """1 where a unit may see another: each sees the fields in places up to its degree."""
        places = torch.arange(1, len(counts) + 1)
        seen = [
            places.repeat_interleave(torch.tensor(self.fields.widths)),
            torch.zeros(aside).long(),
        ]
        least = 0 if aside else 1
        degrees = [torch.cat(seen)]
        for width in self.hidden:
            spread = max(1, len(counts) - least)
            degrees.append(torch.arange(width) * spread // width + least)
        links = {f"link{i}": b[:, None] >= a for i, (a, b) in enumerate(pairwise(degrees))}
        goal = places.repeat_interleave(torch.tensor(wide))
        links["link_last"] = goal[:, None] > degrees[-1]
        first, second = self.get_buffer("pairs")
        known = torch.cat([degrees[0], torch.maximum(degrees[0][first], degrees[0][second])])
        links["link_direct"] = places.repeat_interleave(torch.tensor(counts))[:, None] > known
        return links

    # the network

    def outputs(self, x: Tensor, *context: Tensor) -> tuple[Tensor, Tensor]:
        """What the network says of all fields: (n, logits and locations), (n, all parameters)."""
        return self._outputs(self._features(x, *context))

    def _features(self, x: Tensor, *context: Tensor) -> Tensor:
        self.check_context(*context)
        parts = [self.fields.features(x)]
        if self.given is not None:
            parts.append(self.given.features(context[0]).to(x.dtype))
        return torch.cat(parts, 1)

    def _outputs(self, features: Tensor) -> tuple[Tensor, Tensor]:
        h = features
        for i, layer in enumerate(self.layers):
            layer = cast(nn.Linear, layer)
            h = relu(linear(h, layer.weight * self.get_buffer(f"link{i}"), layer.bias))
            h = dropout(h, self.dropout, self.training) if self.dropout else h
        out = linear(h, self.last.weight * self.get_buffer("link_last"), self.last.bias)
        direct = self.direct.weight * self.get_buffer("link_direct")
        return linear(self._with_products(features), direct, self.direct.bias), out

    def _with_products(self, features: Tensor) -> Tensor:
        first, second = self.pairs
        near = features.clamp(-FAR, FAR)
        return torch.cat([features, near[:, first] * near[:, second]], 1)

    def _logits(self, i: int, outputs: tuple[Tensor, Tensor]) -> Tensor:
        """Of a category, (n, count)."""
        direct, out = outputs
        return (
            direct[:, self.starts[i] : self.starts[i + 1]] + out[:, self.ends[i] : self.ends[i + 1]]
        )

    def _mixture(self, i: int, outputs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Of a number: log weights, means and log scales, (n, components) each."""
        direct, out = outputs
        own = out[:, self.ends[i] : self.ends[i + 1]].unflatten(1, (3, -1))
        logits, means, log_scales = (own + self.get_buffer("normal")).unbind(1)
        scale = self.log_scale[i]
        means = direct[:, self.starts[i], None] + scale.exp() * means
        return logits.log_softmax(1), means, scale + log_scales

    # scores

    def log_prob(self, x: Tensor, *context: Tensor) -> Tensor:
        return self.log_probs(x, *context).sum(1)

    def log_probs(self, x: Tensor, *context: Tensor) -> Tensor:
        """log p(x_i | x_<i) of each field, (n, k); 0 where a number is not there."""
        outputs = self.outputs(x, *context)
        each = []
        for i, field in enumerate(self.fields.fields):
            if isinstance(field, Category):
                logits = self._logits(i, outputs).log_softmax(1)
                each.append(logits.gather(1, x[:, i, None].long())[:, 0])
                continue
            weights, means, log_scales = self._mixture(i, outputs)
            if isinstance(field, Grid):
                one = _log_mass(field, x[:, i], means, log_scales)
            else:
                one = _log_density(x[:, i], means, log_scales)
            score = (weights + one).logsumexp(1)
            each.append(torch.where(self.fields.present(x, i), score, 0.0))
        return torch.stack(each, 1)

    # samples

    def uniform(self, n: int) -> Tensor:
        """Noise for n rows, (n, k, 2), in (0, 1)."""
        u = torch.rand(n, len(self.fields.fields), 2, dtype=self.last.weight.dtype)
        tiny = torch.finfo(u.dtype).eps / 2
        return u.to(self.last.weight.device).clamp(tiny, 1 - tiny)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        u = self.uniform(self.sample_count(n, context))
        return self.sample_from(u, *(() if context is None else (context,)))

    @torch.no_grad()
    def sample_from(self, u: Tensor, *context: Tensor) -> Tensor:
        """x, (n, k), by uniform noise, (n, k, 2), one field after another."""
        x = u.new_zeros(len(u), len(self.fields.fields))
        features = self._features(x, *context)
        starts = self.fields.starts()
        for i, field in enumerate(self.fields.fields):
            outputs = self._outputs(features)
            if isinstance(field, Category):
                x[:, i] = _chosen(self._logits(i, outputs).softmax(1), u[:, i, 0])
            else:
                x[:, i] = self._drawn(i, field, x, outputs, u[:, i])
            own = x[:, i : i + 1]
            if isinstance(field, Category):
                own = nn.functional.one_hot(x[:, i].long(), field.count).to(x.dtype)
            features[:, starts[i] : starts[i + 1]] = own
        return x

    def _drawn(
        self, i: int, field: Real | Grid, x: Tensor, outputs: tuple[Tensor, Tensor], u: Tensor
    ) -> Tensor:
        weights, means, log_scales = self._mixture(i, outputs)
        which = _chosen(weights.exp(), u[:, 0]).long()[:, None]
        z = means.gather(1, which) + log_scales.gather(1, which).exp() * torch.logit(u[:, 1:])
        z = z[:, 0]
        if isinstance(field, Grid):
            z = field.scale.apply(field.values(z)).to(z.dtype)
        return torch.where(self.fields.present(x, i), z, 0.0)

    # the start

    @torch.no_grad()
    def prepare(self, x: Tensor, *context: Tensor) -> None:
        """Begins as linear regressions, and as the shares of categories, of training rows."""
        features = self._with_products(self._features(x, *context).double())
        seen = self.get_buffer("link_direct").bool()
        alone = features.shape[1] - self.pairs.shape[1]
        single = torch.arange(features.shape[1], device=x.device) < alone
        for i, field in enumerate(self.fields.fields):
            at, end = self.starts[i], self.starts[i + 1]
            there = self.fields.present(x, i)
            if isinstance(field, Category):
                counts = torch.bincount(x[:, i].long(), minlength=field.count).double() + 0.5
                self.direct.bias[at:end] = (counts / counts.sum()).log().to(x.dtype)
                continue
            if int(there.sum()) < 2:
                continue
            best = math.inf
            for chosen in (seen[at] & single, seen[at]):
                weight, bias, deviation = _regression(
                    features[there][:, chosen], x[there, i].double()
                )
                if deviation >= CLEARLY * best:
                    break
                best = deviation
                self.direct.weight[at, chosen] = weight.to(x.dtype)
                self.direct.bias[at] = bias
                self.log_scale[i] = math.log(max(NARROWEST, deviation))


def _fields(who: str, space: Space) -> Records:
    """Bits and real numbers as fields."""
    require(who, space, Records, Bits, Reals, axes="k")
    if isinstance(space, Records):
        return space
    one = Category(2) if isinstance(space, Bits) else Real()
    return Records((one,) * space.dims)


def _normal(components: int) -> Tensor:
    """Log weights, means and log scales of logistics that make up a standard normal, (3, K).

    They have one scale, a mean of 0 and a variance of 1 together; the weights fall like a normal density
    to `end`. Both constants were found by search: of such mixtures it is nearly the one from which the
    normal distribution diverges least, by 8e-4 nats for three and 2e-5 for eight.
    """
    share = 1.08 * components**-0.62 if components > 1 else 1.0  # of the variance within each
    end = 1.27 * math.log(components) - 0.12
    places = torch.linspace(-1, 1, components, dtype=torch.float64)
    weights = (-(end * places).square() / 2).softmax(0)
    unit = (weights * places.square()).sum().sqrt()
    means = places * math.sqrt(1 - share) / unit if components > 1 else places * 0
    log_scale = math.log(math.sqrt(3 * share) / math.pi)
    return torch.stack([weights.log(), means, torch.full_like(means, log_scale)]).float()


def _log_density(z: Tensor, means: Tensor, log_scales: Tensor) -> Tensor:
    """The log densities of z, (n,), under logistics, (n, K)."""
    u = (z[:, None] - means) * (-log_scales).exp()
    return logsigmoid(u) + logsigmoid(-u) - log_scales


def _log_mass(field: Grid, z: Tensor, means: Tensor, log_scales: Tensor) -> Tensor:
    """The log probabilities of the bins of z, (n,), under logistics, (n, K)."""
    centre, half, first, last = field.edges(z)
    sharp = (-log_scales).exp()
    u = (centre.to(z.dtype)[:, None] - means) * sharp
    d = half.to(z.dtype)[:, None] * sharp
    inner = _log_sinh(d) - torch.logaddexp(_log_cosh(u), _log_cosh(d))
    below = torch.where(last[:, None], 0.0, logsigmoid(u + d))  # all up to the upper end
    above = torch.where(first[:, None], below, logsigmoid(d - u))
    return torch.where((first | last)[:, None], above, inner)


def _log_cosh(u: Tensor) -> Tensor:
    """log 2 cosh u."""
    return u.abs() + softplus(-2 * u.abs())


def _log_sinh(d: Tensor) -> Tensor:
    """log 2 sinh d, for positive d."""
    return d + (-torch.expm1(-2 * d)).log()


def _chosen(weights: Tensor, u: Tensor) -> Tensor:
    """The number of one of the weights, (n, K), by uniform noise, (n,)."""
    ends = weights.cumsum(1)
    ends = ends / ends[:, -1:]
    return (u[:, None] > ends[:, :-1]).sum(1).to(u.dtype)


def _regression(features: Tensor, y: Tensor) -> tuple[Tensor, float, float]:
    """Weights and bias of a ridge regression, and the deviation of rows that it has not seen.

    The penalty is the one of `PENALTIES` under which each row is best foretold by the others.
    """
    mean, middle = features.mean(0), y.mean()
    u, s, v = torch.linalg.svd(features - mean, full_matrices=False)
    along, best = u.T @ (y - middle), (torch.zeros(0), math.inf)
    for penalty in PENALTIES:
        shrink = s.square() / (s.square() + penalty * len(y))
        lever = (u.square() @ shrink + 1 / len(y)).clamp(max=1 - 1e-6)
        error = ((y - middle - u @ (shrink * along)) / (1 - lever)).square().mean().item()
        if error < best[1]:
            weight = v.T @ (torch.where(s > 0, shrink / s.clamp(min=1e-12), 0.0) * along)
            best = weight, error
    weight, error = best
    return weight, (middle - mean @ weight).item(), math.sqrt(error)
