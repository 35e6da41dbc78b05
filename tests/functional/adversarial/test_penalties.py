"""Penalties against slopes known by hand, by autograd and by finite differences."""

import math
from itertools import islice, repeat

import pytest
import torch
from torch import nn

from genus.adversarial import GAN
from genus.core import Reals
from genus.functional.adversarial.penalties import (
    PENALTIES,
    Consistency,
    Penalty,
    dragan,
    drift,
    feature_matching,
    gradient_penalty,
    one_sided_gradient_penalty,
    orthogonal,
    pulling_away,
    r1,
    r2,
    slope,
)
from genus.functional.densities.estimates import mean_error
from genus.nn import MLP
from genus.train import artifact
from genus.train.game import play

SLOPES = [gradient_penalty, one_sided_gradient_penalty, dragan, r1, r2]


class Seeing(nn.Module):
    """A critic whose features are the rows themselves, times a weight."""

    def __init__(self, weight=None):
        super().__init__()
        self.weight = nn.Parameter(torch.eye(3) if weight is None else weight)

    def features(self, x):
        return x @ self.weight

    def forward(self, x):
        return self.features(x).sum(1)


@pytest.fixture(autouse=True)
def exact():
    torch.set_default_dtype(torch.float64)


@pytest.mark.parametrize("shape", [(3,), (2, 4, 5)])
@pytest.mark.parametrize("steepness", [1.0, 3.0, 0.0])
def test_a_linear_critic(shape, steepness):
    """Its slope is the same everywhere: a batch of 64 is not 64 times as steep."""
    w = torch.randn(shape)
    w = steepness * w / w.norm()
    real, fake = torch.randn(64, *shape), torch.randn(64, *shape)

    def critic(x):
        return (x * w).flatten(1).sum(1)

    for penalty in (gradient_penalty, dragan):
        value = penalty(critic, real, fake).item()
        assert value == pytest.approx((steepness - 1) ** 2, abs=1e-12)
    for penalty in (r1, r2):
        value = penalty(critic, real, fake).item()
        assert value == pytest.approx(steepness**2 / 2, abs=1e-12)
    value = one_sided_gradient_penalty(critic, real, fake).item()
    assert value == pytest.approx(max(0, steepness - 1) ** 2, abs=1e-12)


def test_where_and_how_steep():
    """D(x) = |x|^2 / 2 has the slope |x|, at a mixture of its own for each row."""
    real, fake, share = torch.randn(8, 2), torch.randn(8, 2), torch.rand(8)
    where = (1 - share)[:, None] * real + share[:, None] * fake

    def critic(x):
        return x.square().sum(1) / 2

    truth = (where.norm(dim=1) - 1).square().mean()
    torch.testing.assert_close(gradient_penalty(critic, real, fake, share), truth)
    torch.testing.assert_close(r1(critic, real, fake), real.square().sum(1).mean() / 2)
    torch.testing.assert_close(r2(critic, real, fake), fake.square().sum(1).mean() / 2)
    torch.manual_seed(3)
    one_sided = one_sided_gradient_penalty(critic, real, fake)
    torch.manual_seed(3)
    share = torch.rand(8)[:, None]
    steep = ((1 - share) * real + share * fake).norm(dim=1)
    torch.testing.assert_close(one_sided, (steep - 1).relu().square().mean())


def test_the_share_is_drawn_for_each_row():
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.sum(1)

    gradient_penalty(critic, torch.zeros(1000, 2), torch.ones(1000, 2))
    torch.testing.assert_close(seen[0][:, 0], seen[0][:, 1])
    assert seen[0][:, 0].unique().numel() == 1000
    assert 0 <= seen[0].min() < 0.01
    assert 0.99 < seen[0].max() <= 1


@pytest.mark.parametrize("penalty", SLOPES)
def test_gradient_by_finite_differences(penalty):
    """The slope's own slope, in the critic's weights, against central differences."""
    net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
    real, fake = torch.randn(6, 3), torch.randn(6, 3)

    def value():
        torch.manual_seed(4)
        return penalty(net, real, fake)

    value().backward()
    claimed, weight, h = net[0].weight.grad, net[0].weight.data, 1e-5
    for i, j in ((0, 0), (2, 1), (4, 2)):
        weight[i, j] += h
        above = value().item()
        weight[i, j] -= 2 * h
        below = value().item()
        weight[i, j] += h
        assert claimed[i, j].item() == pytest.approx((above - below) / (2 * h), rel=1e-6, abs=1e-9)


