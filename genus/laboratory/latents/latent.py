"""Codes of two numbers for each digit, and what is decoded where no code lies.

Six ways to a code: principal components; an autoencoder; a deep one whose layers were learnt one by one as Boltzmann
machines; and a variational autoencoder thrice, by reconstruction alone, by the divergence from the prior alone, and by
both. A code is useful if what it says of x can be read off (nearest neighbours tell the class), and it is a generative
model if draws of the prior decode to something real.

Source: Hinton, Salakhutdinov, "Reducing the dimensionality of data with neural networks", 2006 (layers learnt one by
    one); Kingma, Welling, "Auto-encoding variational Bayes", 2014.
"""

# ruff: noqa: RUF001  (minus signs are meant)

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from ...data import Data, load
from ...energy import RBM
from ...functional.densities.neighbours import distances, nearest
from ...measure.oracles import oracle_for
from ...media.style import canvas
from ...nn import MLP
from ...train import Run, fit
from ...train.schedules import cosine, linear
from ...vae import VAE, Autoencoder
from ..outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WAYS = {
    "PCA": "principal components",
    "autoencoder": "autoencoder",
    "deep": "deep autoencoder, layers first learnt as machines",
    "reconstruction": "VAE, reconstruction alone",
    "divergence": "VAE, divergence alone",
    "VAE": "VAE, both",
}
HIDDEN = (128, 64)  # of all networks
NEIGHBOURS, STEPS, SHOWN = (
    5,
    9,
    600,
)  # that vote; pictures from one code to another; codes that are plotted
FAR = (
    0.95  # share of held-out rows that are nearer to training rows than what is called nothing real
)
WHY = (
    "Reconstruction alone puts codes wherever they are told apart best, with deserts between them; the divergence alone "
    "puts all of them where the prior is, one on top of the other, and says nothing. Their sum is the bound: codes "
    "fill the prior, and stay as far apart as telling x demands, so that what lies between two codes is decoded too."
)
FORMULA = """\
reconstruction: −E_q log p(x | z)        divergence: KL(q(z | x) || N(0, I))        both: −elbo(x)
no code is: z, drawn from a normal distribution as wide as the codes, is further from all of them than 95 % of
held-out codes are; nothing real: the same of an oracle's features of decode(z)"""


class Code(NamedTuple):
    """A way to encode rows, and back."""

    encode: Callable[[Tensor], Tensor]  # x, (n, 1, 8, 8), to (n, 2)
    decode: Callable[[Tensor], Tensor]  # and back, in the range of x


def latent(rounds: int = 1500, seed: int = 0) -> Outcome:
    """Learns six codes of digits, and looks between them.

    Args:
        rounds: number of training rounds of each, at least 10.
        seed: random seed.
    """
    wanted(rounds >= 10, "latent", "rounds", rounds, "at least 10")
    torch.default_generator.manual_seed(seed)
    data = load("digits")
    labelled = data.labelled()
    (x, label), (held, held_label) = labelled.train.everything(), labelled.test.everything()
    codes = {
        "PCA": principal(x),
        "autoencoder": learnt(Autoencoder(data.space, 2, *networks(2)), data, rounds, seed),
        "deep": machines(data, rounds, seed),
        "reconstruction": learnt(VAE(data.space, 2, *networks(4), beta=0.0), data, rounds, seed),
        "divergence": learnt(VAE(data.space, 2, *networks(4), beta=1000.0), data, rounds, seed),
        "VAE": learnt(VAE(data.space, 2, *networks(4)), data, rounds, seed),
    }
    found: dict[str, dict[str, float]] = {}
    arrays: dict[str, np.ndarray] = {"labels": held_label[:SHOWN].numpy()}
    for name, code in codes.items():
        with torch.no_grad():
            z, own = code.encode(x), code.encode(held)
            spread, middle = z.std(0), z.mean(0)
            drawn = middle + spread * torch.randn(1000, 2)
            found[name] = {
                "error": float((code.decode(own) - held).square().mean()),
                "told": voted(z / (spread + 1e-9), label, own / (spread + 1e-9), held_label),
                "empty": beyond(
                    z / (spread + 1e-9), own / (spread + 1e-9), drawn / (spread + 1e-9)
                ),
                "unreal": unreal(data, x, held, code.decode(drawn)),
            }
            ends = own[pair(held_label)]
            path = torch.lerp(ends[:1], ends[1:], torch.linspace(0, 1, STEPS)[:, None])
            arrays[f"{name}/codes"] = own[:SHOWN].numpy()
            arrays[f"{name}/path"] = path.numpy()
            arrays[f"{name}/between"] = code.decode(path)[:, 0].numpy()
    both, other = found["VAE"], found["autoencoder"]
    sentence = (
        f"Of draws of a normal distribution as wide as the codes, {both['empty']:.0%} fall where the VAE has no code, and "
        f"{other['empty']:.0%} where the autoencoder has none; {both['unreal']:.0%} and {other['unreal']:.0%} decode to "
        f"nothing real, since what lies between two codes may be a blur as well. The classes of neighbours tell "
        f"{both['told']:.0%} of held-out digits right, {found['PCA']['told']:.0%} by principal components, and "
        f"{found['divergence']['told']:.0%} by the divergence alone."
    )
    return Outcome(
        "latent",
        "What do two numbers say of a digit?",
        sentence,
        WHY,
        FORMULA,
        "Hinton, Salakhutdinov 2006; Kingma, Welling 2014",
        (
            "code",
            "squared error of a pixel",
            "told by 5 neighbours",
            "draws where no code is",
            "draws that are nothing real",
        ),
        [
            (
                WAYS[name],
                short(one["error"]),
                *(f"{one[figure]:.0%}" for figure in ("told", "empty", "unreal")),
            )
            for name, one in found.items()
        ],
        arrays,
        {"rounds": rounds, "seed": seed},
    )


