"""VAE: against the linear normal model, whose likelihood and posterior are known in closed form."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal

from genus.core import Bits, Classes, Pixels, Reals
from genus.errors import Refused
from genus.functional.densities.densities import log_discretised_logistic
from genus.nn import MLP, ConvDecoder, ConvEncoder
from genus.vae import VAE, Bernoulli, Logistic, MixturePrior, NoiseDecoding, Normal

STD = 0.7


def linear():
    """x = W z + b + STD e with the true posterior as encoder, and log p(x) in closed form."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    model = VAE(Reals((3,)), 2, MLP(3, 4, ()), MLP(2, 3, ()), Normal(STD, learned=False))
    decoder, encoder = model.decoder[0], model.encoder[0]
    w, b = decoder.weight.data, decoder.bias.data
    # turned so that the posterior's covariance is diagonal: the columns of w orthogonal
    eigen, turn = torch.linalg.eigh(w.T @ w)
    decoder.weight.data = w = w @ turn
    precision = 1 + eigen / STD**2
    gain = (w / STD**2 / precision).T  # (2, 3)
    encoder.weight.data[:2], encoder.bias.data[:2] = gain, -gain @ b
    encoder.weight.data[2:], encoder.bias.data[2:] = 0, -0.5 * precision.log()
    return model, MultivariateNormal(b, w @ w.T + STD**2 * torch.eye(3))


def test_the_bound_is_tight_at_the_true_posterior():
    model, truth = linear()
    x = truth.sample((5,))
    draws = torch.stack([model.elbo(x) for _ in range(4000)])
    error = draws.std(0) / len(draws) ** 0.5
    assert ((draws.mean(0) - truth.log_prob(x)).abs() <= 5 * error).all()


def test_at_the_true_posterior_each_weight_is_the_likelihood():
    model, truth = linear()
    x = truth.sample((5,))
    torch.testing.assert_close(model.log_weight(x), truth.log_prob(x))


def test_the_bound_is_below_by_the_kl_of_the_posteriors():
    model, truth = linear()
    x = truth.sample((4,))
    _, log_std = model.posterior(x)
    model.encoder[0].bias.data[:2] += 0.3  # a wrong guess, by a known distance
    gap = (0.5 * (0.3 / log_std.exp()) ** 2).sum(1)
    draws = torch.stack([model.elbo(x) for _ in range(4000)])
    error = draws.std(0) / len(draws) ** 0.5
    assert ((draws.mean(0) - (truth.log_prob(x) - gap)).abs() <= 5 * error).all()


def test_samples_have_the_marginals_moments():
    model, truth = linear()
    x = model.sample(50_000)
    for i in range(3):
        for values, want in (
            (x[:, i], truth.mean[i]),
            ((x[:, i] - truth.mean[i]).square(), truth.covariance_matrix[i, i]),
        ):
            assert abs(values.mean() - want) <= 5 * values.std() / len(x) ** 0.5


def test_encode_and_decode_are_means():
    model, _ = linear()
    x = torch.randn(4, 3)
    assert torch.equal(model.encode(x), model.posterior(x)[0])
    z = torch.randn(4, 2)
    torch.testing.assert_close(model.decode(z), model.decoder(z))


@pytest.mark.parametrize("space", [Bits((3,)), Reals((3,)), Pixels((3,), 17)])
def test_samples_without_noise_are_means_and_the_likeliest(space):
    torch.manual_seed(0)
    model = VAE(space, 2)

    def drawn(**how):
        torch.manual_seed(1)
        return model.sample(500, decoding=NoiseDecoding(**how))

    torch.manual_seed(1)
    z = torch.randn(500, 2)
    assert torch.equal(drawn(mean=True), model.decode(z))
    best, cold, warm = drawn(temperature=0), drawn(temperature=0.2), drawn()
    space.check(best, "sample")
    with torch.no_grad():
        score = [model.likelihood.log_prob(x, model.numbers(z)).mean() for x in (best, cold, warm)]
    assert score[0] > score[1] > score[2]
    assert (cold - best).abs().mean() < (warm - best).abs().mean()


def test_a_mean_has_no_temperature():
    with pytest.raises(Refused, match=r"temperature is 0\.5 and mean True"):
        NoiseDecoding(0.5, mean=True)
    with pytest.raises(Refused, match="temperature is -1"):
        NoiseDecoding(-1.0)


def test_a_learned_deviation_finds_the_noise():
    torch.manual_seed(0)
    model = VAE(Reals((2,)), 1, MLP(2, 2), MLP(1, 2))
    x = 3 + 0.2 * torch.randn(1024, 2)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(600):
        optimizer.zero_grad()
        sum(model.loss(x).values()).backward()
        optimizer.step()
    assert model.likelihood.log_std.exp().item() == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize("levels", [2, 3, 17, 256])
@pytest.mark.parametrize("log_scale", [-7.0, -3.0, 0.0, 4.0])
@pytest.mark.parametrize("mean", [-1.0, 0.013, 0.9, 30.0])
def test_the_discretised_logistic_sums_to_one(levels, log_scale, mean):
    torch.set_default_dtype(torch.float64)
    x = Pixels((1,), levels).values(torch.arange(levels), torch.float64)[:, None]
    log_p = log_discretised_logistic(x, torch.tensor(mean), torch.tensor(log_scale), levels)
    assert log_p.logsumexp(0).item() == pytest.approx(0, abs=1e-9)


