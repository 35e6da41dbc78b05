"""Translators: what they read, where they look, what they remember, and what they find by a beam."""

import laws
import pytest
import torch
from models import build

from genus.autoregressive import EncoderDecoder, Seq2Seq, beam
from genus.core import Tokens
from genus.functional.sequences.choices import Decoding

TO, OF = Tokens(3, 4, 0), Tokens(4, 5, 2)
KINDS = {
    "vector": lambda: Seq2Seq(TO, OF, 6, 4),
    "attention": lambda: Seq2Seq(TO, OF, 6, 4, attention=5),
    "transformer": lambda: EncoderDecoder(TO, OF, 8, 2, 2),
}


@pytest.fixture(params=KINDS)
def model(request):
    """Sharper than at first, and slow to end: so that what is best differs from row to row."""
    model = build(KINDS[request.param])
    torch.set_default_dtype(torch.float64)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
        model.foreign.weight.mul_(4)
        model.output.weight.mul_(6)
        model.output.bias[0] -= 6
    return model


def contexts(n):
    return laws.draw(OF, n)


def test_what_is_after_the_end_is_not_read(model):
    """Nor does it matter how long other sentences of the batch are."""
    context = torch.tensor([[1, 0, 2, 2, 2], [3, 1, 0, 0, 1], [2, 2, 2, 2, 2]])
    x = laws.draw(TO, 3)
    other = context.clone()
    other[0, 3:], other[2, 1:] = torch.tensor([0, 3]), torch.tensor([3, 1, 0, 2])
    torch.testing.assert_close(model.log_prob(x, context), model.log_prob(x, other))
    alone = torch.cat([model.log_prob(x[i : i + 1], context[i : i + 1]) for i in range(3)])
    torch.testing.assert_close(model.log_prob(x, context), alone)


def test_every_word_up_to_the_end_is_read(model):
    context, x = torch.tensor([[1, 0, 3, 2, 2]]), torch.tensor([[1, 2, 1, 2]])
    before = model.logits(x, context)
    for place in range(4):
        other = context.clone()
        other[0, place] = 0 if context[0, place] else 1
        assert ((model.logits(x, other) - before).abs().amax((0, 2)) > 1e-9).all()


def test_the_order_of_words_is_read(model):
    x = torch.tensor([[1, 2, 1, 2]])
    one, two = torch.tensor([[1, 0, 3, 2, 2]]), torch.tensor([[3, 0, 1, 2, 2]])
    assert (model.log_prob(x, one) - model.log_prob(x, two)).abs() > 1e-6


def test_steps_give_the_logits_of_whole_passes(model):
    x, context = laws.draw(Tokens(3, 4), 20), contexts(20)
    steps, found = model.unroll(20, context), []
    found.append(next(steps))
    found += [steps.send(x[:, i]) for i in range(3)]
    torch.testing.assert_close(torch.stack(found, 1), model.logits(x, context))


def test_log_prob_stops_where_all_have_ended_and_says_the_same(model):
    x, context = torch.tensor([[0, 0, 0, 0], [1, 0, 0, 0]]), contexts(2)
    whole = model.logits(x, context).log_softmax(2).gather(2, x[:, :, None])[:, :, 0]
    expected = torch.stack([whole[0, 0], whole[1, :2].sum()])
    torch.testing.assert_close(model.log_prob(x, context), expected)
    assert model.log_probs(x, context).shape == (2, 4)
    assert (model.log_probs(x, context)[0, 1:] == 0).all()


@pytest.mark.parametrize("penalty", [0.0, 0.7, 2.0])
def test_a_beam_as_wide_as_the_space_finds_the_best_of_all(model, penalty):
    states, context = laws.every_x(TO), contexts(12)
    length = ((states != 0).sum(1) + 1).clamp(max=4)
    found = beam(model, context, width=len(states), penalty=penalty)
    assert len(found.x.unique(dim=0)) > 1
    for i in range(12):
        log_p = model.log_prob(states, context[i : i + 1].expand(len(states), -1))
        score = log_p / length**penalty
        assert torch.equal(found.x[i], states[score.argmax()])
        torch.testing.assert_close(found.score[i], score.max())
        torch.testing.assert_close(found.log_prob[i], log_p[score.argmax()])


def test_a_beam_of_one_is_greedy(model):
    context = contexts(30)
    greedy = model.sample(context=context, decoding=Decoding(temperature=0))
    assert torch.equal(beam(model, context, width=1).x, greedy)


def test_a_wider_beam_finds_what_greed_misses():
    """The likelier first word leads to unlikely second ones: width 2 keeps the other."""

    class Trap:
        space = Tokens(3, 2)

        def begin(self, context):
            return self

        def pick(self, rows):
            pass

        def step(self, came, memory):
            p = torch.tensor([[1 / 3, 1 / 3, 1 / 3], [0.9, 0.05, 0.05], [1 / 3, 1 / 3, 1 / 3]])
            first = torch.tensor([0.6, 0.4, 1e-9])
            return torch.where((came == 3)[:, None], first, p[came.clamp(max=2)]).log()

    context = torch.zeros(2, 1)
    assert beam(Trap(), context, 1).x.tolist() == [[0, 0]] * 2
    found = beam(Trap(), context, 2)
    assert found.x.tolist() == [[1, 0]] * 2
    torch.testing.assert_close(found.log_prob.exp(), torch.full((2,), 0.36))


