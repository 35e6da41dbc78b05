"""HierarchicalVAE: against sums over all pictures, quadrature over all latents, and torch's normal distributions."""

import copy
import math

import numpy as np
import pytest
import torch
from laws import every_x
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from genus.core import Bits, Classes, Pixels, Reals
from genus.errors import Refused
from genus.train.game import adam, play
from genus.vae import Bernoulli, Logistic
from genus.vae.layers.groups import WIDEST, LatentGroup
from genus.vae.layers.hierarchical import HierarchicalVAE, LatentDecoding

pytestmark = pytest.mark.usefixtures("precise")


LOUD = {"put.weight": 3.0, "paint.weight": 3.0, "look.weight": 2.0, "guess.weight": 2.0}


@pytest.fixture
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def tiny(space=None, kind=HierarchicalVAE, **how) -> HierarchicalVAE:
    """A small model of four groups."""
    torch.manual_seed(0)
    space = Bits((1, 5, 6)) if space is None else space
    small = {"latents": ((1,), (2, 1), (3,)), "widths": (4, 6, 6), "blocks": (1, 1, 1), "patch": 2}
    return moved(kind(space, **{**small, **how}))


@torch.no_grad()
def moved(model: HierarchicalVAE) -> HierarchicalVAE:
    """A model whose parameters are away from where they start, whose latents count, and whose guesses hear x."""
    for name, p in model.named_parameters():
        p.add_(0.2 * torch.randn_like(p))
        p.mul_(next((much for part, much in LOUD.items() if part in name), 1.0))
    return model.eval()


def counted(kind=HierarchicalVAE) -> tuple[HierarchicalVAE, Tensor, Tensor]:
    """A model of two numbers, one above the other, all 16 pictures, and log p(x) by quadrature over both numbers."""
    torch.manual_seed(2)
    model = moved(kind(Bits((1, 2, 2)), ((1,), (1,)), (4, 4), (1, 1), patch=2))
    with torch.no_grad():
        for (group,) in model.groups:
            group.put.weight *= 3
            group.guess.weight[:1] *= 3
            group.guess.bias[1:] = (
                0.4  # wide guesses: the variance of their weights can be measured
            )
    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    log_w = torch.tensor(weights / math.sqrt(2 * math.pi)).log()
    both = torch.cartesian_prod(torch.tensor(nodes), torch.tensor(nodes))
    x = every_x(model.space)
    with torch.no_grad():
        logits = model.numbers(both)
        each = x[:, None] * logits - logits.exp().log1p()
        log_p = (each.flatten(2).sum(2) + (log_w[:, None] + log_w).flatten()).logsumexp(1)
    return model.eval(), x, log_p


def unbiased(draws: Tensor, truth: Tensor) -> Tensor:
    """Whether means over the first axis are within five standard errors of what they should be."""
    return (draws.mean(0) - truth).abs() <= 5 * draws.std(0) / len(draws) ** 0.5 + 1e-9


def in_z(
    model: HierarchicalVAE, x: Tensor
) -> tuple[list[Tensor], list[Normal], list[Normal], Tensor]:
    """z, p(z | above) and q(z | above, x) of each group on one way, and what the likelihood makes of it."""
    hints, z, p, q = model.climb(x), [], [], []

    def choose(number: int, group: LatentGroup, above: Tensor) -> Tensor:
        mean, log_std = group.prior(above).chunk(2, 1)
        shift, log_s = group.guess(
            torch.nn.functional.silu(group.hear(above) + hints[number])
        ).chunk(2, 1)
        std, s = (torch.exp(WIDEST * torch.tanh(part / WIDEST)) for part in (log_std, log_s))
        p.append(Normal(mean, std))
        q.append(Normal(mean + std * shift, std * s))
        z.append(q[-1].loc + q[-1].scale * torch.randn_like(shift))
        return (z[-1] - mean) / std

    numbers = model.descend(len(x), choose)
    return z, p, q, numbers


# --- the likelihood -----------------------------------------------------------------------------


def test_weights_have_the_mean_that_quadrature_gives_and_the_bound_is_below():
    model, x, log_p = counted()
    torch.testing.assert_close(log_p.logsumexp(0), torch.zeros(()), atol=1e-9, rtol=0)
    with torch.no_grad():
        log_w = model.log_weights(x, k=1500)
        bounds = torch.stack([model.elbo(x) for _ in range(400)])
    assert unbiased(log_w.exp(), log_p.exp()).all()
    assert (bounds.mean(0) < log_p).all()
    gaps = log_w.mean(0) - bounds.mean(0)
    assert (gaps.abs() <= 5 * (bounds.var(0) / 400 + log_w.var(0) / 1500).sqrt()).all()


