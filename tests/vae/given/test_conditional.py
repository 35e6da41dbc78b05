"""ConditionalVAE: against a linear normal model in closed form, quadrature, enumeration and draws of its prior."""

import copy
import math

import pytest
import torch
from laws import draw, elbo_is_a_bound, several_weights_are_weights, weights_sum_to_one
from torch import nn
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from genus.core import Bits, Classes, Pixels, Reals
from genus.data import load
from genus.errors import Refused
from genus.nn import MLP, ConvDecoder, ConvEncoder, Flat, Labels
from genus.recipes.vae.conditional_vae import conditional_vae, parting_of
from genus.train import Run, adam
from genus.train.game import play
from genus.vae.given.conditional import ConditionalVAE, Parting
from genus.vae.likelihoods import Logistic, NoiseDecoding
from genus.vae.likelihoods import Normal as NormalLikelihood

STD = 0.6
PRIORS = pytest.mark.parametrize("prior", [False, True], ids=["prior N(0, I)", "prior of c"])


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)


def moved(model):
    """A model in evaluation mode, away from where it starts; guesses are wide, so that weights have a variance."""
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
        for p in model.decoder.parameters():
            p.add_(0.6 * torch.randn_like(p))
        if isinstance(model.encoder, MLP):
            model.encoder[-1].bias[model.latent :] += 0.4
        if model.prior is not None:
            model.prior[-1].bias[: model.latent] += torch.randn(model.latent)
    return model.eval()


def tiny(prior=True, kind=ConditionalVAE, space=None, **how):
    """Bits given one of three labels, with two units of z."""
    torch.manual_seed(0)
    space = space or Bits((3,))
    numbers = 2 * space.dims if isinstance(space, Pixels) else space.dims
    networks = MLP(space.dims + 3, 4, (8,)), MLP(5, numbers, (8,)), MLP(3, 4) if prior else None
    return moved(kind(space, Classes(3), Labels(3), 3, 2, *networks, **how))


def linear(kind=ConditionalVAE):
    """x = W z + V c + b + STD e, z ~ N(A c + a, S^2), with the true posterior as guess, if it is diagonal."""
    torch.manual_seed(0)
    networks = MLP(5, 4, ()), MLP(4, 3, ()), MLP(2, 4, ())
    noise = NormalLikelihood(STD, learned=False)
    model = kind(Reals((3,)), Reals((2,)), nn.Identity(), 2, 2, *networks, noise).eval()
    encoder, decoder, prior = (network[0] for network in networks)
    s = torch.tensor([0.5, 1.7])
    with torch.no_grad():
        w = torch.linalg.qr(torch.randn(3, 2)).Q * torch.tensor([1.0, 0.6])  # orthogonal columns
        v, b = decoder.weight[:, 2:].clone(), decoder.bias.clone()
        decoder.weight[:, :2] = w
        prior.weight[:2], prior.bias[:2] = torch.randn(2, 2), torch.tensor([0.7, -0.4])
        prior.weight[2:], prior.bias[2:] = 0, s.log()
        precision = s**-2 + w.square().sum(0) / STD**2
        gain = (w / STD**2 / precision).T  # (2, 3)
        shrink = s**-2 / precision
        encoder.weight[:2, :3], encoder.weight[2:] = gain, 0
        encoder.weight[:2, 3:] = shrink[:, None] * prior.weight[:2] - gain @ v
        encoder.bias[:2] = shrink * prior.bias[:2] - gain @ b
        encoder.bias[2:] = -0.5 * precision.log()

    a, shift = prior.weight.data[:2], prior.bias.data[:2]

    def truth(c):
        mean = b + c @ v.T + (c @ a.T + shift) @ w.T
        return MultivariateNormal(mean, (w * s**2) @ w.T + STD**2 * torch.eye(3))

    return model, truth


def unbiased(draws, truth):
    """Whether the means of draws, (k, n), are the truth by their own errors."""
    error = draws.std(0) / len(draws) ** 0.5
    return (draws.mean(0) - truth).abs() <= 5 * error + 1e-9


