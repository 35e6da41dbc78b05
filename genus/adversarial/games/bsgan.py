"""BS-GAN: a generator of bits or tokens that learns by the critic's scores, not by their slope.

No slope leads from a critic to a generator of discrete rows. But the critic gives more than who is
right: at its best, its logit is the logarithm of p(x) / q(x), so its exponential is the weight that
turns the generator's rows into the data's. For each z, M rows are drawn and weighed against each
other, and the generator raises the log-probabilities of the heavy ones.

    z ~ N(0, I),   x_m ~ g(. | z),   m = 1 .. M,   g(x | z) = prod_i g(x_i | z)
    critic      minimises  E softplus(-D(x)) + E softplus(D(x_m))
    w~_m = exp D(x_m) / sum_l exp D(x_l)
    generator   minimises  -E sum_m (w~_m - 1/M) log g(x_m | z),      the w~_m held fixed

What this descends. Let p_M(x | z) = E sum_m w~_m [x_m = x] be the law of one of the M rows, drawn by its
weight. For any function h, E sum_m w~_m h(x_m) = sum_x p_M(x | z) h(x); with h = grad log g(. | z),

    E sum_m w~_m grad log g(x_m | z) = -grad KL(p_M(. | z) || g(. | z)),      p_M held fixed

exactly and for every M, and the 1/M takes nothing away, for E grad log g = 0. As M grows, p_M becomes
p~(x | z) = exp D(x) g(x | z) / alpha(z); where the critic is at its best, its mean over z is p if alpha
is 1 everywhere. With M = 1, p_M is g, and nothing is learnt.

Source: Hjelm, Jacob, Che, Trischler, Cho, Bengio, "Boundary-seeking generative adversarial networks",
    2018, arXiv:1702.08431, its discrete form, with the weights of the Jensen-Shannon critic.
Departs: 1/M is taken off each weight: the expectation is the same, the noise less, and none is left
    where the critic cannot tell rows apart. z is normal.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot, softplus

from ...core import Bits, GenerativeModel, Losses, Player, Refused, Space, Tokens, require
from ...functional.adversarial.objectives import non_saturating
from ...functional.adversarial.sides import Sides, sides


class BSGANDeal(NamedTuple):
    """What each loss is given."""

    x: Tensor  # of the data, (n, *shape)
    fake: Tensor  # rows drawn for n draws of z, (n, samples, *shape)
    log_g: Tensor  # log g(x | z) of each, (n, samples)


class BSGAN(GenerativeModel):
    """A game of two on bits or tokens.

    Args:
        space: Bits or Tokens.
        generator: z, (n, latent), to logits: (n, *shape) of 1 for bits, (n, length, vocabulary) for
            tokens, or as many numbers in another shape.
        critic: rows to one logit each, high for data. Bits are shown as they are, (n, *shape), tokens
            as indicators, (n, length * vocabulary).
        latent: the size of z.
        samples: M, rows drawn for each z in a round, at least 2.
    """

    def __init__(
        self, space: Space, generator: nn.Module, critic: nn.Module, latent: int, samples: int = 20
    ):
        super().__init__()
        require("BSGAN", space, Bits, Tokens, mend="for Reals and Pixels take GAN")
        if samples < 2:
            raise Refused(
                f"BSGAN: samples is {samples}; at least 2 are wanted, because each row is weighted "
                f"against the others of its z"
            )
        self.space, self.latent, self.samples = space, latent, samples
        self.generator, self.critic = generator, critic

    def conditional(self, z: Tensor) -> Tensor:
        """Logits of g(. | z): (n, *shape) for bits, (n, length, vocabulary) for tokens."""
        last = (self.space.vocabulary,) if isinstance(self.space, Tokens) else ()
        return self.generator(z).reshape(-1, *self.space.shape, *last)

    def log_conditional(self, x: Tensor, logits: Tensor) -> Tensor:
        """log g(x | z), nats, (n, m), of m rows for each z: x is (n, m, *shape)."""
        logits = logits[:, None]
        if isinstance(self.space, Tokens):
            each = logits.log_softmax(-1).expand(*x.shape, -1).gather(-1, x[..., None])
        else:
            each = x * logits - softplus(logits)
        return each.flatten(2).sum(2)

    @torch.no_grad()
    def rows(self, logits: Tensor, m: int) -> Tensor:
        """(n, m, *shape): m draws from each g(. | z)."""
        if isinstance(self.space, Tokens):
            drawn = logits.softmax(-1).flatten(0, 1).multinomial(m, replacement=True)
            return drawn.reshape(-1, self.space.length, m).transpose(1, 2)
        return logits[:, None].sigmoid().expand(-1, m, *self.space.shape).bernoulli()

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *shape)."""
        n = self.sample_count(n, context)
        return self.rows(self.conditional(self.noise(n, self.latent)), 1)[:, 0]

    def score(self, x: Tensor) -> Tensor:
        """The critic's logits, (n,), of rows (n, *shape)."""
        if isinstance(self.space, Tokens):
            x = one_hot(x, self.space.vocabulary).flatten(1).to(next(self.parameters()).dtype)
        return self.critic(x).reshape(len(x))

    def deal(self, x: Tensor) -> BSGANDeal:
        """x, (n, *shape); rows of n draws of z, (n, samples, *shape); their log g, (n, samples)."""
        logits = self.conditional(self.noise(len(x), self.latent))
        fake = self.rows(logits, self.samples)
        return BSGANDeal(x, fake, self.log_conditional(fake, logits))

    def judged(self, dealt: BSGANDeal) -> Sides:
        """The critic's scores of data, and of all fake rows."""
        real, fake = self.score(dealt[0]), self.score(dealt[1].flatten(0, 1))
        return sides(non_saturating.critic, real, fake)

    def critic_loss(self, x: Tensor, fake: Tensor, log_g: Tensor) -> Losses:
        """Telling data from all fake rows."""
        return non_saturating.critic(self.score(x), self.score(fake.flatten(0, 1)))

    def generator_loss(self, x: Tensor, fake: Tensor, log_g: Tensor) -> Losses:
        """Rows that weigh more than the others of their z become more probable."""
        with torch.no_grad():
            weights = self.score(fake.flatten(0, 1)).reshape(log_g.shape).softmax(1)
        return {"boundary": -((weights - 1 / fake.shape[1]) * log_g).sum(1).mean()}

    def players(self) -> dict[str, Player]:
        """The critic, then the generator."""
        return {
            "critic": Player([self.critic], self.critic_loss, role="critic"),
            "generator": Player([self.generator], self.generator_loss, role="generator"),
        }
