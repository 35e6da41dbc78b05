"""Discrete diffusion, against matrices and against the counting of all chains."""

from itertools import pairwise, product

import laws
import pytest
import torch
from torch import nn
from torch.nn.functional import one_hot

from genus.core import Bits, Pixels, Reals, Tokens
from genus.diffusion import DiscreteDiffusion, TimeTokens, TimeTransformer
from genus.diffusion.discrete.categories import Absorbing, Multinomial, quarter_circle, straight

KERNELS = [Absorbing(), Multinomial()]
V = 3


@pytest.fixture(autouse=True)
def double():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(before)


def by_name(kernel):
    return type(kernel).__name__


# --- the kernels, against matrices ----------------------------------------------------------


def transition(kernel, r, values=V):
    """q(x_t | x_s) as a matrix, (states, states), written down from the words of the papers."""
    states = kernel.states(values)
    if isinstance(kernel, Absorbing):
        fresh = one_hot(torch.tensor(values), states).double().expand(states, states)
    else:
        fresh = torch.full((states, states), 1 / values)
    return r * torch.eye(states) + (1 - r) * fresh


@pytest.mark.parametrize("kernel", KERNELS, ids=by_name)
def test_small_steps_make_the_whole(kernel):
    """The product of one-step matrices is the matrix of all: the form that the kernels rely on."""
    a = [1.0, 0.8, 0.5, 0.3]
    whole = torch.eye(kernel.states(V))
    for before, after in pairwise(a):
        whole = whole @ transition(kernel, after / before)
    torch.testing.assert_close(whole, transition(kernel, 0.3))


@pytest.mark.parametrize("kernel", KERNELS, ids=by_name)
def test_noisy_draws(kernel):
    matrix = transition(kernel, 0.6)
    for value in range(V):
        x = kernel.noisy(torch.full((40_000, 1), value), torch.full((40_000, 1), 0.6), V)
        for state, p in enumerate(matrix[value]):
            laws.within((x == state).double()[:, 0], p.item())


def averages_the_posterior(kernel):
    """p(x_s | x_t) = sum_x0 q(x_s | x_t, x0) p(x0 | x_t), the posterior by Bayes from matrices."""
    for a_s, a_t in ((0.7, 0.4), (1.0, 0.9), (0.2, 0.0)):
        earlier, step = transition(kernel, a_s), transition(kernel, a_t / a_s)
        whole = transition(kernel, a_t)
        for state in range(kernel.states(V)):
            if (whole[:V, state] == 0).all():
                continue  # it cannot be
            x_t = torch.tensor([[state]])
            log_p = kernel.predicted(torch.randn(1, 1, V), x_t)
            rows = torch.tensor([[a_s]]), torch.tensor([[a_t]])
            wanted = torch.zeros(kernel.states(V))
            for x_0 in range(V):
                joint = earlier[x_0] * step[:, state]
                if log_p[0, 0, x_0] > -torch.inf:
                    wanted += log_p[0, 0, x_0].exp() * joint / whole[x_0, state]
            torch.testing.assert_close(kernel.back(log_p, x_t, *rows)[0, 0], wanted)


def costs_are_the_divergence(kernel):
    for a_s, a_t in ((0.7, 0.4), (1.0, 0.9), (0.2, 0.0)):
        rows = torch.tensor([[a_s]]), torch.tensor([[a_t]])
        for x_0, state in product(range(V), range(kernel.states(V))):
            if transition(kernel, a_t)[x_0, state] == 0:
                continue
            x, x_t = torch.tensor([[x_0]]), torch.tensor([[state]])
            log_p = kernel.predicted(torch.randn(1, 1, V), x_t)
            sure = one_hot(x, V).double().log()
            q, p = (kernel.back(log, x_t, *rows)[0, 0] for log in (sure, log_p))
            wanted = (q * (q / p).log()).where(q > 0, 0.0).sum()
            torch.testing.assert_close(kernel.cost(x, log_p, x_t, *rows)[0, 0], wanted)


