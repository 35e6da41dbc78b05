"""Compiled rounds: what they respect, what is refused, and the liars that their law catches."""

import copy
import re

import numpy as np
import pytest
import torch
from games import Blob

from genus import Refused, Run, fit, play
from genus.adversarial import GAN
from genus.adversarial.views import InstanceNoise
from genus.compiling import graphs, sight
from genus.compiling.calls import as_traced
from genus.core import Reals
from genus.data.sources import Note
from genus.density import GaussianMixture
from genus.functional.adversarial import Penalty, r1
from genus.nn import MLP
from genus.train.game import adam, adamw
from genus.train.rounds import bundles, compiled
from genus.train.rounds.compiled import CompiledRounds, gained
from genus.vae import VAE

from .law import alike, compiled_rounds_are_rounds, played, rounds_of


def gan(every=3, **options):
    """With a view that fades, a bound, dropout, and R1 in every third move of the critic."""
    generator, critic = MLP(2, 2, (8,)), MLP(2, 1, (8,), 0.1)
    penalties = [Penalty(r1, 0.1, every=every)]
    how = {"view": InstanceNoise(1.0, 5), "critic_rounds": 2, "bound": 0.5, "history": 0.1}
    return GAN(
        Reals((2,)), generator, critic, 2, penalties=penalties, **{**how, **options}
    ).double()


def batches(model, count=7, rows=8):
    torch.default_generator.manual_seed(3)
    return [(torch.randn(rows, *model.space.shape, dtype=torch.float64),) for _ in range(count)]


def holds(model=None, **how):
    model = model or gan()
    assert compiled_rounds_are_rounds(model, batches(model), **how) is None


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"clip": 0.01},
        {"accumulate": 4},
        {"make": adamw(1e-2, 0.3)},
        {"make": lambda name, p: torch.optim.Adam(p, 1e-2, weight_decay=0.3, betas=(0.0, 0.9))},
        {"make": adam(1e-2, lazy={"critic": 3})},
    ],
)
def test_a_game_of_two_that_do_not_always_move(how):
    holds(**how)


def test_autocast():
    model = VAE(Reals((2,)), latent=1)
    rows = [(x.float(),) for (x,) in batches(model)]
    assert compiled_rounds_are_rounds(model, rows, autocast=True, tolerance=1e-2) is None


def test_an_optimiser_that_is_no_part_of_the_program_steps_after_it():
    holds(Blob().double(), make=lambda name, p: torch.optim.SGD(p, 1e-2, momentum=0.9), clip=0.5)


def test_it_is_refused_where_more_follows_such_a_step():
    model = gan()
    reason = compiled_rounds_are_rounds(
        model, batches(model), lambda name, p: torch.optim.SGD(p, 0.1)
    )
    assert reason
    assert "critic is moved by SGD" in reason


def test_learning_rates_may_change_between_rounds():
    plain, model = Blob().double(), Blob().double()
    rows, ends = batches(plain), []
    for game, make in (
        (rounds_of(plain, adam(1e-2)), None),
        (rounds_of(model, adam(1e-2)), as_traced),
    ):
        play_of = CompiledRounds(game, compiler=make).play if make else game.play
        for number, batch in enumerate(rows):
            game.optimizers["model"].param_groups[0]["lr"] = 0.1 / (1 + number)
            play_of(number, batch)
        ends.append(torch.cat([p.flatten() for p in game.model.parameters()]))
    torch.testing.assert_close(*ends, rtol=1e-12, atol=0)


def test_a_short_batch_is_played_as_usual_and_nothing_is_compiled_anew():
    model = gan()
    rows = batches(model)
    rows[3] = (rows[3][0][:4],)
    made = []

    def counted(graph, arguments):
        made.append(graph)
        return graph

    assert compiled_rounds_are_rounds(model, rows, compiler=counted) is None
    assert len(made) == 4  # critic, both, and each of them with R1


