"""What the base of a flow is for: what no smooth map tears apart, a mixture has apart already."""

import math

import torch

from genus.core import Reals
from genus.density import GaussianMixture
from genus.flow import Coupling, Flow, Shift


def draw(n: int) -> torch.Tensor:
    """Two bent normals, far from each other."""
    e, side = torch.randn(n, 2), torch.randint(2, (n, 1)) * 2 - 1
    x = torch.cat([e[:, :1], 0.5 * e[:, 1:] + 0.5 * e[:, :1] ** 2], 1)
    return x + 4 * side * torch.tensor([0.0, 1.0])


def learned(base: GaussianMixture | None) -> float:
    """Nats above the entropy, for shifts alone, which keep every volume."""
    torch.manual_seed(0)
    turns = [Coupling(2, Shift(), (32,), flip=i % 2 == 1) for i in range(4)]
    model = Flow(Reals((2,)), turns, base)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2, fused=True)
    for _ in range(300):
        optimizer.zero_grad()
        (-model.log_prob(draw(256)).mean()).backward()
        optimizer.step()
    entropy = math.log(2 * math.pi * math.e) + math.log(0.5) + math.log(2)
    with torch.no_grad():
        return -model.log_prob(draw(10_000)).mean().item() - entropy


def test_a_mixture_base_has_the_modes_that_one_normal_lacks():
    base = GaussianMixture(Reals((2,)), components=2)
    with torch.no_grad():
        base.means.copy_(torch.tensor([[0.0, 4.0], [0.0, -4.0]]))
    mixed, plain = learned(base), learned(None)
    assert mixed < 0.1
    assert plain > mixed + 0.5