def test_a_flat_critic_gives_no_nan():
    net = nn.Linear(3, 1)
    nn.init.zeros_(net.weight)
    for penalty in SLOPES:
        value = penalty(net, torch.randn(5, 3), torch.randn(5, 3))
        (gradient,) = torch.autograd.grad(value, net.weight)
        assert gradient.isfinite().all()


def test_the_generator_is_left_out():
    """A fake row that carries a graph is a place, not something to be moved."""
    net, fake = nn.Linear(2, 1), torch.randn(4, 2, requires_grad=True)
    value = gradient_penalty(net, torch.randn(4, 2), 2 * fake)
    assert torch.autograd.grad(value, fake, allow_unused=True) == (None,)


def test_slopes_work_where_gradients_are_off():
    with torch.no_grad():
        assert slope(lambda x: 3 * x.sum(1), torch.zeros(2, 1)).tolist() == [3, 3]


def test_dragan_looks_around_the_data():
    """x + a d: d in [0, std / 2) for each number, a in [0, 1) for each row; fake rows are not seen."""
    seen = []

    def critic(x):
        seen.append(x.detach())
        return x.sum(1)

    real = 4 * torch.randn(2000, 3)
    dragan(critic, real, torch.full_like(real, torch.nan))
    step = (seen[0] - real) / (0.5 * real.std())
    assert 0 <= step.min() < 0.001
    assert 0.9 < step.max() < 1
    for rows, truth in (
        (step.mean(1), 1 / 4),  # E a E d
        (step.square().mean(1), 1 / 9),  # E a^2 E d^2
        (step[:, 0] * step[:, 1], 1 / 12),  # E a^2 (E d)^2: one a for a row, d for each number
    ):
        mean, error = mean_error(rows)
        assert mean == pytest.approx(truth, abs=5 * error)


def test_drift_is_the_square_of_real_scores():
    real = torch.tensor([[1.0], [-3.0]])
    assert drift(lambda x: 2 * x.sum(1), real, 100 * real).item() == (4 + 36) / 2


# --- consistency ------------------------------------------------------------------------------


def test_a_blind_critic_is_consistent():
    """One that sees only what T keeps (here the sum over a flat image) pays nothing."""
    real = torch.ones(5, 2, 6, 6) * torch.randn(5, 1, 1, 1)
    penalty = Consistency(shift=2, flip=True)
    assert penalty(lambda x: x.flatten(1).sum(1), real, real).item() == pytest.approx(0, abs=1e-20)


def test_consistency_by_hand():
    """A critic that reads column 0 of a row 0 1 2 3: shifted by one it reads 1, 0 or, back, 0."""
    real = torch.arange(4.0).repeat(3000, 1, 1, 1)
    moved = Consistency(shift=1).moved(real)
    first = moved[:, 0, 0, 0]
    assert sorted(first.unique().tolist()) == [0, 1]
    rows = {tuple(row) for row in moved[:, 0, 0].tolist()}
    assert rows == {(0, 0, 1, 2), (0, 1, 2, 3), (1, 2, 3, 3)}
    share = (first == 1).double().mean().item()
    assert share == pytest.approx(1 / 3, abs=5 * math.sqrt(2 / 9 / 3000))
    torch.manual_seed(1)
    value = Consistency(shift=1)(lambda x: 3 * x[:, 0, 0, 0], real, real).item()
    assert value == pytest.approx(9 / 3, abs=9 * 5 * math.sqrt(2 / 9 / 3000))


def test_rows_and_columns_move_for_themselves_and_channels_together():
    image = torch.arange(9.0).view(1, 1, 3, 3).repeat(500, 2, 1, 1)
    moved = Consistency(shift=1).moved(image)
    assert len(moved.flatten(1).unique(dim=0)) == 9
    assert torch.equal(moved[:, 0], moved[:, 1])
    assert torch.equal(Consistency(shift=0).moved(image), image)


