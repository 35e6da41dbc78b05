"""One value after another: what all autoregressive models of discrete spaces share.

    log p(x) = sum_i log p(x_i | x_<i)        x_i = the first level whose running sum exceeds u_i

A model gives its conditionals in two ways. `logits` has those of all values of a given x, from one
pass. `unroll` has them one after another, where each may depend on what was chosen before: it keeps
what it has computed (last inputs of convolutions, rows, keys and values, states of recurrent cells),
so that a value costs one step, and not a pass over all that came before. Both must agree: the same
uniform numbers give the same x either way, which is a law.
"""

from collections.abc import Generator

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ..core import Bits, GenerativeModel, Pixels, Refused, See, Space, Tokens, given, require
from ..functional.numerics.threads import one_thread
from ..functional.sequences.choices import DRAWN, Decoding
from .unveiling import blank_of, unveil

# gives logits, (n, levels), and is sent the numbers of levels that were chosen, (n,)
Steps = Generator[Tensor, Tensor, None]


class Stepwise(GenerativeModel):
    """p(x) or p(x | context) as a product of conditionals, each over the levels of one value.

    A model gives `logits` and `unroll`, and, if values do not come as they stand in x, `order`.
    """

    sampling_options = Decoding

    blind_spot = False  # whether there are earlier values that the logits of a value do not see

    def logits(self, x: Tensor, *context: Tensor) -> Tensor:
        """Of each value given those before it: (n, *shape, levels), or of bits (n, *shape)."""
        raise NotImplementedError(f"{type(self).__name__} has no logits")

    def unroll(self, n: int, *context: Tensor) -> Steps:
        """Yields `logits` of one value after another, (n, levels), or of bits (n, 1).

        It is sent the numbers of the levels that were chosen, (n,) int64.
        """
        raise NotImplementedError(f"{type(self).__name__} has no unroll")

    @property
    def order(self) -> Tensor:
        """The numbers of the values, of x laid flat, as they come, (d,)."""
        return torch.arange(self.space.dims)

    def log_prob(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """log p(x) or log p(x | context), nats, (n,)."""
        self.check_context(context)
        return self.log_probs(x, *given(context)).flatten(1).sum(1)

    def log_probs(self, x: Tensor, *context: Tensor) -> Tensor:
        """log p(x_i | x_<i) of each value, nats, (n, *shape); 0 after the end of a sequence."""
        return log_chances(self.space, x, self.logits(x, *context))

    @torch.no_grad()
    @one_thread()
    def sample_from(
        self,
        u: Tensor,
        context: Tensor | None = None,
        *,
        decoding: Decoding = DRAWN,
        prefix: Tensor | None = None,
    ) -> Tensor:
        """x, (n, *shape), from uniform noise in [0, 1), (n, d): u_i decides over value i.

        Args:
            u: (n, d), where d is `space.dims`.
            context: what x is drawn for, where the model has a context.
            decoding: temperature, and which values are left out.
            prefix: (n, k): the first k values as they come, which stay as they are.
        """
        self.check_context(context)
        first = self.levels_of_prefix(len(u), prefix)
        order, end = self.order.tolist(), getattr(self.space, "end", None)
        index = torch.full_like(u, end or 0, dtype=torch.int64)
        if not len(u):
            return self.space.values(index, u.dtype).reshape(0, *self.space.shape)
        steps = self.unroll(len(u), *given(context))
        logits = next(steps)
        for place, feature in enumerate(order):
            if first is not None and place < first.shape[1]:
                came = first[:, place]
            else:
                came = decoding(logits, u[:, feature])
            if end is not None and place:
                came = came.masked_fill(index[:, order[place - 1]] == end, end)
            index[:, feature] = came
            if place + 1 == len(order) or (end is not None and bool((came == end).all())):
                break
            logits = steps.send(came)
        steps.close()
        return self.space.values(index, u.dtype).reshape(len(u), *self.space.shape)

    def features(self, context: Tensor | None) -> Tensor | None:
        """What a model's `embed` makes of a context; None where it is given none."""
        self.check_context(context)
        embed = getattr(self, "embed", None)
        return None if embed is None or context is None else embed(context)

    def levels_of_prefix(self, n: int, prefix: Tensor | None) -> Tensor | None:
        """The numbers of the levels of a prefix, (n, k); Refused if it is not of that shape."""
        if prefix is None:
            return None
        if prefix.dim() != 2 or len(prefix) != n or prefix.shape[1] > self.space.dims:
            raise Refused(
                f"{type(self).__name__}: prefix has shape {tuple(prefix.shape)}; it must be "
                f"({n}, k), the first k values of each row, k at most {self.space.dims}"
            )
        return self.space.indices(prefix)

    def complete(
        self, x: Tensor, known: int, context: Tensor | None = None, *, decoding: Decoding = DRAWN
    ) -> Tensor:
        """x, (n, *shape), with its first `known` values kept, in the model's order, and others drawn."""
        first = x.flatten(1)[:, self.order[:known].to(x.device)]
        return self.sample_from(self.uniform(len(x)), context, decoding=decoding, prefix=first)

    def uniform(self, n: int) -> Tensor:
        """Uniform noise for `sample_from`, (n, d), of the model's dtype and on its device."""
        like = next(self.parameters())
        return torch.rand(n, self.space.dims, dtype=like.dtype, device=like.device)

    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: Decoding = DRAWN,
        prefix: Tensor | None = None,
    ) -> Tensor:
        """(n, *space.shape); with a prefix, (n, k), of the first k values as they come."""
        n = self.sample_count(n, context)
        return self.sample_from(self.uniform(n), context, decoding=decoding, prefix=prefix)

    def sample_watched(
        self,
        see: See,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: Decoding = DRAWN,
    ) -> Tensor:
        """`sample`, (n, *space.shape), with looks at what is drawn so far; the rest is blank."""
        x = self.sample(n, context, decoding)
        rank = self.order.argsort().reshape(self.space.shape).to(x.device)
        unveil(see, x, rank, self.space.dims, blank_of(self.space))
        return x


def level_count(space: Space, who: str) -> int:
    """How many values each number of x can have, of a space that a model goes through in steps."""
    return require(who, space, Bits, Pixels, Tokens).cardinality


def log_chances(space: Space, x: Tensor, logits: Tensor) -> Tensor:
    """log p of each value by its logits, (n, *shape); 0 after the end of a sequence."""
    if logits.dtype in (torch.bfloat16, torch.float16):  # of autocast: sums want more digits
        logits = logits.float()
    if isinstance(space, Bits):
        return x * logits - softplus(logits)
    each = logits.log_softmax(-1).gather(-1, space.indices(x)[..., None])[..., 0]
    if isinstance(space, Tokens) and space.end is not None:
        ended = x[:, :-1] == space.end
        each = torch.cat([each[:, :1], each[:, 1:].masked_fill(ended, 0)], 1)
    return each


def endless(space: Tokens, who: str) -> None:
    """Raises Refused if the texts of a space end: then they are not of any length."""
    if space.end is not None:
        raise Refused(
            f"{who}: a text of any length is wanted, but {space} ends at token {space.end}; "
            f"log_probs and sample are for such texts"
        )
