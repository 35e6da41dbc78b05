"""glyphs: texts written by a pen, each in a handwriting of its own, and a rule that reads them.

Each of sixteen capital letters is a few lines of points, one of them as high as all. To write a text,
letters stand side by side; noise moves every point, and slant and size are drawn for each text. So
the strokes so far predict the style of the next ones, and a rule, `GlyphReader`, can judge whether
a drawing shows the text that it was given.

Each batch is a fresh draw.
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ...core import Refused, Strokes, Tokens
from ..sets import SPLITS, Data
from ..sources import Source
from ..splits import Batch, Split, stream

END = 0  # the token that ends a text; letters follow it
UNIT = 2.5  # how high a letter is, so that steps have a deviation of about 1
GAP = 0.35  # between letters, of their height
ROWS = 2000  # in the fixed draw of each split
LETTERS: dict[str, tuple[tuple[tuple[float, float], ...], ...]] = {  # lines of points; y down
    "A": (
        ((0, 0), (0.15, -0.5), (0.3, -1), (0.45, -0.5), (0.6, 0)),
        ((0.12, -0.4), (0.48, -0.4)),
    ),
    "C": (((0.6, -0.8), (0.4, -1), (0.15, -0.9), (0, -0.5), (0.15, -0.1), (0.4, 0), (0.6, -0.2)),),
    "E": (((0.5, -1), (0, -1), (0, -0.5), (0, 0), (0.5, 0)), ((0, -0.5), (0.4, -0.5))),
    "F": (((0.5, -1), (0, -1), (0, -0.5), (0, 0)), ((0, -0.5), (0.4, -0.5))),
    "H": (
        ((0, -1), (0, -0.5), (0, 0)),
        ((0.5, -1), (0.5, -0.5), (0.5, 0)),
        ((0, -0.5), (0.5, -0.5)),
    ),
    "I": (((0, -1), (0, -0.5), (0, 0)),),
    "K": (((0, -1), (0, -0.5), (0, 0)), ((0.5, -1), (0, -0.45), (0.5, 0))),
    "L": (((0, -1), (0, -0.5), (0, 0), (0.5, 0)),),
    "M": (((0, 0), (0.05, -1), (0.35, -0.4), (0.65, -1), (0.7, 0)),),
    "N": (((0, 0), (0, -1), (0.5, 0), (0.5, -1)),),
    "O": (
        (
            *((0.3, -1), (0.05, -0.8), (0, -0.5), (0.05, -0.2), (0.3, 0)),
            *((0.55, -0.2), (0.6, -0.5), (0.55, -0.8), (0.3, -1)),
        ),
    ),
    "T": (((0, -1), (0.6, -1)), ((0.3, -1), (0.3, -0.5), (0.3, 0))),
    "U": (((0, -1), (0, -0.4), (0.1, -0.05), (0.3, 0), (0.5, -0.05), (0.6, -0.4), (0.6, -1)),),
    "V": (((0, -1), (0.15, -0.5), (0.3, 0), (0.45, -0.5), (0.6, -1)),),
    "X": (((0, -1), (0.25, -0.5), (0.5, 0)), ((0.5, -1), (0.25, -0.5), (0, 0))),
    "Z": (((0, -1), (0.55, -1), (0.28, -0.5), (0, 0), (0.55, 0)),),
}
ALPHABET = "".join(LETTERS)
MOST = max(sum(len(line) for line in lines) for lines in LETTERS.values())  # points of a letter


@dataclass(frozen=True)
class Hand:
    """A distribution of handwritten texts.

    Args:
        characters: number of characters of the longest text; the shortest has 2.
        tremor: deviation of each point, in letter heights.
        slant: deviation of the shift of a letter's top to the right, in letter heights.
        size: deviation of the logarithm of a text's size.
    """

    characters: int = 6
    tremor: float = 0.03
    slant: float = 0.25
    size: float = 0.15

    @property
    def space(self) -> Strokes:
        return Strokes(self.characters * MOST + 1)

    @property
    def context_space(self) -> Tokens:
        return Tokens(len(ALPHABET) + 1, self.characters + 1, END)

    def texts(self, n: int, noise: Generator) -> Tensor:
        """(n, characters + 1) of letters, then ends: at least one, so that a window sees the end."""
        letters = torch.randint(1, len(ALPHABET) + 1, (n, self.characters + 1), generator=noise)
        count = torch.randint(2, self.characters + 1, (n, 1), generator=noise)
        return letters.masked_fill(torch.arange(self.characters + 1) >= count, END)

    def write(self, texts: Tensor, noise: Generator) -> Tensor:
        """The drawing of each text, (n, length, 3)."""
        points, pens, counts, widths = _tables()
        n, across = len(texts), widths[texts]
        start = across.cumsum(1) - across
        where = points[texts]
        where[..., 0] += start[..., None]
        there = (torch.arange(MOST) < counts[texts][..., None]).flatten(1)  # which points there are
        order = there.logical_not().to(torch.uint8).argsort(dim=1, stable=True)
        where = where.flatten(1, 2).gather(1, order[..., None].expand(-1, -1, 2))
        pen, there = pens[texts].flatten(1).gather(1, order), there.gather(1, order)
        where = where + self.tremor * torch.randn(where.shape, generator=noise)
        lean = self.slant * torch.randn(n, 1, generator=noise)
        large = UNIT * (self.size * torch.randn(n, 1, 1, generator=noise)).exp()
        where = large * torch.stack([where[..., 0] - lean * where[..., 1], where[..., 1]], -1)
        moves = where.diff(dim=1, prepend=torch.zeros(n, 1, 2))
        steps = torch.cat([moves, pen[..., None]], -1)
        over = torch.tensor([0.0, 0.0, 2.0])
        return torch.where(there[..., None], steps, over)[:, : self.space.length]


def _tables() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Of each token: its points (MOST, 2), pens (MOST,), how many points, and how wide it is."""
    points = torch.zeros(len(ALPHABET) + 1, MOST, 2)
    pens = torch.zeros(len(ALPHABET) + 1, MOST)
    counts = torch.zeros(len(ALPHABET) + 1, dtype=torch.int64)
    widths = torch.zeros(len(ALPHABET) + 1)
    for token, lines in enumerate(LETTERS.values(), 1):
        flat = [point for line in lines for point in line]
        counts[token], widths[token] = len(flat), GAP + max(x for x, _ in flat)
        points[token, : len(flat)] = torch.tensor(flat)
        ends = torch.tensor([len(line) for line in lines]).cumsum(0) - 1
        pens[token, ends] = 1
    return points, pens, counts, widths