def test_flips_mirror_half_of_the_rows():
    real = torch.arange(4.0).repeat(2000, 1, 2, 1)
    moved = Consistency(shift=0, flip=True).moved(real)
    mirrored = (moved == real.flip(3)).flatten(1).all(1)
    same = (moved == real).flatten(1).all(1)
    assert (mirrored | same).all()
    assert mirrored.double().mean().item() == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(2000))


def test_noise_moves_vectors():
    """A linear critic of slope w: E (w e)^2 = noise^2 |w|^2."""
    w, n = torch.tensor([1.0, -2.0, 2.0]), 20_000
    value = Consistency(noise=0.1)(lambda x: x @ w, torch.randn(n, 3), torch.empty(0)).item()
    assert value == pytest.approx(0.09, abs=5 * 0.09 * math.sqrt(2 / n))
    with pytest.raises(ValueError, match=r"Consistency: x is \(2, 3\), no image"):
        Consistency()(lambda x: x.sum(1), torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(ValueError, match="Consistency: shift is -1"):
        Consistency(shift=-1)


# --- on weights and features ------------------------------------------------------------------


def test_orthogonal_rows_cost_nothing():
    """Whatever their lengths; and by hand where they are not: W W^T has 5 beside its diagonal."""
    net = nn.Linear(3, 2)
    net.weight.data = torch.tensor([[2.0, 0, 0], [0, 0, -7]])
    net.bias.data += 100
    none = torch.empty(0)
    assert orthogonal(net, none, none).item() == 0
    net.weight.data = torch.tensor([[1.0, 2, 0], [1, 2, 3]])
    assert orthogonal(net, none, none).item() == 2 * 25
    both = nn.Sequential(net, nn.Conv2d(1, 2, 2))
    both[1].weight.data = torch.tensor([[1.0, 0, 0, 1], [0, 0, 0, 3]]).view(2, 1, 2, 2)
    assert orthogonal(both, none, none).item() == 2 * 25 + 2 * 9
    with pytest.raises(TypeError, match="orthogonal: the critic is a function"):
        orthogonal(lambda x: x, none, none)


def test_features_of_a_permuted_batch_match():
    """The distance of means, not of rows: 0, where a mean of row distances would be large."""
    real = torch.randn(64, 3)
    fake = real[torch.randperm(64)]
    assert feature_matching(Seeing(), real, fake).item() == pytest.approx(0, abs=1e-30)
    shifted = fake + torch.tensor([1.0, 0, -2])
    assert feature_matching(Seeing(), real, shifted).item() == pytest.approx(5)
    assert feature_matching(Seeing(3 * torch.eye(3)), real, shifted).item() == pytest.approx(45)


def test_feature_matching_moves_made_rows():
    """Its slope is 2 (mean fake - mean real) / n for each fake row."""
    real, fake = torch.zeros(4, 3), torch.ones(4, 3).requires_grad_()
    (gradient,) = torch.autograd.grad(feature_matching(Seeing(), real, fake), fake)
    torch.testing.assert_close(gradient, torch.full((4, 3), 0.5))


def test_pulling_away_by_hand():
    """0 for codes at right angles, 1 for equal ones, whatever their lengths and signs."""
    none, critic = torch.empty(0), Seeing()
    codes = torch.diag(torch.tensor([1.0, -5.0, 0.3]))
    assert pulling_away(critic, none, codes).item() == pytest.approx(0, abs=1e-30)
    equal = torch.tensor([[1.0, 2, 2]]) * torch.tensor([[1.0], [4.0], [-2.0], [0.5]])
    assert pulling_away(critic, none, equal).item() == pytest.approx(1)
    mixed = torch.tensor([[1.0, 0, 0], [1, 1, 0], [0, 1, 0]])  # cos^2: 1/2, 0, 1/2
    assert pulling_away(critic, none, mixed).item() == pytest.approx(1 / 3)
    with pytest.raises(ValueError, match="pulling_away: 1 fake rows"):
        pulling_away(critic, none, mixed[:1])


def test_pulling_away_pulls_apart():
    codes = torch.tensor([[1.0, 0.1, 0], [1, -0.1, 0]], requires_grad=True)
    pulling_away(Seeing(), codes, codes).backward()
    assert codes.grad[0, 1] < 0 < codes.grad[1, 1]  # descent raises the first, lowers the second


@pytest.mark.parametrize("term", [feature_matching, pulling_away])
def test_a_critic_without_features_is_named(term):
    with pytest.raises(
        TypeError, match=f"{term.__name__}: the critic is a Linear without features"
    ):
        term(nn.Linear(3, 1), torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(ValueError, match=f"{term.__name__} is a term of the generator's loss"):
        Penalty(term, 1.0)


def test_images_have_features_too():
    class Maps(nn.Module):
        def features(self, x):
            return x[:, :, :2]

    real = torch.randn(6, 1, 4, 4)
    assert feature_matching(Maps(), real, real.flip(0)).item() == pytest.approx(0, abs=1e-30)
    assert 0 < pulling_away(Maps(), real, real).item() < 1


# --- the record -------------------------------------------------------------------------------


@pytest.mark.parametrize("every", [1, 2, 4])
def test_lazy_is_eager_in_expectation(every):
    """Over k rounds the gradients of a penalty played in every k-th sum to those of k eager ones."""
    torch.manual_seed(0)
    critic, generator, x = MLP(2, 1, (8,)), MLP(2, 2, (4,)), torch.randn(16, 2)
    start = [p.detach().clone() for p in critic.parameters()]

    def moved(*penalties):
        """Where plain descent leaves the critic, by steps too small to bend its path."""
        for p, q in zip(critic.parameters(), start, strict=True):
            p.data.copy_(q)
        model = GAN(Reals((2,)), generator, critic, 2, penalties=penalties)
        players = {n: p for n, p in model.players().items() if p.optimizer is None}
        optimizers = {n: torch.optim.SGD(p.parameters(), 1e-6) for n, p in players.items()}
        torch.manual_seed(5)
        for _ in islice(play(model, repeat((x,)), optimizers), 4):
            pass
        return torch.cat([p.detach().flatten() for p in critic.parameters()])

    alone = moved()
    eager, lazy = moved(Penalty(r1, 30.0)) - alone, moved(Penalty(r1, 30.0, every)) - alone
    assert eager.norm() > 1e-6
    torch.testing.assert_close(lazy, eager, rtol=0, atol=1e-3 * eager.norm().item())


def test_every_penalty_has_its_name():
    names = {
        name: Penalty(f, 1.0, player="generator").name  # which any function may be a term of
        for name, f in PENALTIES.items()
    }
    assert names == {name: name for name in PENALTIES}


@pytest.mark.parametrize(
    "penalty",
    [
        Penalty(gradient_penalty, 10.0),
        Penalty(r1, 0.3, every=16),
        Penalty(feature_matching, 1.0, player="generator"),
        Penalty(Consistency(2, True, 0.1), 10.0),
    ],
)
def test_penalties_survive_an_artifact(penalty):
    assert artifact.decode(artifact.encode(penalty)) == penalty


def test_penalties_that_are_refused():
    with pytest.raises(ValueError, match="Penalty: weight is -1"):
        Penalty(r1, -1)
    with pytest.raises(ValueError, match="Penalty: every is 0"):
        Penalty(r1, 1, every=0)
    with pytest.raises(ValueError, match="Penalty: player is 'both'"):
        Penalty(r1, 1, player="both")


# --- liars: formulas that peers have had, each of which a law above must turn down -----------


def test_liars_have_other_values():
    """A norm over the batch; a distance of rows; codes scaled along the batch, with the diagonal."""
    torch.manual_seed(0)
    real, fake = torch.randn(64, 3), torch.randn(64, 3)
    w = torch.tensor([[0.6], [0.0], [0.8]])
    x = real.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((x @ w).sum(), x)
    assert (gradient.norm() - 1).square().item() == pytest.approx(49)  # ours: 0
    assert gradient_penalty(lambda x: x @ w, real, fake).item() == pytest.approx(0, abs=1e-20)
    order = torch.randperm(64)
    rows = (real - real[order]).square().sum(1).mean().item()
    assert rows > 1 > feature_matching(Seeing(), real, real[order]).item()
    codes = torch.eye(3) + 0.1
    scaled = codes / codes.norm(dim=0)
    cosines = (scaled @ scaled.T).square().mean().item()
    assert cosines > 2 * pulling_away(Seeing(), codes, codes).item()
