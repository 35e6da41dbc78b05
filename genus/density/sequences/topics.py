"""LatentDirichlet: documents as mixtures of topics, which are distributions of words.

Each word of a document is of one of a few topics, whose shares are the document's own; its order does not
count. The posterior is bounded from below by one in which shares, topics and each word's choice are
independent. In turn, the shares and choices of each document are found given the topics, and the topics
given all choices: both raise the bound.

    p(x) = p(N) int Dir(theta | alpha) prod_i sum_k theta_k beta_(k, x_i) dtheta           i = 1 .. N
    E    phi_wk ~ exp(E log theta_k + E log beta_kw)        gamma_k = alpha_k + sum_w n_w phi_wk
    M    lambda_kw = eta + sum_d n_dw phi_dwk               q(theta) = Dir(gamma), q(beta_k) = Dir(lambda_k)
    log p(x) >= log p(N) + sum_w n_w log sum_k exp(E log theta_k + log beta_kw) - KL(q(theta) | p(theta))
    log p(all x) >= the sum of these with E log beta for log beta, less KL(q(beta) | Dir(eta))
    online: lambda moves to its M step for a minibatch, that stands for all, by (delay + t)^-decay of the way

The beta of p(x) is the mean of q(beta). So `elbo` bounds log p of a document that need not be one of those
that were learnt from. What `fit` raises, and what never falls where it takes all documents in each step, is
`corpus_bound`, in which topics are not known but drawn. The number of words N is a part of x where
documents end; p(N) is how often it was seen, and once more.

Source: Blei, Ng, Jordan, "Latent Dirichlet allocation", 2003, sections 5.2 to 5.4 and appendix A; Hoffman,
    Blei, Bach, "Online learning for latent Dirichlet allocation", 2010, algorithms 1 and 2.
Departs: N is not Poisson's. Each E step begins anew, so that a step of `fit` depends on nothing but the
    model; one that would lower the bound is halved, and after a few halvings not made.
"""

import math
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from ...core import GenerativeModel, Losses, Refused, Tokens, at_least, in_range, positive, require
from .shares import (
    HELD,
    Block,
    Settled,
    Topics,
    blocks,
    drawn_log_shares,
    likeliest_alpha,
    log_volume,
    mean_log_shares,
    precise,
    settled,
    there,
)

TRIES = 4  # lengths of a step, each half of the last
TRIED, STEPS = 2000, 8  # documents, at most, and steps, by which starts are compared


class Expected(NamedTuple):
    """What the E step finds in some documents."""

    bound: float  # the sum of their bounds, nats
    divergence: float  # KL(q(beta) | Dir(eta)), nats
    counts: Tensor  # sum_d n_dw phi_dwk, (topics, words)
    log_shares: Tensor  # mean of E log theta, (topics,)

    @property
    def total(self) -> float:
        """The bound of all documents, nats."""
        return self.bound - self.divergence


