"""Views: bits, coarse pairs, stages, augmentation."""

import math

import pytest
import torch

from genus.core import Bits, Classes, GenerativeModel, Pixels, Reals
from genus.data import Data, Rows, load
from genus.data.views import augmented, binarised, coarse, cropped, staged
from genus.energy import RBM

SPACE = Pixels((1, 4, 6), 256)


def ramp(n=40):
    """Images whose pixels are all different, so that one sees what went where."""
    levels = torch.arange(24).reshape(1, 1, 4, 6) * 10 + torch.arange(n).reshape(n, 1, 1, 1) % 7
    labels = torch.arange(n) % 3
    return Rows(levels.to(torch.uint8), SPACE, labels=labels, classes=3, name="ramp")


def data():
    return Data("ramp", ramp(), ramp(8), ramp(9))


def test_binarised_draws_with_the_probability_of_the_pixel():
    levels = torch.tensor([0, 51, 128, 204, 255], dtype=torch.uint8).repeat(4000, 1)
    view = binarised(Rows(levels, Pixels((5,))))
    assert view.space == Bits((5,))
    (x,) = view.batch(0, 4000, 0)
    want = levels[0].double() / 255
    error = (want * (1 - want) / 4000).sqrt()
    assert ((x.double().mean(0) - want).abs() <= 5 * error).all()
    view.space.check(x, "view")


def test_binarised_draws_anew_in_each_batch_and_the_same_in_the_same():
    view = binarised(ramp(20))
    again = binarised(ramp(20))
    first, second = view.batch(0, 20, 0)[0], view.batch(1, 20, 0)[0]
    assert torch.equal(first, again.batch(0, 20, 0)[0])
    assert not torch.equal(first, view.batch(0, 20, 1)[0])
    assert first.sum() != second.sum()
    assert torch.equal(view.everything()[0], again.everything()[0])


@pytest.mark.parametrize(
    "change",
    [
        binarised,
        lambda split: coarse(split, 2),
        lambda split: staged(split, (4, 2)),
        lambda split: augmented(split, shift=1),
        lambda split: cropped(split, 6),
        lambda split: binarised(split.labelled()),
    ],
)
def test_rows_of_a_view_are_those_of_everything(change):
    """Also where a view has noise, and its rows are read in blocks."""
    view, n = change(load("digits").train), 1297
    everything = view.everything()
    assert len(everything[0]) == n
    for wanted in (torch.tensor([1296, 3, 3, 1000, 999, 0]), torch.arange(5), torch.arange(0)):
        for part, whole in zip(view.take(wanted), everything, strict=True):
            assert torch.equal(part, whole[wanted])
    for part, whole in zip(view.first(1001), everything, strict=True):
        assert torch.equal(part, whole[:1001])


def test_bits_stay_as_they_are():
    rows = Rows(torch.tensor([[0.0, 1.0]]), Bits((2,)))
    assert binarised(rows) is rows
    with pytest.raises(ValueError, match="only Pixels can be binarised"):
        binarised(Rows(torch.zeros(2, 3), Reals((3,))))


def test_views_keep_labels_in_either_order():
    one, other = data().labelled().binarised(), data().binarised().labelled()
    assert one.context_space == other.context_space == Classes(3)
    for a, b in zip(one.train.batch(3, 8, 1), other.train.batch(3, 8, 1), strict=True):
        assert torch.equal(a, b)
    assert one.train.labels is not None
    assert torch.equal(one.train.labels, data().train.labels)


def test_coarse_gives_means_of_blocks():
    view = coarse(ramp(), 2)
    x, context = view.batch(0, 5, 0)
    assert view.context_space == Reals((1, 4, 6))
    want = x.reshape(5, 1, 2, 2, 3, 2).mean((3, 5))
    torch.testing.assert_close(context, want.repeat_interleave(2, 2).repeat_interleave(2, 3))
    with pytest.raises(ValueError, match="factor is 3; it must divide"):
        coarse(ramp(), 3)
    with pytest.raises(ValueError, match="has a context already"):
        coarse(view, 2)
    with pytest.raises(ValueError, match="has a context already"):
        view.labelled()


def test_stages_are_stacked_from_coarse_to_fine():
    view = staged(ramp(), (2, 1))
    assert view.space == Pixels((2, 4, 6), 256)
    assert view.context_space == Reals((1, 4, 6))
    (plain,) = ramp().batch(0, 5, 0)
    x, context = view.batch(0, 5, 0)
    assert torch.equal(x, torch.cat([plain, plain], 1))
    torch.testing.assert_close(context, coarse(ramp(), 2).batch(0, 5, 0)[1])
    x, context = staged(ramp(), (1, 2)).batch(0, 5, 0)
    assert torch.equal(context, plain)
    means = coarse(ramp(), 2).batch(0, 5, 0)[1]
    assert (x[:, :1] - means).abs().max() <= SPACE.bin / 2 + 1e-6
    SPACE.check(x[:, :1], "the first stage")
    with pytest.raises(ValueError, match=r"factors are \(3, 2\); they must divide \(4, 6\)"):
        staged(ramp(), (3, 2))
    with pytest.raises(ValueError, match="has a context already"):
        staged(view, (2,))


