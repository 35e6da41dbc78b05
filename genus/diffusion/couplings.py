"""Which noise belongs to which row of data: couplings of a batch, of which a straight path is made.

    x_t = (1 - t) x_0 + t eps          (x_0, eps) drawn together: each as before, by itself

Where pairs are near one another, their lines cross less, and what a network learns of them is
straighter: fewer steps go the same way.

Source: Tong and others, "Improving and generalizing flow-based generative models with minibatch
    optimal transport", 2024, arXiv:2302.00482, section 3.2.3.
"""

import torch
from torch import Tensor

from ..errors import Refused


def optimal_transport(x: Tensor, eps: Tensor) -> Tensor:
    """eps, (n, *shape), in the order that makes sum |x - eps|^2 the least.

    The coupling of whole distributions is the optimal one only for large batches.
    """
    costs = torch.cdist(x.flatten(1).double(), eps.flatten(1).double()).square()
    return eps[assignment(costs.cpu()).to(eps.device)]


def assignment(costs: Tensor) -> Tensor:
    """The column of each row, (n,) int64, each taken once, that makes the sum of costs the least.

    Rows whose cheapest column is still free take it; each of the others is brought in along a
    shortest path of exchanges, under prices that keep every reduced cost at 0 or above.

    Source: Jonker, Volgenant, "A shortest augmenting path algorithm for dense and sparse linear
        assignment problems", 1987, Computing 38.

    Args:
        costs: (n, n), finite, in float64 for an exact result.
    """
    if costs.dim() != 2 or costs.shape[0] != costs.shape[1]:
        raise Refused(f"assignment: costs has shape {tuple(costs.shape)}; (n, n) is wanted")
    if not costs.isfinite().all():
        raise Refused("assignment: costs has values that are not finite")
    n = len(costs)
    price = costs.amin(0)  # of each column
    taken = [-1] * n  # the row that has each column
    waiting = []
    for row, column in enumerate((costs - price).argmin(1).tolist()):
        if taken[column] < 0:
            taken[column] = row
        else:
            waiting.append(row)
    for row in waiting:
        price = _bring_in(costs, price, taken, row)
    return torch.tensor(taken, dtype=torch.int64).argsort()


def _bring_in(costs: Tensor, price: Tensor, taken: list[int], row: int) -> Tensor:
    """Gives the row a column, and others new ones where need be; returns the new prices.

    Dijkstra's search over columns: `length` of the shortest path to each, of reduced costs.
    """
    length = costs[row] - price  # up to the row's own price, which does not change the order
    came = torch.full((len(costs),), row)  # the row before each column, on its path
    ahead = torch.zeros_like(length)  # infinite where the search has been
    done: list[int] = []
    while True:
        column = int((length + ahead).argmin())
        now = length[column].clone()
        if (other := taken[column]) < 0:
            break
        done.append(column)
        ahead[column] = torch.inf
        further = costs[other] - price
        further += now - further[column]
        shorter = further + ahead < length
        length = torch.where(shorter, further, length)
        came[shorter] = other
    if done:
        index = torch.tensor(done)
        price = price.index_add(0, index, length[index] - now)
    while True:  # back along the path
        before = int(came[column])
        if before == row:
            taken[column] = row
            return price
        held = taken.index(before)
        taken[column], column = before, held
