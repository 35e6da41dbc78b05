"""Improved GAN: a classifier of K classes that tells fake rows by being one of no class.

The critic gives K logits. A further class, of fake rows, would have a logit that can be fixed at 0, so that none
is needed: a row is real as far as its logits are large together. Labels of few rows say which class is which;
rows without a label, and fake ones, say where the data are, which a boundary between classes had better avoid.
With l = D(x), phi(x) the critic's last hidden layer, and sp(a) = log(1 + e^a),

    z ~ N(0, I),   Z(x) = sum_k exp l_k(x),   p(real | x) = Z / (Z + 1),   p(y | x, real) = exp l_y / Z
    critic      minimises  - mean over labelled rows of log p(y | x, real)
                           + w/2 (E sp(-log Z(x)) + E sp(log Z(G(z))))
    generator   minimises  |E phi(x) - E phi(G(z))|^2                           (feature matching)
                or         the generator's half of a game of log odds, at log Z(G(z))

Matching features makes a good classifier and poor samples; a game with a critic that sees rows together
(`MinibatchDiscrimination`) makes better samples and a poorer classifier. The critic is to be tested with the
average of its weights over rounds (`Run(ema=...)`), which the paper's figures have.

Source: Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen, "Improved techniques for training GANs", 2016,
    arXiv:1606.03498, sections 3.1, 3.2 and 5; w, the halves, and the average are those of the authors' code
    (github.com/openai/improved-gan, mnist_svhn_cifar10).
Departs: z is normal; in the code it is uniform. The code matches means of features by the mean of squares (MNIST)
    or of absolute gaps (SVHN, CIFAR-10); this has the paper's squared norm. With minibatch discrimination, the code's
    generator minimises E log p(fake | G(z)), which is `minimax`, three times in a round. The code's labelled rows are
    a batch of their own, and all rows come again as unlabelled ones; here those of one batch are both. Both players see
    one draw of z and of x.
"""

from torch import Tensor, nn

from ...core import (
    Classes,
    Losses,
    Pixels,
    Reals,
    Refused,
    Space,
    at_least,
    require,
)
from ...functional.adversarial.objectives import TwoPlayerObjective, non_saturating
from ...functional.adversarial.penalties import feature_matching
from ..odds import OddsOfAnyClass
from .classifying import Classifying


class ImprovedGAN(Classifying):
    """A game of two whose critic learns K classes from few labels; -1 as a label says that it is not known.

    Args:
        space: space of x, Reals or Pixels; pixels are kept in range by a tanh after the generator.
        generator: z, (n, latent), to n rows of as many numbers as x has.
        critic: x, (n, *shape), to logits of the classes, (n, K), with a method `features`, x to the numbers
            that are to be matched, (n, d), if these are.
        latent: the size of z.
        classes: number of classes, K.
        weight: w, of telling the sides apart beside classification, at least 0.
        game: objective whose half the generator plays at the log odds of its rows, such as non_saturating or
            minimax of `genus.functional.adversarial.OBJECTIVES`; None matches features.
    """

    def __init__(
        self,
        space: Space,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        classes: int,
        weight: float = 1.0,
        game: TwoPlayerObjective | None = None,
    ):
        super().__init__()
        require("ImprovedGAN", space, Reals, Pixels)
        at_least(1, "ImprovedGAN", latent=latent)
        at_least(2, "ImprovedGAN", classes=classes)
        at_least(0, "ImprovedGAN", weight=weight)
        if game is not None and game.relative:
            raise Refused(
                f"ImprovedGAN: game is {game.name}, which compares rows of both sides; one that looks at fake "
                f"rows alone is wanted, such as non_saturating"
            )
        if game is None and not hasattr(critic, "features"):
            raise Refused(
                f"ImprovedGAN: critic is {type(critic).__name__}, which has no features to match; one with a "
                f"method `features` is wanted, or give a game"
            )
        self.space, self.context_space, self.latent = space, Classes(classes), latent
        self.classes, self.weight, self.game = classes, weight, game
        self.generator, self.critic, self.score = generator, critic, OddsOfAnyClass()
        self.objective = non_saturating

    def critic_loss(self, x: Tensor, fake: Tensor, y: Tensor) -> Losses:
        """Right about labels; sure that real rows are of some class, and fake ones of none."""
        logits = self.class_logits(x)
        real = self.score(logits)
        apart = self.objective.critic(real, self.score(self.class_logits(fake)))
        terms = {name: self.weight / 2 * term for name, term in apart.items()}
        return {"classification": self.mistakes(logits, y)} | terms

    def generator_loss(self, x: Tensor, fake: Tensor, y: Tensor) -> Losses:
        """Features as those of data, on the average; or high log odds."""
        if self.game is None:
            return {"features": feature_matching(self.critic, x, fake)}
        scores = self.score(self.class_logits(fake))
        return self.game.generator(scores.new_empty(0), scores)