@pytest.mark.parametrize("kernel", KERNELS, ids=by_name)
@pytest.mark.parametrize("law", [averages_the_posterior, costs_are_the_divergence])
def test_a_step_back(kernel, law):
    law(kernel)


class PutsPInThePlaceOfX(Multinomial):
    """What multinomial diffusion does: near, but not what Bayes says."""

    def back(self, log_p, x_t, a_s, a_t):
        a_s, a_t = a_s[..., None], a_t[..., None]
        same = one_hot(x_t, log_p.shape[-1]).double()
        likely = a_t / a_s * same + (1 - a_t / a_s) / log_p.shape[-1]
        p = likely * (a_s * log_p.exp() + (1 - a_s) / log_p.shape[-1])
        return p / p.sum(-1, keepdim=True)


class LiftsTooManyMasks(Absorbing):
    def back(self, log_p, x_t, a_s, a_t):
        return super().back(log_p, x_t, a_s, a_t * a_s)


class ForgetsTheShare(Absorbing):
    def cost(self, x, log_p, x_t, a_s, a_t):
        return super().cost(x, log_p, x_t, a_s, torch.zeros_like(a_t))


@pytest.mark.parametrize(
    ("kernel", "law"),
    [
        (PutsPInThePlaceOfX(), averages_the_posterior),
        (LiftsTooManyMasks(), averages_the_posterior),
        (ForgetsTheShare(), costs_are_the_divergence),
    ],
)
def test_the_laws_bite(kernel, law):
    with pytest.raises(AssertionError):
        law(kernel)


# --- the model, against the counting of chains ------------------------------------------------


def tiny(kernel, steps=3, kind=DiscreteDiffusion, kept=straight, **named):
    space = Tokens(V, 2)
    net = TimeTokens(kernel.states(V), 2, V, width=8, blocks=1)
    for p in net.parameters():
        p.data.add_(0.3 * torch.randn_like(p))
    return kind(net, space, steps, kernel, kept, **named).eval()


def every_state(model):
    states = model.kernel.states(model.values)
    return torch.tensor([*product(range(states), repeat=model.space.dims)])


@torch.no_grad()
def chain(model, stops):
    """p(x_0) of every x_0, by carrying the probability of every state through all steps."""
    states = every_state(model)
    n, count = len(states), model.kernel.states(model.values)
    pi = transition(model.kernel, 0.0, model.values)[0]
    p = pi[states].prod(1)
    for k, to in stops:
        late, early = torch.full((n,), k), torch.full((n,), to)
        back = model.back(states, late, early)  # (n, d, states)
        p = p @ torch.stack([back[:, range(model.space.dims), s].prod(1) for s in states], 1)
    real = (states < model.values).all(1)
    assert count == model.values or p[~real].sum() < 1e-12
    return states[real], p[real]


def all_steps(model):
    return [(k, k - 1) for k in range(model.steps, 0, -1)]


@torch.no_grad()
def exact_elbo(model, x):
    """-sum_k E KL, with the mean over every x_t."""
    states, total = every_state(model), 0.0
    for k in range(1, model.steps + 1):
        whole = transition(model.kernel, model.levels[k].item(), model.values)
        chance = torch.stack([whole[x[i], states[:, i]] for i in range(len(x))]).prod(0)
        at = states[chance > 0]
        steps = torch.full((len(at),), k)
        rows = model.levels[steps - 1, None], model.levels[steps, None]
        log_p = model.predicted(at, steps)
        cost = model.kernel.cost(x.expand(len(at), -1), log_p, at, *rows).sum(1)
        total += (chance[chance > 0] * cost).sum()
    return -total


