"""How real a row is, where a critic's numbers also say which class it is of.

Log odds s(x) of being real, and logits l(x) of the K classes, are made of the numbers of a row in three ways. A class
beside those of the data, which stands for fake, is no other kind of game: of a softmax over K + 1 logits,

    -log p(y | x)      =  softplus(-s(x)) - log softmax(l_1 .. l_K)_y        s = log sum_k exp(l_k) - l_(K+1)
    -log p(K + 1 | x)  =  softplus(s(x))

and since a number that is added to all logits changes nothing, l_(K+1) can as well be 0.

Source: Salimans and others, "Improved techniques for training GANs", 2016, arXiv:1606.03498, section 5; Zhou and
    others, "Activation maximization generative adversarial nets", ICLR 2018, arXiv:1703.02000, section 3.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Odds(nn.Module, ABC):
    """Log odds of being real, (n,), of what a critic gives; a module, so that whoever examines a game can see them."""

    @abstractmethod
    def forward(self, numbers: Tensor) -> Tensor: ...

    @abstractmethod
    def classes(self, numbers: Tensor) -> Tensor:
        """The logits of the classes, (n, count)."""


class FirstOdds(Odds):
    """The first number is the log odds, and the others are logits of the classes."""

    def forward(self, numbers: Tensor) -> Tensor:
        return numbers[:, 0]

    def classes(self, numbers: Tensor) -> Tensor:
        return numbers[:, 1:]


class OddsAgainstFake(Odds):
    """All numbers are logits, of which the last is that of being fake."""

    def forward(self, numbers: Tensor) -> Tensor:
        return numbers[:, :-1].logsumexp(1) - numbers[:, -1]

    def classes(self, numbers: Tensor) -> Tensor:
        return numbers[:, :-1]


class OddsOfAnyClass(Odds):
    """All numbers are logits of the classes; that of being fake is 0."""

    def forward(self, numbers: Tensor) -> Tensor:
        return numbers.logsumexp(1)

    def classes(self, numbers: Tensor) -> Tensor:
        return numbers
