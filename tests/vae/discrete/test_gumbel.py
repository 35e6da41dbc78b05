"""GumbelVAE: against the sum over all codes, and its gradients against those of the exact expectation."""

import math
from itertools import product

import pytest
import torch
from laws import every_x
from torch import Tensor
from torch.nn.functional import one_hot

from genus.core import Bits, Pixels, Tokens
from genus.errors import Refused
from genus.nn import MLP, ConvDecoder, ConvEncoder
from genus.train.game import adam, play
from genus.vae import Logistic, NoiseDecoding
from genus.vae.discrete.gumbel import GumbelVAE, drawn, relaxed, with_gumbel_noise

pytestmark = pytest.mark.usefixtures("precise")

VARIABLES, K = 2, 3


@pytest.fixture
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def tiny(kind=GumbelVAE, **how) -> GumbelVAE:
    """A small model of three bits, with parameters away from where they start."""
    torch.manual_seed(0)
    networks = MLP(3, VARIABLES * K, (8,)), MLP(VARIABLES * K, 3, (8,))
    model = kind(Bits((3,)), VARIABLES, K, *networks, **how)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.5 * torch.randn_like(p))
    return model.eval()


def every_code() -> Tensor:
    """All codes, one-hot, (K^VARIABLES, VARIABLES, K)."""
    return one_hot(torch.tensor([*product(range(K), repeat=VARIABLES)]), K).double()


def joint(model: GumbelVAE, x: Tensor) -> Tensor:
    """log p(x, z) of each x and each code, (n, codes)."""
    codes = every_code().flatten(1)
    each = [model.likelihood.log_prob(x, model.numbers(code.expand(len(x), -1))) for code in codes]
    return torch.stack(each, 1) - VARIABLES * math.log(K)


def log_guess(model: GumbelVAE, x: Tensor) -> Tensor:
    """log q(z | x) of each x and each code, (n, codes)."""
    return torch.einsum("nvk,cvk->nc", model.log_chances(x), every_code())


def unbiased(draws: Tensor, truth: Tensor) -> Tensor:
    """Whether means over the first axis are within five standard errors of what they should be."""
    return (draws.mean(0) - truth).abs() <= 5 * draws.std(0) / len(draws) ** 0.5 + 1e-9


# --- scores, by enumeration --------------------------------------------------------------------


@torch.no_grad()
def check_weights(model: GumbelVAE) -> None:
    x = every_x(Bits((3,)))
    log_p = joint(model, x).logsumexp(1)
    torch.testing.assert_close(log_p.exp().sum(), torch.tensor(1.0))
    assert unbiased(model.log_weights(x, k=20_000).exp(), log_p.exp()).all()


def test_weights_are_the_likelihood_in_expectation():
    check_weights(tiny())


@torch.no_grad()
def test_each_weight_is_one_of_those_of_a_code():
    model, x = tiny(), every_x(Bits((3,)))
    ratios = joint(model, x) - log_guess(model, x)
    gaps = (model.log_weights(x, k=50)[:, :, None] - ratios).abs().min(2).values
    assert gaps.max() < 1e-9


@torch.no_grad()
def test_the_bound_is_the_expected_weight_and_its_kl_is_exact():
    model, x = tiny(), every_x(Bits((3,)))
    log_q, ratios = log_guess(model, x), joint(model, x) - log_guess(model, x)
    bound = (log_q.exp() * ratios).sum(1)
    found = model.elbo(x.repeat(20_000, 1)).unflatten(0, (-1, len(x)))
    assert unbiased(found, bound).all()
    kl = (log_q.exp() * (log_q + VARIABLES * math.log(K))).sum(1)
    torch.testing.assert_close(model.kl(model.log_chances(x)), kl)


@torch.no_grad()
def test_samples_are_as_frequent_as_they_are_likely():
    model, n = tiny(), 40_000
    x = every_x(model.space)
    p = joint(model, x).exp().sum(1)
    hits = (model.sample(n)[:, None] == x).all(2).double()
    assert unbiased(hits, p).all()


def test_codes_are_the_likeliest_and_lead_back():
    model, x = tiny(), every_x(Bits((3,)))
    codes = model.encode(x)
    likeliest = every_code().flatten(1)[log_guess(model, x).argmax(1)]
    assert torch.equal(codes, likeliest)
    torch.testing.assert_close(model.decode(codes), model.numbers(codes).sigmoid())
    means = model.sample(5, decoding=NoiseDecoding(mean=True))
    assert ((means > 0) & (means < 1)).all()


# --- draws ------------------------------------------------------------------------------------


def test_hard_and_soft_draws_choose_each_category_by_its_probability():
    logits = torch.tensor([[0.3, -1.0, 2.0], [0.0, 0.0, -5.0]])
    many = logits.expand(50_000, 2, 3)
    assert unbiased(drawn(many), logits.softmax(1)).all()
    for temperature in (0.1, 3.0):
        soft = relaxed(many, temperature)
        torch.testing.assert_close(soft.sum(2), torch.ones(50_000, 2))
        assert unbiased(one_hot(soft.argmax(2), 3).double(), logits.softmax(1)).all()


