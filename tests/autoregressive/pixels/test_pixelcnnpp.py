"""PixelCNN++: the mixture by enumeration, what pixels see, steps, gradients at the edges, and liars."""

import laws
import pytest
import torch
from models import build

from genus.autoregressive import PixelCNNPP
from genus.autoregressive.pixels.two_streams import TwoStreams
from genus.core import Bits, Pixels, Reals


def mass(x: float, mean: float, scale: float, levels: int) -> float:
    """What a logistic leaves in the bin of x."""
    half = 1 / (levels - 1)

    def below(y):
        return float(torch.sigmoid(torch.tensor((y - mean) / scale, dtype=torch.float64)))

    upper = 1.0 if x > 1 - half else below(x + half)
    return upper - (0.0 if x < -1 + half else below(x - half))


def test_a_pixels_chance_is_the_papers_mixture():
    levels, k = 5, 2
    model = build(lambda: PixelCNNPP(Pixels((3, 1, 1), levels), 4, 1, 1, k))
    torch.set_default_dtype(torch.float64)
    said = torch.randn(k * 10)
    model.head.weight.data.zero_()
    model.head.bias.data.copy_(said)
    weights = said[:k].softmax(0)
    means, log_scales, tied = said[k:].reshape(9, k).split(3)
    a, b, c = tied.tanh()
    x = model.space.quantise(torch.rand(6, 3, 1, 1) * 2 - 1)
    for row, got in zip(x.flatten(1), model.log_prob(x), strict=True):
        red, green, blue = row.tolist()
        truth = 0.0
        for i in range(k):
            m = means[:, i]
            centres = (m[0], m[1] + a[i] * red, m[2] + b[i] * red + c[i] * green)
            each = 1.0
            for value, centre, log_scale in zip(
                (red, green, blue), centres, log_scales[:, i], strict=True
            ):
                each *= mass(value, float(centre), float(log_scale.exp()), levels)
            truth += float(weights[i]) * each
        torch.testing.assert_close(got.exp().item(), truth)


@pytest.mark.parametrize(
    "space", [Pixels((3, 2, 2), 3), Pixels((1, 3, 5), 256), Bits((3, 3, 2)), Bits((1, 5, 6))]
)
def test_log_probs_are_those_of_the_logits(space):
    model = build(lambda: PixelCNNPP(space, 4, 2, 1, 3))
    torch.set_default_dtype(torch.float64)
    x = laws.draw(space, 4)
    logits = model.logits(x)
    if isinstance(space, Pixels):
        each = logits.log_softmax(-1).gather(-1, space.indices(x)[..., None])[..., 0]
        torch.testing.assert_close(logits.logsumexp(-1), torch.zeros_like(each))
    else:
        each = torch.nn.functional.logsigmoid((2 * x - 1) * logits)
    torch.testing.assert_close(model.log_probs(x), each)


@pytest.mark.parametrize(
    ("scales", "blocks", "shape"), [(1, 2, (4, 3)), (2, 1, (5, 4)), (3, 1, (7, 6))]
)
def test_a_pixel_sees_all_that_comes_before_it(scales, blocks, shape):
    torch.manual_seed(0)
    net = TwoStreams(1, 3, scales, blocks).double()
    x = torch.randn(1, 1, *shape).double()
    jacobian = torch.autograd.functional.jacobian(lambda x: net(x).sum(1), x)
    count = shape[0] * shape[1]
    got = jacobian.reshape(count, count) != 0
    assert not got.triu().any()
    if scales > 1:  # one scale with few blocks does not reach so far
        assert torch.equal(got, torch.ones(count, count).tril(-1).bool())


