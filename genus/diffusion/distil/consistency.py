"""Consistency models: from any point of a path to its end, in one evaluation.

A diffusion's samples lie at the ends of the paths of an ordinary differential equation. A network f
that gives the same x for two neighbouring points of a path, and x itself where there is no noise,
must give the end of the path for all of it. The teacher, any denoiser, gives the neighbour;
without one, the line from x_0 to its noise stands for the path, which in the mean is right.

    f(x_t, t) = c_skip y + c_out net(c_in y, ln(s) / 4)         y = x_t / alpha, s = sigma / alpha
    c_skip = d^2 / ((s - e)^2 + d^2)    c_out = d (s - e) / sqrt(s^2 + d^2)    e = s at the first time

    loss = E w |f(x_t, t) - f-(x_s, s)|^2        f- an average of f, from which nothing is learned
    x_s  = one step of the teacher from x_t      (distillation)
         = alpha_s x_0 + sigma_s eps             (training, from the x_0 and eps of x_t)

    sampling: x = f(x_last, last), and then, for falling times, x = f(alpha x + sigma z, t)

Source: Song, Dhariwal, Chen, Sutskever, "Consistency models", 2023, arXiv:2303.01469, definition 1,
    equations 5, 7 and 10, algorithms 1 to 3, appendix C; Song, Dhariwal, "Improved techniques for
    training consistency models", 2024, arXiv:2310.14189 (the bounded distance, and no average).
Departs: any path, by y and s; the teacher's step is Heun's in alpha / sigma, which is finite where
    alpha is 0; distances are those of numbers, not of a network's features; w is 1, and the times
    stay what they are while it learns.
"""

import math
from typing import NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils import parameters_to_vector

from ...core import (
    GenerativeModel,
    Losses,
    Pixels,
    Player,
    Reals,
    Refused,
    See,
    Space,
    at_least,
    in_range,
    require,
)
from ...functional.diffusion.parametrisations import Preconditioned
from ...functional.diffusion.paths import Path
from ...functional.diffusion.spacings import Karras, Spacing, level
from ..denoiser import Denoises, spread_evenly

KARRAS = Karras()


class Levels(NamedTuple):
    """How much of data and of noise there is in each row."""

    t: Tensor  # (n,)
    alpha: Tensor  # (n, 1, ...)
    sigma: Tensor  # (n, 1, ...)


