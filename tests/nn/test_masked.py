"""MaskedMLP: what each output sees, and that unrolling computes the same."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from genus.nn import MaskedMLP


def net(**options) -> MaskedMLP:
    """A small one, its weights away from where they start."""
    model = MaskedMLP(**{"features": 5, "d_in": 2, "d_out": 3, "hidden": (16, 12), **options})
    model = model.double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn_like(p))
    return model


def context_for(model: MaskedMLP, n: int) -> torch.Tensor | None:
    """A context, where the network wants one."""
    return torch.randn(n, model.context).double() if model.context else None


SHAPES = [
    {},
    {"hidden": (3,)},  # fewer units than degrees: some outputs see features directly, or nothing
    {"masks": 3},
    {"masks": 2, "shuffled": True},
    {"shuffled": True, "seed": 4},
    {"backwards": True},
    {"features": 2, "d_in": 1, "d_out": 1},
    {"shortcut": False, "hidden": (40, 40)},
    {"hidden": (16,), "context": 2},
    {"masks": 2, "context": 3, "shortcut": False, "hidden": (40, 40)},
]


@pytest.mark.parametrize("options", SHAPES, ids=str)
def test_an_output_sees_all_earlier_features_and_no_other(options):
    model = net(**options)
    x = torch.randn(1, model.features, model.d_in).double()
    context = context_for(model, 1)
    for mask in range(model.masks):
        jacobian = torch.autograd.functional.jacobian(lambda x, m=mask: model(x, m, context), x)
        reach = jacobian.abs().sum((0, 2, 3, 5))  # (features out, features in)
        place = model.places[mask]
        earlier = place[None, :] < place[:, None]
        assert torch.equal(reach != 0, earlier)


@pytest.mark.parametrize("options", SHAPES, ids=str)
def test_places_are_an_order_and_degrees_cover_what_there_is(options):
    model = net(**options)
    for mask in range(model.masks):
        assert sorted(model.places[mask].tolist()) == list(range(1, model.features + 1))
        for degrees in model.degrees(mask)[1:]:
            least = 0 if model.context else 1
            assert least <= degrees.min() <= degrees.max() <= model.features - 1
            counts = torch.bincount(degrees, minlength=model.features)[least:]
            assert counts.max() - counts.min() <= 1  # spread evenly


def unrolled(model: MaskedMLP, x: torch.Tensor, mask: int, context: torch.Tensor | None):
    """What comes out for each feature of x, given those before it one after another."""
    steps = model.unroll(len(x), mask, context)
    out, outs = next(steps), {}
    for feature in model.places[mask].argsort().tolist():
        outs[feature] = out.clone()
        if len(outs) < model.features:
            out = steps.send(x[:, feature])
    return outs


@pytest.mark.parametrize("options", SHAPES, ids=str)
def test_unrolling_is_the_forward_pass(options):
    model = net(**options)
    x, context = torch.randn(4, model.features, model.d_in).double(), context_for(model, 4)
    for mask in range(model.masks):
        outs = unrolled(model, x, mask, context)
        every = torch.stack([outs[feature] for feature in range(model.features)], 1)
        torch.testing.assert_close(every, model(x, mask, context).detach())


@pytest.mark.parametrize("options", [o for o in SHAPES if "context" in o], ids=str)
def test_all_outputs_see_the_context(options):
    model = net(**options)
    x, context = torch.randn(1, model.features, model.d_in).double(), context_for(model, 1)
    for mask in range(model.masks):
        reach = torch.autograd.functional.jacobian(lambda c, m=mask: model(x, m, c), context)
        assert (reach != 0).all()


def test_unrolling_counts_each_unit_once():
    """Its multiplications are those of one pass, however many features there are."""
    model = net(features=64, hidden=(256, 256))
    x = torch.randn(1, 64, 2).double()
    with FlopCounterMode(display=False) as whole:
        model(x)
    with FlopCounterMode(display=False) as steps:
        unrolled(model, x, 0, None)
    assert steps.get_total_flops() <= whole.get_total_flops()


def test_masks_differ_and_follow_the_seed():
    first, same, other = (net(masks=2, shuffled=True, seed=s) for s in (1, 1, 2))
    assert torch.equal(first.places, same.places)
    assert not torch.equal(first.places, other.places)
    assert not torch.equal(first.places[0], first.places[1])
    assert torch.equal(net(masks=2).places[0], torch.arange(1, 6))
    assert torch.equal(net(backwards=True).places[0], torch.arange(5, 0, -1))


def test_dropout_is_for_learning_only():
    model = net(dropout=0.5)
    x = torch.randn(1, 5, 2).double()
    assert torch.equal(model(x), model(x))
    model.train()
    assert not torch.equal(model(x), model(x))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": 0}, "features is 0; at least 1"),
        ({"masks": 0}, "masks is 0; at least 1"),
        ({"hidden": ()}, "widths of 1 or more"),
        ({"dropout": 1.0}, r"dropout is 1.0; it must be in \[0, 1\)"),
    ],
)
def test_it_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        MaskedMLP(**{"features": 5, "d_in": 1, "d_out": 1, "hidden": (4,), **options})
