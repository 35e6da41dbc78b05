"""Pictures: every pixel in its place, and notes that come back."""

import math

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from genus.core import (
    Bits,
    Classes,
    GenerativeModel,
    Model,
    Pixels,
    Reals,
    Tokens,
)
from genus.media import grid, picture, read_note, save_png, scatter
from genus.media.pictures import BACK, TILT, TURN, clouds


class Still(GenerativeModel):
    """Samples rows that it was given."""

    def __init__(self, space, rows):
        super().__init__()
        self.space, self.rows = space, nn.Parameter(rows)

    def sample(self, n: int) -> Tensor:
        return self.rows.detach().repeat(n, *[1] * len(self.space.shape))[:n]


class Painter(GenerativeModel):
    """Paints what it is told: a label as a level, an image as its negative."""

    def __init__(self, context_space):
        super().__init__()
        self.space, self.context_space = Pixels((1, 4, 4)), context_space
        self.weight = nn.Parameter(torch.zeros(1))

    def sample(self, n=None, context=None) -> Tensor:
        if context.ndim > 1:
            return -context
        return (context.float() / 5 - 1)[:, None, None, None].expand(-1, 1, 4, 4)


def opened(path):
    with Image.open(path) as image:
        return np.array(image)


def test_each_image_is_in_its_tile():
    space = Pixels((3, 40, 50))
    x = space.values(torch.randint(0, 256, (5, 3, 40, 50)))
    canvas = grid(x, space, columns=2)
    assert canvas.shape == (2 + 3 * 42, 2 + 2 * 52, 3)
    for i in range(5):
        top, left = 2 + i // 2 * 42, 2 + i % 2 * 52
        tile = canvas[top : top + 40, left : left + 50]
        assert np.array_equal(tile.transpose(2, 0, 1), space.indices(x[i]).numpy())
    assert (canvas[86:, 54:] == BACK).all()


def test_small_images_are_blown_up_by_whole_numbers():
    space = Pixels((1, 8, 8), 17)
    x = space.values(torch.randint(0, 17, (4, 1, 8, 8)))
    canvas = grid(x, space)
    assert canvas.shape == (2 + 2 * 66, 2 + 2 * 66)
    tile = canvas[2:66, 2:66]
    assert np.array_equal(tile, tile[::8, ::8].repeat(8, 0).repeat(8, 1))
    want = ((x[0, 0] + 1) * 127.5).round().numpy()
    assert np.array_equal(tile[::8, ::8], want)


@pytest.mark.parametrize(
    ("space", "x", "shape"),
    [
        (Bits((1, 64, 64)), torch.ones(1, 1, 64, 64), (68, 68)),
        (Bits((64 * 64,)), torch.ones(1, 64 * 64), (68, 68)),
        (Bits((70,)), torch.ones(1, 70), (5, 74)),
        (Bits((64, 64)), torch.ones(1, 64, 64), (68, 68)),
        (Reals((2, 64, 32)), torch.ones(1, 2, 64, 32), (68, 68)),
        (Pixels((2, 1, 64, 32)), torch.ones(1, 2, 1, 64, 32), None),
        (Tokens(7, 30), torch.randint(0, 7, (20, 30)), (320, 480, 3)),
        (Reals((2,)), torch.randn(50, 2), (480, 480, 3)),
        (Reals((1,)), torch.randn(50, 1), (480, 480, 3)),
        (Reals((6,)), torch.randn(50, 6), (480, 480, 3)),
        (Reals(()), torch.randn(50), (480, 480, 3)),
    ],
)
def test_every_space_has_a_picture(space, x, shape):
    canvas = grid(x, space)
    assert canvas.dtype == np.uint8
    assert shape is None or canvas.shape == shape
    if isinstance(space, Bits):
        assert (canvas[2:-2, 2:-2] == 255).all()


def test_values_beyond_the_range_are_clipped():
    x = torch.tensor([-9.0, 9.0, torch.nan, torch.inf, -torch.inf, 0.0]).reshape(6, 1, 1, 1)
    canvas = grid(x.expand(6, 1, 64, 64), Reals((1, 64, 64)), columns=6)
    assert [canvas[9, 2 + 66 * i] for i in range(6)] == [0, 255, 0, 255, 0, 128]


def test_scatter_shows_where_points_are():
    canvas = scatter(torch.randn(500, 2) * 0.01 + torch.tensor([0.5, -0.5]), limits=(-1, 1, -1, 1))
    blue = (canvas[..., 2].astype(int) - canvas[..., 0] > 30).nonzero()
    height, width = blue[0].mean() / 480, blue[1].mean() / 480
    assert 0.6 < height < 0.85  # below the middle
    assert 0.65 < width < 0.9  # to the right of it


def test_rows_that_are_not_finite_are_left_out():
    x = torch.randn(50, 2)
    x[3, 1] = torch.nan
    assert scatter(x).shape == (480, 480, 3)
    assert scatter(torch.full((5, 2), torch.nan)).shape == (480, 480, 3)


@pytest.mark.parametrize("x", [torch.zeros(0, 1, 8, 8), torch.zeros(3, 8, 8)])
def test_grid_refuses(x):
    with pytest.raises(ValueError, match=r"it must be \(n, \*\(1, 8, 8\)\), n > 0"):
        grid(x, Pixels((1, 8, 8)))


