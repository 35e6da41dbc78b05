"""DBN and DBM: everything against counting all states of all layers."""

from itertools import product

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from genus.core import Bits, Reals
from genus.energy import DBM, DBN, RBM, DBMStart
from genus.measure.likelihood.annealing import log_z, log_z_from_above
from genus.measure.likelihood.likelihood import Effort, likelihoods
from genus.train.game import play

pytestmark = pytest.mark.usefixtures("precise")


@pytest.fixture
def precise():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)


def every(d: int) -> Tensor:
    return torch.tensor(list(product([0.0, 1.0], repeat=d)))


def scattered(model, size: float = 1.0):
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(size * torch.randn_like(p))
    return model.eval()


def dbn() -> DBN:
    return scattered(DBN(Bits((4,)), (3, 2), chains=6, burn_in=60))


def dbm(**options) -> DBM:
    return scattered(DBM(Bits((4,)), (3, 2), **{"chains": 6, "burn_in": 60, **options}))


def log_p_of_dbn(model: DBN) -> Tensor:
    (below,), h = model.layers(), every(3)
    log_h = (-model.top.energy(h)).log_softmax(0)
    fields = h @ below.W.T + below.a
    log_v = every(4) @ fields.T - softplus(fields).sum(1)
    return (log_v + log_h).logsumexp(1).detach()


def minus_energy(model: DBM) -> Tensor:
    """-E of all states, (16, 8, 4)."""
    v, h1, h2 = every(4), every(3), every(2)
    found = (v @ model.a)[:, None] + v @ model.W1 @ h1.T + h1 @ model.b1
    return (found[:, :, None] + (h1 @ model.W2 @ h2.T + h2 @ model.b2)).detach()


def log_p_of_dbm(model: DBM) -> Tensor:
    return minus_energy(model).flatten(1).logsumexp(1).log_softmax(0)


MODELS = [(dbn, log_p_of_dbn), (dbm, log_p_of_dbm)]
BOTH = pytest.mark.parametrize(("make", "truth"), MODELS, ids=["dbn", "dbm"])


@BOTH
def test_samples_come_as_often_as_counted(make, truth):
    model = make()
    x = model.sample(20_000)
    shares = (x[:, None] == every(4)).all(2).double().mean(0)
    p = truth(model).exp()
    assert ((shares - p).abs() <= 5 * (p * (1 - p) / 20_000).sqrt()).all()


@BOTH
def test_its_likelihood_by_weights_is_the_counted_one_and_the_bound_is_below(make, truth):
    model, x = make(), every(4)
    if isinstance(model, DBM):  # strong links with two sides, between which a product has to choose
        with torch.no_grad():
            for W in (model.W1, model.W2):
                W.mul_(1.5)
            model.a.copy_(-0.5 * model.W1.sum(1))
            model.b1.copy_(-0.5 * (model.W1.sum(0) + model.W2.sum(1)))
            model.b2.copy_(-0.5 * model.W2.sum(0))
    log_p = truth(model)
    torch.manual_seed(1)
    effort = Effort(importance=2000, betas=1000, chains=400)
    close, bound = likelihoods(model, (x,), x, effort, check=False)
    assert close.sign == bound.sign == "~"
    assert (close.log_p - log_p).abs().max() < 0.15
    assert (bound.log_p < log_p + 5 * bound.common_error + 0.05).all()
    assert bound.log_p.mean() < log_p.mean() - 0.02


def test_the_dbn_learns_its_top_alone_and_stands_on_what_it_was_given():
    first = scattered(RBM(Bits((4,)), 3, chains=0))
    model = DBN(Bits((4,)), (3, 2), chains=50)
    model.stand_on([first])
    x = every(4)[torch.randint(16, (50,))]
    model.prepare(x)
    before = {name: p.clone() for name, p in model.named_parameters()}
    optimizer = torch.optim.SGD(model.top.parameters(), 0.1)
    for _ in play(model, [(x,)] * 3, {"top": optimizer}):
        pass
    moved = {
        name.split(".")[0] for name, p in model.named_parameters() if (p != before[name]).any()
    }
    assert moved == {"top"}
    torch.testing.assert_close(model.layers()[0].W, first.W)
    with pytest.raises(
        ValueError, match=r"layers of W of \[\(4, 5\)\] came; \[\(4, 3\)\] are wanted"
    ):
        model.stand_on([RBM(Bits((4,)), 5)])


