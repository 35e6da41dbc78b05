"""Constraints on weights: against singular values, closed forms, and what training does to them."""

import copy

import pytest
import torch
from torch import nn

from genus.adversarial import GAN
from genus.adversarial.nets.dcgan import DCGANCritic, DCGANGenerator
from genus.core import Pixels, Reals
from genus.functional.adversarial.objectives import hinge
from genus.functional.adversarial.penalties import Penalty, gradient_penalty, r1
from genus.nn import MLP
from genus.nn.constraints import CONSTRAINTS, constrain, orthogonal
from genus.train import artifact
from genus.train.fit import adam, fit
from genus.train.game import Average, play
from genus.train.run import Run


class Zoo(nn.Module):
    """One layer of each kind."""

    def __init__(self):
        super().__init__()
        self.dense = nn.Linear(6, 5)
        self.line = nn.Conv1d(2, 3, 3)
        self.conv = nn.Conv2d(4, 7, 3)
        self.transposed = nn.ConvTranspose2d(4, 6, 4, stride=2)
        self.table = nn.Embedding(8, 3)


def matrix(layer: nn.Module) -> torch.Tensor:
    """The weight with one row for each output."""
    transposed = isinstance(layer, nn.ConvTranspose2d)
    return layer.weight.transpose(0, int(transposed)).flatten(1)


def bound(constraint: str) -> Zoo:
    torch.manual_seed(0)
    net = Zoo().double()
    constrain(net, constraint)
    return net


def test_spectral_is_the_largest_singular_value():
    net = bound("spectral")
    for layer in net.children():
        for _ in range(300):
            _ = layer.weight
        assert torch.linalg.matrix_norm(matrix(layer), 2).item() == pytest.approx(1, abs=1e-6)
        free = layer.parametrizations.weight.original
        assert torch.linalg.matrix_norm(free.flatten(1), 2).item() != pytest.approx(1, abs=1e-2)


def test_a_spectral_critic_is_lipschitz():
    torch.manual_seed(0)
    critic = MLP(4, 1, (16, 16), activation="leaky_relu", constraint="spectral").double()
    with torch.no_grad():
        for p in critic.parameters():
            p.mul_(5)
        for _ in range(200):
            critic(torch.zeros(1, 4).double())
    critic.eval()
    a = torch.randn(2000, 4).double()
    b = a + 0.1 * torch.randn(2000, 4).double()
    slopes = (critic(a) - critic(b)).flatten().abs() / (a - b).norm(dim=1)
    assert slopes.max() <= 1 + 1e-9
    free = MLP(4, 1, (16, 16), activation="leaky_relu").double()
    free.load_state_dict({k: 5 * v for k, v in free.state_dict().items()})
    slopes = (free(a) - free(b)).flatten().abs() / (a - b).norm(dim=1)
    assert slopes.max() > 1  # the test can fail


def test_in_evaluation_the_singular_vectors_are_left_alone():
    net = MLP(3, 2, (4,), constraint="spectral")
    before = copy.deepcopy(net.state_dict())
    net.eval()(torch.randn(5, 3))
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    net.train()(torch.randn(5, 3))
    assert not all(torch.equal(v, before[k]) for k, v in net.state_dict().items())


def test_the_gradient_of_sigma_is_taken():
    """d/dW of a function of W / sigma is orthogonal to W: scale has no effect."""
    layer = nn.Linear(5, 4, bias=False).double()
    constrain(layer, "spectral")
    layer(torch.randn(7, 5).double()).square().sum().backward()
    free = layer.parametrizations.weight.original
    assert free.grad.norm() > 1e-3
    assert (free.grad * free).sum().item() == pytest.approx(0, abs=1e-9)


def test_weight_norm_has_length_and_direction():
    before = {k: v.clone() for k, v in bound_free().state_dict().items()}
    net = bound("weight")
    for name, layer in net.named_children():
        torch.testing.assert_close(layer.weight, before[f"{name}.weight"])  # nothing has changed
        length, direction = layer.parametrizations.weight.parameters()
        assert length.numel() == matrix(layer).shape[0]
        with torch.no_grad():
            direction.mul_(3)
            length.fill_(2.0)
        lengths = matrix(layer).norm(dim=1)
        torch.testing.assert_close(lengths, torch.full_like(lengths, 2.0))


def bound_free() -> Zoo:
    torch.manual_seed(0)
    return Zoo().double()


