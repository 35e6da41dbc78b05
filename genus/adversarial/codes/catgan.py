"""CatGAN: a critic that sorts rows into classes, and tells the sides apart by how sure it is of them.

There is no class of fake rows, and no score. The critic is to be sure of the class of each real row, and at a
loss with fake ones, while its classes are to be equally many. Boundaries between classes then lie where there
are no data, since there the generator would find rows that are of no class: the classes are clusters of the
data, found without a label. The generator wants rows of which the critic is sure, of all classes alike. With
H[p] = -sum_k p_k log p_k,

    z ~ N(0, I),   p(y | x) = softmax(D(x)),   K classes
    critic      minimises  E H[p(y | x)] - H[E p(y | x)] - E H[p(y | G(z))] + alpha CE
    generator   minimises  E H[p(y | G(z))] - H[E p(y | G(z))]
    CE          = - mean over rows whose class is known of log p(y | x)

E over rows is the mean of a batch, also within H: a batch is to have several rows of each class. The first two
terms are -I(x; y), the information that the classes hold of the data. With alpha = 0 nothing is known of the
classes but their number; few labels say which cluster is called what, and mend those that are not classes.

Source: Springenberg, "Unsupervised and semi-supervised learning with categorical generative adversarial
    networks", 2016, arXiv:1511.06390, section 3.
Departs: z is normal. Real rows with a label count for the entropies as those without one do, as often as they
    come in a batch. Both players see one draw of z.
"""

from torch import Tensor, nn

from ...core import (
    Classes,
    Losses,
    Pixels,
    Reals,
    Space,
    at_least,
    require,
)
from ...functional.adversarial.objectives import wasserstein
from .classifying import Classifying


class Sureness(nn.Module):
    """sum_k p_k log p_k, which is -H[p]: logits, (n, K), to nats, (n,), in [-log K, 0]."""

    def forward(self, logits: Tensor) -> Tensor:
        log_p = logits.log_softmax(1)
        return (log_p.exp() * log_p).sum(1)


class CatGAN(Classifying):
    """A game of two over K classes; without labels, or with few of them.

    Args:
        space: space of x, Reals or Pixels; pixels are kept in range by a tanh after the generator.
        generator: z, (n, latent), to n rows of as many numbers as x has.
        critic: x, (n, *shape), to logits of the classes, (n, K).
        latent: the size of z.
        classes: number of classes, K.
        alpha: weight of the classification of labelled rows, at least 0. Above 0, a class comes with each x, or
            -1 where it is not known, and samples may be asked for by class; at 0, rows come alone.
    """

    def __init__(
        self,
        space: Space,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        classes: int,
        alpha: float = 0.0,
    ):
        super().__init__()
        require("CatGAN", space, Reals, Pixels)
        at_least(1, "CatGAN", latent=latent)
        at_least(2, "CatGAN", classes=classes)
        at_least(0, "CatGAN", alpha=alpha)
        self.space, self.latent, self.classes, self.alpha = space, latent, classes, alpha
        self.context_space = Classes(classes) if alpha else None
        self.generator, self.critic, self.score = generator, critic, Sureness()
        self.objective = wasserstein

    def balance(self, logits: Tensor) -> Tensor:
        """-H[E p(y | x)] over a batch, nats, (): -log K where classes are equally many."""
        mean = logits.log_softmax(1).logsumexp(0, keepdim=True)  # up to a constant: logits of E p
        return self.score(mean)[0]

    def critic_loss(self, x: Tensor, fake: Tensor, y: Tensor) -> Losses:
        """Sure of real rows, of all classes alike; at a loss with fake ones; right about labels."""
        logits = self.class_logits(x)
        real = self.score(logits)
        terms = self.objective.critic(real, self.score(self.class_logits(fake)))
        terms["balance"] = self.balance(logits)
        if self.alpha:
            terms["classification"] = self.alpha * self.mistakes(logits, y)
        return terms

    def generator_loss(self, x: Tensor, fake: Tensor, y: Tensor) -> Losses:
        """Rows of which the critic is sure, of all classes alike."""
        logits = self.class_logits(fake)
        terms = self.objective.generator(logits.new_empty(0), self.score(logits))
        return terms | {"balance": self.balance(logits)}
