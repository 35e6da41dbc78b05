"""Short games of some seconds: sound ones, and ones that are broken on purpose, each in its own way."""

from collections.abc import Callable
from pathlib import Path

import torch

from genus.adversarial import DCGAN, GAN, GivenGenerator, InfoGAN, ProjectionCritic
from genus.core import Classes, Model, Reals
from genus.data import load
from genus.data.splits import Rows, Split
from genus.functional.adversarial.objectives import OBJECTIVES
from genus.functional.adversarial.penalties import Penalty, gradient_penalty, r1
from genus.measure import scores
from genus.nn import MLP, ConvDecoder, ConvEncoder, Labels
from genus.train.fit import adam, fit
from genus.train.run import Run

LOOKS = 6


class Lazy(GAN):
    """The critic moves in every tenth round."""

    def players(self):
        found = super().players()
        return {**found, "critic": found["critic"]._replace(every=10)}


def play(
    model: Model,
    train: Split,
    held_out: Split,
    out: Path,
    *,
    rounds: int,
    seed: int,
    batch: int = 128,
    lr: float | dict[str, float] = 2e-3,
    betas: tuple[float, float] = (0.0, 0.99),
    looks: int = LOOKS,
) -> None:
    """Trains without averages, and looks at the game some times."""
    every = rounds // looks
    run = Run(rounds=rounds, batch=batch, seed=seed, out=out, device="cpu", evaluate_every=every)
    run = Run(**{**vars(run), "log_every": max(1, every // 5), "checkpoint_every": rounds})
    fit(model, train, run, optimizers=adam(lr, betas), evaluate=scores(held_out))


def vectors(data, objective="non_saturating", penalties=(), *, cls=GAN, latent=2, critic=(64,) * 3):
    """Perceptrons on a toy."""
    space = load(data).space
    generator = MLP(latent, space.dims, (64,) * 3, activation="relu")
    judge = MLP(space.dims, 1, critic, activation="relu")
    return cls(space, generator, judge, latent, OBJECTIVES[objective], penalties)


def _toy(out: Path, seed: int, model: Model, data: str = "ring", rounds: int = 600, **more) -> None:
    source = load(data)
    play(model, source.train, source.validation, out, rounds=rounds, seed=seed, **more)


class Deaf(GAN):
    """The critic is told classes of other rows."""

    def look(self, context):
        return super().look(None if context is None else context[torch.randperm(len(context))])


class Still(GivenGenerator):
    """The generator hears the class alone."""

    def forward(self, z, context):
        return super().forward(0 * z, context)


def of_classes(cls=GAN, generator=GivenGenerator):
    """Convolutions on digits, given their classes."""
    space, classes = load("digits").space, Classes(10)
    net = generator(ConvDecoder(16 + 10, space.shape, 8), Labels(10))
    critic = ProjectionCritic(ConvEncoder(space.shape, 64, 8), 64, Labels(10), 10)
    return cls(space, net, critic, 16, penalties=(Penalty(r1, 1.0),), context_space=classes)


def _digits_of_classes(out: Path, seed: int, model: Model) -> None:
    source = load("digits").labelled()
    train, held_out = source.train, source.validation
    play(model, train, held_out, out, rounds=240, seed=seed, batch=64, lr=1e-3)


def few(data: str, rows: int) -> Rows:
    """The first rows of a data set, alone."""
    source = load(data).train
    return Rows(source.everything()[0][:rows], source.space, name=f"{rows} rows")


# --- sound ------------------------------------------------------------------------------------


def ring_r1(out, seed):
    _toy(out, seed, vectors("ring", penalties=(Penalty(r1, 0.3),)))


def ring_least_squares(out, seed):
    _toy(out, seed, vectors("ring", "least_squares", (Penalty(r1, 0.3),)))


def ring_hinge(out, seed):
    _toy(out, seed, vectors("ring", "hinge", (Penalty(r1, 0.3),)))


def ring_relativistic(out, seed):
    _toy(out, seed, vectors("ring", "relativistic", (Penalty(r1, 0.3),)))


def grid_wgan_gp(out, seed):
    _toy(out, seed, vectors("grid", "wasserstein", (Penalty(gradient_penalty, 1.0),)), "grid")


def digits_dcgan(out, seed):
    source = load("digits")
    model = DCGAN(source.space, 32, 16, 2)
    play(model, source.train, source.validation, out, rounds=240, seed=seed, batch=64)


def digits_r1(out, seed):
    source = load("digits")
    nets = ConvDecoder(32, source.space.shape, 8), ConvEncoder(source.space.shape, 1, 8)
    model = GAN(source.space, *nets, 32, penalties=(Penalty(r1, 0.3),))
    play(model, source.train, source.validation, out, rounds=240, seed=seed, batch=64)


def digits_cgan(out, seed):
    _digits_of_classes(out, seed, of_classes())


def _digits(out: Path, seed: int, model: Model) -> None:
    source = load("digits")
    play(model, source.train, source.validation, out, rounds=240, seed=seed, batch=64, lr=1e-3)


def digits_infogan(out, seed):
    _digits(out, seed, coded(1.0))


# --- broken on purpose ------------------------------------------------------------------------


def outplayed(out, seed):
    """The generator plays ten times as often as the critic."""
    _toy(out, seed, vectors("ring", cls=Lazy), rounds=300, betas=(0.5, 0.99))


def sure(out, seed):
    """Minimax, from far off, against a critic that learns much faster."""
    model = vectors("ring", "minimax")
    with torch.no_grad():
        model.generator[-1].bias.add_(4.0)
    _toy(out, seed, model, rounds=180, lr={"critic": 2e-3, "generator": 1e-5})


def fifty(out, seed):
    """A critic of images with fifty rows to learn."""
    source = load("digits")
    model = DCGAN(source.space, 32, 16, 2)
    held_out = source.validation
    play(model, few("digits", 50), held_out, out, rounds=300, seed=seed, batch=50)


def unbound(out, seed):
    """Wasserstein, with nothing that bounds the critic's slope."""
    _toy(out, seed, vectors("ring", "wasserstein"), rounds=600, lr=1e-2)


def orbit(out, seed):
    """A normal to be moved onto another by a linear critic: the two go round one another."""
    space = Reals((2,))
    noise = torch.Generator().manual_seed(seed)
    train, held_out = (Rows(torch.randn(n, 2, generator=noise), space) for n in (4000, 500))
    generator = MLP(2, 2, ())
    with torch.no_grad():
        generator[0].weight.copy_(torch.eye(2))
        generator[0].bias.copy_(torch.tensor([3.0, 0.0]))
    model = GAN(space, generator, MLP(2, 1, ()), 2, OBJECTIVES["wasserstein"])
    play(model, train, held_out, out, rounds=480, seed=seed, lr=2e-2, looks=16)


def blind(out, seed):
    """A critic that hardly learns."""
    rates = {"critic": 1e-6, "generator": 1e-3}
    _toy(out, seed, vectors("ring", critic=(4,)), rounds=180, lr=rates)


def eight(out, seed):
    """Eight rows, a critic that must be smooth, and a generator with room for all of them."""
    source = load("digits")
    nets = ConvDecoder(8, source.space.shape, 16), ConvEncoder(source.space.shape, 1, 16)
    model = GAN(source.space, *nets, 8, penalties=(Penalty(r1, 0.1),))
    held_out = source.validation
    play(model, few("digits", 8), held_out, out, rounds=480, seed=seed, batch=16)


def deaf(out, seed):
    """A critic that cannot know whether a row is of its class."""
    _digits_of_classes(out, seed, of_classes(cls=Deaf))


def still(out, seed):
    """One picture of each class."""
    _digits_of_classes(out, seed, of_classes(generator=Still))


def coded(weight: float):
    """Codes of digits, one of ten classes, found through a trunk of convolutions."""
    space = load("digits").space
    trunk = ConvEncoder(space.shape, 64, 8)
    heads = MLP(64, 1, (), activation="relu"), MLP(64, 10, (64,), activation="relu")
    net = ConvDecoder(16 + 10, space.shape, 8)
    return InfoGAN(space, net, trunk, *heads, 16, (10,), 0, weight)


def unheard(out, seed):
    """Codes that nobody has to find again."""
    _digits(out, seed, coded(0.0))


Game = Callable[[Path, int], None]

SOUND: dict[str, Game] = {
    f.__name__: f
    for f in (
        ring_r1,
        ring_least_squares,
        ring_hinge,
        ring_relativistic,
        grid_wgan_gp,
        digits_dcgan,
        digits_r1,
        digits_cgan,
        digits_infogan,
    )
}
BROKEN: dict[str, tuple[Game, str]] = {  # and what must be found
    "outplayed": (outplayed, "mode collapse"),
    "sure": (sure, "vanishing gradient"),
    "fifty": (fifty, "critic overfit"),
    "unbound": (unbound, "divergence"),
    "orbit": (orbit, "cycling"),
    "blind": (blind, "weak critic"),
    "eight": (eight, "memorisation"),
    "deaf": (deaf, "labels ignored"),
    "still": (still, "conditional collapse"),
    "unheard": (unheard, "codes ignored"),
}


def run(game: Game, out: Path, seed: int) -> None:
    """One game; its networks' first weights come from the seed too."""
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    try:
        game(out, seed)
    except FloatingPointError:  # a run that diverged to its end has a log too
        return
