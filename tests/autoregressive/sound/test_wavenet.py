"""WaveNet: what it sees, its mixture, and that folded steps draw what whole passes draw."""

import copy
import math

import laws
import numpy as np
import pytest
import torch
from torch import nn

from genus.autoregressive import Decoding, Stepwise, WaveNet
from genus.autoregressive.sound.wavenet import pick, pick_logistic
from genus.core import Attributes, Bits, Pixels, Reals, Tokens
from genus.functional.sequences.choices import DRAWN
from genus.functional.sequences.choices import pick as torchs_pick
from genus.nn import SeveralLabels

DEEP = (1, 2, 4, 8) * 2


@pytest.fixture(autouse=True)
def doubles():
    torch.set_default_dtype(torch.float64)


def labelled(space, **options):
    embed = SeveralLabels((3, 2))
    return WaveNet(
        space, 4, 6, (1, 2, 4), context_space=Attributes((3, 2)), embed=embed, context=5, **options
    )


@pytest.mark.parametrize(("dilations", "kernel"), [((1, 2, 3), 2), ((1, 2), 3)])
def test_it_sees_its_sight_and_no_more(dilations, kernel):
    model = WaveNet(Tokens(3, 12), 4, 5, dilations, kernel)
    assert model.sight == 7
    assert model.blind_spot
    x = torch.randint(3, (40, 12))
    before = model.logits(x)
    for changed in range(12):
        other = x.clone()
        other[:, changed] = (x[:, changed] + 1) % 3
        moved = (model.logits(other) != before).any(0).any(1)
        assert moved.tolist() == [0 < t - changed <= 7 for t in range(12)]


def test_whoever_sees_all_has_no_blind_spot():
    assert not WaveNet(Tokens(3, 8), 4, 5, (1, 2, 3)).blind_spot
    assert WaveNet(Tokens(3, 9), 4, 5, (1, 2, 3)).blind_spot


MODELS = {
    "tokens": lambda: WaveNet(Tokens(7, 60), 4, 6, DEEP),
    "end": lambda: WaveNet(Tokens(7, 60, end=3), 4, 6, DEEP),
    "pixels": lambda: WaveNet(Pixels((60,), 16), 4, 6, (1, 3, 9), kernel=3),
    "logistics": lambda: WaveNet(Pixels((60,), 100), 4, 6, DEEP, mixture=3),
    "labels": lambda: labelled(Tokens(7, 60)),
    "frames": lambda: WaveNet(
        Pixels((60,), 16),
        4,
        6,
        DEEP,
        mixture=2,
        context_space=Reals((6, 2)),
        embed=nn.Linear(2, 3),
        context=3,
    ),
}


def context_of(model, n):
    if model.context_space is None:
        return ()
    if isinstance(model.context_space, Attributes):
        return (torch.stack([torch.arange(n) % 3, torch.arange(n) % 2], 1),)
    return (torch.randn(n, *model.context_space.shape),)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n", [1, 5])
def test_folded_steps_steps_and_passes_draw_the_same(name, n):
    model = MODELS[name]()
    u, context = torch.rand(n, 60), context_of(model, n)
    x = model.sample_from(u, *context)
    assert torch.equal(x, Stepwise.sample_from(model, u, *context))  # by the steps of `unroll`
    chances = model.logits(x, *context).softmax(-1).cumsum(-1)
    index = model.space.indices(x) if isinstance(model.space, Pixels) else x
    upper = chances.gather(-1, index[..., None])[..., 0]
    lower = torch.where(
        index > 0, chances.gather(-1, (index - 1).clamp(min=0)[..., None])[..., 0], 0.0
    )
    inside = (lower <= u + 1e-12) & (u < upper + 1e-12)
    if name == "end":
        inside[:, 1:] |= x[:, :-1] == 3
    assert inside.all()
    assert len(x.unique()) > 2