def spelled(texts: Tensor) -> list[str]:
    """Tokens as letters, up to the end."""
    return ["".join(ALPHABET[t - 1] for t in row if t != END) for row in texts.tolist()]


def tokens(texts: list[str], characters: int) -> Tensor:
    """Letters as tokens, (n, characters + 1): `spelled` undone."""
    for text in texts:
        if len(text) > characters or not set(text) <= set(ALPHABET):
            raise Refused(
                f"tokens: '{text}' is not a text of at most {characters} of the letters {ALPHABET}"
            )
    rows = [[ALPHABET.index(c) + 1 for c in text] for text in texts]
    return torch.tensor([row + [END] * (characters + 1 - len(row)) for row in rows])


class Written(Split):
    """An endless split: batches (drawing, text)."""

    def __init__(self, hand: Hand, name: str):
        self.hand, self.name = hand, name
        self.space, self.context_space = hand.space, hand.context_space

    def content(self) -> str:
        return f"{self.hand} {self.name}"

    def __len__(self) -> int:
        return ROWS

    def batch(self, number: int, size: int, seed: int) -> Batch:
        return self._given(size, stream(self.name, seed, number))

    def everything(self) -> Batch:
        return self._given(ROWS, stream(self.name, "everything"))

    def labelled(self) -> "Split":
        raise Refused(f"{self.name}: has no labels; its batches carry texts")

    def _given(self, n: int, noise: Generator) -> Batch:
        texts = self.hand.texts(n, noise)
        return self.hand.write(texts, noise), texts


def glyphs() -> Data:
    """Texts of 2 to 6 letters, and drawings of them."""
    train, validation, test = (Written(Hand(), f"glyphs {split}") for split in SPLITS)
    return Data("glyphs", train, validation, test, context_symbols=("", *ALPHABET))


# --- the rule that reads --------------------------------------------------------------------------

SAMPLES = 8  # points that each line is compared by
JUNK = 0.1  # what a line costs that is no part of a letter, mean square of a letter's height
STEEP = 0.1  # what it costs to slant otherwise than the text, times its square: two I are no X


