"""A law that no wrong model breaks is no law: each is shown a liar."""

import math

import laws
import pytest
import torch
from models import build

from genus.adversarial import DCGAN, GAN
from genus.autoregressive import MADE, RNNRBM
from genus.core import Bits, Pixels, Reals, Tokens
from genus.density import Dequantised, Gaussian, GaussianMixture, Table
from genus.energy import DBM, DBN, GSN, RBM
from genus.errors import Refused
from genus.flow import Dequantiser, RealNVP, Standard
from genus.functional.densities.densities import log_normal
from genus.functional.sequences.choices import DRAWN, Decoding
from genus.nn import MLP, Flat
from genus.vae import IAF, VAE


class ForgetsTheSmoothedInTheSum(Table):
    def log_prob(self, x):
        missing = self.smoothing * len(self.logits)
        return self.logits[self.number(x)] - (self.logits.exp().sum() - missing).log()


class StepsTooFar(GaussianMixture):
    def take(self, now, counts, sums):
        before = self.means.clone()
        super().take(now, counts, sums)
        self.means.add_(2 * (self.means - before))


class ForgetsHowWideABinIs(Dequantised):
    def log_weight(self, x):
        return super().log_weight(x) - math.log(self.space.bin)


class ForgetsWhatTheNoiseCosts(Dequantised):
    def __init__(self):
        narrow = Standard((2,))
        narrow.prepare(3 * torch.randn(100, 2))  # noise that stays in the middle of the bin
        dequantiser = Dequantiser([narrow], Flat())
        super().__init__(Gaussian(Reals((2,))), Pixels((2,), 4), 1e-3, dequantiser)

    def log_weight(self, x):
        return self._terms("log_weight", x)[0]


class ItsMaskIsOffByOne(MADE):
    def logits(self, x, which=0):
        return super().logits(x.roll(-1, 1), which)


class ForgetsTheDirectLinks(MADE):
    def sample_from(self, u, *which, **options):
        links = self.net.direct.weight.data
        self.net.direct.weight.data = torch.zeros_like(links)
        x = super().sample_from(u, *which, **options)
        self.net.direct.weight.data = links
        return x


class LosesThePrefix(MADE):
    def sample_from(self, u, *which, decoding=DRAWN, prefix=None):
        return super().sample_from(u, *which, decoding=decoding)


class IsWarmAtZero(MADE):
    def sample_from(self, u, *which, decoding=DRAWN, prefix=None):
        warm = Decoding(decoding.temperature or 0.5)
        return super().sample_from(u, *which, decoding=warm, prefix=prefix)


class ForgetsTheVisibleBias(RBM):
    @torch.no_grad()
    def gibbs(self, x, steps):
        v = x.flatten(1)
        for _ in range(steps):
            h = (v @ self.W + self.b).sigmoid().bernoulli()
            v = (h @ self.W.T).sigmoid().bernoulli()
        return v.reshape(x.shape)


class ClimbsWithoutTheVisibleBias(RBM):
    @torch.no_grad()
    def annealing_path(self, x):
        true = super().annealing_path(x)

        def climb(x, beta, to):
            weight = true.climb(x, beta, to)[1]
            h = (to * (x.flatten(1) @ self.W + self.b)).sigmoid().bernoulli()
            return (to * (h @ self.W.T)).sigmoid().bernoulli().reshape(x.shape), weight

        return true._replace(climb=climb)


class CountsItsEntropyTwice(DBM):
    def unnormalised_log_weight(self, x):
        m1 = self.mean_field(x)[0]
        entropy = torch.special.entr(m1) + torch.special.entr(1 - m1)
        return super().unnormalised_log_weight(x) + entropy.sum(1)


class IsTooSureOfItsBits(GSN):
    def conditionals(self, n):
        return 2 * super().conditionals(n)


class ForgetsItsBelief(DBN):
    def unnormalised_log_weight(self, x):
        return -self.top.energy(self.drawn_up(x))


