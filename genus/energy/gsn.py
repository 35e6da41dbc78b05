"""GSN: a generative stochastic network, a noisy chain of bits that is learnt by backpropagation.

A denoising autoencoder is asked for the clean x behind a corrupted one. To corrupt, and to draw what it
answers, is a step of a Markov chain, and where that chain settles is the model: no density is written
down. Layers above the first remember more than x, and are moved in turn like those of a deep Boltzmann
machine, all odd ones and then all even ones, with noise.

    h^0 = x~         each bit of x is replaced by a fair coin with chance c
    h^i = eta + tanh(eta' + h^(i-1) W^i + h^(i+1) W^(i+1)T + b^i)         eta, eta' ~ N(0, s_i^2)
    P(x | h^1) = prod_j Bernoulli(x_j; sigmoid(h^1 W^1T + b^0)_j)         the next x is a draw of it
    loss = -sum_t log P(x | h^1_t),  t = 1 ... walkbacks                  of the data's x, in each step

So the chain learns to come back from where it goes (walkback). One hidden layer is the generalised
denoising autoencoder. A sample is drawn from the last h^1 of a chain, so its distribution is the mean of
P(x | h^1) over such h^1, of which genus.measure.likelihood.samplebound makes a lower bound of log p(x).

An answer treats each bit by itself. So a chain of one layer that has learnt all there is to learn comes
nearer to the data's distribution with less corruption, but it takes more steps from one mode to another.

Source: Bengio, Thibodeau-Laufer, Alain, Yosinski, "Deep generative stochastic networks trainable by
    backprop", 2014, arXiv:1306.1091; Alain, Bengio, Yao, Yosinski, Thibodeau-Laufer, Zhang, Vincent,
    "GSNs: generative stochastic networks", 2016, arXiv:1503.05571; for one layer and the walkback Bengio,
    Yao, Alain, Vincent, "Generalized denoising auto-encoders as generative models", 2013, arXiv:1305.6663.
Departs: each sample ends a chain of its own, begun where a chain of the last rounds ended, for the paper's is
    one chain, begun at a row of data; fair coins would not do, for they are far from all that a walkback
    sees. What is known of an x is corrupted with the rest, as the theorem on such parts has it, where the
    authors' program leaves it clean. One layer has tanh units, where that program has sigmoid units, and
    the number of walkbacks is fixed, not drawn. By default there is no noise in the first hidden layer, as
    in that program.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..core import (
    Bits,
    GenerativeModel,
    Losses,
    Refused,
    See,
    Space,
    at_least,
    in_range,
    require,
)
from ..functional.densities.densities import log_bernoulli
from .units import bits, log_odds


class ChainStep(NamedTuple):
    """Where a chain stands after one of its steps, (n, d) each."""

    logits: Tensor  # of P(x | h^1), which score an x and pass on gradients
    x: Tensor  # a draw of it, from which the next step begins


class GSN(GenerativeModel):
    """A distribution on bits; an x of several axes is read as one vector.

    It promises no `gibbs`: its chain leaves alone only what it defines itself, and of several layers the
    state is more than x.

    Args:
        space: the bits.
        hidden: numbers of units of the hidden layers, from the one beside x up.
        corruption: chance c that a bit is replaced by a fair coin, in [0, 1).
        first_noise: standard deviation s_1 of the noise before and after the tanh of the first hidden layer.
        deep_noise: the same of all layers above it.
        walkbacks: steps of a chain in one round, at least as many as hidden layers: so many does x take to
            hear of the uppermost.
        chains: ends of chains of training that are kept, for those of samples to begin at.
        burn_in: steps before a sample.
    """

    dreams: Tensor  # (chains, d), where chains of training have ended

    def __init__(
        self,
        space: Space,
        hidden: tuple[int, ...] = (1500, 1500),
        corruption: float = 0.4,
        first_noise: float = 0.0,
        deep_noise: float = 2.0,
        walkbacks: int = 4,
        chains: int = 128,
        burn_in: int = 100,
    ):
        super().__init__()
        require("GSN", space, Bits, mend="take the data's bits, data.binarised()")
        at_least(1, "GSN: hidden", layers=len(hidden), units=min(hidden, default=1))
        in_range("GSN", "[0, 1)", corruption=corruption)
        at_least(0, "GSN", first_noise=first_noise, deep_noise=deep_noise)
        at_least(1, "GSN", walkbacks=walkbacks, chains=chains, burn_in=burn_in)
        if walkbacks < len(hidden):
            raise Refused(
                f"GSN: walkbacks is {walkbacks} with {len(hidden)} hidden layers; at least as many are "
                f"wanted, or the uppermost learns nothing"
            )
        if corruption == first_noise == 0 and (len(hidden) == 1 or deep_noise == 0):
            raise Refused(
                "GSN: neither x nor a hidden layer has any noise; some is wanted, or a step copies x: "
                "raise corruption"
            )
        self.space, self.hidden, self.corruption = space, tuple(hidden), corruption
        self.first_noise, self.deep_noise = first_noise, deep_noise
        self.walkbacks, self.chains, self.burn_in = walkbacks, chains, burn_in
        sizes = (space.dims, *hidden)
        self.W = nn.ParameterList(
            [nn.init.xavier_uniform_(torch.empty(below, above)) for below, above in pairwise(sizes)]
        )
        self.b = nn.ParameterList([torch.zeros(size) for size in sizes])
        self.register_buffer("dreams", torch.rand(chains, space.dims).round())

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Begins at the base rates of the data: the best answer there is without a hidden layer.

        Without it, tanh units learn the data and their negative, x and 1 - x, about equally well, and
        on many bits the chain of a young model ends in the latter.
        """
        self.b[0].copy_(log_odds(x.flatten(1)))
        self.dreams.copy_(bits(self.b[0].sigmoid().expand_as(self.dreams)))

    def corrupted(self, x: Tensor) -> Tensor:
        """x, each of whose bits is replaced by a fair coin with chance `corruption`."""
        u = torch.rand_like(x)
        coin = (u < self.corruption / 2).to(x)
        return torch.where(u < self.corruption, coin, x)

    def unit(self, i: int, layers: list[Tensor]) -> Tensor:
        """h^i from the layers below and above it, with noise, (n, hidden[i - 1])."""
        field = layers[i - 1] @ self.W[i - 1] + self.b[i]
        if i < len(self.W):
            field = field + layers[i + 1] @ self.W[i].T
        noise = self.first_noise if i == 1 else self.deep_noise
        if noise == 0:
            return field.tanh()
        before, after = torch.randn_like(field), torch.randn_like(field)
        return (field + noise * before).tanh() + noise * after

    def chain(self, x: Tensor, steps: int, known: Tensor | None = None) -> Iterator[ChainStep]:
        """Steps of a chain, one after another. Its hidden layers begin at 0.

        Args:
            x: rows at which it begins, (n, d).
            steps: number of steps.
            known: true where each x of the chain keeps the value that it begins with, (d,).
        """
        layers = [x, *(x.new_zeros(len(x), units) for units in self.hidden)]
        begun = x
        for _ in range(steps):
            layers[0] = self.corrupted(x)
            for first in (1, 2):
                for i in range(first, len(layers), 2):
                    layers[i] = self.unit(i, layers)
            logits = layers[1] @ self.W[0].T + self.b[0]
            x = bits(logits.detach().sigmoid())
            if known is not None:
                x = torch.where(known, begun, x)
            yield ChainStep(logits, x)

    def loss(self, x: Tensor) -> Losses:
        """The sum over all walkbacks of -log P(x | h^1), nats for each row: no bound of -log p(x)."""
        rows, log_p = x.flatten(1), x.new_zeros(len(x))
        for step in self.chain(rows, self.walkbacks):
            log_p = log_p + log_bernoulli(rows, step.logits)
        if self.training:
            kept = min(len(x), self.chains)
            self.dreams[:kept] = step.x[:kept]
        return {"walkback": -log_p.mean()}

    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        return self.sample_watched(lambda x: None, n, context)

    @torch.no_grad()
    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, with looks at the chain: more often at its beginning, where it moves most."""
        x, due = self._begun(self.sample_count(n, context)), 0
        for number, step in enumerate(self.chain(x, self.burn_in)):
            if number == due:
                see(x.unflatten(1, self.space.shape))
                due += max(1, due // 8)
            x = step.x
        return x.unflatten(1, self.space.shape)

    @torch.no_grad()
    def inpaint(self, x: Tensor, known: Tensor) -> Tensor:
        """x, (n, *space.shape), with its known part kept and the rest from a chain, of `burn_in` steps.

        Args:
            x: rows; what is not known may hold any bits, and is begun like a sample.
            known: true where x is known, (*space.shape).
        """
        keep, rows = known.flatten(), x.flatten(1)
        begun = torch.where(keep, rows, self._begun(len(x)))
        *_, last = self.chain(begun, self.burn_in, keep)
        return last.x.reshape(x.shape)

    @torch.no_grad()
    def conditionals(self, n: int) -> Tensor:
        """Logits of P(x | h^1) at the ends of n chains of their own, (n, *space.shape).

        A sample is a draw of one of these, so the mean of P(x | h^1) over them tends to p(x).
        """
        *_, last = self.chain(self._begun(n), self.burn_in)
        return last.logits.unflatten(1, self.space.shape)

    def _begun(self, n: int) -> Tensor:
        """Where the chains of n samples begin, (n, d)."""
        return self.dreams[torch.randint(self.chains, (n,), device=self.dreams.device)]
