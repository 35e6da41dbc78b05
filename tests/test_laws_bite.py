"""A law that no wrong model breaks is no law: each is shown a liar."""

import math

import laws
import pytest
import torch
from test_laws import build

from genus.adversarial import DCGAN
from genus.autoregressive import MADE
from genus.core import Bits, Pixels, Reals, Tokens
from genus.density import Dequantised, Gaussian, GaussianMixture, Table
from genus.energy import RBM


class ForgetsTheSmoothedInTheSum(Table):
    def log_prob(self, x):
        missing = self.smoothing * len(self.logits)
        return self.logits[self.number(x)] - (self.logits.exp().sum() - missing).log()


class ForgetsBayesDenominator(GaussianMixture):
    def maximise(self, rows, responsibility):
        super().maximise(rows, responsibility * self.log_prob(rows).exp()[:, None])


class ForgetsHowWideABinIs(Dequantised):
    def log_weight(self, x):
        return super().log_weight(x) - math.log(self.space.bin)


class ItsMaskIsOffByOne(MADE):
    def logits(self, x, mask=0):
        return super().logits(x.roll(-1, 1), mask)


class ForgetsTheDirectLinks(MADE):
    def draw(self, u, mask=0):
        links = self.net.direct.weight.data
        self.net.direct.weight.data = torch.zeros_like(links)
        x = super().draw(u, mask)
        self.net.direct.weight.data = links
        return x


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
    def ladder(self, x):
        true = super().ladder(x)

        def climb(x, beta, to):
            weight = true.climb(x, beta, to)[1]
            h = (to * (x.flatten(1) @ self.W + self.b)).sigmoid().bernoulli()
            return (to * (h @ self.W.T)).sigmoid().bernoulli().reshape(x.shape), weight

        return true._replace(climb=climb)


class NormalisesByNeighbours(DCGAN):
    def decode(self, z):
        return self.train().generator(z[:, :, None, None]).tanh()


class CountsItsSamples(DCGAN):
    def sample(self, n):
        self.reference[0, 0] += n
        return super().sample(n)


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
        ForgetsBayesDenominator,
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
        "a_ladder_leads_from_a_known_sum_to_the_energy",
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
]


@pytest.mark.parametrize(
    ("liar", "arguments", "law"), LIARS, ids=lambda v: getattr(v, "__name__", None)
)
def test_law_bites(liar, arguments, law):
    model = build(lambda: liar(**arguments))
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    assert laws.applies(getattr(laws, law), model)
    with pytest.raises((AssertionError, ValueError)):
        getattr(laws, law)(model, *laws.sample(model, 6))


def test_every_law_has_a_liar():
    assert {law.__name__ for law in laws.LAWS} == {law for _, _, law in LIARS}