def test_a_game_goes_on_from_optimisers_that_have_taken_steps():
    model = gan()
    rows = batches(model, 6)
    plain, other = rounds_of(copy.deepcopy(model), adam(1e-2)), rounds_of(model, adam(1e-2))
    assert played(plain.play, rows) == played(other.play, rows)
    was = played(plain.play, rows)  # all rounds again
    now = played(CompiledRounds(other, compiler=as_traced).play, rows)
    for before, after in zip(was, now, strict=True):
        assert after == pytest.approx(before, rel=1e-7)
    alike(plain.model.state_dict(), other.model.state_dict(), 1e-7)


def test_it_is_said_what_cannot_be_compiled():
    class Reading(Blob):
        def loss(self, x):
            return {"nll": -self.log_prob(x).mean() * (2 if x.mean() > 0 else 1)}

    class Counting(Blob):
        calls = 0

        def loss(self, x):
            self.calls += 1
            return super().loss(x)

    class Replacing(Blob):
        def __init__(self):
            super().__init__()
            self.register_buffer("seen", torch.zeros(()))

        def loss(self, x):
            self.seen = self.seen + x.mean().detach()
            return super().loss(x)

    class Choosing(Blob):
        def loss(self, x):
            return {"nll": -self.log_prob(x[x[:, 0] > 0]).mean()}

    class Hiding(Blob):
        def __init__(self):
            super().__init__()
            self.hidden = torch.zeros((), dtype=torch.float64)

        def loss(self, x):
            self.hidden += 1
            return {"nll": -self.log_prob(x).mean() * self.hidden}

    class Bending(Blob):
        def loss(self, x):
            return {"nll": -Bent.apply(self.log_prob(x)).mean()}

    class Arrayed(Blob):
        def loss(self, x):
            self.array = np.zeros(3)
            return super().loss(x)

    for model, reason in {
        Bending(): "test_compiled.py, line .*, reads a tensor as a number",
        Arrayed(): "a round changes Arrayed.array",
        Reading(): "test_compiled.py, line .*, reads a tensor as a number",
        Counting(): "a round changes Counting.calls, which is no buffer",
        Replacing(): "a round puts another tensor in the place of seen",
        Choosing(): "depends on data",
        Hiding(): "neither a parameter nor a buffer",
    }.items():
        game = CompiledRounds(rounds_of(model.double(), adam(1e-2)), compiler=as_traced)
        before = copy.deepcopy(model.state_dict())
        with pytest.warns(Note, match=f"is trained without compilation: .*{reason}"):
            game.prepare(("model",), batches(model)[0])
        assert not game.fits
        assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_it_is_said_what_compilation_brings_and_that_changes_nothing(monkeypatch):
    monkeypatch.setattr(compiled, "QUICK", 0.01)
    sentences = []
    plain, model = gan().train(), gan().train()
    model.load_state_dict(plain.state_dict())
    rows = batches(model)
    first = rounds_of(plain, adam(1e-2))
    timed, untimed = rounds_of(model, adam(1e-2)), CompiledRounds(first, compiler=as_traced)
    was = played(untimed.play, rows)
    assert was == played(CompiledRounds(timed, sentences.append, as_traced).play, rows)
    alike(plain.state_dict(), model.state_dict(), 0.0)
    said = r"compiled in \d+ s: it takes [\d.]+ ms, and [\d.]+ ms without compilation(, which is faster here|; this pays after [\d,]+ rounds)$"
    assert sum(bool(re.search(said, line)) for line in sentences) == 4
    assert gained(10.0, 2e-3, 1e-3).endswith("and 1.0 ms without compilation, which is faster here")


def test_a_round_of_many_operations_is_refused(monkeypatch):
    monkeypatch.setattr(sight, "LARGEST", 10)
    game = CompiledRounds(rounds_of(Blob().double(), adam(1e-2)), compiler=as_traced)
    with pytest.warns(Note, match="more than 10 take too long to compile"):
        game.play(0, batches(game.plain.model)[0])


def test_no_compiler_means_a_sentence_and_usual_rounds(monkeypatch):
    from torch._inductor import cpp_builder, exc

    def missing():
        raise exc.InvalidCxxCompiler

    monkeypatch.setattr(cpp_builder, "get_cpp_compiler", missing)
    model = Blob().double()
    moves = {"model": torch.optim.Adam(model.parameters(), 1e-2)}
    with pytest.warns(Note, match=r"no C\+\+ compiler was found"):
        losses = list(play(model, batches(model), moves, compile=True))
    assert len(losses) == 7


