"""WaveNet: sound, sample by sample, from a stack of dilated causal convolutions.

    p(x | h) = prod_t p(x_t | x_1, ..., x_t-1, h)
    z = tanh(W_f * x + V_f h) sigmoid(W_g * x + V_g h)             of each layer, f filter, g gate

Dilations double from layer to layer, so that a few layers see thousands of samples, and all samples of
a sound are learnt from in one pass. A sound is drawn one step a sample: what a convolution needs of the
past is kept, and a whole layer is one small product (`folded_stack`).

Levels have a softmax over all of them, of sound companded by the mu-law; or the bin that each level is
on the line gets what a mixture of logistics leaves in it, which takes 65,536 levels as easily:

    P(x_t = k) = sum_i pi_i [sigmoid((x_k + b/2 - mu_i) / s_i) - sigmoid((x_k - b/2 - mu_i) / s_i)]

A context h is one vector for the whole sound, or one for each of its frames.

Source: van den Oord, Dieleman, Zen, Simonyan, Vinyals, Graves, Kalchbrenner, Senior, Kavukcuoglu,
    "WaveNet: a generative model for raw audio", 2016, arXiv:1609.03499; the mixture is that of
    Salimans, Karpathy, Chen, Kingma, "PixelCNN++", 2017, arXiv:1701.05517, as van den Oord et al.,
    "Parallel WaveNet", 2017, arXiv:1711.10433, take it for sound.
Departs: the first convolution sees one sample; frames are repeated, not upsampled by a learnt
    transposed convolution; all skips are one product; the last layer has no residual sum, as nothing
    would follow it.
"""

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import pad

from ...core import Bits, Refused, Space, Tokens, check_embedding, given
from ...functional.densities.densities import log_discretised_logistic_mixture
from ...functional.numerics.threads import one_thread
from ...functional.sequences.choices import DRAWN, Decoding
from ..stepwise import Steps, Stepwise, level_count
from .folded_stack import FoldedStack
from .gated_stack import GatedStack

DILATIONS = tuple(2**i for i in range(10)) * 2  # 1, 2, 4, ..., 512, twice
Array = NDArray[np.float32] | NDArray[np.float64]
Scales = TypeVar("Scales", Tensor, NDArray[np.float64])