def bound_is_a_bound(model):
    """elbo <= log p(x) for every x, log p by counting; and it sums to one."""
    x, p = chain(model, all_steps(model))
    torch.testing.assert_close(p.sum(), torch.ones(()))
    for one, chance in zip(x, p, strict=True):
        assert exact_elbo(model, one) <= chance.log() + 1e-9


def elbo_is_the_sum_of_divergences(model):
    for one in ([0, 1], [2, 2]):
        x = torch.tensor(one)
        many, wanted = x.expand(20_000, 2), exact_elbo(model, x).item()
        laws.within(model.elbo(many).detach(), wanted)
        laws.within(-model.costs(many).sum(1).detach(), wanted)


def samples_are_the_chains(model):
    x, p = chain(model, model._stops())
    made = model.sample(40_000)
    for one, chance in zip(x, p, strict=True):
        laws.within((made == one).all(1).double(), chance.item())


@pytest.mark.parametrize("kept", [straight, quarter_circle], ids=lambda f: f.__name__)
@pytest.mark.parametrize("kernel", KERNELS, ids=by_name)
@pytest.mark.parametrize(
    "law", [bound_is_a_bound, elbo_is_the_sum_of_divergences, samples_are_the_chains]
)
def test_any_network(kernel, kept, law):
    law(tiny(kernel, kept=kept))


@pytest.mark.parametrize("kernel", KERNELS, ids=by_name)
def test_samples_of_fewer_evaluations(kernel):
    model = tiny(kernel, 5, evaluations=2)
    assert model._stops() == [(5, 2), (2, 0)]
    samples_are_the_chains(model)


class Best(nn.Module):
    """p(x_0 | x_t), place by place, of data whose probabilities are a table."""

    def __init__(self, table, kernel, kept):
        super().__init__()
        self.table, self.kernel, self.kept = table, kernel, kept
        self.unused = nn.Parameter(torch.zeros(1))

    def forward(self, x_t, t):
        values, d = len(self.table), self.table.dim()
        x = torch.tensor([*product(range(values), repeat=d)])
        whole = torch.stack([transition(self.kernel, a.item(), values) for a in self.kept(t)])
        rows = torch.arange(len(x_t))[:, None]
        seen = torch.stack([whole[rows, x[:, i], x_t[:, i : i + 1]] for i in range(d)]).prod(0)
        weight = seen * self.table.flatten()  # (n, every x)
        hot = one_hot(x, values).double()
        return (torch.einsum("nx,xdv->ndv", weight, hot)).clamp(min=1e-300).log()


TABLE = torch.tensor([[0.3, 0.02, 0.08], [0.05, 0.25, 0.05], [0.1, 0.05, 0.1]], dtype=torch.float64)


def best(kernel, steps, table=TABLE, kept=straight):
    space = Tokens(V, table.dim())
    return DiscreteDiffusion(Best(table, kernel, kept), space, steps, kernel, kept)


@pytest.mark.parametrize("kernel", KERNELS, ids=by_name)
def test_of_one_place_the_bound_is_tight(kernel):
    """One place is put right apart from no other: the best network's chain is the data's own."""
    table = TABLE.sum(1)
    model = best(kernel, 4, table)
    x, p = chain(model, all_steps(model))
    torch.testing.assert_close(p, table)
    for one, chance in zip(x, p, strict=True):
        torch.testing.assert_close(exact_elbo(model, one), chance.log())


@pytest.mark.parametrize("kernel", KERNELS, ids=by_name)
def test_of_more_places_it_is_tight_with_many_steps(kernel):
    gaps = []
    for steps in (2, 8, 32):
        model = best(kernel, steps)
        elbo = torch.stack(
            [exact_elbo(model, x) for x in torch.cartesian_prod(*[torch.arange(V)] * 2)]
        )
        gaps.append((TABLE.flatten() * (TABLE.flatten().log() - elbo)).sum().item())
    assert gaps[0] > 3 * gaps[1] > 9 * gaps[2] > 0
    assert gaps[2] < 0.02  # nats


