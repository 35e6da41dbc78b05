"""genus compare: trains several recipes on one data set, and writes one page about them."""

from pathlib import Path

from ..errors import Refused
from .arguments.own import known
from .errors import STOPPED, say, writing
from .parser import DATA, EXTRACTOR, ORACLE, Parser


def run(words: list[str]) -> int:
    """Trains several recipes on one data set, and writes one page about them."""
    parser = Parser(
        prog="genus compare",
        description="Trains several recipes on one data set, and writes one page about them.",
    )
    parser.add_argument(
        "names",
        nargs="+",
        metavar="RECIPE",
        help="name of a recipe, as genus list shows it, or package.module:recipe of your own",
    )
    parser.add_argument("--data", default="digits", help=f"{DATA} (default: digits)")
    parser.add_argument(
        "--minutes", type=float, default=1.0, help="training time of each recipe (default: 1)"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("report"), help="folder of the report (default: report)"
    )
    parser.add_argument("--oracle", type=Path, help=ORACLE)
    parser.add_argument("--extractor", type=Path, help=EXTRACTOR)
    parser.add_seed()
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps or auto (default: auto)")
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        help="number of threads; small networks are no faster with more, and much slower where "
        "the processor is shared (default: 1)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="keep finished runs and continue the others"
    )
    taken = parser.read(words)
    for name in taken.names:
        known(name)
    if not taken.minutes > 0:
        raise Refused(f"genus compare: --minutes is {taken.minutes}; more than 0 is wanted")
    if taken.threads < 1:
        raise Refused(f"genus compare: --threads is {taken.threads}; at least 1 is wanted")
    from .work.comparison import compare

    try:
        with writing(taken.out):
            return compare(**vars(taken))
    except KeyboardInterrupt:
        say(f"stopped; the same command with --resume continues {taken.out}")
        return STOPPED