def test_two_soft_categories_are_a_scaled_logistic():
    """tau logit(y_1) - (a_1 - a_2) has the distribution of a logistic: the difference of two Gumbel numbers."""
    logits, temperature = torch.tensor([0.7, -0.4]), 0.6
    y = relaxed(logits.expand(50_000, 2), temperature)[:, 0]
    noise = temperature * torch.logit(y) - 1.1
    for at in (-2.0, -0.5, 0.0, 1.0, 3.0):
        assert unbiased((noise < at).double(), torch.tensor(at).sigmoid())


def test_gumbel_noise_has_its_mean_and_variance():
    noise = with_gumbel_noise(torch.zeros(200_000))
    assert unbiased(noise, torch.tensor(0.5772156649))
    assert unbiased((noise - 0.5772156649).square(), torch.tensor(math.pi**2 / 6))


# --- straight-through -------------------------------------------------------------------------


def without_its_noise(logits, temperature, straight):
    """A liar: its gradient is that of the probabilities, and not of the draw."""
    soft, smooth = relaxed(logits, temperature), (logits / temperature).softmax(-1)
    return one_hot(soft.argmax(-1), soft.shape[-1]).to(soft) + smooth - smooth.detach()


def without_its_constant(logits, temperature, straight):
    """A liar: what is added is taken off again with its gradient."""
    soft = relaxed(logits, temperature)
    return one_hot(soft.argmax(-1), soft.shape[-1]).to(soft) + (soft - soft)


def of_the_constant(logits, temperature, straight):
    """A liar: the constant is the soft draw, so the values are soft."""
    soft = relaxed(logits, temperature)
    return one_hot(soft.argmax(-1), soft.shape[-1]).to(soft) * 0 + soft


def check_straight_through(draw) -> None:
    """Its values are corners, and its slope is that of the soft draw of the same noise."""
    logits, way = torch.randn(20, 4, requires_grad=True), torch.randn(20, 4)

    def slope(draw, straight):
        torch.manual_seed(5)
        y = draw(logits, 0.7, straight)
        return y.detach(), torch.autograd.grad((y * way).sum(), logits)[0]

    (soft, wanted), (hard, found) = slope(relaxed, False), slope(draw, True)
    assert torch.equal(hard, one_hot(soft.argmax(1), 4).double())
    assert torch.equal(found, wanted)
    assert (wanted != 0).all()


def test_straight_through_has_corners_and_the_slope_of_the_soft_draw():
    check_straight_through(relaxed)


@pytest.mark.parametrize("liar", [without_its_noise, without_its_constant, of_the_constant])
def test_straight_through_by_the_wrong_tensor_is_found_out(liar):
    with pytest.raises(AssertionError):
        check_straight_through(liar)


# --- bias and variance of the gradient ---------------------------------------------------------


@pytest.mark.parametrize("straight", [False, True])
def test_the_bias_falls_with_the_temperature_and_the_variance_rises(straight):
    """Of d/da E f(z), against the sum over all categories; at 0.05 only a tenth of the bias at 1 is left."""
    logits, values = torch.tensor([0.3, -0.5, 0.9, 0.0]), torch.tensor([1.0, -0.7, 0.4, 2.0])

    def f(z):
        return (z @ values - 0.4).square()

    a = logits.clone().requires_grad_()
    (exact,) = torch.autograd.grad(a.softmax(0) @ f(torch.eye(4)), a)
    biases, variances, n = [], [], 40_000
    for temperature in (5.0, 1.0, 0.25, 0.05):
        many = logits.repeat(n, 1).requires_grad_()
        (slopes,) = torch.autograd.grad(f(relaxed(many, temperature, straight)).sum(), many)
        biases.append((slopes.mean(0) - exact).norm().item())
        variances.append(slopes.var(0).sum().item())
    noise = [(variance / n) ** 0.5 for variance in variances]
    assert all(one > 5 * error for one, error in zip(biases[:3], noise, strict=False))
    assert biases[0] > biases[1] > biases[2]
    assert biases[3] < 0.1 * biases[1] + 5 * noise[3]
    assert variances == sorted(variances)
    assert variances[3] > 20 * variances[1]


# --- training ---------------------------------------------------------------------------------


def test_the_loss_is_of_soft_draws_with_the_exact_kl():
    model, x = tiny(temperatures=(1.5, 0.5), anneal=4), every_x(Bits((3,)))
    torch.manual_seed(2)
    loss = model.loss(x)
    torch.manual_seed(2)
    y = relaxed(model.log_chances(x), 1.5 * (0.5 / 1.5) ** 0.25)
    numbers = model.decoder(y.flatten(1))
    torch.testing.assert_close(
        loss["reconstruction"], -model.likelihood.log_prob(x, numbers).mean()
    )
    log_q = log_guess(model, x)
    kl = (log_q.exp() * (log_q + VARIABLES * math.log(K))).sum(1).mean()
    torch.testing.assert_close(loss["kl"], kl)


