"""LadderVAE: against linear normal models of two layers, whose likelihood and posteriors are known in closed form."""

import copy
import math

import pytest
import torch
from laws import elbo_is_a_bound, weights_sum_to_one
from torch import Tensor, nn
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from genus.core import Bits, Classes, Pixels, Reals
from genus.errors import Refused
from genus.train.game import adam, play
from genus.vae import Bernoulli, Logistic, NoiseDecoding
from genus.vae import Normal as NormalLikelihood
from genus.vae.layers.ladder import Belief, LadderVAE, Rung, joined

pytestmark = pytest.mark.usefixtures("precise")

STD = 0.7  # of x given z_1
ABOVE = torch.tensor([0.6, 1.3], dtype=torch.float64)  # deviations of z_1 given z_2


@pytest.fixture
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


@torch.no_grad()
def put(network: nn.Module, weight: Tensor, bias: Tensor, log_std: Tensor) -> None:
    """Makes a linear network give a linear mean and a constant log deviation."""
    layer = network.get_submodule("0")
    assert isinstance(layer, nn.Linear)
    layer.weight.copy_(torch.cat([weight, torch.zeros_like(weight)]))
    layer.bias.copy_(torch.cat([bias, log_std]))


def orthogonal_columns(rows: int) -> tuple[Tensor, Tensor]:
    """A matrix (rows, 2) whose columns are orthogonal, and their squared lengths."""
    w = torch.randn(rows, 2)
    lengths, turn = torch.linalg.eigh(w.T @ w)
    return w @ turn, lengths


def linear(inference, kind=LadderVAE, **how) -> tuple[LadderVAE, MultivariateNormal]:
    """x = W z_1 + b + noise, z_1 = A z_2 + a + noise, with the true posterior as guess, and log p(x).

    In a ladder x says what z_1 would be without the layer above: least squares. All covariances are diagonal, since
    W has orthogonal columns, and so has A in the inner product that each posterior takes.
    """
    torch.manual_seed(0)
    model = kind(
        Reals((3,)),
        (2, 2),
        (1, 1),
        depth=0,
        inference=inference,
        likelihood=NormalLikelihood(STD, learned=False),
        **how,
    )
    w, lengths = orthogonal_columns(3)
    a, b = torch.randn(2), torch.randn(3)
    pull = 1 / (ABOVE**2 + STD**2 / lengths)  # precision of the least squares z_1 given z_2
    if inference == "ladder":
        matrix = torch.randn(2, 2)
        turn = torch.linalg.eigh(matrix.T @ (pull[:, None] * matrix))[1]
        matrix = matrix @ turn
        solve = (w / lengths).T
        put(model.up[0], solve, -solve @ b, (STD**2 / lengths).log() / 2)
        precision = 1 + (matrix.T @ (pull[:, None] * matrix)).diagonal()
        gain = (matrix.T * pull) / precision[:, None]
        put(model.up[1], gain @ solve, -gain @ (solve @ b + a), -precision.log() / 2)
    else:
        matrix = torch.tensor([1.4, -0.5]).diag()
        spread = matrix.diagonal() ** 2 + ABOVE**2
        precision = 1 / spread + lengths / STD**2
        gain = w.T / STD**2 / precision[:, None]
        put(model.up[0], gain, -gain @ b + a / spread / precision, -precision.log() / 2)
        precision = 1 + matrix.diagonal() ** 2 / ABOVE**2
        gain = (matrix.diagonal() / ABOVE**2 / precision).diag()
        put(model.up[1], gain, -gain @ a, -precision.log() / 2)
    put(model.down[0], matrix, a, ABOVE.log())
    with torch.no_grad():
        model.decoder[0].weight.copy_(w)
        model.decoder[0].bias.copy_(b)
    inner = matrix @ matrix.T + (ABOVE**2).diag()
    truth = MultivariateNormal(w @ a + b, w @ inner @ w.T + STD**2 * torch.eye(3))
    return model, truth


def tiny(space=None, layers=2, kind=LadderVAE, **how) -> LadderVAE:
    """A small model with parameters away from where they start."""
    torch.manual_seed(0)
    space = Bits((3,)) if space is None else space
    model = kind(space, (2, 2, 1)[:layers], (8, 6, 4)[:layers], 1, **how)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return model.eval()


