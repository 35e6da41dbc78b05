"""The pages of docs/scenes.md: scenes with captions, one sweep per parameter, what is known, and a clip.

    python -m benchmarks.scenes [--out docs/pictures]

Each function gives one picture, so that another command can write it as well.
"""

import argparse
import textwrap
from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from genus.data import load
from genus.data.worlds.parameters import Choice, Parameters, taken
from genus.data.worlds.scenes import SCENES, captions, clips, scenes
from genus.data.worlds.wishes import recipe

ROOT = Path(__file__).parent.parent
PAPER, INK = "#ffffff", "#2b2b33"
GAP = 8  # pixels between pictures
SWEPT = (
    "objects", "ground", "texture", "light", "time", "style", "shape1", "colour1", "size1",
    "material1", "x1", "z1", "turn1", "on_top",
)  # fmt: skip
STEPS = 8  # of a swept number
STILL = {  # of the scene that is swept
    "objects": "2", "ground": "wood", "texture": "0", "light": "left", "time": "day", "style": "solid",
    "shape1": "box", "colour1": "red", "size1": "medium", "material1": "matte", "turn1": "18",
    "x1": "-0.25", "z1": "0.3", "shape2": "cylinder", "colour2": "blue", "size2": "large",
    "material2": "striped", "x2": "0.5", "z2": "0.75", "turn2": "0", "on_top": "no",
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "pictures")
    out = parser.parse_args().out
    pages = {
        "scenes": captioned(),
        "scenes_128": captioned(8, 128, 2, seed=5),
        "scenes_sweeps": sweeps(),
        "scenes_truth": known(),
        "scenes_clip": clip(),
    }
    for name, page in pages.items():
        page.save(out / f"{name}.png", optimize=True)
        print(out / f"{name}.png")


def captioned(
    count: int = 24, size: int = 64, enlarged: int = 3, columns: int = 4, seed: int = 0
) -> Image.Image:
    """Scenes with their captions.

    Args:
        count: number of scenes.
        size: height and width of one, in pixels.
        enlarged: by how much they are enlarged.
        columns: number of scenes in a row.
        seed: number of the draw.
    """
    data = load("scenes", size=size, rows=str(count), cache=0, seed=seed)
    x, found = _pictures(data.train.everything()[0]), _parameters(data, count)
    side, below = size * enlarged, 62
    page = _page(columns, -(-count // columns), side, side + below)
    pen = ImageDraw.Draw(page)
    for k, (picture, sentence) in enumerate(zip(x, captions(found), strict=True)):
        left, top = _corner(k, columns, side, side + below)
        page.paste(picture.resize((side, side), Image.Resampling.NEAREST), (left, top))
        lines = textwrap.wrap(sentence, side // 5)
        pen.multiline_text((left, top + side + 2), "\n".join(lines), INK, _font(10), spacing=1)
    return page


def sweeps(size: int = 64) -> Image.Image:
    """One sweep per parameter: its values one after another, while all else stays."""
    label = 76
    page = Image.new("RGB", (label + STEPS * (size + 3), len(SWEPT) * (size + 3)), PAPER)
    pen = ImageDraw.Draw(page)
    for line, name in enumerate(SWEPT):
        one = next(one for one in SCENES.parameters if one.name == name)
        steps = len(one.values) if isinstance(one, Choice) else STEPS
        swept = name if isinstance(one, Choice) else f"{name}:{STEPS}"
        still = {key: word for key, word in STILL.items() if key != name}
        data = load("scenes", size=size, rows=str(steps), sweep=swept, cache=0, **still)
        pen.text((4, line * (size + 3) + size // 2 - 6), name, INK, _font(12))
        for k, picture in enumerate(_pictures(data.train.everything()[0])):
            page.paste(picture, (label + k * (size + 3), line * (size + 3)))
    return page


def known(count: int = 6, size: int = 64) -> Image.Image:
    """What is known of scenes: boxes, the masks of the objects, the classes of pixels, shadows."""
    laws = recipe("scenes", SCENES.parameters, {"objects": "3+4"})
    truth = scenes(laws.drawn("truth", torch.arange(count)), size)
    tones = torch.tensor([[216, 60, 60], [60, 130, 220], [70, 170, 90], [230, 180, 50]]).float()
    masks = (truth.masks[:, :, None] * tones[:, :, None, None]).sum(1)
    classes = truth.segmentation[:, None].float().mul(32).expand(-1, 3, -1, -1)
    shadow = (1 - truth.shadow[:, None]).mul(255).expand(-1, 3, -1, -1)
    page = _page(count, 4, size * 2, size * 2)
    for line, fields in enumerate((truth.picture, masks, classes, shadow)):
        for k, field in enumerate(fields):
            picture = _picture(field).resize((2 * size, 2 * size), Image.Resampling.NEAREST)
            if line == 0:
                pen = ImageDraw.Draw(picture)
                for box in truth.boxes[k]:
                    if box.any():
                        pen.rectangle([2 * size * side for side in box.tolist()], outline="#ffffff")
            page.paste(picture, _corner(line * count + k, count, 2 * size, 2 * size))
    return page


def clip(frames: int = 8, size: int = 64, count: int = 3) -> Image.Image:
    """Clips, and under each frame its flow to the next: to the right is red, down is green."""
    assert SCENES.moving is not None
    world = SCENES.moving(frames)
    laws = recipe("scenes", world.parameters, {**world.fixed, "objects": "3+4"})
    found = laws.drawn("clips", torch.arange(200))
    moved = clips(taken(found, slice(0, 60)), 16, frames).motion
    busy = moved.collisions.sum(1).argsort(descending=True)[:count]
    shown = clips(taken(found, busy), size, frames)
    page = _page(frames, 2 * count, size, size)
    for row in range(count):
        for t in range(frames):
            place = _corner(2 * row * frames + t, frames, size, size)
            page.paste(_picture(shown.picture[row, t]), place)
            if t < frames - 1:
                flow = shown.flow[row, t] * 16 + 128
                field = torch.stack((flow[0], flow[1], torch.full_like(flow[0], 128)))
                field = field * ~shown.occluded[row, t]
                below = _corner((2 * row + 1) * frames + t, frames, size, size)
                page.paste(_picture(field), below)
    return page


# --- pieces -----------------------------------------------------------------------------------


def _parameters(data: object, count: int) -> Parameters:
    return data.train.rows.truth(torch.arange(count))  # pyright: ignore[reportAttributeAccessIssue]


def _picture(levels: Tensor) -> Image.Image:
    whole = levels.round().clamp(0, 255).to(torch.uint8)
    return Image.fromarray(whole.permute(1, 2, 0).contiguous().numpy())


def _pictures(x: Tensor) -> list[Image.Image]:
    return [_picture((one + 1) * 127.5) for one in x]


def _page(columns: int, lines: int, wide: int, high: int) -> Image.Image:
    return Image.new("RGB", (columns * (wide + GAP) + GAP, lines * (high + GAP) + GAP), PAPER)


def _corner(number: int, columns: int, wide: int, high: int) -> tuple[int, int]:
    line, column = divmod(number, columns)
    return GAP + column * (wide + GAP), GAP + line * (high + GAP)


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


if __name__ == "__main__":
    main()