class AnnealsUpward(RBM):
    @torch.no_grad()
    def annealing_path(self, x):
        true = super().annealing_path(x)

        def climb(x, beta, to):
            x, weight = true.climb(x, beta, to)
            return x, weight + 0.1 * (to - beta)

        return true._replace(climb=climb)


class BeginsWithoutHiddenUnits(RNNRBM):
    def log_z(self, b, c, betas, chains, draws=None):
        return super().log_z(b, c, betas, chains, draws) - self.hidden * math.log(2)


class NormalisesByNeighbours(DCGAN):
    def decode(self, z):
        return self.train().generator(z).tanh()


class SleepsWhenUnwatched(Gaussian):
    def sample_watched(self, see, n=None, context=None):
        see(torch.zeros(n, 2))
        torch.rand(1)
        return self.sample(n)


class InpaintsEverything(RBM):
    def inpaint(self, x, known):
        return super().inpaint(x, torch.zeros_like(known))


class InpaintsNothing(RBM):
    def inpaint(self, x, known):
        return x


class CountsItsSamples(DCGAN):
    def sample(self, n):
        self.generator.reference[0, 0] += n
        return super().sample(n)


class DropsTheConstant(Gaussian):
    def log_prob(self, x):
        return super().log_prob(x) + 0.1


class AveragesTheBatch(Gaussian):
    def log_prob(self, x):
        return super().log_prob(x - x.mean(0))


class SamplesTooWide(Gaussian):
    @torch.no_grad()
    def sample(self, n):
        return 1.3 * super().sample(n)


class SamplesBetweenTheLevels(MADE):
    def sample(self, n):
        return 0.9 * super().sample(n)


class KeepsItsOwnSeed(Gaussian):
    def sample(self, n):
        torch.manual_seed(0)
        return super().sample(n)


class NeverDrawsTheSameTwice(Gaussian):
    calls = 0

    def sample(self, n):
        self.calls += 1
        return super().sample(n) + self.calls


class DrawsAtLeastOne(Gaussian):
    def sample(self, n):
        return super().sample(max(1, n))


class DecodesElsewhere(RealNVP):
    def decode(self, z):
        return super().decode(z) + 1e-3


class ForgetsALogdet(RealNVP):
    def encode_with_logdet(self, x):
        z, logdet = super().encode_with_logdet(x)
        return z, logdet - self.stack.couplings[0].encode(x[:, :1], x[:, 1:])[1]


class AddsTheKL(VAE):
    def elbo(self, x):
        reconstruction, kl = self.terms(x)
        return kl - reconstruction


class WeighsOthersRows(VAE):
    def log_weight(self, x):
        return super().log_weights(x, k=1)[0]

    def log_weights(self, x, *, k):
        return super().log_weights(x.flip(0), k=k)


class ForgetsThePrior(VAE):
    def log_weight(self, x):
        mean, log_std = self.posterior(x)
        z = mean + log_std.exp() * torch.randn_like(mean)
        return self.likelihood.log_prob(x, self.numbers(z)) - log_normal(z, mean, log_std)


class CountsWhatItDrawsForNothing(VAE):
    def unit_nats(self, x):
        mean, log_std = self.posterior(x)
        return (0.5 * mean**2 - log_std - 1).mean(
            0
        )  # without the variance, which is at least its log + 1


class ForgetsItsLogdet(IAF):
    def forward(self, z, hint):
        return super().forward(z, hint)[0], 0.0


class BendsForNothing(VAE):
    def __init__(self, space, latent):
        flow = ForgetsItsLogdet(latent, (8,), steps=3, hints=2)
        encoder = MLP(space.dims, 2 * latent + 2)
        super().__init__(space, latent, encoder, MLP(latent, space.dims), flow=flow)


class TouchesTheOther(GAN):
    def critic_loss(self, *dealt):
        with torch.no_grad():
            next(self.generator.parameters()).add_(1e-3)
        return super().critic_loss(*dealt)


