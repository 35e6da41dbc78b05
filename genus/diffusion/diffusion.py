"""Diffusion: learn to take noise away, at every amount of it; then begin with noise alone.

One kit for what the field has many names for. Four things are chosen apart from each other: the path
from data to noise, what the network predicts, the network, and the sampler that goes back.

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
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..core import (
    Losses,
    Pixels,
    Reals,
    Refused,
    Space,
    check_embedding,
    given,
    in_range,
    require,
)
from ..functional.diffusion.parametrisations import Parametrisation, Velocity
from ..functional.diffusion.paths import Cosine, Path
from .denoiser import Coupling, Denoiser, Denoising, Times, Uniform, Weight
from .sampler import DDIM, Sampler
from .ways_back import WaysBack

COSINE, VELOCITY, UNIFORM, FEW = Cosine(), Velocity(), Uniform(), DDIM()


class Dealt(NamedTuple):
    """What a loss is given: a batch is (x, context), (x, eps) without a context, or (x,)."""

    x: Tensor
    context: Tensor | None = None
    eps: Tensor | None = None


class Diffusion(Denoising, WaysBack):
    """A kit for p(x): any network that takes x_t, (n, *shape), and t, (n,), in [0, 1].

    For p(x | context) the network takes a context's features as well. In training the context of a
    share of rows is dropped: their features are zeros. So the network learns p(x) too, and
    `ClassifierFree` can exaggerate the effect of a context.

    Args:
        net: the network; it gives (n, *shape).
        space: Pixels or Reals; values should be about 1 in size.
        path: one of `functional.diffusion.paths`: `VP()`, `VE()`, `Straight()`, ...
        parametrisation: what the network predicts: `Epsilon()`, `Velocity()`, ... of
            `functional.diffusion.parametrisations`.
        sampler: sampler of `sample`.
        times: distribution of t in training.
        weight: weight of x0hat's error: see `functional.diffusion.weights`; by
            default all that the network predicts weighs the same.
        coupling: assignment of noise to x_0, such as `diffusion.optimal_transport`;
            by default it is drawn for each row.
        context_space: space of the context; None for an unconditional model.
        embed: turns rows of context into their features, (n, ...).
        drop_context: share of training rows whose context is dropped, in [0, 1).
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
        context_space: Space | None = None,
        embed: nn.Module | None = None,
        drop_context: float = 0.1,
    ):
        super().__init__()
        require("Diffusion", space, Pixels, Reals, mend="read bits as Pixels of 2 levels")
        check_embedding("Diffusion", context_space, embed)
        in_range("Diffusion", "[0, 1)", drop_context=drop_context)
        if coupling is not None and context_space is not None:
            raise Refused(
                "Diffusion: coupling pairs noise with rows whatever their context, so that noise would "
                "not be normal given a context; leave one of the two out"
            )
        self.space, self.sampler = space, sampler
        self.times, self.weight, self.coupling = times, weight, coupling
        self.context_space, self.embed, self.drop_context = context_space, embed, drop_context
        self.denoiser = Denoiser(net, space, path, parametrisation)

    def features(self, context: Tensor | None) -> tuple[Tensor, ...]:
        """The embedded context, (n, ...), as the network takes it; nothing without one."""
        self.check_context(context)
        return () if self.embed is None else (self.embed(context),)

    def denoise(self, x: Tensor, t: Tensor, context: Tensor | None = None) -> Tensor:
        """E[x_0 | x_t], (n, *shape), for t (n,) between path.first and path.last."""
        return self.denoiser.denoise(x, t, *self.features(context))

    def given(self, context: Tensor | None) -> "Given":
        """The denoiser of p(x | context), for these rows; of p(x), without a context."""
        return Given(self.denoiser, *self.features(context))

    def unconditional(self, context: Tensor) -> "Given":
        """The denoiser of p(x), for as many rows as context has."""
        return Given(self.denoiser, *(torch.zeros_like(f) for f in self.features(context)))

    def deal(self, *batch: Tensor) -> Dealt:
        return Dealt(*batch) if self.context_space else Dealt(batch[0], None, *batch[1:])

    def loss(self, x: Tensor, context: Tensor | None = None, eps: Tensor | None = None) -> Losses:
        """The squared error of what the network predicts.

        Args:
            x: x_0, (n, *shape).
            context: (n, ...), if the model has a space of contexts.
            eps: the noise that belongs to each row, where a batch has it: see `Pairs`.
        """
        features = self.features(context)
        if features and self.drop_context:
            kept = (torch.rand(len(x), device=x.device) >= self.drop_context).to(features[0].dtype)
            features = (features[0] * kept.view(-1, *[1] * (features[0].dim() - 1)),)
        return self.denoiser.loss(
            x, *features, times=self.times, weight=self.weight, coupling=self.coupling, eps=eps
        )

    def elbo(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """A lower bound of log p(x), (n,), in nats: a random one, from two x_t for each row."""
        return self.denoiser.elbo(x, *self.features(context))


@dataclass(frozen=True)
class Given:
    """A denoiser with its context: what a sampler calls.

    Args:
        denoiser: denoiser of a model.
        features: features of each row's context, (n, ...), if there is one.
    """

    denoiser: Denoiser
    features: Tensor | None = None

    @property
    def path(self) -> Path:
        return self.denoiser.path

    def denoise(self, x: Tensor, t: Tensor) -> Tensor:
        """E[x_0 | x_t, context], (n, *shape)."""
        return self.denoiser.denoise(x, t, *given(self.features))