def test_flip_mirrors_half_of_the_images():
    rows = Rows(ramp(1).rows.expand(4000, 1, 4, 6), SPACE)
    x = augmented(rows, flip=True).batch(0, 4000, 0)[0]
    plain = ramp(1).everything()[0]
    same = (x == plain).all((1, 2, 3))
    mirrored = (x == plain.flip(3)).all((1, 2, 3))
    assert (same ^ mirrored).all()
    assert abs(same.double().mean() - 0.5) < 5 * 0.5 / math.sqrt(4000)


def test_shift_moves_and_repeats_the_edge():
    rows = Rows(ramp(1).rows.expand(2000, 1, 4, 6), SPACE)
    x = augmented(rows, shift=1).batch(0, 2000, 0)[0]
    plain = ramp(1).everything()[0][0, 0]
    found = set()
    for image in x[:, 0]:
        for down in (-1, 0, 1):
            for right in (-1, 0, 1):
                rowed = plain[(torch.arange(4) - down).clamp(0, 3)]
                if torch.equal(image, rowed[:, (torch.arange(6) - right).clamp(0, 5)]):
                    found.add((down, right))
                    break
            else:
                continue
            break
        else:
            raise AssertionError("an image is no shift of the original")
    assert len(found) == 9


def test_crop_cuts_anywhere_in_training_and_in_the_middle_elsewhere():
    view = data().augmented(crop=2)
    assert view.space == Pixels((1, 2, 2), 256)
    plain = ramp(1).everything()[0][0, 0]
    corners = {plain[i, j].item(): (i, j) for i in range(3) for j in range(5)}
    x = augmented(Rows(ramp(1).rows.expand(900, 1, 4, 6), SPACE), crop=2).batch(0, 900, 0)[0]
    for image in x[:, 0]:
        i, j = corners[image[0, 0].item()]
        assert torch.equal(image, plain[i : i + 2, j : j + 2])
    assert len({image[0, 0, 0].item() for image in x}) == 15
    for split in (view.validation, view.test):
        whole = ramp(len(split)).everything()[0]
        assert torch.equal(split.everything()[0], whole[:, :, 1:3, 2:4])
        assert torch.equal(
            split.batch(0, 5, 0)[0], ramp(len(split)).batch(0, 5, 0)[0][:, :, 1:3, 2:4]
        )
    assert torch.equal(view.train.everything()[0], ramp().everything()[0][:, :, 1:3, 2:4])


def test_augmentation_varies_training_only_and_is_a_function_of_the_number():
    view = data().augmented(flip=True, shift=1)
    assert view.validation is not view.train
    assert torch.equal(view.test.everything()[0], ramp(9).everything()[0])
    assert torch.equal(view.train.everything()[0], ramp().everything()[0])
    first = view.train.batch(0, 40, 0)[0]
    assert torch.equal(first, data().augmented(flip=True, shift=1).train.batch(0, 40, 0)[0])
    assert not torch.equal(first, view.train.batch(0, 40, 1)[0])
    assert not torch.equal(first, ramp().batch(0, 40, 0)[0])
    view.space.check(first, "augmented")
    x, label = view.labelled().train.batch(0, 40, 0)
    assert torch.equal(x, first)
    assert torch.equal(label, ramp().labelled().batch(0, 40, 0)[1])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: augmented(ramp()), "neither flip nor shift nor crop"),
        (lambda: augmented(ramp(), shift=4), r"shift is 4; 0 \.\. 3"),
        (lambda: augmented(ramp(), crop=5), r"crop is 5; 1 \.\. 4"),
        (lambda: augmented(coarse(ramp(), 2), flip=True), "augment before"),
        (lambda: load("moons").augmented(flip=True), r"only images \(c, h, w\)"),
    ],
)
def test_augmentation_refuses(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_each_view_has_its_own_fingerprint():
    views = [data(), data().binarised(), data().coarse(), data().augmented(flip=True)]
    views += [data().augmented(shift=1), data().augmented(shift=1).binarised()]
    assert len({view.fingerprint for view in views}) == len(views)
    assert data().fingerprint == data().fingerprint


class Echo(GenerativeModel):
    """Draws what it is given."""

    def __init__(self, space, context_space):
        super().__init__()
        self.space, self.context_space = space, context_space

    def sample(self, n=None, context=None):
        return context


def test_a_model_finds_its_view():
    digits = load("digits")
    x = Pixels((1, 8, 8), 17)
    assert digits.view_for(RBM(Bits((1, 8, 8)), 2)).space == Bits((1, 8, 8))
    assert digits.view_for(Echo(x, Classes(10))).context_space == Classes(10)
    assert digits.view_for(Echo(Bits((1, 8, 8)), Classes(10))).space == Bits((1, 8, 8))
    assert digits.view_for(Echo(x, Reals((1, 8, 8)))).context_space == Reals((1, 8, 8))
    with pytest.raises(ValueError, match=r"digits: is Pixels.*; Echo was made for .* given Reals"):
        digits.view_for(Echo(x, Reals((3, 8, 8))))
