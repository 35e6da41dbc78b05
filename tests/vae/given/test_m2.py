"""M2: against linear normal models of each class, whose likelihood and posteriors are known in closed form."""

import math

import pytest
import torch
from laws import elbo_is_a_bound, every_x, weights_sum_to_one
from torch import Tensor
from torch.distributions import MultivariateNormal
from torch.nn.functional import cross_entropy, one_hot

from genus.core import Bits, Pixels, Reals, Tokens
from genus.errors import Refused
from genus.nn import MLP
from genus.train.game import adam, play
from genus.vae import Logistic, NoiseDecoding, Normal
from genus.vae.given.m2 import M2, UNKNOWN, told

pytestmark = pytest.mark.usefixtures("precise")

STD, CLASSES = 0.7, 3


@pytest.fixture
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def linear(kind=M2, **how) -> tuple[M2, MultivariateNormal]:
    """x = W z + c_y + noise, with the true posteriors of z and of y as guesses, and log p(x | y) of all classes.

    The columns of W are orthogonal, so the posterior of z is a product; all classes have the same covariance, so
    the log odds of y are linear in x.
    """
    likelihood = Normal(STD, learned=False)
    model = kind(Reals((3,)), CLASSES, 2, (), likelihood=likelihood, **how)  # no hidden layers
    w = torch.linalg.qr(torch.randn(3, 2))[0] * torch.tensor([1.5, 0.6])
    centres, b = 1.5 * torch.randn(CLASSES, 3), torch.randn(3)
    precision = 1 + w.square().sum(0) / STD**2
    gain = w.T / STD**2 / precision[:, None]
    means = centres + b
    inverse = torch.linalg.inv(w @ w.T + STD**2 * torch.eye(3))
    put(model.decoder, torch.cat([w, centres.T], 1), b)
    of_mean = torch.cat([gain, -gain @ means.T], 1)
    put(
        model.encoder,
        torch.cat([of_mean, torch.zeros_like(of_mean)]),
        torch.cat([torch.zeros(2), -precision.log() / 2]),
    )
    put(model.classifier, means @ inverse, -0.5 * (means @ inverse * means).sum(1))
    return model, MultivariateNormal(means, torch.linalg.inv(inverse).expand(CLASSES, 3, 3))


@torch.no_grad()
def put(network: MLP, weight: Tensor, bias: Tensor) -> None:
    (layer,) = network
    assert layer.weight.shape == weight.shape
    layer.weight.copy_(weight)
    layer.bias.copy_(bias)


def log_p(truth: MultivariateNormal, x: Tensor) -> Tensor:
    """log p(x | y) of each class, (n, classes)."""
    return truth.log_prob(x[:, None])


def rows(truth: MultivariateNormal, n: int) -> tuple[Tensor, Tensor]:
    """x and the classes that they were drawn from; every second class is hidden."""
    y = torch.randint(CLASSES, (n,))
    x = truth.sample((n,))[torch.arange(n), y]
    return x, torch.where(torch.arange(n) % 2 == 0, y, UNKNOWN)


def expected(truth: MultivariateNormal, x: Tensor, y: Tensor) -> Tensor:
    """log p(x | y), or log p(x) where y is not known."""
    each = log_p(truth, x)
    own = each.gather(1, y.clamp(min=0)[:, None])[:, 0]
    return torch.where(y >= 0, own, each.logsumexp(1) - math.log(CLASSES))


def unbiased(draws: Tensor, truth: Tensor) -> Tensor:
    """Whether means over the first axis are within five standard errors of what they should be."""
    return (draws.mean(0) - truth).abs() <= 5 * draws.std(0) / len(draws) ** 0.5 + 1e-9


def drawn(score, copies: int, *batch: Tensor) -> Tensor:
    """Random scores of rows, (copies, n), in one call."""
    with torch.no_grad():
        many = (x.repeat(copies, *[1] * (x.dim() - 1)) for x in batch)
        return score(*many).unflatten(0, (copies, -1))


def losses(model: M2, *batch: Tensor) -> Tensor:
    """The whole loss of a batch, 50 times, each the mean over 100 copies of it."""
    with torch.no_grad():
        many = [x.repeat(100, *[1] * (x.dim() - 1)) for x in batch]
        return torch.stack([torch.stack([*model.loss(*many).values()]).sum() for _ in range(50)])


def tiny(kind=M2, space=None, **how) -> M2:
    """A small model with parameters away from where they start."""
    torch.manual_seed(0)
    model = kind(Bits((3,)) if space is None else space, CLASSES, 2, (8,), **how)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return model.eval()


# --- the linear normal model ------------------------------------------------------------------