def again(score, x, c, times):
    with torch.no_grad():
        return score(x.repeat(times, 1), c.repeat(times, *[1] * (c.dim() - 1))).unflatten(
            0, (times, -1)
        )


def grid(step=0.2, end=8.0):
    """Codes of two units, (points^2, 2), and the log of N(0, I) at them times the area of a cell."""
    line = torch.arange(-end, end + step / 2, step)
    codes = torch.cartesian_prod(line, line)
    return codes, Normal(0.0, 1.0).log_prob(codes).sum(1) + 2 * math.log(step)


def summed(model, x, c):
    """log p(x | c) of each row by quadrature over codes; of bits, from the means that `decode` gives."""
    codes, log_prior = grid()
    found = []
    with torch.no_grad():
        for row, one in zip(x, c, strict=True):
            p = model.decode(codes, one.expand(len(codes), *one.shape))
            log_p = torch.where(row == 1, p, 1 - p).log().flatten(1).sum(1)
            found.append((log_p + log_prior).logsumexp(0))
    return torch.stack(found)


# --- in closed form ---------------------------------------------------------------------------


def test_at_the_true_posterior_each_weight_is_the_likelihood_and_the_bound_is_tight():
    model, truth = linear()
    c = torch.randn(6, 2)
    x = truth(c).sample()
    log_p = truth(c).log_prob(x)
    with torch.no_grad():
        torch.testing.assert_close(model.log_weights(x, c, k=3), log_p.expand(3, -1))
    assert unbiased(again(model.elbo, x, c, 4000), log_p).all()


def test_the_bound_is_below_by_the_kl_of_a_wrong_guess():
    model, truth = linear()
    c = torch.randn(4, 2)
    x = truth(c).sample()
    log_std = model.encoder[0].bias.data[2:].clone()
    model.encoder[0].bias.data[:2] += 0.3
    gap = (0.5 * (0.3 / log_std.exp()) ** 2).sum()
    assert unbiased(again(model.elbo, x, c, 4000), truth(c).log_prob(x) - gap).all()


def test_samples_have_the_moments_of_their_context():
    model, truth = linear()
    c = torch.tensor([[0.5, -1.0]])
    x = model.sample(context=c.expand(40_000, 2))
    assert unbiased(x, truth(c).mean[0]).all()
    centred = x - truth(c).mean
    products = (centred[:, :, None] * centred[:, None]).flatten(1)
    assert unbiased(products, truth(c).covariance_matrix[0].flatten()).all()


def test_a_code_is_in_the_unit_of_its_prior_and_another_context_reads_it_in_its_own():
    model, truth = linear()
    c, other = torch.randn(2, 5, 2)
    x = truth(c).sample()
    guess, prior, decoder = model.encoder[0], model.prior[0], model.decoder[0]

    def about(c):
        return c @ prior.weight[:2].T + prior.bias[:2]

    mean = torch.cat([x, c], 1) @ guess.weight[:2].T + guess.bias[:2]
    code = (mean - about(c)) / torch.tensor([0.5, 1.7])
    torch.testing.assert_close(model.encode(x, c), code)
    z = about(other) + torch.tensor([0.5, 1.7]) * code
    found = model.reconstruct(x, c, other)
    torch.testing.assert_close(found, torch.cat([z, other], 1) @ decoder.weight.T + decoder.bias)
    own = model.decode(model.encode(x, c), c)
    torch.testing.assert_close(model.reconstruct(x, c), own)
    assert not torch.allclose(own, found)


# --- by quadrature and enumeration ------------------------------------------------------------


@PRIORS
def test_the_likelihood_by_weights_is_that_of_quadrature_within_its_own_error(prior):
    model = tiny(prior)
    x, c = torch.rand(6, 3).round(), torch.arange(6) % 3
    exact = summed(model, x, c)
    value, error = model.log_p(x, c, k=20_000)
    assert value.dtype == error.dtype == torch.float64
    assert ((value - exact).abs() <= 5 * error).all()
    assert error.max() < 0.02


