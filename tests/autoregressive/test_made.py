"""MADE: what its logits see, the mixture of masks, and sampling in one pass."""

from itertools import product

import pytest
import torch
from torch import Tensor

from genus.autoregressive import MADE
from genus.core import Bits, Classes, Pixels, Tokens
from genus.functional.sequences.choices import pick

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
        for feature in model.orders[mask].tolist():
            logits = per_feature(model, x.reshape(200, *model.space.shape), mask)
            came = pick(logits[:, feature], u[:, feature])
            x[:, feature] = model.space.values(came, torch.float64)
        assert torch.equal(model.sample_from(u, mask).flatten(1), x)


def test_rows_are_drawn_from_all_masks():
    model = made(KINDS["several masks"])
    drawn, chosen = [], model.sample_from
    model.sample_from = lambda u, mask, **rest: (
        drawn.append((mask, len(u))) or chosen(u, mask, **rest)
    )
    model.sample(300)
    assert [mask for mask, _ in drawn] == [0, 1, 2]
    assert sum(rows for _, rows in drawn) == 300
    assert min(rows for _, rows in drawn) > 60


def conditional(model: MADE, row: Tensor, known: int) -> tuple[Tensor, Tensor]:
    """All x whose first values are those of a row, and p(x | first values), by counting."""
    states = every(model.space)
    first = model.order[:known]
    states = states[(states.flatten(1)[:, first] == row.flatten()[first]).all(1)]
    return states, model.log_prob(states).softmax(0)


def rows_have_these_chances(drawn: Tensor, states: Tensor, chances: Tensor) -> None:
    for one, p in zip(states, chances.tolist(), strict=True):
        hits = (drawn == one).flatten(1).all(1).double()
        assert abs(hits.mean().item() - p) <= 5 * (p * (1 - p) / len(drawn)) ** 0.5 + 1e-9


@pytest.mark.parametrize("known", [2, 3])
def test_a_mixture_goes_on_from_a_prefix_as_it_would_by_counting(known):
    """Its masks are weighed by what each thinks of the prefix: evenly would be wrong."""
    torch.manual_seed(0)
    model = made({"space": Bits((5,)), "hidden": (16,), "masks": 3})
    row = torch.tensor([[0.0, 1, 1, 0, 1]]).double()
    states, chances = conditional(model, row, known)
    drawn = model.complete(row.expand(20_000, -1), known)
    rows_have_these_chances(drawn, states, chances)
    evenly = torch.stack([model.log_prob_of(k, states).softmax(0) for k in range(3)]).mean(0)
    with pytest.raises(AssertionError):
        rows_have_these_chances(drawn, states, evenly)


def test_a_mixture_of_one_order_has_conditionals_that_sum_to_its_score():
    model = made({"space": Bits((5,)), "hidden": (16,), "masks": 3})
    states = every(model.space)
    each = model.log_probs(states)
    torch.testing.assert_close(each.sum(1), model.log_prob(states))
    row = states[11]
    for place in range(1, 5):
        fits, chances = conditional(model, row, place)
        same = fits[:, place] == row[place]
        torch.testing.assert_close(each[11, place].exp(), chances[same].sum())


def test_masks_of_different_orders_take_no_prefix_but_one_of_them_does():
    model = made(KINDS["several masks"])
    x = model.sample(50)
    with pytest.raises(ValueError, match=r"begin with different values.*one\(k\)"):
        model.complete(x, 2)
    with pytest.raises(ValueError, match="have different orders"):
        model.log_probs(x)
    assert torch.equal(model.complete(x, 5), x)
    for k in range(3):
        first = model.orders[k][:2]
        assert torch.equal(model.one(k).complete(x, 2)[:, first], x[:, first])
        torch.testing.assert_close(model.one(k).log_prob(x), model.log_prob_of(k, x))


def test_sequences_that_end_sum_to_one_and_end_in_samples():
    model = made({"space": Tokens(3, 4, end=0), "hidden": (16,)})
    states = every(Tokens(3, 4))
    ended = states == 0
    states = states[~(ended[:, :-1] & ~ended[:, 1:]).any(1)]
    assert model.log_prob(states).logsumexp(0).item() == pytest.approx(0, abs=1e-9)
    model.space.check(model.sample(300), "sample")


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
        ({"space": Bits((0,))}, "0"),
        ({"space": Tokens(3, 4, end=0), "shuffled": True}, "known only where tokens come in their"),
    ],
)
def test_it_refuses(arguments, said):
    with pytest.raises(ValueError, match=said):
        MADE(**arguments)
