"""Text: nats a character on tinyshakespeare's last tenth, over CPU time, and how fast text is written.

    GENUS_DATA=... python benchmarks/text.py [--minutes 10] [--few 2] [--only NAME] [--weights DIR]
                                             [--out FILE] [--picture FILE]

Networks are looked at after 1, 2, 5 and 10 CPU minutes of one and the same run, as averages of
their weights. A second call goes on with the rows that are missing; --only trains one network, so
that several processes can share the work, and writes no table.
"""

import argparse
import json
import platform
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import torch
from torch import Tensor

from genus import __version__
from genus.autoregressive import CharRNN, Decoding, KneserNey, Stepwise, Transformer
from genus.core import Model, Tokens
from genus.data import Data, load
from genus.data.text.text import Windows
from genus.measure.structure.texts import nats_per_symbol
from genus.nn import State
from genus.show.style import DASHES, canvas, png, style
from genus.train import artifact
from genus.train.game import Average, play
from genus.train.schedules import cosine, warmed

ROOT = Path(__file__).parent.parent
LOOKS = (1, 2, 5, 10)  # CPU minutes
ORDERS = (1, 2, 3, 4, 5, 6)
AVERAGE = 0.99
WRITTEN = 256  # characters, where speed is measured
PROMPT = "ROMEO:\n"


@dataclass(frozen=True)
class Net:
    """A network, and how it is trained."""

    name: str
    make: Callable[[Tokens], Model]
    window: int
    batch: int
    lr: float
    decay: float = 0.0
    long: bool = True  # trained to the end, or stopped after a few minutes