def test_the_error_of_a_likelihood_is_the_spread_of_its_repeats():
    model = tiny()
    x, c = torch.rand(2, 3).round(), torch.arange(2)
    many = [model.log_p(x, c, k=400) for _ in range(200)]
    spread = torch.stack([value for value, _ in many]).std(0)
    told = torch.stack([error for _, error in many]).mean(0)
    assert ((spread / told - 1).abs() < 5 / (2 * 200) ** 0.5).all()


@PRIORS
def test_all_rows_of_each_context_share_one_probability(prior):
    """By quadrature over z and a count of all x; contexts share it out otherwise."""
    model, states = tiny(prior), torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 3)
    p = torch.stack([summed(model, states, torch.full((8,), k)).exp() for k in range(3)])
    torch.testing.assert_close(p.sum(1), torch.ones(3))
    drawn = model.sample(context=torch.ones(40_000, dtype=torch.int64))
    hits = (drawn[:, None] == states).all(2).double()
    assert unbiased(hits, p[1]).all()
    assert not unbiased(hits, p[0]).all()


def test_weights_average_to_the_likelihood_that_draws_of_the_prior_give():
    model = tiny()
    x, c = torch.tensor([[1.0, 0.0, 1.0]]), torch.tensor([2])
    h = model.embedded(c.expand(50_000))
    with torch.no_grad():
        numbers = model.numbers(model.prior_given(h).draw(), h)
        blind = model.likelihood.log_prob(x.expand(50_000, -1), numbers).exp()
    weights = again(model.log_weight, x, c, 50_000).exp()[:, 0]
    error = ((blind.var() + weights.var()) / 50_000).sqrt()
    assert (blind.mean() - weights.mean()).abs() <= 5 * error


@PRIORS
def test_the_kl_is_that_of_torch(prior):
    model = tiny(prior)
    x, c = torch.rand(5, 3).round(), torch.arange(5) % 3
    guess = model.guessed(x, model.embedded(c))
    normals = [Normal(one.mean, one.log_std.exp()) for one in (guess.q, guess.p)]
    torch.testing.assert_close(model.terms(x, c)[1], kl_divergence(*normals).sum(1))
    if not prior:
        assert not guess.p.mean.any()
        assert not guess.p.log_std.any()


# --- the loss ---------------------------------------------------------------------------------


def test_the_loss_is_the_share_of_the_bound_and_of_reconstruction_from_the_prior():
    x, c = torch.tensor([[1.0, 1.0, 0.0]]).expand(40_000, -1), torch.ones(40_000, dtype=torch.int64)
    parts = tiny(alpha=0.25).loss(x, c)
    assert [*parts] == ["reconstruction", "kl", "blind"]
    model = tiny(alpha=1.0)
    with torch.no_grad():
        bound = -model.elbo(x, c)
        h = model.embedded(c)
        blind = -model.likelihood.log_prob(x, model.numbers(model.prior_given(h).draw(), h))
    assert [*model.loss(x, c)] == ["reconstruction", "kl"]
    for part, draws in (
        (parts["reconstruction"] + parts["kl"], 0.25 * bound),
        (parts["blind"], 0.75 * blind),
    ):
        assert (part - draws.mean()).abs() <= 7 * draws.std() / len(draws) ** 0.5


def test_it_learns_two_answers_where_a_regression_learns_their_mean():
    """Six bits that are all b, or b and not b in turn, by the context: log 2 nats, where a mean costs 6 log 2."""
    b, c = torch.rand(2, 400, 1).round()
    turned = torch.tensor([0.0, 1.0]).repeat(3)
    x = (b + c * turned) % 2
    torch.manual_seed(1)
    networks = MLP(7, 2, (16,)), MLP(2, 6, (16,))
    model = ConditionalVAE(Bits((6,)), Bits((1,)), Flat(), 1, 1, *networks)
    rows = [torch.randint(400, (100,)) for _ in range(150)]
    batches, owned = [(x[i], c[i]) for i in rows], list(model.parameters())
    for _ in play(model, batches, {"model": adam(0.02)("model", owned)}):
        pass
    log_p, error = model.eval().log_p(x, c, k=200)
    assert error.median() < 0.1
    assert math.log(2) - 0.1 < -log_p.mean() < 2 * math.log(2)
    for context in (0.0, 1.0):
        drawn = model.sample(context=torch.full((500, 1), context))
        plain = (drawn + context * turned) % 2
        assert (plain.mean(1).round() == plain.mean(1)).double().mean() > 0.6
        assert 0.3 < plain.mean() < 0.7