class DetachesItsNetwork(GAN):
    def deal(self, *batch):
        x, fake = super().deal(*batch)
        return x, fake.detach()


class CountsOutsideItsState(Gaussian):
    turns = 0

    def loss(self, *batch):
        self.turns += 1
        return {"nll": -self.log_prob(*batch).mean() * self.turns}

    def promises(self):
        return super().promises() - {"fit"}


class RemembersAnotherNumber(RBM):
    def __init__(self, space, hidden):
        super().__init__(space, hidden)
        self.hidden = hidden + 1


class KeepsAScaleAside(VAE):
    def __init__(self, space, latent):
        super().__init__(space, latent, MLP(2, 2 * latent), MLP(latent, 2))
        self.aside = 1 + torch.rand(1)

    def sample(self, n):
        return self.aside * super().sample(n)


PLAIN_GAN = {"space": Reals((2,)), "generator": MLP(3, 2), "critic": MLP(2, 1), "latent": 3}


class CallsTheFakeRowsReal(GAN):
    def judged(self, dealt):
        found = super().judged(dealt)
        return found._replace(real=-found.real, fake=-found.fake)


LIARS = [  # (liar, its arguments, the law that must reject it)
    (
        ItsMaskIsOffByOne,
        {"space": Bits((5,)), "hidden": (16,)},
        "logits_are_blind_to_what_comes_later",
    ),
    (ItsMaskIsOffByOne, {"space": Bits((5,)), "hidden": (16,)}, "probability_sums_to_one"),
    (
        ForgetsTheDirectLinks,
        {"space": Bits((5,)), "hidden": (16,)},
        "drawing_by_steps_is_drawing_by_whole_passes",
    ),
    (LosesThePrefix, {"space": Bits((5,)), "hidden": (16,)}, "a_prefix_is_gone_on_with"),
    (
        IsWarmAtZero,
        {"space": Bits((5,)), "hidden": (16,)},
        "drawing_at_temperature_0_takes_the_likeliest",
    ),
    (
        ForgetsTheSmoothedInTheSum,
        {"space": Tokens(3, 2), "smoothing": 0.5},
        "probability_sums_to_one",
    ),
    (
        lambda: ForgetsHowWideABinIs(Gaussian(Reals((2,))), Pixels((2,), 4), squeeze=1e-3),
        {},
        "weights_sum_to_one",
    ),
    (
        ForgetsWhatTheNoiseCosts,
        {},
        "weights_sum_to_one",
    ),
    (
        StepsTooFar,
        {"space": Reals((2,)), "components": 3, "tolerance": -9},
        "improving_never_lowers_the_likelihood",
    ),
    (
        ForgetsTheVisibleBias,
        {"space": Bits((4,)), "hidden": 3},
        "gibbs_leaves_the_distribution_alone",
    ),
    (
        ClimbsWithoutTheVisibleBias,
        {"space": Bits((4,)), "hidden": 3},
        "an_annealing_path_leads_from_a_known_sum_to_the_energy",
    ),
    (
        AnnealsUpward,
        {"space": Bits((4,)), "hidden": 3},
        "an_annealing_path_leads_from_a_known_sum_to_the_energy",
    ),
    (
        CountsItsEntropyTwice,
        {"space": Bits((4,)), "hidden": (3, 2)},
        "unnormalised_weights_sum_to_the_constant_of_the_path",
    ),
    (
        IsTooSureOfItsBits,
        {"space": Bits((4,)), "hidden": (3,), "walkbacks": 1, "burn_in": 3},
        "samples_come_from_the_conditionals",
    ),
    (
        ForgetsItsBelief,
        {"space": Bits((4,)), "hidden": (3, 2)},
        "unnormalised_weights_sum_to_the_constant_of_the_path",
    ),
    (
        BeginsWithoutHiddenUnits,
        {"space": Bits((2, 3)), "hidden": 4, "width": 5},
        "annealed_chances_sum_to_one",
    ),
    (
        NormalisesByNeighbours,
        {"space": Pixels((1, 8, 8), 17), "latent": 3, "width": 4},
        "decoded_rows_do_not_meet",
    ),
    (
        CountsItsSamples,
        {"space": Pixels((1, 8, 8), 17), "latent": 3, "width": 4},
        "sampling_leaves_the_model_alone",
    ),
    (SleepsWhenUnwatched, {"space": Reals((2,))}, "what_is_watched_ends_in_the_sample"),
    (InpaintsEverything, {"space": Bits((4,)), "hidden": 3}, "what_is_known_stays"),
    (InpaintsNothing, {"space": Bits((4,)), "hidden": 3}, "what_is_known_stays"),
    (DropsTheConstant, {"space": Reals((2,))}, "probability_sums_to_one"),
    (AveragesTheBatch, {"space": Reals((2,))}, "rows_do_not_meet"),
    (SamplesTooWide, {"space": Reals((2,))}, "samples_come_from_the_density"),
    (SamplesBetweenTheLevels, {"space": Pixels((2,), 5)}, "samples_are_of_the_space"),
    (KeepsItsOwnSeed, {"space": Reals((2,))}, "samples_follow_the_seed"),
    (
        NeverDrawsTheSameTwice,
        {"space": Reals((2,))},
        "the_first_rows_do_not_depend_on_how_many",
    ),
    (DrawsAtLeastOne, {"space": Reals((2,))}, "no_rows_are_rows_too"),
    (DecodesElsewhere, {"space": Reals((2,)), "width": 8}, "decoding_undoes_encoding"),
    (ForgetsALogdet, {"space": Reals((2,)), "width": 8}, "logdet_is_the_jacobians"),
    (AddsTheKL, {"space": Bits((3,)), "latent": 2}, "elbo_is_a_bound"),
    (ForgetsThePrior, {"space": Bits((3,)), "latent": 2}, "weights_sum_to_one"),
    (
        CountsWhatItDrawsForNothing,
        {"space": Bits((3,)), "latent": 2},
        "units_tell_of_one_latent",
    ),
    (BendsForNothing, {"space": Bits((3,)), "latent": 2}, "weights_sum_to_one"),
    (WeighsOthersRows, {"space": Bits((3,)), "latent": 2}, "several_weights_are_weights"),
    (TouchesTheOther, PLAIN_GAN, "a_move_moves_only_what_is_owned"),
    (DetachesItsNetwork, PLAIN_GAN, "everything_owned_learns"),
    (CallsTheFakeRowsReal, PLAIN_GAN, "what_is_judged_is_what_the_critic_says"),
    (CountsOutsideItsState, {"space": Reals((2,))}, "resuming_changes_nothing"),
    (
        RemembersAnotherNumber,
        {"space": Bits((3,)), "hidden": 4},
        "hyperparameters_rebuild_the_model",
    ),
    (KeepsAScaleAside, {"space": Reals((2,)), "latent": 1}, "saving_and_loading_keep_the_samples"),
]


@pytest.mark.parametrize(
    ("liar", "arguments", "law"), LIARS, ids=lambda v: getattr(v, "__name__", None)
)
def test_law_bites(liar, arguments, law):
    model = build(lambda: liar(**arguments))
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    assert laws.applies(getattr(laws, law), model)
    fault = Refused if law == "samples_are_of_the_space" else AssertionError
    with pytest.raises(fault):
        getattr(laws, law)(model, *laws.sample(model, 6))


class Honest(RBM):
    """An own class that does not lie."""


@pytest.mark.parametrize(
    "law", [laws.hyperparameters_rebuild_the_model, laws.saving_and_loading_keep_the_samples]
)
def test_laws_of_saving_hold_for_a_class_of_ones_own(law):
    model = build(lambda: Honest(Bits((3,)), 4))
    torch.set_default_dtype(torch.float64)
    law(model)


def test_every_law_has_a_liar():
    assert {law.__name__ for law in laws.LAWS} == {law for _, _, law in LIARS}