def networks(codes: int) -> tuple[MLP, MLP]:
    """An encoder to so many numbers, and a decoder from two to a logistic for each pixel."""
    return MLP(64, codes, HIDDEN), MLP(2, 128, HIDDEN[::-1])


def principal(x: Tensor) -> Code:
    """Two principal components."""
    middle = x.mean(0)
    axes = torch.linalg.svd((x - middle).flatten(1), full_matrices=False).Vh[:2]
    return Code(
        lambda rows: (rows - middle).flatten(1) @ axes.T,
        lambda z: (z @ axes).view(-1, *x.shape[1:]) + middle,
    )


def learnt(model: VAE | Autoencoder, data: Data, rounds: int, seed: int) -> Code:
    fit(model, data.train, Run(rounds, lr=2e-3, seed=seed, device="cpu"), schedule=cosine)
    model.eval()
    return Code(model.encode, model.decode)


def machines(data: Data, rounds: int, seed: int) -> Code:
    """A deep autoencoder whose hidden layers begin as those of Boltzmann machines, one on top of the other."""
    bits, layers = data.binarised(), list[nn.Linear]()
    rows = bits.train.everything()[0].flatten(1)
    for width in HIDDEN:
        model = RBM(bits.space.__class__((rows.shape[1],)), width)
        model.prepare(rows)

        def sgd(name: str, weights: list[nn.Parameter]) -> torch.optim.SGD:
            return torch.optim.SGD(weights, 0.1)

        run = Run(rounds, seed=seed, device="cpu")
        fit(model, rows, run, optimizers=sgd, schedule=linear)
        up, down = nn.Linear(rows.shape[1], width), nn.Linear(width, rows.shape[1])
        with torch.no_grad():
            up.weight.copy_(model.W.T)
            up.bias.copy_(model.b)
            down.weight.copy_(model.W)
            down.bias.copy_(model.a)
            rows = up(rows).sigmoid().bernoulli()
        layers += [up, down]
    ups, downs = layers[::2], layers[1::2][::-1]
    encoder = nn.Sequential(
        *(part for up in ups for part in (up, nn.Sigmoid())), nn.Linear(HIDDEN[-1], 2)
    )
    decoder = nn.Sequential(
        nn.Linear(2, HIDDEN[-1]), *(part for down in downs for part in (nn.Sigmoid(), down))
    )
    both, draw = nn.ModuleList([encoder, decoder]), torch.Generator().manual_seed(seed)
    grey = (data.train.everything()[0].flatten(1) + 1) / 2
    optimizer = torch.optim.Adam(both.parameters(), 2e-3)
    for _ in range(rounds):
        batch = grey[torch.randint(len(grey), (128,), generator=draw)]
        loss = (decoder(encoder(batch)).sigmoid() - batch).square().sum(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return Code(
        lambda x: encoder((x.flatten(1) + 1) / 2),
        lambda z: (2 * decoder(z).sigmoid() - 1).view(-1, *data.space.shape),
    )


def voted(z: Tensor, label: Tensor, own: Tensor, truth: Tensor) -> float:
    """The share of held-out rows whose nearest codes have their class, by a vote."""
    near = distances(own, z).topk(NEIGHBOURS, largest=False).indices
    return float((label[near].mode(1).values == truth).double().mean())


def unreal(data: Data, x: Tensor, held: Tensor, fake: Tensor) -> float:
    """The share of pictures whose features are further from all training rows than 95 % of held-out rows are."""
    judge = oracle_for(data.name, data.space)
    assert judge is not None

    def seen(rows: Tensor) -> Tensor:
        return judge.see(rows.clamp(-1, 1), data.space).features

    return beyond(seen(x), seen(held), seen(fake))


def beyond(real: Tensor, held: Tensor, fake: Tensor) -> float:
    """The share of fake rows that are further from all real ones than 95 % of held-out rows are."""
    usual = nearest(held, real)[0].quantile(FAR)
    return float((nearest(fake, real)[0] > usual).double().mean())


def pair(label: Tensor) -> Tensor:
    """The first rows of a 1 and of a 0, between which codes are walked."""
    return torch.stack([(label == digit).nonzero()[0, 0] for digit in (1, 0)])


def plot(outcome: Outcome) -> "Figure":
    """The six codes, coloured by class, each with a walk from a 1 to a 0."""
    arrays = outcome.arrays
    figure = canvas(9.6, 7.0)
    grid = figure.add_gridspec(4, 3, height_ratios=(1, 0.22, 1, 0.22))
    for place, (name, label) in enumerate(WAYS.items()):
        row, column = divmod(place, 3)
        top = figure.add_subplot(grid[2 * row, column])
        codes, path = arrays[f"{name}/codes"], arrays[f"{name}/path"]
        top.scatter(*codes.T, c=arrays["labels"], cmap="tab10", s=4, lw=0)
        top.plot(*path.T, ".-", color="black", lw=0.8, ms=3)
        top.set_title(label, fontsize=8)
        top.set_xticks([])
        top.set_yticks([])
        below = figure.add_subplot(grid[2 * row + 1, column])
        below.imshow(np.concatenate([*arrays[f"{name}/between"]], 1), cmap="gray", vmin=-1, vmax=1)
        below.set_axis_off()
    return figure
