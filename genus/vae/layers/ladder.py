"""LadderVAE: a VAE with several layers of latents, each guessed from x and from the layer above.

A model with latents above latents describes more than one with a single layer, but its upper layers tend to die:
a guess that climbs from z_1 to z_L learns of the top only what noisy lower layers let through. A ladder climbs
without noise, and then descends by the very networks that generate. On its way down, each layer has two opinions,
what x says (hat) and what the layer above says (p), and joins them by their precisions: the product of both.

    p(x, z)      = p(x | z_1) p(z_1 | z_2) ... p(z_L),    p(z_i | z_{i+1}) = N(mu_p,i, sigma_p,i^2),  p(z_L) = N(0, I)
    up           : d_i = f_i(d_{i-1}),  d_0 = x,          mu^_i, log sigma^_i linear in d_i
    ladder       : q(z | x) = q(z_L | x) q(z_{L-1} | z_L, x) ... q(z_1 | z_2, x)
                   sigma_q,i^-2 = sigma^_i^-2 + sigma_p,i^-2,   mu_q,i = (mu^_i sigma^_i^-2 + mu_p,i sigma_p,i^-2) sigma_q,i^2
                   q(z_L | x) = N(mu^_L, sigma^_L^2)
    bottom-up    : q(z | x) = q(z_1 | x) q(z_2 | z_1) ... q(z_L | z_{L-1})
    w            = p(x, z) / q(z | x),   L_k = E log (1/k) sum_j w_j
    loss (k = 1) = -E log p(x | z_1) + beta sum_i max(free, KL_i),    KL_i the mean over the batch
    loss (k > 1) = -L_k, with beta on log q(z | x) - log p(z)

Warm-up lets beta grow to 1 over the first rounds, and free bits leave to each layer some nats that cost nothing: both
are there to keep upper layers alive, whose KL is 0 once they are dead. L_k is split without a remainder. With the
shares v_j = w_j / sum w,

    -L_k = sum_j v_j (-log p(x | z_j)) + sum_i sum_j v_j log (q_i / p_i) + KL(v || 1/k).

Source: Sønderby, Raiko, Maaløe, Sønderby, Winther, "Ladder variational autoencoders", 2016, arXiv:1602.02282; bottom-up
    guesses and L_k: Burda, Grosse, Salakhutdinov, "Importance weighted autoencoders", 2016, arXiv:1509.00519; free
    bits: Kingma and others, "Improving variational inference with inverse autoregressive flow", 2016, arXiv:1606.04934.
Departs: no batch normalisation; networks give log deviations, and not variances by softplus; the likelihood of pixels
    and of real numbers is as in `amortised`; warm-up counts rounds, and begins with 1 / warm_up in the place of 0;
    what x says of lower layers begins with a deviation of e, since the product of two N(0, I) is too narrow a guess.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, cast, get_args

import torch
from torch import Tensor, nn

from ...core import (
    Bits,
    GenerativeModel,
    Losses,
    Pixels,
    Player,
    Reals,
    Refused,
    Space,
    at_least,
    in_range,
    require,
)
from ...nn import MLP
from ..amortised import check_likelihood, kl_of_units
from ..belief import Belief, Rung, joined
from ..likelihoods import NOISY, Likelihood, NoiseDecoding, fitting
from ..warmup import WarmUp

Inference = Literal["ladder", "bottom-up"]
VAGUE = (
    1.0  # log deviation of what x says at first: were it 0 like that of p, weights had no variance
)


class LadderVAE(GenerativeModel):
    """A model with several layers of latents, the first next to x.

    Args:
        space: Bits, Reals or Pixels, of any shape: networks are perceptrons.
        latents: sizes of z_1, ..., z_L; at least two.
        widths: units of the hidden layers of the perceptrons next to each z, one number for each.
        depth: number of hidden layers of each perceptron; 0 makes all maps linear.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
        inference: ladder, or bottom-up for guesses of each layer from a draw of the one below.
        likelihood: what the lowest network's numbers mean; the one that fits the space if none is given.
        k: number of draws of all z for each x in the loss; 1 climbs the bound.
        free: nats of each layer that cost nothing, at least 0; only with k = 1.
        warm_up: rounds until the KL has its full weight; 0 gives it from the first round on.
    """

    sampling_options = NoiseDecoding

    def __init__(
        self,
        space: Space,
        latents: Sequence[int] = (16, 8),
        widths: Sequence[int] = (256, 128),
        depth: int = 2,
        dropout: float = 0.0,
        inference: Inference = "ladder",
        likelihood: Likelihood | None = None,
        k: int = 1,
        free: float = 0.0,
        warm_up: int = 0,
    ):
        super().__init__()
        require("LadderVAE", space, Bits, Reals, Pixels)
        _check_arguments(latents, widths, inference, k, free)
        at_least(0, "LadderVAE", depth=depth, free=free, warm_up=warm_up)
        in_range("LadderVAE", "[0, 1)", dropout=dropout)
        self.space, self.latents, self.widths = space, tuple(latents), tuple(widths)
        self.depth, self.dropout, self.inference = depth, dropout, inference
        self.k, self.free, self.warm_up = k, free, warm_up
        self.latent = sum(latents)  # of all layers together
        self.likelihood = fitting(space) if likelihood is None else likelihood
        check_likelihood("LadderVAE", self.likelihood, space)

        def network(d_in: int, d_out: int, width: int) -> MLP:
            return MLP(d_in, d_out, (width,) * depth, dropout)

        seen = self.latents  # what the next layer up is guessed from
        if inference == "ladder":
            seen = self.widths if depth else (space.dims,) * len(self.latents)
        layers = zip((space.dims, *seen), self.latents, self.widths, strict=False)
        self.up = nn.ModuleList(network(below, 2 * z, width) for below, z, width in layers)
        if inference == "ladder":
            self._begin_vaguely()
        layers = zip(pairwise(self.latents), self.widths[1:], strict=True)
        self.down = nn.ModuleList(network(above, 2 * z, width) for (z, above), width in layers)
        numbers = self.likelihood.numbers * space.dims
        self.decoder = network(self.latents[0], numbers, self.widths[0])
        self.warming = WarmUp(warm_up)

    @torch.no_grad()
    def _begin_vaguely(self) -> None:
        """Fresh guesses of layers that are joined are nearly those of the layer above."""
        for network, z in zip(self.up[:-1], self.latents, strict=False):
            assert isinstance(network, MLP)
            cast(nn.Linear, network[-1]).bias[z:] += VAGUE

    # the distributions

    def prior(self, layer: int, above: Tensor) -> Belief:
        """p(z_i | z_{i+1}) of a layer below the top, the lowest being 0."""
        return Belief(*self.down[layer](above).chunk(2, dim=1))

    def climb(self, x: Tensor) -> list[Belief]:
        """What x says of each layer, without noise; only of the first with bottom-up inference."""
        seen, guesses = x.flatten(1), list[Belief]()
        for network in self.up if self.inference == "ladder" else self.up[:1]:
            assert isinstance(network, MLP)
            seen = network.features(seen)
            guesses.append(Belief(*network[-1](seen).chunk(2, dim=1)))
        return guesses

    def layers(self, x: Tensor, k: int = 1, noisy: bool = True) -> list[Rung]:
        """k ways through all layers for each x, (k n, ...), the lowest first.

        Args:
            x: rows, (n, *space.shape).
            k: number of draws for each; all rows once come before any row again.
            noisy: False hands on means in the place of draws.
        """
        guesses = [guess.repeated(k) for guess in self.climb(x)]
        if self.inference == "ladder":
            return self._descend(guesses, noisy)
        z = [guesses[0].draw(noisy)]
        for network in self.up[1:]:
            guesses.append(Belief(*network(z[-1]).chunk(2, dim=1)))
            z.append(guesses[-1].draw(noisy))
        priors = [self.prior(i, above) for i, above in enumerate(z[1:])] + [Belief.standard(z[-1])]
        return [Rung(*layer) for layer in zip(z, guesses, priors, strict=True)]

    def _descend(self, guesses: list[Belief], noisy: bool) -> list[Rung]:
        """From the top down, each layer's guess joined with what the layer above says."""
        top = guesses[-1]
        found = [Rung(top.draw(noisy), top, Belief.standard(top.mean))]
        for layer in range(len(guesses) - 2, -1, -1):
            prior = self.prior(layer, found[0].z)
            q = joined(guesses[layer], prior)
            found.insert(0, Rung(q.draw(noisy), q, prior))
        return found

    def numbers(self, z: Tensor) -> Tensor:
        """What the likelihood makes of z_1, (n, numbers * c, ...)."""
        return self.decoder(z).unflatten(1, (-1, *self.space.shape[1:]))

    # scores and codes

    def _costs(self, x: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """-log p(x | z_1), (k, n), and log q - log p of each layer, (k, n, L), at k draws."""
        layers = self.layers(x, k)
        rows = x.repeat(k, *[1] * (x.dim() - 1))
        reconstruction = -self.likelihood.log_prob(rows, self.numbers(layers[0].z))
        ratios = torch.stack([layer.log_ratio() for layer in layers], 1)
        return reconstruction.unflatten(0, (k, -1)), ratios.unflatten(0, (k, -1))

    def terms(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The parts of -elbo from one draw, nats: of reconstruction, (n,), and of each layer, (n, L).

        A layer's part is its exact KL, given the layer above, in a ladder and at the top. Below the top, bottom-up
        guesses know nothing of the layer above: the part is log q - log p of a draw, which may be negative.
        """
        layers = self.layers(x)
        below = Rung.kl if self.inference == "ladder" else Rung.log_ratio
        kl = [*map(below, layers[:-1]), layers[-1].kl()]
        reconstruction = -self.likelihood.log_prob(x, self.numbers(layers[0].z))
        return reconstruction, torch.stack(kl, 1)

    def elbo(self, x: Tensor) -> Tensor:
        """The bound from one draw of all z, (n,) nats."""
        reconstruction, kl = self.terms(x)
        return -reconstruction - kl.sum(1)

    def log_weight(self, x: Tensor) -> Tensor:
        """log w of one draw of all z, (n,) nats."""
        reconstruction, ratios = self._costs(x, 1)
        return (-reconstruction - ratios.sum(2))[0]

    def encode(self, x: Tensor) -> Tensor:
        """Means of all layers side by side, the lowest first, (n, latent), each in the unit of its prior.

        So the prior of what `decode` takes is N(0, I), and a layer that is dead has the code 0. Means are handed on
        from layer to layer in the place of draws.
        """
        layers = self.layers(x, noisy=False)
        return torch.cat([layer.standard(layer.z) for layer in layers], 1)

    @torch.no_grad()
    def draw_posterior(self, x: Tensor) -> Tensor:
        """A draw of all layers for each row, (n, latent), each in the unit of its prior, as in `encode`."""
        return torch.cat([layer.standard(layer.z) for layer in self.layers(x)], 1)

    def draw_prior(self, n: int) -> Tensor:
        """n draws of N(0, I), (n, latent)."""
        return self.noise(n, self.latent)

    @torch.no_grad()
    def unit_nats(self, x: Tensor) -> Tensor:
        """KL(q || p) of each unit, given the layer above, (latent,) nats, the mean over the rows."""
        guesses = [
            kl_of_units(layer.standard(layer.q.mean), layer.q.log_std - layer.p.log_std)
            for layer in self.layers(x)
        ]
        return torch.cat(guesses, 1).mean(0)

    def decode(self, z: Tensor) -> Tensor:
        """The mean of p(x | z), (n, *space.shape), of codes of all layers, (n, latent), as in `encode`."""
        return self.likelihood.mean(self.numbers(self._lowest(z)))

    def _lowest(self, code: Tensor) -> Tensor:
        """z_1 from standard normal numbers of all layers."""
        *below, z = code.split(self.latents, dim=1)
        for layer in range(len(below) - 1, -1, -1):
            mean, log_std = self.prior(layer, z)
            z = mean + log_std.exp() * below[layer]
        return z

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: NoiseDecoding = NOISY,
    ) -> Tensor:
        """x, (n, *space.shape): draws of p(x | z), unless `decoding` takes its means."""
        code = self.noise(self.sample_count(n, context), self.latent)
        numbers = self.numbers(self._lowest(code))
        if decoding.mean:
            return self.likelihood.mean(numbers)
        return self.likelihood.sample(numbers, decoding.temperature)

    # the game

    def loss(self, x: Tensor) -> Losses:
        """Reconstruction, and each layer's KL, the lowest first; of several draws also what they are chosen by.

        A KL in it has the weight of the warm-up, and is at least what is free: `terms` has all of them as they are.
        """
        if self.k == 1:
            reconstruction, kl = self.terms(x)
            kl = kl.mean(0)
            kl = kl.clamp(min=self.free) if self.free else kl
            return {"reconstruction": reconstruction.mean()} | self._weighted(kl)
        reconstruction, ratios = self._costs(x, self.k)
        log_share = (-reconstruction - self.warming.share(x) * ratios.sum(2)).log_softmax(0)
        share = log_share.exp()
        chosen = (share * log_share).sum(0).mean() + math.log(self.k)
        kl = (share[:, :, None] * ratios).sum(0).mean(0)
        parts = {"reconstruction": (share * reconstruction).sum(0).mean()}
        return parts | self._weighted(kl) | {"choice": chosen}

    def _weighted(self, kl: Tensor) -> Losses:
        kl = self.warming.share(kl) * kl
        return {f"kl_{layer}": part for layer, part in enumerate(kl.unbind(), 1)}

    def players(self) -> dict[str, Player]:
        """The model alone, which counts its rounds."""
        return {"model": Player([self], self.loss, after=self.warming.count)}


def _check_arguments(
    latents: Sequence[int], widths: Sequence[int], inference: str, k: int, free: float
) -> None:
    at_least(1, "LadderVAE", k=k)
    if len(latents) < 2 or len(widths) != len(latents):
        raise Refused(
            f"LadderVAE: latents are {tuple(latents)} and widths {tuple(widths)}; wanted are at least two "
            f"layers, and a width for each: a single layer is VAE"
        )
    for z, width in zip(latents, widths, strict=True):
        at_least(1, "LadderVAE", **{"the size of a layer": z, "the width of a layer": width})
    if inference not in get_args(Inference):
        wanted = " or ".join(get_args(Inference))
        raise Refused(f"LadderVAE: inference is {inference!r}; {wanted} is wanted")
    if k > 1 and free:
        raise Refused(
            f"LadderVAE: k is {k} and free {free}; several draws have no KL of their own to be free: "
            f"leave one of them out"
        )
