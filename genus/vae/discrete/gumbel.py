"""GumbelVAE: a VAE whose latent is made of categories, which are softened while it learns.

A draw of a category has no slope, so its gradient cannot pass through it. But a draw is the argmax of logits plus
Gumbel noise, and an argmax is the limit of a softmax: at a temperature above 0 a draw is a smooth function of the
logits, spread over all categories, and nearly a corner as the temperature falls. It starts high, where gradients have
little noise and are those of another model, and falls to where they are noisy and nearly right.

    p(z) = prod_i 1/K        p(x | z) = likelihood(decoder(z))        q(z | x) = prod_i Cat(z_i; softmax(a_i(x)))
    draw    z_i = one_hot(argmax_k a_ik + g_ik),           g_ik = -log(-log u_ik),  u_ik uniform in (0, 1)
    soft    y_i = softmax((a_i + g_i) / tau),              tau_t = first (last / first)^(t / anneal), then last
    hard    y_i = one_hot(argmax_k y_ik) + y_i - sg(y_i)   straight-through; sg: a constant, for the gradient
    loss    = -E log p(x | y) + KL,                        KL = sum_i sum_k q_ik log (K q_ik), exactly
    elbo(x) = E_q log p(x | z) - KL  <=  log p(x)

The loss is no bound, for its y are no draws of q. Scores are: they always take draws that are one-hot.

Source: Jang, Gu, Poole, "Categorical reparameterization with Gumbel-softmax", 2017, arXiv:1611.01144, equations 1 and
    2, and section 2.2 (straight-through); Maddison, Mnih, Teh, "The concrete distribution: a continuous relaxation of
    discrete random variables", 2017, arXiv:1611.00712, section 3.2, and appendix C on the KL of the discrete q.
Departs: the temperature falls geometrically, from its first to its last value, over a number of rounds; no baseline,
    and no density of relaxed draws, by which the loss would be the bound of a relaxed model. The rest as in `amortised`.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

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
    require,
)
from ...nn import MLP
from ..amortised import HIDDEN, check_likelihood
from ..likelihoods import NOISY, Likelihood, NoiseDecoding, fitting
from ..warmup import WarmUp


class GumbelVAE(GenerativeModel):
    """A model whose code is a row of categories, given to the decoder as one-hot numbers side by side.

    Args:
        space: Bits, Reals or Pixels.
        variables: number of categorical variables.
        categories: number of categories of each, K.
        encoder: x, (n, *space.shape), to logits, (n, variables * categories); an MLP of flat x if none is given.
        decoder: codes, (n, variables * categories), to the likelihood's numbers, (n, numbers * c, ...); an MLP if
            none is given.
        likelihood: what these numbers mean; the one that fits the space if none is given.
        temperatures: of the first round, and of all after `anneal` rounds; both above 0.
        anneal: rounds until the temperature is the last one; 0 begins with it.
        straight: whether the decoder is given one-hot draws in training too, whose gradient is that of the soft ones.
    """

    sampling_options = NoiseDecoding

    def __init__(
        self,
        space: Space,
        variables: int = 16,
        categories: int = 8,
        encoder: nn.Module | None = None,
        decoder: nn.Module | None = None,
        likelihood: Likelihood | None = None,
        temperatures: tuple[float, float] = (1.0, 0.5),
        anneal: int = 2000,
        straight: bool = False,
    ):
        super().__init__()
        require("GumbelVAE", space, Bits, Reals, Pixels)
        at_least(1, "GumbelVAE", variables=variables)
        at_least(2, "GumbelVAE", categories=categories)
        at_least(0, "GumbelVAE", anneal=anneal)
        if len(temperatures) != 2 or not min(temperatures) > 0:
            raise Refused(
                f"GumbelVAE: temperatures are {tuple(temperatures)}; two are wanted, both above 0: of the "
                f"first round and of the last"
            )
        self.space, self.variables, self.categories = space, variables, categories
        self.temperatures, self.anneal, self.straight = tuple(temperatures), anneal, straight
        self.likelihood = fitting(space) if likelihood is None else likelihood
        check_likelihood("GumbelVAE", self.likelihood, space)
        code, numbers = variables * categories, self.likelihood.numbers * space.dims
        self.encoder = MLP(space.dims, code, HIDDEN) if encoder is None else encoder
        self.decoder = MLP(code, numbers, HIDDEN) if decoder is None else decoder
        self.annealing = WarmUp(anneal)
        self._check_networks()

    @torch.no_grad()
    def _check_networks(self) -> None:
        """One pass through both: they must fit the space and each other."""
        code = self.variables * self.categories
        seen = self._encoded(self.noise(2, *self.space.shape))
        if seen.shape != (2, code):
            raise Refused(
                f"GumbelVAE: the encoder gives {tuple(seen.shape[1:])} numbers a row; ({code},) are wanted: "
                f"{self.categories} logits of each of {self.variables} variables"
            )
        channels, *sides = self.space.shape
        wanted = (2, self.likelihood.numbers * channels, *sides)
        if (numbers := self.numbers(self.noise(2, code))).shape != wanted:
            came, wish = ("x".join(map(str, shape[1:])) for shape in (numbers.shape, wanted))
            raise Refused(f"GumbelVAE: the decoder gives {came} numbers a row; wanted are {wish}")

    # the distributions

    def _encoded(self, x: Tensor) -> Tensor:
        return self.encoder(x.flatten(1) if isinstance(self.encoder, MLP) else x)

    def log_chances(self, x: Tensor) -> Tensor:
        """log q of each category of each variable, (n, variables, categories)."""
        return self._encoded(x).unflatten(1, (self.variables, self.categories)).log_softmax(2)

    def kl(self, log_q: Tensor) -> Tensor:
        """KL from the uniform prior, (n,) nats, of log q, (n, variables, categories)."""
        return self.variables * math.log(self.categories) + (log_q.exp() * log_q).sum((1, 2))

    def numbers(self, code: Tensor) -> Tensor:
        """What the likelihood makes of codes, (n, numbers * c, ...)."""
        out = self.decoder(code)
        if isinstance(self.decoder, MLP):
            out = out.unflatten(1, (-1, *self.space.shape[1:]))
        return out

    def temperature(self, like: Tensor) -> Tensor:
        """Of this round, (), of the dtype of `like`."""
        first, last = self.temperatures
        return first * (last / first) ** self.annealing.share(like)

    # scores, codes and samples

    def elbo(self, x: Tensor) -> Tensor:
        """The bound from one draw of z, (n,) nats, with the exact KL."""
        log_q = self.log_chances(x)
        z = drawn(log_q)
        return self.likelihood.log_prob(x, self.numbers(z.flatten(1))) - self.kl(log_q)

    def log_weight(self, x: Tensor) -> Tensor:
        """log p(x, z) / q(z | x) of one draw of z, (n,) nats."""
        return self.log_weights(x, k=1)[0]

    def log_weights(self, x: Tensor, *, k: int) -> Tensor:
        """log p(x, z) / q(z | x) of k draws of z, (k, n) nats; each x is encoded once."""
        log_q = self.log_chances(x).repeat(k, 1, 1)
        z = drawn(log_q)
        rows = x.repeat(k, *[1] * (x.dim() - 1))
        joint = self.likelihood.log_prob(rows, self.numbers(z.flatten(1)))
        joint = joint - self.variables * math.log(self.categories)
        return (joint - (z * log_q).sum((1, 2))).unflatten(0, (k, len(x)))

    def encode(self, x: Tensor) -> Tensor:
        """The likeliest category of each variable, one-hot, (n, variables * categories)."""
        likeliest = self.log_chances(x).argmax(2)
        return one_hot(likeliest, self.categories).to(x.dtype).flatten(1)

    def decode(self, z: Tensor) -> Tensor:
        """The mean of p(x | z), (n, *space.shape), of codes as in `encode`, or of probabilities in their place."""
        return self.likelihood.mean(self.numbers(z))

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: NoiseDecoding = NOISY,
    ) -> Tensor:
        """x, (n, *space.shape): draws of p(x | z), unless `decoding` takes its means."""
        noise = self.noise(self.sample_count(n, context), self.variables, self.categories)
        numbers = self.numbers(drawn(torch.zeros_like(noise)).flatten(1))
        if decoding.mean:
            return self.likelihood.mean(numbers)
        return self.likelihood.sample(numbers, decoding.temperature)

    # the game

    def loss(self, x: Tensor) -> Losses:
        log_q = self.log_chances(x)
        y = relaxed(log_q, self.temperature(log_q), self.straight)
        reconstruction = -self.likelihood.log_prob(x, self.numbers(y.flatten(1)))
        return {"reconstruction": reconstruction.mean(), "kl": self.kl(log_q).mean()}

    def players(self) -> dict[str, Player]:
        """The model alone, which counts its rounds while the temperature falls."""
        after = self.annealing.count if self.anneal else None
        return {"model": Player([self], self.loss, after=after)}


def with_gumbel_noise(logits: Tensor) -> Tensor:
    """Logits, (..., K), plus noise by which their argmax is a draw of softmax(logits)."""
    return logits - (-torch.rand_like(logits).log()).log()


def drawn(logits: Tensor) -> Tensor:
    """One-hot draws of softmax(logits), (..., K), without a gradient."""
    return one_hot(with_gumbel_noise(logits).argmax(-1), logits.shape[-1]).to(logits.dtype)


def relaxed(logits: Tensor, temperature: Tensor | float, straight: bool = False) -> Tensor:
    """Soft draws of softmax(logits), (..., K): positive, and of the sum 1.

    Args:
        logits: (..., K).
        temperature: above 0; the lower, the nearer a draw is to a corner.
        straight: whether the values are one-hot, with the gradient of the soft draw.
    """
    soft = (with_gumbel_noise(logits) / temperature).softmax(-1)
    if not straight:
        return soft
    hard = one_hot(soft.argmax(-1), soft.shape[-1]).to(soft.dtype)
    return hard + (soft - soft.detach())
