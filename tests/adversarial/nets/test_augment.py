"""Augmentation: exact where nothing is done, the ranges it states, slopes, and a p that is moved."""

import pytest
import torch
from laws import within

from genus.adversarial.nets.augment import (
    AdaptiveAugment,
    DiffAugment,
    colour,
    cutout,
    sampled,
    translation,
)
from genus.train import artifact

torch.set_num_threads(1)
SHAPES = [(1, 8, 8), (3, 6, 9), (2, 5, 4)]


def pictures(*shape, n=6):
    return torch.randn(n, *shape, dtype=torch.float64)


# --- DiffAugment -------------------------------------------------------------------------------


def test_colour_is_three_random_numbers_of_an_image():
    """Undone by hand: y = (a (b (x - grey) + grey + c - m) + m), three unknowns that are found again."""
    torch.manual_seed(0)
    x = pictures(3, 4, 5, n=4000)
    y = colour(x)
    brightness = y.mean((1, 2, 3)) - x.mean((1, 2, 3))
    grey, middle = x.mean(1, keepdim=True), x.mean((1, 2, 3), keepdim=True)
    grey_y, middle_y = y.mean(1, keepdim=True), y.mean((1, 2, 3), keepdim=True)
    contrast = ((grey_y - middle_y) / (grey - middle)).flatten(1)
    both = ((y - grey_y) / (x - grey)).flatten(1)
    torch.testing.assert_close(contrast, contrast[:, :1].expand_as(contrast), atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(both, both[:, :1].expand_as(both), atol=1e-6, rtol=1e-6)
    saturation = both[:, 0] / contrast[:, 0]
    for value, low, high in (
        (brightness, -0.5, 0.5),
        (contrast[:, 0], 0.5, 1.5),
        (saturation, 0, 2),
    ):
        assert low <= value.min() < low + 0.02 * (high - low)
        assert high - 0.02 * (high - low) < value.max() <= high
        within(value, (low + high) / 2)
        within((value - (low + high) / 2).square(), (high - low) ** 2 / 12)


def test_translation_moves_by_whole_pixels_and_lets_zeros_in():
    torch.manual_seed(0)
    x = pictures(2, 16, 8, n=150)
    y = translation(x)
    seen = set()
    for before, after in zip(x, y, strict=True):
        matches = []
        for down in range(-2, 3):
            for right in range(-1, 2):
                moved = torch.zeros_like(before)
                for r in range(16):
                    for c in range(8):
                        if 0 <= r - down < 16 and 0 <= c - right < 8:
                            moved[:, r, c] = before[:, r - down, c - right]
                if torch.equal(moved, after):
                    matches.append((down, right))
        assert len(matches) == 1
        seen.update(matches)
    assert len(seen) == 15  # all of them, with 150 images


@pytest.mark.parametrize("shape", SHAPES)
def test_cutout_is_a_rectangle_of_half_the_sides(shape):
    torch.manual_seed(0)
    y = cutout(torch.ones(300, *shape))
    sizes = set()
    for image in y:
        assert all(torch.equal(image[0], channel) for channel in image)
        rows, columns = (image[0] == 0).any(1), (image[0] == 0).any(0)
        assert (image[0] == 0).sum() == rows.sum() * columns.sum()  # a rectangle
        sizes.add((int(rows.sum()), int(columns.sum())))
    assert max(sizes) == tuple(int(side / 2 + 0.5) for side in shape[1:])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("view", [DiffAugment(), AdaptiveAugment(start=1.0)], ids=["diff", "ada"])
def test_slopes_run_through_twice(view, shape):
    torch.manual_seed(1)
    x = pictures(*shape, n=3).requires_grad_()

    def score(rows):
        torch.manual_seed(2)
        return view(rows).pow(3).sum()

    assert torch.autograd.gradcheck(score, x, fast_mode=True)
    assert torch.autograd.gradgradcheck(score, x, fast_mode=True)


@pytest.mark.parametrize("view", [DiffAugment(), AdaptiveAugment(start=0.7)], ids=["diff", "ada"])
def test_rows_do_not_meet_and_draws_do_not_look_at_them(view):
    """The same draws for any rows: so the law is the same for both sides."""
    x, other = pictures(3, 8, 8), pictures(3, 8, 8)
    other[2] = x[2]
    torch.manual_seed(4)
    y = view(x)
    torch.manual_seed(4)
    z = view(other)
    same = [torch.equal(a, b) for a, b in zip(y, z, strict=True)]
    assert same == [False, False, True, False, False, False]
    twins = view(x[:1].expand(50, -1, -1, -1))  # one image, drawn for fifty times
    assert len(twins.flatten(1).unique(dim=0)) > 40


# --- AdaptiveAugment ---------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_done_at_p_zero(shape):
    x = pictures(*shape)
    assert torch.equal(AdaptiveAugment()(x), x)


@pytest.mark.parametrize(("height", "width", "kinds"), [(8, 8, 8), (4, 9, 4)])
def test_blits_only_move_pixels(height, width, kinds):
    """Without the shift, all symmetries of a square, or those of a rectangle."""
    torch.manual_seed(0)
    view = AdaptiveAugment(("blit",), start=1.0)
    x = torch.arange(height * width, dtype=torch.float64).reshape(1, 1, height, width)
    y = view(x.expand(500, -1, -1, -1))
    assert ((y == y.round()) & (y >= 0) & (y < height * width)).all()
    symmetries = {tuple(f.flatten().tolist()) for f in symmetric(x[0, 0])}
    unmoved = {tuple(row.tolist()) for row in y.flatten(1)} & symmetries
    assert len(symmetries) == len(unmoved) == kinds


def symmetric(image):
    square = image.shape[0] == image.shape[1]
    turns = range(4) if square else (0, 2)
    for one in (image, image.flip(1)):
        yield from (torch.rot90(one, k) for k in turns)


def test_reading_between_pixels_is_bilinear_and_mirrors_at_the_edge():
    x = torch.tensor([[[[1.0, 2.0, 4.0], [10.0, 20.0, 40.0]]]], dtype=torch.float64)
    row = torch.tensor([[[0.5, -1.0, 0.0], [0.0, 2.0, 1.0]]], dtype=torch.float64)
    column = torch.tensor([[[1.5, 0.0, 3.0], [-2.0, 0.25, 5.0]]], dtype=torch.float64)
    y = sampled(x, row, column)
    wanted = [[(2 + 4 + 20 + 40) / 4, 1.0, 4.0], [2.0, 10 + 0.25 * 10, 10.0]]
    torch.testing.assert_close(y[0, 0], torch.tensor(wanted, dtype=torch.float64))


def test_recolouring_happens_with_probability_p():
    torch.manual_seed(0)
    x = pictures(1, 2, 2, n=20_000)
    y = AdaptiveAugment(("colour",), start=0.3)(x)
    touched = (y != x).flatten(1).any(1).double()
    within(touched, 1 - 0.7**2 * (1 - 0.3 / 2))  # brightness, contrast, and half of the flips


def test_p_rises_for_a_critic_that_is_too_sure_and_falls_for_one_that_is_not():
    view = AdaptiveAugment(images=100)
    for wanted in (0.1, 0.2, 0.3):
        view.adapt(torch.full((10,), 2.0))  # E sign = 1 > 0.6
        assert view.p.item() == pytest.approx(wanted)
    view.adapt(torch.tensor([5.0] * 7 + [-1.0] * 3))  # E sign = 0.4 < 0.6
    assert view.p.item() == pytest.approx(0.2)
    view.adapt(torch.tensor([5.0] * 9 + [-1.0]))  # E sign = 0.8 > 0.6
    assert view.p.item() == pytest.approx(0.3)
    for _ in range(5):
        view.adapt(-torch.ones(10))
    assert view.p.item() == 0
    for _ in range(20):
        view.adapt(torch.ones(10))
    assert view.p.item() == 1


def test_p_is_saved_with_the_weights():
    view = AdaptiveAugment(("blit", "colour"), images=100)
    view.adapt(torch.ones(30))
    twin = artifact.decode(artifact.encode(view))
    twin.load_state_dict(view.state_dict())
    assert twin.p.item() == pytest.approx(0.3)
    assert twin.policy == ("blit", "colour")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DiffAugment("colour"), "DiffAugment: policy has 'colour'"),
        (lambda: DiffAugment(()), "DiffAugment: policy has"),
        (lambda: DiffAugment(("cut",)), "DiffAugment: policy has {'cut'}"),
        (lambda: AdaptiveAugment(("cutout",)), "AdaptiveAugment: policy"),
        (lambda: AdaptiveAugment(target=1.0), "AdaptiveAugment: target is 1.0"),
        (lambda: AdaptiveAugment(images=0), "images is 0"),
        (lambda: DiffAugment()(torch.zeros(3, 2)), r"DiffAugment: x has shape \(3, 2\)"),
    ],
)
def test_refuses(make, message):
    with pytest.raises(ValueError, match=message):
        make()
