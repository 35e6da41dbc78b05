"""Penalties: further terms of a player's loss, from the critic itself and rows of both sides.

    gradient_penalty, one_sided_gradient_penalty, r1, r2, dragan     on the critic's slope
    drift, Consistency, orthogonal                                   on its scores and its weights
    feature_matching, pulling_away                                   on fake rows, for the generator

Those on the slope move each row for itself, so the critic has no batch normalisation.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import normalize

from ...errors import Refused, RefusedType, at_least

Critic = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Penalty:
    """A weighted term of a player's loss.

    Args:
        function: one number, from the critic, real rows and fake rows.
        weight: factor of it, on average over the rounds; at least 0.
        every: it is added in every k-th move of the player, k times as heavy.
        player: whose loss it is a term of.
    """

    function: Callable[[Critic, Tensor, Tensor], Tensor]
    weight: float
    every: int = 1
    player: Literal["critic", "generator"] = "critic"

    def __post_init__(self) -> None:
        at_least(0, "Penalty", weight=self.weight)
        at_least(1, "Penalty", every=self.every)
        if self.player not in ("critic", "generator"):
            raise Refused(f"Penalty: player is {self.player!r}; critic or generator is wanted")
        if self.player == "critic" and self.function in OF_THE_GENERATOR:
            raise Refused(
                f"Penalty: {self.name} is a term of the generator's loss; give player='generator'"
            )

    @property
    def name(self) -> str:
        """What the term is called in the log."""
        return getattr(self.function, "__name__", type(self.function).__name__.lower())


def slope(critic: Critic, x: Tensor) -> Tensor:
    """|d D(x) / dx| of each row, (n,), itself differentiable by the critic's weights.

    It may be 0: the norm's derivative is taken to be 0 there. The critic's rows must not meet, so
    it has no batch normalisation; a map of scores is summed.
    """
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        (gradient,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return torch.linalg.vector_norm(gradient.flatten(1), dim=1)


def gradient_penalty(
    critic: Critic, real: Tensor, fake: Tensor, share: Tensor | None = None
) -> Tensor:
    """E (|grad D(m)| - 1)^2 at m = real + share (fake - real): the slope between the sides is 1.

    Source: Gulrajani and others, "Improved training of Wasserstein GANs", 2017, arXiv:1704.00028,
        equation 3 and algorithm 1.

    Args:
        critic: what is penalised.
        real: rows of the data.
        fake: fake rows, as many.
        share: one number in [0, 1] for each row, (n,); drawn uniformly if not given.
    """
    if share is None:
        share = torch.rand(len(real), dtype=real.dtype, device=real.device)
    share = share.view(-1, *[1] * (real.dim() - 1))
    mixture = real + share * (fake - real)
    return (slope(critic, mixture) - 1).square().mean()


def r1(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """E |grad D(x)|^2 / 2 over real rows: the critic is flat where the data are.

    Source: Mescheder, Geiger, Nowozin, "Which training methods for GANs do actually converge?",
        2018, arXiv:1801.04406, equation 9 (the weight is the paper's gamma).
    """
    return slope(critic, real).square().mean() / 2


def one_sided_gradient_penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """E ((|grad D(m)| - 1)+)^2 between the sides: the slope is at most 1, and may be less.

    Source: Petzka, Fischer, Lukovnikov, "On the regularization of Wasserstein GANs", 2018,
        arXiv:1709.08894.
    """
    share = torch.rand(len(real), dtype=real.dtype, device=real.device)
    mixture = real + share.view(-1, *[1] * (real.dim() - 1)) * (fake - real)
    return (slope(critic, mixture) - 1).relu().square().mean()


def r2(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """E |grad D(x)|^2 / 2 over fake rows: R1's other side.

    Source: Mescheder, Geiger, Nowozin, 2018, arXiv:1801.04406, equation 10.
    """
    return slope(critic, fake).square().mean() / 2


def dragan(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """E (|grad D(x + a d)| - 1)^2 around real rows: d in [0, std / 2) for each number, a for each row.

    std is one number, that of all values of the batch; a is uniform in [0, 1).

    Source: Kodali, Abernethy, Hays, Kira, "On convergence and stability of GANs", 2017,
        arXiv:1705.07215.
    Departs: the paper's noise is normal; this is the authors' code, whose noise is uniform and never
        below 0.
    """
    noise = 0.5 * real.std() * torch.rand_like(real)
    share = torch.rand(len(real), dtype=real.dtype, device=real.device)
    near = real + share.view(-1, *[1] * (real.dim() - 1)) * noise
    return (slope(critic, near) - 1).square().mean()


def drift(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """E D(x)^2 over real rows: scores stay near 0 where only their differences count.

    Source: Karras, Aila, Laine, Lehtinen, "Progressive growing of GANs", 2018, arXiv:1710.10196,
        appendix A.1 (its weight is 0.001).
    """
    return critic(real).square().mean()


@dataclass(frozen=True)
class Consistency:
    """E (D(x) - D(T(x)))^2 over real rows: what leaves x the same leaves its score the same.

    T moves an image by up to `shift` pixels each way (its edge is repeated), mirrors it left to
    right by chance, and adds normal noise. Vectors are given noise alone.

    Source: Zhang, Zhang, Odena, Lee, "Consistency regularization for generative adversarial
        networks", 2020, arXiv:1910.12027 (its weight is 10).

    Args:
        shift: in pixels, at least 0.
        flip: True if a mirrored row is the same; it is not for digits.
        noise: standard deviation of the noise, in units of x.
    """

    shift: int = 1
    flip: bool = False
    noise: float = 0.0

    def __post_init__(self) -> None:
        at_least(0, "Consistency", shift=self.shift, noise=self.noise)

    def __call__(self, critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
        """One number."""
        return (critic(real) - critic(self.moved(real))).square().mean()

    def moved(self, x: Tensor) -> Tensor:
        """T(x), of the shape of x; images are (n, c, h, w)."""
        if x.dim() == 4:
            n, _, height, width = x.shape
            rows = torch.arange(height, device=x.device) + self._steps(n, x)
            columns = torch.arange(width, device=x.device) + self._steps(n, x)
            rows, columns = rows.clamp(0, height - 1), columns.clamp(0, width - 1)
            if self.flip:
                mirrored = torch.rand(n, 1, device=x.device) < 0.5
                columns = torch.where(mirrored, width - 1 - columns, columns)
            each = torch.arange(n, device=x.device)[:, None, None]
            x = x[each, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
        elif not self.noise:
            raise Refused(
                f"Consistency: x is {tuple(x.shape)}, no image, so only noise can move it; noise is 0"
            )
        return x + self.noise * torch.randn_like(x)

    def _steps(self, n: int, x: Tensor) -> Tensor:
        return torch.randint(-self.shift, self.shift + 1, (n, 1), device=x.device)


def orthogonal(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """Sum over the critic's weights W of |W W^T without its diagonal|^2: rows at right angles.

    A weight of a convolution has one row for each channel that comes out; biases are left out. It
    does not depend on how long the rows are.

    Source: Brock, Donahue, Simonyan, "Large scale GAN training for high fidelity natural image
        synthesis", 2019, arXiv:1809.11096, equation 3 (its weight is 0.0001).
    """
    parameters: Callable[[], Iterable[Tensor]] | None = getattr(critic, "parameters", None)
    if parameters is None:
        kind = type(critic).__name__
        raise RefusedType(
            f"orthogonal: the critic is a {kind}; a module is wanted, for its weights"
        )
    return real.new_zeros(()) + leaning(parameters())


def leaning(weights: Iterable[Tensor]) -> Tensor:
    """Sum over weights W of more than one axis of |W W^T without its diagonal|^2, a number."""
    matrices = [weight.flatten(1) for weight in weights if weight.dim() > 1]
    products = [rows @ rows.T for rows in matrices]
    each = [p.square().sum() - p.diagonal().square().sum() for p in products]
    return torch.stack(each).sum() if each else torch.zeros(())


def feature_matching(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """|E phi(x) - E phi(G(z))|^2 for the critic's `features` phi, (n, d): of means, not of rows.

    Source: Salimans and others, "Improved techniques for training GANs", 2016, arXiv:1606.03498,
        section 3.1.
    """
    with torch.no_grad():
        wanted = _features("feature_matching", critic, real).mean(0)
    return (wanted - _features("feature_matching", critic, fake).mean(0)).square().sum()


def pulling_away(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:
    """Mean of cos^2 over all pairs of fake rows' codes, the critic's `features`, (n, d): 0 to 1.

    Source: Zhao, Mathieu, LeCun, "Energy-based generative adversarial network", 2017,
        arXiv:1609.03126, section 2.4 (its weight is 0.1).
    """
    codes = normalize(_features("pulling_away", critic, fake), dim=1)
    if (n := len(codes)) < 2:
        raise Refused(f"pulling_away: {n} fake rows came; at least 2 are wanted")
    cosines = codes @ codes.T
    return (cosines.square().sum() - cosines.diagonal().square().sum()) / (n * (n - 1))


def _features(who: str, critic: Critic, x: Tensor) -> Tensor:
    features: Critic | None = getattr(critic, "features", None)
    if features is None:
        raise RefusedType(
            f"{who}: the critic is a {type(critic).__name__} without features; give it a method "
            f"features(x) that returns (n, d)"
        )
    return features(x).flatten(1)


OF_THE_GENERATOR = (feature_matching, pulling_away)

PENALTIES: dict[str, Callable[[Critic, Tensor, Tensor], Tensor]] = {
    "r1": r1,
    "r2": r2,
    "gradient_penalty": gradient_penalty,
    "one_sided_gradient_penalty": one_sided_gradient_penalty,
    "dragan": dragan,
    "drift": drift,
    "consistency": Consistency(),
    "orthogonal": orthogonal,
    "feature_matching": feature_matching,
    "pulling_away": pulling_away,
}