def test_several_ranks_are_refused(monkeypatch):
    monkeypatch.setattr(compiled, "ranks", lambda: (0, 2))
    game = CompiledRounds(rounds_of(Blob().double(), adam(1e-2)), compiler=as_traced)
    with pytest.warns(Note, match="several ranks"):
        game.play(0, batches(game.plain.model)[0])


class Bent(torch.autograd.Function):
    """Its gradient takes a list of numbers from a tensor, which a tracer does not see by itself."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clone()

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        return grad * sum(x.tolist())


def test_tensors_become_lists_again_after_a_trace():
    model = Blob().double()
    CompiledRounds(rounds_of(model, adam(1e-2)), compiler=as_traced).play(0, batches(model)[0])
    assert torch.ones(2).tolist() == [1.0, 1.0]
    assert np.asarray(torch.ones(2)).sum() == torch.ones(2).numpy().sum() == 2


def test_a_learner_without_rounds_refuses_what_is_of_rounds():
    for how in ({"compile": True}, {"profile": True}, {"ema": 0.9}):
        (name,) = how
        with pytest.raises(Refused, match=f"{name} is .* plays no rounds; leave {name} out"):
            fit(
                GaussianMixture(Reals((2,)), 2),
                torch.randn(20, 2),
                Run(rounds=1, device="cpu", **how),
            )


# --- liars ------------------------------------------------------------------------------------


def draws_the_same_noise_again(patch):
    def cached(graph):
        drawn = {}

        def once(k, draw):
            return lambda: drawn.setdefault(k, draw()).clone()

        return [once(k, draw) for k, draw in enumerate(graphs.lifted(graph))]

    patch.setattr(compiled, "lifted", cached)


def draws_noise_in_another_order(patch):
    def turned(graph):
        draws = graphs.lifted(graph)

        def all_at_once():
            return list(reversed([draw() for draw in reversed(draws)]))

        kept = []

        def one():
            if not kept:
                kept.extend(all_at_once())
            return kept.pop(0)

        return [one for _ in draws]

    patch.setattr(compiled, "lifted", turned)


def keeps_buffers_as_constants(patch):
    """So that a view no longer fades, and nothing is counted."""

    def frozen(graph, arguments):
        fixed = {i: x.clone() for i, x in enumerate(arguments) if x.dtype == torch.int64}
        return lambda *given: graph(*[fixed.get(i, x) for i, x in enumerate(given)])

    patch.setattr(compiled, "inductor", frozen)


def drops_a_gradient(patch):
    learn = bundles.Traced.learn

    def without_the_first(self, total, retain):
        learn(self, total, retain)
        first = next(iter(self.gradients))
        self.gradients[first] = torch.zeros_like(self.gradients[first])

    patch.setattr(bundles.Traced, "learn", without_the_first)


def drops_a_term(patch):
    """A player's penalty, in the program alone."""
    play = compiled.Program.play

    def without(self, batch):
        losses = play(self, batch)
        return {name: value for name, value in losses.items() if not name.endswith("/r1")}

    patch.setattr(compiled.Program, "play", without)


def forgets_to_count(patch):
    patch.setattr(bundles.Bundle, "count_step", lambda self: [1e-2, 1.0, 0.0])


def leaves_out_the_bound(patch):
    trace = compiled.Program.trace

    def unbound(self, *given):
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(GAN, "keep_bound", lambda game: None)
            return trace(self, *given)

    patch.setattr(compiled.Program, "trace", unbound)


LIARS = [
    draws_the_same_noise_again,
    draws_noise_in_another_order,
    keeps_buffers_as_constants,
    drops_a_gradient,
    drops_a_term,
    forgets_to_count,
    leaves_out_the_bound,
]


@pytest.mark.parametrize("liar", LIARS, ids=lambda liar: liar.__name__)
def test_the_law_catches(liar, monkeypatch):
    monkeypatch.setattr(compiled, "inductor", as_traced)
    liar(monkeypatch)
    model = gan()
    with pytest.raises(AssertionError):
        compiled_rounds_are_rounds(model, batches(model), compiler=None)
