"""BicycleGAN: its losses by hand, whose gradient goes where, its halves, and its styles."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn.functional import avg_pool2d

from genus.core import Bits, Pixels, Reals
from genus.functional.adversarial.relativistic import relativistic
from genus.train import play
from genus.translation import BicycleGAN, StyleDecoding
from genus.translation.bicyclegan import halved

SPACE, GIVEN = Pixels((1, 8, 8), 17), Reals((2, 8, 8))


def pairs(rows=6):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    return SPACE.quantise(torch.rand(rows, 1, 8, 8) * 2 - 1), torch.randn(rows, 2, 8, 8)


def tiny(cls=BicycleGAN, **options):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    return cls(SPACE, GIVEN, **{"latent": 3, "width": 4, **options})


# --- losses -----------------------------------------------------------------------------------


def scores(critics, y, *question):
    """Of pictures at their size and at half of it."""
    fine, coarse = critics
    small = (avg_pool2d(part, 3, 2, 1, count_include_pad=False) for part in (y, *question))
    return fine(y, *question), coarse(*small)


@pytest.mark.parametrize("conditional", [False, True])
def test_the_losses_are_the_papers(conditional):
    x, context = pairs()
    model = tiny(conditional=conditional)
    dealt = model.deal(x, context)
    fakes = dealt.encoded.fake, dealt.drawn.fake
    first, second, asked = x[:3], x[3:], context[:3]
    questions = ((asked,), (asked,)) if conditional else ((), ())
    own = (context[3:],) if conditional else ()

    fooled = {}
    parts = (
        ("encoded", model.encoded_critics, model.encoded_critic_loss, first, questions[0]),
        ("drawn", model.drawn_critics, model.drawn_critic_loss, second, own),
    )
    for (name, critics, loss, true, beside), fake in zip(parts, fakes, strict=True):
        r, f = scores(critics, true, *beside), scores(critics, fake, *questions[0])
        wanted = sum(((a - 1) ** 2).mean() + (b**2).mean() for a, b in zip(r, f, strict=True)) / 2
        torch.testing.assert_close(sum(loss(*dealt).values()), wanted)
        fooled[name] = sum(((b - 1) ** 2).mean() for b in f)

    terms = model.generator_loss(*dealt)
    torch.testing.assert_close(terms["fool_encoded"], fooled["encoded"])
    torch.testing.assert_close(terms["fool_drawn"], fooled["drawn"])
    torch.testing.assert_close(terms["l1"], 10 * (first - fakes[0]).abs().mean())
    read = model.encoder(fakes[1])[0]
    torch.testing.assert_close(terms["latent"], 0.5 * (read - dealt.drawn.z).abs().mean())
    assert set(terms) == {"fool_encoded", "fool_drawn", "l1", "kl", "latent"}


def the_divergence_is_that_of_normals(model):
    dealt = model.deal(*pairs())
    mean, log_var = model.encoder(dealt.encoded.x)
    wanted = kl_divergence(Normal(mean, log_var.exp().sqrt()), Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(model.generator_loss(*dealt)["kl"], model.kl * wanted)


def the_encoder_learns_nothing_from_drawn_styles(model):
    """By the gradient of this one term, which reaches all of the generator."""
    latent = model.generator_loss(*model.deal(*pairs()))["latent"]
    of_encoder = torch.autograd.grad(
        latent, [*model.encoder.parameters()], retain_graph=True, allow_unused=True
    )
    assert not any(g is not None and g.any() for g in of_encoder)
    weights = [p for p in model.generator.parameters() if p.dim() == 4]
    of_generator = torch.autograd.grad(latent, weights)
    assert all(g.abs().sum() > 0 for g in of_generator)


def rows_do_not_meet(model):
    """Each row is answered, read and scored by itself, also in training."""
    x, context = pairs()
    z = torch.randn(len(x), 3)
    for found in (
        lambda i: model.translate(context[i], z[i]),
        lambda i: torch.stack(model.encoder(x[i]), 1),
        lambda i: model.drawn_critics[0](x[i]),
        lambda i: model.encoded_critics[1](halved(x[i])),
    ):
        alone = torch.cat([found(slice(k, k + 1)) for k in range(len(x))])
        torch.testing.assert_close(found(slice(None)), alone)


class PullsStylesApart(BicycleGAN):
    def generator_loss(self, encoded, drawn):
        terms = super().generator_loss(encoded, drawn)
        return {**terms, "kl": -terms["kl"]}


class TakesLogDeviations(BicycleGAN):
    def generator_loss(self, encoded, drawn):
        return super().generator_loss(encoded._replace(log_var=2 * encoded.log_var), drawn)


class TellsItsEncoder(BicycleGAN):
    def read(self, x):
        return self.encode(x)


class NormalisesTheBatch(BicycleGAN):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.encoder.blocks[0].norms[0] = torch.nn.BatchNorm2d(self.width)


class LooksAcrossPatches(BicycleGAN):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.encoded_critics[1].net.append(torch.nn.BatchNorm2d(1))


RULES = [
    (the_divergence_is_that_of_normals, [PullsStylesApart, TakesLogDeviations]),
    (the_encoder_learns_nothing_from_drawn_styles, [TellsItsEncoder]),
    (rows_do_not_meet, [NormalisesTheBatch, LooksAcrossPatches]),
]


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES])
def test_the_rules_hold(rule):
    rule(tiny())


@pytest.mark.parametrize(("rule", "liar"), [(rule, one) for rule, few in RULES for one in few])
def test_the_rules_bite(rule, liar):
    with pytest.raises(AssertionError):
        rule(tiny(liar))


def test_a_relative_objective_is_shown_both_sides():
    model = tiny(objective=relativistic)
    dealt = model.deal(*pairs())
    r, f = (scores(model.drawn_critics, y) for y in (dealt.drawn.x, dealt.drawn.fake))
    terms = [relativistic.generator(*pair) for pair in zip(r, f, strict=True)]
    (name,) = terms[0]
    wanted = 2 * sum(term[name] for term in terms)
    torch.testing.assert_close(model.generator_loss(*dealt)[f"{name}_drawn"], wanted)


# --- halves -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "half"), [(6, 3), (5, 3), (2, 1), (1, 1)])
def test_half_of_a_batch_is_encoded(rows, half):
    """An odd batch has its middle row in both halves; a single row is in both."""
    x, context = pairs(rows)
    encoded, drawn = tiny().deal(x, context)
    assert torch.equal(encoded.x, x[:half])
    assert torch.equal(drawn.x, x[-half:])
    assert torch.equal(drawn.context, context[-half:])
    assert torch.equal(encoded.context, context[:half])
    assert torch.equal(drawn.asked, context[:half])
    assert encoded.fake.shape == drawn.fake.shape == (half, 1, 8, 8)


def test_fakes_are_answers_in_their_styles():
    x, context = pairs()
    model = tiny()
    encoded, drawn = model.deal(x, context)
    torch.testing.assert_close(drawn.fake, model.translate(drawn.asked, drawn.z))
    sure = tiny()
    torch.nn.init.zeros_(sure.encoder.log_var.weight)
    torch.nn.init.constant_(sure.encoder.log_var.bias, -200.0)
    encoded, _ = sure.deal(x, context)
    torch.testing.assert_close(
        encoded.fake, sure.translate(encoded.context, sure.encode(encoded.x))
    )


# --- styles -----------------------------------------------------------------------------------


@pytest.mark.parametrize(("inject", "places"), [("input", [0]), ("all", [0, 1, 2])])
def test_styles_enter_where_they_should(inject, places):
    """At the maps before each halving, of which there are three."""
    model = tiny(inject=inject)
    plain = tiny(inject="input", latent=1).generator.downs
    more = [
        a.in_channels - b.in_channels for a, b in zip(model.generator.downs, plain, strict=True)
    ]
    assert [k for k, extra in enumerate(more) if extra > 0] == places
    _, context = pairs()
    one, other = (model.translate(context, torch.randn(6, 3)) for _ in range(2))
    assert (one - other).abs().amax((1, 2, 3)).min() > 0


def test_samples_may_be_of_a_given_style():
    x, context = pairs()
    model = tiny()
    style = model.encode(x[:1])[0]
    decoding = StyleDecoding(style.detach())
    drawn = model.sample(context=context, decoding=decoding)
    wanted = model.translate(context, style.expand(6, 3))
    assert torch.equal(drawn, SPACE.quantise(wanted))
    near = StyleDecoding([1.0, 2.0, 3.0], temperature=0.1).draw(torch.ones(2, 3))
    torch.testing.assert_close(near, torch.tensor([[1.1, 2.1, 3.1]] * 2))
    assert torch.equal(StyleDecoding(temperature=0.5).draw(torch.ones(2, 3)), torch.ones(2, 3) / 2)
    assert torch.equal(StyleDecoding().draw(torch.ones(2, 3)), torch.ones(2, 3))


def test_a_style_is_read_from_the_picture_alone():
    x, context = pairs()
    model = tiny()
    assert torch.equal(model.encode(x, context), model.encode(x))
    assert torch.equal(model.encode(x), model.encoder(x)[0])


def test_both_answers_to_a_question_are_learnt():
    """Patterns become faint or strong: the question must tell the pattern, and the style how strong."""
    torch.set_default_dtype(torch.float32)
    torch.manual_seed(0)
    space = Pixels((1, 4, 4), 7)
    model = BicycleGAN(space, space, latent=2, width=8)
    players = model.players()
    optimizers = {
        n: torch.optim.Adam(p.parameters(), 4e-3, (0.5, 0.99)) for n, p in players.items()
    }

    def batch(rows):
        pattern = (torch.randint(2, (rows, 1, 2, 2)) * 2.0 - 1).repeat_interleave(2, 2)
        pattern = pattern.repeat_interleave(2, 3)
        return pattern * (1 - torch.randint(2, (rows, 1, 1, 1)) * 2 / 3), pattern

    for _ in play(model, (batch(16) for _ in range(300)), optimizers):
        pass
    y, pattern = batch(200)
    made = model.sample(context=pattern)
    assert ((made * pattern) > 0).double().mean() > 0.75
    assert 0.2 < (made.abs().mean((1, 2, 3)) > 2 / 3).double().mean() < 0.8
    kept = (model.translate(pattern, model.encode(y)) - y).abs().mean()
    assert kept < 0.2  # 1/3 at best without a style


# --- what fits --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "scales"), [((4, 4), 1), ((7, 5), 1), ((8, 11), 2), ((28, 28), 2)]
)
def test_any_size_of_at_least_four_fits(shape, scales):
    model = BicycleGAN(Pixels((3, *shape)), Reals((1, *shape)), 2, 2)
    assert len(model.drawn_critics) == len(model.encoded_critics) == scales
    x, context = torch.zeros(2, 3, *shape), torch.randn(2, 1, *shape)
    assert model.sample(context=context).shape == (2, 3, *shape)
    for player in model.players().values():
        assert all(term.isfinite() for term in player.loss(*model.deal(x, context)).values())


@pytest.mark.parametrize(
    ("space", "context", "options", "words"),
    [
        (Bits((1, 8, 8)), GIVEN, {}, "space is Bits"),
        (Pixels((1, 3, 8)), Reals((1, 3, 8)), {}, "height and width at least 4"),
        (SPACE, Reals((1, 4, 4)), {}, "images of 8 x 8 are wanted"),
        (SPACE, Reals((64,)), {}, "Pixels or Reals of"),
        (SPACE, GIVEN, {"latent": 0}, "latent is 0; at least 1 is wanted"),
        (SPACE, GIVEN, {"kl": -1.0}, "kl is -1.0; at least 0 is wanted"),
        (SPACE, GIVEN, {"inject": "middle"}, "inject is 'middle'; input or all is wanted"),
    ],
)
def test_what_does_not_fit_is_refused(space, context, options, words):
    with pytest.raises(ValueError, match=f"BicycleGAN: .*{words}"):
        BicycleGAN(space, context, **options)


def test_styles_of_another_size_are_refused():
    _, context = pairs()
    with pytest.raises(ValueError, match=r"BicycleGAN: z has shape \(6, 2\); \(6, 3\) is wanted"):
        tiny().translate(context, torch.zeros(6, 2))
    with pytest.raises(ValueError, match="StyleDecoding: style has 2 numbers; 3 are wanted"):
        tiny().sample(context=context, decoding=StyleDecoding([0.0, 1.0]))
    with pytest.raises(ValueError, match="StyleDecoding: temperature is -1; at least 0"):
        StyleDecoding(temperature=-1)
