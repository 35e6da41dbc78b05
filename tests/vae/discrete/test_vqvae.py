"""VQ-VAE: against brute force, k-means' closed form, gradients by hand, and sums over all codes."""

import math
from itertools import product

import pytest
import torch
from laws import every_x
from torch import Tensor, nn

from genus.autoregressive import MADE, Transformer
from genus.core import Bits, Classes, Pixels, Tokens
from genus.errors import Refused
from genus.recipes.vae.vqvae import vqvae as recipe
from genus.train import Run
from genus.train.game import play
from genus.vae import Normal
from genus.vae.discrete import vqvae
from genus.vae.discrete.vqvae import VQVAE

SPACE = Bits((1, 3, 4))
pytestmark = pytest.mark.usefixtures("precise")


@pytest.fixture
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def tiny(made: bool = False, **how) -> VQVAE:
    """Four codes of three."""
    if made:
        how["prior"] = MADE(Tokens(3, 4), (8,))
    model = VQVAE(SPACE, 3, 2, 4, 1, 1, **how)
    model.prepare(rows(20))
    return model


def rows(n: int) -> Tensor:
    return torch.rand(n, *SPACE.shape).round()


def vectors_of(model: VQVAE, x: Tensor) -> Tensor:
    """What the encoder gives, one below another, (n * h * w, size)."""
    return model.encoder(x).permute(0, 2, 3, 1).reshape(-1, model.size)


@pytest.mark.parametrize("at_once", [1, 40, 1 << 22])
def test_each_vector_gets_the_nearest_code(monkeypatch, at_once):
    monkeypatch.setattr(vqvae, "AT_ONCE", at_once)  # blocks of one vector, of a few, and of all
    model = VQVAE(SPACE, 17, 5)
    z = torch.randn(101, 5)
    far = torch.tensor([[(a - e).square().sum() for e in model.codebook] for a in z])
    assert torch.equal(model.nearest(z), far.argmin(1))


def test_codes_stand_where_their_vectors_do():
    model, x = tiny(), rows(5)
    codes, grid, e = model.codes(x), model.encoder(x), model.encode(x)
    want = model.likelihood.mean(model.decoder(e))
    torch.testing.assert_close(model.decode(grid), want)
    assert not torch.allclose(model.likelihood.mean(model.decoder(grid)), want)  # a liar of decode
    assert not torch.equal(e.mT, e)  # a liar of encode lays the grid out the wrong way
    assert codes.shape == (5, 4)
    assert e.shape == grid.shape == (5, 2, 2, 2)
    for row, i, j in product(range(5), range(2), range(2)):
        away = (model.codebook - grid[row, :, i, j]).norm(dim=1)
        assert codes[row, 2 * i + j] == away.argmin()
        assert torch.equal(e[row, :, i, j], model.codebook[away.argmin()])


def test_use_and_perplexity_are_those_of_the_codes():
    model, x = tiny(), rows(300)
    share = torch.tensor([(model.codes(x) == k).double().mean() for k in range(3)])
    torch.testing.assert_close(model.usage(x), share)
    assert (share > 0).sum() > 1
    want = math.exp(-sum(p * math.log(p) for p in share.tolist() if p > 0))
    assert model.perplexity(x) == pytest.approx(want)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 28, 20), (1, 5, 13), (2, 1, 1)])
@pytest.mark.parametrize("halvings", [1, 2, 3])
def test_pictures_of_any_size_have_a_grid(shape, halvings):
    model = VQVAE(Pixels(shape, 5), 4, 3, 4, halvings, 1)
    x = model.sample(2)
    model.space.check(x, "sample")
    assert model.encode(x).shape == (2, 3, *(math.ceil(s / 2**halvings) for s in shape[1:]))
    assert model.decode(model.encode(x)).shape == x.shape


def log_p(model: VQVAE, x: Tensor) -> Tensor:
    """log p(x), (n,), by the sum over all codes."""
    codes = torch.tensor(list(product(range(3), repeat=4)))
    numbers = model.decoder(model.vectors(codes))
    many = x.repeat_interleave(len(codes), 0)
    joint = model.likelihood.log_prob(many, numbers.repeat(len(x), 1, 1, 1))
    return (joint.unflatten(0, (len(x), -1)) + model.log_prior(codes)).logsumexp(1)


