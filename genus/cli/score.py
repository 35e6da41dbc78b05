"""genus score: how likely each row of a file is, in its order."""

from pathlib import Path

from ..errors import Refused
from .errors import OK
from .parser import DATA, Parser

BY = ("likelihood", "typicality", "complexity")


def run(words: list[str]) -> int:
    """Scores the rows of a file or folder into a .csv."""
    taken = _parser().read(words)
    if taken.out.suffix.lower() != ".csv":
        raise Refused(f"genus score: --out is {taken.out}; a .csv file is wanted")
    if taken.draws < 1:
        raise Refused(f"genus score: --draws is {taken.draws}; at least 1 is wanted")
    from ..train.process import fit_threads
    from .work.scoring import ScoreOrder, write_scores

    fit_threads()
    write_scores(ScoreOrder(**vars(taken)))
    print(taken.out)
    return OK


def _parser() -> Parser:
    parser = Parser(
        prog="genus score",
        description="Says how likely each row of a file is: a line for each row, in its order, with "
        "log_p, elbo or energy as the model promises (natural logarithms), its standard error where it is "
        "estimated, and the share of validation rows that are odder. A row that cannot be scored keeps its "
        "place, with the reason.",
    )
    parser.add_argument("folder", type=Path, help="folder of a run or of a saved model")
    parser.add_argument("--data", required=True, help=DATA)
    parser.add_argument("--out", type=Path, required=True, help="file to write, .csv")
    parser.add_argument(
        "--by",
        choices=BY,
        default=BY[0],
        help="what counts as odd: what is unlikely; what is far from the usual likelihood, also if it is "
        "likelier; or what is no likelier than it is simple, for pictures, of which simple ones are "
        "likely whatever they show (default: likelihood)",
    )
    parser.add_argument(
        "--draws", type=int, default=16, help="draws of an estimate, for each row (default: 16)"
    )
    parser.add_argument(
        "--labels",
        action="store_true",
        help="score rows given their labels, by a model of classes; otherwise classes are mixed",
    )
    parser.add_argument(
        "--split",
        help="rows of data that have a name or splits: train, validation or test (default)",
    )
    parser.add_seed()
    parser.add_argument(
        "--raw", action="store_true", help="use the weights themselves, not their average"
    )
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps or auto (default: auto)")
    return parser
