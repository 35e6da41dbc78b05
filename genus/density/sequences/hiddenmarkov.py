"""HiddenMarkov: a chain of hidden states, each of which emits one step of a sequence.

What comes next depends on the state alone, so the sum over all paths of states, of which there are as
many as states to the power of steps, is a product of matrices; `statepaths` has it, and the chances of
states. Given these, the best parameters are shares of expected counts (Baum and Welch).

    p(x, z) = pi(z_1) prod_t A(z_t-1, z_t) prod_t b(x_t | z_t)
    E    g_t(i) = P(z_t = i | x)     xi_t(i, j) = P(z_t = i, z_t+1 = j | x)
    M    pi_i = g_1(i)     A_ij = sum_t xi_t(i, j) / sum_t,j xi_t(i, j)     b_i: weighted by g_t(i)

where b is categorical for Tokens, a product of Bernoullis for Bits, and a normal distribution with a
diagonal covariance for Reals.

Source: Rabiner, "A tutorial on hidden Markov models and selected applications in speech
    recognition", Proceedings of the IEEE 77, 1989, doi:10.1109/5.18626, sections III and V.
Departs: `smoothing` is added to expected counts, which is the exact M step under symmetric Dirichlet
    priors; what never falls is then log p(x) + log_prior(). No variance is let below `floor`. A state
    that nothing reaches keeps its parameters. A share of 0 is kept as 1e-300 of all.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, logsigmoid, one_hot, pad, softplus

from ...core import (
    Bits,
    Classes,
    GenerativeModel,
    Losses,
    Reals,
    Refused,
    Space,
    Tokens,
    at_least,
    require,
)
from ...errors import positive
from ...functional.densities.densities import log_diagonal_normals
from ...functional.numerics.threads import one_thread
from ...functional.sequences.sequences import present
from ..gaussianmixture import clusters
from .statepaths import Likelihood, chances, forward, likeliest, wide

HELD = 2**19  # numbers of rows, steps and states that are worked at together
BEGUN = 50_000  # steps that k-means begins with
VISIT = 1e-6  # of one, below which a state counts as not reached


class Counts(NamedTuple):
    """What is expected of the states of all sequences together."""

    log_p: Tensor  # ()
    starts: Tensor  # (k,)
    moves: Tensor  # (k, k)
    visits: Tensor  # (k,)
    emitted: Tensor  # sums of what was emitted, (k, ...)


class HiddenMarkov(GenerativeModel):
    """Sequences of tokens, bits or reals. It learns by `fit`, or by gradient as part of a model.

    Sequences are of one length; or they end in the `end` of their Tokens, a symbol like any other,
    after which nothing is read; or their context says how many steps each has: later ones are 0, and
    not read. Where `fit` ends depends on the seed: of several models, the likeliest is the best.

    Args:
        space: Tokens, or Bits or Reals of shape (steps, d).
        states: number of hidden states, at least 1.
        context_space: Classes(steps + 1), where a context says how many steps a sequence has.
        smoothing: what is added to the expected count of each start, transition and symbol, and of each
            bit on and off, at least 0; at 0, what has not been seen has next to no probability.
        floor: the least variance of Reals, positive, in the square of the data's unit.
        tolerance: `fit` ends when a step gains less than this, in nats per row.
    """

    started: Tensor  # () bool: whether `fit` has begun

    def __init__(
        self,
        space: Space,
        states: int = 8,
        context_space: Space | None = None,
        smoothing: float = 0.1,
        floor: float = 1e-6,
        tolerance: float = 1e-4,
    ):
        super().__init__()
        who = "HiddenMarkov"
        require(who, space, Tokens, Bits, Reals)
        if not isinstance(space, Tokens):
            require(who, space, Bits, Reals, axes="steps, d")
        at_least(1, who, states=states, steps=space.shape[0])
        at_least(0, who, smoothing=smoothing)
        positive(who, floor=floor)
        lengths = None if end_of(space) is not None else Classes(space.shape[0] + 1)
        if context_space not in (None, lengths):
            wanted = f"{lengths} or None" if lengths else f"None, for {space} has an end"
            raise Refused(f"{who}: context_space is {context_space}; it must be {wanted}")
        self.space, self.states, self.context_space = space, states, context_space
        self.smoothing, self.floor, self.tolerance = smoothing, floor, tolerance
        self.starts = nn.Parameter(torch.zeros(states))  # log pi, up to a constant
        self.moves = nn.Parameter(torch.randn(states, states))  # log A, each row up to a constant
        if isinstance(space, Tokens):
            self.emissions = Symbols(states, space.vocabulary, smoothing)
        elif isinstance(space, Bits):
            self.emissions = Coins(states, space.shape[1], smoothing)
        else:
            self.emissions = NormalSteps(states, space.shape[1], floor)
        self.register_buffer("started", torch.tensor(False))

    # what is known of given sequences

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """log p(x), or log p(x | number of steps), nats, (n,); it can be differentiated once."""
        chain, blocks = self.chain(), self.blocks(x, context)
        parts = [Likelihood.apply(*chain, log_b, there) for _, there, log_b in blocks]
        return torch.cat(parts).to(self.starts.dtype)

    @torch.no_grad()
    def posterior(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The chance of each state at each step, given all of x, (n, steps, states); 0 after the end."""
        chain, blocks = self.chain(), self.blocks(x, context)
        parts = [chances(forward(*chain, log_b), there)[0] for _, there, log_b in blocks]
        return self._joined(parts, 0).to(self.starts.dtype)

    @torch.no_grad()
    def viterbi(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The likeliest path of states, given x, (n, steps) int64; -1 after the end."""
        chain, blocks = self.chain(), self.blocks(x, context)
        return self._joined([likeliest(*chain, log_b, there) for _, there, log_b in blocks], -1)

    def chain(self) -> tuple[Tensor, Tensor]:
        """log pi, (k,), and log A, (k, k), in double precision."""
        return wide(self.starts).log_softmax(0), wide(self.moves).log_softmax(1)

    def blocks(self, x: Tensor, context: Tensor | None) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Of some rows at a time: x, (t, n, ...), whether a step is there, (t, n), log b, (t, n, k).

        t is the length of the longest of them; where no step is there, log b is 0.
        """
        lengths = self.lengths(x, context)
        size = max(1, HELD // (x.shape[1] * max(self.states, x.shape[2:].numel())))
        for rows, mine in zip(x.split(size), lengths.split(size), strict=True):
            longest = max(1, int(mine.max())) if len(mine) else 1
            there = torch.arange(longest, device=x.device)[:, None] < mine
            rows = rows[:, :longest].transpose(0, 1)
            log_b = self.emissions.log_prob(rows.flatten(0, 1)).unflatten(0, there.shape)
            missing = ~there[..., None]
            yield rows, there, log_b.masked_fill(missing, 0) if bool(missing.any()) else log_b

    def lengths(self, x: Tensor, context: Tensor | None) -> Tensor:
        """How many steps of each sequence are read, (n,)."""
        self.check_context(context)
        if context is not None:
            return context
        return present(x[..., 0] if x.dim() > 2 else x, end_of(self.space)).sum(1)

    def _joined(self, parts: list[Tensor], value: int) -> Tensor:
        """Blocks, (t, n, ...), as (rows, steps, ...), filled up by a value."""
        steps, axes = self.space.shape[0], (0, 0) * (parts[0].dim() - 2)
        turned = [part.transpose(0, 1) for part in parts]
        return torch.cat([pad(t, (*axes, 0, steps - t.shape[1]), value=value) for t in turned])

    # learning

    @torch.no_grad()
    def fit(self, x: Tensor, context: Tensor | None = None) -> Iterator[Losses]:
        """Baum-Welch, a step at a time, until a step gains less than `tolerance`.

        log p(x) + log_prior() never falls; without smoothing that is the likelihood.
        """
        lengths = self.lengths(x, context)
        if not lengths.any():
            raise Refused("HiddenMarkov: the data have no steps; fit wants at least one")
        if not self.started:
            if not isinstance(self.space, Tokens):  # for which random symbols are as good
                there = torch.arange(x.shape[1], device=x.device) < lengths[:, None]
                steps, g = clustered(x[there], self.states)
                self.emissions.maximise(self.emissions.counts(steps, g), g.sum(0))
            self.started.fill_(True)
        counts = self.expected(x, context)
        while True:
            before = counts.log_p + self.log_prior()
            self.maximise(counts)
            counts = self.expected(x, context)
            yield {"nll": -counts.log_p / len(x)}
            if counts.log_p + self.log_prior() - before < self.tolerance * len(x):
                return

    @torch.no_grad()
    def expected(self, x: Tensor, context: Tensor | None = None) -> Counts:
        """The E step."""
        chain, total = self.chain(), []
        for rows, there, log_b in self.blocks(x, context):
            passed = forward(*chain, log_b)
            g, moves = chances(passed, there)
            emitted = self.emissions.counts(rows.flatten(0, 1), g.flatten(0, 1))
            parts = (passed.log_p.sum(), g[0].sum(0), moves, g.sum((0, 1)), emitted)
            total = [a + b for a, b in zip(total, parts, strict=True)] if total else parts
        return Counts(*total)

    @torch.no_grad()
    def maximise(self, counts: Counts) -> None:
        """The M step."""
        self.starts.copy_(log_shares(counts.starts, self.smoothing))
        left = counts.moves.sum(1, keepdim=True) > VISIT
        self.moves.copy_(log_shares(counts.moves, self.smoothing).where(left, self.moves))
        self.emissions.maximise(counts.emitted, counts.visits)

    def log_prior(self) -> Tensor:
        """The logarithm of the prior that smoothing stands for, nats, (), up to a constant."""
        log_pi, log_a = self.chain()
        return self.smoothing * (log_pi.sum() + log_a.sum()) + self.emissions.log_prior()

    @torch.no_grad()
    @one_thread()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *space.shape); after the end of a sequence stands the end, or 0."""
        n = self.sample_count(n, context)
        steps, (log_pi, log_a) = self.space.shape[0], self.chain()
        u = torch.rand(steps, n, dtype=log_a.dtype, device=log_a.device)
        now, running = log_pi.exp().cumsum(0).expand(n, -1), log_a.exp().cumsum(1)
        z = torch.empty(steps, n, dtype=torch.int64, device=log_a.device)
        for here, level in zip(z, u, strict=True):  # the first state whose running sum is above
            here.copy_((now <= level[:, None] * now[:, -1:]).sum(1).clamp(max=self.states - 1))
            now = running[here]
        x = self.emissions.drawn(z.T.flatten()).reshape(n, *self.space.shape)
        if context is not None:
            late = torch.arange(steps, device=x.device) >= context[:, None]
            return x.masked_fill(late.reshape(n, steps, *[1] * (x.dim() - 2)), 0)
        end = end_of(self.space)
        return x if end is None else x.masked_fill((x == end).cumsum(1) > 0, end)


def end_of(space: Space) -> int | None:
    """The token that ends sequences, if there is one."""
    return space.end if isinstance(space, Tokens) else None


# what states emit, of steps, (m, ...), that belong to any sequences


class Symbols(nn.Module):
    """A categorical distribution over tokens for each state."""

    def __init__(self, states: int, vocabulary: int, smoothing: float):
        super().__init__()
        self.smoothing = smoothing
        self.logits = nn.Parameter(torch.randn(states, vocabulary))

    def log_prob(self, x: Tensor) -> Tensor:
        return embedding(x, wide(self.logits).log_softmax(1).T.contiguous())

    def log_prior(self) -> Tensor:
        return self.smoothing * wide(self.logits).log_softmax(1).sum()

    def counts(self, x: Tensor, g: Tensor) -> Tensor:
        empty = g.new_zeros(self.logits.shape[1], g.shape[1])
        return empty.scatter_add_(0, x[:, None].expand_as(g), g).T

    def maximise(self, emitted: Tensor, visits: Tensor) -> None:
        logits = log_shares(emitted, self.smoothing)
        self.logits.copy_(logits.where(visits[:, None] > VISIT, self.logits))

    def drawn(self, z: Tensor) -> Tensor:
        running = wide(self.logits).softmax(1).cumsum(1)
        states, vocabulary = running.shape  # all rows in one, each a whole number higher
        running = running / running[:, -1:] + torch.arange(states, device=z.device)[:, None]
        u = z + torch.rand(z.shape, dtype=running.dtype, device=z.device)
        place = torch.searchsorted(running.flatten(), u, right=True) - z * vocabulary
        return place.clamp(0, vocabulary - 1)


class Coins(nn.Module):
    """A probability of each bit for each state."""

    def __init__(self, states: int, d: int, smoothing: float):
        super().__init__()
        self.smoothing = smoothing
        self.logits = nn.Parameter(torch.randn(states, d))

    def log_prob(self, x: Tensor) -> Tensor:
        logits = wide(self.logits)
        return x.to(logits) @ logits.T - softplus(logits).sum(1)

    def log_prior(self) -> Tensor:
        logits = wide(self.logits)
        return self.smoothing * (logsigmoid(logits) + logsigmoid(-logits)).sum()

    def counts(self, x: Tensor, g: Tensor) -> Tensor:
        return g.T @ x.to(g)

    def maximise(self, emitted: Tensor, visits: Tensor) -> None:
        on, off = emitted + self.smoothing, visits[:, None] - emitted + self.smoothing
        self.logits.copy_((log_of(on) - log_of(off)).where(visits[:, None] > VISIT, self.logits))

    def drawn(self, z: Tensor) -> Tensor:
        return self.logits.sigmoid()[z].bernoulli()


class NormalSteps(nn.Module):
    """A normal distribution of diagonal covariance for each state."""

    def __init__(self, states: int, d: int, floor: float):
        super().__init__()
        self.floor = floor
        self.means = nn.Parameter(torch.randn(states, d))
        self.scales = nn.Parameter(torch.ones(states, d))

    def log_prob(self, x: Tensor) -> Tensor:
        return log_diagonal_normals(wide(x), self.means, self.scales)

    def log_prior(self) -> Tensor:
        return self.means.new_zeros(())

    def counts(self, x: Tensor, g: Tensor) -> Tensor:
        """Sums of y and of y^2, (k, 2 d), of y = x less the middle of the means."""
        y = x.to(g) - self.means.to(g).mean(0)
        return g.T @ torch.cat([y, y.square()], 1)

    def maximise(self, emitted: Tensor, visits: Tensor) -> None:
        reached = visits[:, None] > VISIT
        first, second = (emitted / visits[:, None].clamp(min=VISIT)).chunk(2, 1)
        scales = (second - first.square()).clamp(min=self.floor).sqrt()
        self.scales.copy_(scales.where(reached, self.scales))
        self.means.copy_((self.means.to(first).mean(0) + first).where(reached, self.means))

    def drawn(self, z: Tensor) -> Tensor:
        means = self.means[z]
        return means + self.scales[z].abs() * torch.randn_like(means)


def log_of(counts: Tensor) -> Tensor:
    return counts.clamp(min=1e-300 if counts.dtype == torch.float64 else 1e-37).log()


def log_shares(counts: Tensor, smoothing: float) -> Tensor:
    """The logarithms of the shares of counts, (..., k), after smoothing."""
    return log_of(counts + smoothing).log_softmax(-1)


def clustered(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Some of the steps, (m, d), and to which of k clusters each belongs, (m, k)."""
    some = x[torch.randperm(len(x), device=x.device)[:BEGUN]]
    some = some.repeat(math.ceil(k / len(some)), 1)  # at least as many as clusters
    return some, wide(one_hot(clusters(some, k), k))