def unbiased(draws: Tensor, truth: Tensor) -> Tensor:
    """Whether means over the first axis are within five standard errors of what they should be."""
    return (draws.mean(0) - truth).abs() <= 5 * draws.std(0) / len(draws) ** 0.5 + 1e-9


def drawn(score, x: Tensor, draws: int) -> Tensor:
    """Random scores of rows, (draws, n), in one call."""
    with torch.no_grad():
        return score(x.repeat(draws, 1)).unflatten(0, (draws, len(x)))


both = pytest.mark.parametrize("inference", ["ladder", "bottom-up"])


# --- the linear normal model ------------------------------------------------------------------


@both
def test_at_the_true_posterior_each_weight_is_the_likelihood(inference):
    model, truth = linear(inference)
    x = truth.sample((6,))
    for _ in range(3):
        torch.testing.assert_close(model.log_weight(x), truth.log_prob(x))


@both
def test_at_the_true_posterior_the_bound_and_that_of_many_draws_are_tight(inference):
    model, truth = linear(inference)
    x = truth.sample((5,))
    with torch.no_grad():
        assert unbiased(torch.stack([model.elbo(x) for _ in range(2000)]), truth.log_prob(x)).all()
    many, _ = linear(inference, k=4)
    total = torch.stack([*many.loss(x).values()]).sum()
    torch.testing.assert_close(total, -truth.log_prob(x).mean())


@both
def test_the_bound_is_below_by_the_kl_of_a_wrong_guess_of_the_top(inference):
    """Moved by 0.4, what is guessed at the top costs exactly its KL, and the layers below know of z_2."""
    model, truth = linear(inference)
    log_std = model.up[1][0].bias[2:]
    gap = (0.5 * (0.4 / log_std.exp()) ** 2).sum().detach()
    with torch.no_grad():
        model.up[1][0].bias[:2] += 0.4
    x = truth.sample((4,))
    assert unbiased(drawn(model.elbo, x, 3000), truth.log_prob(x) - gap).all()


@both
def test_samples_have_the_marginals_moments(inference):
    model, truth = linear(inference)
    x = model.sample(40_000)
    assert unbiased(x, truth.mean).all()
    centred = x - truth.mean
    products = (centred[:, :, None] * centred[:, None]).flatten(1)
    assert unbiased(products, truth.covariance_matrix.flatten()).all()


@both
def test_a_code_leads_back_to_the_means_that_it_was_made_of(inference):
    model, _ = linear(inference)
    code = model.noise(50, 4)
    x = model.decode(code)
    lowest = model._lowest(code)
    if inference == "ladder":  # what x says of z_1 is z_1 itself
        torch.testing.assert_close(model.climb(x)[0].mean, lowest)
    mean_way = model.layers(x, noisy=False)
    torch.testing.assert_close(model._lowest(model.encode(x)), mean_way[0].z)


# --- the parts ---------------------------------------------------------------------------------


def test_guesses_are_joined_to_the_product_of_two_normals():
    first, second = (Belief(torch.randn(5, 2), torch.randn(5, 2)) for _ in range(2))
    both = joined(first, second)
    z = torch.randn(7, 5, 2)

    def log_p(guess):
        return Normal(guess.mean, guess.log_std.exp()).log_prob(z)

    constant = log_p(first) + log_p(second) - log_p(both)
    torch.testing.assert_close(constant, constant[:1].expand_as(constant))
    precision = (-2 * first.log_std).exp() + (-2 * second.log_std).exp()
    torch.testing.assert_close(both.log_std, -precision.log() / 2)


def test_joining_keeps_its_digits_however_far_two_deviations_are():
    mean, sharp = torch.zeros(1, 1), torch.full((1, 1), -400.0)
    one, other = Belief(mean + 1, sharp), Belief(mean, -sharp)
    for pair in ((one, other), (other, one)):
        both = joined(*pair)
        torch.testing.assert_close(both.mean, mean + 1)
        torch.testing.assert_close(both.log_std, sharp)


def test_the_kl_of_a_layer_is_that_of_torch_and_of_draws():
    q, p = (Belief(torch.randn(4, 3), 0.5 * torch.randn(4, 3)) for _ in range(2))
    kl = Rung(q.draw(), q, p).kl()
    normals = (Normal(guess.mean, guess.log_std.exp()) for guess in (q, p))
    torch.testing.assert_close(kl, kl_divergence(*normals).sum(1))
    draws = torch.stack([Rung(q.draw(), q, p).log_ratio() for _ in range(4000)])
    assert unbiased(draws, kl).all()