@pytest.mark.parametrize(
    "decoding", [Decoding(0.5), Decoding(top_k=2), Decoding(top_p=0.4), Decoding(0)]
)
@pytest.mark.parametrize("name", ["tokens", "logistics", "labels"])
def test_choices_are_those_of_steps(name, decoding):
    model = MODELS[name]()
    u, context = torch.rand(3, 60), context_of(model, 3)
    x = model.sample_from(u, *context, decoding=decoding)
    assert torch.equal(x, Stepwise.sample_from(model, u, *context, decoding=decoding))


def test_no_rows_are_drawn_for_no_rows():
    assert WaveNet(Tokens(3, 5), 4, 5, (1, 2)).sample(0).shape == (0, 5)


def test_single_precision_draws_the_same_by_steps():
    model = WaveNet(Tokens(32, 200), 8, 8, DEEP).float()
    u = torch.rand(4, 200, dtype=torch.float32)
    assert torch.equal(model.sample_from(u), Stepwise.sample_from(model, u))


def test_weights_that_changed_are_folded_anew():
    model, u = WaveNet(Tokens(7, 20), 4, 6, (1, 2)), torch.rand(3, 20)
    before = model.sample_from(u)
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(-2)
    assert not torch.equal(model.sample_from(u), before)
    assert torch.equal(model.sample_from(u), Stepwise.sample_from(model, u))


class ItsGateIsNotHalved(WaveNet):
    def sample_from(self, u, *context, decoding=DRAWN, prefix=None):
        changed = copy.deepcopy(self)
        for layer in changed.stack.convolutions:
            layer.weight.data[4:] *= 2
            layer.bias.data[4:] *= 2
        return WaveNet.sample_from(changed, u, decoding=decoding, prefix=prefix)


class KeepsAnInputTooShort(WaveNet):
    def sample_from(self, u, *context, decoding=DRAWN, prefix=None):
        changed = copy.deepcopy(self)
        changed.stack.dilations = (1, 1, 1)
        return WaveNet.sample_from(changed, u, decoding=decoding, prefix=prefix)


class IsTaughtWhatItIsAskedFor(WaveNet):
    def _out(self, x, *context):
        return self.stack(self._seen(x))


class CutsTheMixtureOff(WaveNet):
    def log_probs(self, x, *context):
        edge = self.logits(x).log_softmax(-1).gather(-1, self.space.indices(x)[..., None])[..., 0]
        return edge + (x == 1)


LIARS = [
    (ItsGateIsNotHalved, Tokens(3, 5), "drawing_by_steps_is_drawing_by_whole_passes"),
    (KeepsAnInputTooShort, Tokens(3, 5), "drawing_by_steps_is_drawing_by_whole_passes"),
    (IsTaughtWhatItIsAskedFor, Tokens(3, 5), "logits_are_blind_to_what_comes_later"),
    (IsTaughtWhatItIsAskedFor, Tokens(3, 5), "probability_sums_to_one"),
    (CutsTheMixtureOff, Pixels((3,), 5), "probability_sums_to_one"),
]


@pytest.mark.parametrize(("liar", "space", "law"), LIARS)
def test_liars_are_found_out(liar, space, law):
    mixture = 2 if isinstance(space, Pixels) else None
    model = liar(space, 4, 5, (1, 2, 1), mixture=mixture).eval()
    with torch.no_grad():
        model.stack.last.weight.mul_(8)
        model.stack.hidden.weight.mul_(4)
    torch.manual_seed(1)
    with pytest.raises(AssertionError):
        getattr(laws, law)(model, *laws.sample(model, 6))


# the mixture of logistics


def test_masses_of_levels_are_the_mixtures():
    model = WaveNet(Pixels((2,), 9), 4, 5, (1,), mixture=2)
    x = model.space.quantise(torch.rand(3, 2) * 2 - 1)
    out = model._out(x)
    weight, mean, scale = out.chunk(3, -1)
    scale = (scale - 3).clamp(min=-math.log(9) - 3).exp()
    edges = model.space.values(torch.arange(8), torch.float64) + 1 / 8
    below = ((edges[:, None] - mean[..., None, :]) / scale[..., None, :]).sigmoid()
    below = (below * weight.softmax(-1)[..., None, :]).sum(-1)
    want = torch.cat([below[..., :1], below.diff(), 1 - below[..., -1:]], -1)
    torch.testing.assert_close(model.logits(x).exp(), want)
    each = want.log().gather(-1, model.space.indices(x)[..., None])[..., 0]
    torch.testing.assert_close(model.log_probs(x), each)


