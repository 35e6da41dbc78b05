"""Likelihood, samples and Parzen's estimate judge a model, and each can be misled alone.

    memory    kernels as narrow as a hair around the training rows: perfect samples, hopeless likelihood
    diluted   q' = 0.01 q + 0.99 noise: log q' >= log q - log 100, and 99 of 100 samples are noise
    centres   the centres of clusters: no density at all, and the best by Parzen's estimate

Parzen's estimate is the likelihood of kernels around samples of a model. In many dimensions it needs more
samples than there will ever be, and rewards those that lie in the middle of the data.

Source: Theis, van den Oord, Bethge, "A note on the evaluation of generative models", 2016, arXiv:1511.01844,
    sections 3.1 to 3.3 and table 1.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import one_hot

from ...core import Pixels, Reals
from ...data import load
from ...density import GaussianMixture, KernelDensity
from ...density.gaussianmixture import clusters
from ...functional.densities.neighbours import radii
from ...media.style import canvas
from ..outcome import Outcome, short, wanted

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABELS = {
    "real": "training digits themselves",
    "good": "mixture of 30 normal distributions",
    "memory": "memory: narrow kernels on training digits",
    "diluted": "diluted: 1 % of the mixture, 99 % noise",
    "centres": "centres of clusters",
}
SHARE = 0.01  # of the mixture in what is diluted
HAIR = 0.02  # deviations: the width of the memory's kernels
WIDTHS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)  # of Parzen's kernels, in deviations
WHY = (
    "A hundredth of a good model costs log 100 = 4.6 nats of the likelihood, which in 64 dimensions is little, "
    "and nearly all of its samples. A memory has the best samples and gives new rows no probability. Parzen's "
    "estimate mistakes centres of clusters for a better model than the data themselves, for near its middle a "
    "kernel meets more rows. So a model has to be judged by what it is for."
)
FORMULA = """\
likelihood   E log q(x) over held-out x, nats, exact
Parzen       E log 1/n ∑ᵢ N(x; sᵢ, h² diag s²), sᵢ samples of q, h by validation rows
fidelity     share of samples as near to held-out digits as these are to each other"""


class Subject(NamedTuple):
    """A model: its samples, and log q if it has a density."""

    samples: Tensor
    log_q: Tensor | None


def theis(samples: int = 2000, seed: int = 0) -> Outcome:
    """Judges four models of digits by three measures.

    Args:
        samples: number of samples of each model, from 200 to 10,000.
        seed: random seed.
    """
    wanted(200 <= samples <= 10_000, "theis", "samples", samples, "a number from 200 to 10,000")
    torch.default_generator.manual_seed(seed)
    data = load("digits")
    space = cast(Pixels, data.space)
    train, validation, test = (
        space.dequantise(split.everything()[0]).flatten(1)
        for split in (data.train, data.validation, data.test)
    )
    found = subjects(train, test, samples)
    near = radii(test, 3)
    judged = {}
    for name, (drawn, log_q) in found.items():
        gaps = torch.cdist(drawn, test)
        judged[name] = (
            math.nan if log_q is None else float(log_q.mean()),
            parzen(drawn, validation, test),
            float((gaps <= near).any(1).double().mean()),
        )
    nats, estimates, fidelity = (np.array(column) for column in zip(*judged.values(), strict=True))
    by_name = {
        name: dict(zip(("nats", "parzen", "fidelity"), x, strict=True))
        for name, x in judged.items()
    }
    good, memory, diluted, centres, real = (
        by_name[name] for name in ("good", "memory", "diluted", "centres", "real")
    )
    sentence = (
        f"Diluting the mixture costs {short(good['nats'] - diluted['nats'])} of its {short(good['nats'])} nats, "
        f"and brings the share of faithful samples from {short(good['fidelity'])} to "
        f"{short(diluted['fidelity'])}. The memory's share is {short(memory['fidelity'])}, and its likelihood "
        f"{short(memory['nats'])} nats. By Parzen's estimate 200 centres of clusters, "
        f"with {short(centres['parzen'])} nats, are nearly the data themselves, with {short(real['parzen'])}, and "
        f"far ahead of the mixture, with {short(good['parzen'])}."
    )
    table = [
        (LABELS[name], *("none" if math.isnan(x) else short(x) for x in values))
        for name, values in judged.items()
    ]
    pictures = {f"{k}/pictures": x[:8].reshape(-1, 8, 8).numpy() for k, (x, _) in found.items()}
    return Outcome(
        "theis",
        "Likelihood, samples, Parzen: which of them tells a good model?",
        sentence,
        WHY,
        FORMULA,
        "Theis, van den Oord, Bethge 2016, arXiv:1511.01844",
        ("model", "likelihood, nats", "Parzen's estimate, nats", "faithful samples"),
        table,
        {"nats": nats, "parzen": estimates, "fidelity": fidelity, **pictures},
        {"samples": samples, "seed": seed},
    )


def subjects(train: Tensor, test: Tensor, samples: int) -> dict[str, Subject]:
    """The models, by their samples and their densities of test rows."""
    space = Reals((train.shape[1],))
    good, memory = GaussianMixture(space, 30, "diagonal", floor=1e-3), KernelDensity(space, HAIR)
    for model in (good, memory):
        for _ in model.fit(train):
            pass
    noise = torch.distributions.Normal(0.0, 1.0)
    wide = noise.log_prob(test).sum(1)
    with torch.no_grad():
        log_good, log_memory = good.log_prob(test), memory.log_prob(test)
    diluted = torch.logaddexp(log_good + math.log(SHARE), wide + math.log(1 - SHARE))
    which = torch.rand(samples) < SHARE
    drawn = torch.where(
        which[:, None], good.sample(samples), noise.sample((samples, train.shape[1]))
    )
    member = one_hot(clusters(train, 200), 200).to(train)
    centres = (member.T @ train / member.sum(0).clamp(min=1)[:, None])[member.sum(0) > 0]
    return {
        "real": Subject(train[:samples], None),
        "good": Subject(good.sample(samples), log_good),
        "memory": Subject(memory.sample(samples), log_memory),
        "diluted": Subject(drawn, diluted),
        "centres": Subject(centres, None),
    }


def parzen(drawn: Tensor, validation: Tensor, test: Tensor) -> float:
    """Parzen's estimate of the likelihood of test rows, nats."""
    scored: list[tuple[float, Callable[[Tensor], Tensor]]] = []
    for width in WIDTHS:
        kernels = KernelDensity(Reals((drawn.shape[1],)), width, floor=1e-3)
        for _ in kernels.fit(drawn):
            pass
        scored.append((float(kernels.log_prob(validation).mean()), kernels.log_prob))
    best = max(scored, key=lambda one: one[0])[1]
    return float(best(test).mean())