class ConsistencyModel(GenerativeModel):
    """A kit: any network that takes c_in y, (n, *shape), and ln(s) / 4, (n,).

    Args:
        net: the network; if the teacher's predicts the same, a copy of it is a good beginning.
        space: Pixels or Reals.
        path: path from data to noise; the teacher's, if there is one.
        teacher: a module that denoises, which stays as it is; None learns from data alone.
        deviation: d, the data's standard deviation, above 0.
        times: number of times between data and noise, at least 2.
        spacing: spacing of these times, and of those at which `sample` looks again.
        decay: decay of the average that is aimed at, in [0, 1); 0 aims at f as it is now.
        bound: distance of two x up to which its square counts, and beyond which its size does, in
            units of x; 0 is the square throughout.
        evaluations: network evaluations for a sample.
    """

    grid: Tensor  # t, alpha and sigma of each time, falling, (times, 3)
    target: Tensor  # the averaged weights, one after another

    def __init__(
        self,
        net: nn.Module,
        space: Space,
        path: Path,
        teacher: nn.Module | None = None,
        deviation: float = 0.5,
        times: int = 18,
        spacing: Spacing = KARRAS,
        decay: float = 0.95,
        bound: float = 0.0,
        evaluations: int = 1,
    ):
        super().__init__()
        require("ConsistencyModel", space, Pixels, Reals, mend="read bits as Pixels of 2 levels")
        at_least(1, "ConsistencyModel", evaluations=evaluations)
        at_least(2, "ConsistencyModel", times=times)
        at_least(0, "ConsistencyModel", bound=bound)
        in_range("ConsistencyModel", "[0, 1)", decay=decay)
        self.net, self.space, self.path = net, space, path
        self.teacher = None if teacher is None else _frozen(teacher, path)
        self.deviation, self.times, self.spacing = deviation, times, spacing
        self.decay, self.bound, self.evaluations = decay, bound, evaluations
        self.preconditioning = Preconditioned(deviation)  # it scales what the network is shown
        rows = [level(path, t) for t in spacing(path, times, path.last)]
        self.least = rows[-1].sigma / rows[-1].alpha  # e
        grid = torch.tensor(rows, dtype=torch.float64).to(torch.get_default_dtype())
        self.register_buffer("grid", grid, persistent=False)
        self.register_buffer("target", parameters_to_vector(net.parameters()).detach().clone())

    def jump(self, x: Tensor, t: Tensor) -> Tensor:
        """f, (n, *shape): the end of the path on which x_t, (n, *shape), lies at t, (n,)."""
        shape = (-1, *[1] * (x.dim() - 1))
        at = Levels(t, self.path.alpha(t).view(shape), self.path.sigma(t).view(shape))
        return self._end(self.net(*self.preconditioning.network_input(x, *at)), x, at)

    @torch.no_grad()
    def sample(
        self, n: int | None = None, context: Tensor | None = None, evaluations: int | None = None
    ) -> Tensor:
        """(n, *space.shape), by so many evaluations of the network, or as many as the model has."""
        return self._sampled(self.sample_count(n, context), evaluations)

    @torch.no_grad()
    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, with looks at the noise, and at both sides of each jump."""
        return self._sampled(self.sample_count(n, context), see=see)

    def _sampled(self, n: int, evaluations: int | None = None, see: See | None = None) -> Tensor:
        count = self.evaluations if evaluations is None else evaluations
        at_least(1, "ConsistencyModel", evaluations=count)
        times = self.spacing(self.path, count + 1, self.path.last)[:-1]
        x = self.path.spread * self.noise(n, *self.space.shape)
        for i, t in enumerate(times):
            if i:
                now = level(self.path, t)
                fresh = math.sqrt(max(now.sigma**2 - (now.alpha * self.least) ** 2, 0.0))
                x = now.alpha * x + fresh * torch.randn_like(x)
            if see is not None:
                now = level(self.path, t)
                see(x / math.hypot(now.alpha, now.sigma))
            x = self.jump(x, x.new_full((n,), t))
            x = self.space.clip(x)
            if see is not None:
                see(x)
        return self.space.quantise(x)

    # learning

    def loss(self, x: Tensor) -> Losses:
        """How far f is from the average at the neighbour, which has less noise."""
        place = (spread_evenly(x) * (len(self.grid) - 1)).long().clamp(max=len(self.grid) - 2)
        at, to, eps = self._levels(place, x), self._levels(place + 1, x), torch.randn_like(x)
        noisy = at.alpha * x + at.sigma * eps
        here = self._end(self.net(*self.preconditioning.network_input(noisy, *at)), noisy, at)
        with torch.no_grad():
            near = (
                to.alpha * x + to.sigma * eps if self.teacher is None else self.step(noisy, at, to)
            )
            inputs = self.preconditioning.network_input(near, *to)
            out = (
                functional_call(self.net, self._averaged(), inputs)
                if self.decay
                else self.net(*inputs)
            )
            there = self._end(out, near, to)
        return {"gap": self._distance(here, there).mean()}

    def step(self, x: Tensor, at: Levels, to: Levels) -> Tensor:
        """x_s, (n, *shape), from x_t, along the teacher's path: x / sigma moves by x0hat d(alpha / sigma)."""
        teacher, kept = cast(Denoises, self.teacher), to.sigma / at.sigma
        guess = teacher.denoise(x, at.t)
        there = kept * x + (to.alpha - kept * at.alpha) * guess
        guess = (guess + teacher.denoise(there, to.t)) / 2
        return kept * x + (to.alpha - kept * at.alpha) * guess

    def players(self) -> dict[str, Player]:
        """The network alone; after its move, the average follows."""
        return {"model": Player([self.net], self.loss, after=self.follow)}

    def follow(self) -> None:
        """Moves the average toward the network."""
        self.target.lerp_(parameters_to_vector(self.net.parameters()), 1 - self.decay)

    def train(self, mode: bool = True) -> "ConsistencyModel":
        """The teacher is never in training."""
        super().train(mode)
        if self.teacher is not None:
            self.teacher.eval()
        return self

    def _levels(self, place: Tensor, x: Tensor) -> Levels:
        rows = self.grid[place]
        shape = (-1, *[1] * (x.dim() - 1))
        return Levels(rows[:, 0], rows[:, 1].view(shape), rows[:, 2].view(shape))

    def _end(self, out: Tensor, x: Tensor, at: Levels) -> Tensor:
        """f from what the network gave for x_t: c_skip y and c_out, also where alpha is 0."""
        d2, over = self.deviation**2, at.sigma - self.least * at.alpha  # alpha (s - e)
        skip = at.alpha * d2 / (over.square() + at.alpha.square() * d2)
        gain = self.deviation * over / (at.sigma.square() + at.alpha.square() * d2).sqrt()
        return skip * x + gain * out

    def _averaged(self) -> dict[str, Tensor]:
        """The averaged weights under their names."""
        named = dict(self.net.named_parameters())
        parts = self.target.split([p.numel() for p in named.values()])
        return {k: part.view_as(p) for (k, p), part in zip(named.items(), parts, strict=True)}

    def _distance(self, a: Tensor, b: Tensor) -> Tensor:
        """(n,): the mean square, or sqrt(mean square + bound^2) - bound."""
        square = (a - b).square().flatten(1).mean(1)
        return (square + self.bound**2).sqrt() - self.bound if self.bound else square


def _frozen(teacher: nn.Module, path: Path) -> nn.Module:
    """The teacher, in evaluation mode and without gradients; raises Refused on another path."""
    own = getattr(teacher, "path", None)
    if not isinstance(own, Path) or not callable(getattr(teacher, "denoise", None)):
        raise Refused(
            f"ConsistencyModel: the teacher is a {type(teacher).__name__}; a denoiser is wanted, with a "
            f"path and denoise(x, t)"
        )
    t = torch.linspace(path.first, path.last, 5, dtype=torch.float64)
    if not (
        torch.allclose(own.alpha(t), path.alpha(t)) and torch.allclose(own.sigma(t), path.sigma(t))
    ):
        raise Refused(
            f"ConsistencyModel: the path is {path}, the teacher's {own}; they must be the same"
        )
    return teacher.requires_grad_(False).eval()
