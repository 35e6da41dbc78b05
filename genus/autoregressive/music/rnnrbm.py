"""RNN-RBM: a restricted Boltzmann machine for each step, whose biases a recurrent network gives.

    p(x) = prod_t exp(-F_t(x_t)) / Z_t       F_t(v) = -v b_t - sum_j softplus((v W + c_t)_j)
    b_t = b + B u_(t-1)                      c_t = c + C u_(t-1)
    u_t = cell(u_(t-1), x_t)
    loss = sum_t F_t(x_t) - F_t(dream_t)     its gradient runs into b_t and c_t, and through all u

A dream is the end of a short Gibbs chain of step t, begun at x_t. Z_t is a sum over all 2^d states of a
step and depends on all steps before, so that not even log p(x) up to a constant is known: there is no
`energy` here and no `log_prob`. `counted_log_prob` counts states, where there are few hidden units;
`annealed_log_prob` estimates each Z_t by annealed importance sampling along

    f_beta(v) = exp(v b_t) prod_j (1 + exp(beta (v W + c_t)_j))

which errs to the side of a p(x) that is too large; `log_z` also comes down the path from draws of the
model, and errs to the other.

Source: Boulanger-Lewandowski, Bengio, Vincent, "Modeling temporal dependencies in high-dimensional
    sequences: application to polyphonic music generation and transcription", 2012,
    arXiv:1206.6392, section 4. Neal, "Annealed importance sampling", 1998, arXiv:physics/9803008.
Departs: the cell may be an LSTM or a GRU; the paper's is Elman's, whose first state was learnt: here it is
    what a step of silence makes of zeros. Bits in training may be dropped before the cell sees them.
"""

import math
from itertools import pairwise, product

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout, softplus

from ...core import (
    Bits,
    Classes,
    GenerativeModel,
    Losses,
    Refused,
    See,
    Space,
    at_least,
    in_range,
    require,
)
from ...nn.recurrent import Cell, Recurrent
from ..unveiling import unveil

MOST = 16  # hidden units whose states are counted


