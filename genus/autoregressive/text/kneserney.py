"""Kneser-Ney: counts of what followed on the last few symbols, each order leaning on the next lower.

    p_k(w | u) = (c_k(u w) - D_k(c_k(u w))) / c_k(u .) + r_k(u) p_k-1(w | u')
    r_k(u) = sum_w D_k(c_k(u w)) / c_k(u .)

where u is the last k - 1 symbols, u' is u without its first, and p_0 is uniform. From each count a
little is taken, D, and given to what has not been seen, in the proportions of the lower order. c_k
counts occurrences in the highest order; in a lower one it counts how many different symbols have
stood before u w, for a lower order speaks where the context is new: what follows on much matters
there, and not what is frequent after one thing. It is what a network has to beat.

Source: Kneser, Ney, "Improved backing-off for m-gram language modeling", 1995,
    doi:10.1109/ICASSP.1995.479394; the interpolated form with three discounts: Chen, Goodman, "An
    empirical study of smoothing techniques for language modeling", 1999,
    doi:10.1006/csla.1999.0128.
Departs: discounts are kept in [0.01, count], also where the counts that they are estimated from are
    none: so no symbol has probability 0. Where less than k - 1 symbols stand before, as at the
    beginning of a row, the order is as much lower.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from ...core import Losses, Refused, Tokens
from ...functional.numerics.threads import one_thread
from ...functional.sequences.choices import DRAWN, Decoding
from ..stepwise import Steps, Stepwise, endless

LEAST = 0.01  # that is taken from a count


class KneserNey(Stepwise):
    """A distribution on texts.

    Args:
        space: the symbols, and the length of a row.
        grams: symbols that a count is of: the one that is predicted and those before it that
            are looked at.
        modified: True takes three numbers from counts of 1, of 2 and of more; False takes one.
    """

    space: Tokens  # pyright: ignore[reportIncompatibleVariableOverride]
    shares1: Tensor
    blind_spot = True  # no more than grams - 1 symbols are looked at

    def __init__(self, space: Tokens, grams: int = 5, modified: bool = True):
        super().__init__()
        if grams < 1 or space.vocabulary**grams >= 2**63:
            raise Refused(
                f"KneserNey: grams is {grams}; 1 or more is wanted, and as many symbols of "
                f"{space.vocabulary} must be told apart by a number of 63 bits"
            )
        self.space, self.grams, self.modified = space, grams, modified
        for k in range(1, grams + 1):
            self.register_buffer(f"grams{k}", torch.empty(0, dtype=torch.int64))
            self.register_buffer(f"shares{k}", torch.empty(0))  # p_k without what it leans on
            self.register_buffer(f"contexts{k}", torch.empty(0, dtype=torch.int64))
            self.register_buffer(f"rests{k}", torch.empty(0))  # r_k
        self.register_load_state_dict_pre_hook(_make_room)

    # learning

    @torch.no_grad()
    def fit(self, x: Tensor) -> Iterator[Losses]:
        """Counts texts of any length, (n, t), in one step."""
        for k in range(1, self.grams + 1):
            grams, counts = self._counted(x, k)
            taken = self._discounts(counts)[counts.clamp(max=3) - 1]
            contexts, place = (grams // self.space.vocabulary).unique(return_inverse=True)
            totals = torch.zeros(len(contexts), dtype=taken.dtype).index_add_(
                0, place, counts.to(taken)
            )
            rests = torch.zeros_like(totals).index_add_(0, place, taken) / totals
            like = getattr(self, f"shares{k}")
            setattr(self, f"grams{k}", grams)
            setattr(self, f"shares{k}", ((counts - taken) / totals[place]).to(like))
            setattr(self, f"contexts{k}", contexts)
            setattr(self, f"rests{k}", rests.to(like))
        yield {"nll": -self.log_probs(x).sum(1).mean()}

    def _counted(self, x: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """Sequences of k symbols that occur, as ascending numbers, and their counts c_k."""
        if k == self.grams:
            return self._numbers(x.unfold(1, k, 1)).unique(return_counts=True)
        longer = self._numbers(x.unfold(1, k + 1, 1)).unique()
        return (longer % self.space.vocabulary**k).unique(return_counts=True)

    def _numbers(self, windows: Tensor) -> Tensor:
        """Each sequence of symbols as one number, (..., k) -> (...)."""
        number = windows.new_zeros(windows.shape[:-1])
        for column in windows.unbind(-1):
            number = number * self.space.vocabulary + column
        return number

    def _discounts(self, counts: Tensor) -> Tensor:
        """What is taken from counts of 1, of 2 and of 3 or more, (3,)."""
        n = [max(1, int((counts == c).sum())) for c in (1, 2, 3, 4)]
        y = n[0] / (n[0] + 2 * n[1])
        taken = [c - (c + 1) * y * n[c] / n[c - 1] for c in (1, 2, 3)] if self.modified else [y] * 3
        most = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
        return most.new_tensor(taken).clamp(min=LEAST).minimum(most)

    # scores

    def logits(self, x: Tensor) -> Tensor:
        reach = self.grams - 1
        places = range(x.shape[1])
        return torch.stack([self._chances(x[:, max(0, i - reach) : i]) for i in places], 1).log()

    def log_probs(self, x: Tensor) -> Tensor:
        """log p(x_i | what is before) of each symbol of texts of any length, nats, (n, t) -> (n, t)."""
        p = torch.full(
            x.shape, 1 / self.space.vocabulary, dtype=self.shares1.dtype, device=x.device
        )
        for k in range(1, min(self.grams, x.shape[1]) + 1):
            grams = self._numbers(x.unfold(1, k, 1))
            p[:, k - 1 :] = self._leant(k, grams // self.space.vocabulary, grams, p[:, k - 1 :])
        each = p.log()
        if self.space.end is not None:
            each[:, 1:] = each[:, 1:].masked_fill(x[:, :-1] == self.space.end, 0)
        return each

    def along(self, x: Tensor) -> Tensor:
        """`log_probs`, which are of texts of any length."""
        endless(self.space, "KneserNey")
        return self.log_probs(x)

    def _chances(self, before: Tensor) -> Tensor:
        """p of each symbol after at most grams - 1 others, (n, m) -> (n, vocabulary)."""
        n, m = before.shape
        v = self.space.vocabulary
        p = torch.full((n, v), 1 / v, dtype=self.shares1.dtype, device=before.device)
        for k in range(1, m + 2):
            context = self._numbers(before[:, m + 1 - k :])[:, None]
            grams = context * v + torch.arange(v, device=before.device)
            p = self._leant(k, context, grams, p)
        return p

    def _leant(self, k: int, contexts: Tensor, grams: Tensor, lower: Tensor) -> Tensor:
        """p_k of sequences of k symbols by their numbers, and by p_k-1 of their last symbols."""
        share = _found(getattr(self, f"grams{k}"), getattr(self, f"shares{k}"), grams, 0.0)
        return (
            share
            + _found(getattr(self, f"contexts{k}"), getattr(self, f"rests{k}"), contexts, 1.0)
            * lower
        )

    # samples

    def unroll(self, n: int) -> Steps:
        read = torch.zeros(n, self.space.length, dtype=torch.int64, device=self.shares1.device)
        for place in range(self.space.length):
            seen = read[:, max(0, place - self.grams + 1) : place]
            read[:, place] = yield self._chances(seen).log()

    @torch.no_grad()
    @one_thread()
    def extend(self, x: Tensor, count: int, decoding: Decoding = DRAWN) -> Tensor:
        """What may follow on texts of any length, for any length: (n, t) -> (n, count)."""
        endless(self.space, "KneserNey")
        text = torch.cat([x, x.new_empty(len(x), count)], 1)
        u = torch.rand(len(x), count).to(self.shares1)
        for place in range(x.shape[1], text.shape[1]):
            seen = text[:, max(0, place - self.grams + 1) : place]
            text[:, place] = decoding(self._chances(seen).log(), u[:, place - x.shape[1]])
        return text[:, x.shape[1] :]

    def uniform(self, n: int) -> Tensor:
        """Uniform noise for `sample_from`, (n, d): there is no parameter to take the type from."""
        return torch.rand(n, self.space.dims, dtype=self.shares1.dtype, device=self.shares1.device)


def _found(keys: Tensor, values: Tensor, wanted: Tensor, otherwise: float) -> Tensor:
    """The values of the wanted keys; keys ascend."""
    if not len(keys):
        return torch.full(wanted.shape, otherwise, dtype=values.dtype, device=wanted.device)
    place = torch.searchsorted(keys, wanted).clamp(max=len(keys) - 1)
    return torch.where(keys[place] == wanted, values[place], otherwise)


def _make_room(model: KneserNey, state: Mapping[str, Tensor], prefix: str, *rest: Any) -> None:
    """Tables are as long as what has been counted: a model that is loaded gets room for them."""
    for name, buffer in list(model.named_buffers()):
        if (came := state.get(prefix + name)) is not None:
            setattr(model, name, buffer.new_empty(came.shape))