@pytest.mark.parametrize("space", [Bits((1, 7, 6)), Bits((1, 4, 9)), Pixels((3, 3, 3), 4)])
@pytest.mark.parametrize("scales", [1, 3])
def test_each_steps_logits_are_those_of_a_whole_pass(space, scales):
    model = build(lambda: PixelCNNPP(space, 4, scales, 2, 3, dropout=0.5))
    torch.set_default_dtype(torch.float64)
    x = laws.draw(space, 5)
    index = (space.indices(x) if isinstance(space, Pixels) else x.long()).flatten(1)
    with torch.no_grad():
        whole = model.logits(x).reshape(5, space.dims, -1)
        steps = model.unroll(5)
        out = next(steps)
        for place, feature in enumerate(model.order.tolist()):
            torch.testing.assert_close(out, whole[:, feature], rtol=0, atol=1e-10)
            if place + 1 < space.dims:
                out = steps.send(index[:, feature])


def test_gradients_are_finite_however_far_off_the_mixture_is():
    torch.set_default_dtype(torch.float32)
    model = PixelCNNPP(Pixels((1, 2, 2)), 4, 1, 1, 2)
    x = torch.tensor([-1.0, 1.0, 1 / 255, -1 / 255]).reshape(1, 1, 2, 2)
    for mean in (-50.0, 0.0, 50.0):
        for log_scale in (-100.0, -7.0, 5.0, 30.0):
            model.zero_grad()
            with torch.no_grad():
                model.head.weight.zero_()
                model.head.bias.copy_(torch.tensor([0.0, 1, mean, -mean, log_scale, log_scale]))
            loss = -model.log_prob(x).mean()
            loss.backward()
            assert loss.isfinite()
            assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_dropout_is_for_learning_only():
    model = build(lambda: PixelCNNPP(Bits((1, 3, 3)), 4, 2, 1, dropout=0.5))
    x = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    assert torch.equal(model.logits(x), model.logits(x))
    model.train()
    assert not torch.equal(model.logits(x), model.logits(x))


# --- liars ------------------------------------------------------------------------------------


class SeesTheFutureByHalves(PixelCNNPP):
    """A coarse pixel is shifted by one, so that it has seen fine ones that come later."""

    def logits(self, x):
        grow = self.net.level.grow
        grow.forward = lambda h: type(grow).forward(grow, h.roll(-1, 3))
        return super().logits(x)


class ForgetsTheRowsUnderACoarseOne(PixelCNNPP):
    """The second of two fine rows is made from nothing."""

    def unroll(self, n):
        level = self.net.level
        row = type(level).row

        def forgetful(u, memory):
            memory.left[:, 1] = 0
            return row(level, u, memory)

        level.row = forgetful
        yield from super().unroll(n)


class ForgetsWhatRedSaysOfTheMixture(PixelCNNPP):
    def log_probs(self, x):
        values = x.movedim(1, -1)
        weights, means, log_s = self._mixtures(values, self.outputs(x))
        from genus.functional.densities.densities import log_logistic_mixture_bins as bins

        weights = weights[..., :1, :].expand_as(weights)
        return bins(values, weights, means, log_s, self.space.levels).movedim(-1, 1)


LIARS = {
    "sees": (
        lambda: SeesTheFutureByHalves(Bits((1, 2, 4)), 4, 2, 1),
        laws.logits_are_blind_to_what_comes_later,
    ),
    "forgets rows": (
        lambda: ForgetsTheRowsUnderACoarseOne(Bits((1, 3, 3)), 4, 2, 1),
        laws.drawing_by_steps_is_drawing_by_whole_passes,
    ),
    "forgets red": (
        lambda: ForgetsWhatRedSaysOfTheMixture(Pixels((3, 2, 1), 2), 4, 1, 1, 3),
        laws.samples_come_from_the_density,
    ),
}


@pytest.mark.parametrize("name", LIARS)
def test_a_liar_is_found(name):
    make, law = LIARS[name]
    model = build(make)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(2)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    with pytest.raises(AssertionError):
        law(model, model.sample(6))


def test_refusals():
    with pytest.raises(ValueError, match="PixelCNNPP: space is Reals"):
        PixelCNNPP(Reals((1, 2, 2)))
    with pytest.raises(ValueError, match="PixelCNNPP: scales is 4"):
        PixelCNNPP(Bits((1, 4, 4)), scales=4)