def test_at_the_true_posteriors_each_weight_is_the_likelihood():
    model, truth = linear()
    x, y = rows(truth, 8)
    all_known = y.clamp(min=0)
    for _ in range(3):
        torch.testing.assert_close(model.log_weight(x, y), expected(truth, x, y))
        torch.testing.assert_close(model.log_weight(x, all_known), expected(truth, x, all_known))
        unknown = torch.full_like(y, UNKNOWN)
        torch.testing.assert_close(model.log_weight(x), expected(truth, x, unknown))
        torch.testing.assert_close(model.log_weight(x, unknown), expected(truth, x, unknown))


def test_the_classifier_is_the_posterior_of_the_class():
    model, truth = linear()
    x, _ = rows(truth, 8)
    torch.testing.assert_close(model.classify(x), log_p(truth, x).softmax(1))


def test_at_the_true_posteriors_the_bound_is_tight():
    model, truth = linear()
    x, y = rows(truth, 6)
    assert unbiased(drawn(model.elbo, 3000, x, y), expected(truth, x, y)).all()


def test_a_wrong_classifier_costs_its_kl():
    """elbo(x) = log p(x) - KL(q(y | x) || p(y | x)), if z is guessed rightly."""
    model, truth = linear()
    x, _ = rows(truth, 6)
    with torch.no_grad():
        model.classifier[0].weight.add_(0.5 * torch.randn_like(model.classifier[0].weight))
        log_q, log_posterior = model.log_classes(x), log_p(truth, x).log_softmax(1)
        kl = (log_q.exp() * (log_q - log_posterior)).sum(1)
    assert kl.max() > 0.1
    log_p_x = expected(truth, x, torch.full((6,), UNKNOWN))
    assert unbiased(drawn(model.elbo, 3000, x), log_p_x - kl).all()


@pytest.mark.parametrize("share", [None, 0.1])
def test_the_loss_is_minus_log_p_of_what_is_known_and_the_classification(share):
    """A row with a label is as likely as x and its class together; without, as x alone."""
    model, truth = linear(alpha=0.7, share=share)
    x, y = rows(truth, 10)  # five of them have a label
    nats = -expected(truth, x, y) + math.log(CLASSES) * (y >= 0)
    weight = 0.5 if share is None else share
    known = y >= 0
    mistakes = cross_entropy(model.classifier(x)[known], y[known])
    total = weight * nats[known].mean() + (1 - weight) * nats[~known].mean() + 0.7 * mistakes
    assert unbiased(losses(model, x, y), total)


def test_a_loss_without_labels_is_minus_the_bound():
    model, truth = linear()
    x, _ = rows(truth, 5)
    assert unbiased(losses(model, x), -expected(truth, x, torch.full((5,), UNKNOWN)).mean())
    assert model.loss(x)["classification"] == 0


def test_samples_of_a_class_and_of_any_have_the_right_moments():
    model, truth = linear()
    for y in range(CLASSES):
        x = model.sample(context=torch.full((20_000,), y))
        assert unbiased(x, truth.mean[y]).all()
        centred = x - truth.mean[y]
        products = (centred[:, :, None] * centred[:, None]).flatten(1)
        assert unbiased(products, truth.covariance_matrix[y].flatten()).all()
    mixed = truth.mean.mean(0)
    for x in (model.sample(30_000), model.sample(context=torch.full((30_000,), UNKNOWN))):
        assert unbiased(x, mixed).all()
        spread = truth.mean.var(0, unbiased=False) + truth.covariance_matrix[0].diagonal()
        assert unbiased((x - mixed).square(), spread).all()


# --- the parts --------------------------------------------------------------------------------


