"""Mixtures of logistics as p(x | z): against sums over all levels, and a single logistic."""

import pytest
import torch

from genus.core import Pixels
from genus.errors import Refused
from genus.vae import VAE, Logistic, LogisticMixture

LEVELS, SHAPE = 5, (2, 1, 3)


@pytest.fixture(autouse=True)
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def numbers(components, n=1):
    return 2 * torch.randn(n, 3 * components * SHAPE[0], *SHAPE[1:])


def chances(likelihood, given):
    """Of each level of each number: (levels, *SHAPE), since numbers are independent."""
    grid = torch.linspace(-1, 1, LEVELS)
    found = []
    for level in grid:
        each = torch.zeros(SHAPE)
        for place in torch.cartesian_prod(*(torch.arange(side) for side in SHAPE)):
            base = torch.full((1, *SHAPE), -1.0)
            one = base.clone()
            one[0][tuple(place)] = level
            ratio = likelihood.log_prob(one, given) - likelihood.log_prob(base, given)
            each[tuple(place)] = ratio.item()
        found.append(each)
    return torch.stack(found).softmax(0)


def test_all_pictures_have_one_mass():
    likelihood, given = LogisticMixture(LEVELS, 3), numbers(3)[:, :, :, :2]
    grid = torch.linspace(-1, 1, LEVELS)
    x = torch.cartesian_prod(*[grid] * 4).view(-1, 2, 1, 2)
    log_p = likelihood.log_prob(x, given.expand(len(x), -1, -1, -1))
    torch.testing.assert_close(log_p.logsumexp(0), torch.zeros(()), atol=1e-10, rtol=0)


def test_one_component_is_the_logistic():
    one, plain = LogisticMixture(LEVELS, 1), Logistic(LEVELS)
    x = torch.linspace(-1, 1, LEVELS)[torch.randint(0, LEVELS, (4, *SHAPE))]
    given = numbers(1, 4)
    rest = given[:, SHAPE[0] :]
    torch.testing.assert_close(one.log_prob(x, given), plain.log_prob(x, rest))
    torch.testing.assert_close(one.mean(given), plain.mean(rest))


def test_mean_and_draws_are_those_of_all_levels():
    likelihood, given = LogisticMixture(LEVELS, 3), numbers(3)
    share = chances(likelihood, given)
    grid = torch.linspace(-1, 1, LEVELS)
    mean = (share * grid[:, None, None, None]).sum(0)
    torch.testing.assert_close(likelihood.mean(given)[0], mean)
    drawn = likelihood.sample(given.expand(40_000, -1, -1, -1))
    for level, chance in zip(grid, share, strict=True):
        seen = (drawn == level).double().mean(0)
        assert ((seen - chance).abs() <= 5 * (chance * (1 - chance) / 40_000).sqrt() + 1e-9).all()


def test_no_temperature_takes_the_likeliest_logistic():
    likelihood, given = LogisticMixture(LEVELS, 3), numbers(3)
    logits, mean, _ = likelihood.split(given)
    middle = mean.gather(-1, logits.argmax(-1, keepdim=True))[..., 0]
    wanted = Pixels(SHAPE, LEVELS).quantise(middle)
    assert torch.equal(likelihood.sample(given, 0.0), wanted)


def test_a_fresh_mixture_can_say_either_of_two():
    """Bright or dark, and nothing between: one logistic needs more nats than two components."""
    x = torch.where(torch.rand(64, 1, 4, 4) < 0.5, 0.5, -0.5)
    best = {}
    for name, likelihood in {"one": Logistic(LEVELS), "two": LogisticMixture(LEVELS, 2)}.items():
        given = torch.zeros(1, likelihood.numbers, 4, 4, requires_grad=True)
        optimizer = torch.optim.Adam([given], 0.05)
        for _ in range(300):
            loss = -likelihood.log_prob(x, given.expand(64, -1, -1, -1)).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        best[name] = loss.item()
    bits = 16 * torch.tensor(2.0).log().item()
    assert best["two"] < bits + 1
    assert best["one"] > bits + 4


def test_it_is_for_pixels_of_as_many_levels():
    space = Pixels((1, 2, 2), LEVELS)
    assert VAE(space, 2, likelihood=LogisticMixture(LEVELS, 3)).sample(3).shape == (3, 1, 2, 2)
    with pytest.raises(Refused, match="4 levels, the space 5"):
        VAE(space, 2, likelihood=LogisticMixture(4, 3))
    with pytest.raises(Refused, match="components is 0"):
        LogisticMixture(LEVELS, 0)
