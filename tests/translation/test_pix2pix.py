"""Pix2Pix: its losses against the paper's formulas, what its critic sees, what its noise does."""

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from genus.core import Bits, Pixels, Reals
from genus.functional.adversarial.objectives import least_squares
from genus.translation import Pix2Pix


def pairs(side=8, rows=4):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    space = Pixels((1, side, side), 17)
    context = torch.randn(rows, 2, side, side)
    return space, space.quantise(torch.rand(rows, 1, side, side) * 2 - 1), context


def test_the_losses_are_the_papers():
    space, x, context = pairs()
    model = Pix2Pix(space, Reals((2, 8, 8)), width=4, l1=100.0)
    x, context, fake = model.deal(x, context)
    r, f = model.critic(x, context), model.critic(fake, context)
    critic = model.critic_loss(x, context, fake)
    half = cross_entropy(r, torch.ones_like(r)) + cross_entropy(f, torch.zeros_like(f))
    torch.testing.assert_close(sum(critic.values()), half / 2)
    generator = model.generator_loss(x, context, fake)
    torch.testing.assert_close(generator["fool"], cross_entropy(f, torch.ones_like(f)))
    torch.testing.assert_close(generator["l1"], 100 * (x - fake).abs().mean())


def test_the_critic_sees_the_question():
    space, x, context = pairs()
    model = Pix2Pix(space, Reals((2, 8, 8)), width=4)
    assert not torch.allclose(model.critic(x, context), model.critic(x, context.flip(0)))


@pytest.mark.parametrize(("side", "reach"), [(128, 70), (8, 8)])
def test_a_patch_is_as_large_as_said(side, reach):
    """The paper's 70 pixels where images are large; found by the gradient of one logit."""
    torch.manual_seed(0)
    model = Pix2Pix(Pixels((1, side, side)), Reals((1, side, side)), width=2)
    norms = [m for m in model.critic.modules() if isinstance(m, torch.nn.InstanceNorm2d)]
    assert norms
    for norm in norms:  # statistics see the whole map
        norm.forward = lambda x: x
    x = torch.randn(1, 1, side, side, requires_grad=True)
    logits = model.critic(x, torch.zeros(1, 1, side, side))
    logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
    touched = x.grad[0, 0].abs().sum(0).nonzero()
    seen = int(touched.max() - touched.min() + 1)
    assert seen == min(side, reach), seen


def test_rows_do_not_meet():
    space, _, context = pairs()
    model = Pix2Pix(space, Reals((2, 8, 8)), width=4, drop=0.0)
    alone = torch.cat([model.translate(row[None]) for row in context])
    torch.testing.assert_close(model.translate(context), alone)


def test_the_dropout_is_the_noise_also_in_evaluation():
    space, _, context = pairs()
    model = Pix2Pix(space, Reals((2, 8, 8)), width=4).eval()
    assert not torch.equal(model.sample(context=context), model.sample(context=context))
    still = Pix2Pix(space, Reals((2, 8, 8)), width=4, drop=0.0).eval()
    assert torch.equal(still.sample(context=context), still.sample(context=context))


def test_without_a_game_there_is_no_critic():
    space, x, context = pairs()
    model = Pix2Pix(space, Reals((2, 8, 8)), width=4, game=False)
    assert list(model.players()) == ["generator"]
    assert list(model.generator_loss(*model.deal(x, context))) == ["l1"]


@pytest.mark.parametrize("shape", [(4, 4), (7, 5), (28, 28), (16, 40)])
def test_any_size_of_at_least_four_fits(shape):
    model = Pix2Pix(Pixels((3, *shape)), Reals((1, *shape)), width=2, objective=least_squares)
    context = torch.randn(2, 1, *shape)
    assert model.sample(context=context).shape == (2, 3, *shape)
    assert model.critic(model.sample(context=context), context).shape[:2] == (2, 1)


@pytest.mark.parametrize(
    ("space", "context", "words"),
    [
        (Bits((1, 8, 8)), Reals((1, 8, 8)), "space is Bits"),
        (Pixels((1, 3, 8)), Reals((1, 3, 8)), "height and width at least 4"),
        (Pixels((1, 8, 8)), Reals((1, 4, 4)), "images of 8 x 8 are wanted"),
        (Pixels((1, 8, 8)), Reals((64,)), "Pixels or Reals of"),
    ],
)
def test_what_does_not_fit_is_refused(space, context, words):
    with pytest.raises(ValueError, match=f"Pix2Pix: .*{words}"):
        Pix2Pix(space, context)
