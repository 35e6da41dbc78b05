"""FrankenGAN: stages that learn apart, styles that are drawn together, and what is given by hand."""

import pytest
import torch

from genus.core import Pixels, Reals
from genus.translation import BicycleGAN, ChainDecoding, FrankenGAN

FIRST, SECOND, GIVEN = Pixels((1, 4, 4), 5), Pixels((2, 4, 4), 5), Reals((2, 4, 4))


def tiny(cls=FrankenGAN):
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(1)
    model = cls([BicycleGAN(FIRST, GIVEN, 3, 4), BicycleGAN(SECOND, FIRST, 3, 4)])
    with torch.no_grad():  # at its beginning it answers with grey
        for weight in model.parameters():
            weight.add_(0.3 * torch.randn_like(weight))
    return model


def rows(n=6):
    torch.manual_seed(0)
    x = torch.cat(
        [space.quantise(torch.rand(n, *space.shape) * 2 - 1) for space in (FIRST, SECOND)], 1
    )
    return x, torch.randn(n, *GIVEN.shape)


# --- games ------------------------------------------------------------------------------------


def test_stages_learn_from_true_pairs_each_by_itself():
    model, (x, context) = tiny(), rows()
    torch.manual_seed(3)
    dealt = model.deal(x, context)
    torch.manual_seed(3)
    wanted = (
        model.stages[0].deal(x[:, :1], context),
        model.stages[1].deal(x[:, 1:], x[:, :1]),
    )
    players = model.players()
    assert len(players) == 6
    for k, stage in enumerate(model.stages):
        for name, player in stage.players().items():
            found = players[f"{name}_{k}"].loss(*dealt)
            for term, value in player.loss(*wanted[k]).items():
                torch.testing.assert_close(found[term], value)
            assert players[f"{name}_{k}"].owns == player.owns


# --- styles -----------------------------------------------------------------------------------


def correlation(z):
    """Of the numbers of the first stage with those of the second."""
    return torch.corrcoef(z.transpose(0, 1).flatten(1))[0, 1].item()


def styles_are_synchronised(model):
    """Alike in all stages, of each row its own, and normal."""
    z = model.draw_styles(4000)
    assert z.shape == (4000, 2, 3)
    assert correlation(z) > 0.99
    assert abs(correlation(torch.stack([z[:-1, 0], z[1:, 0]], 1))) < 0.05
    assert abs(z.mean()) < 0.05
    assert abs(z.std() - 1) < 0.05


def styles_may_be_independent(model):
    z = model.draw_styles(4000, ChainDecoding(synchronised=False))
    assert abs(correlation(z)) < 0.05
    assert abs(z.std() - 1) < 0.05


def siblings_share_their_styles(model):
    for synchronised in (True, False):
        z = model.draw_styles(5, ChainDecoding(synchronised), siblings=2)
        assert z.shape == (5, 2, 3)
        assert torch.equal(z[0], z[1])
        assert torch.equal(z[2], z[3])
        assert not torch.equal(z[1], z[2])
        assert not torch.equal(z[3], z[4])


def modes_are_drawn_whole(model):
    """The styles of one exemplar for all stages; of any for each where stages are independent."""
    modes = torch.arange(4.0)[:, None, None].expand(4, 2, 3) + torch.tensor([0.0, 10.0])[:, None]
    z = model.draw_styles(2000, ChainDecoding(modes=modes))
    k = z[:, 0, 0]
    assert torch.equal(z, k[:, None, None] + torch.tensor([0.0, 10.0])[:, None].expand(2, 3))
    assert ((torch.bincount(k.long(), minlength=4) / 2000 - 0.25).abs() < 0.05).all()
    z = model.draw_styles(2000, ChainDecoding(synchronised=False, modes=modes))
    same = (z[:, 1, 0] - 10 == z[:, 0, 0]).double().mean()
    assert abs(same - 0.25) < 0.05
    z = model.draw_styles(2000, ChainDecoding(modes=modes[:1], temperature=0.1))
    assert abs((z - modes[:1]).std() - 0.1) < 0.01
    assert correlation(z) > 0.99


class DrawsEachStageApart(FrankenGAN):
    def draw_styles(self, n, decoding=None, siblings=1):
        decoding = ChainDecoding(False, *([] if decoding is None else [decoding.modes]))
        return super().draw_styles(n, decoding, siblings)


class DrawsOneForAll(FrankenGAN):
    def draw_styles(self, n, decoding=None, siblings=1):
        z = super().draw_styles(n, decoding or ChainDecoding(), siblings)
        return z[:1].expand_as(z)


class AlwaysSynchronises(FrankenGAN):
    def draw_styles(self, n, decoding=None, siblings=1):
        return super().draw_styles(n, siblings=siblings)


class HasNoSiblings(FrankenGAN):
    def draw_styles(self, n, decoding=None, siblings=1):
        return super().draw_styles(n, decoding or ChainDecoding())