@pytest.mark.parametrize("made", [False, True])
def test_the_bound_is_below_the_likelihood_and_is_a_part_of_it(made):
    model = tiny(made).eval()
    for p in model.decoder.parameters():
        p.data.mul_(2)
    x = every_x(Bits((1, 3, 3)))  # all pictures, but for a column that is 0
    x = nn.functional.pad(x, (0, 1))
    with torch.no_grad():
        bound = model.elbo(x)
        gap = log_p(model, x) - bound
        assert (gap > 0).all()
        assert gap.min() < math.log(3**4)  # what the sum has more than its largest term
        codes = model.codes(x)
        own = model.likelihood.log_prob(x, model.decoder(model.vectors(codes)))
        torch.testing.assert_close(bound, own + model.log_prior(codes))


def test_a_bound_without_its_prior_is_caught():
    """A liar: the reconstruction alone is above log p where the codes decide x."""
    model = tiny().eval()
    model.decoder[-1].weight.data.mul_(30)
    x = model.sample(50)
    with torch.no_grad():
        truth = log_p(model, x)
        assert (model.elbo(x) <= truth).all()
        model.log_prior = lambda codes: torch.zeros(len(codes))  # pyright: ignore
        assert (model.elbo(x) > truth).any()


def errors_of_samples(model: VQVAE) -> float:
    """How far means, and means of products, are from the sum over all codes, in standard errors."""
    x = model.sample(20_000)
    with torch.no_grad():
        codes = torch.tensor(list(product(range(3), repeat=4)))
        p = model.likelihood.mean(model.decoder(model.vectors(codes)))
        weight = model.log_prior(codes).exp()
        gaps = [
            (a.mean(0) - torch.tensordot(weight, b, 1)) * len(a) ** 0.5 / a.std(0)
            for a, b in ((x, p), (x * x.flip(3), p * p.flip(3)))
        ]
    return torch.stack(gaps).abs().max().item()


@pytest.mark.parametrize("made", [False, True])
def test_samples_come_from_the_sum_over_codes(made, monkeypatch):
    model = tiny(made).eval()
    model.codebook.normal_(std=4)
    assert errors_of_samples(model) <= 5
    if made:  # a liar: codes are all alike, whatever the prior
        monkeypatch.setattr(model.prior, "sample", lambda n: torch.randint(3, (n, 1)).repeat(1, 4))
        assert errors_of_samples(model) > 5


