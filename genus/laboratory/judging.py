"""A critic that learns alone, from rows of two sides that stay as they are."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..functional.adversarial.objectives import Objective

Draw = Callable[[], tuple[Tensor, Tensor]]  # rows of the data, and as many made ones
Slope = Callable[[nn.Module, Tensor, Tensor], Tensor]  # a penalty of the critic on both


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """All chance within comes from this seed; what is drawn outside does not notice."""
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
    """Trains with Adam, and yields how many rounds have been played: 0, 1, ..., `rounds`.

    Args:
        critic: rows to scores; changed in place.
        objective: whose critic's half is minimised.
        draw: fresh rows of both sides.
        rounds: when to stop.
        lr: the learning rate, which falls to nothing along half a cosine.
        penalty: a further term.
        weight: how much of it.
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
    """How the generator's loss of each row changes with that row, (n, d): not divided by n."""
    fake = fake.detach().requires_grad_()
    scores = critic(fake)
    loss = torch.stack([*objective.generator(scores.new_empty(0), scores).values()]).sum()
    (gradient,) = torch.autograd.grad(loss * len(fake), fake)
    return gradient