def test_samples_come_as_often_as_quadrature_says():
    model, x, log_p = counted()
    drawn = model.sample(20_000)
    hits = (drawn[:, None] == x).flatten(2).all(2).double()
    assert unbiased(hits, log_p.exp()).all()


def test_weights_and_parts_are_those_of_normal_distributions_of_z():
    """Not in the unit of the prior, as the model counts, but with means and deviations of z itself."""
    model, x = tiny(), torch.rand(6, 1, 5, 6).round()
    with torch.no_grad():
        torch.manual_seed(3)
        reconstruction, kl = model.terms(x)
        torch.manual_seed(3)
        log_w = model.log_weight(x)
        torch.manual_seed(3)
        z, p, q, numbers = in_z(model, x)
    log_x = -torch.nn.functional.softplus((1 - 2 * x) * numbers).flatten(1).sum(1)
    ratios = [
        (b.log_prob(v) - a.log_prob(v)).flatten(1).sum(1) for v, a, b in zip(z, p, q, strict=True)
    ]
    exact = [kl_divergence(b, a).flatten(1).sum(1) for a, b in zip(p, q, strict=True)]
    torch.testing.assert_close(reconstruction, -log_x)
    torch.testing.assert_close(log_w, log_x - torch.stack(ratios).sum(0))
    torch.testing.assert_close(kl, torch.stack(exact, 1))
    assert kl.shape == (6, 4)
    assert (kl > 0).all()


def test_each_groups_part_is_the_mean_of_its_log_ratio():
    model, x = tiny(), torch.rand(1, 1, 5, 6).round().expand(4000, -1, -1, -1)
    with torch.no_grad():
        exact = model.terms(x)[1]
        z, p, q, _ = in_z(model, x)
    ratios = [
        (b.log_prob(v) - a.log_prob(v)).flatten(1).sum(1) for v, a, b in zip(z, p, q, strict=True)
    ]
    ratios = torch.stack(ratios, 1)
    error = ((exact.var(0) + ratios.var(0)) / len(x)).sqrt()
    assert ((exact.mean(0) - ratios.mean(0)).abs() <= 5 * error).all()


def apart(kind=HierarchicalVAE) -> bool:
    """Whether each of several rows gets the weights of its own x, by a model whose guesses are narrow."""
    model, x = tiny(kind=kind), torch.rand(3, 1, 5, 6).round()
    with torch.no_grad():
        for scale in model.groups:
            for group in scale:
                group.guess.bias[group.channels :] = -100
        together = model.log_weights(x, k=300)
        alone = torch.cat([model.log_weights(row[None], k=300) for row in x], 1)
    assert together.shape == (300, 3)
    error = ((together.var(0) + alone.var(0)) / 300).sqrt()
    return bool(((together.mean(0) - alone.mean(0)).abs() <= 5 * error).all())


def test_several_draws_keep_rows_apart():
    assert apart()


# --- the networks -------------------------------------------------------------------------------


def test_the_gradient_reaches_every_weight():
    model = tiny(latents=((1,), (), (2, 1)), dropout=0.1, blocks=(1, 2, 1)).train()
    torch.stack([*model.loss(torch.rand(8, 1, 5, 6).round()).values()]).sum().backward()
    for name, p in model.named_parameters():
        assert p.grad is not None, name
        assert p.grad.any(), name


@pytest.mark.parametrize("sides", [(28, 28), (8, 8), (5, 7), (1, 1), (3, 10)], ids=str)
@pytest.mark.parametrize("patch", [1, 2, 4])
def test_every_pixel_is_seen_and_every_pixel_is_made_at_any_size(sides, patch):
    model = tiny(Reals((1, *sides)), patch=patch)
    x = model.sample(2).requires_grad_()
    assert x.shape == (2, 1, *sides)
    code = model.encode(x)
    assert code.shape == (2, model.latent)
    (seen,) = torch.autograd.grad(code.sum(), x)
    assert (seen != 0).all()
    model.zero_grad()
    z = torch.randn(2, model.latent, requires_grad=True)
    made = model.decode(z)
    assert made.shape == x.shape
    (used,) = torch.autograd.grad(made.square().sum(), z)
    assert (used != 0).float().mean() > 0.5  # fine latents may lie in what is cut off
    other = model.decode(torch.randn(2, model.latent))
    assert (made != other).all()


def test_the_scales_of_mnist_are_those_of_the_documentation():
    model = HierarchicalVAE(Bits((1, 28, 28)))
    assert model.sides == [(7, 7), (4, 4), (2, 2)]
    assert model.shapes == [(16, 2, 2), (8, 4, 4), (8, 4, 4), (4, 7, 7)]
    assert model.latent == 64 + 128 + 128 + 196


def test_a_fresh_model_guesses_nearly_the_prior_and_lets_little_noise_in():
    model = HierarchicalVAE(Bits((1, 28, 28)))
    x = torch.rand(8, 1, 28, 28).round()
    assert model.terms(x)[1].max() < 5
    z = model.noise(50, model.latent)
    assert model.numbers(z).std(0).mean() < 1


