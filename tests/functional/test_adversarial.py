"""Objectives by hand, and against the divergences that they are at the best critic."""

import math

import pytest
import torch
from torch.nn.functional import logsigmoid

from genus import artifact
from genus.functional.adversarial import OBJECTIVES, Objective, minimax, non_saturating

P = torch.tensor([1, 2, 3, 10])  # how many rows of each of four kinds: p is P / 16
Q = torch.tensor([4, 6, 3, 3])


def total(terms):
    return torch.stack([*terms.values()]).sum().item()


def sides(scores):
    """The scores of 16 real and 16 made rows, given the critic's score of each kind."""
    return scores.repeat_interleave(P), scores.repeat_interleave(Q)


def best(name, scores):
    """The critic's loss where gradient descent on its four scores ends."""
    scores = scores.clone().requires_grad_()
    optimizer = torch.optim.LBFGS([scores], max_iter=500, tolerance_grad=1e-12)

    def closure():
        optimizer.zero_grad()
        loss = torch.stack([*OBJECTIVES[name].critic(*sides(scores)).values()]).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return total(OBJECTIVES[name].critic(*sides(scores.detach())))


@pytest.fixture(autouse=True)
def exact():
    torch.set_default_dtype(torch.float64)


R, F = [2.0, -1.0], [0.5, -3.0]
LOG1P = {a: math.log1p(math.exp(a)) for a in (-2.0, 1.0, 0.5, -3.0, -0.5, 3.0, -1.5, 1.5, 2.0)}
BY_HAND = {  # the critic's and the generator's loss at r = R, f = F
    "minimax": (
        (LOG1P[-2.0] + LOG1P[1.0] + LOG1P[0.5] + LOG1P[-3.0]) / 2,
        -(LOG1P[0.5] + LOG1P[-3.0]) / 2,
    ),
    "non_saturating": (
        (LOG1P[-2.0] + LOG1P[1.0] + LOG1P[0.5] + LOG1P[-3.0]) / 2,
        (LOG1P[-0.5] + LOG1P[3.0]) / 2,
    ),
    "least_squares": ((1 + 4 + 0.25 + 9) / 4, (0.25 + 16) / 4),
    "wasserstein": (-1.25 - 0.5, 1.25),
    "hinge": ((0 + 2 + 1.5 + 0) / 2, 1.25),
    "relativistic": ((LOG1P[-1.5] + LOG1P[-2.0]) / 2, (LOG1P[1.5] + LOG1P[2.0]) / 2),
}


def test_every_objective_has_a_value_by_hand():
    assert BY_HAND.keys() == OBJECTIVES.keys()
    assert all(OBJECTIVES[name].name == name for name in OBJECTIVES)


@pytest.mark.parametrize("name", BY_HAND)
def test_values(name):
    real, fake = torch.tensor(R), torch.tensor(F)
    critic, generator = BY_HAND[name]
    assert total(OBJECTIVES[name].critic(real, fake)) == pytest.approx(critic, abs=1e-12)
    assert total(OBJECTIVES[name].generator(real, fake)) == pytest.approx(generator, abs=1e-12)


@pytest.mark.parametrize("name", ["minimax", "non_saturating"])
def test_the_best_logit_measures_jensen_shannon(name):
    p, q = P / 16, Q / 16
    m = (p + q) / 2
    js = ((p * (p / m).log()).sum() + (q * (q / m).log()).sum()) / 2
    truth = 2 * math.log(2) - 2 * js.item()
    assert total(OBJECTIVES[name].critic(*sides((p / q).log()))) == pytest.approx(truth, abs=1e-12)
    assert best(name, torch.zeros(4)) == pytest.approx(truth, abs=1e-9)


def test_the_best_least_squares_critic_measures_pearson():
    p, q = P / 16, Q / 16
    m = (p + q) / 2
    truth = (1 - ((p - m) ** 2 / m).sum().item()) / 4
    scores = p / (p + q)
    assert total(OBJECTIVES["least_squares"].critic(*sides(scores))) == pytest.approx(truth)
    assert best("least_squares", torch.zeros(4)) == pytest.approx(truth, abs=1e-9)


def test_the_best_hinge_critic_measures_total_variation():
    p, q = P / 16, Q / 16
    truth = 2 - (p - q).abs().sum().item()
    assert total(OBJECTIVES["hinge"].critic(*sides((p - q).sign()))) == pytest.approx(truth)
    others = torch.randn(200, 4) * 2
    assert all(total(OBJECTIVES["hinge"].critic(*sides(s))) >= truth - 1e-12 for s in others)


def test_the_best_linear_critic_measures_wasserstein():
    """On the line a slope of 1 is the best 1-Lipschitz critic if one side lies right of the other."""
    x, y = torch.randn(50), torch.randn(50) - 9
    gap = x.sort().values - y.sort().values
    assert total(OBJECTIVES["wasserstein"].critic(x, y)) == pytest.approx(-gap.abs().mean().item())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("minimax", 2 * math.log(2)),
        ("non_saturating", 2 * math.log(2)),
        ("wasserstein", 0),
        ("hinge", 2),
        ("relativistic", math.log(2)),
    ],
)
def test_a_critic_that_knows_nothing(name, value):
    assert total(OBJECTIVES[name].critic(*sides(torch.zeros(4)))) == pytest.approx(value)


def test_a_sure_critic_stops_the_minimax_generator_alone():
    """Why the non-saturating form exists: the gradient at f = -20."""

    def slope(objective):
        f = torch.tensor([-20.0], requires_grad=True)
        (gradient,) = torch.autograd.grad(sum(objective.generator(f.new_empty(0), f).values()), f)
        return gradient.item()

    assert slope(minimax) == pytest.approx(-math.exp(logsigmoid(torch.tensor(-20.0)).item()))
    assert abs(slope(minimax)) < 1e-8
    assert slope(non_saturating) == pytest.approx(-1)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_side_is_a_set(name):
    """The order of rows does not matter, unless each row has a partner; then they go together."""
    objective, real, fake = OBJECTIVES[name], torch.randn(7), torch.randn(7)
    order, other = torch.randperm(7), torch.randperm(7)
    other = order if objective.relative else other
    for loss in (objective.critic, objective.generator):
        torch.testing.assert_close(loss(real, fake), loss(real[order], fake[other]))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_generator_is_handed_what_it_looks_at(name):
    objective, fake = OBJECTIVES[name], torch.randn(4)
    if objective.relative:
        with pytest.raises(RuntimeError):
            objective.generator(fake.new_empty(0), fake)
    else:
        terms = objective.generator(torch.randn(4), fake)
        torch.testing.assert_close(objective.generator(fake.new_empty(0), fake), terms)


def test_relativistic_changes_sides():
    """The generator wants what the critic would want if the sides were swapped."""
    objective, real, fake = OBJECTIVES["relativistic"], torch.randn(9), torch.randn(9)
    critic, generator = objective.critic(fake, real), objective.generator(real, fake)
    assert total(critic) == pytest.approx(total(generator))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_scores_may_be_maps(name):
    objective, real, fake = OBJECTIVES[name], torch.randn(12), torch.randn(12)
    for loss in (objective.critic, objective.generator):
        maps = loss(real.view(3, 1, 2, 2), fake.view(3, 1, 2, 2))
        torch.testing.assert_close(maps, loss(real, fake))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_survive_an_artifact(name):
    again = artifact.decode(artifact.encode(OBJECTIVES[name]))
    assert isinstance(again, Objective)
    assert again == OBJECTIVES[name]
