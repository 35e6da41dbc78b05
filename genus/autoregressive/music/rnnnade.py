"""RNN-NADE: steps of a sequence one after another, and the bits of each step one after another.

    p(x) = prod_t p(x_t | x_<t)              p(x_t | x_<t) = NADE with the biases b_t and c_t
    b_t = b + B u_(t-1)                      c_t = c + C u_(t-1)
    u_t = cell(u_(t-1), x_t)

What sounds together depends on each other as much as on what came before: a recurrent network knows what
came before, and gives the estimator of one step its biases. Its probability is exact, where the
RNN-RBM's is not, and so is its gradient, which runs through all steps.

A sequence has a number of steps that is given with it; all bits after these are 0, with certainty.

Source: Boulanger-Lewandowski, Bengio, Vincent, "Modeling temporal dependencies in high-dimensional
    sequences: application to polyphonic music generation and transcription", 2012,
    arXiv:1206.6392, sections 3 to 4.
Departs: the cell may be an LSTM or a GRU; the paper's is Elman's, whose first state was learnt: here it is
    what a step of silence makes of zeros. Bits in training may be dropped before the cell sees them.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from ...core import Bits, Classes, Space, at_least, in_range, require
from ...functional.sequences.nade import nade_logits
from ...nn.recurrent import Cell, Recurrent
from ..stepwise import Steps, Stepwise

NEVER = -1e4  # the logit of a bit after the end: its probability is 0 in any float


class RNNNADE(Stepwise):
    """A distribution on sequences of bits, (steps, d), given how many steps they have.

    Args:
        space: the bits, of shape (steps, d).
        hidden: units of the hidden layer that each bit of a step has.
        width: numbers of the recurrent state.
        cell: "elman", "gru" or "lstm".
        dropout: share of input bits and of hidden units set to zero in a round of training, in [0, 1).
    """

    def __init__(
        self,
        space: Space,
        hidden: int = 150,
        width: int = 200,
        cell: Cell = "lstm",
        dropout: float = 0.0,
    ):
        super().__init__()
        require("RNNNADE", space, Bits, axes="steps, d")
        at_least(1, "RNNNADE", hidden=hidden, width=width)
        in_range("RNNNADE", "[0, 1)", dropout=dropout)
        self.space, self.hidden, self.width, self.cell = space, hidden, width, cell
        self.dropout = dropout
        self.steps, self.d = space.shape
        self.context_space = Classes(self.steps + 1)
        self.rnn = Recurrent(self.d, width, cell=cell)
        self.biases = nn.Linear(width, self.d + hidden)  # b and c, and what the state adds to them
        self.W = nn.Parameter(torch.randn(self.d, hidden) / self.d**0.5)
        self.V = nn.Parameter(torch.randn(self.d, hidden) / hidden**0.5)

    def logits(self, x: Tensor, steps: Tensor) -> Tensor:
        """Of each bit given those before it, in its step and in others, (n, steps, d).

        Args:
            x: (n, steps, d).
            steps: (n,), how many steps each has.
        """
        longest = max(1, int(steps.max())) if len(steps) else 1
        inputs = dropout(x[:, : longest - 1], self.dropout, self.training)
        before = nn.functional.pad(inputs, (0, 0, 1, 0))
        state = dropout(self.rnn(before), self.dropout, self.training)
        there = torch.arange(longest, device=x.device) < steps[:, None]
        biases = self.biases(state[there]).to(self.W.dtype)  # in full precision also under autocast
        b, c = biases.split([self.d, self.hidden], 1)
        s = nade_logits(x[:, :longest][there], self.W, self.V, c) + b
        out = s.new_full(x.shape, NEVER)
        rows, places = there.nonzero(as_tuple=True)
        return out.index_put((rows, places), s)

    def unroll(self, n: int, steps: Tensor) -> Steps:
        memory = self.rnn.begin(n, self.steps)
        before = self.W.new_zeros(n, self.d)
        for step in range(self.steps):
            over = (step >= steps)[:, None]
            b, c = self.biases(self.rnn.step(before, memory)).split([self.d, self.hidden], 1)
            before, c = torch.zeros_like(before), c.clone()
            for i, (w_i, v_i) in enumerate(zip(self.W, self.V, strict=True)):
                s = torch.mv(c.sigmoid(), v_i) + b[:, i]
                came = yield s[:, None].masked_fill(over, NEVER)
                before[:, i] = came
                c.addr_(before[:, i], w_i)