@dataclass(frozen=True)
class DrawingText:
    """The text of a drawing.

    Args:
        text: letters; ? for a line that is part of none.
        slant: mean shift of the letters' tops to the right, in letter heights.
    """

    text: str
    slant: float


class GlyphReader:
    """Reads a drawing: the cheapest way to cut its lines into letters.

    Lines are compared point by point, at places that are equally far apart. A letter may be moved
    and slanted. Letters that are slanted otherwise than the text cost more, so it is read twice.
    The size of the whole drawing is taken from its highest lines.
    """

    def __init__(self) -> None:
        self.letters = [
            (letter, len(lines), torch.stack([even(torch.tensor(line)) for line in lines]))
            for letter, lines in LETTERS.items()
        ]

    def __call__(self, drawing: Tensor) -> DrawingText:
        """The text of a drawing, (length, 3)."""
        lines = lines_of(drawing)
        if not lines:
            return DrawingText("", 0.0)
        heights = torch.stack([line[:, 1].max() - line[:, 1].min() for line in lines])
        large = heights.sort(descending=True).values[: max(1, len(lines) // 2)].median()
        even_lines = torch.stack([even(line) for line in lines]) / large.clamp(min=1e-3)
        upright = self.cut(even_lines, 0.0)
        return self.cut(even_lines, upright.slant)

    def cut(self, lines: Tensor, common: float) -> DrawingText:
        """The text of lines, (lines, SAMPLES, 2), if their slant is the common one."""
        best: list[tuple[float, tuple[str, ...], tuple[float, ...]]] = [(0.0, (), ())]
        for end in range(1, len(lines) + 1):
            cost, text, slants = best[end - 1]
            ways = [(cost + JUNK, (*text, "?"), slants)]
            for letter, count, shape in self.letters:
                if count <= end:
                    error, slant = fitted(lines[end - count : end], shape, common)
                    cost, text, slants = best[end - count]
                    ways.append((cost + count * error, (*text, letter), (*slants, slant)))
            best.append(min(ways, key=lambda way: way[0]))
        _, text, slants = best[-1]
        return DrawingText("".join(text), sum(slants) / max(1, len(slants)))


def lines_of(drawing: Tensor) -> list[Tensor]:
    """The lines between one lifting of the pen and the next, each (points, 2)."""
    steps = drawing[drawing[:, 2] != 2]
    where, lifted = steps[:, :2].cumsum(0), (steps[:, 2] == 1).nonzero()[:, 0] + 1
    return [line for line in where.tensor_split(lifted.tolist()) if len(line) > 1]


def even(line: Tensor) -> Tensor:
    """(points, 2) -> (SAMPLES, 2), equally far apart along the line."""
    far = line.diff(dim=0).norm(dim=1).cumsum(0)
    far = torch.cat([far.new_zeros(1), far]) + 1e-6 * torch.arange(len(line))
    places = torch.linspace(0, 1, SAMPLES, dtype=far.dtype) * far[-1]
    after = torch.searchsorted(far, places).clamp(1, len(line) - 1)
    share = ((places - far[after - 1]) / (far[after] - far[after - 1]))[:, None]
    return line[after - 1] + share * (line[after] - line[after - 1])


def fitted(lines: Tensor, shape: Tensor, common: float) -> tuple[float, float]:
    """The cost of taking lines, (count, SAMPLES, 2), for a letter, and the letter's slant."""
    p, q = (x.flatten(0, 1) - x.flatten(0, 1).mean(0) for x in (lines, shape))
    slant = -((p[:, 0] - q[:, 0]) * q[:, 1]).sum() / (q[:, 1] ** 2).sum().clamp(min=1e-3)
    across, down = p[:, 0] - q[:, 0] + slant * q[:, 1], p[:, 1] - q[:, 1]
    return float((across**2 + down**2).mean() + STEEP * (slant - common) ** 2), float(slant)


def accuracy(read: list[str], wanted: list[str]) -> float:
    """1 - edit distance / letters, over all texts: 1 where each is read as it should be."""
    return 1 - sum(map(edits, read, wanted)) / max(1, sum(map(len, wanted)))


def edits(a: str, b: str) -> int:
    """The fewest letters that are left out, put in or exchanged to make one text the other."""
    row = list(range(len(b) + 1))
    for i, letter in enumerate(a, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (letter != other))
    return row[-1]


SETS = {"glyphs": Source(glyphs)}
