"""NADE and EoNADE: the paper's equations, their gradients, any order, and what they learn."""

from itertools import permutations

import pytest
import torch
from laws import every_x, logits_are_blind_to_what_comes_later
from torch import Tensor

from genus.autoregressive import NADE, EoNADE
from genus.core import Bits, Tokens
from genus.functional.sequences import nade
from genus.functional.sequences.nade import nade_logits


def away(model):
    """In float64, its weights away from where they start."""
    model = model.double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn_like(p))
    return model


def written_out(x: Tensor, w: Tensor, v: Tensor, c: Tensor) -> Tensor:
    """The conditionals of NADE with a whole pass for each feature."""
    a = [c + x[:, :i] @ w[:i] for i in range(x.shape[1])]
    return torch.stack([(a_i.sigmoid() * v_i).sum(1) for a_i, v_i in zip(a, v, strict=True)], 1)


def pieces(n: int, d: int, h: int, density: float) -> tuple[Tensor, ...]:
    x = (torch.rand(n, d, dtype=torch.float64) < density).double()
    return x, *(torch.randn(*s).double().requires_grad_() for s in ((d, h), (d, h), (n, h)))


@pytest.mark.parametrize("density", [0.0, 0.2, 0.7, 1.0])
def test_conditionals_and_gradients_are_those_of_whole_passes(density, monkeypatch):
    monkeypatch.setattr(nade, "NEAR", 15)  # rows by threes
    x, *weights = pieces(7, 9, 5, density)
    ours, truth = nade_logits(x, *weights), written_out(x, *weights)
    torch.testing.assert_close(ours, truth)
    weight = torch.randn_like(ours)
    got = torch.autograd.grad((ours * weight).sum(), weights, retain_graph=True)
    torch.testing.assert_close(got, torch.autograd.grad((truth * weight).sum(), weights))
    again = torch.autograd.grad((ours * weight).sum(), weights)  # nothing kept was spoilt
    torch.testing.assert_close(again, got)


def test_gradients_are_those_of_finite_differences():
    x, *weights = pieces(4, 6, 3, 0.5)
    assert torch.autograd.gradcheck(lambda *w: nade_logits(x, *w), weights)


def test_nade_is_its_equations_in_its_order():
    model = away(NADE(Bits((5,)), hidden=4, shuffled=True, seed=3))
    order = model.order.tolist()
    assert order != sorted(order)
    x = every_x(Bits((5,))).double()
    for place, feature in enumerate(order):
        before = order[:place]
        h = (model.c + x[:, before] @ model.W[:place]).sigmoid()
        truth = h @ model.V[place] + model.b[place]
        torch.testing.assert_close(model.logits(x)[:, feature], truth)


def test_nade_keeps_one_layer_for_each_one_in_a_row():
    x, *weights = pieces(6, 50, 8, 0.1)
    s = nade_logits(x, *weights)
    saved = s.grad_fn.next_functions[0][0] if s.grad_fn.name().startswith("Cat") else s.grad_fn
    assert max(t.numel() for t in saved.saved_tensors) <= max(int(x.sum()), 50) * 8


class ForgetsAFeature(NADE):
    """The hidden layer does not see the bit before the last."""

    def unroll(self, n):
        steps = super().unroll(n)
        logits = next(steps)
        for place in range(self.space.dims):
            came = yield logits
            logits = steps.send(came * 0 if place == self.space.dims - 2 else came)


class SeesItself(NADE):
    def logits(self, x):
        return super().logits(x) + 0.1 * x


def test_the_laws_reject_a_memory_that_forgets_and_a_bit_that_sees_itself():
    from laws import drawing_by_steps_is_drawing_by_whole_passes

    torch.set_default_dtype(torch.float64)
    for liar, law in (
        (ForgetsAFeature, drawing_by_steps_is_drawing_by_whole_passes),
        (SeesItself, logits_are_blind_to_what_comes_later),
    ):
        model = away(liar(Bits((6,)), hidden=4))
        with pytest.raises(AssertionError):
            law(model, model.sample(6))
        law(away(NADE(Bits((6,)), hidden=4)), model.sample(6))
    torch.set_default_dtype(torch.float32)


# every order


def test_an_order_sees_just_what_came_before_in_it():
    """The conditionals of the chain are those of the network, given the features before."""
    model = away(EoNADE(Bits((5,)), hidden=(8, 6), ensemble=3, seed=1))
    x = every_x(Bits((5,))).double()
    assert len({tuple(order.tolist()) for order in model.orders}) == 3
    for which, order in enumerate(model.orders.tolist()):
        logits = model.logits(x, which)
        for place, feature in enumerate(order):
            known = torch.zeros_like(x)
            known[:, order[:place]] = 1
            torch.testing.assert_close(logits[:, feature], model.logits_given(x, known)[:, feature])