def test_a_top_that_is_its_layer_turned_over_has_the_likelihood_of_the_rbm():
    """So the bound begins where the RBM ended."""
    below = scattered(RBM(Bits((4,)), 3, chains=0))
    model = DBN(Bits((4,)), (3, 4), chains=2)
    model.stand_on([below])
    with torch.no_grad():
        model.top.W.copy_(below.W.T)
        model.top.a.copy_(below.b)
        model.top.b.copy_(below.a)
    truth = (-below.energy(every(4))).log_softmax(0).detach()
    torch.testing.assert_close(log_p_of_dbn(model), truth)


def test_mean_field_rests_at_the_best_product():
    """Where it has converged, no other product of Bernoullis has a larger bound."""
    model, x = dbm(updates=200), every(4)
    m1, m2 = model.mean_field(x)
    torch.testing.assert_close(m2, (m1 @ model.W2 + model.b2).sigmoid())
    torch.testing.assert_close(m1, (x @ model.W1 + m2 @ model.W2.T + model.b1).sigmoid())
    logits = [m.logit().detach().requires_grad_() for m in (m1, m2)]
    q1, q2 = (one.sigmoid() for one in logits)
    entropy = sum((torch.special.entr(q) + torch.special.entr(1 - q)).sum() for q in (q1, q2))
    bound = (
        (q1 * (x @ model.W1 + q2 @ model.W2.T + model.b1)).sum() + (q2 @ model.b2).sum() + entropy
    )
    for slope in torch.autograd.grad(bound, logits):
        torch.testing.assert_close(slope, torch.zeros_like(slope), atol=1e-8, rtol=0)


def test_the_gradient_of_a_dbm_is_that_of_the_bound_and_of_its_own_states():
    """With chains at their exact distribution: E_q dE - E_p dE, both by counting."""
    model = dbm(chains=40_000, steps=1).train()
    joint = minus_energy(model)
    p1 = joint.permute(1, 0, 2).flatten(1).logsumexp(1).softmax(0)
    model.dreams.copy_(every(3)[p1.multinomial(40_000, replacement=True)])
    x = every(4)[[3, 5, 5, 9]]
    parameters = list(model.parameters())
    found = torch.autograd.grad(sum(model.loss(x).values()), parameters)
    m1, m2 = model.mean_field(x)
    p = joint.flatten().softmax(0).reshape(joint.shape)
    v, h1, h2 = every(4), every(3), every(2)
    own = {
        "W1": torch.einsum("abc,ai,bj->ij", p, v, h1),
        "W2": torch.einsum("abc,bi,cj->ij", p, h1, h2),
        "a": torch.einsum("abc,ai->i", p, v),
        "b1": torch.einsum("abc,bi->i", p, h1),
        "b2": torch.einsum("abc,ci->i", p, h2),
    }
    data = {
        "W1": x.T @ m1 / 4,
        "W2": m1.T @ m2 / 4,
        "a": x.mean(0),
        "b1": m1.mean(0),
        "b2": m2.mean(0),
    }
    for (name, _), gradient in zip(model.named_parameters(), found, strict=True):
        torch.testing.assert_close(gradient, own[name] - data[name], atol=0.015, rtol=0)


def test_from_below_and_above_the_constant_of_a_dbm_is_the_counted_one():
    model = dbm()
    truth = minus_energy(model).logsumexp((0, 1, 2)).item()
    path = model.annealing_path(every(4))
    below, above = log_z(path, 500, 300), log_z_from_above(path, path.end(300), 500)
    assert abs(below.value - truth) < 5 * below.error
    assert abs(above.value - truth) < 5 * above.error


def test_both_halves_put_together_say_of_h1_the_mean_of_what_each_says():
    start = DBMStart(Bits((4,)), (3, 2), chains=7)
    scattered(start)
    model = DBM(Bits((4,)), (3, 2), chains=10)
    model.put_together(start)
    h1 = every(3)
    lower = h1 @ start.lower.b + start.lower.units.log_sum(h1 @ start.lower.W.T + start.lower.a)
    upper = -start.upper.energy(h1)
    together = minus_energy(model).permute(1, 0, 2).flatten(1).logsumexp(1)
    torch.testing.assert_close(together, (0.5 * (lower + upper)).detach())


