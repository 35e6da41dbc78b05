"""genus sample: draws from a trained model into a file, whole or not at all."""

from pathlib import Path

from ..errors import Refused
from .errors import OK
from .parser import Parser

WRITERS = (".png", ".npy", ".txt", ".wav")  # what samples are written as
KINDS = f"{', '.join(WRITERS[:-1])} or {WRITERS[-1]}"


def run(words: list[str]) -> int:
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
        raise Refused(f"genus sample: --out is {taken.out}; a {KINDS} file is wanted")
    if taken.n < 1:
        raise Refused(f"genus sample: -n is {taken.n}; at least 1 is wanted")
    if taken.length is not None and (taken.length < 1 or taken.out.suffix == ".png"):
        raise Refused(
            f"genus sample: --length is {taken.length}, --out is {taken.out}; at least 1 is wanted, "
            f"and a .txt or .npy file"
        )
    from ..train.process import fit_threads
    from .drawing import draw

    fit_threads()
    draw(**vars(taken))
    print(taken.out)
    return OK
