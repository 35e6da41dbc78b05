"""Objectives by hand, and against the divergences that they are at the best critic."""

import math

import pytest
import torch
from torch.nn.functional import logsigmoid

from genus.functional.adversarial.objectives import (
    OBJECTIVES,
    EnergyMargin,
    LeastSquares,
    MarginRanking,
    Smoothed,
    TopK,
    minimax,
    non_saturating,
)
from genus.functional.densities.divergences import DIVERGENCES, RatioMatching
from genus.train import artifact

P = torch.tensor([1, 2, 3, 10])  # how many rows of each of four kinds: p is P / 16
Q = torch.tensor([4, 6, 3, 3])


def total(terms):
    return torch.stack([*terms.values()]).sum().item()


def sides(scores):
    """The scores of 16 real and 16 fake rows, given the critic's score of each kind."""
    return scores.repeat_interleave(P), scores.repeat_interleave(Q)


def best(objective, scores):
    """The critic's loss where descent on its four scores ends."""
    scores = scores.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [scores], max_iter=500, tolerance_grad=1e-12, line_search_fn="strong_wolfe"
    )

    def closure():
        optimizer.zero_grad()
        loss = torch.stack([*objective.critic(*sides(scores)).values()]).sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return total(objective.critic(*sides(scores.detach())))


@pytest.fixture(autouse=True)
def exact():
    torch.set_default_dtype(torch.float64)


R, F = [2.0, -1.0], [0.5, -3.0]
E = math.exp
L = {a: math.log1p(E(a)) for a in (-2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0, -3.0)}
REAL, FAKE = (L[-2.0] + L[1.0]) / 2, (L[0.5] + L[-3.0]) / 2  # E sp(-r), E sp(f)
LOG_SUM = math.log(E(2) + E(-1) + E(0.5) + E(-3))
U = {v: 20 / (1 + 19 * E(-v)) for v in R + F}
AVERAGE = {  # the mean of f is -1.25, of r 0.5: gaps above it and below it
    "critic": ([3.25, 0.25], [0.0, 3.5]),
    "generator": ([0.0, -3.5], [-3.25, -0.25]),
}


def averaged(link, player):
    return sum(sum(map(link, gaps)) / 2 for gaps in AVERAGE[player])


def logistic(gap):
    return math.log1p(E(-gap))


def squared(gap):
    return (gap - 1) ** 2


def hinged(gap):
    return max(0.0, 1 - gap)


