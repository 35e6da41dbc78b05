"""ChowLiu: each column depends on one other column, and of all such trees this is the most likely.

The likelihood of a tree is a sum over its links, of the mutual information of the two columns that a link
joins. So the best tree is the spanning tree of the largest sum, and the best chances are frequencies:

    p(x) = p(x_root) prod_i p(x_i | x_parent(i))
    I(i, j) = sum_ab p_ij(a, b) log( p_ij(a, b) / (p_i(a) p_j(b)) )        p_ij(a, b) the observed share of a, b
    tree = the spanning tree that maximises the sum of I over its links
    p(x_i = b | x_parent = a) = (count of a, b + alpha) / (count of a + alpha values)

All marginals, and so all draws of some columns given others, are exact, by messages from the leaves to
the root and draws from the root to the leaves.

Source: Chow, Liu, "Approximating discrete probability distributions with dependence trees", IEEE
    Transactions on Information Theory 14, 1968. The spanning tree by Prim, 1957.
Departs: alpha rows of each pair of values are added for each pair of columns, which is what rows drawn
    evenly would add; at alpha = 0, a millionth of a row, so that nothing is impossible.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from ..core import Bits, GenerativeModel, Losses, Pixels, Refused, Space, Tokens, at_least, require
from ..functional.densities.densities import HELD

MOST = 8192  # columns times values: their pairs are 512 MB
LEAST = 1e-6  # rows


class ChowLiu(GenerativeModel):
    """A tree of discrete columns, found in one step; it can fill in columns.

    Args:
        space: Bits, Pixels, or Tokens that do not end.
        smoothing: alpha, how often each pair of values is taken to have been seen in each pair of columns
            before, at least 0.
    """

    parents: Tensor  # (dims,), of each column; the root's is itself
    depths: Tensor  # (dims,), of each column, 0 for the root

    def __init__(self, space: Space, smoothing: float = 0.1):
        super().__init__()
        require("ChowLiu", space, Bits, Tokens, Pixels)
        if isinstance(space, Tokens) and space.end is not None:
            raise Refused(
                f"ChowLiu: space is {space}; its sequences end, which no tree of columns can promise; "
                f"Tokens without an end are wanted"
            )
        at_least(0, "ChowLiu", smoothing=smoothing)
        self.space, self.smoothing = space, smoothing
        self.levels: int = space.cardinality or 0
        if space.dims * self.levels > MOST:
            raise Refused(
                f"ChowLiu: space is {space}, of {space.dims:,} columns of {self.levels} values; columns "
                f"times values must be at most {MOST:,}; take smaller pictures, or bits"
            )
        shape = (space.dims, self.levels, self.levels)
        self.logits = nn.Parameter(torch.zeros(shape))  # of x_i = b given its parent's a, [i, a, b]
        self.register_buffer("parents", torch.zeros(space.dims, dtype=torch.int64))
        self.register_buffer("depths", (torch.arange(space.dims) > 0).long())

    @property
    def log_chances(self) -> Tensor:
        """log p(x_i = b | x_parent = a), (dims, levels, levels); the root's is that of a = 0."""
        return self.logits.log_softmax(2)

    def log_prob(self, x: Tensor) -> Tensor:
        values = self.space.indices(x).flatten(1)
        columns = torch.arange(self.space.dims, device=x.device)
        above = values[:, self.parents].masked_fill(self.depths == 0, 0)
        return self.log_chances[columns, above, values].sum(1)

    @torch.no_grad()
    def fit(self, x: Tensor) -> Iterator[Losses]:
        """Counts pairs of values, and takes the best tree: one step."""
        pairs = self.pairs(x) + max(self.smoothing, LEAST)  # [i, a, j, b]
        pairs /= pairs[0, :, 0].sum()
        columns = torch.arange(self.space.dims)
        single = pairs[columns, :, columns, :].sum(2)
        parents, depths = spanning_tree(information(pairs, single))
        joint = pairs[parents, :, columns, :]  # of the parent's a and the column's b
        joint[0] = single[0]  # of the root
        self.logits.copy_(joint.log())
        self.parents.copy_(parents)
        self.depths.copy_(depths)
        yield self.loss(x)

    def pairs(self, x: Tensor) -> Tensor:
        """How many rows have value a in column i and b in column j, (dims, levels, dims, levels)."""
        size = self.space.dims * self.levels
        total = torch.zeros(size, size, dtype=torch.float64)
        for rows in self.space.indices(x).flatten(1).cpu().split(max(1, HELD // size)):
            seen = (
                one_hot(rows, self.levels).flatten(1).float()
            )  # sums of ones below 2^24 are exact
            total += seen.T @ seen
        return total.view(self.space.dims, self.levels, self.space.dims, self.levels)

    @torch.no_grad()
    def sample(self, n: int | None = None, context: Tensor | None = None) -> Tensor:
        n = self.sample_count(n, context)
        weights = self.logits.new_zeros(1, self.space.dims, self.levels).expand(n, -1, -1)
        return self.downwards(weights)

    @torch.no_grad()
    def inpaint(self, x: Tensor, known: Tensor) -> Tensor:
        """x, (n, *space.shape), with its known part kept and the rest drawn given that part, exactly.

        Args:
            x: rows; what is not known may hold any values of the space.
            known: true where x is known, (*space.shape).
        """
        values = one_hot(self.space.indices(x).flatten(1), self.levels).to(self.logits)
        weights = torch.where(known.flatten()[:, None], values.log(), 0.0)
        for depth in range(int(self.depths.max()), 0, -1):
            mine = (self.depths == depth).nonzero().flatten()
            told = (self.log_chances[mine] + weights[:, mine, None, :]).logsumexp(3)
            weights = weights.index_add(1, self.parents[mine], told)
        return torch.where(known, x, self.downwards(weights))

    def downwards(self, weights: Tensor) -> Tensor:
        """x, drawn from the root to the leaves.

        Args:
            weights: the logarithm of how likely all that is known below and at a column is by its value,
                (n, dims, levels).
        """
        n, d = len(weights), self.space.dims
        u = torch.rand(n, d, dtype=self.logits.dtype, device=self.logits.device)
        values = torch.zeros(n, d, dtype=torch.int64, device=u.device)
        for depth in range(int(self.depths.max()) + 1):
            mine = (self.depths == depth).nonzero().flatten()
            above = values[:, self.parents[mine]]
            logits = self.log_chances[mine, above] + weights[:, mine]
            running = logits.double().softmax(2).cumsum(2)
            below = running < (u[:, mine] * running[:, :, -1])[:, :, None]
            values[:, mine] = below.sum(2).clamp(max=self.levels - 1)
        return self.space.values(values.reshape(n, *self.space.shape), self.logits.dtype)


def information(pairs: Tensor, single: Tensor) -> Tensor:
    """The mutual information of each two columns, nats, (dims, dims).

    Args:
        pairs: shares of pairs of values, (dims, levels, dims, levels).
        single: shares of values, (dims, levels).
    """
    found = []
    for one, alone in zip(pairs, single, strict=True):
        each = one * (one.log() - alone.log()[:, None, None] - single.log())
        found.append(each.sum((0, 2)))
    return torch.stack(found)


def spanning_tree(weights: Tensor) -> tuple[Tensor, Tensor]:
    """The spanning tree of the largest sum of weights, as the parent and the depth of each node, (d,).

    Node 0 is the root, and its own parent.

    Args:
        weights: weight of each link, (d, d), symmetric.
    """
    d = len(weights)
    parents, depths = torch.zeros(d, dtype=torch.int64), torch.zeros(d, dtype=torch.int64)
    best, free = weights[0].clone(), torch.ones(d, dtype=torch.bool)
    free[0] = False
    for _ in range(d - 1):
        new = int(best.masked_fill(~free, -torch.inf).argmax())
        free[new] = False
        depths[new] = depths[parents[new]] + 1
        nearer = free & (weights[new] > best)
        best[nearer], parents[nearer] = weights[new][nearer], new
    return parents, depths
