"""MADE: what its logits see, the mixture of masks, and sampling in one pass."""

from itertools import product

import pytest
import torch
from torch import Tensor

from genus.autoregressive import MADE
from genus.core import Bits, Classes, Pixels, Tokens
from genus.functional.choices import pick

KINDS = {
    "bits": {"space": Bits((2, 3)), "hidden": (16, 16)},
    "pixels": {"space": Pixels((4,), levels=3), "hidden": (16,)},
    "pixels by rank": {"space": Pixels((2, 2), levels=5), "hidden": (16,), "rank": 2},
    "tokens": {"space": Tokens(3, 4), "hidden": (16,)},
    "several masks": {"space": Bits((5,)), "hidden": (16,), "masks": 3, "shuffled": True},
}
kinds = pytest.mark.parametrize("options", KINDS.values(), ids=KINDS.keys())


def made(options) -> MADE:
    """Its weights away from where they start."""
    model = MADE(**options).double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn_like(p))
    return model


def every(space) -> Tensor:
    values = {
        Bits: lambda: [0.0, 1.0],
        Pixels: lambda: space.values(torch.arange(space.levels), torch.float64).tolist(),
        Tokens: lambda: list(range(space.vocabulary)),
    }[type(space)]()
    rows = torch.tensor(list(product(values, repeat=space.dims)))
    return (rows if isinstance(space, Tokens) else rows.double()).reshape(-1, *space.shape)


def per_feature(model: MADE, x: Tensor, mask: int) -> Tensor:
    """Logits as (n, features, levels or 1)."""
    return model.logits(x, mask).reshape(len(x), model.space.dims, -1)


@kinds
def test_each_mask_is_a_distribution_and_so_is_their_mixture(options):
    model = made(options)
    states = every(model.space)
    each = torch.stack([model.log_prob_of(mask, states) for mask in range(model.masks)]).exp()
    torch.testing.assert_close(each.sum(1), torch.ones(model.masks, dtype=torch.float64))
    torch.testing.assert_close(model.log_prob(states).exp(), each.mean(0))


@kinds
def test_logits_are_blind_to_what_comes_later(options):
    """To the last bit: what is hidden may be anything; what is not must matter."""
    model = made(options)
    states = every(model.space)
    x = states[torch.randint(len(states), (40,))]
    for mask in range(model.masks):
        before = per_feature(model, x, mask)
        place = model.net.places[mask]
        for changed in range(model.space.dims):
            other = x.flatten(1).clone()
            other[:, changed] = states.flatten(1)[torch.randint(len(states), (40,)), changed]
            after = per_feature(model, other.reshape(x.shape), mask)
            same = (before == after).all(0).all(1)
            assert torch.equal(same, place <= place[changed])


def test_the_jacobian_of_logits_is_zero_where_it_must_be():
    model = made(KINDS["bits"])
    x = torch.rand(1, 2, 3).double().round()
    jacobian = torch.autograd.functional.jacobian(model.logits, x).reshape(6, 6)
    assert torch.equal(jacobian != 0, torch.ones(6, 6).tril(-1).bool())


@kinds
def test_sampling_is_bit_for_bit_what_whole_passes_give(options):
    """One feature a pass, each from all the logits, with the same uniform numbers."""
    model = made(options)
    u = torch.rand(200, model.space.dims).double()
    for mask in range(model.masks):
        x = every(model.space)[:1].expand(200, *model.space.shape).flatten(1).clone()
        for feature in model.net.places[mask].argsort().tolist():
            logits = per_feature(model, x.reshape(200, *model.space.shape), mask)
            x[:, feature] = model._value(pick(logits[:, feature], u[:, feature]))
        assert torch.equal(model.draw(u, mask), x)


def test_rows_are_drawn_from_all_masks():
    model = made(KINDS["several masks"])
    drawn, chosen = [], model.draw
    model.draw = lambda u, mask: drawn.append((mask, len(u))) or chosen(u, mask)
    model.sample(300)
    assert [mask for mask, _ in drawn] == [0, 1, 2]
    assert sum(rows for _, rows in drawn) == 300
    assert min(rows for _, rows in drawn) > 60


def test_what_is_picked_has_its_probability():
    logits = torch.tensor([[0.3, -1.0, 2.0, -torch.inf]]).double()
    u = (torch.arange(10_000).double() + 0.5) / 10_000
    counts = torch.bincount(pick(logits.expand(10_000, -1), u), minlength=4) / 10_000
    torch.testing.assert_close(counts.double(), logits.softmax(1)[0], atol=1e-4, rtol=0)
    bits = pick(torch.full((10_000, 1), 0.7).double(), u).double().mean()
    assert bits.item() == pytest.approx(torch.tensor(0.7).sigmoid().item(), abs=1e-4)


def test_it_learns_what_depends_on_what():
    """Two bits that always agree, and one that says whether the next two do."""
    torch.manual_seed(0)
    free = torch.rand(4000, 3).round()
    x = torch.stack([free[:, 0], free[:, 0], free[:, 1], free[:, 2], (free[:, 1] == free[:, 2])], 1)
    model = MADE(Bits((5,)), hidden=(32,))
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(400):
        optimizer.zero_grad()
        model.loss(x)["nll"].backward()
        optimizer.step()
    assert model.log_prob(x).mean().item() == pytest.approx(-3 * 0.6931, abs=0.02)
    drawn = model.eval().sample(500)
    assert (drawn[:, 0] == drawn[:, 1]).double().mean() > 0.98
    assert (drawn[:, 4] == (drawn[:, 2] == drawn[:, 3])).double().mean() > 0.98


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"space": Classes(3)}, "Bits, Pixels or Tokens are wanted"),
        ({"space": Bits((3,)), "rank": 2}, "left out where there are just two"),
        ({"space": Pixels((3,), 5), "rank": 0}, "rank must be at least 1"),
        ({"space": Bits((1,))}, "features is 1; at least 2"),
    ],
)
def test_it_refuses(arguments, said):
    with pytest.raises(ValueError, match=said):
        MADE(**arguments)