class WaveNet(Stepwise):
    """A distribution on sounds of one length, or one for each context.

    Args:
        space: Tokens, or Pixels((length,)), of which levels are seen as numbers in [-1, 1].
        channels: channels of the residual stream, and of the gates.
        skip: channels of the sum of what the layers found.
        dilations: dilations of the layers, from the first one on. What is further back than
            (kernel - 1) times their sum, and one, is not seen.
        kernel: width of each convolution's window.
        mixture: number of logistics over a value of Pixels; by default a softmax.
        context_space: what the distribution is given; None if it is given nothing.
        embed: makes of a context, (n, *context_space.shape), (n, context) floats; or frames,
            (n, frames, context), where each of them is of as many samples of the sound.
        context: dimension of the embedded context.
    """

    def __init__(
        self,
        space: Space,
        channels: int = 32,
        skip: int = 64,
        dilations: Sequence[int] = DILATIONS,
        kernel: int = 2,
        mixture: int | None = None,
        context_space: Space | None = None,
        embed: nn.Module | None = None,
        context: int = 0,
    ):
        super().__init__()
        check_embedding("WaveNet", context_space, embed, context)
        if isinstance(space, Bits) or len(space.shape) != 1:
            raise Refused(f"WaveNet: space is {space}; Tokens or Pixels((length,)) are wanted")
        if mixture is not None and (mixture < 1 or isinstance(space, Tokens)):
            raise Refused(
                f"WaveNet: mixture is {mixture} and space is {space}; a mixture has 1 or more "
                f"logistics, and lives on Pixels, which lie on a line"
            )
        self.space, self.channels, self.skip, self.kernel = space, channels, skip, kernel
        self.dilations, self.mixture = tuple(dilations), mixture
        self.context_space, self.embed, self.context = context_space, embed, context
        self.levels = level_count(space, "WaveNet")
        tokens = isinstance(space, Tokens)
        self.first = nn.Embedding(self.levels, channels) if tokens else nn.Linear(1, channels)
        out = 3 * mixture if mixture else self.levels
        self.stack = GatedStack(channels, skip, out, dilations, kernel, context)
        self.sight = 1 + self.stack.span  # how many values before it the logits of a value see
        self.blind_spot = self.sight < space.dims - 1

    def _shifts(self, context: Tensor | None) -> Tensor | None:
        """What a context adds to the layers, (n, frames, layers, 2 channels)."""
        if (h := self.features(context)) is None:
            return None
        h = h[:, None] if h.ndim == 2 else h
        if self.space.dims % h.shape[1]:
            raise Refused(
                f"WaveNet: embed makes {h.shape[1]} frames; the length, {self.space.dims}, must "
                f"be a multiple of that"
            )
        return self.stack.shifts(h)

    def _seen(self, x: Tensor) -> Tensor:
        """(...) -> (..., channels)."""
        return self.first(x if isinstance(self.space, Tokens) else x[..., None])

    def _out(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Of each value, from those before it, what decides over it: (n, length, d_out)."""
        late = pad(self._seen(x)[:, :-1], (0, 0, 1, 0))
        return self.stack(late, self._shifts(context))

    def _logistics(self, out: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(..., 3 k) -> logits, means and log scales, (..., k)."""
        logits, mean, log_scale = out.chunk(3, -1)
        return logits, mean, narrowed(log_scale, self.levels)

    def _logits(self, out: Tensor) -> Tensor:
        """(..., d_out) -> (..., levels)."""
        if self.mixture is None:
            return out
        grid = self.space.values(torch.arange(self.levels, device=out.device), out.dtype)
        parts = [p.flatten(0, -2).repeat_interleave(self.levels, 0) for p in self._logistics(out)]
        x = grid.repeat(math.prod(out.shape[:-1]))[:, None]
        each = log_discretised_logistic_mixture(x, *(p[:, None] for p in parts), self.levels)
        return each.reshape(*out.shape[:-1], self.levels)

    # scores

    def logits(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """Of each value given those before it, (n, length, levels)."""
        return self._logits(self._out(x, context))

    def log_probs(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """log p(x_t | x_<t) of each value, nats, (n, length)."""
        if self.mixture is None:
            return super().log_probs(x, *given(context))
        parts = [p.flatten(0, 1)[:, None] for p in self._logistics(self._out(x, context))]
        each = log_discretised_logistic_mixture(x.reshape(-1, 1), *parts, self.levels)
        return each.reshape(x.shape)

    # samples

    def unroll(self, n: int, context: Tensor | None = None) -> Steps:
        """The logits of one value after another, (n, levels): a layer keeps its last inputs."""
        like, length = self.stack.last.weight, self.space.dims
        h, memory = like.new_zeros(n, self.channels), self.stack.begin(n, length)
        shifts = self._shifts(context)
        for t in range(length):
            shift = None if shifts is None else shifts[:, t * shifts.shape[1] // length]
            came = yield self._logits(self.stack.step(h, memory, shift))
            h = self._seen(self.space.values(came, like.dtype))

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
        """x, (n, length), from uniform noise in [0, 1), (n, length): u_t decides over value t.

        On a CPU by folded steps; the same x as from whole passes, unless a u_t is within rounding of
        where x_t changes.
        """
        weight = self.stack.last.weight
        on_cpu = weight.device.type == "cpu" and weight.dtype in (torch.float32, torch.float64)
        if not on_cpu or not len(u):
            return super().sample_from(u, context, decoding=decoding, prefix=prefix)
        n, length, end = len(u), self.space.dims, getattr(self.space, "end", None)
        self.check_context(context)
        known = self.levels_of_prefix(n, prefix)
        first = [] if known is None else known.T.numpy()
        shifts, noise = self._shifts(context), np.ascontiguousarray(u.T.numpy())
        index, look = np.full((length, n), end or 0), self._looked_up()
        steps = FoldedStack(self.stack, n, length)
        h = np.zeros((self.channels, n), steps.out.dtype)
        for t in range(length):
            if shifts is not None and t % (each := length // shifts.shape[1]) == 0:
                steps.condition(shifts[:, t // each])
            out = steps.step(h)
            came = first[t] if t < len(first) else self._choose(out, noise[t], decoding)
            if end is not None and t:
                came = np.where(index[t - 1] == end, end, came)
            index[t] = came
            if end is not None and (came == end).all():
                break
            h = look(index[t])
        return self.space.values(torch.from_numpy(index.T.copy()), u.dtype)

    def _looked_up(self) -> Callable[[NDArray[np.int64]], Array]:
        """Makes of numbers of levels, (n,), what `_seen` makes of the values, (channels, n)."""
        rows = self.first.weight.detach().numpy()
        if isinstance(self.first, nn.Embedding):
            return lambda index: rows[index].T
        bias, grid = self.first.bias.detach().numpy()[:, None], 2 / (self.levels - 1)
        return lambda index: rows * (index * grid - 1).astype(rows.dtype) + bias

    def _choose(self, out: Array, u: Array, decoding: Decoding) -> NDArray[np.int64]:
        """The numbers of the levels, (n,), of what decides over them, (d_out, n)."""
        if decoding != DRAWN:
            return decoding(self._logits(torch.from_numpy(out.T)), torch.from_numpy(u)).numpy()
        return pick(out, u) if self.mixture is None else pick_logistic(out, u, self.levels)


def narrowed(log_scale: Scales, levels: int) -> Scales:
    """Logarithms of scales, of which none is much less than a bin is wide."""
    return (log_scale - 3).clip(min=-math.log(levels) - 3)


def pick(logits: Array, u: Array) -> NDArray[np.int64]:
    """`genus.functional.sequences.choices.pick` on numpy's arrays: (levels, n), (n,) -> (n,)."""
    running = np.exp(logits - logits.max(0)).cumsum(0)
    running /= running[-1]
    if len(u) == 1:
        return running[:, 0].searchsorted(u, "right")
    return (running <= u).sum(0)


def pick_logistic(out: Array, u: Array, levels: int) -> NDArray[np.int64]:
    """The level whose share of the mixture's running sum u falls into: (3 k, n), (n,) -> (n,).

    It is looked for among blocks of levels, then among smaller ones in the block that was found:
    level k ends at or below u if sum_i pi_i tanh((x_k + b/2 - mu_i) / (2 s_i)) <= 2 u - 1.
    """
    logits, mean, log_scale = out.astype(np.float64).reshape(3, 1, -1, len(u))
    weight = np.exp(logits - logits.max(1))
    weight /= weight.sum(1)
    half = np.exp(-narrowed(log_scale, levels)) / 2
    slope, base = half * (2 / (levels - 1)), (1 / (levels - 1) - 1 - mean) * half
    share, turns = 2 * u.astype(np.float64) - 1, max(1, round(math.log2(levels) / 5))
    size = math.ceil(levels ** (1 / turns))
    start, ends = np.zeros(len(u), dtype=np.int64), np.arange(1, size)[:, None, None]
    for turn in reversed(range(turns)):
        step = size**turn
        running = (weight * np.tanh((start + step * ends - 1) * slope + base)).sum(1)
        start += step * (running <= share).sum(0)
    return np.minimum(start, levels - 1)
