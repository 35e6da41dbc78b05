"""AM-GAN: the critic's classes are those of the data and one more, fake; each fake row is drawn to one class alone.

    critic(x)   = l:  K + 1 logits, of which the last is that of being fake
    critic      minimises  -E log p(y | x) - E log p(K + 1 | G)
    generator   minimises  -E log p(t | G),     t = c, or the class in 1 .. K of the largest logit     (dynamic)

A generator that only wants not to be called fake is drawn to all classes at once, to each as much as the critic
believes in it: what moves it is a mean of several directions. With one target it is drawn to one, which maximises one
activation. Both losses are those of log odds and of classes, apart (`odds`). Targets are the classes that were asked for, or those that a row already looks like most.

Source: Zhou and others, "Activation maximization generative adversarial nets", ICLR 2018, arXiv:1703.02000, section 4;
    the dynamic targets as in the authors' code, without a gradient through the choice.
Departs: penalties on the critic's slope can be added. With dynamic targets, c is no more than noise to the generator.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from ...core import Classes, Losses, Space
from ...functional.adversarial.penalties import Penalty
from ..odds import OddsAgainstFake
from .classes import ClassGame, check_game, told


class AMGAN(ClassGame):
    """A game of two on rows with a class.

    Args:
        space: space of x, Reals or Pixels.
        classes: number of classes, at least 2.
        generator: z, (n, latent), and classes, (n,), to n rows of as many numbers as x has.
        critic: x, (n, *shape), to (n, classes + 1): logits of the classes, and last that of being fake.
        latent: the size of z.
        dynamic: True takes the class that a fake row looks like most as its target, False the one asked for.
        penalties: further terms of the critic's loss, on its log odds of being real.
    """

    def __init__(
        self,
        space: Space,
        classes: int,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        dynamic: bool = False,
        penalties: Sequence[Penalty] = (),
    ):
        super().__init__()
        self.space, self.context_space = space, Classes(classes)
        self.classes, self.latent, self.dynamic = classes, latent, dynamic
        self.odds = OddsAgainstFake()
        self.generator, self.critic, self.penalties = generator, critic, tuple(penalties)
        check_game(self, classes, latent, classes + 1)

    def critic_loss(self, x: Tensor, fake: Tensor, context: Tensor) -> Losses:
        """Real rows are of their class, and fake rows are fake."""
        real, of_real = self.split(self.critic(x))
        terms = self.objective.critic(real, self.real(fake)) | {"classes": told(of_real, context)}
        return terms | self.penalty_terms(x, fake)

    def generator_loss(self, x: Tensor, fake: Tensor, context: Tensor) -> Losses:
        """Fake rows are of their target."""
        made, of_fake = self.split(self.critic(fake))
        target = of_fake.argmax(1) if self.dynamic else context
        terms = self.objective.generator(made.new_empty(0), made)
        return terms | {"classes": told(of_fake, target)}