def plot(outcome: Outcome) -> "Figure":
    """Some samples of each model beside what each measure says of it."""
    arrays = outcome.arrays
    figure = canvas(9.6, 4.2)
    left, *panels = figure.subplots(1, 4, width_ratios=(1.6, 1, 1, 1))
    strips = [
        np.concatenate(
            [np.pad(x, ((0, 1), (0, 1)), constant_values=np.nan) for x in pictures[:6]], 1
        )
        for pictures in (arrays[f"{name}/pictures"] for name in LABELS)
    ]
    left.imshow(np.concatenate(strips, 0), cmap="gray", vmin=-1, vmax=1, aspect="auto")
    labels = [
        label.split(":")[0].replace(" of 30 normal distributions", "") for label in LABELS.values()
    ]
    left.set_yticks([9 * k + 3.5 for k in range(len(LABELS))], labels, fontsize=7)
    left.set_xticks([])
    left.grid(visible=False)
    titles = {"nats": "likelihood, nats", "parzen": "Parzen, nats", "fidelity": "faithful samples"}
    for i, (axes, (name, title)) in enumerate(zip(panels, titles.items(), strict=True)):
        values = arrays[name]
        known = np.where(np.isfinite(values), values, 0.0)
        low = -150.0 if name != "fidelity" else 0.0
        axes.barh(range(len(LABELS)), known.clip(min=low), color=f"C{i}")
        for k, value in enumerate(values):
            text = short(float(value)) if math.isfinite(value) else "none"
            axes.text(max(0.0, known[k]), k, f" {text}", va="center", fontsize=7)
        axes.set_title(title, fontsize=8)
        axes.set_yticks([])
        axes.set_xlim(low, 1.6 * max(1e-9, known.max()))
        axes.invert_yaxis()
    return figure
