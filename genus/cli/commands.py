"""What is done with trained models: genus sample | evaluate | compare | diagnose.

Torch is imported by the commands that need it, when they need it.
"""

from pathlib import Path

from .. import recipes
from .errors import OK, STOPPED, Mistake, nearest, say, writing
from .parser import Parser

DATA = "name or path, with options if need be, as in photos?size=64"
WRITERS = (".png", ".npy", ".txt", ".wav")  # what samples are written as
KINDS = f"{', '.join(WRITERS[:-1])} or {WRITERS[-1]}"
AILING = 3  # the exit code of diagnose where something is wrong with the game
ORACLE = "a run of genus fit oracle, to judge samples (default: the one that ships for the data)"


def known(name: str) -> None:
    """Raises Mistake if there is no such recipe."""
    if name not in (names := recipes.names()):
        hint = nearest(name, names) or "; genus list shows them all"
        raise Mistake(f"there is no recipe {name}{hint}")


def sample(words: list[str]) -> int:
    """Draws from a trained model into a file."""
    parser = Parser(prog="genus sample", description="Draws from a trained model into a file.")
    parser.add_argument("folder", type=Path, help="where genus fit, or genus.save, left the model")
    parser.add_argument("-n", type=int, default=64, help="how many (default: 64)")
    parser.add_argument("--out", type=Path, required=True, help=f"a file: {KINDS}")
    parser.add_argument("--seed", type=int, default=0, help="of the noise (default: 0)")
    parser.add_argument("--raw", action="store_true", help="the weights themselves, no average")
    parser.add_argument("--data", help="where contexts come from (default: the data of the run)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps or auto (default: auto)")
    stepwise = parser.add_argument_group("of models that draw value by value")
    stepwise.add_argument(
        "--temperature", type=float, help="1 draws from the model, 0 takes the likeliest"
    )
    stepwise.add_argument("--top-k", type=int, help="only so many of the likeliest values")
    stepwise.add_argument("--top-p", type=float, help="the likeliest values that hold so much")
    stepwise.add_argument("--bias", type=float, help="of handwriting: 0 is natural, 1 is neat")
    stepwise.add_argument("--prompt", help="a text that is gone on with")
    stepwise.add_argument("--length", type=int, help="of what follows, in tokens, of texts")
    parser.add_argument(
        "--context",
        help="what a conditional model is given: a class, labels with commas between, or a text",
    )
    taken = parser.read(words)
    if taken.out.suffix not in WRITERS:
        raise Mistake(f"genus sample: --out is {taken.out}; a {KINDS} file is wanted")
    if taken.n < 1:
        raise Mistake(f"genus sample: -n is {taken.n}; at least 1 is wanted")
    if taken.length is not None and (taken.length < 1 or taken.out.suffix == ".png"):
        raise Mistake(
            f"genus sample: --length is {taken.length}, --out is {taken.out}; at least 1 is wanted, "
            f"and a .txt or .npy file"
        )
    from .trained import draw, fit_threads

    fit_threads()
    with writing(taken.out):
        draw(**vars(taken))
    print(taken.out)
    return OK


def evaluate(words: list[str]) -> int:
    """Measures a trained model."""
    parser = Parser(prog="genus evaluate", description="Measures a trained model.")
    parser.add_argument("folder", type=Path, help="where genus fit, or genus.save, left the model")
    parser.add_argument("--data", help=f"{DATA} (default: the data of the run)")
    parser.add_argument("--oracle", type=Path, help=ORACLE)
    parser.add_argument("--samples", type=int, default=1000, help="to draw (default: 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of all noise (default: 0)")
    parser.add_argument("--json", action="store_true", help="as JSON, for other programs")
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps or auto (default: auto)")
    taken = parser.read(words)
    from .. import measure
    from .trained import fit_threads, opened

    fit_threads()
    oracle = taken.oracle and measure.oracle(taken.oracle)
    model, data = opened(taken.folder, data=taken.data, device=taken.device)
    figures = measure.evaluate(model, data, seed=taken.seed, samples=taken.samples, oracle=oracle)
    print(measure.to_json(figures) if taken.json else measure.render(figures))
    return OK


def compare(words: list[str]) -> int:
    """Trains several recipes on one data set, and writes one page about them."""
    parser = Parser(
        prog="genus compare",
        description="Trains several recipes on one data set, and writes one page about them.",
    )
    parser.add_argument("names", nargs="+", metavar="RECIPE", help="genus list shows them")
    parser.add_argument("--data", default="digits", help=f"{DATA} (default: digits)")
    parser.add_argument(
        "--minutes", type=float, default=1.0, help="of training, for each recipe (default: 1)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("report"), help="a folder (default: report)"
    )
    parser.add_argument("--oracle", type=Path, help=ORACLE)
    parser.add_argument("--seed", type=int, default=0, help="of every run (default: 0)")
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps or auto (default: auto)")
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        help="of the processor; small nets gain nothing by more, and lose much where the "
        "processor is shared (default: 1)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep what is finished, go on with what is not"
    )
    taken = parser.read(words)
    for name in taken.names:
        known(name)
    if not taken.minutes > 0:
        raise Mistake(f"genus compare: --minutes is {taken.minutes}; more than 0 is wanted")
    if taken.threads < 1:
        raise Mistake(f"genus compare: --threads is {taken.threads}; at least 1 is wanted")
    from .compare import compare

    try:
        with writing(taken.out):
            return compare(**vars(taken))
    except KeyboardInterrupt:
        say(f"stopped; the same command with --resume goes on with {taken.out}")
        return STOPPED


def diagnose(words: list[str]) -> int:
    """Says in plain words what is wrong with a game."""
    parser = Parser(
        prog="genus diagnose",
        description="Says what is wrong with the game of an adversarial run, from its log.",
        epilog=f"Exit codes: 0, nothing is wrong; {AILING}, something is; 2, there is no such log.",
    )
    parser.add_argument("folder", type=Path, metavar="RUN", help="the folder of the run")
    folder: Path = parser.read(words).folder
    if not folder.is_dir():
        raise Mistake(f"genus diagnose: {folder} is no folder; that of a run is wanted")
    if not (folder / "metrics.jsonl").is_file():
        raise Mistake(
            f"genus diagnose: {folder} has no metrics.jsonl; the folder of a run is wanted"
        )
    from ..measure.games.diagnosis import describe
    from ..measure.games.diagnosis import diagnose as examine

    found = examine(folder)
    if not found:
        raise Mistake(
            f"genus diagnose: the log in {folder} has no figures of a game of critic and generator; "
            f"the run of a GAN is wanted, after its first evaluation"
        )
    print(describe(found))
    return OK if all(finding.severity == "good" for finding in found) else AILING