BY_HAND = {  # the critic's and the generator's loss at r = R, f = F
    "minimax": (REAL + FAKE, -FAKE),
    "non_saturating": (REAL + FAKE, (L[-0.5] + L[3.0]) / 2),
    "smoothed": (
        0.9 * REAL + 0.1 * (L[2.0] + L[-1.0]) / 2 + FAKE,
        (L[-0.5] + L[3.0]) / 2,
    ),
    "least_squares": ((1 + 4 + 0.25 + 9) / 4, (0.25 + 16) / 4),
    "least_squares_centred": ((1 + 4 + 2.25 + 4) / 4, (0.25 + 9) / 4),
    "wasserstein": (-1.25 - 0.5, 1.25),
    "hinge": ((0 + 2 + 1.5 + 0) / 2, 1.25),
    "margin_ranking": (0.0, 1.25),
    "energy_margin": (0.5 + (0.5 + 4) / 2, -1.25),
    "boundary_seeking": (REAL + FAKE, (0.25 + 9) / 4),
    "ratio_matching": (
        (U[0.5] ** 2 + U[-3.0] ** 2) / 4 - (U[2.0] + U[-1.0]) / 2,
        ((U[0.5] - 1) ** 2 + (U[-3.0] - 1) ** 2) / 4,
    ),
    "ratio_matching_follow": (
        (U[0.5] ** 2 + U[-3.0] ** 2) / 4 - (U[2.0] + U[-1.0]) / 2,
        -(U[0.5] ** 2 + U[-3.0] ** 2) / 4,
    ),
    "softmax": (LOG_SUM - 0.5, LOG_SUM + 1.5 / 4),
    "kl": (-0.5 + (E(-0.5) + E(-4)) / 2, -(E(-0.5) + E(-4)) / 2),
    "reverse_kl": ((E(-2) + E(1)) / 2 - 2.25, 2.25),
    "pearson": (-0.5 + (0.0625 + 0.5 + 2.25 - 3) / 2, 1.25),  # the alternative generator
    "neyman": (
        (E(-2) + E(1)) / 2 - 1 + 2 - E(-0.25) - E(1.5),
        -2 + E(-0.25) + E(1.5),
    ),
    "hellinger": (
        (E(-2) + E(1)) / 2 - 1 + (E(0.5) + E(-3)) / 2 - 1,
        1 - (E(0.5) + E(-3)) / 2,
    ),
    "jensen_shannon": (REAL + FAKE - 2 * math.log(2), math.log(2) - FAKE),
    "f_gan": (REAL + FAKE, -FAKE),
    "relativistic": ((L[-1.5] + L[-2.0]) / 2, (L[1.5] + L[2.0]) / 2),
    "relativistic_least_squares": ((0.25 + 1) / 2, (6.25 + 9) / 2),
    "relativistic_hinge": (0.0, (2.5 + 3) / 2),
    "relativistic_average": (averaged(logistic, "critic"), averaged(logistic, "generator")),
    "relativistic_average_least_squares": (
        averaged(squared, "critic"),
        averaged(squared, "generator"),
    ),
    "relativistic_average_hinge": (averaged(hinged, "critic"), averaged(hinged, "generator")),
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


# --- the divergence at the best critic ---------------------------------------------------------

p, q = P.double() / 16, Q.double() / 16
M = (p + q) / 2
TWO_JS = ((p * (p / M).log()).sum() + (q * (q / M).log()).sum()).item()
CHI2 = ((p - M) ** 2 / M).sum().item()  # chi^2(p, (p + q) / 2)
TV = (p - q).abs().sum().item() / 2


def entropy_of_label(keep):
    """Twice the entropy, in nats, of a label given x; x is real half the time, and then kept or not."""
    share = keep * p / (p + q)
    return -((p + q) * (share * share.log() + (1 - share) * (1 - share).log())).sum().item()


LOGIT = (p / q).log()
AT_BEST = {  # the score of each kind, and the value that the docstring claims
    "minimax": (LOGIT, 2 * math.log(2) - TWO_JS),
    "non_saturating": (LOGIT, 2 * math.log(2) - TWO_JS),
    "boundary_seeking": (LOGIT, 2 * math.log(2) - TWO_JS),
    "smoothed": ((0.9 * p / (0.1 * p + q)).log(), entropy_of_label(0.9)),
    "least_squares": (p / (p + q), (1 - CHI2) / 4),
    "least_squares_centred": ((p - q) / (p + q), 1 - CHI2),
    "hinge": ((p - q).sign(), 2 - 2 * TV),
    "energy_margin": ((p < q).double(), 1 - TV),
    "softmax": (
        (p / (p + q)).log(),
        math.log(2 * 16) - (p * (p / M).log()).sum().item(),
    ),
}


@pytest.mark.parametrize("name", AT_BEST)
def test_the_best_critic_has_the_value_that_is_claimed(name):
    """At the best scores by formula, and nowhere lower: by descent, and at random."""
    scores, truth = AT_BEST[name]
    critic = OBJECTIVES[name].critic
    assert total(critic(*sides(scores))) == pytest.approx(truth, abs=1e-12)
    if name not in ("hinge", "energy_margin"):  # which have corners
        assert best(OBJECTIVES[name], torch.zeros(4)) == pytest.approx(truth, abs=1e-9)
    others = scores + torch.randn(200, 4)
    others = others.relu() if name == "energy_margin" else others
    assert all(total(critic(*sides(s))) >= truth - 1e-12 for s in others)


def test_the_numbers_of_a_game_are_in_its_value():
    a, b = -0.5, 2.5
    value = best(LeastSquares(a, b), torch.zeros(4))
    assert value == pytest.approx((b - a) ** 2 * (1 - CHI2) / 4, abs=1e-9)
    assert best(Smoothed(0.7), torch.zeros(4)) == pytest.approx(entropy_of_label(0.7), abs=1e-9)
    energies = 3.0 * (p < q)
    assert total(EnergyMargin(3.0).critic(*sides(energies))) == pytest.approx(3 * (1 - TV))
    assert total(MarginRanking(2.5).critic(torch.tensor(R), torch.tensor(F))) == 0.75


def test_the_centred_coding_is_pearson():
    """With the real rows' part, which the generator cannot move: chi^2(p + q, 2 q) / 2."""
    real, fake = sides((p - q) / (p + q))
    fool = OBJECTIVES["least_squares_centred"].generator(real, fake)["fool"].item()
    whole = fool + real.square().mean().item() / 2
    assert whole == pytest.approx(((p - q) ** 2 / (p + q)).sum().item() / 2)


def test_the_boundary_is_where_the_sides_meet():
    """At the best critic half E_q (log p/q)^2: zero if and only if p = q."""
    fake = LOGIT.repeat_interleave(Q)
    value = total(OBJECTIVES["boundary_seeking"].generator(fake.new_empty(0), fake))
    assert value == pytest.approx((q * LOGIT**2).sum().item() / 2)


def test_the_generators_move_what_they_say():
    """The energy game at its best critic: margin q(p < q), above its least value at p = q."""
    fake = (p < q).double().repeat_interleave(Q)
    assert total(OBJECTIVES["energy_margin"].generator(fake, fake)) == q[p < q].sum().item()


def pairs(scores):
    """All 256 pairs of a real and a fake row."""
    real, fake = sides(scores)
    return real.repeat_interleave(16), fake.repeat(16)


PAIRED = ["relativistic", "relativistic_least_squares", "relativistic_hinge", "margin_ranking"]
AVERAGED = [f"relativistic_average{link}" for link in ("", "_least_squares", "_hinge")]


@pytest.mark.parametrize("name", PAIRED + AVERAGED)
def test_games_of_differences_measure_a_difference(name):
    """No critic does better than one that knows nothing if p = q; some critic does if not."""
    critic = OBJECTIVES[name].critic
    nothing = total(critic(*pairs(torch.zeros(4))))
    assert total(critic(*pairs(0.1 * LOGIT))) < nothing - 1e-3
    for scores in torch.randn(100, 4):
        real = scores.repeat_interleave(P)
        assert total(critic(real.repeat_interleave(16), real.repeat(16))) >= nothing - 1e-12
        assert total(critic(*pairs(scores + 3))) == pytest.approx(total(critic(*pairs(scores))))


def test_margins_that_all_pairs_keep_cost_nothing():
    real, fake = torch.tensor([2.0, 5.0]), torch.tensor([0.9, 1.0])
    assert total(MarginRanking(1.0).critic(real, fake)) == 0
    assert total(MarginRanking(1.2).critic(real, fake)) == pytest.approx(0.05)


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
        ("boundary_seeking", 2 * math.log(2)),
        ("f_gan", 2 * math.log(2)),
        ("jensen_shannon", 0),
        ("pearson", 0),
        ("neyman", 0),
        ("hellinger", 0),
        ("reverse_kl", 0),
        ("ratio_matching", -0.5),
        ("wasserstein", 0),
        ("hinge", 2),
        ("margin_ranking", 1),
        ("energy_margin", 1),
        ("softmax", math.log(32)),
        ("relativistic", math.log(2)),
        ("relativistic_least_squares", 1),
        ("relativistic_hinge", 1),
        ("relativistic_average", 2 * math.log(2)),
        ("relativistic_average_least_squares", 2),
        ("relativistic_average_hinge", 2),
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
    other = order if name in PAIRED else other
    for loss in (objective.critic, objective.generator):
        torch.testing.assert_close(loss(real, fake), loss(real[order], fake[other]))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_the_generator_is_handed_what_it_looks_at(name):
    objective, fake = OBJECTIVES[name], torch.randn(4)
    if name == "softmax":  # looks at real rows, and has a value without them: another one
        assert objective.relative
        none = objective.generator(fake.new_empty(0), fake)
        assert total(none) != total(objective.generator(torch.randn(4), fake))
    elif objective.relative:
        with pytest.raises(ValueError, match=f"{name}: "):
            objective.generator(fake.new_empty(0), fake)
    else:
        terms = objective.generator(torch.randn(4), fake)
        torch.testing.assert_close(objective.generator(fake.new_empty(0), fake), terms)


@pytest.mark.parametrize("name", [n for n in OBJECTIVES if n.startswith("relativistic")])
def test_relativistic_changes_sides(name):
    """The generator wants what the critic would want if the sides were swapped."""
    objective, real, fake = OBJECTIVES[name], torch.randn(9), torch.randn(9)
    critic, generator = objective.critic(fake, real), objective.generator(real, fake)
    assert total(critic) == pytest.approx(total(generator))
    assert total(critic) != pytest.approx(total(objective.critic(real, fake)))


@pytest.mark.parametrize("name", PAIRED)
def test_pairs_want_a_partner_each(name):
    with pytest.raises(ValueError, match=rf"{name}: scores are \(3,\) and \(1,\)"):
        OBJECTIVES[name].critic(torch.zeros(3), torch.zeros(1))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_scores_may_be_maps(name):
    objective, real, fake = OBJECTIVES[name], torch.randn(12), torch.randn(12)
    for loss in (objective.critic, objective.generator):
        maps = loss(real.view(3, 1, 2, 2), fake.view(3, 1, 2, 2))
        torch.testing.assert_close(maps, loss(real, fake))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_objectives_survive_an_artifact(name):
    again = artifact.decode(artifact.encode(OBJECTIVES[name]))
    assert type(again) is type(OBJECTIVES[name])
    assert again == OBJECTIVES[name]


@pytest.mark.parametrize(
    "game",
    [Smoothed(0.8), LeastSquares(0.0, 2.0, 1.0), MarginRanking(0.3), RatioMatching(3.0, True)],
)
def test_numbers_survive_an_artifact(game):
    assert artifact.decode(artifact.encode(game)) == game


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Smoothed(0.5), "Smoothed: keep is 0.5"),
        (lambda: Smoothed(1.1), "Smoothed: keep is 1.1"),
        (lambda: LeastSquares(1.0, 1.0), "LeastSquares: a and b are both 1.0"),
        (lambda: MarginRanking(0.0), "MarginRanking: margin is 0.0"),
        (lambda: EnergyMargin(-1.0), "EnergyMargin: margin is -1.0"),
        (lambda: TopK(0.0), "TopK: share is 0.0"),
        (lambda: TopK(0.5, 0), "TopK: rounds is 0"),
    ],
)
def test_numbers_that_make_no_game(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_games_of_divergences_are_there():
    assert DIVERGENCES.keys() <= OBJECTIVES.keys()


# --- top-k --------------------------------------------------------------------------------------


def test_top_k_falls_to_its_share():
    """By a constant factor: 64, 32, 16 of 64 rows, and no less; never none."""
    top, scores = TopK(0.25, 10), torch.randn(64)
    assert [len(top.keep(scores, r)) for r in (0, 5, 10, 1000)] == [64, 32, 16, 16]
    assert len(TopK(0.01, 1).keep(scores[:8], 5)) == 1


def test_top_k_keeps_the_highest_and_their_gradient():
    scores = torch.tensor([3.0, -1.0, 2.0, 0.0], requires_grad=True)
    kept = TopK(0.5, 1).keep(scores, 1)
    assert sorted(kept.tolist()) == [2, 3]
    kept.sum().backward()
    assert scores.grad.tolist() == [1, 0, 1, 0]
    column = TopK(0.5, 1).keep(scores[:, None], 1)
    assert column.shape == (2, 1)


def test_top_k_takes_a_map_by_its_mean():
    maps = torch.tensor([[[0.0, 9.0]], [[4.0, 4.0]], [[5.0, 5.0]]])
    kept = TopK(0.6, 1).keep(maps, 1)
    assert kept.shape == (2, 1, 2)
    assert sorted(kept.flatten(1).mean(1).tolist()) == [4.5, 5.0]