@both
def test_each_layers_part_is_the_mean_of_its_log_ratio(inference):
    model, x = tiny(layers=3, inference=inference), torch.tensor([[1.0, 0.0, 1.0]])
    many = x.expand(20_000, -1)
    with torch.no_grad():
        exact = model.terms(many)[1]
        ratios = model._costs(many, 1)[1][0]
    gap = exact.mean(0) - ratios.mean(0)
    error = (exact.var(0) + ratios.var(0)).div(len(many)).sqrt()
    assert (gap.abs() <= 5 * error).all()
    assert exact.shape == (20_000, 3)
    if inference == "ladder":
        assert (exact >= 0).all()


@both
def test_weights_average_to_the_likelihood_that_draws_from_the_prior_give(inference):
    model, x = tiny(layers=3, inference=inference), torch.tensor([[1.0, 0.0, 1.0]])
    many = x.expand(50_000, -1)
    with torch.no_grad():
        numbers = model.numbers(model._lowest(model.noise(len(many), model.latent)))
        prior = model.likelihood.log_prob(many, numbers).exp()
        weights = model.log_weight(many).exp()
    error = ((prior.var() + weights.var()) / len(many)).sqrt()
    assert (prior.mean() - weights.mean()).abs() <= 5 * error


def test_a_fresh_ladder_guesses_nearly_what_the_layer_above_says():
    """Were both equally sure, p^2 / q would have no integral, and weights no variance."""
    torch.manual_seed(0)
    model = LadderVAE(Bits((3,)), (2, 2), (8, 8))
    lower = model.layers(torch.rand(50, 3).round())[0]
    assert (2 * (lower.q.log_std - lower.p.log_std)).exp().min() > 0.6  # of variances; above 1/2


# --- the loss ----------------------------------------------------------------------------------


@both
def test_the_parts_of_many_draws_are_their_bound(inference):
    model, x = tiny(inference=inference, k=6), torch.rand(5, 3).round()
    torch.manual_seed(3)
    parts = model.loss(x)
    torch.manual_seed(3)
    reconstruction, ratios = model._costs(x, 6)
    bound = (math.log(6) - (-reconstruction - ratios.sum(2)).logsumexp(0)).mean()
    assert [*parts] == ["reconstruction", "kl_1", "kl_2", "choice"]
    total = torch.stack([*parts.values()]).sum()
    torch.testing.assert_close(total, bound)
    owned = list(model.parameters())
    for part, whole in zip(
        torch.autograd.grad(total, owned), torch.autograd.grad(bound, owned), strict=True
    ):
        torch.testing.assert_close(part, whole)
    assert parts["choice"] >= 0


@both
def test_the_bound_rises_with_k_to_the_likelihood(inference):
    """To the likelihood but for what is left at k draws, var(w / p) / (2 k) to the first order."""
    x = torch.tensor([[1.0, 0.0, 1.0]])

    def wide(k: int) -> LadderVAE:  # wide guesses: the variance of their weights can be measured
        model = tiny(inference=inference, k=k)
        with torch.no_grad():
            for network, z in zip(model.up, model.latents, strict=True):
                network[-1].bias[z:] += 0.5
        return model

    with torch.no_grad():
        many = x.expand(2000, -1)
        one, more, most = (torch.stack([*wide(k).loss(many).values()]).sum() for k in (1, 5, 40))
    w = drawn(wide(1).log_weight, x, 60_000).exp()
    spread = w.var() / w.mean() ** 2
    gap, left = most + w.mean().log(), spread / 80
    error = (spread / 40 / 2000 + spread / len(w)).sqrt()
    assert one > more > most
    assert (gap - left).abs() <= 5 * error + 0.5 * left  # terms of higher order
    assert left < 0.05


def test_free_bits_cost_no_gradient_and_are_told_by_their_number():
    model, x = tiny(free=50.0), torch.rand(5, 3).round()
    parts = model.loss(x)
    assert parts["kl_1"] == parts["kl_2"] == 50
    (parts["kl_1"] + parts["kl_2"]).backward()
    assert all(p.grad is None or not p.grad.any() for p in model.parameters())
    torch.manual_seed(3)
    few = tiny(free=1e-6).loss(x)
    torch.manual_seed(3)
    none = tiny().loss(x)
    assert all(torch.equal(few[name], none[name]) for name in none)


