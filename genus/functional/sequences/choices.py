"""How one of several values is chosen, given a logit for each."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import Refused, at_least


@dataclass(frozen=True)
class Decoding:
    """One value from its logits and a uniform number, which is looked up in their running sum.

    Source: the nucleus is of Holtzman, Buys, Du, Forbes, Choi, "The curious case of neural text
        degeneration", 2020, arXiv:1904.09751, section 3.1.

    Args:
        temperature: divisor of the logits; 1 draws from the model, 0 takes the likeliest.
        top_k: only so many of the likeliest values are left; None leaves all.
        top_p: only the likeliest values are left: as few as hold this much of the probability, in
            (0, 1]; None leaves all. It counts what temperature and `top_k` have left.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not self.temperature >= 0:
            raise Refused(f"Decoding: temperature is {self.temperature}; 0 or more is wanted")
        at_least(1, "Decoding", top_k=self.top_k)
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise Refused(f"Decoding: top_p is {self.top_p}; it must be in (0, 1]")

    def __call__(self, logits: Tensor, u: Tensor) -> Tensor:
        """The numbers of the values, (n,) int64: of logits (n, levels), or of bits (n, 1), and u, (n,)."""
        if logits.shape[1] == 1 and (self.top_k is not None or self.top_p is not None):
            logits = torch.cat([torch.zeros_like(logits), logits], 1)
        if self.temperature == 0:
            bit = logits.shape[1] == 1
            return (logits[:, 0] > 0).long() if bit else logits.argmax(1)
        return pick(self.left(logits), u)

    def left(self, logits: Tensor) -> Tensor:
        """(n, levels): what is chosen from; -inf for the values that are not left."""
        if self.temperature != 1:
            logits = logits / self.temperature
        if self.top_k is not None and self.top_k < logits.shape[1]:
            best = logits.topk(self.top_k, 1).indices
            logits = torch.full_like(logits, -torch.inf).scatter(1, best, logits.gather(1, best))
        if self.top_p is not None:
            chances, ranked = logits.softmax(1).sort(1, descending=True)
            before = chances.cumsum(1) - chances  # what likelier values hold
            out = torch.zeros_like(before, dtype=torch.bool).scatter(
                1, ranked, before >= self.top_p
            )
            logits = logits.masked_fill(out, -torch.inf)
        return logits


DRAWN = Decoding()  # from the model as it is


def pick(logits: Tensor, u: Tensor) -> Tensor:
    """The level, int64, whose share of the running sum u falls into: (n, levels), (n,) -> (n,)."""
    if logits.shape[1] == 1:  # of a bit, the logit of 1
        return (u < logits[:, 0].sigmoid()).long()
    running = logits.softmax(1).cumsum(1)
    running = running / running[:, -1:]  # ends in 1, and u is less: what has no chance is not found
    return torch.searchsorted(running, u[:, None].contiguous(), right=True)[:, 0]
