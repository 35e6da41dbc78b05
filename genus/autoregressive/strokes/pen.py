"""Steps of a pen: what is seen of one, how likely it is, and how it is drawn from noise."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import one_hot
from torch.special import ndtri

from ...core import Refused, See, Space
from ...functional.sequences.choices import pick
from ..unveiling import unveil
from .bivariate import bivariate, log_bivariate_mixture, sharpened

OVER = 2  # the pen of a drawing that has ended
SEEN = 5  # numbers of a step as input: dx, dy, and which pen
NOISE = 4  # uniform numbers that decide a step: the pen, the normal, and the point


def log_step(out: Tensor, x: Tensor) -> Tensor:
    """log p of each step, nats, (..., steps); steps after the end included.

    Args:
        out: three logits of the pen, and of each of k normals a logit, a mean, two logarithms of
            deviations and a tilt, (..., 3 + 6 k).
        x: (..., 3).
    """
    pen, logits, mean, log_std, tilt = _parts(out)
    state = x[..., 2].long()
    log_pen = pen.log_softmax(-1).gather(-1, state[..., None])[..., 0]
    log_move = log_bivariate_mixture(x[..., :2], logits, mean, log_std, tilt)
    return log_pen + log_move.masked_fill(state == OVER, 0)


@dataclass(frozen=True)
class PenDecoding:
    """How a step of the pen is drawn.

    Args:
        bias: neatness, at least 0: standard deviations are multiplied by exp(-bias), and likely
            components become likelier.
        temperature: sampling temperature of the pen's states and of the normals, above 0; 1 samples
            from the model.
    """

    bias: float = 0.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not (self.bias >= 0 and self.temperature > 0):
            raise Refused(
                f"PenDecoding: bias is {self.bias} and temperature {self.temperature}; a bias of 0 "
                f"or more and a temperature above 0 are wanted"
            )


AS_LEARNED = PenDecoding()  # from the model as it is


def choose_step(out: Tensor, u: Tensor, decoding: PenDecoding) -> Tensor:
    """A step, (n, 3), from the outputs for it, (n, 3 + 6 k), and uniform numbers, (n, 4)."""
    pen, logits, mean, log_std, tilt = _parts(out)
    logits, log_std = sharpened(logits, log_std, decoding.bias, decoding.temperature)
    state = pick(pen / decoding.temperature, u[:, 0])
    rows = torch.arange(len(out), device=out.device)
    which = pick(logits, u[:, 1]).clamp(max=logits.shape[1] - 1)
    z = ndtri(u[:, 2:].clamp(torch.finfo(u.dtype).tiny, 1 - torch.finfo(u.dtype).eps))
    move = bivariate(z, mean[rows, which], log_std[rows, which], tilt[rows, which])
    step = torch.cat([move, state[:, None].to(move)], 1)
    return torch.where((state == OVER)[:, None], ended(step), step)


def _parts(out: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """The pen's logits (..., 3); the normals' logits (..., k), means and log std (..., k, 2), tilts."""
    pen, rest = out[..., :3], out[..., 3:].unflatten(-1, (6, -1))
    logits, tilt = rest[..., 0, :], rest[..., 5, :]
    return pen, logits, rest[..., 1:3, :].mT, rest[..., 3:5, :].mT, tilt


def written(
    step: Callable[[Tensor], Tensor],
    u: Tensor,
    decoding: PenDecoding,
    prefix: Tensor | None,
) -> Tensor:
    """A drawing, step by step, until all have ended."""
    n, length, _ = u.shape
    x = ended(u.new_zeros(n, length, 3))
    over, before = torch.zeros(n, dtype=torch.bool, device=u.device), u.new_zeros(n, SEEN)
    for t in range(length):
        out = step(before)
        given = prefix is not None and t < prefix.shape[1]
        came = prefix[:, t] if prefix is not None and given else choose_step(out, u[:, t], decoding)
        came = torch.where(over[:, None], x[:, t], came)
        x[:, t], over = came, came[:, 2] == OVER
        if over.all():
            break
        before = seen_of(came)
    return x


def written_watched(see: See, x: Tensor) -> Tensor:
    """Drawings, (n, length, 3), as they are, with looks at their first steps."""
    numbers = torch.arange(x.shape[1], device=x.device)[:, None]
    unveil(see, x, numbers, x.shape[1], ended(x))
    return x


def uniform(like: Tensor, n: int, space: Space) -> Tensor:
    """Noise that decides over n drawings, (n, length, 4)."""
    return torch.rand(n, space.shape[0], NOISE, dtype=like.dtype, device=like.device)


def ended(x: Tensor) -> Tensor:
    """Steps after the end: (0, 0, 2)."""
    return torch.cat([torch.zeros_like(x[..., :2]), torch.full_like(x[..., 2:], OVER)], -1)


def seen_of(x: Tensor) -> Tensor:
    """A step as the network's input: (..., 3) -> (..., 5)."""
    return torch.cat([x[..., :2], one_hot(x[..., 2].long(), 3).to(x)], -1)


def before_each(x: Tensor) -> Tensor:
    """What is seen before each step: zeros before the first one. (n, steps, 3) -> (n, steps, 5)."""
    return torch.cat([x.new_zeros(len(x), 1, SEEN), seen_of(x[:, :-1])], 1)


def used_steps(x: Tensor) -> int:
    """How many steps the longest drawing has, with the step that ends it."""
    return min(x.shape[1], int((x[..., 2] != OVER).any(0).sum()) + 1)


def whole(each: Tensor, x: Tensor) -> Tensor:
    """Scores of the steps that are used, as those of all: 0 after the end."""
    over = (x[:, :-1, 2] == OVER)[:, : each.shape[1] - 1]
    each = torch.cat([each[:, :1], each[:, 1:].masked_fill(over, 0)], 1)
    return torch.cat([each, each.new_zeros(len(x), x.shape[1] - each.shape[1])], 1)