def test_the_loss_is_the_mean_score_of_all_orders():
    torch.manual_seed(0)
    model = away(EoNADE(Bits((4,)), hidden=(8,)))
    x = torch.tensor([[1.0, 0, 1, 1]]).double()
    orders = torch.tensor(list(permutations(range(4))))
    every = model.ordered(orders)
    truth = torch.stack([-every.log_prob_of(k, x) for k in range(len(orders))]).mean()
    draws = torch.stack([model.loss(x)["nll"].detach() for _ in range(4000)])
    assert abs(draws.mean() - truth) < 5 * draws.std() / len(draws) ** 0.5


def test_all_orders_share_the_weights_and_any_of_them_completes_rows():
    model = away(EoNADE(Bits((2, 3)), hidden=(8,), ensemble=2))
    order = torch.tensor([[4, 2, 0, 1, 3, 5]])
    other = model.ordered(order)
    assert torch.equal(other.order, order[0])
    assert model.ensemble == len(model.orders) == 2
    assert other.last is model.last
    x = model.sample(40)
    done = other.complete(x, 2).flatten(1)
    assert torch.equal(done[:, [4, 2]], x.flatten(1)[:, [4, 2]])
    assert not torch.equal(done, x.flatten(1))
    with pytest.raises(ValueError, match="begin with different values"):
        model.complete(x, 2)


def test_a_completion_by_chosen_order_has_the_conditional_probability():
    torch.manual_seed(1)
    model = away(EoNADE(Bits((4,)), hidden=(8,))).ordered(torch.tensor([[2, 0, 3, 1]]))
    states = every_x(Bits((4,))).double()
    fits = states[(states[:, 2] == 1) & (states[:, 0] == 0)]
    chances = model.log_prob(fits).softmax(0)
    drawn = model.complete(torch.tensor([[0.0, 0, 1, 0]]).double().expand(20_000, -1), 2)
    for one, p in zip(fits, chances.tolist(), strict=True):
        hits = (drawn == one).all(1).double().mean().item()
        assert abs(hits - p) <= 5 * (p * (1 - p) / len(drawn)) ** 0.5


def test_eonade_fills_a_part_by_its_conditional_distribution():
    torch.manual_seed(0)
    model = away(EoNADE(Bits((2, 2)), hidden=(8,)))
    known = torch.tensor([[False, True], [True, False]])
    x = torch.tensor([[0.0, 1.0], [0.0, 0.0]]).double().expand(20_000, 2, 2)
    drawn = model.inpaint(x, known)
    assert torch.equal(drawn[:, known], x[:, known])
    states = every_x(model.space).double()
    states = states[(states[:, known] == x[0, known]).all(1)]
    p = model.ordered(torch.tensor([[1, 2, 0, 3]])).log_prob(states).softmax(0)
    hits = (drawn[:, None] == states).all(3).all(2).double().mean(0)
    assert ((hits - p).abs() <= 5 * (p * (1 - p) / len(x)).sqrt()).all()


@pytest.mark.parametrize(
    "make", [lambda: NADE(Bits((5,)), 16), lambda: EoNADE(Bits((5,)), (64,), ensemble=4)]
)
def test_they_learn_what_depends_on_what(make):
    """Two bits that always agree, and one that says whether the next two do."""
    torch.manual_seed(0)
    free = torch.rand(1000, 3).round()
    x = torch.stack([free[:, 0], free[:, 0], free[:, 1], free[:, 2], (free[:, 1] == free[:, 2])], 1)
    model = make()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    for _ in range(500):
        optimizer.zero_grad()
        model.loss(x)["nll"].backward()
        optimizer.step()
    assert -model.log_prob(x).mean().item() == pytest.approx(3 * 0.6931, abs=0.03)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: NADE(Tokens(2, 3)), "NADE: space is Tokens.*Bits are wanted"),
        (lambda: NADE(Bits((3,)), 0), "hidden is 0; at least 1"),
        (lambda: EoNADE(Tokens(2, 3)), "EoNADE: space is Tokens.*Bits are wanted"),
        (lambda: EoNADE(Bits((3,)), ()), "widths of 1 or more"),
        (lambda: EoNADE(Bits((3,)), ensemble=0), "ensemble is 0; at least 1 is wanted"),
        (lambda: EoNADE(Bits((3,))).ordered(torch.tensor([[0, 1, 1]])), "0 to 2 once"),
    ],
)
def test_they_refuse(make, said):
    with pytest.raises(ValueError, match=said):
        make()
