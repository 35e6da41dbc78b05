"""AC-GAN: a critic that also tells the class, and a generator that is paid for being told.

    critic(x)   = (s, l):  s the log odds of being real, l the logits of the K classes,   C(x) = softmax(l)
    critic      minimises  E softplus(-s(x)) + E softplus(s(G))  -  w (E log C(y | x) + E log C(c | G(z, c)))
    generator   minimises  E softplus(-s(G))                     -  w  E log C(c | G(z, c))

Both players want classes to be told apart. Rows of a class that the classifier is sure of are worth more than its
others, so that the generator learns those: samples are of their class, and of too few kinds. That is how the model is
known to fail.

Source: Odena, Olah, Shlens, "Conditional image synthesis with auxiliary classifier GANs", ICML 2017, arXiv:1610.09585,
    equations 2 and 3. Why it loses diversity: Gong and others, "Twin auxiliary classifiers GAN", NeurIPS 2019,
    arXiv:1907.02690, theorem 1.
Departs: penalties on the critic's slope can be added; the generator's loss is the non-saturating one, as in the
    authors' experiments.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from ...core import Classes, Losses, Space, at_least
from ...functional.adversarial.objectives import TwoPlayerObjective, non_saturating
from ...functional.adversarial.penalties import Penalty
from ..odds import FirstOdds
from .classes import ClassGame, check_game, told


class ACGAN(ClassGame):
    """A game of two on rows with a class.

    Args:
        space: space of x, Reals or Pixels.
        classes: number of classes, at least 2.
        generator: z, (n, latent), and classes, (n,), to n rows of as many numbers as x has.
        critic: x, (n, *shape), to (n, 1 + classes): the log odds of being real, then logits of the classes.
        latent: the size of z.
        weight: of the classes in both losses, at least 0.
        objective: what the two want small of the log odds.
        penalties: further terms of the critic's loss, on its log odds.
    """

    def __init__(
        self,
        space: Space,
        classes: int,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        weight: float = 1.0,
        objective: TwoPlayerObjective = non_saturating,
        penalties: Sequence[Penalty] = (),
    ):
        super().__init__()
        self.space, self.context_space = space, Classes(classes)
        self.classes, self.latent, self.weight = classes, latent, weight
        self.odds = FirstOdds()
        self.generator, self.critic = generator, critic
        self.objective, self.penalties = objective, tuple(penalties)
        at_least(0, "ACGAN", weight=weight)
        check_game(self, classes, latent, 1 + classes)

    def critic_loss(self, x: Tensor, fake: Tensor, context: Tensor) -> Losses:
        """Both sides, and the classes of both."""
        real, of_real = self.split(self.critic(x))
        made, of_fake = self.split(self.critic(fake))
        classes = self.weight * (told(of_real, context) + told(of_fake, context))
        terms = self.objective.critic(real, made) | {"classes": classes}
        return terms | self.penalty_terms(x, fake)

    def generator_loss(self, x: Tensor, fake: Tensor, context: Tensor) -> Losses:
        """The other half, and the classes that it was asked for."""
        made, of_fake = self.split(self.critic(fake))
        real = self.real(x) if self.objective.relative else made.new_empty(0)
        terms = self.objective.generator(real, made)
        return terms | {"classes": self.weight * told(of_fake, context)}
