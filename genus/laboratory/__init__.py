"""The laboratory: what models do and why they fail, in experiments that take seconds.

Each experiment is one file: a pure function of the file's name, which returns an `Outcome` (arrays,
and a sentence that was computed from them), and `plot`, which draws the picture. `genus lab NAME`
runs it; in Python,

    from genus import laboratory
    outcome = laboratory.find("dirac").run()
    print(outcome.sentence)
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .outcome import Outcome

EXPERIMENTS = {  # in the order in which they are best read; what each shows
    "saturating": "the generator's gradient as the critic gets sure: minimax, non-saturating",
    "dynamics": "two players on a saddle: five ways to move, and the eigenvalues that decide",
    "dirac": "the smallest GAN: who comes to rest, under each loss and penalty",
    "distances": "two lines side by side: what Jensen-Shannon and Wasserstein say of the gap",
    "kl": "one Gaussian for two bumps: what each divergence makes of it",
    "critic": "the best critic of a known pair, and what a trained one has learnt of it",
    "mapping": "noise carried to data on a line: the map, its density, the critic, as a film",
    "fields": "a GAN on a ring while it learns: the critic's pull, the samples, the modes lost",
    "nonanswers": "to alter pictures, or to list them all: why neither is a generator",
    "density": "a density from rows: histogram, kernels, normal distributions, a flow",
    "features": "what the hidden units of a machine learn, how its chains move, what its constant is",
    "hmm": "which die was it? the hidden states of a chain, from what it throws",
    "topics": "what documents are about: topics that were planted, or of any corpus",
    "theis": "likelihood, samples, Parzen's estimate: three judges, each of them misled",
    "latent": "two numbers for each digit: PCA, autoencoders, a VAE, and what lies between codes",
    "samples": "how many numbers a picture needs: the plane of two units, and samples of more",
    "estimate": "log p(x) with a latent: from the prior, by a guess, by a bound, by annealing",
    "reparameterise": "gradients through draws: paths and scores, many guesses, soft categories",
    "discriminative": "a class by Bayes' rule or at once: the error by the number of rows",
}
FOLDERS = {  # experiments that are in a folder of their own
    "densities": (
        "nonanswers",
        "density",
        "features",
        "hmm",
        "topics",
        "theis",
        "discriminative",
    ),
    "latents": ("latent", "samples", "estimate", "reparameterise"),
}


@dataclass(frozen=True)
class Experiment:
    """An experiment's two functions.

    Args:
        run: pure function of the options, all of which have defaults, that returns the outcome.
        plot: function that plots the outcome in the current style.
    """

    run: "Callable[..., Outcome]"
    plot: "Callable[[Outcome], Figure]"


def find(name: str) -> Experiment:
    """The experiment of this name, which must be one of `EXPERIMENTS`."""
    folder = next((f".{one}" for one, names in FOLDERS.items() if name in names), "")
    module = importlib.import_module(f"{folder}.{name}", __name__)
    return Experiment(getattr(module, name), module.plot)
