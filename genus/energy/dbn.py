"""DBN: a stack of layers of bits, of which the two at the top are an RBM, and each other obeys the one above.

The stack is learnt from below, layer by layer. A layer is the hidden one of an RBM that was trained on draws
of the layer below, and then stands still; what the RBM believed of its hidden layer is replaced by the next
RBM. With more layers the bound can only rise if the next RBM begins as the last one turned upside down, and
rises in practice if it does not.

    p(v, h_1, ..., h_L) = p(v | h_1) p(h_1 | h_2) ... p(h_(L-1), h_L)        the last factor: an RBM, with F and Z
    p(v | h_1) = sigmoid(W_1 h_1 + a_1)                                     q(h_1 | v) = sigmoid(v W_1 + b_1)
    log p(v) >= E_q [log p(v | h_1) + ... - F(h_(L-1)) - log q(h_1, ..., h_(L-1) | v)] - log Z

What is in brackets is the logarithm of a weight w with E_q[w] = Z p(v), so that the mean of several is an
estimate of p(v), and log Z comes from annealed importance sampling of the RBM at the top.

Source: Hinton, Osindero, Teh, "A fast learning algorithm for deep belief nets", Neural Computation 18, 2006;
    Salakhutdinov, Murray, "On the quantitative analysis of deep belief networks", 2008, for both estimates.
Departs: no fine tuning by the up-down algorithm.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from ..core import (
    AnnealingPath,
    Bits,
    GenerativeModel,
    Losses,
    Player,
    Refused,
    See,
    Space,
    at_least,
    require,
)
from .rbm import RBM
from .units import bits


class DBN(GenerativeModel):
    """A distribution on bits; it learns its top, on draws of what stands below.

    Args:
        space: the bits.
        hidden: units of each hidden layer, from below; at least two layers.
        steps, chains, burn_in, temperatures: as in `RBM`, of that at the top.
    """

    def __init__(
        self,
        space: Space,
        hidden: tuple[int, ...] = (500, 2000),
        steps: int = 1,
        chains: int = 128,
        burn_in: int = 1000,
        temperatures: int = 1,
    ):
        super().__init__()
        require("DBN", space, Bits, mend="take the data's bits, data.binarised()")
        at_least(2, "DBN: hidden", layers=len(hidden))
        at_least(1, "DBN: hidden", width=min(hidden))
        self.space, self.hidden, self.steps, self.chains = space, hidden, steps, chains
        self.burn_in, self.temperatures = burn_in, temperatures
        spaces = [space, *(Bits((width,)) for width in hidden[:-2])]
        self.below = nn.ModuleList(
            RBM(one, width, chains=0) for one, width in zip(spaces, hidden[:-1], strict=True)
        )
        self.top = RBM(Bits((hidden[-2],)), hidden[-1], steps, chains, burn_in, temperatures)

    @torch.no_grad()
    def stand_on(self, layers: Sequence[RBM]) -> None:
        """Takes the layers below the top from machines that have learnt.

        Args:
            layers: as many as there are below the top, each on draws of the one before it.

        Raises:
            Refused: there are more or fewer, or their sizes differ.
        """
        wanted = [tuple(layer.W.shape) for layer in self.layers()]
        came = [tuple(layer.W.shape) for layer in layers]
        if came != wanted:
            raise Refused(f"DBN.stand_on: layers of W of {came} came; {wanted} are wanted")
        for own, learnt in zip(self.layers(), layers, strict=True):
            for name in ("W", "a", "b"):
                getattr(own, name).copy_(getattr(learnt, name))

    def layers(self) -> list[RBM]:
        """Those below the top, from below."""
        return [layer for layer in self.below if isinstance(layer, RBM)]

    @torch.no_grad()
    def prepare(self, x: Tensor) -> None:
        """Begins the top at the base rates of the layer below it."""
        self.top.prepare(self.drawn_up(x))

    def drawn_up(self, x: Tensor) -> Tensor:
        """A draw of the layer below the top, (n, width), from q."""
        v = x.flatten(1)
        for layer in self.layers():
            v = bits((v @ layer.W + layer.b).sigmoid_())
        return v

    @torch.no_grad()
    def encode(self, x: Tensor) -> Tensor:
        """The chances of the units of the uppermost layer, (n, hidden[-1]), each layer given those of the last."""
        v = x.flatten(1)
        for layer in [*self.layers(), self.top]:
            v = (v @ layer.W + layer.b).sigmoid()
        return v

    def players(self) -> dict[str, Player]:
        return {"top": Player([self.top], self.loss)}

    def loss(self, x: Tensor) -> Losses:
        """That of the RBM at the top; its value is no measure of the fit."""
        with torch.no_grad():
            h = self.drawn_up(x)
        return self.top.loss(h)

    def unnormalised_log_weight(self, x: Tensor) -> Tensor:
        v, total = x.flatten(1), torch.zeros(len(x)).to(self.top.W)
        for layer in self.layers():
            up = v @ layer.W + layer.b
            h = bits(up.sigmoid())
            down = h @ layer.W.T + layer.a
            log_p = (v * down - softplus(down)).sum(1)
            log_q = (h * up - softplus(up)).sum(1)
            v, total = h, total + log_p - log_q
        return total - self.top.energy(v)

    @torch.no_grad()
    def annealing_path(self, x: Tensor) -> AnnealingPath:
        """The way to the RBM at the top, from the base rates of draws of the layer below it."""
        return self.top.annealing_path(self.drawn_up(x))

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        return self._drawn_down(self.top.sample(self.sample_count(n, context)))

    @torch.no_grad()
    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, with looks at the chain at the top, each as the chances of x that it leads to."""
        n = self.sample_count(n, context)
        return self._drawn_down(self.top.sample_watched(lambda h: see(self._expected(h)), n))

    def _drawn_down(self, h: Tensor) -> Tensor:
        """x, (n, *space.shape), of the layer below the top."""
        for layer in reversed(self.layers()):
            h = bits((h @ layer.W.T + layer.a).sigmoid_())
        return h.reshape(-1, *self.space.shape)

    def _expected(self, h: Tensor) -> Tensor:
        """The chances of x, (n, *space.shape), each layer given the chances of the one above."""
        for layer in reversed(self.layers()):
            h = (h @ layer.W.T + layer.a).sigmoid()
        return h.reshape(-1, *self.space.shape)
