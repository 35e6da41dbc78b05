"""genus sample: writes samples of a trained model into a file or a folder, whole or not at all."""

import argparse
from pathlib import Path

from ..errors import Refused
from .errors import OK
from .parser import Parser

MOVING = (".gif", ".webp")  # pictures that may move
STILL = (".png", ".jpg", ".jpeg")
ARRAYS = (".npy", ".npz")
TABLES = (".csv", ".tsv", ".jsonl", ".parquet", ".xlsx")
WRITERS = (*STILL, *MOVING, *ARRAYS, *TABLES, ".txt", ".wav")  # what samples are written as
KINDS = f"{', '.join(kind for kind in WRITERS[:-1] if kind != '.jpeg')} or {WRITERS[-1]}"
WAYS = ("frames", "complete", "inpaint", "interpolate", "length", "given")  # one can be taken
INSIDE = ("png", "jpg", "jpeg", "webp", "npy", "txt", "wav")  # kinds of the files in a folder
PATHS = 8  # from one latent code to another, unless -n says how many


def run(words: list[str]) -> int:
    """Writes samples of a trained model into a file or a folder."""
    taken = _parser().read(words)
    folder = taken.out.endswith(("/", "\\")) or (
        not Path(taken.out).suffix and Path(taken.out).is_dir()
    )
    taken.out, taken.into_folder = Path(taken.out), folder
    _check(taken)
    if taken.n is None and (taken.interpolate is not None or taken.given is not None):
        taken.n = PATHS if taken.given is None else 1
    from ..train.process import fit_threads
    from .work.order import Order
    from .work.sampling import write_samples

    fit_threads()
    write_samples(Order(**vars(taken), words=("sample", *words)))
    print(f"{taken.out}/" if folder else taken.out)
    return OK


def _parser() -> Parser:
    parser = Parser(prog="genus sample", description="Samples from a trained model into a file.")
    parser.add_argument("folder", type=Path, help="folder of a run or of a saved model")
    parser.add_argument(
        "-n", type=int, help="number of samples (default: 64), or for each picture (default: 1)"
    )
    parser.add_argument(
        "--out",
        required=True,
        help=f"file to write: {KINDS}; or a folder, whose name ends in /, with a file for each sample",
    )
    parser.add_argument(
        "--format",
        metavar="KIND",
        type=_kind,
        help=f"kind of the files in a folder: {', '.join(INSIDE)} (default: what shows a sample "
        f"best, png, txt or wav)",
    )
    parser.add_allow()
    parser.add_seed()
    parser.add_argument(
        "--raw", action="store_true", help="use the weights themselves, not their average"
    )
    parser.add_argument(
        "--data",
        help="data set that contexts and rows are taken from (default: the data of the run)",
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps or auto (default: auto)")
    parser.add_argument(
        "--temperature",
        type=float,
        help="sampling temperature, at least 0; 0 takes the most likely value",
    )
    parser.add_argument(
        "--mean",
        action="store_true",
        default=None,
        help="show the mean of p(x | z), without its noise, for models that have a latent",
    )
    parser.add_argument(
        "--style",
        type=Path,
        metavar="PICTURE",
        help="picture whose style all samples have, for bicyclegan and other models of styles",
    )
    parser.add_argument(
        "--threshold",
        type=float,
        help="largest size of a number of the latent, for BigGAN: a lower one gives better samples of fewer kinds",
    )
    stepwise = parser.add_argument_group("of models that sample value by value")
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
        help="context of a conditional model: a class, labels separated by commas, a text, columns "
        "that are given, as in age=30,city=Paris, or a picture, a folder of pictures or a pattern of them, "
        "in quotes, each of which is answered by a picture of the same name",
    )
    parser.add_argument(
        "--given",
        type=Path,
        metavar="FILE",
        help="table of rows for which a model that is given columns draws the others, -n times each "
        "(default: once); each comes back with these beside it",
    )
    _ways(parser.add_argument_group("other ways to sample, one at a time"))
    return parser


def _kind(word: str) -> str:
    """The suffix of a kind of file that is named with its dot or without."""
    return "." + word.lower().removeprefix(".")


def _ways(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--frames",
        type=int,
        nargs="?",
        const=32,
        help="show how the samples come about, in so many frames (default: 32): a .gif or .webp that "
        "moves, or a numbered picture for each frame in a folder",
    )
    group.add_argument(
        "--complete",
        choices=["half"],
        help="keep the upper half of test rows and draw the rest",
    )
    group.add_argument(
        "--inpaint",
        type=Path,
        metavar="MASK",
        help="draw the white part of a picture of the size of the images anew, in test rows",
    )
    group.add_argument(
        "--interpolate",
        type=int,
        metavar="STEPS",
        help="go from one latent code to another in so many steps, -n times (default: 8)",
    )
    group.add_argument(
        "--between",
        choices=["rows", "draws"],
        help="the ends of --interpolate: test rows, for models that encode, or draws (default: rows "
        "where the model encodes)",
    )


def _check(taken: argparse.Namespace) -> None:
    """Raises Refused if the words cannot be meant together."""
    out, kind = taken.out, taken.out.suffix.lower()
    if not taken.into_folder and kind not in WRITERS:
        raise Refused(
            f"genus sample: --out is {out}; a {KINDS} file is wanted, or a folder, whose name ends in /"
        )
    if taken.format is not None and not taken.into_folder:
        raise Refused(
            f"genus sample: --format came with the file {out}, whose name says its kind; leave "
            f"--format out, or name a folder, whose name ends in /"
        )
    if taken.format is not None and taken.format[1:] not in INSIDE:
        raise Refused(
            f"genus sample: --format is {taken.format[1:]}; {', '.join(INSIDE[:-1])} or {INSIDE[-1]} is "
            f"wanted"
        )
    if taken.frames is not None and taken.format in (".txt", ".wav"):
        raise Refused(
            f"genus sample: --format is {taken.format[1:]}, and --frames are pictures; png, jpg, webp "
            f"or npy is wanted"
        )
    if taken.n is not None and taken.n < (least := 0 if kind in ARRAYS else 1):
        more = "" if least == 0 else "; .npy and .npz can hold none"
        raise Refused(f"genus sample: -n is {taken.n}; at least {least} is wanted{more}")
    ways = [way for way in WAYS if getattr(taken, way) is not None]
    if len(ways) > 1:
        raise Refused(f"genus sample: --{ways[0]} and --{ways[1]} came; one of them is wanted")
    for way, least in (("frames", 2), ("interpolate", 2), ("length", 1)):
        if (count := getattr(taken, way)) is not None and count < least:
            raise Refused(f"genus sample: --{way} is {count}; at least {least} is wanted")
    if taken.length is not None and kind in (*STILL, *MOVING, ".wav"):
        raise Refused(
            f"genus sample: --length is {taken.length}, --out is {out}; a .txt, .npy or .npz file is "
            f"wanted"
        )
    if taken.frames is not None and not taken.into_folder and kind not in MOVING:
        raise Refused(
            f"genus sample: --frames with --out {out}; a .gif or .webp file is wanted, or a folder, "
            f"whose name ends in /"
        )
    if taken.given is not None and (taken.context is not None or taken.prompt is not None):
        raise Refused(
            "genus sample: --given came with --context or --prompt; one of them is wanted"
        )
    if taken.given is not None and kind not in TABLES:
        raise Refused(
            f"genus sample: --given with --out {out}; a {', '.join(TABLES)} file is wanted, in which the "
            f"rows come back"
        )
    if taken.between is not None and taken.interpolate is None:
        raise Refused("genus sample: --between came without --interpolate; give both, or none")
