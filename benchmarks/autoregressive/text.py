"""Text: nats a character on tinyshakespeare's last tenth, over CPU time, and how fast text is written.

Networks are looked at after 1, 2, 5 and 10 CPU minutes of one and the same run, as averages of their
weights. The picture is of the networks that stay in --weights.
"""

import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count, islice
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from torch import Tensor

from genus.autoregressive import CharRNN, Decoding, KneserNey, Stepwise, Transformer
from genus.core import Tokens
from genus.data import load
from genus.measure.structure.texts import nats_per_symbol
from genus.media.style import DASHES, canvas
from genus.nn import State
from genus.train import artifact
from genus.train.game import Average, play
from genus.train.schedules import cosine, warmed

from ..bench import Bench, Cell, Cells, Table, apart, given, in_turns, kept_bytes, size

MINUTES = 10  # of the processor, at whose end the learning rate is 0
LOOKS = (1, 2, 5, 10)
COUNTED = {f"Kneser-Ney, order {order}": order for order in (1, 2, 3, 4, 5, 6)}
AVERAGE = 0.99
WRITTEN = 256  # characters, where speed is measured
PROMPT = "ROMEO:\n"


@dataclass(frozen=True)
class Net:
    """A network, how it is trained, and the minutes after which it is stopped."""

    make: Callable[[Tokens], CharRNN | Transformer]
    window: int
    batch: int
    lr: float
    decay: float = 0.0
    minutes: int = MINUTES


NETS = {
    "LSTM, 2 x 384": Net(lambda s: CharRNN(s, 384, 2, dropout=0.1), 64, 64, 4e-3),
    "Transformer, 4 x 128": Net(lambda s: Transformer(s, 128, 4, 4), 128, 16, 3e-3, 0.1),
    "GRU, 2 x 384": Net(lambda s: CharRNN(s, 384, 2, "gru", dropout=0.1), 64, 64, 4e-3, minutes=2),
    "Elman, 2 x 384": Net(
        lambda s: CharRNN(s, 384, 2, "elman", dropout=0.1), 64, 64, 1e-3, minutes=2
    ),
}