# --- liars ------------------------------------------------------------------------------------


class CountsOneStepOff(DiscreteDiffusion):
    def elbo(self, x):
        k = torch.randint(1, self.steps, (len(x),))
        return -self.steps * self.cost(x, k)


class ForgetsHowManySteps(DiscreteDiffusion):
    def elbo(self, x):
        return super().elbo(x) / self.steps


class BelievesTooMuch(DiscreteDiffusion):
    def sample(self, n):
        x = super().sample(n)
        return torch.where(torch.rand(n, 1) < 0.05, torch.zeros_like(x), x)


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        (CountsOneStepOff, elbo_is_the_sum_of_divergences),
        (ForgetsHowManySteps, elbo_is_the_sum_of_divergences),
        (BelievesTooMuch, samples_are_the_chains),
    ],
)
def test_diffusion_laws_bite(kind, law):
    with pytest.raises(AssertionError):
        law(tiny(Multinomial(), kind=kind, kept=quarter_circle))


class HalvesItsCost(Multinomial):
    def cost(self, x, log_p, x_t, a_s, a_t):
        return super().cost(x, log_p, x_t, a_s, a_t) / 2


def test_the_bound_bites():
    with pytest.raises(AssertionError):
        bound_is_a_bound(tiny(HalvesItsCost()))


# --- what else --------------------------------------------------------------------------------


@pytest.mark.parametrize("space", [Tokens(4, 5), Bits((1, 2, 3)), Pixels((1, 2, 2), 5)], ids=str)
@pytest.mark.parametrize("kernel", KERNELS, ids=by_name)
def test_spaces(space, kernel):
    values = {Tokens: 4, Bits: 2, Pixels: 5}[type(space)]
    net = TimeTransformer(kernel.states(values), space.dims, values, 8, 1, 2)
    model = DiscreteDiffusion(net, space, 4, kernel)
    x = model.sample(7)
    space.check(x, "test")
    assert torch.equal(model.from_indices(model.indices(x)), x)
    assert model.elbo(x).shape == (7,)


def test_single_precision_is_finite_where_the_network_is_sure():
    for kernel in KERNELS:
        model = tiny(kernel, 1000).float()
        model.levels = model.levels.float()
        with torch.no_grad():
            model.net.leave[-1].weight.mul_(1e4)
        x = torch.randint(V, (1000, 2))
        loss = model.loss(x)["bound"]
        loss.backward()
        assert loss.isfinite()
        assert all(p.grad.isfinite().all() for p in model.parameters())


def test_places_see_each_other():
    """And themselves: all logits move with each state."""
    for kind in (TimeTokens, TimeTransformer):
        net = kind(4, 3, 4, 8, 1)
        for p in net.parameters():
            p.data.add_(0.3 * torch.randn_like(p))
        x, t = torch.zeros(1, 3, dtype=torch.int64), torch.tensor([0.5])
        assert net(x, t).shape == (1, 3, 4)
        for place in range(3):
            other = x.clone()
            other[0, place] = 2
            assert ((net(other, t) - net(x, t)).abs() > 1e-6).all(2).all()
        assert not torch.allclose(net(x, t), net(x, t + 0.3))


def test_wrong_arguments():
    net = TimeTokens(4, 2, 3, 8, 1)
    with pytest.raises(ValueError, match=r"space is Reals.*Tokens, Bits or Pixels"):
        DiscreteDiffusion(net, Reals((2,)))
    with pytest.raises(ValueError, match="evaluations 7"):
        DiscreteDiffusion(net, Tokens(3, 2), 5, evaluations=7)
    with pytest.raises(ValueError, match="steps is 0"):
        DiscreteDiffusion(net, Tokens(3, 2), 0)
    with pytest.raises(ValueError, match="kept must fall"):
        DiscreteDiffusion(net, Tokens(3, 2), 5, kept=torch.exp)
