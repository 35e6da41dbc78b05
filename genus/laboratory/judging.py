"""Training of a critic alone, on rows of two fixed distributions."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..functional.adversarial.objectives import Objective

Draw = Callable[[], tuple[Tensor, Tensor]]  # real rows, and as many fake ones
Slope = Callable[[nn.Module, Tensor, Tensor], Tensor]  # a penalty of the critic on both


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds all noise within, and restores the random streams outside."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def learn(
    critic: nn.Module,
    objective: Objective,
    draw: Draw,
    rounds: int,
    lr: float = 2e-3,
    penalty: Slope | None = None,
    weight: float = 1.0,
) -> Iterator[int]:
    """Trains with Adam, and yields the number of completed rounds: 0, 1, ..., `rounds`.

    Args:
        critic: module from rows to scores; changed in place.
        objective: objective whose loss of the critic is minimised.
        draw: function that draws fresh rows of both sides.
        rounds: number of rounds.
        lr: learning rate, which falls to 0 along half a cosine.
        penalty: penalty added to the loss.
        weight: weight of the penalty.
    """
    optimizer = torch.optim.Adam(critic.parameters(), lr=lr, betas=(0.9, 0.99))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(rounds, 1))
    yield 0
    for number in range(1, rounds + 1):
        real, fake = draw()
        loss = torch.stack([*objective.critic(critic(real), critic(fake)).values()]).sum()
        if penalty is not None:
            loss = loss + weight * penalty(critic, real, fake)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        yield number


def pull(objective: Objective, critic: nn.Module, fake: Tensor) -> Tensor:
    """The gradient of the generator's loss of each row by that row, (n, d), not divided by n."""
    fake = fake.detach().requires_grad_()
    scores = critic(fake)
    loss = torch.stack([*objective.generator(scores.new_empty(0), scores).values()]).sum()
    (gradient,) = torch.autograd.grad(loss * len(fake), fake)
    return gradient