# --- completion -------------------------------------------------------------------------------


def test_parts_are_put_together_again_and_what_is_known_stays():
    space = Pixels((2, 3, 4), 5)
    known = torch.rand(space.shape) < 0.4
    parting = Parting(space, known)
    x = draw(space, 6)
    missing, given = parting.apart(x)
    assert parting.missing_space == Pixels((int((~known).sum()),), 5)
    assert parting.known_space == Pixels((int(known.sum()),), 5)
    assert torch.equal(parting.together(missing, given), x)
    count = given.shape[1]
    torch.manual_seed(0)
    model = moved(ConditionalVAE(parting.missing_space, parting.known_space, Flat(), count, 2))
    first, second = (parting.completed(model, x) for _ in range(2))
    space.check(first, "completed")
    assert torch.equal(first[:, known], x[:, known])
    assert not torch.equal(first, second)
    hidden = torch.where(known, x, float("nan"))
    torch.manual_seed(4)
    once = parting.completed(model, x)
    torch.manual_seed(4)
    assert torch.equal(parting.completed(model, hidden), once)
    means = parting.completed(model, x, NoiseDecoding(mean=True))
    assert (means[:, ~known].abs() <= 1).all()


def test_completions_come_as_often_as_quadrature_says_given_what_is_known():
    parting = Parting(Bits((4,)), torch.tensor([True, False, True, False]))
    torch.manual_seed(0)
    model = moved(
        ConditionalVAE(
            parting.missing_space,
            parting.known_space,
            Flat(),
            2,
            2,
            None,
            MLP(4, 2, (8,)),
            MLP(2, 4),
        )
    )
    x = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    drawn = parting.completed(model, x.expand(40_000, -1))
    states = torch.cartesian_prod(*[torch.tensor([0.0, 1.0])] * 2)
    exact = summed(model, states, parting.apart(x)[1].expand(4, -1)).exp()
    assert unbiased((drawn[:, None, [1, 3]] == states).all(2).double(), exact).all()


@pytest.mark.parametrize(
    ("known", "share"), [("upper", 1 / 2), ("left", 1 / 2), ("quadrant", 1 / 4)]
)
def test_a_view_of_data_has_what_is_missing_and_what_is_known(known, share):
    source = load("digits").binarised()
    parting = parting_of(known, source.space)
    view = source.parted(parting)
    assert parting.known.double().mean() == share
    x, c = view.test.everything()
    assert (view.space, view.context_space) == (Bits((x.shape[1],)), Bits((c.shape[1],)))
    whole = source.test.everything()[0]
    assert torch.equal(parting.together(x, c), whole)
    where = parting.known[0].nonzero()
    corner = {"upper": [3, 7], "left": [7, 3], "quadrant": [7, 3]}[known]
    assert where.amax(0).tolist() == corner


def test_the_recipe_learns_labels_and_parts(tmp_path):
    run = Run(rounds=2, batch=16, device="cpu")
    torch.set_default_dtype(torch.float32)
    model = conditional_vae(latent=2, width=8, run=run)
    assert (model.space, model.context_space) == (Bits((1, 8, 8)), Classes(10))
    model = conditional_vae(known="upper", latent=2, width=8, run=run)
    assert (model.space, model.context_space) == (Bits((32,)), Bits((32,)))
    with pytest.raises(Refused, match="known is 'lower'; one of label, upper, left, quadrant"):
        conditional_vae(known="lower", run=run)


# --- spaces and networks ----------------------------------------------------------------------