BENCH = Bench(
    __file__,
    "tinyshakespeare: validation nats a character over CPU minutes",
    f"model | size | {' | '.join(f'{m} min' for m in LOOKS)} | end | read",
    {
        "data": "tinyshakespeare, 65 characters; first 1,003,854 learnt, last 111,540 held out",
        "score": "mean -log p of all held-out characters, nats; recurrent nets and counts read "
        "from the beginning, the Transformer has at least half a window before each character",
        "training": "; ".join(
            f"{name}: {n.batch} windows of {n.window}, AdamW {n.lr:g}, decay {n.decay:g}"
            for name, n in NETS.items()
        ),
        "schedule": f"cosine over {MINUTES} CPU minutes, 2 % warm-up; bfloat16; "
        f"gradients clipped at 1 a character; weights averaged by {AVERAGE}",
        "budget": f"{MINUTES} CPU minutes; GRU and Elman are stopped after 2 of the same schedule",
        "seed": 0,
    },
    """
    Looks before the end are into one run whose learning rate falls until its end.

    All four cores were busy with other work, which slows a CPU minute down.
    """,
    weights="average",
    options={"weights": (Path, "folder in which trained networks are kept")},
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for name, order in COUNTED.items():
        yield Cell(name, partial(counted, order))
    for name in NETS:
        yield Cell(name, partial(apart, measure, name, options.weights), partial(probe, name))


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    table = []
    for name in (*COUNTED, *NETS):
        if (of := found.get(name)) is None:
            continue
        if name in NETS:
            looks = {minutes: f"{nats:.3f}" for minutes, nats in of["looks"]}
            at, end = [looks.get(look, "") for look in LOOKS], of["looks"][-1][1]
            table.append([name, f"{of['weights']:,} weights", *at, f"{end:.3f}"])
            table[-1].append(f"{of['epochs']:.1f} epochs")
        else:
            at, took = [""] * len(LOOKS), f"{of['seconds']:.1f} s"
            table.append([name, f"{of['counts']:,} counts", *at, f"{of['nats']:.3f}", took])
    return table


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    notes = []
    for name in NETS:
        if "speeds" not in (of := found.get(name, {})):
            continue
        peak = f"{of['peak_mb']:.0f} MB at most, torch itself included"
        notes.append(f"Training {name} took {peak}.")
        for rows, (fast, slow, same) in of["speeds"].items():
            notes.append(
                f"{name} writes {rows} x {WRITTEN} characters at {fast:,.0f} characters/s with its "
                f"memory and at {slow:,.0f} with a pass over the prefix for each, {fast / slow:.0f} "
                f"times as fast; the texts are {'the same' if same else 'not the same'}."
            )
        memory = f"{of['memory']:,} bytes"
        notes.append(f"The memory of {name} for a text of {WRITTEN} characters is {memory}.")
    return notes


# --- training -------------------------------------------------------------------------------


def counted(order: int) -> dict[str, float]:
    """Counts of characters after those before them, smoothed."""
    data, begun = texts(WRITTEN), time.process_time()
    model = KneserNey(data.space, order)
    list(model.fit(data.train.text[None]))
    nats = nats_per_symbol(model, data.validation.text)
    counts = sum(b.numel() for name, b in model.named_buffers() if "shares" in name)
    return {"counts": counts, "nats": nats, "seconds": time.process_time() - begun}


def measure(name: str, folder: Path | None) -> dict[str, Any]:
    """Nats at each look, and how fast a network that learnt to the end writes."""
    torch.set_num_threads(1)
    net, looks, paused, begun = NETS[name], [], 0.0, time.process_time()
    data = texts(net.window)

    def minutes() -> float:
        return (time.process_time() - begun - paused) / 60

    wanted = [look for look in LOOKS if look <= net.minutes]
    game = enumerate(rounds(net, data, lambda: minutes() / MINUTES), 1)
    while len(looks) < len(wanted):
        number, (average, _) = next(game)
        if minutes() >= wanted[len(looks)]:
            stopped, model = time.process_time(), average.model.eval()
            looks.append((wanted[len(looks)], nats_per_symbol(model, data.validation.text)))
            paused += time.process_time() - stopped
    if folder is not None:
        artifact.save(model, folder / name)
    epochs = number * net.batch * net.window / len(data.train.text)
    found = {"weights": size(model), "looks": looks, "epochs": epochs}
    peak = {"peak_mb": kept_bytes("VmHWM") / 2**20}
    return found | (peak | written(model) if net.minutes == MINUTES else {})


def probe(name: str) -> list[float]:
    """The first losses, of a clock that is four seconds on in every round."""
    clock = count(0, 4 / (60 * MINUTES))
    net = NETS[name]
    first = islice(rounds(net, texts(net.window), lambda: next(clock)), 5)
    return [float(loss) for _, loss in first]


def rounds(net: Net, data: Any, share: Callable[[], float]) -> Iterator[tuple[Average, Tensor]]:
    """Trains without end: averaged weights and nats a character, at each share of the schedule."""
    torch.manual_seed(0)
    model = net.make(data.space)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(
        groups, net.lr, betas=(0.9, 0.99), weight_decay=net.decay, fused=True
    )
    average, schedule = Average(model, AVERAGE), warmed(cosine, 0.02)
    batches = (data.train.batch(number, net.batch, 0) for number in count())
    game = play(model, batches, {"model": optimizer}, clip=net.window, autocast=True)
    for number in count():
        for group in optimizer.param_groups:
            group["lr"] = net.lr * schedule(min(1.0, share()))
        loss = next(game)["model/nll"] / net.window
        average.update(number)
        yield average, loss


def texts(window: int) -> Any:
    """The data, in windows of so many characters; each split also has its whole text."""
    return load("tinyshakespeare", window=window)


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
    """Characters a second with a memory and without, and whether they are the same."""
    u = torch.rand(rows, model.space.dims, generator=torch.Generator().manual_seed(1))
    fast = in_turns({"memory": lambda: model.sample_from(u)})["memory"]
    drawn, begun = model.sample_from(u), time.process_time()
    same = torch.equal(drawn, naive(model, u))
    return u.numel() / fast, u.numel() / (time.process_time() - begun), same


def written(model: CharRNN | Transformer) -> dict[str, Any]:
    """How fast it writes, one text or 16 at once, and the bytes that it keeps of a text."""
    wide = type(model)(Tokens(65, WRITTEN), *list(model.hyperparameters().values())[1:])
    wide.load_state_dict(model.state_dict())
    memory = wide.eval().net.begin(1, WRITTEN)
    layers = (
        memory.layers
        if isinstance(memory, State)
        else [(cache.keys, cache.values) for cache, _ in memory]
    )
    kept = sum(part.nbytes for layer in layers for part in layer)
    return {"speeds": {str(rows): speeds(wide, rows) for rows in (1, 16)}, "memory": kept}


# --- the picture ----------------------------------------------------------------------------


@BENCH.picture
def draw(found: Cells, options: Namespace) -> Figure:
    """Nats over minutes, and what the best network writes after a prompt, at temperature 0.8."""
    curves = {name: of["looks"] for name, of in found.items() if name in NETS}
    best = min(curves, key=lambda name: curves[name][-1][1])
    model, data = artifact.load(given(options.weights, "weights") / best), texts(WRITTEN)
    torch.manual_seed(0)
    prompt = data.tokens(PROMPT)[None]
    text = PROMPT + data.text(model.extend(prompt, 900, Decoding(temperature=0.8)))[0]
    figure = canvas(9.5, 4.4)
    axes, page = figure.subplots(1, 2, width_ratios=(3, 2))
    for number, (name, looks) in enumerate(curves.items()):
        axes.plot(*zip(*looks, strict=True), marker="o", ms=4, ls=DASHES[number], label=name)
    for name in COUNTED:
        if (of := found.get(name)) and of["nats"] < 2.1:
            axes.axhline(of["nats"], color="C7", lw=0.8)
            above = {"textcoords": "offset points", "ha": "right", "fontsize": 7, "color": "C7"}
            axes.annotate(name, (LOOKS[-1], of["nats"]), (0, 2), **above)
    axes.set(xscale="log", xlabel="CPU minutes, one thread", ylabel="validation nats a character")
    axes.set_xticks(LOOKS, [str(m) for m in LOOKS])
    axes.minorticks_off()
    axes.legend(loc=(0.5, 0.6))
    page.axis("off")
    page.set_title(f"{best}, at temperature 0.8")
    lines = "\n".join(text.splitlines()[:34])
    page.text(0, 0.98, lines, va="top", family="DejaVu Sans Mono", fontsize=7)
    return figure


if __name__ == "__main__":
    BENCH.main()