@pytest.mark.parametrize(
    ("layer", "fan_in"),
    [
        (nn.Linear(300, 200), 300),
        (nn.Conv2d(40, 50, 3), 360),
        (nn.ConvTranspose2d(40, 50, 4, stride=2), 160),
    ],
)
def test_equalised(layer, fan_in):
    constrain(layer, "equalised")
    free = layer.parametrizations.weight.original
    count = free.numel()
    assert abs(free.std() - 1) < 5 / (2 * count) ** 0.5
    torch.testing.assert_close(layer.weight, free * (2 / fan_in) ** 0.5)


def test_equalised_keeps_the_size_of_what_goes_through():
    """He's constant: the second moment after a ReLU layer is that before it."""
    torch.manual_seed(0)
    for layer, x in (
        (nn.ConvTranspose2d(64, 128, 4, stride=2, bias=False), torch.randn(8, 64, 12, 12)),
        (nn.Conv2d(64, 128, 3, bias=False), torch.randn(8, 64, 12, 12)),
    ):
        constrain(layer, "equalised")
        inner = layer(x).detach().relu()[..., 4:-4, 4:-4]
        moments = inner.square().mean((0, 2, 3))  # of 128 channels, each with weights of its own
        assert abs(moments.mean() - 1) < 5 * moments.std() / 128**0.5 < 0.3


@pytest.mark.parametrize("constraint", [None, *CONSTRAINTS])
def test_orthogonal(constraint):
    net = bound_free()
    constrain(net, constraint)
    orthogonal(net, gain=1.0)
    for layer in net.eval().children():
        w = matrix(layer).detach()
        w = w if w.shape[0] <= w.shape[1] else w.T
        torch.testing.assert_close(w @ w.T, torch.eye(len(w)).double(), atol=1e-6, rtol=0)
    assert net.train().dense.training


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_penalties_reach_the_weights(constraint):
    """Double backward: the slope's gradient is that of finite differences."""
    torch.manual_seed(1)
    critic = MLP(3, 1, (5,), constraint=constraint).double().eval()
    x, fake = torch.randn(4, 3).double(), torch.randn(4, 3).double()
    weights = dict(critic.named_parameters())

    def value(*parameters):
        named = dict(zip(weights, parameters, strict=True))
        return r1(lambda x: torch.func.functional_call(critic, named, (x,)), x, fake)

    critic.train()
    assert gradient_penalty(critic, x, fake).requires_grad
    critic.eval()
    assert torch.autograd.gradcheck(value, tuple(weights.values()), check_batched_grad=False)


@pytest.mark.parametrize("constraint", CONSTRAINTS)
def test_a_run_that_is_resumed_is_the_same_run(tmp_path, constraint):
    def model():
        torch.manual_seed(0)
        return GAN(
            Reals((2,)),
            MLP(3, 2, (8,), constraint=constraint),
            MLP(2, 1, (8,), constraint=constraint),
            3,
            hinge,
            (Penalty(r1, 0.1),),
        )

    from genus.data import load

    data = load("ring").train
    plan = {"batch": 8, "device": "cpu", "ema": 0.9}
    whole = fit(model(), data, Run(rounds=6, out=tmp_path / "a", **plan))
    fit(model(), data, Run(rounds=3, out=tmp_path / "b", **plan))
    again = fit(model(), data, Run(rounds=6, out=tmp_path / "b", resume=True, **plan))
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    loaded = artifact.load(tmp_path / "a")
    torch.manual_seed(2)
    x = whole.sample(4)
    torch.manual_seed(2)
    assert torch.equal(x, loaded.sample(4))


def test_an_averaged_spectral_generator_is_nearly_of_norm_one():
    """The average is divided by its sigma along the last weights' vectors: a little too small."""
    torch.manual_seed(0)
    space = Pixels((1, 8, 8))
    generator = DCGANGenerator(4, space.shape, 8, 2, "none", "spectral")
    model = GAN(space, generator, DCGANCritic(space.shape, 8, 2, "none", "spectral"), 4)
    optimizers = {k: adam(2e-3)(k, p.parameters()) for k, p in model.players().items()}
    average = Average(model, 0.95)
    batches = ((space.quantise(torch.rand(16, 1, 8, 8)),) for _ in range(150))
    for number, _ in enumerate(play(model, batches, optimizers)):
        average.update(number)
    for layer in average.model.eval().generator.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            assert torch.linalg.matrix_norm(matrix(layer), 2).item() == pytest.approx(1, abs=0.05)


def test_unknown_constraints_are_refused():
    with pytest.raises(ValueError, match="MLP: constraint is 'clip'; one of spectral, weight, equ"):
        MLP(2, 1, constraint="clip")