def test_a_perceptron_is_told_its_class_as_one_hot_numbers():
    network, x = MLP(4 + CLASSES, 5, (7, 6)), torch.randn(3, 4)
    for y in (torch.tensor([2, 0, 1]), torch.tensor([0, 0, 0, 1, 2, 1])):
        beside = torch.cat([x.repeat(len(y) // 3, 1), one_hot(y, CLASSES).to(x)], 1)
        torch.testing.assert_close(told(network, x, y), network(beside))


def test_scores_of_classes_are_laid_out_by_row():
    model = tiny()
    x = every_x(model.space)[:5]
    y = model.all_classes(x)
    torch.testing.assert_close(
        model.by_class(y.double()), torch.arange(3.0).expand(5, CLASSES).to(x)
    )
    mean = model.posterior(x, y)[0].unflatten(0, (CLASSES, 5))
    for k in range(CLASSES):
        torch.testing.assert_close(mean[k], model.posterior(x, torch.full((5,), k))[0])


def test_without_classification_labels_teach_the_classifier_nothing():
    model, x, y = tiny(alpha=0.0), every_x(Bits((3,))), torch.arange(8) % CLASSES
    torch.stack([*model.loss(x, y).values()]).sum().backward()
    assert all((p.grad == 0).all() for p in model.classifier.parameters())
    model = tiny(alpha=2.0)
    torch.stack([*model.loss(x, y).values()]).sum().backward()
    ours = [p.grad.clone() for p in model.classifier.parameters()]
    model.zero_grad()
    (2.0 * cross_entropy(model.classifier(x), y)).backward()
    torch.testing.assert_close(ours, [p.grad for p in model.classifier.parameters()])


def test_codes_are_of_the_class_that_is_given_or_of_the_likeliest():
    model, x = tiny(), every_x(Bits((3,)))
    likeliest = model.classify(x).argmax(1)
    torch.testing.assert_close(model.encode(x), model.posterior(x, likeliest)[0])
    given = torch.tensor([0, 1, 2, UNKNOWN] * 2)
    y = torch.where(given >= 0, given, likeliest)
    torch.testing.assert_close(model.encode(x, given), model.posterior(x, y)[0])
    z = model.encode(x, y)
    torch.testing.assert_close(model.decode(z, y), model.numbers(z, y).sigmoid())


def test_samples_without_noise_are_means():
    model = tiny()
    torch.manual_seed(3)
    x = model.sample(4, decoding=NoiseDecoding(mean=True))
    assert ((x > 0) & (x < 1)).all()


# --- laws of x alone --------------------------------------------------------------------------


class AddsTheClassesUp(M2):
    def log_weight(self, x, context=None):
        return super().log_weight(x, context) + math.log(self.classes)


class WeighsByBelief(M2):
    def log_weight(self, x, context=None):
        each = self.by_class(self.log_weights_of(x, self.all_classes(x)))
        return (each + self.log_classes(x)).logsumexp(1)


class ForgetsThePriorOfTheClass(M2):
    def elbo(self, x, context=None):
        return super().elbo(x, context) + math.log(self.classes)


@pytest.mark.parametrize("space", [Bits((3,)), Pixels((1, 1, 2), 3), Reals((2,))], ids=str)
def test_weights_of_x_alone_sum_to_one_and_the_bound_is_one(space):
    model = tiny(space=space)
    weights_sum_to_one(model, model.sample(6))
    elbo_is_a_bound(model, model.sample(6))


def test_weights_of_the_linear_model_sum_to_one():
    weights_sum_to_one(linear()[0])


@pytest.mark.parametrize("liar", [AddsTheClassesUp, WeighsByBelief])
def test_weights_that_are_joined_wrongly_do_not_sum_to_one(liar):
    with pytest.raises(AssertionError):
        weights_sum_to_one(linear(liar)[0])


def test_a_bound_without_the_prior_of_the_class_is_none():
    model, _ = linear(ForgetsThePriorOfTheClass)
    with pytest.raises(AssertionError):
        elbo_is_a_bound(model, model.sample(6))


# --- what it is for ---------------------------------------------------------------------------


def test_rows_without_a_label_say_where_classes_end():
    """Two strips, and a label of each at opposite ends: these alone would divide them along a diagonal."""
    torch.set_default_dtype(torch.float32)

    def strips(n):
        y = torch.randint(2, (n,))
        return torch.stack([torch.randn(n), 2 * y - 1 + 0.2 * torch.randn(n)], 1), y

    known = torch.tensor([[1.0, 1.0], [-1.0, -1.0]]), torch.tensor([1, 0])
    x, y = strips(1000)
    found = {}
    for hidden in (0, 62):
        torch.manual_seed(1)
        model = M2(Reals((2,)), 2, 1, (16,), likelihood=Normal(0.3, learned=False), alpha=1.0)
        batches = (
            (
                torch.cat([known[0], strips(hidden)[0]]),
                torch.cat([known[1], torch.full((hidden,), UNKNOWN)]),
            )
            for _ in range(200)
        )
        for _ in play(model, batches, {"model": adam(0.01)("model", list(model.parameters()))}):
            pass
        found[hidden] = (model.eval().classify(x).argmax(1) == y).double().mean().item()
    assert found[0] < 0.9
    assert found[62] > 0.99


def test_refusals_say_what_is_wanted():
    model = tiny()
    with pytest.raises(Refused, match=r"space is Tokens.*Bits, Reals or Pixels are wanted"):
        M2(Tokens(3, 2), 2)
    with pytest.raises(Refused, match="classes is 1; at least 2"):
        M2(Bits((3,)), 1)
    with pytest.raises(Refused, match="latent is 0; at least 1"):
        M2(Bits((3,)), 2, 0)
    with pytest.raises(Refused, match="alpha is -1"):
        M2(Bits((3,)), 2, alpha=-1)
    with pytest.raises(Refused, match="share is 2; a number in"):
        M2(Bits((3,)), 2, share=2)
    with pytest.raises(Refused, match=r"likelihood is Logistic.*Bernoulli fits"):
        M2(Bits((3,)), 2, likelihood=Logistic(2))
    with pytest.raises(Refused, match="class of -1; a class in 0"):
        model.decode(torch.zeros(2, 2), torch.tensor([0, -1]))
    with pytest.raises(Refused, match="no context was given"):
        model.sample()
    with pytest.raises(Refused, match="n is 3, and context has 2 rows"):
        model.sample(3, torch.tensor([0, 1]))