class LatentDirichlet(GenerativeModel):
    """A distribution of documents, sequences of words in no order, which learns by `fit`.

    A document may have no word: its p(x) is that of its length, and its shares are those of alpha. There
    may be more topics than documents: a topic without words is eta's, all words alike. A word that was
    not seen has the probability of eta occurrences in each topic.

    Args:
        space: tokens, with an end where documents are not equally long.
        topics: number of topics, at least 1.
        concentration: alpha of each topic, positive; below 1, a document has few topics.
        word_concentration: eta, positive: how often each word is taken to have been seen in each topic.
        learns_concentration: whether `fit` finds an alpha for each topic, beginning at `concentration`.
        batch: number of documents in a step of `fit`, which is online then; None for all.
        delay: number of minibatches after which the steps of `fit` begin to shrink, at least 1.
        decay: exponent by which they shrink, in (0.5, 1].
        starts: number of random starts, of which `fit` takes the best after a few steps, at least 1.
        tolerance: `fit` ends when a step, or a pass of minibatches, gains less, in nats per document.
        inner_steps: largest number of updates of a document's shares, at least 1.
        inner_tolerance: mean change of gamma in an update below which they have settled.
    """

    space: Tokens  # pyright: ignore[reportIncompatibleVariableOverride]
    started: Tensor  # () bool: whether `fit` has begun
    seed: Tensor  # () of the order of minibatches
    steps: Tensor  # () number of minibatches that were seen
    passes: Tensor  # (2,) sum of the bounds of this pass, and mean of those of the last

    def __init__(
        self,
        space: Tokens,
        topics: int = 10,
        concentration: float = 0.1,
        word_concentration: float = 0.1,
        learns_concentration: bool = False,
        batch: int | None = None,
        delay: float = 10.0,
        decay: float = 0.7,
        starts: int = 1,
        tolerance: float = 1e-3,
        inner_steps: int = 100,
        inner_tolerance: float = 1e-3,
    ):
        super().__init__()
        who = "LatentDirichlet"
        require(who, space, Tokens)
        counts = {"topics": topics, "batch": batch, "starts": starts, "inner_steps": inner_steps}
        at_least(1, who, **counts, delay=delay)
        positive(who, concentration=concentration, word_concentration=word_concentration)
        in_range(who, "(0.5, 1]", decay=decay)
        ended = space.end is not None
        if space.vocabulary <= ended:
            raise Refused(f"{who}: space is {space}; a token besides the end is wanted")
        self.space, self.topics, self.words = space, topics, space.vocabulary - ended
        self.concentration, self.word_concentration = concentration, word_concentration
        self.learns_concentration, self.batch = learns_concentration, batch
        self.delay, self.decay, self.starts, self.tolerance = delay, decay, starts, tolerance
        self.inner_steps, self.inner_tolerance = inner_steps, inner_tolerance
        self.alpha = nn.Parameter(torch.full((topics,), float(concentration)))
        self.word_counts = nn.Parameter(self._start())  # lambda
        self.length_logits = nn.Parameter(torch.zeros(space.length + 1 if ended else 0))  # log p(N)
        self.register_buffer("started", torch.tensor(False))
        self.register_buffer("seed", torch.tensor(0))
        self.register_buffer("steps", torch.tensor(0))
        self.register_buffer("passes", torch.zeros(2, dtype=torch.float64))

    @property
    def topic_words(self) -> Tensor:
        """beta: the probability of each token in each topic, (topics, vocabulary); 0 of the end."""
        beta = self._log_beta().detach().exp().T
        if (end := self.space.end) is None:
            return beta
        return torch.cat([beta[:, :end], torch.zeros_like(beta[:, :1]), beta[:, end:]], 1)

    def top_words(self, n: int = 10) -> Tensor:
        """The n likeliest tokens of each topic, the likeliest first, (topics, n)."""
        return self.topic_words.topk(min(n, self.words), 1).indices

    # documents, given the topics

    @torch.no_grad()
    def elbo(self, x: Tensor) -> Tensor:
        """The bound of log p(x), nats, (n,), as it stands when the shares have settled."""
        return self._posterior(x, self._log_beta())[1]

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """The expected share of each topic, (n, topics), in documents of any length.

        As in the E step, topics are only as certain as q(beta) is: it tells other words of a document
        better than the mean of q(beta) does.
        """
        gamma = self._posterior(x, self._expected_log_beta())[0]
        return gamma / gamma.sum(1, keepdim=True)

    def _posterior(self, x: Tensor, log_beta: Tensor) -> tuple[Tensor, Tensor]:
        """gamma, (n, topics), and the bound of log p(x), nats, (n,), with these topics."""
        gamma, bound = self.alpha.new_empty(len(x), self.topics), self._log_length(x)
        topics = Topics.of(log_beta)
        for block in self._blocks(x):
            found = self._settled(block, topics)
            gamma[block.rows] = found.gamma
            bound[block.rows] += found.bound
        return gamma, bound

    @torch.no_grad()
    def log_weight(self, x: Tensor) -> Tensor:
        """log of p(x | theta) p(theta) / r(theta), nats, (n,), with theta from r = (q + p) / 2.

        It is at most log 2 p(x | theta), so that its exponential has a variance.
        """
        log_beta, found = self._log_beta(), self._log_length(x)
        gamma = self._posterior(x, log_beta)[0]
        alpha = self.alpha.expand_as(gamma)
        own = torch.rand(len(x), 1, dtype=gamma.dtype, device=gamma.device) < 0.5
        log_theta = drawn_log_shares(gamma.where(own, alpha))
        for block in self._blocks(x):
            each = (embedding(block.words, log_beta) + log_theta[block.rows, None]).logsumexp(2)
            found[block.rows] += (block.counts * each).sum(1)
        q_over_p = log_volume(alpha) - log_volume(gamma) + ((gamma - alpha) * log_theta).sum(1)
        return found - q_over_p.logaddexp(torch.zeros_like(found)) + math.log(2)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        n, length, beta = self.sample_count(n, context), self.space.length, self.topic_words
        theta = drawn_log_shares(self.alpha.expand(n, -1)).exp()
        parts = theta.split(max(1, HELD // self.space.vocabulary)) if n else ()
        drawn = [(part @ beta).multinomial(length, replacement=True) for part in parts]
        x = torch.cat([torch.zeros(0, length, dtype=torch.int64, device=beta.device), *drawn])
        if self.space.end is None:
            return x
        words = self.length_logits.softmax(0).multinomial(max(1, n), replacement=True)[:n, None]
        return x.masked_fill(torch.arange(length, device=x.device) >= words, self.space.end)

    # learning

    @torch.no_grad()
    def fit(self, x: Tensor) -> Iterator[Losses]:
        """Variational EM on all documents, or online on minibatches; its loss is the bound, per document."""
        self.space.check(x, "LatentDirichlet")
        words = there(x, self.space.end).sum(1)
        if not words.any():
            raise Refused(f"LatentDirichlet: none of {len(x)} documents has a word; one is wanted")
        if self.space.end is not None:
            self.length_logits.copy_((words.bincount(minlength=self.space.length + 1) + 1).log())
        if not self.started:
            self._begin(x[:: -(-len(x) // TRIED)])
        yield from self._by_all(x) if self.batch is None else self._by_minibatches(x, self.batch)

    @torch.no_grad()
    def corpus_bound(self, x: Tensor) -> float:
        """The bound of log p of all these documents together, nats, with topics drawn from Dir(eta)."""
        return self.expected(x, list(self._blocks(x))).total

    def _begin(self, x: Tensor) -> None:
        """Takes the start that is the best after some steps on these documents."""
        begun = list[tuple[float, tuple[Tensor, Tensor]]]()
        for _ in range(self.starts):
            self.alpha.fill_(self.concentration)
            self.word_counts.copy_(self._start())
            trial = islice(self._by_all(x), STEPS if self.starts > 1 else 0)
            begun.append((min([step["nll"].item() for step in trial], default=0.0), self._state()))
        best = min(begun, key=lambda one: one[0])[1]
        self._move(best, best, 0.0)
        self.seed.copy_(torch.randint(2**31, ()))
        self.passes[1] = torch.finfo(torch.float32).min
        self.started.fill_(True)

    def _by_all(self, x: Tensor) -> Iterator[Losses]:
        parts = list(self._blocks(x))
        now = self.expected(x, parts)
        while True:
            before, begin, end = now, self._state(), self.maximum(now)
            for tried in range(TRIES):
                self._move(begin, end, 0.5**tried)
                now = self.expected(x, parts)
                if now.total >= before.total:
                    break
            else:
                self._move(begin, end, 0.0)
                now = before
            yield {"nll": self.alpha.new_tensor(-now.total / len(x))}
            gain = (now.total - before.total) / len(x)
            if gain < self.tolerance or (now is before and self.tolerance >= 0):
                return

    def _by_minibatches(self, x: Tensor, batch: int) -> Iterator[Losses]:
        count = -(-len(x) // batch)
        while True:
            step = int(self.steps)
            noise = torch.Generator().manual_seed(int(self.seed) + step // count)
            order = torch.randperm(len(x), generator=noise).to(x.device)
            rows = x[order[step % count * batch :][:batch]]
            now, share = self.expected(rows, list(self._blocks(rows))), len(rows) / len(x)
            self._move(self._state(), self.maximum(now, share), (self.delay + step) ** -self.decay)
            bound = now.bound - share * now.divergence
            self.steps += 1
            self.passes[0] += bound
            yield {"nll": self.alpha.new_tensor(-bound / len(rows))}
            if (step + 1) % count == 0:
                mean, last = self.passes[0].item() / len(x), self.passes[1].item()
                self.passes.copy_(self.passes.new_tensor([0.0, mean]))
                if mean - last < self.tolerance:
                    return

    def expected(self, x: Tensor, parts: list[Block]) -> Expected:
        """The E step, of all blocks of x."""
        counts, eta = precise(self.word_counts), self.word_concentration
        log_beta = mean_log_shares(counts)
        divergence = ((counts - eta) * log_beta).sum(1) - log_volume(counts)
        divergence += self.words * math.lgamma(eta) - math.lgamma(self.words * eta)
        topics = Topics.of(log_beta.T.to(self.alpha))
        found, log_shares = torch.zeros_like(topics.likely), self.alpha.new_zeros(self.topics)
        bound = precise(self._log_length(x)).sum()
        for part in parts:
            one = self._settled(part, topics)
            found += part.by_words(one.weights, one.theta)
            log_shares += mean_log_shares(one.gamma).sum(0)
            bound += precise(one.bound).sum()
        seen = (found * topics.likely).T
        return Expected(bound.item(), divergence.sum().item(), seen, log_shares / len(x))

    def maximum(self, now: Expected, share: float = 1.0) -> tuple[Tensor, Tensor]:
        """The M step, lambda and alpha, where documents are this share of all."""
        alpha = self.alpha.detach()
        if self.learns_concentration:
            alpha = likeliest_alpha(now.log_shares, alpha)
        return self.word_concentration + now.counts / share, alpha

    def _state(self) -> tuple[Tensor, Tensor]:
        return self.word_counts.detach().clone(), self.alpha.detach().clone()

    def _move(self, begin: tuple[Tensor, Tensor], end: tuple[Tensor, Tensor], share: float) -> None:
        """Puts lambda and alpha at this share of the way between two states."""
        for kept, one, other in zip((self.word_counts, self.alpha), begin, end, strict=True):
            kept.copy_(one.lerp(other, share))

    def _start(self) -> Tensor:
        """lambda before any document: topics that differ a little."""
        return torch.distributions.Gamma(100.0, 100.0).sample((self.topics, self.words))

    def _settled(self, block: Block, topics: Topics) -> Settled:
        return settled(block, topics, self.alpha, self.inner_steps, self.inner_tolerance)

    def _blocks(self, x: Tensor) -> Iterator[Block]:
        return blocks(x, self.space.end, self.words, self.alpha)

    def _log_length(self, x: Tensor) -> Tensor:
        """log p(N), (n,): 0 where all documents are equally long."""
        if self.space.end is None:
            return self.alpha.new_zeros(len(x))
        return self.length_logits.log_softmax(0)[there(x, self.space.end).sum(1)]

    def _log_beta(self) -> Tensor:
        """log of the mean of q(beta), (words, topics)."""
        return (self.word_counts / self.word_counts.sum(1, keepdim=True)).T.log()

    def _expected_log_beta(self) -> Tensor:
        """E log beta, (words, topics)."""
        return mean_log_shares(precise(self.word_counts)).T.to(self.alpha)
