"""Times of simple densities and of an RBM beside scikit-learn, hmmlearn, StepMix and explicit loops.

Both sides work on the same rows, from the same parameters, for equally many steps, and take turns in one
process; a time is the median of the turns. hmmlearn and StepMix are installed by `pip install --target FOLDER
--no-deps hmmlearn stepmix tqdm` and found by `--peers FOLDER`.
"""

import contextlib
import io
import math
import sys
import warnings
from argparse import Namespace
from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module
from itertools import islice, product
from pathlib import Path
from typing import Any

import torch
from scipy.sparse import csr_matrix
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.mixture import GaussianMixture as ScikitMixture
from sklearn.neighbors import KernelDensity as ScikitKernels
from sklearn.neural_network import BernoulliRBM
from threadpoolctl import threadpool_limits
from torch import Tensor

from genus.core import Bits, GenerativeModel, Reals, Tokens
from genus.data import load
from genus.density import GaussianMixture, KernelDensity, ProductMixture
from genus.density.sequences import HiddenMarkov, LatentDirichlet
from genus.energy import RBM
from genus.measure.likelihood.annealing import log_z
from genus.train.process import keep_memory
from genus.train.rounds.compiled import CompiledRounds
from genus.train.rounds.plain import Rounds

from ..bench import Bench, Cell, Cells, Skipped, Table, in_turns

BATCH, HIDDEN, RATE = 128, 500, 0.05
CHAINS, BETAS = 100, 1000
ROWS, QUERIES, COMPONENTS = 100_000, 1000, 10
STEPS = 10  # of expectation maximisation
STATES, FEATURES, SYMBOLS = 8, 4, 32
SHAPES = {"1,000 of 100 steps": (1000, 100), "one of 100,000 steps": (1, 100_000)}
DOCUMENTS, WORDS, VOCABULARY, TOPICS = 2000, 128, 2000, 20
PEERS_NAME = {"full": "full", "diagonal": "diag"}
FLOATS = {"float32": torch.float32, "float64": torch.float64}

Works = dict[str, Callable[[], Any]]

BENCH = Bench(
    __file__,
    "Speed of simple densities and of the RBM",
    "what | genus | beside it | its time | its time / genus'",
    lambda options: {
        "timed": f"processor time, {options.threads} thread{'s' * (options.threads > 1)} of each library, "
        f"median of {options.repeats} turns after one that warms up",
        "allocator": "glibc, asked to keep the memory that tensors leave, for all libraries",
        "RBM": f"784 bits, {HIDDEN} hidden units, float32; an epoch is {10_000 // BATCH} batches of {BATCH} of the "
        f"first 10,000 rows of binarised MNIST, PCD-1, plain gradient descent; annealing: {CHAINS} chains, {BETAS:,} temperatures",
        "mixtures": f"{ROWS:,} rows, {COMPONENTS} components, {STEPS} steps from the same parameters",
        "kernels": f"{ROWS:,} rows of float64, Scott's bandwidth, scores of {QUERIES:,} rows",
        "hidden Markov": f"{STATES} states, {STEPS} steps from the same parameters; {FEATURES} features of float64, "
        f"or {SYMBOLS} symbols",
        "topics": f"{DOCUMENTS:,} documents of {WORDS} words of {VOCABULARY:,}, {TOPICS} topics, {STEPS} steps, float32",
    },
    """
    The explicit loop has the arithmetic of a round of the RBM, without autograd and without the value of the
    loss. The products of annealing are those of the same shapes, with its uniform numbers.

    scikit-learn's BernoulliRBM keeps the hidden layer of its chains: it has five products of matrices in a
    step, where a chain that keeps its bits has six; its partial_fit works in float64.

    The tolerance of scikit-learn's kernels is rtol; its scores are exact at 0, which is its default.

    StepMix and scikit-learn's topics begin at parameters of their own.
    genus' steps of expectation maximisation find the likelihood after the last step too, which hmmlearn leaves out,
    and those of topics the bound, which scikit-learn leaves out.
    """,
    options={
        "peers": (Path, "folder with hmmlearn and stepmix"),
        "repeats": (5, "number of turns of which the median is taken"),
    },
)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    def cell(name: str, work: Callable[..., dict[str, Any]], *given: Any) -> Cell:
        return Cell(name, partial(measured, partial(work, *given), options))

    yield cell("RBM, an epoch", epoch)
    yield cell("RBM, annealed importance sampling", annealing)
    for kind, d, precision in product(PEERS_NAME, (2, 16), FLOATS):
        name = f"mixture of normals, {kind}, {d} columns, {precision}"
        yield cell(name, normals, kind, d, precision)
    yield cell("mixture of Bernoullis, 64 bits", bernoullis)
    for d in (2, 8):
        yield cell(f"kernels, {d} columns", kernels, d)
    for shape, emitted in product(SHAPES, ("normal", "categorical")):
        yield cell(f"hidden Markov, {emitted}, {shape}", markov, emitted, SHAPES[shape])
    yield cell("topics", topics)


