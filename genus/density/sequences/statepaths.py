"""Sums over all paths of hidden states, and the best path: what HiddenMarkov is made of.

    a_t = q_t b(x_t) / s_t     q_t+1(j) = sum_i a_t(i) A_ij     s_t = sum_j q_t(j) b_j(x_t)
    r_t = e_t b(x_t) / s_t     e_t-1(i) = sum_j A_ij r_t(j)     p(x) = prod_t s_t
    g_t = a_t e_t              xi_t(i, j) = a_t(i) A_ij r_t+1(j)

with q_1 = e_T = 1, and pi in b(x_1). g_t is the chance of each state at step t given all of x, and
xi_t that of a transition. All is in double precision; while all of A is above 1e-43, no sum that matters
is lost. Otherwise all is done with logarithms, which is slower. With the largest in place of the sum,
a_t leads to the likeliest path.

Few long sequences are cut into pieces of sqrt(T / 2) steps, which are worked at all at once: some 2 sqrt(T)
operations follow on each other, and not T. Most chains forget: where a piece begins is then known from the
end of the one before it, begun anywhere. It is right once all pieces begin as those before them end, to
rounding; if that takes too long, what a piece makes of each state is found for all pieces, and then where
each begins. Gradients are not traced through the steps: those of log p(x) with respect to log b, log A and
log pi are g, the sum of xi, and g_1.

Source: Rabiner, "A tutorial on hidden Markov models and selected applications in speech
    recognition", Proceedings of the IEEE 77, 1989, doi:10.1109/5.18626, sections III and V. Pieces:
    Hassan, Sarkka, Garcia-Fernandez, "Temporal parallelization of inference in hidden Markov models",
    2021, arXiv:2102.05743.
Departs: two levels of pieces, in place of a tree of products, and none of these where a chain forgets.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import pad

from ...errors import Refused
from ...functional.numerics.threads import one_thread

NEVER = -1e30  # the logarithm of 0, as a number that can be added and taken away
RARE, LOWEST = -100.0, -300.0  # the least log A, and log b below the best, where no sum is lost
FEW, LONG = 1000, 64  # sequences x states^2 up to which, and steps from which, pieces are faster
RECENT, TRIES = 64, 4  # steps that a chain may take to forget at first, and how often it gets more
SAME = 512  # roundings: how far two beginnings of a piece may differ
HELD = 2**20  # transitions of which all are held at once


class Semiring(NamedTuple):
    """What stands for sums and products: those of chances, of their logarithms, or of the largest."""

    zero: float
    one: float
    times: Callable[..., Tensor]
    over: Callable[..., Tensor]
    plus: Callable[..., Tensor]  # of all along an axis
    move: Callable[..., Tensor]  # rows, (..., k), times a matrix, (k, k)
    exp: Callable[[Tensor], Tensor]
    log: Callable[[Tensor], Tensor]


def _same(x: Tensor) -> Tensor:
    return x


def _log_move(rows: Tensor, m: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.logsumexp(rows[..., None] + m, -2, out=out)


def _best_move(rows: Tensor, m: Tensor, out: Tensor | None = None) -> Tensor:
    return torch.amax(rows[..., None] + m, -2, out=out)


SUMS = Semiring(0, 1, torch.mul, torch.div, torch.sum, torch.matmul, torch.exp, torch.log)
LOGS = Semiring(NEVER, 0, torch.add, torch.sub, torch.logsumexp, _log_move, _same, _same)
BEST = LOGS._replace(plus=torch.amax, move=_best_move)


class Forward(NamedTuple):
    """What a pass forwards finds, in the ring."""

    ring: Semiring
    moves: Tensor  # A, (k, k)
    b: Tensor  # b / s, (t, n, k)
    a: Tensor  # (t, n, k)
    log_p: Tensor  # (n,)


def wide(x: Tensor) -> Tensor:
    """x in double precision, where the device has it."""
    return x.float() if x.device.type == "mps" else x.double()


@torch.no_grad()
def forward(log_pi: Tensor, log_a: Tensor, log_b: Tensor, ring: Semiring | None = None) -> Forward:
    """The pass forwards, for sequences whose log b is 0 where they have ended.

    Args:
        log_pi: chances of the first state, (k,).
        log_a: those of each state after each, (k, k).
        log_b: those of what is seen, under each state, (t, n, k).
        ring: by default, chances if A allows it, and otherwise their logarithms.
    """
    ring = ring or (SUMS if bool(log_a.min() > RARE) else LOGS)
    moves = ring.exp(log_a.clamp(min=NEVER))
    top, first = log_b.amax(-1, keepdim=True), log_b[0] + log_pi
    top[0] = first.amax(-1, keepdim=True)
    b = log_b - top.clamp_(min=NEVER)
    b[0] = first - top[0]
    b.clamp_(min=LOWEST if ring is SUMS else NEVER)
    b = b.exp_() if ring is SUMS else b
    a, s = _carried(ring, moves, b)
    log_p = (ring.log(s) + top).sum((0, 2))
    log_p = log_p.masked_fill(log_p < NEVER / 2, -math.inf)
    return Forward(ring, moves, ring.over(b, s, out=b), a, log_p)


@torch.no_grad()
def chances(passed: Forward, there: Tensor, weight: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """g, (t, n, k), 0 where sequences have ended, and the sum of xi over all of them, (k, k).

    Args:
        passed: the pass forwards.
        there: where sequences have not ended, (t, n).
        weight: how often each sequence counts, (n,); by default, once.
    """
    ring, moves, b, a, _ = passed
    r, _ = _carried(ring, moves.T.contiguous(), b, back=True)
    g = ring.over(a, b)
    ring.times(g, r, out=g)
    g = g.softmax(-1) if ring is LOGS else g
    scale = (there if weight is None else there * weight)[..., None] / g.sum(-1, keepdim=True)
    g.mul_(scale)
    now, then = a[:-1].flatten(0, 1), r[1:].flatten(0, 1)
    if ring is SUMS:
        return g, moves * (now.T @ then.mul_(scale[1:].flatten(0, 1)))
    total, size = torch.zeros_like(moves), max(1, HELD // moves.numel())
    for rows, share in zip(now.split(size), g[1:].flatten(0, 1).split(size), strict=True):
        total += ((rows[..., None] + moves).softmax(-2) * share[:, None]).sum(0)
    return g, total


class Likelihood(torch.autograd.Function):
    """log p(x), (n,), whose gradient is made of the chances of states."""

    @staticmethod
    def forward(ctx: Any, log_pi: Tensor, log_a: Tensor, log_b: Tensor, there: Tensor) -> Tensor:
        ctx.passed, ctx.there = forward(log_pi, log_a, log_b), there
        return ctx.passed.log_p

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        if torch.is_grad_enabled():
            raise Refused(
                "HiddenMarkov: a second derivative of log_prob is asked for, by create_graph; only first "
                "ones are known: leave create_graph out"
            )
        g, moves = chances(ctx.passed, ctx.there, grad)
        return g[0].sum(0), moves, g, None


@torch.no_grad()
@one_thread()
def likeliest(log_pi: Tensor, log_a: Tensor, log_b: Tensor, there: Tensor) -> Tensor:
    """The path of the largest p(x, z), (t, n); -1 after the end."""
    rows, into = forward(log_pi, log_a, log_b, BEST).a, log_a.T.contiguous()
    path = rows.argmax(-1)  # where the best path ends that ends here
    more = pad(there[1:], (0, 0, 0, 1))
    for t in range(len(path) - 2, -1, -1):
        path[t] = (rows[t] + into[path[t + 1]]).argmax(-1).where(more[t], path[t])
    return path.where(there, -1)


@one_thread()
def _carried(ring: Semiring, m: Tensor, b: Tensor, back: bool = False) -> tuple[Tensor, Tensor]:
    """a, (t, n, k), and s, (t, n, 1); or, back, r, each row up to a factor, and what says nothing."""
    steps, n, k = b.shape
    first = torch.full_like(b[0], ring.one)
    if steps < LONG or n * k**2 * (1 if ring is SUMS else k) > FEW:
        return _looped(ring, m, first, b, back)
    length = math.ceil((steps / 2) ** 0.5)
    pieces = math.ceil(steps / length)
    b = pad(b, (0, 0, 0, 0, 0, pieces * length - steps), value=ring.one)
    b = b.unflatten(0, (pieces, length)).transpose(0, 1).contiguous()  # (length, pieces, n, k)

    def heads_after(rows: Tensor) -> Tensor:
        q = ring.move(rows, m)
        if back:
            return torch.cat([ring.over(q, ring.plus(q, -1, keepdim=True))[1:], first[None]])
        return torch.cat([first[None], q[:-1]])

    rows = torch.full_like(b[0], ring.one)
    for each in reversed(b[:RECENT]) if back else b[-RECENT:]:
        rows = ring.times(ring.move(rows, m), each)
        rows = ring.over(rows, ring.plus(rows, -1, keepdim=True))
    heads, near = heads_after(rows), SAME * torch.finfo(b.dtype).eps
    for _ in range(TRIES):
        a, s = _looped(ring, m, heads, b, back)
        before, heads = heads, heads_after(a[0] if back else a[-1])
        if torch.allclose(heads, before, rtol=near, atol=0 if ring is SUMS else near):
            break
    else:
        heads = _heads(ring, m, first, b.flip(0, 1)).flip(0) if back else _heads(ring, m, first, b)
        a, s = _looped(ring, m, heads, b, back)
    return a.transpose(0, 1).flatten(0, 1)[:steps], s.transpose(0, 1).flatten(0, 1)[:steps]


def _heads(ring: Semiring, m: Tensor, first: Tensor, b: Tensor) -> Tensor:
    """Where pieces begin, (pieces, n, k), by what each makes of each state."""
    pieces, n, k = b.shape[1:]
    whole = torch.full_like(m, ring.zero).fill_diagonal_(ring.one).expand(pieces, n, k, k)
    scale = b.new_zeros(pieces, n, k, 1)  # log of what rows of `whole` were divided by
    for each in b:
        rows = ring.times(whole, each[:, :, None])
        s = ring.plus(rows, -1, keepdim=True)
        whole, scale = ring.move(ring.over(rows, s), m), scale + ring.log(s)
    whole = ring.times(whole, ring.exp(scale - scale.amax(-2, keepdim=True)))
    heads = [first]
    for piece in whole[:-1]:  # from each state at its first step to each at the next piece's first
        rows = ring.plus(ring.times(heads[-1][..., None], piece), -2)
        heads.append(ring.over(rows, ring.plus(rows, -1, keepdim=True)))
    return torch.stack(heads)


def _looped(
    ring: Semiring, m: Tensor, first: Tensor, b: Tensor, back: bool = False
) -> tuple[Tensor, Tensor]:
    """`_carried`, one step after another, with any axes in between, (t, ..., k).

    Backwards no sums are taken: those of the pass forwards are in b. Memory is used again, since to
    get new memory takes longer than the sums.
    """
    out, s = b.new_empty(b.shape), b.new_empty(*b.shape[:-1], 1)
    q = first.flatten(0, -2).clone()
    parts = [*zip(*(x.flatten(1, -2) for x in (out, b, s)), strict=True)]
    for rows, each, total in reversed(parts) if back else parts:
        ring.times(q, each, out=rows)
        if not back:
            ring.over(rows, ring.plus(rows, -1, keepdim=True, out=total), out=rows)
        ring.move(rows, m, out=q)
    return out, s