@pytest.mark.parametrize("levels", [2, 5, 16, 100, 65536])
def test_logistics_are_picked_by_their_running_sum(levels):
    out, u = np.random.default_rng(0).normal(size=(9, 50)) * 2, torch.rand(50).numpy()
    u[:2] = 0.0, 1 - 2**-53
    weight, mean, scale = np.split(out, 3)
    weight = np.exp(weight) / np.exp(weight).sum(0)
    scale = np.exp(np.maximum(scale - 3, -math.log(levels) - 3))
    edges = (2 * np.arange(levels - 1) + 1) / (levels - 1) - 1
    each = 1 / (1 + np.exp(-np.clip((edges[:, None, None] - mean) / scale, -700, 700)))
    want = ((weight * each).sum(1) <= u).sum(0)
    found = pick_logistic(out, u, levels)
    assert (found == want).all()
    assert found.min() >= 0
    assert found.max() <= levels - 1


def test_levels_are_picked_as_torch_picks_them():
    logits, u = torch.randn(400, 20) * 3, torch.rand(400)
    u[:3] = torch.tensor([0.0, 1 - 2**-53, 0.5])
    want = torchs_pick(logits, u)
    assert np.array_equal(pick(logits.T.numpy(), u.numpy()), want.numpy())
    alone = [pick(logits[i, :, None].numpy(), u[i : i + 1].numpy())[0] for i in range(400)]
    assert alone == want.tolist()


def test_sixteen_bits_are_drawn_and_scored():
    model = WaveNet(Pixels((30,), 65536), 4, 6, (1, 2, 4), mixture=3)
    x = model.sample(4)
    model.space.check(x, "sample")
    assert model.log_prob(x).isfinite().all()
    assert (model.log_probs(x) < 0).all()


# conditions


def test_each_frame_tells_its_own_samples():
    model = MODELS["frames"]()
    x, context = model.space.quantise(torch.rand(2, 60) - 0.5), torch.randn(2, 6, 2)
    before = model.logits(x, context)
    for frame in range(6):
        other = context.clone()
        other[:, frame] += 1
        moved = (model.logits(x, other) != before).flatten(2).any(2).all(0)
        assert not moved[: 10 * frame].any()
        assert moved[10 * frame : 10 * frame + 10].all()


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: WaveNet(Bits((4,))), "space is Bits"),
        (lambda: WaveNet(Pixels((1, 4, 4))), "Pixels"),
        (lambda: WaveNet(Tokens(3, 4), mixture=2), "mixture is 2"),
        (lambda: WaveNet(Pixels((4,)), mixture=0), "mixture is 0"),
        (
            lambda: WaveNet(
                Tokens(3, 4), context_space=Reals((2,)), embed=nn.Identity(), context=0
            ),
            "embedded context is 0",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, what):
    with pytest.raises(ValueError, match=what):
        make()


def test_frames_must_divide_the_sound():
    model = WaveNet(
        Tokens(3, 7), 4, 5, (1,), context_space=Reals((2, 3)), embed=nn.Identity(), context=3
    )
    with pytest.raises(ValueError, match="embed makes 2 frames"):
        model.sample(context=torch.zeros(1, 2, 3))


def test_a_prefix_of_the_wrong_shape_is_refused():
    model = WaveNet(Tokens(3, 5), 4, 5, (1, 2))
    with pytest.raises(
        ValueError, match=r"WaveNet: prefix has shape \(1, 2\); it must be \(3, k\)"
    ):
        model.sample(3, prefix=torch.zeros(1, 2, dtype=torch.int64))