@BENCH.rows
def rows(found: Cells, options: Namespace) -> Table:
    return [
        [name, shown(mine), way, shown(seconds), f"{seconds / mine:.2f}"]
        for name, figures in found.items()
        for mine in [figures["seconds"]["genus"]]
        for way, seconds in figures["seconds"].items()
        if way != "genus"
    ]


@BENCH.remarks
def remarks(found: Cells, options: Namespace) -> list[str]:
    apart = {name: figures["apart"] for name, figures in found.items() if "apart" in figures}
    doubles = [value for name, value in apart.items() if not name.endswith(("float32", "topics"))]
    sizes = f"{max(apart.values(), default=0):.0e}, in float64 {max(doubles, default=0):.0e}"
    return [f"Both sides find the same nats a row, step or word, to {sizes}."] * bool(apart)


def shown(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.1f} ms"


def measured(work: Callable[[Namespace], dict[str, Any]], options: Namespace) -> dict[str, Any]:
    """The figures of a cell, with as many threads for each library."""
    keep_memory()
    torch.manual_seed(0)
    with threadpool_limits(options.threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of peers, that a few steps are too few
        return work(options)


def planted(d: int, precision: str = "float64") -> Tensor:
    """Rows of a mixture of normals, of mean 0 and deviation 1 in each column."""
    means, scales = 2 * torch.randn(COMPONENTS, d), 0.5 + torch.rand(COMPONENTS, d)
    which = torch.randint(COMPONENTS, (ROWS,))
    x = (means[which] + scales[which] * torch.randn(ROWS, d)).double()
    return ((x - x.mean(0)) / x.std(0, correction=0)).to(FLOATS[precision])


def begun(model: GenerativeModel) -> dict[str, Tensor]:
    """Its parameters, from which `fit` goes on."""
    state = {name: value.clone() for name, value in model.state_dict().items()}
    return state | {"started": torch.tensor(True)}


def learnt(model: GenerativeModel, x: Tensor, start: dict[str, Tensor], steps: int) -> float:
    """The nll after so many steps from given parameters."""
    model.load_state_dict(start)
    *_, last = islice(model.fit(x), steps)
    return last["nll"].item()


# --- an RBM -----------------------------------------------------------------------------------


def epoch(options: Namespace) -> dict[str, Any]:
    x = load("binarized_mnist").train.everything()[0][:10_000].flatten(1).float()
    batches = [*x[: len(x) // BATCH * BATCH].split(BATCH)]
    whole = torch.cat(batches).numpy()

    def rounds() -> Rounds:
        model = RBM(Bits((784,)), HIDDEN, chains=BATCH).train()
        model.prepare(x)
        return Rounds(model, {"model": torch.optim.SGD(model.parameters(), RATE)})

    def played(play: Callable[[int, tuple[Tensor]], object]) -> None:
        for number, batch in enumerate(batches):
            play(number, (batch,))

    scikit = partial(BernoulliRBM, HIDDEN, learning_rate=RATE, batch_size=BATCH, n_iter=1)
    double, compiled = scikit(), CompiledRounds(rounds())
    works: Works = {
        "genus": partial(played, rounds().play),
        "genus, compiled": partial(played, compiled.play),
        "explicit loop": partial(explicit, rounds().model, batches),
        "scikit-learn, fit": lambda: scikit().fit(whole),
        "scikit-learn, partial_fit": lambda: [double.partial_fit(v.numpy()) for v in batches],
    }
    return {"seconds": in_turns(works, options.repeats), "compiled": compiled.why or "yes"}


@torch.no_grad()
def explicit(model: Any, batches: list[Tensor]) -> None:
    """An epoch as one writes it out."""
    w, a, b, dream = model.W, model.a, model.b, model.dreams
    for v in batches:
        p = torch.sigmoid(dream @ w + b)
        p = torch.sigmoid(torch.rand_like(p).lt_(p) @ w.T + a)
        dream = torch.rand_like(p).lt_(p)
        up, down = torch.sigmoid(v @ w + b), torch.sigmoid(dream @ w + b)
        w += RATE / len(v) * (v.T @ up - dream.T @ down)
        a += RATE * (v.mean(0) - dream.mean(0))
        b += RATE * (up.mean(0) - down.mean(0))


def annealing(options: Namespace) -> dict[str, Any]:
    x = load("binarized_mnist").train.everything()[0][:10_000].flatten(1).float()
    model = RBM(Bits((784,)), HIDDEN).eval()
    model.prepare(x)
    path, w = model.annealing_path(x), model.W.detach()
    v, h = x[:CHAINS], torch.rand(CHAINS, HIDDEN).round()

    def products() -> None:
        for _ in range(BETAS):
            torch.mm(v, w)
            torch.rand_like(h)
            torch.mm(h, w.T)
            torch.rand_like(v)

    works: Works = {
        "genus": partial(log_z, path, BETAS, CHAINS),
        "its products of matrices and uniform numbers": products,
    }
    return {"seconds": in_turns(works, options.repeats)}


# --- mixtures and kernels ---------------------------------------------------------------------


def normals(kind: str, d: int, precision: str, options: Namespace) -> dict[str, Any]:
    x = planted(d, precision)
    model = GaussianMixture(Reals((d,)), COMPONENTS, kind, tolerance=-1).to(x)  # pyright: ignore
    start = begun(model) | {"means": x[:COMPONENTS].clone()}
    how: dict[str, Any] = {"tol": 0, "max_iter": STEPS, "init_params": "random_from_data"}
    how |= {"means_init": start["means"].numpy(), "precisions_init": start["scales"].numpy()}
    how |= {"weights_init": start["logits"].softmax(0).numpy(), "reg_covar": 0}
    other = ScikitMixture(COMPONENTS, covariance_type=PEERS_NAME[kind], **how)
    works: Works = {
        "genus": partial(learnt, model, x, start, STEPS),
        "scikit-learn": partial(other.fit, x.numpy()),
    }
    took = in_turns(works, options.repeats)
    mine = learnt(model, x, start, STEPS)
    return {"seconds": took, "nll": mine, "apart": abs(mine + other.score(x.numpy()))}


def bernoullis(options: Namespace) -> dict[str, Any]:
    stepmix = peer("stepmix", options)
    centres = torch.rand(COMPONENTS, 64)[torch.randint(COMPONENTS, (ROWS,))]
    x = torch.rand_like(centres).lt_(centres).double()
    model = ProductMixture(Bits((64,)), COMPONENTS, smoothing=0, tolerance=-1).double()
    start = begun(model)
    start["products.logits"] = (x[:COMPONENTS] - 0.5) / 2
    how: dict[str, Any] = {"abs_tol": 0, "rel_tol": 0, "max_iter": STEPS, "progress_bar": 0}

    def beside() -> None:
        other = stepmix.StepMix(COMPONENTS, measurement="binary", random_state=0, **how)
        with contextlib.redirect_stdout(io.StringIO()):
            other.fit(x.numpy())

    works: Works = {"genus": partial(learnt, model, x, start, STEPS), "StepMix": beside}
    return {"seconds": in_turns(works, options.repeats)}


def kernels(d: int, options: Namespace) -> dict[str, Any]:
    x = planted(d)
    queries = x[torch.randperm(ROWS)[:QUERIES]] + 0.1 * torch.randn(QUERIES, d).double()
    bandwidth = ROWS ** (-1 / (d + 4))
    model = KernelDensity(Reals((d,)), bandwidth, rows=2).double()
    next(model.fit(x))
    works: Works = {"genus": partial(model.log_prob, queries)}
    for rtol in (0.0, 1e-4, 1e-2):
        settings: dict[str, Any] = {"bandwidth": bandwidth, "rtol": rtol}
        other = ScikitKernels(**settings).fit(x.numpy())
        works[f"scikit-learn, rtol {rtol:g}"] = partial(other.score_samples, queries.numpy())
    took = in_turns(works, options.repeats)
    apart = abs(works["genus"]().numpy() - works["scikit-learn, rtol 0"]()).max()
    return {"seconds": took, "apart": float(apart)}


# --- sequences and documents ------------------------------------------------------------------


def markov(emitted: str, shape: tuple[int, int], options: Namespace) -> dict[str, Any]:
    hmm = import_module(f"{peer('hmmlearn', options).__name__}.hmm")
    n, steps = shape
    normal = emitted == "normal"
    space = Reals((steps, FEATURES)) if normal else Tokens(SYMBOLS, steps)
    settings: dict[str, Any] = {"smoothing": 0, "tolerance": -math.inf}
    truth, model = (HiddenMarkov(space, STATES, **settings).double() for _ in range(2))
    truth.moves.data += 3 * torch.eye(STATES)
    x = truth.sample(n)
    start = begun(model)
    flat = x.reshape(n * steps, -1).numpy()

    def beside(implementation: str) -> Any:
        how: dict[str, Any] = {"n_iter": STEPS, "tol": -math.inf, "init_params": ""}
        how["implementation"] = implementation
        if normal:
            other = hmm.GaussianHMM(STATES, "diag", covars_prior=0, **how)
            other.means_ = start["emissions.means"].numpy()
            other.covars_ = start["emissions.scales"].square().numpy()
        else:
            other = hmm.CategoricalHMM(STATES, n_features=SYMBOLS, **how)
            other.emissionprob_ = start["emissions.logits"].softmax(1).numpy()
        other.startprob_ = start["starts"].softmax(0).numpy()
        other.transmat_ = start["moves"].softmax(1).numpy()
        return other.fit(flat, [steps] * n)

    works: Works = {
        "genus": partial(learnt, model, x, start, STEPS),
        "hmmlearn, scaling": partial(beside, "scaling"),
        "hmmlearn, log": partial(beside, "log"),
    }
    took = in_turns(works, options.repeats)
    mine, theirs = learnt(model, x, start, STEPS), beside("scaling").score(flat, [steps] * n)
    return {"seconds": took, "nll": mine, "apart": abs(mine * n + theirs) / (n * steps)}


def topics(options: Namespace) -> dict[str, Any]:
    space = Tokens(VOCABULARY, WORDS)
    truth, model = (LatentDirichlet(space, TOPICS, tolerance=-math.inf).train() for _ in range(2))
    few = torch.distributions.Gamma(0.05, 1.0).sample((TOPICS, VOCABULARY))
    truth.word_counts.data = few + 1e-6
    x = truth.sample(DOCUMENTS)
    start = begun(model)
    counts = torch.zeros(DOCUMENTS, VOCABULARY).scatter_add_(1, x, torch.ones(x.shape))
    table = csr_matrix(counts.numpy())
    how: dict[str, Any] = {"doc_topic_prior": 0.1, "topic_word_prior": 0.1, "max_iter": STEPS}
    other = LatentDirichletAllocation(TOPICS, evaluate_every=0, **how)
    works: Works = {
        "genus": partial(learnt, model, x, start, STEPS),
        "scikit-learn": partial(other.fit, table),
    }
    took = in_turns(works, options.repeats)
    model.word_counts.data = torch.from_numpy(other.components_).to(model.word_counts)
    apart = abs(model.corpus_bound(x) - other.score(table)) / x.numel()
    return {"seconds": took, "nll": learnt(model, x, start, STEPS), "apart": apart}


def peer(name: str, options: Namespace) -> Any:
    """A library that is measured beside genus; without it its cells are left out."""
    if options.peers and str(options.peers) not in sys.path:
        sys.path.append(str(options.peers))
    try:
        return import_module(name)
    except ImportError as why:
        raise Skipped(f"{why}: pip install --target FOLDER {why.name}; --peers FOLDER") from None


if __name__ == "__main__":
    BENCH.main()