def test_the_discretised_logistic_is_the_difference_of_two_sigmoids():
    x, half = torch.tensor([[0.125]], dtype=torch.float64), 1 / 16
    got = log_discretised_logistic(x, torch.tensor(0.3), torch.tensor(-1.0).double(), 17)
    scale = math.exp(-1.0)
    want = 1 / (1 + math.exp((0.3 - 0.125 - half) / scale)) - 1 / (
        1 + math.exp((0.3 - 0.125 + half) / scale)
    )
    assert got.exp().item() == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize("mean", [-40.0, -1.0, 0.5, 40.0])
@pytest.mark.parametrize("number", [-40.0, -5.0, 0.0, 40.0])
def test_float32_gradients_are_finite(mean, number):
    likelihood = Logistic(256)
    x = torch.tensor([-1.0, 0.0, 1.0])[:, None]
    numbers = torch.tensor([[mean, number]] * 3, requires_grad=True)
    log_p = likelihood.log_prob(x, numbers)
    log_p.sum().backward()
    assert log_p.isfinite().all()
    assert numbers.grad is not None
    assert numbers.grad.isfinite().all()


def test_logistic_samples_have_the_probabilities():
    torch.manual_seed(0)
    likelihood, space = Logistic(5), Pixels((1,), 5)
    numbers = torch.tensor([[0.2, 1.0]], dtype=torch.float64)
    x = likelihood.sample(numbers.expand(40_000, -1))
    for level in range(5):
        value = space.values(torch.tensor([[level]]), torch.float64)
        p = likelihood.log_prob(value, numbers).exp().item()
        hits = (space.indices(x) == level).double()
        assert abs(hits.mean().item() - p) <= 5 * (p * (1 - p) / len(x)) ** 0.5


def test_a_logistics_mean_is_that_of_its_levels():
    likelihood, space = Logistic(5), Pixels((1,), 5)
    numbers = torch.tensor([[0.2, 1.0], [-3.0, 0.0], [0.9, 4.0]], dtype=torch.float64)
    levels = space.values(torch.arange(5), torch.float64)
    rows = [likelihood.log_prob(v.expand(3, 1), numbers).exp() * v for v in levels]
    torch.testing.assert_close(likelihood.mean(numbers)[:, 0], torch.stack(rows).sum(0))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 28), (1, 5, 13), (2, 4, 4), (1, 1, 1)])
def test_convolutions_take_any_size(shape):
    encoder, decoder = ConvEncoder(shape, 6, 4, (5,), 0.1), ConvDecoder(3, shape, 4, (5,))
    x = torch.randn(2, *shape)
    assert encoder(x).shape == (2, 6)
    assert decoder(encoder(x)[:, :3]).shape == x.shape


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: VAE(Classes(3)), "space is Classes.*Bits, Reals or Pixels are wanted"),
        (lambda: VAE(Bits((3,)), 0), "latent is 0; at least 1"),
        (lambda: VAE(Bits((3,)), likelihood=Normal()), "Normal, the space is Bits.*Bernoulli fits"),
        (lambda: VAE(Reals((3,)), 2, MLP(3, 3)), "encoder gives 3 numbers a row; wanted are 4"),
        (lambda: VAE(Pixels((3,)), 2, None, MLP(2, 3)), "decoder gives 3 numbers a row.* are 6"),
        (
            lambda: VAE(Pixels((1, 4, 4)), 2, None, ConvDecoder(2, (1, 4, 4))),
            "decoder gives 1x4x4 numbers a row; wanted are 2x4x4",
        ),
        (lambda: VAE(Pixels((3,), 17), 2, likelihood=Logistic()), "has 256 levels, the space 17"),
        (lambda: Normal(0.0), "std is 0.0; it must be positive"),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_bits_have_bernoulli_means():
    logits = torch.tensor([[0.0, math.log(3)]])
    torch.testing.assert_close(Bernoulli().mean(logits), torch.tensor([[0.5, 0.75]]))


def test_the_kl_counts_more_with_each_round_of_the_warm_up():
    torch.manual_seed(0)
    model = VAE(Bits((3,)), 2, MLP(3, 4), MLP(2, 3), warm_up=4)
    x, whole = torch.ones(5, 3), None
    seen = []
    for _ in range(6):
        torch.manual_seed(1)
        seen.append(model.loss(x)["kl"].item())
        model.players()["model"].after()
    whole = seen[-1]
    assert seen == pytest.approx([whole * share for share in (0.25, 0.5, 0.75, 1, 1, 1)])


def test_free_bits_cost_nothing_in_each_unit():
    model = VAE(Bits((3,)), 2, MLP(3, 4, ()), MLP(2, 3), free=0.5)
    layer = model.encoder[0]
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.copy_(torch.tensor([0.0, 2.0, 0.0, 0.0]))  # means 0 and 2, deviations 1
    assert model.loss(torch.ones(4, 3))["kl"].item() == pytest.approx(0.5 + 2.0)
    assert model.terms(torch.ones(4, 3))[1].tolist() == pytest.approx([2.0] * 4)


def test_free_bits_want_units_that_have_a_kl():
    with pytest.raises(Refused, match=r"free is 0\.1; units have a KL of their own only with"):
        VAE(Bits((3,)), 2, MLP(3, 4), MLP(2, 3), prior=MixturePrior(2), free=0.1)