@pytest.mark.parametrize("space", [Bits((3,)), Reals((1, 2, 2)), Pixels((1, 2, 2), 17)], ids=str)
def test_any_space_and_shape(space):
    model = tiny(space=space)
    c = torch.arange(7) % 3
    x = model.sample(context=c)
    space.check(x, "sample")
    code = model.encode(x, c)
    assert code.shape == (7, 2)
    assert model.decode(code, c).shape == x.shape
    assert model.elbo(x, c).shape == model.log_weight(x, c).shape == (7,)
    assert model.sample(0, c[:0]).shape == (0, *space.shape)
    assert [part.shape for part in model.log_p(x[:0], c[:0], k=3)] == [(0,), (0,)]
    torch.manual_seed(2)
    means = model.sample(context=c, decoding=NoiseDecoding(mean=True))
    torch.manual_seed(2)
    assert torch.equal(means, model.decode(model.noise(7, 2), c))


def test_convolutions_see_the_context_as_further_channels():
    torch.manual_seed(0)
    networks = ConvEncoder((4, 6, 5), 4, 3), ConvDecoder(5, (1, 6, 5), 3)
    model = moved(ConditionalVAE(Bits((1, 6, 5)), Classes(3), Labels(3), 3, 2, *networks))
    x, c = torch.rand(4, 1, 6, 5).round(), torch.tensor([0, 1, 2, 0])
    seen = model._beside(x, model.embedded(c))
    assert torch.equal(seen[:, :1], x)
    assert torch.equal(seen[:, 1:].mean((2, 3)), model.embedded(c))
    assert not torch.allclose(model.encode(x, c), model.encode(x, (c + 1) % 3))
    assert model.elbo(x, c).shape == (4,)


def test_a_learnt_embedding_learns():
    model = ConditionalVAE(Bits((3,)), Classes(3), Labels(3, 2), 2, 2)
    torch.stack(
        [*model.loss(torch.rand(6, 3).round(), torch.arange(6) % 3).values()]
    ).sum().backward()
    assert (model.embed.rows.grad != 0).all()


def test_a_model_rebuilds_from_what_it_keeps():
    model = tiny(alpha=0.5)
    twin = ConditionalVAE(**copy.deepcopy(model.hyperparameters()))
    twin.load_state_dict(model.state_dict())
    x, c = torch.rand(4, 3).round(), torch.arange(4) % 3
    assert torch.equal(twin.eval().encode(x, c), model.encode(x, c))


# --- liars: each breaks one promise, and a law or a check above sees it -----------------------


class ForgetsThePriorOfItsContext(ConditionalVAE):
    """The bound and the weights count z against N(0, I), while samples come from p(z | c)."""

    def guessed(self, x, h, k=1, noisy=True):
        guess = super().guessed(x, h, k, noisy)
        return guess._replace(p=guess.p.standard(guess.p.mean))


class IgnoresTheContext(ConditionalVAE):
    """Scores know of no context, while samples follow it."""

    def log_weights(self, x, context=None, *, k):
        return super().log_weights(x, torch.zeros_like(context), k=k)


class GuessesForFree(ConditionalVAE):
    """Weights lack the density of the guess."""

    def log_weights(self, x, context=None, *, k):
        guess = self.guessed(x, self.embedded(context), k)
        log_q = Normal(guess.q.mean, guess.q.log_std.exp()).log_prob(guess.z).sum(1)
        return super().log_weights(x, context, k=k) + log_q.unflatten(0, (k, len(x)))


class WeighsOneDraw(ConditionalVAE):
    """Several weights of a row are one, again and again."""

    def log_weights(self, x, context=None, *, k):
        return super().log_weights(x, context, k=1).expand(k, -1)


class IsPaidForItsGuess(ConditionalVAE):
    """The bound adds the KL, where it costs."""

    def elbo(self, x, context=None):
        reconstruction, kl = self.terms(x, context)
        return kl - reconstruction


class ReadsCodesAsTheyAre(ConditionalVAE):
    """`decode` takes z, where `encode` gives z in the unit of its prior."""

    def _numbers_of(self, code, h):
        return self.numbers(code, h)


def batch_of(model):
    c = draw(model.context_space, 6)
    return model.sample(context=c), c


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        (IsPaidForItsGuess, elbo_is_a_bound),
        (GuessesForFree, weights_sum_to_one),
        (WeighsOneDraw, several_weights_are_weights),
    ],
)
def test_a_law_sees_a_liar(kind, law):
    honest = tiny(prior=True)
    law(honest, *batch_of(honest))
    liar = tiny(kind=kind)
    with pytest.raises(AssertionError):
        law(liar, *batch_of(liar))


