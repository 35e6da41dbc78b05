"""RNN-NADE and RNN-RBM: steps of bits, how many steps there are, and what is known of their chances."""

import laws
import pytest
import torch
from laws import every_x
from torch import Tensor

from genus.autoregressive import NADE, RNNNADE, RNNRBM
from genus.core import Bits, Classes, Tokens
from genus.data import load

SPACE = Bits((3, 3))


def away(model, scale: float = 1.0):
    """In float64, its weights away from where they start."""
    model = model.double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(scale * torch.randn_like(p))
    return model


def nade(cell="lstm"):
    return away(RNNNADE(SPACE, 4, 5, cell))


def rbm():
    return away(RNNRBM(SPACE, 3, 4, burn_in=200), 0.7)


def within_steps(states: Tensor, steps: int) -> Tensor:
    """Whether a sequence is silent after so many steps, (n,)."""
    return ~states[:, steps:].flatten(1).any(1)


@pytest.fixture(autouse=True)
def double():
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("make", [nade, lambda: nade("elman"), lambda: nade("gru")])
@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_chances_sum_to_one_for_each_number_of_steps(make, steps):
    model, states = make(), every_x(SPACE)
    log_p = model.log_prob(states, torch.full((len(states),), steps))
    assert log_p.logsumexp(0).item() == pytest.approx(0, abs=1e-9)
    assert (log_p[~within_steps(states, steps)] < -1e3).all()
    alive = log_p[within_steps(states, steps)]
    assert alive.exp().sum().item() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    "law",
    [
        laws.logits_are_blind_to_what_comes_later,
        laws.drawing_by_steps_is_drawing_by_whole_passes,
        laws.a_prefix_is_gone_on_with,
        laws.drawing_at_temperature_0_takes_the_likeliest,
        laws.samples_come_from_the_density,
        laws.rows_do_not_meet,
    ],
)
def test_laws_hold_for_sequences_of_full_length(law):
    model, steps = nade(), torch.full((6,), 3)
    law(model, model.sample(context=steps), steps)


class HearsTheStepItselfIsIn(RNNNADE):
    """Teacher forcing that is shifted by one step too few."""

    def logits(self, x, steps):
        return super().logits(torch.cat([x[:, 1:], x[:, :1]], 1), steps)


class ForgetsItsState(RNNNADE):
    def unroll(self, n, steps):
        step = self.rnn.step
        self.rnn.step = lambda x, memory: step(x, self.rnn.begin(len(x)))
        yield from super().unroll(n, steps)


@pytest.mark.parametrize(
    ("liar", "law"),
    [
        (HearsTheStepItselfIsIn, laws.logits_are_blind_to_what_comes_later),
        (ForgetsItsState, laws.drawing_by_steps_is_drawing_by_whole_passes),
    ],
)
def test_the_laws_reject_shifted_teaching_and_a_lost_state(liar, law):
    model, steps = away(liar(SPACE, 4, 5)), torch.full((6,), 3)
    x = nade().sample(context=steps)
    with pytest.raises(AssertionError):
        law(model, x, steps)


def test_a_step_is_a_nade_whose_biases_the_state_gives():
    model = nade()
    x = every_x(SPACE)[torch.randint(512, (20,))]
    steps = torch.full((20,), 3)
    total, memory = torch.zeros(20), model.rnn.begin(20)
    before = torch.zeros(20, 3)
    for t in range(3):
        biases = model.biases(model.rnn.step(before, memory))
        for row in range(20):
            one = NADE(Bits((3,)), 4).double()
            one.W, one.V = model.W, model.V
            one.b, one.c = (torch.nn.Parameter(p) for p in biases[row].split([3, 4]))
            total[row] += one.log_prob(x[row : row + 1, t])[0].detach()
        before = x[:, t]
    torch.testing.assert_close(model.log_prob(x, steps), total)


def test_shorter_sequences_are_silent_after_their_end_and_do_not_change_others():
    model = nade()
    steps = torch.tensor([3, 1, 0, 2])
    x = model.sample(context=steps)
    for row, count in zip(x, steps.tolist(), strict=True):
        assert not row[count:].any()
    alone = torch.cat([model.log_prob(x[i : i + 1], steps[i : i + 1]) for i in range(4)])
    torch.testing.assert_close(model.log_prob(x, steps), alone)


def test_dropout_is_for_learning_only():
    model = away(RNNNADE(SPACE, 4, 5, dropout=0.5))
    x, steps = model.sample(context=torch.full((8,), 3)), torch.full((8,), 3)
    assert torch.equal(model.log_prob(x, steps), model.log_prob(x, steps))
    model.train()
    assert not torch.equal(model.log_prob(x, steps), model.log_prob(x, steps))
    other = away(RNNRBM(SPACE, 4, 5, dropout=0.5))
    x = torch.ones(8, 3, 3)
    assert torch.equal(other.machines(x, steps)[1], other.machines(x, steps)[1])
    other.train()
    assert not torch.equal(other.machines(x, steps)[1], other.machines(x, steps)[1])


# the machines