def test_all_rows_of_one_mean_and_of_no_temperature_are_the_middle():
    model = tiny()
    middle = model.decode(torch.zeros(1, model.latent))
    cold = model.sample(4, decoding=LatentDecoding(mean=True, latent_temperature=0.0))
    torch.testing.assert_close(cold, middle.expand(4, -1, -1, -1))
    torch.manual_seed(2)
    means = model.sample(5, decoding=LatentDecoding(mean=True))
    torch.manual_seed(2)
    code = model.noise(5, model.latent)
    assert torch.equal(means, model.decode(code))
    torch.manual_seed(2)
    half = model.sample(5, decoding=LatentDecoding(mean=True, latent_temperature=0.5))
    assert torch.equal(half, model.decode(0.5 * code))
    with pytest.raises(Refused, match="latent_temperature is -1; "):
        LatentDecoding(latent_temperature=-1)


def test_a_code_leads_back_to_the_way_that_it_was_made_of():
    model, x = tiny(), torch.rand(4, 1, 5, 6).round()
    way = model.guessed(x, noisy=False)
    torch.testing.assert_close(model.numbers(model.encode(x)), way.numbers)


def test_a_dead_group_is_seen_in_its_part_and_its_code():
    model, x = tiny(), torch.rand(6, 1, 5, 6).round()
    group = model.groups[1][1]
    with torch.no_grad():
        group.guess.weight.zero_()
        group.guess.bias.zero_()
    kl = model.terms(x)[1]
    assert not kl[:, 2].any()
    assert (kl[:, [0, 1, 3]] > 0).all()
    code = model.encode(x)
    sizes = [math.prod(shape) for shape in model.shapes]
    dead = code.split(sizes, 1)[2]
    assert not dead.any()


# --- the loss -----------------------------------------------------------------------------------


def test_free_nats_cost_no_gradient_and_are_told_by_their_number():
    model, x = tiny(free=5000.0), torch.rand(5, 1, 5, 6).round()
    parts = model.loss(x)
    assert [*parts] == ["reconstruction", "kl_1", "kl_2", "kl_3", "kl_4"]
    costs = [part for name, part in parts.items() if name != "reconstruction"]
    assert all(part == 5000 for part in costs)
    torch.stack(costs).sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())


def test_warm_up_raises_the_weight_of_the_kl_round_by_round():
    model, x = tiny(warm_up=4), torch.rand(8, 1, 5, 6).round()
    optimizers = {"model": adam(0.0)("model", list(model.parameters()))}
    seen = [model.warming.share(x).item() for _ in play(model, [(x,)] * 6, optimizers)]
    assert seen == [0.5, 0.75, 1.0, 1.0, 1.0, 1.0]  # after each round, that of the next
    early, late = tiny(warm_up=4), tiny()
    parts = []
    for one in (early, late):
        torch.manual_seed(3)
        parts.append(one.loss(x))
    torch.testing.assert_close(4 * parts[0]["kl_2"], parts[1]["kl_2"])
    assert torch.equal(parts[0]["reconstruction"], parts[1]["reconstruction"])
    torch.manual_seed(3)
    bound = early.elbo(x)
    torch.testing.assert_close(bound.mean(), -torch.stack([*parts[1].values()]).sum())


def test_it_learns_a_large_choice_and_small_ones():
    """In each quarter two pixels tell of all quarters, and two of it alone: 5 bits, which the bound comes near to."""
    torch.manual_seed(0)
    large, small = torch.rand(400, 1, 1, 1).round(), torch.rand(400, 1, 2, 2).round()
    x = torch.kron(small, torch.tensor([[0.0, 1.0], [0.0, 1.0]]))
    x[:, :, ::2, ::2], x[:, :, 1::2, ::2] = large, 1 - large
    model = HierarchicalVAE(Bits((1, 4, 4)), ((1,), (1,)), (16, 16), (1, 1), patch=2, warm_up=150)
    batches = [(x[torch.randint(400, (64,))],) for _ in range(250)]
    for _ in play(model, batches, {"model": adam(0.01)("model", list(model.parameters()))}):
        pass
    with torch.no_grad():
        nats = -torch.stack([model.elbo(x) for _ in range(20)]).mean().item()
        coarse, fine = model.terms(x)[1].mean(0)
    entropy = 5 * math.log(2)
    assert entropy - 0.1 < nats < entropy + 2  # without the fine group it is at least 4 log 2 more
    assert coarse > 0.5
    assert fine > 2


