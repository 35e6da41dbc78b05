"""InfoGAN: a GAN some of whose noise must be told from its rows, so that it comes to mean something.

A generator may use its noise as it likes, and mostly tangles it. Here it is also given codes c, which a
recogniser Q must find again in the rows. How well it does bounds from below what rows tell of their codes,
so both want it large, and what is easy to see in data (the kind of a thing, its slant, its width) becomes a
code of its own, without any label. Q looks through the critic's trunk, and costs hardly more.

    z ~ N(0, I),   c = (k_1, k_2, ..., v),   k_i ~ uniform on 0 .. K_i - 1,   v_j ~ U(-1, 1)
    h(x)             the trunk,   D(x) = head(h(x)),   Q(c | x) = prod_i Q(k_i | x) prod_j N(v_j; m_j(x), s_j(x)^2)
    R                = -lambda E sum_i log Q(k_i | G(z, c)) - lambda_v E sum_j log Q(v_j | G(z, c))
    critic, with Q   minimises  E softplus(-D(x)) + E softplus(D(G(z, c))) + R
    generator        minimises  E softplus(-D(G(z, c))) + R
    E log Q(c | G(z, c)) + H(c)  <=  I(c; G(z, c)),       H(c) = sum_i log K_i + sum_j log 2   nats

What decodes and encodes is the row (z, one indicator for each class of each k_i, v). Q does not find z, so
that `encode` leaves it at its mean, 0.

Source: Chen, Duan, Houthooft, Schulman, Sutskever, Abbeel, "InfoGAN: interpretable representation learning by
    information maximizing generative adversarial nets", 2016, arXiv:1606.03657, equations 3 to 6 and section 6;
    the authors' code (github.com/openai/InfoGAN), in which the critic's loss holds R too.
Departs: z is normal; in the code it is uniform, too. The code has lambda = lambda_v = 1 where the paper asks for
    a smaller lambda_v, of the size of the game; here it is 0.1. Its deviations are s = 1 on MNIST, which makes
    of R a squared error, or exp(q / 2) of numbers q of Q; here they are 1 or exp(q). Both players see one draw of
    z and c; the code has one for each move.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ...core import (
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
from ...functional.adversarial.objectives import non_saturating
from ...functional.adversarial.sides import Sides, sides
from ...functional.densities.densities import log_normal


class InfoGANDeal(NamedTuple):
    """What each loss is given."""

    x: Tensor  # of the data
    fake: Tensor  # G(z, c), as many rows
    classes: Tensor  # k behind each of them, (n, categories), int64
    values: Tensor  # v behind each of them, (n, continuous)


class InfoGANCodes(NamedTuple):
    """What Q says of rows."""

    classes: tuple[Tensor, ...]  # Q(k_i | x), probabilities, (n, K_i) for each i
    means: Tensor  # of each v_j, (n, continuous)
    stds: Tensor  # the standard deviations, (n, continuous)


class InfoGAN(GenerativeModel):
    """A game of two, with a recogniser that both work with.

    Args:
        space: space of x, Reals or Pixels; pixels are kept in range by a tanh after the generator.
        generator: z and c side by side, (n, latent + sum of categories + continuous), to n rows of as many
            numbers as x has.
        trunk: x, (n, *shape), to features, (n, d), that critic and recogniser share.
        head: features to the critic's scores, (n, 1), log odds of being real.
        recogniser: features to the numbers of Q, (n, sum of categories + continuous), or with `learnt_std`
            (n, sum of categories + 2 continuous): logits, means, and logarithms of deviations.
        latent: the size of z, at least 0.
        categories: number of classes of each code that is a class, each at least 2.
        continuous: number of codes that are real numbers, at least 0.
        weight: lambda, of the classes, at least 0.
        continuous_weight: lambda_v, of the real numbers, at least 0.
        learnt_std: whether Q says how sure it is of each real number; otherwise its deviations are 1.
    """

    def __init__(
        self,
        space: Space,
        generator: nn.Module,
        trunk: nn.Module,
        head: nn.Module,
        recogniser: nn.Module,
        latent: int,
        categories: Sequence[int] = (10,),
        continuous: int = 2,
        weight: float = 1.0,
        continuous_weight: float = 0.1,
        *,
        learnt_std: bool = False,
    ):
        super().__init__()
        require("InfoGAN", space, Reals, Pixels, mend="for Bits and Tokens take BSGAN")
        at_least(0, "InfoGAN", latent=latent, continuous=continuous)
        at_least(0, "InfoGAN", weight=weight, continuous_weight=continuous_weight)
        for count in categories:
            at_least(2, "InfoGAN", categories=count)
        if not categories and not continuous:
            raise Refused("InfoGAN: there are no codes; categories or continuous ones are wanted")
        self.space, self.latent = space, latent
        self.categories, self.continuous = tuple(categories), continuous
        self.weight, self.continuous_weight = weight, continuous_weight
        self.learnt_std = learnt_std
        self.generator, self.trunk = generator, trunk
        self.head, self.recogniser = head, recogniser

    # z and c

    def draw_prior(
        self, n: int, classes: Tensor | None = None, values: Tensor | None = None
    ) -> Tensor:
        """Draws of z and c side by side, as `decode` takes them, with the codes that are given.

        Args:
            n: number of rows.
            classes: k of each row, (n, len(categories)), int64; drawn if not given.
            values: v of each row, (n, continuous), in [-1, 1] if they are to be like those of the training;
                drawn if not given.

        Raises:
            Refused: there are other codes than the model has, or a class that it does not have.
        """
        z = self.noise(n, self.latent)
        if classes is None:
            classes = self.draw_classes(n, z.device)
        elif classes.shape != (n, many := len(self.categories)):
            came = tuple(classes.shape)
            raise Refused(f"InfoGAN: classes have shape {came}; ({n}, {many}) is wanted")
        elif ((classes < 0) | (classes >= classes.new_tensor(self.categories))).any():
            wanted = " and ".join(f"0 .. {count - 1}" for count in self.categories)
            raise Refused(f"InfoGAN: classes are {classes.tolist()}; {wanted} are wanted in a row")
        if values is None:
            values = z.new_empty(n, self.continuous).uniform_(-1, 1)
        elif values.shape != (n, self.continuous):
            came = tuple(values.shape)
            raise Refused(f"InfoGAN: values have shape {came}; ({n}, {self.continuous}) is wanted")
        return self.joined(z, classes, values)

    def draw_classes(self, n: int, device: torch.device) -> Tensor:
        """Classes of n rows, (n, len(categories)), all equally likely."""
        drawn = [torch.randint(count, (n,), device=device) for count in self.categories]
        return torch.stack(drawn, 1) if drawn else torch.empty(n, 0, dtype=torch.int64).to(device)

    def joined(self, z: Tensor, classes: Tensor, values: Tensor) -> Tensor:
        """z, an indicator of each class, and v side by side."""
        columns = zip(classes.unbind(1), self.categories, strict=True)
        return torch.cat([z, *(one_hot(k, count).to(z) for k, count in columns), values], 1)

    def decode(self, z: Tensor) -> Tensor:
        """x, (n, *shape), from z and c as `draw_prior` lays them; on Pixels, not yet on the grid."""
        return self.space.squash(self.generator(z).reshape(-1, *self.space.shape))

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """(n, *shape), of all codes; `decode(draw_prior(n, classes))` gives rows of those wanted."""
        n = self.sample_count(n, context)
        return self.space.quantise(self.decode(self.draw_prior(n)))

    # Q

    def read(self, features: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        """What Q finds in features: log Q(k_i | x), (n, K_i) for each i, means and log deviations of v."""
        numbers = self.recogniser(features)
        wanted = sum(self.categories) + (1 + self.learnt_std) * self.continuous
        if numbers.shape[1:] != (wanted,):
            came = tuple(numbers.shape[1:])
            raise Refused(f"InfoGAN: the recogniser gives {came} for a row; ({wanted},) is wanted")
        *logits, real = numbers.split([*self.categories, wanted - sum(self.categories)], dim=1)
        means = real[:, : self.continuous]
        log_stds = real[:, self.continuous :] if self.learnt_std else torch.zeros_like(means)
        return [each.log_softmax(1) for each in logits], means, log_stds

    def log_q(self, features: Tensor, classes: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """log Q of classes and of real codes, given the features of rows, each (n,) nats."""
        logs, means, log_stds = self.read(features)
        each = [
            log.gather(1, k[:, None])[:, 0] for log, k in zip(logs, classes.unbind(1), strict=True)
        ]
        of_classes = torch.stack(each).sum(0) if each else means.new_zeros(len(means))
        return of_classes, log_normal(values, means, log_stds)

    def codes(self, x: Tensor) -> InfoGANCodes:
        """The probability of each class, and means and deviations of real codes, of rows (n, *shape)."""
        logs, means, log_stds = self.read(self.trunk(x))
        return InfoGANCodes(tuple(log.exp() for log in logs), means, log_stds.exp())

    def encode(self, x: Tensor) -> Tensor:
        """The likeliest classes and the means of real codes as `decode` takes them, with z = 0."""
        found = self.codes(x)
        z = found.means.new_zeros(len(x), self.latent)
        classes = [p.argmax(1) for p in found.classes]
        none = torch.empty(len(x), 0, dtype=torch.int64, device=x.device)
        return self.joined(z, torch.stack(classes, 1) if classes else none, found.means)

    @property
    def code_entropy(self) -> float:
        """H(c), nats: what rows could tell of their codes at most; that of real numbers is relative to 1."""
        return sum(map(math.log, self.categories)) + self.continuous * math.log(2)

    @torch.no_grad()
    def information(self, n: int = 1000) -> Tensor:
        """E log Q(c | G(z, c)) + H(c) over n draws, nats, (): at most what rows tell of their codes."""
        _, fake, classes, values = self.generated(n)
        of_classes, of_values = self.log_q(self.trunk(fake), classes, values)
        return (of_classes + of_values).mean() + self.code_entropy

    # the game

    def generated(self, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """z and c side by side, G(z, c), and the classes and the real codes of c, n rows each."""
        z = self.draw_prior(n)
        _, *indicators, values = z.split([self.latent, *self.categories, self.continuous], dim=1)
        classes = [each.argmax(1) for each in indicators]
        none = torch.empty(n, 0, dtype=torch.int64, device=z.device)
        return z, self.decode(z), torch.stack(classes, 1) if classes else none, values

    def deal(self, x: Tensor) -> InfoGANDeal:
        """x, as many rows G(z, c), and the codes behind these: one pass of the generator for both."""
        _, fake, classes, values = self.generated(len(x))
        return InfoGANDeal(x, fake, classes, values)

    def judged(self, dealt: tuple[Tensor, ...]) -> Sides:
        """The critic's scores of x and G(z, c), the first two that were dealt."""
        real, fake = (self.head(self.trunk(rows)) for rows in dealt[:2])
        return sides(non_saturating.critic, real, fake)

    def critic_loss(self, x: Tensor, fake: Tensor, classes: Tensor, values: Tensor) -> Losses:
        """Telling the sides apart, and finding the codes of fake rows again."""
        features = self.trunk(fake)
        scores = self.head(self.trunk(x)), self.head(features)
        return non_saturating.critic(*scores) | self.missed(features, classes, values)

    def generator_loss(self, x: Tensor, fake: Tensor, classes: Tensor, values: Tensor) -> Losses:
        """Rows that look like data, and in which codes can be found again."""
        features = self.trunk(fake)
        scores = self.head(features)
        terms = non_saturating.generator(scores.new_empty(0), scores)
        return terms | self.missed(features, classes, values)

    def missed(self, features: Tensor, classes: Tensor, values: Tensor) -> Losses:
        """R: what Q misses of the codes of fake rows, given their features."""
        of_classes, of_values = self.log_q(features, classes, values)
        terms = {"classes": -self.weight * of_classes.mean()} if self.categories else {}
        if self.continuous:
            terms["values"] = -self.continuous_weight * of_values.mean()
        return terms

    def players(self) -> dict[str, Player]:
        """The critic with trunk, head and recogniser, then the generator."""
        seers = [self.trunk, self.head, self.recogniser]
        return {
            "critic": Player(seers, self.critic_loss, role="critic"),
            "generator": Player([self.generator], self.generator_loss, role="generator"),
        }
