"""Samples in blocks: which rows, how many at once, and what stays as it was."""

import pytest
import torch
from models import MODELS

import genus
from genus.core import Classes, GenerativeModel, Pixels, Reals, Refused, Tokens
from genus.core.blocks import blocks
from genus.core.parts import rows_of
from genus.density import Gaussian
from genus.nn import MLP


class Echo(GenerativeModel):
    """Draws what it is given, and notes how many rows at once."""

    def __init__(self, space, context_space=None):
        super().__init__()
        self.space, self.context_space, self.counts = space, context_space, []

    def sample(self, n=None, context=None):
        n = self.sample_count(n, context)
        self.counts.append(n)
        x = torch.rand(n, *self.space.shape)
        return x if context is None else x + context[:, None]


def test_the_first_two_blocks_are_alike_and_each_later_one_is_as_large_as_all_before():
    digits = Pixels((1, 8, 8))
    assert [rows_of(digits, i) for i in range(8)] == [64, 64, 128, 256, 512, 512, 512, 512]
    assert rows_of(Reals((2,)), 40) == 16384
    faces = Pixels((3, 64, 64))
    assert [rows_of(faces, i) for i in range(7)] == [4, 4, 8, 16, 32, 64, 64]
    assert rows_of(Tokens(9, 100_000), 0) == 4
    assert rows_of(Classes(3), 0) == 64
    assert rows_of(digits, 10**6) == 512


def test_rows_do_not_depend_on_their_number_and_blocks_are_drawn_whole():
    model = Echo(Pixels((1, 8, 8)))
    x = genus.sample(model, 1000, seed=5)
    assert model.counts == [64, 64, 128, 256, 512]
    model.counts.clear()
    assert torch.equal(genus.sample(model, 70, seed=5), x[:70])
    assert model.counts == [64, 64]
    assert not torch.equal(genus.sample(model, 70, seed=6), x[:70])
    assert not torch.equal(x[:64], x[64:128])


def test_each_row_has_its_own_context():
    model = Echo(Reals((2,)), Classes(200))
    context = torch.arange(130)
    x = genus.sample(model, context=context)
    assert torch.equal(x.floor()[:, 0], context.float())
    assert torch.equal(genus.sample(model, 3, context=context[:3]), x[:3])


def test_no_rows_have_a_shape():
    assert genus.sample(Echo(Reals((2, 3))), 0).shape == (0, 2, 3)
    assert [len(part) for part in blocks(Echo(Reals((2,))), 0)] == [0]


def test_the_model_is_in_evaluation_mode_meanwhile_and_without_gradients():
    class Looks(Gaussian):
        def sample(self, n=None, context=None):
            assert not self.training
            assert not torch.is_grad_enabled()
            return super().sample(n)

    model = Looks(Reals((2,))).train()
    torch.manual_seed(3)
    genus.sample(model, 5)
    after = torch.rand(2)
    torch.manual_seed(3)
    assert torch.equal(torch.rand(2), after)
    assert model.training


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(Refused, match="n is -1; at least 0"):
        genus.sample(Gaussian(Reals((2,))), -1)
    with pytest.raises(Refused, match="needs a number of rows"):
        genus.sample(Gaussian(Reals((2,))))

    class Still(genus.Model):
        space = Reals((2,))
        net = MLP(2, 2)

    with pytest.raises(TypeError, match="Still cannot sample"):
        genus.sample(Still(), 3)


@pytest.mark.parametrize("name", ["acgan", "gan-given", "biggan", "conditional-vae"])
@pytest.mark.parametrize(
    ("context", "words"),
    [
        ([0, 1, 7], "row 2 has values in \\[7, 7\\], outside 0 .. "),
        ([-1, 0], "row 0 has values in \\[-1, -1\\], outside 0 .. "),
        ([[0, 1]], "context: x has shape \\(1, 2\\)"),
        ([0.0, 1.0], "row 0 is torch.float32, not int64"),
    ],
)
def test_the_row_whose_label_there_is_not_is_named(name, context, words):
    model = MODELS[name]().float()
    with pytest.raises(Refused, match=words):
        genus.sample(model, context=torch.tensor(context))


@pytest.mark.parametrize("name", ["m2", "improved-gan"])
def test_a_class_can_be_left_open_where_a_model_says_so(name):
    model = MODELS[name]().float()
    assert len(genus.sample(model, context=torch.tensor([0, -1, 1]))) == 3
    with pytest.raises(Refused, match="row 1 has values in"):
        genus.sample(model, context=torch.tensor([0, -2, 1]))


def test_contexts_that_are_not_finite_are_refused():
    model = MODELS["colouriser"]().float()
    grey = torch.zeros(3, *model.context_space.shape)
    assert len(genus.sample(model, context=grey)) == 3
    grey[1] = float("nan")
    with pytest.raises(Refused, match="row 1 has values that are not finite"):
        genus.sample(model, context=grey)
