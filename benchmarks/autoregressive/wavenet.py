"""WaveNet on spoken digits: bits a sample, digits that are understood, and spectra that are followed.

Every model sees the first 0.6 s of a take, at 8 kHz; bits are counted on the takes' own samples alone, not
on the silence after them. The picture is of the models in --weights. The data are read from the folder
GENUS_DATA.
"""

import math
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from genus import Run, fit
from genus.autoregressive import MelFrames, Stepwise, WaveNet
from genus.core import Pixels
from genus.data import load
from genus.data.sound.spoken import BANDS, HOP, RATE, Takes
from genus.functional.densities.estimates import mean_error
from genus.functional.sequences.sound import log_mel, mu_law_undone
from genus.media.style import canvas
from genus.nn import SeveralLabels
from genus.train.schedules import cosine, warmed

from ..bench import Bench, Cell, Cells, Table, first_losses, given, trained, with_error

BATCH, LR, LOGISTICS = 8, 1e-2, 10
SHORT, LONG = 600, 1800  # rounds
DECIBEL = 10 / math.log(10)  # of a natural logarithm of power
ALPHAS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
COUNTED = ("uniform", "shares of levels", "Markov, order 1", "Markov, order 2")
REAL, ANOTHER = "the test takes themselves", "another take of the same"
UNTOLD, TOLD, MEL = "WaveNet", "WaveNet, digit and speaker, longer", "WaveNet, mel frames"
SHOWN = {
    "a test take": "a test take",
    MEL: "for its mel frames",
    TOLD: "for its digit and speaker",
    UNTOLD: "for nothing",
}


@dataclass(frozen=True)
class Net:
    """A WaveNet: its rounds, what it is told of a take, and what it chooses a level from."""

    rounds: int = SHORT
    told: str = ""  # or labels, or mel
    mixture: int | None = None

    @property
    def run(self) -> Run:
        settings = {"clip": 1.0, "ema": 0.99, "autocast": True, "checkpoint_every": 100}
        return Run(rounds=self.rounds, batch=BATCH, lr=LR, **settings)


MODELS = {
    UNTOLD: Net(),
    "WaveNet, digit and speaker": Net(told="labels"),
    TOLD: Net(LONG, told="labels"),
    MEL: Net(told="mel"),
    "WaveNet, 10 logistics": Net(mixture=LOGISTICS),
    "WaveNet, 10 logistics, longer": Net(LONG, mixture=LOGISTICS),
}