def gradients(model: VQVAE, x: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Those of the encoder, and by hand: the decoder's at e, and the commitment's, 2 beta (z - e) / n."""
    weights, z = list(model.encoder.parameters()), model.encoder(x)
    found = torch.autograd.grad(sum(model.loss(x).values()), weights)
    e = model.encode(x).detach().requires_grad_()
    cost = -model.likelihood.log_prob(x, model.decoder(e)).mean()
    (through,) = torch.autograd.grad(cost, e)
    wanted = torch.autograd.grad(z, weights, through + 2 * model.beta * (z - e).detach() / len(x))
    return [*found], [*wanted]


@pytest.mark.parametrize("learned", [False, True])
def test_the_encoder_gets_the_decoders_gradient_and_its_commitment(learned):
    torch.testing.assert_close(*gradients(tiny(learned=learned, beta=0.7), rows(6)))


def test_a_gradient_through_the_wrong_tensor_is_caught(monkeypatch):
    """A liar: the value is the same, but the codebook gets the gradient, and the encoder none of it."""
    model, x = tiny(learned=True), rows(6)
    was = model.loss(x)["reconstruction"]
    monkeypatch.setattr(vqvae, "straight_through", lambda z, e: e + (z - e).detach() * 0)
    torch.testing.assert_close(model.loss(x)["reconstruction"], was)
    assert not all(torch.allclose(a, b) for a, b in zip(*gradients(model, x), strict=True))


def test_a_learned_codebook_moves_to_the_vectors_that_chose_it_and_by_nothing_else():
    model, x = tiny(learned=True), rows(6)
    total = sum(model.loss(x).values())
    (found,) = torch.autograd.grad(total, model.codebook)
    z, codes = vectors_of(model, x), model.codes(x).flatten()
    want = torch.stack([2 * (model.codebook[k] - z[codes == k]).sum(0) / 6 for k in range(3)])
    torch.testing.assert_close(found, want)


def test_terms_are_sums_over_a_row_and_means_over_rows():
    model, x = tiny(learned=True), rows(4)
    losses, each = model.loss(x), [model.loss(x[i : i + 1]) for i in range(4)]
    for name, value in losses.items():
        torch.testing.assert_close(torch.stack([one[name] for one in each]).mean(), value)
    gap = (vectors_of(model, x) - model.codebook[model.codes(x).flatten()]).square().sum() / 4
    torch.testing.assert_close(losses["codebook"], gap)
    torch.testing.assert_close(losses["commitment"], 0.25 * gap)
    torch.testing.assert_close(losses["reconstruction"] + 4 * math.log(3), -model.elbo(x).mean())


def test_moving_means_are_sums_over_counts():
    """As in the paper, with N and m kept apart, over the mean use of a code."""
    model = tiny(decay=0.8, restart=0.0)
    n, m = model.counts.clone(), model.counts[:, None] * model.codebook
    for _ in range(5):
        x = rows(7)
        z, codes = vectors_of(model, x).detach(), model.codes(x).flatten()
        model.loss(x)
        model.follow()
        for k in range(3):
            n[k] = 0.8 * n[k] + 0.2 * (codes == k).sum() * 3 / 28
            m[k] = 0.8 * m[k] + 0.2 * z[codes == k].sum(0) * 3 / 28
        torch.testing.assert_close(model.counts, n)
        torch.testing.assert_close(model.codebook, m / n[:, None])


def test_with_a_short_memory_a_round_is_a_step_of_k_means():
    model, x = tiny(decay=1e-12, restart=0.0), rows(40)
    for _ in range(4):
        z, codes = vectors_of(model, x).detach(), model.codes(x).flatten()
        means = [
            z[codes == k].mean(0) if (codes == k).any() else model.codebook[k] for k in (0, 1, 2)
        ]
        was = (z - model.codebook[codes]).square().sum()
        model.loss(x)
        model.follow()
        torch.testing.assert_close(model.codebook, torch.stack(means))
        assert (z - model.codebook[model.codes(x).flatten()]).square().sum() <= was + 1e-9


def test_means_of_the_codes_instead_of_the_vectors_are_caught(monkeypatch):
    """A liar: a mean of what replaced the vectors never moves the codebook."""
    model, x = tiny(decay=1e-12, restart=0.0), rows(40)
    note = VQVAE._note
    monkeypatch.setattr(VQVAE, "_note", lambda m, z, codes: note(m, m.codebook[codes], codes))
    z, codes = vectors_of(model, x).detach(), model.codes(x).flatten()
    model.loss(x)
    model.follow()
    k = int(codes.mode().values)
    assert not torch.allclose(model.codebook[k], z[codes == k].mean(0))


def test_a_batch_in_parts_moves_the_codebook_like_the_whole():
    x = rows(8)
    torch.manual_seed(1)
    whole = tiny(restart=0.0)
    torch.manual_seed(1)
    parts = tiny(restart=0.0)
    whole.loss(x)
    for part in x.chunk(4):
        parts.loss(part)
    whole.follow()
    parts.follow()
    torch.testing.assert_close(parts.codebook, whole.codebook)


@pytest.mark.parametrize("learned", [False, True])
def test_a_code_out_of_use_restarts_at_a_vector_of_the_batch(learned):
    model, x = tiny(learned=learned, decay=0.5), rows(30)
    with torch.no_grad():
        model.codebook[1] = 1e3  # where no vector is
    z = vectors_of(model, x).detach()
    for _ in range(4):  # 0.5^4 > 0.05
        model.loss(x)
        model.follow()
    assert model.codebook[1].norm() > 100
    model.loss(x)
    model.follow()
    assert (z - model.codebook[1]).norm(dim=1).min() < 1e-9
    assert model.counts[1] == 1


def test_without_restarts_a_code_out_of_use_stays_and_is_finite():
    model, x = tiny(restart=0.0, decay=1e-3).float(), rows(30).float()
    with torch.no_grad():
        model.codebook[1] = 1e3
    for _ in range(40):  # its count falls below the least number
        model.loss(x)
        model.follow()
    assert (model.counts[1], *model.codebook[1]) == (0, 1e3, 1e3)
    assert model.codebook.isfinite().all()


def test_looking_at_the_loss_in_evaluation_moves_no_codebook():
    model = tiny().eval()
    model.loss(rows(5))
    assert not model.came.any()
    assert not model.spare.any()


def learn(model: VQVAE, x: Tensor, rounds: int) -> None:
    optimizer = torch.optim.Adam(model.players()["model"].parameters(), 0.03)
    for _ in play(model.train(), [(x,)] * rounds, {"model": optimizer}):
        pass
    model.eval()


def test_an_autoencoder_learns_and_then_only_its_prior():
    stripes = torch.stack([torch.eye(4)[i].expand(3, 4) for i in range(4)])[:, None]
    x = stripes.repeat(4, 1, 1, 1)
    first = VQVAE(SPACE, 8, 4, 8, 1, 1)
    first.prepare(x)
    learn(first, x, 60)
    uniform = first.elbo(x).mean().item()
    second = first.with_prior(MADE(first.code_space, (16,)))
    frozen = {k: v.clone() for k, v in second.state_dict().items() if "prior" not in k}
    learn(second, x, 40)
    for name, value in frozen.items():
        assert torch.equal(second.state_dict()[name], value), name
    assert first.prior is None
    assert second.elbo(x).mean() > uniform + 2  # four kinds need log 4 nats, uniform codes 4 log 8
    assert second.elbo(stripes).exp().sum() <= 1
    drawn = second.prior.sample(200)
    assert (drawn[:, None] == second.codes(stripes)).all(2).any(1).double().mean() > 0.3


def test_a_prior_that_is_no_model_learns_by_its_log_prob():
    class Biased(nn.Module):
        def __init__(self):
            super().__init__()
            self.logits = nn.Parameter(torch.randn(3))

        def log_prob(self, codes):
            return self.logits.log_softmax(0)[codes].sum(1)

        def sample(self, n):
            return self.logits.softmax(0).multinomial(4 * n, True).reshape(n, 4)

    model, x = tiny().with_prior(Biased()), rows(6)
    loss = sum(model.loss(x).values())
    torch.testing.assert_close(loss, -model.log_prior(model.codes(x)).mean())
    (slope,) = torch.autograd.grad(loss, model.prior.logits)
    torch.testing.assert_close(slope, 4 * (model.prior.logits.softmax(0) - model.usage(x)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: VQVAE(Classes(3)), "VQVAE: space is Classes.*Pixels, Bits or Reals of"),
        (lambda: VQVAE(Bits((3,))), r"Reals of \(channels, height, width\) are wanted"),
        (lambda: VQVAE(SPACE, 1), "VQVAE: vocabulary is 1; at least 2"),
        (lambda: VQVAE(SPACE, decay=1.0), r"decay is 1\.0; it must be in \(0, 1\)"),
        (lambda: VQVAE(SPACE, likelihood=Normal()), "VQVAE: the likelihood is Normal.*Bernoulli"),
        (lambda: tiny(prior=nn.Linear(2, 2)), "the prior is Linear.*a module with log_prob"),
        (
            lambda: tiny(prior=MADE(Tokens(4, 4), (8,))),
            "the prior is MADE of Tokens.vocabulary=4.*of Tokens.vocabulary=3, length=4",
        ),
        (lambda: recipe(prior="pixelcnn"), "prior is 'pixelcnn'; made or transformer is wanted"),
        (lambda: recipe(prior="transformer", hidden=(8, 4)), r"one width for all blocks is wanted"),
        (lambda: tiny().sample(), "VQVAE: sample needs a number of rows"),
        (lambda: tiny().sample(2, torch.zeros(2)), "VQVAE: a context was given; it takes none"),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(Refused, match=words):
        make()


def test_a_recipe_has_a_transformer_of_the_codes():
    torch.set_default_dtype(torch.float32)
    how = {"vocabulary": 4, "size": 2, "width": 4, "prior": "transformer", "hidden": (8, 8)}
    model = recipe(**how, run=Run(rounds=2, batch=8))
    assert isinstance(model, VQVAE)
    assert isinstance(model.prior, Transformer)
    assert (model.prior.width, model.prior.layers) == (8, 2)
    assert model.sample(3).shape == (3, 1, 8, 8)
