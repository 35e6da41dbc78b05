"""NaiveBayes: the columns of a row depend on its class, and given the class on nothing else.

Counting is all there is to learn, and Bayes' rule turns it round:

    p(x | c) = prod_i p_ci(x_i)          p(c) = (rows of class c + alpha) / (rows + alpha classes)
    p(c | x) = p(c) p(x | c) / sum_c' p(c') p(x | c')

On Bits p_ci is a Bernoulli distribution, on Tokens and Pixels a categorical one, on Reals a normal one.

Source: Murphy, "Machine learning: a probabilistic perspective", 2012, section 3.5; Ng, Jordan, "On
    discriminative vs. generative classifiers: a comparison of logistic regression and naive Bayes", 2001.
Departs: no variance is let below `floor`, and a value that no row has is as rare as a millionth of a row,
    and not impossible, at alpha = 0. A class without rows has what alpha says, on Reals a standard normal.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ..core import Classes, GenerativeModel, Losses, Space, at_least, require
from .products import LEAST, NormalProducts, products


class NaiveBayes(GenerativeModel):
    """p(x | class), and the class of x by Bayes' rule.

    Args:
        space: Bits, Pixels, Tokens that do not end, or Reals.
        context_space: the classes.
        smoothing: alpha, how often each value is taken to have been seen in each column of each class
            before, and each class; at least 0.
        floor: the least variance on Reals, positive, in the square of the data's unit.
    """

    def __init__(
        self, space: Space, context_space: Classes, smoothing: float = 1.0, floor: float = 1e-6
    ):
        super().__init__()
        require("NaiveBayes: the context", context_space, Classes)
        at_least(0, "NaiveBayes", smoothing=smoothing)
        self.space, self.context_space = space, context_space
        self.smoothing, self.floor = smoothing, floor
        self.classes = context_space.count
        self.logits = nn.Parameter(torch.zeros(context_space.count))  # log p(c), up to a constant
        self.products = products("NaiveBayes", space, context_space.count)
        if isinstance(self.products, NormalProducts):
            self.products.floor = floor

    def log_prob(self, x: Tensor, context: Tensor) -> Tensor:
        return self.products.log_each(x).gather(1, context[:, None]).squeeze(1)

    def log_classes(self, x: Tensor) -> Tensor:
        """log p(c | x) of each class, (n, classes)."""
        return (self.products.log_each(x) + self.logits.log_softmax(0)).log_softmax(1)

    @torch.no_grad()
    def fit(self, x: Tensor, context: Tensor) -> Iterator[Losses]:
        """Counts the rows of each class: one step."""
        shares = one_hot(context, self.classes).to(self.logits)
        self.logits.copy_((shares.sum(0) + max(self.smoothing, LEAST)).log())
        self.products.maximise(x, shares, self.smoothing)
        yield self.loss(x, context)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        which = self.context_given(n, context)
        shape = (len(which), self.space.dims)
        u = torch.rand(shape, dtype=self.logits.dtype, device=self.logits.device)
        return self.products.draw(which, u)
