"""BigGAN: its layers by hand, the law of truncated latents, and samples that are functions of z, c and threshold."""

import math

import pytest
import torch
from scipy.stats import truncnorm

from genus.adversarial import BigGAN, BigGANCritic, BigGANGenerator, Truncation
from genus.adversarial.nets.biggan import GivenNorm, truncated
from genus.core import Bits, Pixels, sample
from genus.errors import Refused
from genus.recipes.adversarial.biggan import biggan
from genus.train import Run
from genus.train.game import play


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def tiny(kind=BigGAN, **how):
    model = kind(Pixels((1, 8, 8), 5), 3, 5, 4, 4, 2, 2, 1, **how)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.2 * torch.randn_like(p))
    return model


@pytest.mark.parametrize("threshold", [0.2, 1.0, 2.0, math.inf])
def test_truncated_latents_have_the_law_of_a_truncated_normal(threshold):
    chances = torch.linspace(0.001, 0.999, 999)
    law = truncnorm(-threshold, threshold)
    assert torch.allclose(truncated(chances, threshold), torch.tensor(law.ppf(chances)), atol=1e-8)


def test_a_norm_is_its_equation():
    norm = GivenNorm(3, 2, 4)
    x, v = torch.randn(6, 3, 2, 2), torch.randn(6, 2)
    for training, rows in ((True, x), (False, x[:4])):
        mean = rows.mean((0, 2, 3), keepdim=True)
        deviation = (rows.var((0, 2, 3), correction=0, keepdim=True) + 1e-5).sqrt()
        stretch, shift = (one(v)[:, :, None, None] for one in (norm.stretch, norm.shift))
        want = (1 + stretch) * (x - mean) / deviation + shift
        assert torch.allclose(norm.train(training)(x, v), want)


def test_the_critic_is_a_projection():
    critic = BigGANCritic((1, 8, 8), 3, 4).eval()
    x, c = torch.randn(5, 1, 8, 8), torch.tensor([0, 1, 2, 2, 0])
    f = critic.features(x)
    want = critic.net.head(f).flatten() + (critic.fits.weight[c] * f).sum(1)
    assert torch.allclose(critic(x, c), want)


def test_each_block_hears_its_own_part_of_z():
    net = BigGANGenerator(5, (1, 8, 8), 3, 4, 2, 2).train()  # two blocks and the first map
    assert net.parts == (2, 2, 1)
    heard = []
    for block in net.blocks:
        block.register_forward_pre_hook(lambda _, given: heard.append(given[1]))
    z, c = torch.randn(4, 5), torch.tensor([0, 1, 2, 0])
    net(z, c)
    e = net.embed.weight[c]
    assert torch.equal(heard[0], torch.cat([e, z[:, 2:4]], 1))
    assert torch.equal(heard[1], torch.cat([e, z[:, 4:]], 1))


def test_samples_are_functions_of_their_own_latent():
    net = tiny().generator.eval()
    z, c = torch.randn(6, 5), torch.tensor([0, 1, 2, 0, 1, 2])
    for threshold in (0.5, math.inf):
        whole = net(z, c, threshold)
        parts = torch.cat([net(z[:2], c[:2], threshold), net(z[2:], c[2:], threshold)])
        assert torch.allclose(whole, parts, atol=1e-12)


def test_statistics_are_those_of_the_threshold():
    net = tiny().generator.eval()
    z, c = torch.randn(6, 5).clamp(-0.3, 0.3), torch.arange(6) % 3
    seen = {}
    for threshold in (0.3, math.inf):
        rows = torch.cat([truncated(net.chances, threshold), z])
        seen[threshold] = net.make(rows, torch.cat([net.labels, c]))[net.rows :]
        assert torch.allclose(net(z, c, threshold), seen[threshold], atol=1e-12)
    assert not torch.allclose(seen[0.3], seen[math.inf])


def test_a_low_threshold_makes_samples_alike():
    model = tiny().eval()
    c = torch.zeros(200, dtype=torch.int64)
    spread = [
        sample(model, context=c, seed=1, decoding=Truncation(threshold)).std(0).mean()
        for threshold in (0.01, 0.5, math.inf)
    ]
    assert spread[0] < spread[1] < spread[2]
    plain = sample(model, context=c, seed=1)
    assert torch.equal(plain, sample(model, context=c, seed=1, decoding=Truncation(40.0)))