def test_a_beam_is_right_only_if_memory_follows_its_rows(model, monkeypatch):
    """The liar keeps the rows as they were: then what it says of its find is not what that is worth."""
    context = contexts(60)

    def gap():
        found = beam(model, context, 3, penalty=2.0)
        return (found.log_prob - model.log_prob(found.x, context)).abs().max()

    assert gap() < 1e-9
    monkeypatch.setattr(type(model.begin(context)), "pick", lambda self, rows: None)
    assert gap() > 1e-3


def test_attention_maps_are_shares_of_what_is_read():
    for kind in ("attention", "transformer"):
        model = build(KINDS[kind])
        context = torch.tensor([[1, 0, 2, 2, 2], [3, 1, 0, 0, 1]])
        x = torch.tensor([[1, 0, 0, 0], [1, 2, 1, 2]])
        a = model.attention_map(x, context)
        assert a.shape == (2, 4, 5)
        torch.testing.assert_close(a[1].sum(1), torch.ones(4, dtype=a.dtype))
        torch.testing.assert_close(a[0, :2].sum(1), torch.ones(2, dtype=a.dtype))
        assert (a[0, :, 3:] == 0).all()
        assert (a[0, 2:] == 0).all()
        assert (a[0, :2, :3] > 0).all()


def test_attention_is_a_weighted_mean_of_what_was_read():
    """By the equations, with the weights that it has, step by step."""
    model = build(KINDS["attention"])
    torch.set_default_dtype(torch.float64)
    x, context = torch.tensor([[1, 2, 1, 0]]), torch.tensor([[1, 0, 3, 1, 0]])
    seen = torch.ones(1, 5, dtype=torch.bool)
    h = model.reader(model.foreign(context), seen)
    s = model.first(h[:, 0, 6:]).tanh()
    for i, before in enumerate([3, 1, 2, 1]):
        e = [model.compare((model.query(s) + model.show(h[:, j])).tanh()) for j in range(5)]
        a = torch.cat(e, 1).softmax(1)
        torch.testing.assert_close(model.attention_map(x, context)[:, i], a)
        c = sum(a[:, j, None] * h[:, j] for j in range(5))
        word = model.own(torch.tensor([before]))
        s = model.writer.stack[0](torch.cat([word, c], 1)[:, None], s[None])[1][0]
        t = model.loose(torch.cat([s, word, c], 1)).reshape(1, 6, 2).amax(2)
        torch.testing.assert_close(model.logits(x, context)[:, i], model.output(t))


def test_one_vector_is_all_that_is_passed_on():
    """Two sentences whose readers end alike are translated alike, whatever was read between."""
    model = build(KINDS["vector"])
    memory = model.begin(contexts(3))
    assert memory.read.shape == (3, 1, 12)
    assert memory.keys is None
    with pytest.raises(ValueError, match="attention is None"):
        model.attention_map(laws.draw(TO, 3), contexts(3))


class ForgetsItsKeys(EncoderDecoder):
    """A cache that forgets a row."""

    def step(self, came, memory):
        logits = super().step(came, memory)
        for own, _ in memory.blocks:
            own.keys[:, :, own.count - 1] = 0
        return logits


class SeesItsAnswer(Seq2Seq):
    """Teacher forcing that is shifted by none: each word sees itself."""

    def logits(self, x, context):
        return super().logits(x.roll(-1, 1), context)


@pytest.mark.parametrize(
    ("liar", "arguments", "law"),
    [
        (ForgetsItsKeys, (8, 2, 2), "drawing_by_steps_is_drawing_by_whole_passes"),
        (SeesItsAnswer, (6, 4, 5), "logits_are_blind_to_what_comes_later"),
        (SeesItsAnswer, (6, 4), "probability_sums_to_one"),
    ],
)
def test_laws_bite(liar, arguments, law):
    model = build(lambda: liar(TO, OF, *arguments))
    torch.set_default_dtype(torch.float64)
    with pytest.raises(AssertionError):
        getattr(laws, law)(model, *laws.sample(model, 6))


def test_learns_to_copy():
    """In seconds: three letters backwards."""
    torch.manual_seed(0)
    space = Tokens(5, 3)
    for make in (
        lambda: Seq2Seq(space, space, 24, 12, attention=12),
        lambda: EncoderDecoder(space, space, 16, 1, 2),
    ):
        model = make()
        optimizer = torch.optim.Adam(model.parameters(), 1e-2)
        for _ in range(150):
            context = torch.randint(5, (64, 3))
            loss = model.loss(context.flip(1), context)["nll"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        context = torch.randint(5, (50, 3))
        assert torch.equal(beam(model, context, 2).x, context.flip(1))


def test_what_is_refused():
    with pytest.raises(ValueError, match="width is 0"):
        beam(build(KINDS["vector"]), contexts(2), width=0)
    with pytest.raises(ValueError, match="depth is 0"):
        EncoderDecoder(TO, OF, 8, 0)
