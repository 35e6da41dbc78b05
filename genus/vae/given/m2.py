"""M2: a VAE with a class beside its latent, which learns to classify from few labels and many rows without one.

A class y and a style z make x together. The class of most rows is not known, and there are so few of them that the
bound takes the sum over all: each class is tried, and counts as much as the classifier q(y | x) believes in it. So
the classifier learns from a row without a label which class makes it cheap; labels say which class is called what.

    p(x, y, z)     = p(y) p(z) p(x | y, z),    p(y) = 1/K,  p(z) = N(0, I)
    q(y, z | x)    = q(y | x) q(z | x, y),     q(z | x, y) = N(m(x, y), s(x, y)^2)
    elbo(x | y)    = E_q(z|x,y) log p(x | y, z) - KL(q(z | x, y) || p(z))                       <=  log p(x | y)
    elbo(x)        = sum_y q(y | x) (elbo(x | y) + log p(y) - log q(y | x))                     <=  log p(x)
    w(x, y, z)     = p(x | y, z) p(z) / q(z | x, y),    E w = p(x | y),    E sum_y p(y) w(x, y, z_y) = p(x)
    loss           = - mean over rows of elbo(x), or of elbo(x | y) + log p(y) where y is known
                     - alpha * mean over known labels of log q(y | x)

The bounds leave q(y | x) of a row with a label untaught, so a term of classification is added. The sum over classes
costs as many passes through the decoder. Trained on the codes of another VAE in the place of pixels, this is M1+M2.

Source: Kingma, Rezende, Mohamed, Welling, "Semi-supervised learning with deep generative models", 2014,
    arXiv:1406.5298, equations 2 to 9. In equation 9, alpha counts against a sum over all N rows: it is 0.1 N there.
Departs: log deviations, pixels and real numbers are as in `amortised`; p(y) is uniform, and not learnt; weights have
    no prior. A batch need not have as many labels as the data: `share` says how much bounds of labelled rows count.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import linear, one_hot

from ...core import (
    Bits,
    Classes,
    GenerativeModel,
    Losses,
    Pixels,
    Reals,
    Refused,
    Space,
    at_least,
    in_range,
    require,
)
from ...functional.densities.densities import kl_normal, log_normal
from ...nn import MLP
from ..amortised import check_likelihood
from ..likelihoods import NOISY, Likelihood, NoiseDecoding, fitting

UNKNOWN = -1  # the label of a row whose class is not known


class M2(GenerativeModel):
    """A model of rows of several classes; -1 as a label says that the class of a row is not known.

    Scores of a row with a label are of p(x | y), those without of p(x).

    Args:
        space: Bits, Reals or Pixels, of any shape: networks are perceptrons.
        classes: number of classes, K.
        latent: the size of z.
        hidden: widths of the hidden layers of classifier, encoder and decoder.
        dropout: share of hidden units set to zero in a round of training, in [0, 1).
        likelihood: what the decoder's numbers mean; the one that fits the space if none is given.
        alpha: weight of the classification of a labelled row beside the bound of a row, at least 0.
        share: share of rows that have a label among all data, in [0, 1], by which the bounds of these count;
            None counts them as often as they come in a batch.
    """

    sampling_options = NoiseDecoding

    def __init__(
        self,
        space: Space,
        classes: int,
        latent: int = 16,
        hidden: tuple[int, ...] = (256, 256),
        dropout: float = 0.0,
        likelihood: Likelihood | None = None,
        alpha: float = 0.1,
        share: float | None = None,
    ):
        super().__init__()
        require("M2", space, Bits, Reals, Pixels)
        at_least(2, "M2", classes=classes)
        at_least(1, "M2", latent=latent)
        at_least(0, "M2", alpha=alpha)
        in_range("M2", "[0, 1)", dropout=dropout)
        if share is not None and not 0 <= share <= 1:
            raise Refused(f"M2: share is {share}; a number in [0, 1] is wanted, or None")
        self.space, self.context_space = space, Classes(classes)
        self.classes, self.latent, self.hidden = classes, latent, tuple(hidden)
        self.dropout, self.alpha, self.share = dropout, alpha, share
        self.likelihood = fitting(space) if likelihood is None else likelihood
        check_likelihood("M2", self.likelihood, space)
        numbers = self.likelihood.numbers * space.dims
        self.classifier = MLP(space.dims, classes, hidden, dropout)
        self.encoder = MLP(space.dims + classes, 2 * latent, hidden, dropout)
        self.decoder = MLP(latent + classes, numbers, hidden, dropout)

    # the distributions

    def log_classes(self, x: Tensor) -> Tensor:
        """log q(y | x) of each class, (n, classes)."""
        return self.classifier(x.flatten(1)).log_softmax(1)

    def classify(self, x: Tensor) -> Tensor:
        """q(y | x), probabilities of the classes, (n, classes)."""
        return self.log_classes(x).exp()

    def posterior(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log standard deviation of q(z | x, y), each (k n, latent), of classes y, (k n,)."""
        mean, log_std = told(self.encoder, x.flatten(1), y).chunk(2, dim=1)
        return mean, log_std

    def numbers(self, z: Tensor, y: Tensor) -> Tensor:
        """What the likelihood makes of z and the class, (n, numbers * c, ...)."""
        return told(self.decoder, z, y).unflatten(1, (-1, *self.space.shape[1:]))

    def terms(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """The halves of -elbo(x | y), each (k n,) nats: what reconstruction costs, and what the guess of z costs.

        Args:
            x: rows, (n, *space.shape).
            y: k classes for each, (k n,); all rows once come before any row again.
        """
        mean, log_std = self.posterior(x, y)
        z = mean + log_std.exp() * torch.randn_like(mean)
        return -self._log_likelihood(x, z, y), kl_normal(mean, log_std)

    def log_weights_of(self, x: Tensor, y: Tensor) -> Tensor:
        """log w(x, y, z) of one draw of z for each class, (k n,) nats; arguments as in `terms`."""
        mean, log_std = self.posterior(x, y)
        z = mean + log_std.exp() * torch.randn_like(mean)
        return self._log_likelihood(x, z, y) + log_normal(z) - log_normal(z, mean, log_std)

    def _log_likelihood(self, x: Tensor, z: Tensor, y: Tensor) -> Tensor:
        rows = x.repeat(len(y) // max(1, len(x)), *[1] * (x.dim() - 1))
        return self.likelihood.log_prob(rows, self.numbers(z, y))

    def all_classes(self, x: Tensor) -> Tensor:
        """Every class for each row, (classes * n,), as `terms` takes them."""
        return torch.arange(self.classes, device=x.device).repeat_interleave(len(x))

    def by_class(self, values: Tensor) -> Tensor:
        """What was found for `all_classes`, (classes * n,), as a table, (n, classes)."""
        return values.unflatten(0, (self.classes, -1)).T

    # scores, codes and samples

    def elbo(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The bound from one draw of z for each class, (n,) nats: of p(x | y), or of p(x) where y is not known."""
        log_q = self.log_classes(x)

        def joined(bounds: Tensor) -> Tensor:
            return (log_q.exp() * (bounds - math.log(self.classes) - log_q)).sum(1)

        return self._scored(self._bound, joined, x, context)

    def log_weight(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """log w of one draw of z for each class, (n,) nats: of p(x | y), or of p(x) where y is not known."""

        def joined(log_w: Tensor) -> Tensor:
            return log_w.logsumexp(1) - math.log(self.classes)

        return self._scored(self.log_weights_of, joined, x, context)

    def _bound(self, x: Tensor, y: Tensor) -> Tensor:
        reconstruction, kl = self.terms(x, y)
        return -reconstruction - kl

    def _scored(
        self,
        score: Callable[[Tensor, Tensor], Tensor],
        joined: Callable[[Tensor], Tensor],
        x: Tensor,
        y: Tensor | None,
    ) -> Tensor:
        """The score of each row and its class; where this is not known, what joins those of all classes."""
        if y is not None and (y >= 0).all():
            return score(x, y)
        each = self.by_class(score(x, self.all_classes(x)))
        if y is None:
            return joined(each)
        return torch.where(y >= 0, of_class(each, y), joined(each))

    def encode(self, x: Tensor, context: Tensor | None = None) -> Tensor:
        """The mean of q(z | x, y), (n, latent); of the likeliest class where y is not known."""
        likeliest = self.log_classes(x).argmax(1)
        y = likeliest if context is None else torch.where(context >= 0, context, likeliest)
        return self.posterior(x, y)[0]

    def decode(self, z: Tensor, context: Tensor) -> Tensor:
        """The mean of p(x | y, z), (n, *space.shape): in the range of x, but not on its grid."""
        if (context < 0).any():
            raise Refused(
                "M2: decode got a class of -1; a class in 0 .. classes - 1 is wanted for each code"
            )
        return self.likelihood.mean(self.numbers(z, context))

    def check_given(self, context: Tensor) -> None:
        """As of any model, but that -1 leaves the class open."""
        super().check_given(context.masked_fill(context == UNKNOWN, 0))

    @torch.no_grad()
    def sample(
        self,
        n: int | None = None,
        context: Tensor | None = None,
        decoding: NoiseDecoding = NOISY,
    ) -> Tensor:
        """x, (n, *space.shape), of the classes that are given, (n,), or of a class that is drawn where there is none."""
        if context is None and n is not None:
            context = self.noise(n).new_full((n,), UNKNOWN, dtype=torch.int64)
        y = self.context_given(n, context)
        y = torch.where(y >= 0, y, torch.randint_like(y, self.classes))
        numbers = self.numbers(self.noise(len(y), self.latent), y)
        if decoding.mean:
            return self.likelihood.mean(numbers)
        return self.likelihood.sample(numbers, decoding.temperature)

    # the game

    def loss(self, x: Tensor, context: Tensor | None = None) -> Losses:
        """Reconstruction, KL of z, KL of the class, and classification, nats; a label of -1 is not known.

        Where a class is known, it has all the belief in the place of q(y | x), and its KL is -log p(y).
        """
        y = torch.full((len(x),), UNKNOWN, device=x.device) if context is None else context
        known, log_q = y >= 0, self.log_classes(x)
        label = one_hot(y.clamp(min=0), self.classes).to(log_q.dtype)
        belief = torch.where(known[:, None], label, log_q.exp())
        weight = self._weights(known).to(log_q.dtype)
        reconstruction, kl = map(self.by_class, self.terms(x, self.all_classes(x)))
        kl_class = math.log(self.classes) + (log_q.exp() * log_q).sum(1).masked_fill(known, 0.0)
        mistakes = -(label * log_q).sum(1).masked_fill(~known, 0.0).sum() / known.sum().clamp(min=1)
        return {
            "reconstruction": weight @ (belief * reconstruction).sum(1),
            "kl": weight @ (belief * kl).sum(1),
            "kl_class": weight @ kl_class,
            "classification": self.alpha * mistakes,
        }

    def _weights(self, known: Tensor) -> Tensor:
        """How much the bound of each row counts, (n,); all together 1, if there are rows of both kinds."""
        if self.share is None:
            return torch.full((len(known),), 1 / len(known), device=known.device)
        many = known.sum()
        ours, others = (count.clamp(min=1) for count in (many, len(known) - many))
        return torch.where(known, self.share / ours, (1 - self.share) / others)


def told(network: MLP, x: Tensor, y: Tensor) -> Tensor:
    """A perceptron of rows beside their classes as one-hot numbers, (k n, d_out).

    What its first layer makes of a row is computed once for all classes.

    Args:
        network: perceptron of d + K numbers.
        x: rows, (n, d).
        y: k classes for each, (k n,), int64 in 0 .. K - 1; all rows once come before any row again.
    """
    first, *others = network
    assert isinstance(first, torch.nn.Linear)
    of_rows, of_classes = first.weight.split([x.shape[1], network.d_in - x.shape[1]], dim=1)
    seen = linear(x, of_rows, first.bias).repeat(len(y) // max(1, len(x)), 1) + of_classes.T[y]
    for layer in others:
        seen = layer(seen)
    return seen


def of_class(table: Tensor, y: Tensor) -> Tensor:
    """The column of each row's class, (n,), of a table, (n, classes); of the first where that is -1."""
    return table.gather(1, y.clamp(min=0)[:, None])[:, 0]
