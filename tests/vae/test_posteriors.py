"""Guesses that a flow bends: against autograd, and against the normal guess that they begin as."""

import pytest
import torch
from torch.autograd.functional import jacobian

from genus.core import Bits, Reals
from genus.errors import Refused
from genus.nn import MLP
from genus.vae import IAF, IWAE, VAE, Normal, VampPrior


def test_the_log_determinant_is_that_of_the_jacobian():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    flow = IAF(4, (16, 16), steps=3, hints=2)
    z, hint = torch.randn(5, 4), torch.randn(5, 2)
    _, log_det = flow(z, hint)
    for row in range(5):
        slopes = jacobian(lambda one, row=row: flow(one[None], hint[row, None])[0][0], z[row])
        torch.testing.assert_close(log_det[row], slopes.slogdet()[1])


def test_a_step_is_triangular_and_the_next_one_the_other_way():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    above = []
    for steps in (1, 2):
        flow = IAF(4, (32,), steps=steps, hints=2)
        slopes = jacobian(lambda z, flow=flow: flow(z[None], torch.ones(1, 2))[0][0], torch.ones(4))
        above.append(slopes.triu(1).count_nonzero().item())
    assert above[0] == 0
    assert above[1] > 0


def test_the_first_feature_hears_the_hint():
    torch.manual_seed(0)
    flow = IAF(3, (8,), steps=1, hints=2)
    z = torch.zeros(1, 3)
    moved = flow(z, torch.ones(1, 2))[0] - flow(z, -torch.ones(1, 2))[0]
    assert (moved != 0).all()


def test_a_flow_reaches_a_posterior_that_no_normal_distribution_has():
    """x = |z| + noise has two posteriors, z near x and near -x; z_2 = x z_1 has correlated ones."""
    torch.set_default_dtype(torch.float64)

    class Product(torch.nn.Module):
        def forward(self, z):
            return (z[:, :1] * z[:, 1:]).contiguous()

    found = {}
    for name, flow in (("normal", None), ("bent", IAF(2, (32,), steps=2, hints=8))):
        torch.manual_seed(0)
        encoder = MLP(1, 4 + (8 if flow else 0), (32,))
        model = VAE(Reals((1,)), 2, encoder, Product(), Normal(0.3, learned=False), flow=flow)
        optimizer = torch.optim.Adam(model.parameters(), 5e-3)
        for _ in range(600):
            z = torch.randn(256, 2)
            x = z.prod(1, keepdim=True) + 0.3 * torch.randn(256, 1)
            optimizer.zero_grad()
            sum(model.loss(x).values()).backward()
            optimizer.step()
        z = torch.randn(4000, 2)
        x = z.prod(1, keepdim=True) + 0.3 * torch.randn(4000, 1)
        with torch.no_grad():
            found[name] = model.elbo(x).mean().item()
    assert found["bent"] > found["normal"] + 0.05


def test_refusals_say_what_is_wanted():
    def vae(flow, width=4, prior=None):
        return VAE(Bits((3,)), 2, MLP(3, width), MLP(2, 3), prior=prior, flow=flow)

    with pytest.raises(Refused, match=r"encoder gives 4 numbers.*wanted are 7: .* 3 hints"):
        vae(IAF(2, hints=3))
    with pytest.raises(Refused, match="flow is Linear; a module with hints"):
        vae(torch.nn.Linear(2, 2))
    with pytest.raises(Refused, match="prior is VampPrior, which wants the density of the guess"):
        vae(IAF(2, hints=3), 7, VampPrior(Bits((3,)), 4))
    with pytest.raises(Refused, match="IWAE: doubly is True and a flow is given"):
        IWAE(Bits((3,)), 2, MLP(3, 7), MLP(2, 3), flow=IAF(2, hints=3))
    with pytest.raises(Refused, match="IAF: steps is 0; at least 1"):
        IAF(2, steps=0)
