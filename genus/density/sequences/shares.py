"""The shares of topics in documents: Dirichlet distributions of them, and the posterior of each document's.

    Dir(theta | alpha) = prod_k theta_k^(alpha_k - 1) / B(alpha)
    B(alpha) = prod_k Gamma(alpha_k) / Gamma(sum_k alpha_k)
    E log theta_k = psi(alpha_k) - psi(sum_k alpha_k)
    phi_wk ~ exp(E log theta_k + log beta_kw)       gamma_k = alpha_k + sum_w n_w phi_wk

Only products of phi with counts are ever needed, and these are two products of matrices. Documents are
taken in blocks of about as many different words; those that have settled leave their block.

Source: Blei, Ng, Jordan, "Latent Dirichlet allocation", 2003, section 5.2 and appendix A; Minka,
    "Estimating a Dirichlet distribution", 2000: Newton's method, whose Hessian is diagonal but for a
    constant.
Departs: a learnt alpha is kept in [0.001, 1000], and a step of Newton's that does not raise the likelihood
    is halved.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import embedding, embedding_bag, pad

from ...functional.densities.densities import double_home

HELD = 2**20  # numbers of a block: documents times different words times topics
PACKED = 2**22  # tokens that are counted at once
LEAST, MOST = 1e-3, 1e3  # of a learnt alpha
HALVINGS = 30  # of a step of Newton's
TINY = torch.finfo(torch.float32).tiny


class Block(NamedTuple):
    """Documents with about as many different words, padded with words that occur 0 times."""

    rows: Tensor  # (n,), which documents they are
    words: Tensor  # (n, most) int64
    counts: Tensor  # (n, most)
    order: Tensor  # (n most,), the places of `words` in the order of words
    starts: Tensor  # (vocabulary,), where each word begins in that order

    def by_words(self, weights: Tensor, theta: Tensor) -> Tensor:
        """The sum over documents of weights, (n, most), times theta, (n, topics): (vocabulary, topics)."""
        rows, weights = self.order // max(1, self.words.shape[1]), weights.flatten()[self.order]
        return embedding_bag(rows, theta, self.starts, mode="sum", per_sample_weights=weights)


class Topics(NamedTuple):
    """The logarithms of words in topics, or what is expected of them."""

    likely: Tensor  # their exponentials, over those of the likeliest topic, (vocabulary, topics)
    most: Tensor  # the logarithms of that, (vocabulary,)

    @classmethod
    def of(cls, log_beta: Tensor) -> "Topics":
        """Topics from log beta, (vocabulary, topics)."""
        most = log_beta.amax(1, keepdim=True)
        return cls((log_beta - most).exp(), most[:, 0])


class Settled(NamedTuple):
    """The posterior of the shares in the documents of a block."""

    gamma: Tensor  # (n, topics)
    bound: Tensor  # of log p of the words, nats, (n,)
    weights: Tensor  # n_w over the sum of its phi, (n, most)
    theta: Tensor  # exp(E log theta) up to a factor, (n, topics)


def settled(
    block: Block, topics: Topics, alpha: Tensor, steps: int, tolerance: float = 1e-3
) -> Settled:
    """The shares in each document, when they have settled, and its bound.

    Args:
        block: documents.
        topics: topics of the words.
        alpha: prior of the shares, (topics,).
        steps: largest number of updates.
        tolerance: mean change of gamma in an update below which a document has settled.
    """
    likely = embedding(block.words, topics.likely)  # (n, most, topics)
    gamma = _updated(block.counts, likely, alpha, steps, tolerance)
    psi = gamma.digamma()
    theta = psi.exp()
    sums = _sums(theta, likely)
    each = sums.log() + topics.most[block.words]
    # E log theta is psi(gamma) less psi of its sum, N + sum alpha, which cancels
    bound = (block.counts * each).sum(1) - ((gamma - alpha) * psi).sum(1)
    total = alpha.sum() + block.counts.sum(1)
    bound += log_volume(gamma, total) - log_volume(alpha)
    return Settled(gamma, bound, block.counts / sums, theta)


def _updated(counts: Tensor, likely: Tensor, alpha: Tensor, steps: int, tolerance: float) -> Tensor:
    """gamma, (n, topics), which begins with each word in all topics alike."""
    found = alpha + counts.sum(1, keepdim=True) / len(alpha)
    rows, gamma = torch.arange(len(found), device=found.device), found
    going = torch.ones_like(rows, dtype=torch.bool)
    for _ in range(steps):
        theta = gamma.digamma().exp()
        after = alpha + theta * torch.bmm((counts / _sums(theta, likely))[:, None], likely)[:, 0]
        moved = (after - gamma).abs().mean(1) > tolerance
        gamma = after.where(going[:, None], gamma)
        going = going & moved
        left = int(going.sum())
        if 2 * left < len(rows):
            found[rows] = gamma
            rows, gamma, counts = rows[going], gamma[going], counts[going]
            likely, going = likely[going], going[going]
        if not left:
            break
    found[rows] = gamma
    return found


def _sums(theta: Tensor, likely: Tensor) -> Tensor:
    """What phi of each word sums to before it is normalised, (n, most)."""
    return torch.bmm(theta[:, None], likely.mT)[:, 0].clamp(min=TINY)


# --- what is counted --------------------------------------------------------------------------


def there(x: Tensor, end: int | None) -> Tensor:
    """Whether a token is before the end of its document, (n, any length)."""
    if end is None:
        return torch.ones_like(x, dtype=torch.bool)
    return (x == end).cumsum(1) == 0


def blocks(x: Tensor, end: int | None, vocabulary: int, alpha: Tensor) -> Iterator[Block]:
    """Documents, (n, any length), in blocks that fit into a cache.

    Args:
        x: tokens.
        end: token that ends a document, which is no word: later tokens are moved down by one.
        vocabulary: number of words.
        alpha: prior of the shares, (topics,), whose type the counts have.
    """
    every = torch.arange(vocabulary, device=x.device)
    for begin in range(0, len(x), size := max(1, PACKED // max(1, x.shape[1]))):
        words, counts = _counted(x[begin : begin + size], end, vocabulary)
        different = (counts > 0).sum(1)
        rows = different.argsort(descending=True, stable=True)
        while len(rows):
            most = int(different[rows[0]])
            some, rows = rows.tensor_split([max(1, HELD // (len(alpha) * max(1, most)))])
            own = words[some, :most]
            ordered, order = own.flatten().sort(stable=True)
            starts = torch.searchsorted(ordered, every)
            yield Block(begin + some, own, counts[some, :most].to(alpha), order, starts)


def _counted(x: Tensor, end: int | None, vocabulary: int) -> tuple[Tensor, Tensor]:
    """The different words of each document, and how often they occur, (n, length), padded."""
    words = x if end is None else x - (x > end).long()
    words = words.masked_fill(~there(x, end), vocabulary).sort(1).values
    place = pad((words[:, 1:] != words[:, :-1]).cumsum(1), (min(1, x.shape[1]), 0))
    real = words < vocabulary
    counts = torch.zeros_like(x).scatter_add_(1, place, real.long())
    return torch.zeros_like(x).scatter_(1, place, words.where(real, 0)), counts


# --- Dirichlet distributions ------------------------------------------------------------------


def log_volume(alpha: Tensor, total: Tensor | None = None) -> Tensor:
    """log B, (...), of alpha, (..., k), whose sums may be known, (...)."""
    return alpha.lgamma().sum(-1) - (alpha.sum(-1) if total is None else total).lgamma()


def mean_log_shares(alpha: Tensor) -> Tensor:
    """E log theta, (..., k)."""
    return alpha.digamma() - alpha.sum(-1, keepdim=True).digamma()


def drawn_log_shares(alpha: Tensor) -> Tensor:
    """log theta, theta ~ Dir(alpha), (n, k): also of shares that are too small for a float."""
    u = torch.rand_like(alpha).clamp_(min=TINY)
    gamma = torch.distributions.Gamma(alpha + 1, torch.ones_like(alpha)).sample()
    return (gamma.log() + u.log() / alpha).log_softmax(1)  # gamma u^(1/alpha) ~ Gamma(alpha)


def likeliest_alpha(mean: Tensor, alpha: Tensor, steps: int = 100) -> Tensor:
    """The alpha, (k,), under which shares of this mean logarithm are the likeliest.

    Args:
        mean: mean of log theta over rows, or of what is expected of it, (k,).
        alpha: alpha to begin at, than which none that is found is less likely.
        steps: largest number of steps.
    """
    mean, found = precise(mean), precise(alpha)

    def score(alpha: Tensor) -> Tensor:
        return (alpha * mean).sum() - log_volume(alpha)

    for _ in range(steps):
        gradient = mean - mean_log_shares(found)
        own, common = -found.polygamma(1), found.sum().polygamma(1)
        step = (gradient - (gradient / own).sum() / (1 / common + (1 / own).sum())) / own
        for halved in range(HALVINGS):
            trial = (found - 0.5**halved * step).clamp(LEAST, MOST)
            if score(trial) > score(found):
                break
        else:
            break
        found = trial
    return found.to(alpha)


def precise(x: Tensor) -> Tensor:
    """x in double precision, on its device if that has it."""
    return x.to(double_home(x), torch.float64)
