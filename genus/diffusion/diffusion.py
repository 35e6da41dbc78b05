"""Diffusion: learn to take noise away, at every amount of it; then begin with noise alone.

One kit for what the field has many names for. Four things are chosen apart from each other: the path
from data to noise, what the network is asked for, the network, and the sampler that goes back.

    score SDE        VP, SubVP or VE    Epsilon or Score     DDIM, PredictorCorrector, ProbabilityFlow
    EDM              LinearVE           Preconditioned       Heun, times LogNormal
    flow matching    Straight           Slope                Heun or DDIM (its Euler step)
    rectified flow   Straight           Slope                as above, learned from `Pairs` of another
    VDM, iDDPM       Cosine             Velocity             any

    loss   = E_t w(t) |net(x_t, t) - target|^2          x_t = alpha(t) x_0 + sigma(t) eps
    -elbo  = what the path's ends and the integral of |x_0 - x0hat|^2 over snr / 2 cost

The likelihood of the deterministic way back is that of another model: `ProbabilityFlow(diffusion)`.

Source: Song and others, "Score-based generative modeling through stochastic differential
    equations", 2021, arXiv:2011.13456; Karras and others, "Elucidating the design space of
    diffusion-based generative models", 2022, arXiv:2206.00364; Lipman and others, "Flow matching for
    generative modeling", 2023, arXiv:2210.02747; Liu, Gong, Liu, "Flow straight and fast", 2023,
    arXiv:2209.03003; Kingma and others, "Variational diffusion models", 2021, arXiv:2107.00630.
Departs: in a batch the times are spread evenly instead of drawn one by one, which changes no mean.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ..core import ConditionalModel, GenerativeModel, Space, Terms
from ..functional.diffusion.parametrisations import Parametrisation, Velocity
from ..functional.diffusion.paths import Cosine, Path
from .denoiser import Coupling, Denoiser, Denoising, Times, Uniform, Weight, check_space
from .sampler import DDIM, Sampler

COSINE, VELOCITY, UNIFORM, FEW = Cosine(), Velocity(), Uniform(), DDIM()


class Diffusion(Denoising, GenerativeModel):
    """A kit for p(x): any network that takes x_t, (n, *shape), and t, (n,), in [0, 1].

    Args:
        net: the network; it gives (n, *shape).
        space: Pixels or Reals; values should be about 1 in size.
        path: from data to noise: `VP()`, `VE()`, `Straight()`, ... of `functional.diffusion.paths`.
        parametrisation: what the network is asked for: `Epsilon()`, `Velocity()`, ... of
            `functional.diffusion.parametrisations`.
        sampler: how `sample` goes back.
        times: which t it learns at.
        weight: of the error of x0hat, from alpha and sigma: see `functional.diffusion.weights`; by default all
            that the parametrisation asks for weighs the same.
        coupling: which noise belongs to which x_0, such as `diffusion.optimal_transport`;
            by default it is drawn for each row.
    """

    def __init__(
        self,
        net: nn.Module,
        space: Space,
        path: Path = COSINE,
        parametrisation: Parametrisation = VELOCITY,
        sampler: Sampler = FEW,
        times: Times = UNIFORM,
        weight: Weight | None = None,
        coupling: Coupling | None = None,
    ):
        super().__init__()
        check_space(space, "Diffusion")
        self.space, self.sampler = space, sampler
        self.times, self.weight, self.coupling = times, weight, coupling
        self.denoiser = Denoiser(net, space, path, parametrisation)

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        """E[x_0 | x_t], (n, *shape), for t (n,) between path.first and path.last."""
        return self.denoiser.denoise(x, t)

    def loss(self, x: Tensor, eps: Tensor | None = None) -> Terms:
        """The squared error of what the network is asked for.

        Args:
            x: x_0, (n, *shape).
            eps: the noise that belongs to each row, where a batch says it: see `Pairs`.
        """
        return self.denoiser.loss(
            x, times=self.times, weight=self.weight, coupling=self.coupling, eps=eps
        )

    def elbo(self, x: Tensor) -> Tensor:
        """A lower bound of log p(x), (n,), in nats: a random one, from two x_t for each row."""
        return self.denoiser.elbo(x)

    @torch.no_grad()
    def sample(self, n: int, sampler: Sampler | None = None) -> Tensor:
        """(n, *space.shape), by the sampler given, or else the model's own."""
        start = self.path.spread * self.noise(n, *self.space.shape)
        x = (sampler or self.sampler)(self, start)
        return self.space.quantise(x)