def weights(model):
    return [
        p.flatten(1)
        for name, p in model.generator.named_parameters()
        if p.dim() > 1 and "embed" not in name
    ]


def test_the_term_on_the_weights_is_its_equation():
    model = tiny(orthogonal=0.3)
    want = sum(
        (w @ w.T)[~torch.eye(len(w), dtype=torch.bool)].square().sum() for w in weights(model)
    )
    c = torch.tensor([0, 1, 2, 0])
    x, fake, c = model.deal(torch.randn(4, 1, 8, 8), c)
    torch.manual_seed(3)
    terms = model.generator_loss(x, fake, c)
    torch.testing.assert_close(terms["orthogonal"], 0.3 * want)
    assert "orthogonal" not in model.critic_loss(x, fake, c)
    assert "orthogonal" not in tiny(orthogonal=0.0).generator_loss(x, fake, c)


def test_the_generator_waits():
    model = BigGAN(Pixels((1, 8, 8), 5), 3, 5, 4, 4, 2, 2, critic_rounds=3)
    moves = {name: torch.optim.SGD(p.parameters(), 0.1) for name, p in model.players().items()}
    batch = torch.randn(4, 1, 8, 8), torch.tensor([0, 1, 2, 0])
    said = [set(terms) for terms in play(model, [batch] * 3, moves)]
    assert [any(name.startswith("generator") for name in terms) for terms in said] == [
        True,
        False,
        False,
    ]


# --- liars ------------------------------------------------------------------------------------


class KeepsItsStatistics(BigGANGenerator):
    """The reference rows are not truncated, whatever the threshold is."""

    def forward(self, z, context, threshold=math.inf):
        return super().forward(z, context)


class TruncatesByClamping(BigGAN):
    """Latents beyond the threshold are put on it."""

    def sample(self, n=None, context=None, decoding=None):
        z = self.noise(len(context), self.latent).clamp(-decoding.threshold, decoding.threshold)
        self.drawn = z
        return self.space.quantise(self.space.squash(self.generator(z, context)))


def test_statistics_of_another_law_are_seen():
    net = KeepsItsStatistics(5, (1, 8, 8), 3, 4, 2, 2).eval()
    z, c = torch.randn(6, 5).clamp(-0.3, 0.3), torch.arange(6) % 3
    rows = torch.cat([truncated(net.chances, 0.3), z])
    want = net.make(rows, torch.cat([net.labels, c]))[net.rows :]
    assert not torch.allclose(net(z, c, 0.3), want)


def drawn(model, threshold):
    """The latents of many samples."""
    seen = []
    net = model.generator
    make = net.make
    net.make = lambda z, context: seen.append(z[net.rows :]) or make(z, context)
    model.sample(context=torch.zeros(2000, dtype=torch.int64), decoding=Truncation(threshold))
    del net.make
    return torch.cat(seen).flatten()


@pytest.mark.parametrize(("kind", "right"), [(BigGAN, True), (TruncatesByClamping, False)])
def test_latents_are_drawn_by_the_truncated_law(kind, right):
    z = drawn(tiny(kind).eval(), 0.7)
    law = truncnorm(-0.7, 0.7)
    assert z.abs().max() <= 0.7
    error = law.var() * (2 / len(z)) ** 0.5
    assert (abs(z.var().item() - law.var()) < 5 * error) == right


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Truncation(0.0), "threshold is 0.0; it must be above 0"),
        (lambda: BigGAN(Bits((1, 8, 8)), 3), "BigGAN"),
        (lambda: BigGAN(Pixels((1, 8, 8)), 1), "classes is 1; at least 2"),
        (lambda: BigGAN(Pixels((1, 8, 8)), 3, orthogonal=-1.0), "orthogonal is -1.0; at least 0"),
        (lambda: BigGAN(Pixels((1, 8, 8)), 3, 2, 4, 4, 2, 2), "latent is 2; at least 3"),
        (lambda: BigGAN(Pixels((1, 7, 8)), 3), "height and width must be even"),
        (lambda: tiny().sample(3), "no context was given"),
    ],
)
def test_what_does_not_fit_is_refused(call, words):
    with pytest.raises(Refused, match=words):
        call()


def test_the_recipe_trains():
    torch.set_default_dtype(torch.float32)
    model = biggan(latent=4, width=2, critic_width=2, run=Run(rounds=3, batch=8))
    assert sample(model, context=torch.arange(10), decoding=Truncation(0.5)).shape == (10, 1, 8, 8)