def test_the_temperature_falls_by_a_factor_each_round_and_then_stays():
    model, x = tiny(temperatures=(2.0, 0.25), anneal=3), every_x(Bits((3,)))
    seen = []
    for _ in play(model, [(x,)] * 5, {"model": adam(0.0)("model", list(model.parameters()))}):
        seen.append(model.temperature(x))
    torch.testing.assert_close(torch.stack(seen), torch.tensor([0.5, 0.25, 0.25, 0.25, 0.25]))
    assert tiny(temperatures=(2.0, 0.25), anneal=0).temperature(x) == 0.25


@pytest.mark.parametrize("straight", [False, True])
def test_codes_tell_four_patterns_apart(straight):
    """Of four patterns with a flip in each tenth bit, two variables are enough: the bound comes near log p."""
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    patterns = torch.tensor(
        [[0, 0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1, 0, 0], [1] * 8]
    ).float()

    def rows(n):
        x = patterns[torch.randint(4, (n,))]
        return torch.where(torch.rand_like(x) < 0.1, 1 - x, x)

    networks = MLP(8, 8, (32,)), MLP(8, 8, (32,))
    model = GumbelVAE(Bits((8,)), 2, 4, *networks, anneal=300, straight=straight)
    optimizers = {"model": adam(0.01)("model", list(model.parameters()))}
    for _ in play(model, ((rows(64),) for _ in range(400)), optimizers):
        pass
    x = rows(4000)
    wrong = (x[:, None] != patterns).sum(2)
    log_p = (wrong * math.log(0.1) + (8 - wrong) * math.log(0.9)).logsumexp(1) - math.log(4)
    with torch.no_grad():
        lost = (log_p - model.eval().elbo(x)).mean()
    assert -0.05 < lost < 0.4  # without a code the bits alone would cost 1.5 nats more


# --- liars of the laws ------------------------------------------------------------------------


class WeighsSoftDraws(GumbelVAE):
    def log_weights(self, x, *, k):
        log_q = self.log_chances(x).repeat(k, 1, 1)
        z = relaxed(log_q, 1.0)
        joint = self.likelihood.log_prob(x.repeat(k, 1), self.numbers(z.flatten(1)))
        return (
            joint - self.variables * math.log(self.categories) - (z * log_q).sum((1, 2))
        ).unflatten(0, (k, len(x)))


class ForgetsThePriorOfCodes(GumbelVAE):
    def log_weights(self, x, *, k):
        return super().log_weights(x, k=k) + self.variables * math.log(self.categories)


def test_soft_draws_and_a_missing_prior_are_found_out():
    soft = tiny(WeighsSoftDraws)
    with torch.no_grad():
        soft.encoder[-1].weight.mul_(3)  # where q is nearly the prior, any code will do
    with pytest.raises(AssertionError):
        check_weights(soft)
    with pytest.raises(AssertionError):
        check_weights(tiny(ForgetsThePriorOfCodes))


def test_pictures_have_convolutions():
    space = Pixels((1, 8, 8), 3)
    encoder, decoder = ConvEncoder((1, 8, 8), 12, 4), ConvDecoder(12, (2, 8, 8), 4)
    model = GumbelVAE(space, 4, 3, encoder, decoder)
    x = model.sample(3)
    space.check(x, "sample")
    assert model.encode(x).shape == (3, 12)
    assert model.log_weights(x, k=2).shape == (2, 3)


def test_refusals_say_what_is_wanted():
    bits = Bits((3,))
    with pytest.raises(Refused, match=r"space is Tokens.*Bits, Reals or Pixels are wanted"):
        GumbelVAE(Tokens(3, 2))
    with pytest.raises(Refused, match="variables is 0; at least 1"):
        GumbelVAE(bits, 0)
    with pytest.raises(Refused, match="categories is 1; at least 2"):
        GumbelVAE(bits, 2, 1)
    with pytest.raises(Refused, match="anneal is -1; at least 0"):
        GumbelVAE(bits, anneal=-1)
    with pytest.raises(
        Refused, match=r"temperatures are \(1.0, 0.0\); two are wanted, both above 0"
    ):
        GumbelVAE(bits, temperatures=(1.0, 0.0))
    with pytest.raises(Refused, match=r"the encoder gives \(5,\) numbers a row; \(6,\) are wanted"):
        GumbelVAE(bits, 2, 3, MLP(3, 5))
    with pytest.raises(Refused, match="the decoder gives 4 numbers a row; wanted are 3"):
        GumbelVAE(bits, 2, 3, MLP(3, 6), MLP(6, 4))
    with pytest.raises(Refused, match=r"likelihood is Logistic.*Bernoulli fits"):
        GumbelVAE(bits, likelihood=Logistic(2))