# --- of models --------------------------------------------------------------------------------


def test_picture_of_a_model(tmp_path):
    space = Pixels((1, 64, 64))
    x = space.values(torch.randint(0, 256, (1, 1, 64, 64)))
    path = picture(Still(space, x), tmp_path / "new" / "a.png", 4, note={"seed": 3})
    assert np.array_equal(opened(path)[2:66, 68:132], space.indices(x)[0, 0].numpy())
    assert read_note(path) == {"seed": 3}
    assert opened(picture(Still(space, x), tmp_path / "b.png")).shape == (530, 530)


def test_picture_of_a_conditional_model_has_one_class_a_column(tmp_path):
    canvas = opened(picture(Painter(Classes(10)), tmp_path / "a.png", 20))
    assert canvas.shape == (2 + 2 * 66, 2 + 10 * 66)
    levels = [round(k / 5 * 127.5) for k in range(10)]
    assert [canvas[9, 9 + 66 * k] for k in range(10)] == pytest.approx(levels, abs=1)
    some = opened(picture(Painter(Classes(10)), tmp_path / "a.png", context=torch.tensor([7])))
    assert some[9, 9] == pytest.approx(levels[7], abs=1)


def test_contexts_that_are_images_stand_at_the_left(tmp_path):
    context = torch.full((4, 1, 4, 4), -1.0)
    canvas = opened(picture(Painter(Reals((1, 4, 4))), tmp_path / "a.png", context=context))
    assert canvas[5, 5] == 0
    assert canvas[5, 60] == 255
    with pytest.raises(ValueError, match="Painter needs a context of Reals"):
        picture(Painter(Reals((1, 4, 4))), tmp_path / "a.png")


def test_a_model_that_cannot_sample(tmp_path):
    class Mute(Model):
        space = Reals((2,))

    with pytest.raises(TypeError, match="Mute cannot sample"):
        picture(Mute(), tmp_path / "a.png")


# --- files ------------------------------------------------------------------------------------


def test_notes_come_back(tmp_path):
    note = {"seed": 1, "ü": [1.5, None, {"deep": "日本"}]}
    path = save_png(np.zeros((4, 5, 3), np.uint8), tmp_path / "a.png", note)
    assert read_note(path) == note
    with Image.open(path) as image:
        assert image.info["genus"].isascii()  # a tEXt chunk is Latin-1


def test_files_without_a_note(tmp_path):
    with pytest.raises(ValueError, match=r"a.png has no note; only pictures"):
        read_note(save_png(np.zeros((4, 5), np.uint8), tmp_path / "a.png"))
    Image.new("L", (3, 3)).save(tmp_path / "a.jpg")
    with pytest.raises(ValueError, match="has no note"):
        read_note(tmp_path / "a.jpg")
    (tmp_path / "b.png").write_text("no image")
    with pytest.raises(ValueError, match="is not an image"):
        read_note(tmp_path / "b.png")
    with pytest.raises(FileNotFoundError):
        read_note(tmp_path / "c.png")


def test_only_png_is_written(tmp_path):
    with pytest.raises(ValueError, match=r"the name must end in \.png"):
        save_png(np.zeros((4, 5), np.uint8), tmp_path / "a.jpg")
    assert not list(tmp_path.iterdir())


def test_nothing_half_written_is_left(tmp_path):
    (tmp_path / "a.png").mkdir()
    with pytest.raises(OSError, match=r"a\.png"):
        save_png(np.zeros((4, 5), np.uint8), tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_clouds_are_seen_from_the_side_and_above():
    """Up is up, the near point covers the far one, and what is not finite is left out."""
    eye = torch.tensor(
        [math.sin(TURN) * math.cos(TILT), -math.cos(TURN) * math.cos(TILT), math.sin(TILT)]
    )
    up = torch.tensor([0.0, 0.0, 0.8])
    aside = 0.005 * torch.tensor([math.cos(TURN), math.sin(TURN), 1.0])  # within a pixel
    both = torch.stack([0.5 * eye, -0.5 * eye]) + aside
    above, covered, back, lost = clouds(
        torch.stack(
            [torch.stack([up, up]), both, both.flip(0), torch.full((2, 3), math.nan)],
        ),
        reach=1.0,
    )
    assert (above[:48] < 255).any()
    assert (above[48:] == 255).all()
    assert (covered == back).all()  # whatever the order of the points
    assert (covered != 255).any(2).sum() == 4
    near, far = clouds(both[:, None], reach=1.0)
    assert (covered == near).all()
    assert near.astype(int).sum() < far.astype(int).sum()
    assert (lost == 255).all()


def test_a_grid_of_clouds():
    assert grid(torch.randn(5, 30, 3), Reals((30, 3))).shape == (2 + 2 * 98, 2 + 3 * 98, 3)


def test_frames_of_a_clip_stand_side_by_side():
    x = torch.rand(1, 4, 3, 5, 5) * 2 - 1
    page = grid(x, Pixels((4, 3, 5, 5)))
    wide = torch.cat([*x[0]], 2)[None]
    assert np.array_equal(page, grid(wide, Pixels((3, 5, 20))))