BENCH = Bench(
    __file__,
    "WaveNet on spoken digits",
    "model | rounds | bits a sample | digits understood | mel distance, dB | minutes",
    {
        "data": "Free Spoken Digit Dataset, 8 kHz, mu-law of 256 levels; takes 0 to 4 of each digit "
        "of each of 6 speakers test (300), 5 to 7 validate, 8 to 49 are learnt from (2,520)",
        "length": "the first 0.6 s; where a take is shorter, silence follows",
        "bits": "of a test take's own samples, given all before them; ± its standard error over takes",
        "network": "20 layers of 32 channels, dilations 1 to 512 twice, 64 skip channels",
        "training": f"batches of {BATCH} takes, Adam {LR}, cosine, average 0.99, bfloat16 autocast",
        "digits understood": "share of 300 sounds, drawn for the test takes' digits and speakers, or "
        "spectra, whose digit a network of convolutions on mel frames hears; it learnt from the "
        "training takes",
        "mel distance": "mean difference of log-mel frames, 40 bands, each 10 ms, from the test take's",
        "seed": 0,
    },
    """
    The logistics share the 256 levels of the softmax, so that their bits compare.

    Spectra are those of the test take itself: bits given them are no code length of a take.

    Minutes are of processor time of one thread, in learning.
    """,
    weights="average",
    options={"weights": (Path, "folder in which runs are kept and continued")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    yield Cell("counted", counted)
    yield Cell(REAL, lambda: {"understood": takes().understood(takes().x), "distance": (0, None)})
    yield Cell(ANOTHER, lambda: {"distance": takes().distance(takes().another())})
    for name, net in MODELS.items():
        probe = partial(first_losses, partial(learn, net), net.run, 3)
        yield Cell(name, partial(measure, name, options.weights), probe)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    known = {**{name: {"bits": bits} for name, bits in found.get("counted", {}).items()}, **found}
    for name in (*COUNTED, REAL, ANOTHER, *MODELS):
        if (of := known.get(name)) is None:
            continue
        places = {"bits": 3, "understood": 3, "distance": 2}
        figures = ["" if f not in of else said(*of[f], digits) for f, digits in places.items()]
        budget = (str(MODELS[name].rounds), f"{of['minutes']:.1f}") if name in MODELS else ("", "")
        table.append([name, budget[0], *figures, budget[1]])
    return table


def said(value: float, error: float | None, digits: int) -> str:
    """A figure that is exact has no error, and only the digits that it needs."""
    return f"{value:g}" if error is None else with_error(value, error, digits)


# --- learning ---------------------------------------------------------------------------------


def learn(net: Net, run: Run) -> Any:
    """The network of a row."""
    torch.manual_seed(0)
    name = {"mel": "spoken_mel"}.get(net.told, "spoken8" if net.mixture else "spoken")
    data, given = load(name), {}
    if net.told:
        data = data if net.told == "mel" else data.labelled()
        width = 32 if net.told == "mel" else 16
        embed = MelFrames(BANDS, width) if net.told == "mel" else SeveralLabels((10, 6))
        given = {"context_space": data.context_space, "embed": embed, "context": width}
    model = WaveNet(data.space, mixture=net.mixture, **given)
    return fit(model, data.train, run, schedule=warmed(cosine, 0.05))


def learned(name: str, folder: Path | None) -> tuple[Any, float]:
    net = MODELS[name]
    return trained(partial(learn, net), net.run, folder and folder / name.replace(", ", "-"))


def measure(name: str, folder: Path | None) -> dict[str, Any]:
    """Bits of the test takes, and what is heard in sounds that are drawn for them."""
    model, minutes = learned(name, folder)
    test, told = takes(), MODELS[name].told
    made = test.drawn(model, told)
    found = {"bits": test.bits(model, told), "distance": test.distance(made), "minutes": minutes}
    return found | ({"understood": test.understood(made)} if told else {})


# --- the test takes, and what is judged on them -----------------------------------------------


@dataclass
class Test:
    """The test takes: levels, (n, length), digit and speaker, (n, 2), and which samples are theirs."""

    x: Tensor
    labels: Tensor
    own: Tensor

    def context(self, told: str) -> tuple[Tensor, ...]:
        """What a model is given."""
        if told == "mel":
            return (load("spoken_mel").test.everything()[1],)
        return (self.labels,) if told else ()

    def drawn(self, model: Stepwise, told: str) -> Tensor:
        """What a model draws for each take, as levels."""
        torch.manual_seed(0)
        x = model.sample_from(torch.rand(self.x.shape), *self.context(told))
        return model.space.indices(x) if isinstance(model.space, Pixels) else x

    @torch.no_grad()
    def bits(self, model: Stepwise, told: str) -> tuple[float, float]:
        x = model.space.values(self.x) if isinstance(model.space, Pixels) else self.x
        parts = zip(*(part.split(20) for part in (x, *self.context(told))), strict=True)
        nats = torch.cat([-model.log_probs(*part) for part in parts])
        return per_sample(nats.double(), self.own)

    @torch.no_grad()
    def understood(self, x: Tensor) -> tuple[float, float]:
        return mean_error((listener()(frames(x))[0].argmax(1) == self.labels[:, 0]).double())

    def distance(self, x: Tensor) -> tuple[float, float]:
        gaps = (frames(x) - frames(self.x)).abs().mean(2) * DECIBEL
        inside = self.own[:, HOP // 2 :: HOP][:, : gaps.shape[1]]
        return mean_error((gaps * inside).sum(1) / inside.sum(1))

    def another(self) -> Tensor:
        """Of each test take, the next of the same digit and speaker."""
        return self.x.reshape(-1, 5, self.x.shape[1]).roll(1, 1).reshape(self.x.shape)


@cache
def takes() -> Test:
    data = load("spoken")
    return Test(*data.labelled().test.everything(), own(data.test))


def own(split: Takes) -> Tensor:
    """Which samples are the takes' own, (n, length)."""
    return torch.arange(split.waves.shape[1]) < split.lengths[:, None]


def frames(x: Tensor) -> Tensor:
    """Mel frames of levels of the mu-law."""
    return log_mel(mu_law_undone(x), BANDS, hop=HOP, rate=RATE)


def per_sample(nats: Tensor, own: Tensor) -> tuple[float, float]:
    """Mean bits of a sample of its own, (n, length), and its standard error over takes."""
    total, count = (nats * own).sum(1) / math.log(2), own.sum(1)
    mean = total.sum() / count.sum()
    spread = ((total - mean * count) / count.double().mean()).std() / len(count) ** 0.5
    return float(mean), float(spread)


# --- models that count ----------------------------------------------------------------------


def counted() -> dict[str, tuple[float, float | None]]:
    """Bits of a sample by its share, and given one and two before it, smoothed by the next shorter."""
    data, test = load("spoken"), takes()
    (x,), (held,) = data.train.everything(), data.validation.everything()
    known = own(data.train)
    seen = [x[:, i : x.shape[1] - 2 + i][known[:, 2:]] for i in range(3)]  # x_t-2, x_t-1, x_t
    one = (torch.bincount(seen[2], minlength=256) + 1.0).double()
    pairs = torch.bincount(seen[1] * 256 + seen[2], minlength=256**2).reshape(256, 256)
    triples = torch.bincount((seen[0] * 256 + seen[1]) * 256 + seen[2], minlength=256**3)

    def smoothed(counts: Tensor, shorter: Tensor, alpha: float) -> Tensor:
        return (counts + alpha * shorter) / (counts.sum(-1, keepdim=True) + alpha)

    def nats(x: Tensor, p: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(x, (2, 0), value=128)
        index = [padded[:, 2 - i : padded.shape[1] - i] for i in range(p.ndim - 1, -1, -1)]
        return -p[tuple(index)].double().log()

    def best(counts: Tensor, shorter: Tensor) -> Tensor:
        valid = own(data.validation)
        tried = [smoothed(counts, shorter, alpha) for alpha in ALPHAS]
        return min(tried, key=lambda p: float((nats(held, p) * valid).sum()))

    p1 = one / one.sum()
    p2 = best(pairs, p1)
    p3 = best(triples.reshape(256, 256, 256), p2)
    found = [per_sample(nats(test.x, p), test.own) for p in (p1, p2, p3)]
    return dict(zip(COUNTED, [(8, None), *found], strict=True))


# --- who listens ----------------------------------------------------------------------------


class Listener(nn.Module):
    """Digit and speaker, logits (n, 10) and (n, 6), that mel frames, (n, frames, bands), sound like."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in pairwise((BANDS, 64, 64, 64)):
            layers += [nn.Conv1d(before, after, 5, padding=2), nn.BatchNorm1d(after), nn.ReLU()]
            layers += [nn.MaxPool1d(2), nn.Dropout(0.2)]
        self.body, self.last = nn.Sequential(*layers), nn.Linear(2 * 64, 16)

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor]:
        seen = self.body(((mel + 10) / 4).mT)
        both = self.last(torch.cat([seen.mean(2), seen.amax(2)], 1))
        return both[:, :10], both[:, 10:]


@cache
def listener(rounds: int = 1200) -> Listener:
    """One that has learnt from the training takes, louder and softer ones."""
    torch.manual_seed(0)
    model = Listener()
    data = load("spoken").labelled().train
    x, labels = data.everything()
    mel = frames(x)
    optimizer = torch.optim.AdamW(model.parameters(), 3e-3, weight_decay=1e-2)
    shape = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=rounds)
    for _ in range(rounds):
        rows = torch.randint(len(x), (64,))
        louder = (torch.rand(64, 1, 1) - 0.5) * 4 + mel[rows] + 0.3 * torch.randn(64, 60, 1)
        digit, speaker = model(louder.clamp(min=math.log(1e-8)))
        loss = cross_entropy(digit, labels[rows, 0]) + 0.3 * cross_entropy(speaker, labels[rows, 1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        shape.step()
    return model.eval()


# --- the picture ----------------------------------------------------------------------------


@BENCH.picture
def draw(found: Cells, options: Namespace) -> Figure:
    """Waves and spectra of a take, and of what was drawn for its digit, its spectrum, or nothing."""
    test, weights = takes(), given(options.weights, "weights")
    drawn = {"a test take": test.x} | {
        name: test.drawn(learned(name, weights)[0], net.told)
        for name, net in MODELS.items()
        if name in SHOWN
    }
    chosen = int(((test.labels[:, 0] == 7) & (test.labels[:, 1] == 1)).nonzero()[0])
    figure = canvas(8.6, 3.6)
    axes = figure.subplots(2, 4, sharex="col", sharey="row")
    seconds = torch.arange(test.x.shape[1]) / RATE
    for column, (name, title) in enumerate(SHOWN.items()):
        x = drawn[name][chosen : chosen + 1]
        axes[0, column].plot(seconds, mu_law_undone(x)[0], linewidth=0.4, color="C0")
        axes[0, column].set_title(title)
        axes[1, column].imshow(
            frames(x)[0].T,
            origin="lower",
            aspect="auto",
            extent=(0, x.shape[1] / RATE, 0, BANDS),
            vmin=-18,
            vmax=2,
            cmap="magma",
        )
        axes[1, column].set_xlabel("seconds")
    axes[0, 0].set_ylabel("wave")
    axes[1, 0].set_ylabel("mel band")
    return figure


if __name__ == "__main__":
    BENCH.main()