# --- spaces -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "space", [Bits((2, 5, 3)), Reals((1, 4, 5)), Pixels((3, 6, 5), 17)], ids=str
)
def test_any_space_and_shape(space):
    model = tiny(space)
    x = model.sample(7)
    space.check(x, "sample")
    assert model.decode(model.encode(x)).shape == x.shape
    assert model.elbo(x).shape == model.log_weight(x).shape == (7,)
    assert model.sample(0).shape == (0, *space.shape)


def test_single_precision_stays_finite_however_wrong_a_network_is():
    torch.set_default_dtype(torch.float32)
    model = tiny()
    with torch.no_grad():
        for scale in model.groups:
            for group in scale:
                group.guess.bias[group.channels :] = -1e4
                group.prior.bias[group.channels :] = 1e4
    parts = model.loss(torch.rand(8, 1, 5, 6).round())
    torch.stack([*parts.values()]).sum().backward()
    assert all(value.isfinite() and value.dtype == torch.float32 for value in parts.values())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


# --- liars: each breaks one promise, and a check above or a law sees it --------------------------


class ForgetsAGroup(HierarchicalVAE):
    """log_weights without what the last group costs."""

    def guessed(self, x, k=1, noisy=True):
        passed = super().guessed(x, k, noisy)
        return passed._replace(codes=passed.codes[:-1], guesses=passed.guesses[:-1])


class RepeatsEachRow(HierarchicalVAE):
    """What x says is repeated row by row, and x itself all rows once."""

    def climb(self, x, k=1):
        return [hint.repeat_interleave(k, 0) for hint in super().climb(x)]


class SamplesFromTheMiddle(HierarchicalVAE):
    """sample leaves out the noise of the finest group."""

    def numbers(self, z):
        fine = math.prod(self.shapes[-1])
        return super().numbers(torch.cat([z[:, :-fine], torch.zeros_like(z[:, :fine])], 1))


class EncodesFromTheFinest(HierarchicalVAE):
    """encode gives the groups in another order than decode takes them."""

    def encode(self, x):
        sizes = [math.prod(shape) for shape in self.shapes]
        return torch.cat([*super().encode(x).split(sizes, 1)][::-1], 1)


def test_weights_without_one_group_are_caught():
    model, x, log_p = counted(ForgetsAGroup)
    with torch.no_grad():
        assert not unbiased(model.log_weights(x, k=1500).exp(), log_p.exp()).all()


def test_draws_of_another_row_are_caught():
    assert not apart(RepeatsEachRow)


def test_samples_without_a_group_are_caught():
    honest, x, log_p = counted()
    liar = counted(SamplesFromTheMiddle)[0]
    hits = (liar.sample(20_000)[:, None] == x).flatten(2).all(2).double()
    assert not unbiased(hits, log_p.exp()).all()
    assert torch.equal(liar.decode(torch.zeros(1, 2)), honest.decode(torch.zeros(1, 2)))


def test_codes_in_another_order_are_caught():
    model, x = tiny(kind=EncodesFromTheFinest), torch.rand(4, 1, 5, 6).round()
    way = model.guessed(x, noisy=False)
    assert not torch.allclose(model.numbers(model.encode(x)), way.numbers)


# --- refusals -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"space": Classes(3)}, "HierarchicalVAE: space is Classes.*Bits, Pixels or Reals"),
        ({"space": Bits((4,))}, "HierarchicalVAE: .*channels, height, width"),
        ({"widths": (4, 4)}, "latents are given for 3 scales, widths for 2 and blocks for 3"),
        ({"latents": ((1,), (1,), ())}, "the coarsest scale has no group of latents"),
        ({"latents": (), "widths": (), "blocks": ()}, "each is wanted for every scale"),
        ({"latents": ((1,), (0,), (1,))}, "the channels of a group is 0; at least 1"),
        ({"widths": (4, 0, 4)}, "the width of a scale is 0; at least 1"),
        ({"blocks": (1, -1, 1)}, "the blocks of a scale is -1; at least 0"),
        ({"patch": 0}, "patch is 0; at least 1"),
        ({"dropout": 1.0}, r"dropout is 1.0; it must be in \[0, 1\)"),
        ({"likelihood": Logistic()}, "the likelihood is Logistic.*Bernoulli fits"),
        ({"free": -0.1}, "free is -0.1; at least 0"),
        ({"warm_up": -1}, "warm_up is -1; at least 0"),
    ],
)
def test_what_does_not_fit_is_refused(how, words):
    with pytest.raises(Refused, match=words):
        HierarchicalVAE(**{"space": Bits((1, 5, 6)), **how})


def test_a_model_rebuilds_from_what_it_keeps():
    model = tiny(likelihood=Bernoulli(), free=0.1, warm_up=3)
    twin = HierarchicalVAE(**copy.deepcopy(model.hyperparameters()))
    twin.load_state_dict(model.state_dict())
    x = torch.rand(4, 1, 5, 6).round()
    assert torch.equal(twin.eval().encode(x), model.encode(x))
