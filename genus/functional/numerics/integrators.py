"""Integrators: y(t1) from y(t0) and dy/dt = f(t, y), for a whole batch at once.

    Euler           y + h f(t, y)                              order 1, 1 evaluation in a step
    Midpoint        the slope of the middle                    order 2, 2 evaluations
    Heun            the mean of the slopes of both ends        order 2, 2 evaluations
    RK4             four slopes, weighed 1 2 2 1               order 4, 4 evaluations
    DormandPrince   seven slopes; steps as long as the         order 5, 6 evaluations
                    tolerance allows

An integrator is called as `solver(f, y, t0, t1)`. y is a tensor, rows first, or a tuple of such; f gives
back its like. The time that f is given is a tensor of y's type: (1,), or (n,) if each row has a time of
its own; both expand to (n,). t1 may be before t0. Gradients flow through every step into y and into
whatever f is made of; the lengths of the steps count as constants.

Source: Dormand, Prince, "A family of embedded Runge-Kutta formulae", 1980,
    doi:10.1016/0771-050X(80)90013-3; Hairer, Nørsett, Wanner, "Solving ordinary differential equations
    I", 1993, section II.4 (errors, the first step), and the exponents of its authors' DOPRI5; Gustafsson,
    "Control theoretic techniques for stepsize selection in explicit Runge-Kutta methods", 1991,
    doi:10.1145/210232.210242 (PI control).
Departs: an error is the largest of a row's numbers, not their mean square.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Protocol, TypeVar, cast

import torch
from torch import Tensor

from ...errors import Refused, at_least

State = tuple[Tensor, ...]
Y = TypeVar("Y", Tensor, State)
SAFETY = 0.9  # of the step that would just do
DAMPING = 0.04  # how much the error of the step before counts
GAIN = 1 / 5 - 0.75 * DAMPING
SLOWEST, FASTEST = 0.2, 10.0  # what one step may be of the one before


class Solver(Protocol):
    """Solves an initial value problem."""

    def __call__(self, f: Callable[[Tensor, Y], Y], y: Y, t0: float, t1: float) -> Y:
        """y at t1, where it is y at t0 and dy/dt = f(t, y)."""
        ...


@dataclass(frozen=True)
class Tableau:
    """The numbers of an explicit Runge-Kutta method.

    k_i = f(t + nodes_i h, y + h sum_j slopes_ij k_j),   y + h sum_i weights_i k_i
    """

    nodes: tuple[float, ...]
    slopes: tuple[tuple[float, ...], ...]
    weights: tuple[float, ...]

    def stages(
        self,
        f: Callable[[Tensor, State], State],
        t: Tensor,
        h: Tensor,
        y: State,
        first: State | None = None,
    ) -> list[State]:
        """Every k; the first need not be computed again if it is known."""
        ks = [f(t, y) if first is None else first]
        for node, slopes in zip(self.nodes[1:], self.slopes[1:], strict=True):
            ks.append(f(t + node * h, advance(y, h, ks, slopes)))
        return ks


def advance(y: State, h: Tensor, ks: Sequence[State], weights: Sequence[float]) -> State:
    """y + h sum_i weights_i k_i; h is (1,) or (n,)."""
    return tuple(
        torch.addcmul(one, weigh([k[i] for k in ks], weights), column(h, one))
        for i, one in enumerate(y)
    )


def weigh(tensors: Sequence[Tensor], weights: Sequence[float]) -> Tensor:
    """The weighted sum."""
    pairs = [(tensor, weight) for tensor, weight in zip(tensors, weights, strict=False) if weight]
    total = pairs[0][0] * pairs[0][1]
    for tensor, weight in pairs[1:]:
        total.add_(tensor, alpha=weight)
    return total


def column(h: Tensor, like: Tensor) -> Tensor:
    """h, (1,) or (n,), with as many axes as `like` has."""
    return h.reshape(-1, *[1] * (like.ndim - 1))


def unpacked(f: Callable[[Tensor, Any], Any], y: Any) -> tuple[Callable, State]:
    """f and y of tuples, whatever y is."""
    if isinstance(y, tuple):
        return f, y
    return lambda t, state: (f(t, state[0]),), (y,)


class Counted:
    """f, and how often it was evaluated: `evaluations`.

    Args:
        f: the right side of dy/dt = f(t, y).
    """

    def __init__(self, f: Callable[[Tensor, Any], Any]):
        self.f, self.evaluations = f, 0

    def __call__(self, t: Tensor, y: Any) -> Any:
        self.evaluations += 1
        return self.f(t, y)


# --- steps of one length ----------------------------------------------------------------------


@dataclass(frozen=True)
class Euler:
    """Along the slope of the beginning.

    Args:
        steps: number of steps, all of one length; at least 1.
    """

    steps: int
    tableau: ClassVar[Tableau] = Tableau((0,), ((),), (1,))

    def __post_init__(self) -> None:
        at_least(1, type(self).__name__, steps=self.steps)

    def __call__(self, f: Callable[[Tensor, Y], Y], y: Y, t0: float, t1: float) -> Y:
        """y at t1."""
        rates, state = unpacked(f, y)
        times = torch.linspace(t0, t1, self.steps + 1, dtype=torch.float64).to(state[0])
        h = state[0].new_full((1,), (t1 - t0) / self.steps)
        for i in range(self.steps):
            ks = self.tableau.stages(rates, times[i : i + 1], h, state)
            state = advance(state, h, ks, self.tableau.weights)
        return cast(Y, state if isinstance(y, tuple) else state[0])


@dataclass(frozen=True)
class Midpoint(Euler):
    """Along the slope of the middle, where Euler's half step leads.

    Args:
        steps: number of steps, all of one length; at least 1.
    """

    tableau: ClassVar[Tableau] = Tableau((0, 1 / 2), ((), (1 / 2,)), (0, 1))


@dataclass(frozen=True)
class HeunIntegrator(Euler):
    """Along the mean of the slopes of the beginning, and of the end that Euler's step leads to.

    Args:
        steps: number of steps, all of one length; at least 1.
    """

    tableau: ClassVar[Tableau] = Tableau((0, 1), ((), (1,)), (1 / 2, 1 / 2))


@dataclass(frozen=True)
class RK4(Euler):
    """The classical method of order four.

    Args:
        steps: number of steps, all of one length; at least 1.
    """

    tableau: ClassVar[Tableau] = Tableau(
        (0, 1 / 2, 1 / 2, 1), ((), (1 / 2,), (0, 1 / 2), (0, 0, 1)), (1 / 6, 1 / 3, 1 / 3, 1 / 6)
    )


# --- steps as long as the tolerance allows ----------------------------------------------------

FIFTH = (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84, 0)
FOURTH = (5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40)
ERRORS = tuple(a - b for a, b in zip(FIFTH, FOURTH, strict=True))
PAIR = Tableau(
    (0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1),
    (
        (),
        (1 / 5,),
        (3 / 40, 9 / 40),
        (44 / 45, -56 / 15, 32 / 9),
        (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
        (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
        FIFTH[:6],
    ),
    FIFTH,
)


@dataclass(frozen=True)
class DormandPrince:
    """Orders five and four from the same slopes: their difference gives how long a step may be.

    A step is good if no number's error is more than atol + rtol |y|. Each row has steps of its own, and
    its result is its own. Their lengths are powers of 2^(1/4): the last digits of a sum, which depend on
    how many rows are computed at once, then seldom decide a step. Where rows are not `alone`, the worst
    of all decides the steps of all, so that a row's result depends on the others, within the tolerance.

    Args:
        rtol: tolerance of the error, relative to the size of y; at least 0.
        atol: tolerance of the error, in the units of y; above 0.
        alone: whether each row has steps of its own, and f gets as many times as there are rows. Without
            it they are, except where a `Continuous` flow trains, which costs less together.
        judged: number of tensors of y that have to keep the tolerance, counted from the first; all
            without it.
    """

    rtol: float = 1e-5
    atol: float = 1e-5
    alone: bool | None = None
    judged: int | None = None

    def __post_init__(self) -> None:
        if self.rtol < 0 or self.atol <= 0:
            raise Refused(
                f"DormandPrince: rtol is {self.rtol} and atol {self.atol}; rtol must be at least 0, "
                f"atol above 0"
            )

    def __call__(self, f: Callable[[Tensor, Y], Y], y: Y, t0: float, t1: float) -> Y:
        """y at t1."""
        rates, state = unpacked(f, y)
        sign = 1.0 if t1 > t0 else -1.0
        t = state[0].new_full((len(state[0]) if self.apart else 1,), t0)
        left, before = sign * (t1 - t), torch.ones_like(t)
        first = rates(t, state)
        length = self.rounded(self.start(rates, t, sign * left, state, first)).minimum(left)
        while (left > 0).any():
            h = sign * length
            ks = PAIR.stages(rates, t, h, state, first)
            new = advance(state, h, ks, FIFTH)
            ratio = self.ratio(h, ks, state, new)
            good = ratio <= 1
            t = torch.where(good, torch.where(length >= left, t1, t + h), t)
            state, first = choose(good, new, state), choose(good, ks[-1], first)
            left = sign * (t1 - t)
            length = self.rounded(length * factor(ratio, before, good)).minimum(left)
            before = torch.where(good, ratio.clamp(min=1e-4), before)
            self.check(length, left, t, t1)
        return cast(Y, state if isinstance(y, tuple) else state[0])

    @property
    def apart(self) -> bool:
        """Whether each row has steps of its own."""
        return self.alone is not False

    def together(self) -> "DormandPrince":
        """The same with steps that all rows share, unless rows were asked to be alone."""
        return replace(self, alone=False) if self.alone is None else self

    def rounded(self, length: Tensor) -> Tensor:
        """The nearest power of 2^(1/4) of each length, (n,); a length of all rows stays as it is."""
        return (4 * length.log2()).round().div(4).exp2() if self.apart else length

    @torch.no_grad()
    def ratio(self, h: Tensor, ks: Sequence[State], y: State, new: State) -> Tensor:
        """The worst error over what is allowed, (1,) or (n,)."""
        errors = [column(h, one) * weigh([k[i] for k in ks], ERRORS) for i, one in enumerate(y)]
        return self.worst(errors, [a.abs().maximum(b.abs()) for a, b in zip(y, new, strict=True)])

    def worst(self, sizes: Sequence[Tensor], scales: Sequence[Tensor]) -> Tensor:
        """max |size| / (atol + rtol scale) over a row's numbers, or over all: (n,) or (1,)."""
        found = None
        for size, scale in list(zip(sizes, scales, strict=True))[: self.judged]:
            part = size.abs() / (scale * self.rtol).add_(self.atol)
            part = part.flatten(1).amax(1) if self.apart and part.ndim > 1 else part
            part = part if self.apart else part.amax().reshape(1)
            found = part if found is None else found.maximum(part)
        return cast(Tensor, found)

    @torch.no_grad()
    def start(self, f: Callable, t: Tensor, way: Tensor, y: State, first: State) -> Tensor:
        """The length of the first step, from how large y, its slope and its curvature are."""
        sign = way.sign()
        sizes = [one.abs() for one in y]
        d0, d1 = self.worst(y, sizes), self.worst(first, sizes)
        small = torch.where((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / d1)
        small = small.minimum(way.abs())  # f may not be known further on
        later = f(t + sign * small, advance(y, sign * small, [first], (1,)))
        bend = [a - b for a, b in zip(later, first, strict=True)]
        d2 = self.worst(bend, sizes) / small
        most = d1.maximum(d2)
        length = torch.where(most < 1e-15, (small * 1e-3).clamp(min=1e-6), (0.01 / most) ** 0.2)
        return length.minimum(100 * small)

    def check(self, length: Tensor, left: Tensor, t: Tensor, t1: float) -> None:
        """Raises FloatingPointError if steps have become too short to move the time."""
        eps = torch.finfo(t.dtype).eps
        stuck = (left > 0) & ~(length >= left) & ~(length > 4 * eps * t.abs().clamp(min=abs(t1)))
        if stuck.any():
            i = int(stuck.nonzero()[0])
            raise FloatingPointError(
                f"DormandPrince: at t = {t[i].item():.6g} the step fell to {length[i].item():.1e}; f "
                f"must be finite and smooth there. Widen rtol {self.rtol:g} and atol {self.atol:g}, "
                f"or use {str(t.dtype).replace('32', '64')}"
            )


def factor(ratio: Tensor, before: Tensor, good: Tensor) -> Tensor:
    """What the next step is of this one: PI control, or, after a failure, the error's alone."""
    ratio = ratio.clamp(min=1e-8)
    steady = SAFETY * ratio**-GAIN * before**DAMPING
    again = (SAFETY * ratio**-0.2).nan_to_num(nan=SLOWEST).clamp(max=1)
    return torch.where(good, steady, again).clamp(SLOWEST, FASTEST)


def choose(good: Tensor, new: State, old: State) -> State:
    """The new rows where they are good."""
    if good.all():
        return new
    if not good.any():
        return old
    return tuple(torch.where(column(good, a), a, b) for a, b in zip(new, old, strict=True))
