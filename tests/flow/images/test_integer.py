"""IDF: whole numbers that come back to the last bit, and probabilities that are exact."""

import math
from itertools import product

import pytest
import torch

from genus.core import Pixels, Reals
from genus.flow import IDF, IntegerCoupling
from genus.flow.images.integer import Prior
from genus.functional.densities.densities import (
    log_discretised_logistic,
    log_discretised_logistic_mixture,
)

TINY = Pixels((1, 2, 2), 4)


def shaken(make, std=1.0):
    """A module of float64, far from where it begins."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    made = make().eval()
    with torch.no_grad():
        for p in made.parameters():
            p.add_(std * torch.randn_like(p))
    return made


def every(space):
    rows = list(product(range(space.levels), repeat=space.dims))
    return space.values(torch.tensor(rows), torch.float64).reshape(-1, *space.shape)


def wide(model):
    """Shifts of many levels."""
    with torch.no_grad():
        for m in model.modules():
            if isinstance(m, IntegerCoupling):
                for p in m.net.rest[-1].parameters():
                    p.mul_(60)
    return model


def test_the_grid_is_mapped_onto_itself_one_to_one():
    model = wide(shaken(lambda: IDF(TINY, 1, 3, 4, 2)))
    x = every(TINY)
    z = model.encode(x)
    TINY.check(z, "encode")
    assert len(z.flatten(1).unique(dim=0)) == len(x)
    assert (z != x).double().mean() > 0.5
    assert torch.equal(model.decode(z), x)


def test_pictures_of_two_scales_come_back_bit_for_bit():
    space = Pixels((2, 8, 4), 256)
    model = wide(shaken(lambda: IDF(space, 2, 3, 5, 2)))
    x = model.sample(20)
    space.check(x, "sample")
    assert torch.equal(model.decode(model.encode(x)), x)
    single = model.float()
    x = single.sample(20)
    assert torch.equal(single.decode(single.encode(x)), x)


def test_a_coupling_adds_modulo_the_levels_and_claims_no_volume():
    coupling = shaken(lambda: IntegerCoupling(3, 5, 4))
    x = torch.randint(5, (10, 3, 2, 2)).double()
    z, logdet = coupling.encode_with_logdet(x)
    assert torch.equal(z[:, :1], x[:, :1])
    added = coupling.steps(x[:, :1])
    assert torch.equal(added, added.round())
    assert torch.equal(z[:, 1:], (x[:, 1:] + added) % 5)
    assert torch.equal(logdet, torch.zeros(10))


def test_rounding_lets_the_gradient_through():
    coupling = shaken(lambda: IntegerCoupling(2, 9, 3))
    kept = torch.randint(9, (4, 1, 1, 1)).double()
    coupling.steps(kept).sum().backward()
    bias = coupling.net.rest[-1].bias.grad
    torch.testing.assert_close(bias, torch.tensor([4 * 4 * 0.01]))  # rows, half range, gain


def test_without_couplings_the_probability_is_the_priors():
    """One scale, nothing given: independent mixtures, each place its own."""
    model = shaken(lambda: IDF(TINY, 1, 0, 4, 2), 0.5)
    x = every(TINY)
    logits, mean, log_scale = (t[:, 0, 0] for t in model.level.prior.table.unbind(-2))
    each = []
    for place in range(4):
        parts = [
            log_discretised_logistic(x[:, 0].flatten(1)[:, place, None], m, s, 4)
            for m, s in zip(mean[place], log_scale[place], strict=True)
        ]
        each.append((torch.stack(parts, 1) + logits[place].log_softmax(0)).logsumexp(1))
    torch.testing.assert_close(model.log_prob(x), torch.stack(each).sum(0))
    assert torch.equal(model.encode(x), x)


def test_a_mixtures_masses_sum_to_one_also_where_it_is_sharp():
    torch.set_default_dtype(torch.float64)
    space = Pixels((1,), 17)
    x = space.values(torch.arange(17), torch.float64)[:, None]
    logits, mean = torch.randn(1, 3), torch.tensor([[-1.2, 0.1, 1.0]])
    for sharpness in (0.0, -3.0, -7.0):
        log_p = log_discretised_logistic_mixture(
            x, logits, mean, torch.full((1, 3), sharpness), levels=17
        )
        assert log_p.exp().sum().item() == pytest.approx(1)


def test_a_prior_sees_what_it_is_given():
    prior = shaken(lambda: Prior(Pixels((2, 2, 2), 5), 3, given=1, width=4, dropout=0.0), 0.3)
    given = torch.randint(5, (2, 1, 2, 2)).double()
    k = torch.randint(5, (1, 2, 2, 2)).double().expand(2, -1, -1, -1)
    first, second = prior.log_prob(k, given)
    assert (first - second).abs() > 1e-4
    (alone,) = prior.log_prob(k[:1], given[:1])
    torch.testing.assert_close(alone, first)


def test_couplings_learn_what_independent_pixels_cannot():
    """Four pixels share a grey, and each adds one or nothing: log 9 + 4 log 2 nats at most."""
    torch.manual_seed(0)
    space = Pixels((1, 2, 2), 17)

    def batch():
        grey = torch.randint(4, 13, (256, 1, 1, 1))
        return space.values(grey + torch.randint(2, (256, 1, 2, 2)))

    model = IDF(space, 1, 3, 16, 3)
    optimiser = torch.optim.Adam(model.parameters(), 5e-3)
    for _ in range(400):
        loss = -model.log_prob(batch()).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    independent = 4 * (math.log(9) + math.log(2) / 9)  # of ten levels, the outer two half as likely
    assert -model.log_prob(batch()).mean() < independent - 1.0


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: IDF(Reals((1, 4, 4))), r"must be Pixels\(\(channels, height, width\)\)"),
        (lambda: IDF(Pixels((4,), 4)), r"must be Pixels\(\(channels, height, width\)\)"),
        (lambda: IDF(Pixels((1, 6, 4), 4), scales=2), "both sides must divide by 4"),
        (lambda: IDF(TINY, 0), "scales is 0; at least 1"),
        (lambda: IDF(TINY, 1, -1), "couplings is -1; at least 0"),
        (lambda: IDF(TINY, 1, 1, 0), "width is 0; at least 1"),
        (lambda: IDF(TINY, 1, 1, 4, 0), "components is 0; at least 1"),
        (lambda: IDF(TINY, 1, 1, 4, 1, 1.0), r"dropout is 1.0; it must be in \[0, 1\)"),
        (lambda: IntegerCoupling(1, 4), "channels is 1; at least 2"),
    ],
)
def test_it_refuses(make, said):
    with pytest.raises(ValueError, match=said):
        make()