@pytest.mark.parametrize("k", [1, 3])
def test_warm_up_raises_the_weight_of_the_kl_round_by_round(k):
    model, x = tiny(warm_up=4, k=k), torch.rand(8, 3).round()
    seen = []
    optimizers = {"model": adam(0.0)("model", list(model.parameters()))}
    for _ in play(model, [(x,)] * 6, optimizers):
        seen.append(model.warming.share(x).item())
    assert seen == [0.5, 0.75, 1.0, 1.0, 1.0, 1.0]  # after each round, that of the next
    assert int(model.warming.rounds) == 6
    early, late = tiny(warm_up=4, k=k), tiny(warm_up=0, k=k)
    parts = []
    for one in (early, late):
        torch.manual_seed(3)
        parts.append(one.loss(x))
    if k == 1:
        torch.testing.assert_close(4 * parts[0]["kl_1"], parts[1]["kl_1"])
        assert torch.equal(parts[0]["reconstruction"], parts[1]["reconstruction"])
    torch.manual_seed(5)
    bound = early.elbo(x)
    torch.manual_seed(5)
    assert torch.equal(late.elbo(x), bound)  # is the bound whatever the round


def test_a_dead_layer_is_seen_in_its_part_and_its_code():
    model, x = tiny(), torch.rand(6, 3).round()
    with torch.no_grad():
        model.up[1][-1].weight.zero_()
        model.up[1][-1].bias.zero_()
    parts = model.loss(x)
    assert parts["kl_2"] == 0 < parts["kl_1"]
    assert not model.encode(x)[:, 2:].any()


@both
def test_it_learns_both_layers_of_planted_groups(inference):
    """Two far pairs of near groups: the bound comes near to the entropy of the data, which is known."""
    centres = torch.tensor([-3.0, -2.0, 2.0, 3.0])
    x = centres[torch.arange(400) % 4][:, None] + 0.2 * torch.randn(400, 1)
    torch.manual_seed(1)
    model = LadderVAE(Reals((1,)), (1, 1), (16, 16), 1, inference=inference)
    batches = [(x[torch.randint(400, (100,))],) for _ in range(150)]
    before = -model.elbo(x).mean().item()
    for _ in play(model, batches, {"model": adam(0.01)("model", list(model.parameters()))}):
        pass
    with torch.no_grad():
        after = -torch.stack([model.elbo(x) for _ in range(50)]).mean().item()
        weights = torch.stack([model.log_weight(x) for _ in range(100)])
    nats = (math.log(100) - weights.logsumexp(0)).mean().item()
    entropy = math.log(4) + 0.5 * math.log(2 * math.pi * math.e * 0.04)
    normal = 0.5 * math.log(2 * math.pi * math.e * x.var().item())
    assert entropy - 0.1 < nats < after < before
    assert nats < normal - 0.1  # a single normal distribution of the same variance


# --- spaces and samples -----------------------------------------------------------------------


@both
@pytest.mark.parametrize("space", [Bits((3,)), Reals((1, 2, 2)), Pixels((1, 2, 2), 17)], ids=str)
def test_any_space_and_shape(space, inference):
    model = tiny(space, 3, inference=inference)
    x = model.sample(7)
    space.check(x, "sample")
    code = model.encode(x)
    assert code.shape == (7, model.latent) == (7, 5)
    assert model.decode(code).shape == x.shape
    assert model.elbo(x).shape == model.log_weight(x).shape == (7,)
    assert model.sample(0).shape == (0, *space.shape)
    torch.manual_seed(2)
    means = model.sample(5, decoding=NoiseDecoding(mean=True))
    torch.manual_seed(2)
    assert torch.equal(means, model.decode(model.noise(5, 5)))


@both
def test_single_precision_and_deep_stacks_stay_finite(inference):
    torch.set_default_dtype(torch.float32)
    model = LadderVAE(Bits((20,)), (8, 6, 4, 3, 2), (16,) * 5, inference=inference, k=2)
    parts = model.loss(torch.rand(64, 20).round())
    torch.stack([*parts.values()]).sum().backward()
    assert all(value.isfinite() and value.dtype == torch.float32 for value in parts.values())
    assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())


# --- liars: each breaks one promise, and a check above or a law sees it -----------------------


class ForgetsAGuess(LadderVAE):
    """log_weight without log q of the lowest layer."""

    def log_weight(self, x):
        layer = self.layers(x)[0]
        ratios = layer.log_ratio()
        numbers = self.numbers(layer.z)
        guess = Normal(layer.q.mean, layer.q.log_std.exp()).log_prob(layer.z).sum(1)
        return self.likelihood.log_prob(x, numbers) - ratios + guess