NETS = (
    Net("LSTM, 2 x 384", lambda s: CharRNN(s, 384, 2, dropout=0.1), 64, 64, 4e-3),
    Net("Transformer, 4 x 128", lambda s: Transformer(s, 128, 4, 4), 128, 16, 3e-3, 0.1),
    Net("GRU, 2 x 384", lambda s: CharRNN(s, 384, 2, "gru", dropout=0.1), 64, 64, 4e-3, 0, False),
    Net(
        "Elman, 2 x 384", lambda s: CharRNN(s, 384, 2, "elman", dropout=0.1), 64, 64, 1e-3, 0, False
    ),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--few", type=float, default=2)
    parser.add_argument("--only", default=None)
    parser.add_argument("--weights", type=Path, default=Path("runs/text"))
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results/text.json")
    parser.add_argument("--picture", type=Path, default=ROOT / "docs/pictures/text.png")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for net in NETS:
        if options.only in (None, net.name.partition(",")[0]):
            train(net, options.minutes, options.few, options.weights)
    if options.only is None:
        report(options)


# --- training -------------------------------------------------------------------------------


def train(net: Net, minutes: float, few: float, folder: Path) -> None:
    """Until the CPU time is used; each look is a line of a file."""
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / f"{net.name}.jsonl"
    until = minutes if net.long else few
    if log.exists() and any(line["minutes"] >= until for line in lines(log)):
        return
    log.unlink(missing_ok=True)
    data = load("tinyshakespeare", window=net.window)
    assert isinstance(data.space, Tokens)
    assert isinstance(data.validation, Windows)
    torch.manual_seed(0)
    model = net.make(data.space)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(
        groups, net.lr, betas=(0.9, 0.99), weight_decay=net.decay, fused=True
    )
    average, schedule = Average(model, AVERAGE), warmed(cosine, 0.02)
    looks = sorted({look for look in LOOKS if look < until} | {until})
    used, begun, number, losses = 0.0, time.process_time(), 0, []
    game = play(
        model, batches(data, net.batch), {"model": optimizer}, clip=net.window, autocast=True
    )
    while looks:
        for group in optimizer.param_groups:
            group["lr"] = net.lr * schedule(min(1.0, used / (60 * minutes)))
        losses.append(next(game)["model/nll"] / net.window)
        average.update(number)
        number += 1
        used += (now := time.process_time()) - begun
        begun = now
        if used < 60 * looks[0]:
            continue
        average.model.eval()
        assert isinstance(average.model, CharRNN | Transformer)
        line = {
            "minutes": looks.pop(0),
            "rounds": number,
            "epochs": number * net.batch * net.window / len(data.train.text),  # pyright: ignore[reportAttributeAccessIssue]
            "learnt": torch.stack(losses[-100:]).mean().item(),
            "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,  # of Linux
            "nats": nats_per_symbol(average.model, data.validation.text),
        }
        with log.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(net.name, line, flush=True)
        artifact.save(average.model, folder / net.name)
        begun = time.process_time()


def batches(data: Data, size: int) -> Iterator[tuple[Tensor, ...]]:
    number = 0
    while True:
        yield data.train.batch(number, size, 0)
        number += 1


def lines(log: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


# --- writing --------------------------------------------------------------------------------


@torch.no_grad()
def naive(model: Stepwise, u: Tensor) -> Tensor:
    """Each character from a pass over all before it: what `sample_from` does without a memory."""
    x = torch.zeros(u.shape, dtype=torch.int64)
    for place in range(u.shape[1]):
        logits = model.logits(x[:, : place + 1])[:, place]
        x[:, place] = Decoding()(logits, u[:, place])
    return x


def speeds(model: Stepwise, rows: int) -> tuple[float, float, bool]:
    """Characters a second with a memory (median of 5) and without, and whether they are the same."""
    u = torch.rand(rows, model.space.dims, generator=torch.Generator().manual_seed(1))
    took = []
    for _ in range(5):
        begun = time.process_time()
        drawn = model.sample_from(u)
        took.append(time.process_time() - begun)
    begun = time.process_time()
    same = torch.equal(drawn, naive(model, u))
    return u.numel() / sorted(took)[2], u.numel() / (time.process_time() - begun), same


# --- the report -----------------------------------------------------------------------------


def report(options: argparse.Namespace) -> None:
    data = load("tinyshakespeare", window=WRITTEN)
    assert isinstance(data.train, Windows)
    assert isinstance(data.validation, Windows)
    assert isinstance(data.space, Tokens)
    rows, notes, counted = [], [], {}
    for order in ORDERS:
        begun = time.process_time()
        model = KneserNey(data.space, order)
        list(model.fit(data.train.text[None]))
        counted[order] = nats_per_symbol(model, data.validation.text)
        took = f"{time.process_time() - begun:.1f} s"
        size = sum(b.numel() for name, b in model.named_buffers() if "shares" in name)
        rows.append(
            [
                f"Kneser-Ney, order {order}",
                f"{size:,} counts",
                *[""] * len(LOOKS),
                f"{counted[order]:.3f}",
                took,
            ]
        )
        write(options, rows, notes)
    curves: dict[str, list[dict[str, float]]] = {}
    for net in NETS:
        log = options.weights / f"{net.name}.jsonl"
        if not log.exists():
            continue
        curves[net.name] = seen = lines(log)
        at = {line["minutes"]: f"{line['nats']:.3f}" for line in seen}
        model = artifact.load(options.weights / net.name)
        size = f"{sum(p.numel() for p in model.parameters()):,} weights"
        last = seen[-1]
        cells = [at.get(look, "") for look in LOOKS]
        epochs = f"{last['epochs']:.1f} epochs"
        rows.append([net.name, size, *cells, f"{last['nats']:.3f}", epochs])
        if net.long:
            notes += written(net, model)
            peak = f"{last['peak_mb']:.0f} MB at most, torch itself included"
            notes.append(f"Training {net.name} took {peak}.")  # others share a process with it
        write(options, rows, notes)
    if curves:
        best = min(curves, key=lambda name: curves[name][-1]["nats"])
        text = shown(artifact.load(options.weights / best), data)
        draw(curves, counted, best, text, options.picture)


def written(net: Net, model: Model) -> list[str]:
    """Sentences on how fast it writes."""
    assert isinstance(model, CharRNN | Transformer)
    wide = type(model)(Tokens(65, WRITTEN), *list(model.hyperparameters().values())[1:])  # pyright: ignore[reportArgumentType]
    wide.load_state_dict(model.state_dict())
    notes = []
    for rows in (1, 16):
        fast, slow, same = speeds(wide.eval(), rows)
        notes.append(
            f"{net.name} writes {rows} x {WRITTEN} characters at {fast:,.0f} characters/s with its "
            f"memory and at {slow:,.0f} with a pass over the prefix for each, {fast / slow:.0f} "
            f"times as fast; the texts are {'the same' if same else 'not the same'}."
        )
    memory = wide.net.begin(1, WRITTEN)
    layers = (
        memory.layers
        if isinstance(memory, State)
        else [(cache.keys, cache.values) for cache, _ in memory]
    )
    size = sum(part.numel() * part.element_size() for layer in layers for part in layer)
    notes.append(f"The memory of {net.name} for a text of {WRITTEN} characters is {size:,} bytes.")
    return notes


def shown(model: Model, data: Data) -> str:
    """What it writes after a prompt, at temperature 0.8."""
    assert isinstance(model, CharRNN | Transformer)
    torch.manual_seed(0)
    prompt = data.tokens(PROMPT)[None]
    return PROMPT + data.text(model.extend(prompt, 900, Decoding(temperature=0.8)))[0]


def write(options: argparse.Namespace, rows: list[list[str]], notes: list[str]) -> None:
    content = {
        "title": "tinyshakespeare: validation nats a character over CPU minutes",
        "command": "python benchmarks/text.py",
        "protocol": {
            "data": "tinyshakespeare, 65 characters; first 1,003,854 learnt, last 111,540 held out",
            "score": "mean -log p of all held-out characters, nats; recurrent nets and counts read "
            "from the beginning, the Transformer has at least half a window before each character",
            "training": "; ".join(
                f"{n.name}: {n.batch} windows of {n.window}, AdamW {n.lr:g}, decay {n.decay:g}"
                for n in NETS
            ),
            "schedule": f"cosine over {options.minutes:g} CPU minutes, 2 % warm-up; bfloat16; "
            f"gradients clipped at 1 a character; weights averaged by {AVERAGE}",
            "budget": f"{options.minutes:g} CPU minutes; GRU and Elman are stopped after "
            f"{options.few:g} of the same schedule",
            "seed": 0,
        },
        "date": date.today().isoformat(),
        "machine": f"{platform.machine()} CPU, 1 thread",
        "versions": {"genus": __version__, "torch": torch.__version__},
        "columns": ["model", "size", *(f"{m} min" for m in LOOKS), "end", "read"],
        "rows": rows,
        "notes": [
            "Looks before the end are into one run whose learning rate falls until its end.",
            "All four cores were busy with other work, which slows a CPU minute down.",
            *notes,
        ],
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(content, indent=1) + "\n")


def draw(
    curves: dict[str, list[dict[str, float]]],
    counted: dict[int, float],
    best: str,
    text: str,
    path: Path,
) -> None:
    with style():
        figure = canvas(9.5, 4.4)
        axes, page = figure.subplots(1, 2, width_ratios=(3, 2))
        for number, (name, seen) in enumerate(curves.items()):
            x, y = [line["minutes"] for line in seen], [line["nats"] for line in seen]
            axes.plot(x, y, marker="o", ms=4, ls=DASHES[number], label=name)
        for order, nats in counted.items():
            if nats < 2.1:
                axes.axhline(nats, color="C7", lw=0.8)
                axes.annotate(
                    f"Kneser-Ney, order {order}",
                    (LOOKS[-1], nats),
                    (0, 2),
                    textcoords="offset points",
                    ha="right",
                    fontsize=7,
                    color="C7",
                )
        axes.set(
            xscale="log", xlabel="CPU minutes, one thread", ylabel="validation nats a character"
        )
        axes.set_xticks(LOOKS, [str(m) for m in LOOKS])
        axes.minorticks_off()
        axes.legend(loc=(0.5, 0.6))
        page.axis("off")
        page.set_title(f"{best}, at temperature 0.8")
        page.text(
            0,
            0.98,
            "\n".join(text.splitlines()[:34]),
            va="top",
            family="DejaVu Sans Mono",
            fontsize=7,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(figure))


if __name__ == "__main__":
    main()