RULES = [
    (styles_are_synchronised, [DrawsEachStageApart, DrawsOneForAll]),
    (styles_may_be_independent, [AlwaysSynchronises]),
    (siblings_share_their_styles, [HasNoSiblings, DrawsOneForAll]),
    (modes_are_drawn_whole, [DrawsEachStageApart, AlwaysSynchronises]),
]


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES])
def test_the_rules_hold(rule):
    rule(tiny())


@pytest.mark.parametrize(("rule", "liar"), [(rule, one) for rule, few in RULES for one in few])
def test_the_rules_bite(rule, liar):
    with pytest.raises(AssertionError):
        rule(tiny(liar))


def test_a_style_is_given_by_hand():
    z = tiny().draw_styles(4, ChainDecoding(styles={1: [1.0, 2.0, 3.0]}))
    assert torch.equal(z[:, 1], torch.tensor([1.0, 2.0, 3.0]).expand(4, 3))
    assert len(z[:, 0].unique()) == 12


# --- the chain --------------------------------------------------------------------------------


def test_each_answer_is_the_next_question():
    model, (_, context) = tiny(), rows()
    z = model.draw_styles(6, ChainDecoding(synchronised=False))
    first = FIRST.quantise(model.stages[0].translate(context, z[:, 0]))
    second = SECOND.quantise(model.stages[1].translate(first, z[:, 1]))
    assert torch.equal(model.assemble(context, z), torch.cat([first, second], 1))
    torch.manual_seed(5)
    drawn = model.sample(context=context)
    torch.manual_seed(5)
    assert torch.equal(drawn, model.assemble(context, model.draw_styles(6)))


def test_later_stages_go_on_from_what_is_given_by_hand():
    model, (x, context) = tiny(), rows()
    z = model.draw_styles(6)
    whole = model.assemble(context, z)
    given = model.assemble(context, z, {0: x[:, :1]})
    assert torch.equal(given[:, :1], x[:, :1])
    wanted = SECOND.quantise(model.stages[1].translate(x[:, :1], z[:, 1]))
    assert torch.equal(given[:, 1:], wanted)
    last = model.assemble(context, z, {1: x[:, 1:]})
    assert torch.equal(last, torch.cat([whole[:, :1], x[:, 1:]], 1))
    other = z.clone()
    other[:, 1] += 1
    changed = model.assemble(context, other)
    assert torch.equal(changed[:, :1], whole[:, :1])
    assert not torch.equal(changed[:, 1:], whole[:, 1:])


def test_styles_of_exemplars_are_read_stage_by_stage():
    model, (x, context) = tiny(), rows()
    z = model.encode(x)
    assert torch.equal(z[:, 0], model.stages[0].encode(x[:, :1]))
    assert torch.equal(z[:, 1], model.stages[1].encode(x[:, 1:]))
    soft = model.decode(z, context)
    assert soft.requires_grad
    drawn = model.sample(context=context[:1], decoding=ChainDecoding(modes=z[:1].detach()))
    assert torch.equal(drawn, model.assemble(context[:1], z[:1]))


# --- what fits --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stages", "words"),
    [
        ([], "there are no stages; at least one is wanted"),
        (
            [(FIRST, GIVEN, 3), (SECOND, GIVEN, 3)],
            "stage 1 is asked Reals.*Pixels.*stage 0 answers",
        ),
        ([(FIRST, GIVEN, 3), (SECOND, FIRST, 2)], "of stage 1 are .*, 2.*wanted, as of stage 0"),
        (
            [(FIRST, GIVEN, 3), (Pixels((1, 4, 4), 7), FIRST, 3)],
            "of stage 1 are .*7.*5, 3. are wanted",
        ),
    ],
)
def test_what_does_not_fit_is_refused(stages, words):
    games = [BicycleGAN(space, given, latent, 2) for space, given, latent in stages]
    with pytest.raises(ValueError, match=f"FrankenGAN: .*{words}"):
        FrankenGAN(games)


def test_what_is_given_by_hand_must_fit():
    model, (x, context) = tiny(), rows()
    z = model.draw_styles(6)
    with pytest.raises(ValueError, match="a picture of stage 2 is given; there are stages 0 to 1"):
        model.assemble(context, z, {2: x})
    with pytest.raises(ValueError, match="the picture of stage 0: x has shape"):
        model.assemble(context, z, {0: x})
    with pytest.raises(ValueError, match=r"z has shape \(6, 3\); \(6, 2, 3\) is wanted"):
        model.assemble(context, z[:, 0])
    with pytest.raises(ValueError, match="the style of stage 1 has 2 numbers; 3 are wanted"):
        model.sample(context=context, decoding=ChainDecoding(styles={1: [0.0, 1.0]}))
    with pytest.raises(ValueError, match="a style of stage -1 is given"):
        model.draw_styles(2, ChainDecoding(styles={-1: [0.0, 1.0, 2.0]}))
    with pytest.raises(ValueError, match=r"modes have shape \(2, 3\)"):
        model.draw_styles(2, ChainDecoding(modes=torch.zeros(2, 3)))
    with pytest.raises(ValueError, match="siblings is 0; at least 1 is wanted"):
        model.draw_styles(2, siblings=0)