class ForgetsAKl(LadderVAE):
    """elbo without the KL of the top."""

    def elbo(self, x):
        reconstruction, kl = self.terms(x)
        return -reconstruction - kl[:, :-1].sum(1)


class SkipsALayer(LadderVAE):
    """sample draws the lowest layer from N(0, I), and not given the layer above."""

    def _lowest(self, code):
        return code[:, : self.latents[0]]


class EncodesFromTheTop(LadderVAE):
    """encode gives the layers in another order than decode takes them."""

    def encode(self, x):
        return torch.cat([*super().encode(x).split(self.latents, 1)][::-1], 1)


class DecodesMeans(LadderVAE):
    """decode hears the top alone: means are handed down."""

    def _lowest(self, code):
        return super()._lowest(code * (torch.arange(self.latent) >= self.latents[0]))


@both
def test_a_weight_without_one_guess_is_caught(inference):
    model, truth = linear(inference, ForgetsAGuess)
    x = truth.sample((6,))
    assert (model.log_weight(x) - truth.log_prob(x)).abs().max() > 0.1
    liar = tiny(kind=ForgetsAGuess, inference=inference)
    with pytest.raises(AssertionError, match="truth 1"):
        weights_sum_to_one(liar, liar.sample(6))


@both
def test_a_bound_without_one_kl_is_caught(inference):
    model, truth = linear(inference, ForgetsAKl)
    x = truth.sample((5,))
    assert not unbiased(drawn(model.elbo, x, 1000), truth.log_prob(x)).all()
    with pytest.raises(AssertionError):
        elbo_is_a_bound(model, x)


def test_a_sample_that_skips_a_layer_is_caught():
    model, truth = linear("ladder", SkipsALayer)
    centred = model.sample(10_000) - truth.mean
    products = (centred[:, :, None] * centred[:, None]).flatten(1)
    assert not unbiased(products, truth.covariance_matrix.flatten()).all()


@pytest.mark.parametrize("kind", [EncodesFromTheTop, DecodesMeans])
def test_codes_that_do_not_meet_what_decodes_them_are_caught(kind):
    model, truth = linear("ladder", kind)
    x = truth.sample((5,))
    way = model.layers(x, noisy=False)[0].z
    assert not torch.allclose(
        model.decode(model.encode(x)), model.likelihood.mean(model.numbers(way))
    )
    honest = linear("ladder")[0]
    torch.testing.assert_close(honest.decode(honest.encode(x)), honest.numbers(way))


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"space": Classes(3)}, "LadderVAE: space is Classes.*Bits, Reals or Pixels are wanted"),
        ({"latents": (4,), "widths": (8,)}, "at least two layers.*a single layer is VAE"),
        (
            {"latents": (4, 2, 1)},
            r"widths \(256, 128\); wanted are at least two layers, and a width",
        ),
        ({"latents": (4, 0)}, "the size of a layer is 0; at least 1"),
        ({"widths": (4, 0)}, "the width of a layer is 0; at least 1"),
        ({"depth": -1}, "depth is -1; at least 0"),
        ({"dropout": 1.0}, r"dropout is 1.0; it must be in \[0, 1\)"),
        ({"inference": "top-down"}, "inference is 'top-down'; ladder or bottom-up is wanted"),
        ({"likelihood": Logistic()}, "the likelihood is Logistic.*Bernoulli fits"),
        ({"k": 0}, "k is 0; at least 1"),
        ({"free": -0.1}, "free is -0.1; at least 0"),
        ({"warm_up": -1}, "warm_up is -1; at least 0"),
        ({"k": 2, "free": 0.5}, "k is 2 and free 0.5; .* leave one of them out"),
    ],
)
def test_what_does_not_fit_is_refused(how, words):
    with pytest.raises(Refused, match=words):
        LadderVAE(**{"space": Bits((3,)), **how})


def test_a_model_rebuilds_from_what_it_keeps():
    model = tiny(layers=3, likelihood=Bernoulli(), k=2, warm_up=3)
    twin = LadderVAE(**copy.deepcopy(model.hyperparameters()))
    twin.load_state_dict(model.state_dict())
    x = torch.rand(4, 3).round()
    assert torch.equal(twin.eval().encode(x), model.encode(x))
