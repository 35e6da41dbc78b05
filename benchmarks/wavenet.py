"""WaveNet on spoken digits: bits a sample, digits that are understood, and spectra that are followed.

    python benchmarks/wavenet.py [--rounds 600] [--long 1800] [--weights DIR] [--out FILE]
                                 [--picture FILE] [--models NAME ...]

Data are read from the folder GENUS_DATA. Every model sees the first 0.6 s of a take, at 8 kHz; bits are
counted on the takes' own samples alone, not on the silence after them. Trained networks are kept in DIR, if
one is named; a second call goes on with those, and with those rows of FILE, that are missing.
"""

import argparse
import json
import math
import time
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from genus import Run, __version__, fit
from genus.autoregressive import MelFrames, Stepwise, WaveNet
from genus.core import Pixels
from genus.data import Data, load
from genus.data.sound.spoken import BANDS, HOP, RATE, Takes
from genus.functional.sequences.sound import log_mel, mu_law_undone
from genus.nn import SeveralLabels
from genus.show.style import canvas, png, style
from genus.train.schedules import cosine, warmed

ROOT = Path(__file__).parent.parent
BATCH, LR, LOGISTICS = 8, 1e-2, 10
UNTOLD, TOLD, LINE, LONG, MEL = (
    "WaveNet",
    "WaveNet, digit and speaker",
    "WaveNet, 10 logistics",
    "WaveNet, digit and speaker, longer",
    "WaveNet, mel frames",
)
COLUMNS = ["model", "rounds", "bits a sample", "digits understood", "mel distance, dB", "minutes"]
SHOWN = {
    "a test take": "a test take",
    MEL: "for its mel frames",
    LONG: "for its digit and speaker",
    UNTOLD: "for nothing",
}
DECIBEL = 10 / math.log(10)  # of a natural logarithm of power
ALPHAS = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=600)
    parser.add_argument("--long", type=int, default=1800)
    parser.add_argument("--weights", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/wavenet.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/wavenet.png")
    parser.add_argument("--models", nargs="*", help="only these (default: all)")
    options = parser.parse_args()
    torch.set_num_threads(1)
    test, report = Test.of(load("spoken")), begun(options.out)
    rows, listener = report["rows"], heard_digits(options.weights)
    if not rows:
        for name, bits in counted(load("spoken"), test).items():
            rows.append([name, "", bits, "", "", ""])
        real, other = test.understood(listener, test.x), test.distance(test.another())
        rows.append(["the test takes themselves", "", "", real, "0", ""])
        rows.append(["another take of the same", "", "", "", other, ""])
    drawn = {"a test take": test.x}
    for name in options.models or (UNTOLD, TOLD, LONG, MEL, LINE):
        model, minutes = trained(name, options)
        made = drawn[name] = made_for(test, name, model, options.weights)
        if not any(row[0] == name for row in rows):
            rounds = options.long if name == LONG else options.rounds
            understood = test.understood(listener, made) if test.context(name) else ""
            bits, distance = test.bits(model, name), test.distance(made)
            rows.append([name, str(rounds), bits, understood, distance, f"{minutes:.1f}"])
            print(rows[-1], flush=True)
            options.out.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
        if SHOWN.keys() <= drawn.keys() and name in SHOWN:
            options.picture.write_bytes(picture(drawn, test))


def begun(out: Path) -> dict[str, Any]:
    """The report, with the rows that were measured already."""
    return {
        "title": "WaveNet on spoken digits",
        "command": "python benchmarks/wavenet.py",
        "protocol": {
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
        "date": str(date.today()),
        "machine": "x86_64 CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": COLUMNS,
        "rows": json.loads(out.read_text())["rows"] if out.exists() else [],
        "notes": [
            "The logistics share the 256 levels of the softmax, so that their bits compare.",
            "Spectra are those of the test take itself: bits given them are no code length of a take.",
            "Minutes are of processor time of one thread, in learning.",
        ],
    }


# the test takes, and what is judged on them


@dataclass
class Test:
    """The test takes: levels, (n, length), digit and speaker, (n, 2), and which samples are theirs."""

    x: Tensor
    labels: Tensor
    own: Tensor

    @classmethod
    def of(cls, data: Data) -> "Test":
        x, labels = data.labelled().test.everything()
        return cls(x, labels, own(data.test))

    def context(self, name: str) -> tuple[Tensor, ...]:
        """What a model of this name is given."""
        if name == MEL:
            return (load("spoken_mel").test.everything()[1],)
        return (self.labels,) if name in (TOLD, LONG) else ()

    @torch.no_grad()
    def bits(self, model: Stepwise, name: str) -> str:
        x = model.space.values(self.x) if name == LINE else self.x  # pyright: ignore
        parts = [
            model.log_probs(*(part[i : i + 20] for part in (x, *self.context(name))))
            for i in range(0, len(x), 20)
        ]
        return per_sample(-torch.cat(parts).double(), self.own)

    @torch.no_grad()
    def understood(self, listener: "Listener", x: Tensor) -> str:
        hits = (listener.eval()(frames(x))[0].argmax(1) == self.labels[:, 0]).double()
        return f"{hits.mean():.3f} ± {(hits.var() / len(hits)).sqrt():.3f}"

    def distance(self, x: Tensor) -> str:
        gaps = (frames(x) - frames(self.x)).abs().mean(2) * DECIBEL
        inside = self.own[:, HOP // 2 :: HOP][:, : gaps.shape[1]]
        each = (gaps * inside).sum(1) / inside.sum(1)
        return f"{each.mean():.2f} ± {(each.var() / len(each)).sqrt():.2f}"

    def another(self) -> Tensor:
        """Of each test take, the next of the same digit and speaker."""
        return self.x.reshape(-1, 5, self.x.shape[1]).roll(1, 1).reshape(self.x.shape)


def made_for(test: Test, name: str, model: Stepwise, folder: Path | None) -> Tensor:
    """What a model draws for each test take, as levels; kept in the folder, if there is one."""
    path = None if folder is None else folder / name.replace(", ", "-") / "drawn.pt"
    if path is not None and path.exists():
        return torch.load(path, weights_only=True)
    torch.manual_seed(0)
    x = model.sample_from(torch.rand(test.x.shape), *test.context(name))
    made = model.space.indices(x) if isinstance(model.space, Pixels) else x
    if path is not None:
        torch.save(made, path)
    return made


def own(split: Any) -> Tensor:
    """Which samples are the takes' own, (n, length)."""
    if not isinstance(split, Takes):
        raise TypeError("own: the split has no takes")
    return torch.arange(split.waves.shape[1]) < split.lengths[:, None]


def frames(x: Tensor) -> Tensor:
    """Mel frames of levels of the mu-law."""
    return log_mel(mu_law_undone(x), BANDS, hop=HOP, rate=RATE)


def per_sample(nats: Tensor, own: Tensor) -> str:
    """Mean bits of a sample of its own, (n, length), and its standard error over takes."""
    total, count = (nats * own).sum(1) / math.log(2), own.sum(1)
    mean = total.sum() / count.sum()
    spread = ((total - mean * count) / count.double().mean()).std() / len(count) ** 0.5
    return f"{mean:.3f} ± {spread:.3f}"


# models that count


def counted(data: Data, test: Test) -> dict[str, str]:
    """Bits of a sample by its share, and given one and two before it, smoothed by the next shorter."""
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
    ways = {"shares of levels": p1, "Markov, order 1": p2, "Markov, order 2": p3}
    return {"uniform": "8"} | {k: per_sample(nats(test.x, p), test.own) for k, p in ways.items()}


# who listens


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


def heard_digits(folder: Path | None, rounds: int = 1200) -> Listener:
    """A listener that has learnt from the training takes, louder and softer ones."""
    torch.manual_seed(0)
    listener = Listener()
    path = None if folder is None else folder / "listener.pt"
    if path is not None and path.exists():
        listener.load_state_dict(torch.load(path, weights_only=True))
        return listener.eval()
    data = load("spoken").labelled().train
    x, labels = data.everything()
    mel = frames(x)
    optimizer = torch.optim.AdamW(listener.parameters(), 3e-3, weight_decay=1e-2)
    shape = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=rounds)
    for _ in range(rounds):
        rows = torch.randint(len(x), (64,))
        louder = (torch.rand(64, 1, 1) - 0.5) * 4 + mel[rows] + 0.3 * torch.randn(64, 60, 1)
        digit, speaker = listener(louder.clamp(min=math.log(1e-8)))
        loss = cross_entropy(digit, labels[rows, 0]) + 0.3 * cross_entropy(speaker, labels[rows, 1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        shape.step()
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(listener.state_dict(), path)
    return listener.eval()


# learning


def data_of(name: str) -> Data:
    if name in (MEL, LINE):
        return load("spoken_mel" if name == MEL else "spoken8")
    return load("spoken") if name == UNTOLD else load("spoken").labelled()


def model_of(name: str, data: Data) -> WaveNet:
    torch.manual_seed(0)
    if data.context_space is None:
        return WaveNet(data.space, mixture=LOGISTICS if name == LINE else None)
    width = 32 if name == MEL else 16
    embed = MelFrames(BANDS, width) if name == MEL else SeveralLabels((10, 6))
    return WaveNet(data.space, context_space=data.context_space, embed=embed, context=width)


def trained(name: str, options: argparse.Namespace) -> tuple[WaveNet, float]:
    """The model of a name, and the minutes that it took to learn."""
    data = data_of(name)
    model = model_of(name, data)
    folder = None if options.weights is None else options.weights / name.replace(", ", "-")
    if folder is not None and (folder / "minutes").exists():
        model.load_state_dict(torch.load(folder / "weights.pt", weights_only=True))
        return model.eval(), float((folder / "minutes").read_text())
    before = time.process_time()
    out = None if folder is None else folder / "run"
    run = Run(
        rounds=options.long if name == LONG else options.rounds,
        batch=BATCH,
        lr=LR,
        clip=1.0,
        ema=0.99,
        autocast=True,
        device="cpu",
        out=out,
        resume=out is not None and (out / "state.pt").exists(),
        checkpoint_every=100,
    )
    learnt = fit(model, data.train, run, schedule=warmed(cosine, 0.05))
    model.load_state_dict(learnt.state_dict())
    minutes = (time.process_time() - before) / 60
    if folder is not None:
        torch.save(model.state_dict(), folder / "weights.pt")
        (folder / "minutes").write_text(str(minutes))
    return model.eval(), minutes


# the picture


def picture(drawn: dict[str, Tensor], test: Test) -> bytes:
    """Waves and spectra of a take, and of what was drawn for its digit, its spectrum, or nothing."""
    chosen = int(((test.labels[:, 0] == 7) & (test.labels[:, 1] == 1)).nonzero()[0])
    with style():
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
        return png(figure)


if __name__ == "__main__":
    main()