def test_counting_hidden_states_is_counting_sequences():
    model, states = rbm(), every_x(SPACE)
    for steps in (1, 3):
        log_p = model.counted_log_prob(states, torch.full((512,), steps))
        alive = log_p[within_steps(states, steps)]
        assert alive.exp().sum().item() == pytest.approx(1, abs=1e-9)


def test_samples_of_machines_come_from_what_is_counted():
    model, states = rbm(), every_x(SPACE)
    states = states[within_steps(states, 2)]
    chances = model.counted_log_prob(states, torch.full((len(states),), 2)).exp()
    drawn = model.sample(context=torch.full((20_000,), 2))
    for one, p in zip(states, chances.tolist(), strict=True):
        hits = (drawn == one).flatten(1).all(1).double().mean().item()
        assert abs(hits - p) <= 5 * (max(p, 1 / 20_000) / 20_000) ** 0.5


def test_annealing_finds_the_constant_from_both_sides():
    model = away(RNNRBM(Bits((4, 6)), 5, 4), 1.5)
    steps = torch.full((3,), 4)
    x = torch.rand(3, 4, 6).round()
    v, b, c = model.machines(x, steps)
    truth = model.counted_log_prob(x, steps)
    near = model.annealed_log_prob(x, steps, betas=200, chains=400)
    torch.testing.assert_close(near, truth, atol=0.1, rtol=0)
    exact = -model.free_energy(v, b, c)
    states = every_x(Bits((6,)))
    log_z = -model.free_energy(states[:, None], b, c)
    log_z = log_z.logsumexp(0)
    draws = model.moved(v.expand(200, -1, -1), b, c, 300)
    rough = 20
    below, above = (model.log_z(b, c, rough, 200, start) for start in (None, draws))
    torch.testing.assert_close(below, log_z, atol=0.3, rtol=0)
    torch.testing.assert_close(above, log_z, atol=0.3, rtol=0)
    torch.testing.assert_close(exact.sum() - log_z.sum(), truth.sum())


def test_the_gradient_of_a_dream_is_that_of_the_likelihood():
    """With dreams from the machines themselves, on the average."""
    model = rbm()
    x, steps = model.sample(context=torch.full((1,), 3)), torch.full((1,), 3)
    v, b, c = model.machines(x, steps)
    h_states = every_x(Bits((3,)))
    log_z = torch.stack([-model.free_energy(one, b, c) for one in h_states]).logsumexp(0)
    exact = (model.free_energy(v, b, c) + log_z).sum()
    truth = torch.autograd.grad(exact, model.biases.bias)[0]
    many, count = x.expand(3000, -1, -1), steps.expand(3000)
    model.gibbs_steps = 200
    got = torch.autograd.grad(sum(model.loss(many, count).values()), model.biases.bias)[0]
    torch.testing.assert_close(got, truth, atol=0.1, rtol=0)


@pytest.mark.parametrize("kind", [RNNNADE, RNNRBM])
def test_they_learn_that_a_key_is_held(kind):
    """What sounds in a step sounds in the next one."""
    torch.set_default_dtype(torch.float32)
    keys = torch.randint(4, (200,))
    x = torch.nn.functional.one_hot(keys, 4).float()[:, None].repeat(1, 4, 1)
    steps = torch.full((200,), 4)
    model = kind(Bits((4, 4)), 12, 16)
    optimizer = torch.optim.Adam(model.parameters(), 0.03)
    for _ in range(150):
        optimizer.zero_grad()
        sum(model.loss(x, steps).values()).backward()
        optimizer.step()
    score = model.log_prob if kind is RNNNADE else model.counted_log_prob
    assert -2.5 < score(x, steps).mean().item() < -1.3  # -9.0 if keys were independent
    drawn = model.eval().sample(context=steps)
    held = (drawn == drawn[:, :1]).flatten(1).all(1).float().mean()
    assert held > (0.85 if kind is RNNNADE else 0.3)  # a machine's dreams are noisy; chance: 0.016


def test_they_take_chorales():
    torch.set_default_dtype(torch.float32)
    data = load("chorale_toys")
    for kind in (RNNNADE, RNNRBM):
        model = kind(data.space, 4, 5)
        assert model.context_space == data.context_space == Classes(9)
        loss = sum(model.loss(*data.train.batch(0, 4, 0)).values())
        assert loss.isfinite()


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: RNNNADE(Tokens(2, 3)), r"Bits of \(steps, d\) are wanted"),
        (lambda: RNNNADE(Bits((3,))), r"Bits of \(steps, d\) are wanted"),
        (lambda: RNNNADE(SPACE, 0), "hidden is 0"),
        (lambda: RNNNADE(SPACE, dropout=1.0), "dropout is 1.0"),
        (lambda: RNNRBM(Bits((3,))), r"Bits of \(steps, d\) are wanted"),
        (lambda: RNNRBM(SPACE, burn_in=0), "burn_in is 0; at least 1"),
        (lambda: RNNRBM(SPACE, dropout=-0.1), "dropout is -0.1"),
        (
            lambda: RNNRBM(SPACE, 17).counted_log_prob(torch.zeros(1, 3, 3), torch.tensor([3])),
            "annealed_log_prob estimates it",
        ),
    ],
)
def test_they_refuse(make, said):
    with pytest.raises(ValueError, match=said):
        make()