class ConditionalDiffusion(Denoising, ConditionalModel):
    """A kit for p(x | context): a network that takes x_t, t and a context's features.

    In training a share of the rows is told nothing: their features are zeros. So the network learns
    p(x) too, and `ClassifierFree` can exaggerate what a context says.

    Args:
        net: takes x_t, (n, *shape), t, (n,), and features, (n, ...); gives (n, *shape).
        space: Pixels or Reals; values should be about 1 in size.
        context_space: what it is told.
        embed: turns rows of context into their features.
        path, parametrisation, sampler, times, weight: as of `Diffusion`.
        silent: the share of rows that is told nothing, in [0, 1).
    """

    def __init__(
        self,
        net: nn.Module,
        space: Space,
        context_space: Space,
        embed: nn.Module,
        path: Path = COSINE,
        parametrisation: Parametrisation = VELOCITY,
        sampler: Sampler = FEW,
        times: Times = UNIFORM,
        weight: Weight | None = None,
        silent: float = 0.1,
    ):
        super().__init__()
        check_space(space, "ConditionalDiffusion")
        if not 0 <= silent < 1:
            raise ValueError(f"ConditionalDiffusion: silent is {silent}; it must be in [0, 1)")
        self.space, self.context_space, self.embed = space, context_space, embed
        self.sampler, self.times, self.weight, self.silent = sampler, times, weight, silent
        self.denoiser = Denoiser(net, space, path, parametrisation)

    def denoise(self, x: Tensor, t: Tensor, context: Tensor) -> Tensor:
        """E[x_0 | x_t, context], (n, *shape), for t (n,) between path.first and path.last."""
        return self.denoiser.denoise(x, t, self.embed(context))

    def given(self, context: Tensor) -> "Given":
        """The denoiser of p(x | context), for these rows."""
        return Given(self.denoiser, self.embed(context))

    def told_nothing(self, context: Tensor) -> "Given":
        """The denoiser of p(x), for as many rows."""
        return Given(self.denoiser, torch.zeros_like(self.embed(context)))

    def loss(self, x: Tensor, context: Tensor) -> Terms:
        """The squared error of what the network is asked for."""
        told = self.embed(context)
        if self.silent:
            heard = (torch.rand(len(x), device=x.device) >= self.silent).to(told.dtype)
            told = told * heard.view(-1, *[1] * (told.dim() - 1))
        return self.denoiser.loss(x, told, times=self.times, weight=self.weight)

    def elbo(self, x: Tensor, context: Tensor) -> Tensor:
        """A lower bound of log p(x | context), (n,), in nats: a random one."""
        return self.denoiser.elbo(x, self.embed(context))

    @torch.no_grad()
    def sample(self, context: Tensor, sampler: Sampler | None = None) -> Tensor:
        """(n, *space.shape), one for each row of context."""
        start = self.path.spread * self.noise(len(context), *self.space.shape)
        x = (sampler or self.sampler)(self.given(context), start)
        return self.space.quantise(x)


@dataclass(frozen=True)
class Given:
    """A denoiser whose context has been said: what a sampler asks.

    Args:
        denoiser: of a conditional model.
        told: the features of each row's context, (n, ...).
    """

    denoiser: Denoiser
    told: Tensor

    @property
    def path(self) -> Path:
        return self.denoiser.path

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        """E[x_0 | x_t, context], (n, *shape)."""
        return self.denoiser.denoise(x, t, self.told)
