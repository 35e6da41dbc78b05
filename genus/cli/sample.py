"""genus sample: writes samples of a trained model into a file, whole or not at all."""

from pathlib import Path

from ..errors import Refused
from .errors import OK
from .parser import Parser

WRITERS = (".png", ".npy", ".txt", ".wav")  # what samples are written as
KINDS = f"{', '.join(WRITERS[:-1])} or {WRITERS[-1]}"


def run(words: list[str]) -> int:
    """Writes samples of a trained model into a file."""
    parser = Parser(prog="genus sample", description="Samples from a trained model into a file.")
    parser.add_argument("folder", type=Path, help="folder of a run or of a saved model")
    parser.add_argument("-n", type=int, default=64, help="number of samples (default: 64)")
    parser.add_argument("--out", type=Path, required=True, help=f"file to write: {KINDS}")
    parser.add_seed()
    parser.add_argument(
        "--raw", action="store_true", help="use the weights themselves, not their average"
    )
    parser.add_argument(
        "--data", help="data set that contexts are taken from (default: the data of the run)"
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps or auto (default: auto)")
    stepwise = parser.add_argument_group("of models that sample value by value")
    stepwise.add_argument(
        "--temperature",
        type=float,
        help="sampling temperature, at least 0; 0 takes the most likely value",
    )
    stepwise.add_argument("--top-k", type=int, help="number of most likely values to sample from")
    stepwise.add_argument(
        "--top-p", type=float, help="sample from the most likely values of this total probability"
    )
    stepwise.add_argument(
        "--bias", type=float, help="neatness of handwriting: 0 is natural, 1 is neat"
    )
    stepwise.add_argument("--prompt", help="text to continue")
    stepwise.add_argument(
        "--length", type=int, help="tokens to generate after the prompt, for models of text"
    )
    parser.add_argument(
        "--context",
        help="context of a conditional model: a class, labels separated by commas, or a text",
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
    from .sampling import write_samples

    fit_threads()
    write_samples(**vars(taken))
    print(taken.out)
    return OK