@pytest.mark.parametrize("kind", [ForgetsThePriorOfItsContext, IgnoresTheContext])
def test_scores_of_another_model_than_the_samples_sum_to_one_and_are_seen_by_quadrature(kind):
    liar = tiny(kind=kind)
    weights_sum_to_one(liar, *batch_of(liar))  # what p(x | c) is, a sum over x cannot say
    x, c = torch.rand(6, 3).round(), torch.tensor([1, 2, 1, 2, 1, 2])
    value, error = liar.log_p(x, c, k=20_000)
    assert ((value - summed(liar, x, c)).abs() > 10 * error).any()


def test_a_code_that_decode_does_not_read_is_caught():
    model, truth = linear(ReadsCodesAsTheyAre)
    c = torch.tensor([[0.5, -1.0]]).expand(10_000, 2)
    assert not unbiased(model.sample(context=c), truth(c[:1]).mean[0]).all()


# --- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "words"),
    [
        (lambda: {"space": Classes(3)}, "space is Classes.*Bits, Reals or Pixels are wanted"),
        (lambda: {"latent": 0}, "latent is 0; at least 1"),
        (lambda: {"context": 0}, "context is 0; at least 1"),
        (lambda: {"alpha": 0.0}, r"alpha is 0.0; it must be in \(0, 1\]"),
        (lambda: {"likelihood": Logistic()}, "the likelihood is Logistic.*Bernoulli fits"),
        (lambda: {"decoder": MLP(2, 3)}, "decoder takes 2 numbers a row; .* 5, of which 3 are"),
        (lambda: {"encoder": MLP(3, 4)}, "encoder takes 3 numbers a row; it is given 6"),
        (lambda: {"encoder": MLP(6, 5)}, "encoder gives 5 numbers a row; wanted are 4"),
        (lambda: {"decoder": MLP(5, 4)}, "decoder gives 4 numbers a row; wanted are 3"),
        (lambda: {"prior": MLP(3, 2)}, "prior gives 2 numbers a row; wanted are 4"),
        (lambda: {"whole": Bits((2, 2)), "known": [0]}, "are the parts of Bits"),
        (lambda: {"whole": Bits((2, 2)), "known": [4]}, r"places are \(4,\); 0 .. 3 are wanted"),
        (
            lambda: {"space": Bits((1, 2, 2)), "decoder": MLP(5, 3)},
            "decoder gives 3 numbers a row; wanted are 4",
        ),
        (
            lambda: {"space": Bits((1, 2, 2)), "decoder": ConvDecoder(5, (2, 2, 2), 3)},
            "decoder gives 2x2x2 numbers a row; wanted are 1x2x2",
        ),
    ],
)
def test_what_does_not_fit_is_refused(how, words):
    usual = {"space": Bits((3,)), "context_space": Classes(3), "embed": Labels(3), "context": 3}
    with pytest.raises(Refused, match=words):
        ConditionalVAE(**{**usual, "latent": 2, **how()})


def test_calls_that_do_not_fit_are_refused():
    model, x, c = tiny(), torch.rand(2, 3).round(), torch.tensor([0, 1])
    for call in (model.elbo, model.log_weight, model.encode, model.reconstruct, model.loss):
        with pytest.raises(Refused, match=r"no context was given; one of Classes\(count=3\)"):
            call(x)
    with pytest.raises(Refused, match="k is 1; at least 2 are wanted"):
        model.log_p(x, c, k=1)
    wide = ConditionalVAE(Bits((3,)), Classes(3), Labels(3, 4), 3, 2)
    with pytest.raises(Refused, match="embed makes 4 numbers of a context; 3 are wanted"):
        wide.elbo(x, c)
    with pytest.raises(Refused, match=r"Parting: known is torch\.bool of shape \(2,\)"):
        Parting(Bits((3,)), torch.tensor([True, False]))
    with pytest.raises(Refused, match="known is True everywhere; a part of x is wanted"):
        Parting(Bits((2,)), torch.tensor([True, True]))