def test_each_half_is_an_rbm_with_a_layer_that_is_there_twice():
    """Against machines that hold both copies side by side."""
    start = scattered(DBMStart(Bits((2,)), (3, 2), chains=7))
    lower, upper, v, h = start.lower, start.upper, every(2), every(3)
    twin = RBM(Bits((4,)), 3, chains=0)
    other = RBM(Bits((3,)), 4, chains=0)
    with torch.no_grad():
        twin.W.copy_(torch.cat([lower.W, lower.W]))
        twin.a.copy_(torch.cat([lower.a, lower.a]))
        twin.b.copy_(lower.b)
        other.W.copy_(torch.cat([upper.W, upper.W], 1))
        other.b.copy_(torch.cat([upper.b, upper.b]))
        other.a.copy_(upper.a)
    torch.testing.assert_close(lower.energy(v), twin.energy(torch.cat([v, v], 1)))
    torch.testing.assert_close(upper.energy(h), other.energy(h))
    begun = torch.tensor([[1.0, 0.0]]).expand(30_000, -1)
    end = lower._gibbs(lower.features(begun), 1)
    wanted = twin.gibbs(torch.cat([begun, begun], 1), 1).unflatten(1, (2, 2)).sum(1)
    torch.testing.assert_close(end.mean(0), wanted.mean(0), atol=0.03, rtol=0)
    torch.testing.assert_close(end.var(0), wanted.var(0), atol=0.03, rtol=0)
    begun = h[5].expand(30_000, -1)
    end, wanted = upper._gibbs(begun, 1), other.gibbs(begun, 1)
    torch.testing.assert_close(end.mean(0), wanted.mean(0), atol=0.03, rtol=0)


def test_a_dbm_learns_a_planted_distribution():
    planted = dbm()
    truth = log_p_of_dbm(planted)
    x = every(4)[truth.exp().multinomial(20_000, replacement=True)]
    model = DBM(Bits((4,)), (4, 3), steps=3, chains=200)
    model.prepare(x)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    batches = ((x[torch.randint(len(x), (200,))],) for _ in range(800))
    for number, _ in enumerate(play(model, batches, {"model": optimizer})):
        optimizer.param_groups[0]["lr"] = 0.02 * (1 - number / 800)
    # `log_p_of_dbm` counts three and two units: here all states of four and three
    v, h1 = every(4), every(4)
    log_f = v @ model.a[:, None] + v @ model.W1 @ h1.T - model._summed_out(h1)
    log_f = log_f - softplus(h1 @ model.W1.T + model.a).sum(1)
    divergence = (truth.exp() * (truth - log_f.logsumexp(1).log_softmax(0))).sum().item()
    assert divergence < 0.03


def test_a_part_is_filled_by_its_conditional_distribution():
    model, known = dbm(), torch.tensor([True, True, False, False])
    x = torch.tensor([[1.0, 0.0, 0.0, 0.0]]).expand(20_000, -1)
    drawn = model.inpaint(x, known)
    assert torch.equal(drawn[:, :2], x[:, :2])
    rest = torch.tensor([8, 9, 10, 11])
    p = log_p_of_dbm(model)[rest].softmax(0)
    hits = (drawn[:, None] == every(4)[rest]).all(2).double().mean(0)
    assert ((hits - p).abs() <= 5 * (p * (1 - p) / len(x)).sqrt()).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DBN(Reals((3,))), "Bits are wanted"),
        (lambda: DBN(Bits((3,)), (4,)), "layers is 1; at least 2"),
        (lambda: DBM(Reals((3,))), "Bits are wanted"),
        (lambda: DBM(Bits((3,)), (4,)), "two layers are wanted"),
        (lambda: DBM(Bits((3,)), (4, 0)), "hidden is 0; at least 1"),
        (lambda: DBM(Bits((3,)), chains=0), "chains is 0; at least 1"),
    ],
)
def test_they_refuse(make, message):
    with pytest.raises(ValueError, match=message):
        make()