class RNNRBM(GenerativeModel):
    """Sequences of bits, (steps, d), given how many steps they have; later ones are 0.

    Args:
        space: the bits, of shape (steps, d).
        hidden: hidden units of the machines.
        width: numbers of the recurrent state.
        cell: "elman", "gru" or "lstm".
        dropout: share of input bits and of hidden units set to zero in a round of training, in [0, 1).
        gibbs_steps: k, of a dream.
        burn_in: Gibbs steps before a step of a sample, begun at bits of the chances of b_t.
    """

    def __init__(
        self,
        space: Space,
        hidden: int = 150,
        width: int = 200,
        cell: Cell = "lstm",
        dropout: float = 0.0,
        gibbs_steps: int = 10,
        burn_in: int = 100,
    ):
        super().__init__()
        require("RNNRBM", space, Bits, axes="steps, d")
        at_least(1, "RNNRBM", hidden=hidden, width=width, gibbs_steps=gibbs_steps, burn_in=burn_in)
        in_range("RNNRBM", "[0, 1)", dropout=dropout)
        self.space, self.hidden, self.width, self.cell = space, hidden, width, cell
        self.dropout, self.gibbs_steps, self.burn_in = dropout, gibbs_steps, burn_in
        self.steps, self.d = space.shape
        self.context_space = Classes(self.steps + 1)
        self.rnn = Recurrent(self.d, width, cell=cell)
        self.biases = nn.Linear(width, self.d + hidden)  # b and c, and what the state adds to them
        self.W = nn.Parameter(0.01 * torch.randn(self.d, hidden))

    # the machines of all steps that there are

    def machines(self, x: Tensor, steps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x_t, (m, d), b_t, (m, d), and c_t, (m, hidden): sequence by sequence, m steps in all."""
        longest = max(1, int(steps.max())) if len(steps) else 1
        inputs = dropout(x[:, : longest - 1], self.dropout, self.training)
        before = nn.functional.pad(inputs, (0, 0, 1, 0))
        state = dropout(self.rnn(before), self.dropout, self.training)
        there = torch.arange(longest, device=x.device) < steps[:, None]
        b, c = self.biases(state[there]).split([self.d, self.hidden], 1)
        return x[:, :longest][there], b, c

    def free_energy(self, v: Tensor, b: Tensor, c: Tensor) -> Tensor:
        """F_t(v), (m,)."""
        return -(v * b).sum(-1) - softplus(v @ self.W + c).sum(-1)

    @torch.no_grad()
    def moved(self, v: Tensor, b: Tensor, c: Tensor, count: int, beta: float = 1.0) -> Tensor:
        """v, (..., m, d), after some moves v -> h -> v that leave f_beta alone."""
        for _ in range(count):
            h = (beta * (v @ self.W + c)).sigmoid().bernoulli()
            v = (beta * (h @ self.W.T) + b).sigmoid().bernoulli()
        return v

    def loss(self, x: Tensor, steps: Tensor) -> Losses:
        """Its value is no measure of the fit: its gradient is the contrastive one."""
        v, b, c = self.machines(x, steps)
        dream = self.moved(v, b, c, self.gibbs_steps)
        data, dreamt = self.free_energy(v, b, c).sum(), -self.free_energy(dream, b, c).sum()
        return {"data": data / len(x), "dream": dreamt / len(x)}

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        """As many rows as context, the numbers of steps, has: each step from its machine's chain."""
        context = self.context_given(n, context)
        memory = self.rnn.begin(len(context), self.steps)
        x = self.W.new_zeros(len(context), self.steps, self.d)
        before = x[:, 0]
        for step in range(int(context.max()) if len(context) else 0):
            b, c = self.biases(self.rnn.step(before, memory)).split([self.d, self.hidden], 1)
            v = self.moved(b.sigmoid().bernoulli(), b, c, self.burn_in)
            before = x[:, step] = v * (step < context)[:, None]
        return x

    def sample_watched(
        self, see: See, n: int | None = None, context: Tensor | None = None
    ) -> Tensor:
        """`sample`, (n, steps, d), with looks at the first steps."""
        x = self.sample(n, context)
        numbers = torch.arange(x.shape[1], device=x.device)[:, None]
        unveil(see, x, numbers, x.shape[1], 0.0)
        return x

    # scores

    @torch.no_grad()
    def counted_log_prob(self, x: Tensor, steps: Tensor) -> Tensor:
        """log p(x | steps), nats, (n,): exactly, for at most 16 hidden units."""
        if self.hidden > MOST:
            raise Refused(
                f"RNNRBM: hidden is {self.hidden}; log_prob is exact for at most {MOST} units; "
                f"annealed_log_prob estimates it"
            )
        v, b, c = self.machines(x, steps)
        h = torch.tensor(list(product([0.0, 1.0], repeat=self.hidden)), dtype=c.dtype)
        log_z = torch.stack([(c @ one + softplus(b + self.W @ one).sum(1)) for one in h])
        return _summed(-self.free_energy(v, b, c) - log_z.logsumexp(0), steps)

    @torch.no_grad()
    def annealed_log_prob(
        self, x: Tensor, steps: Tensor, betas: int = 500, chains: int = 10
    ) -> Tensor:
        """An estimate of log p(x | steps), nats, (n,), mostly too large: the more betas the less.

        Args:
            x: (n, steps, d).
            steps: (n,), how many steps each has.
            betas: rungs of the path of each step's machine.
            chains: independent weights for each.
        """
        v, b, c = self.machines(x, steps)
        return _summed(-self.free_energy(v, b, c) - self.log_z(b, c, betas, chains), steps)

    @torch.no_grad()
    def log_z(
        self, b: Tensor, c: Tensor, betas: int, chains: int, draws: Tensor | None = None
    ) -> Tensor:
        """log Z_t, (m,), mostly too small; from draws of the machines, (chains, m, d), too large."""
        path = [k / betas for k in range(betas + 1)]
        v = b.sigmoid().expand(chains, *b.shape).bernoulli() if draws is None else draws
        total = torch.zeros(v.shape[:-1], dtype=b.dtype, device=b.device)
        for beta, to in pairwise(path if draws is None else path[::-1]):
            field = v @ self.W + c
            total += (softplus(to * field) - softplus(beta * field)).sum(-1)
            h = (to * field).sigmoid().bernoulli()
            v = (to * (h @ self.W.T) + b).sigmoid().bernoulli()
        gain = total.logsumexp(0) - math.log(len(total))
        start = softplus(b).sum(1) + self.hidden * math.log(2)
        return start + (gain if draws is None else -gain)


def _summed(each: Tensor, steps: Tensor) -> Tensor:
    """The sum over the steps of each sequence, (n,), of what belongs to all steps, (m,)."""
    owner = torch.arange(len(steps), device=each.device).repeat_interleave(steps)
    return each.new_zeros(len(steps)).index_add(0, owner, each)
