"""genus evaluate: measures a trained model."""

from pathlib import Path

from ..errors import Refused
from .errors import OK
from .parser import DATA, ORACLE, Parser

MOST = 10**7  # samples


def run(words: list[str]) -> int:
    """Measures a trained model."""
    parser = Parser(prog="genus evaluate", description="Measures a trained model.")
    parser.add_argument("folder", type=Path, help="folder of a run or of a saved model")
    parser.add_argument("--data", help=f"{DATA} (default: the data of the run)")
    parser.add_argument("--oracle", type=Path, help=ORACLE)
    parser.add_argument(
        "--samples", type=int, default=1000, help="number of samples to judge (default: 1000)"
    )
    parser.add_seed()
    parser.add_argument("--json", action="store_true", help="print JSON, for other programs")
    parser.add_argument("--device", default="auto", help="cpu, cuda, mps or auto (default: auto)")
    taken = parser.read(words)
    if not 1 <= taken.samples <= MOST:
        raise Refused(f"genus evaluate: --samples is {taken.samples}; 1 to {MOST:,} are wanted")
    from .. import measure
    from ..data import load as load_data
    from ..train.artifact import data_of, load
    from ..train.process import begin, fit_threads

    fit_threads()
    oracle = taken.oracle and measure.oracle(taken.oracle)
    model = load(taken.folder, device=str(begin(taken.device)))
    data = load_data(taken.data or data_of(taken.folder)).view_for(model)
    figures = measure.evaluate(model, data, seed=taken.seed, samples=taken.samples, oracle=oracle)
    print(measure.to_json(figures) if taken.json else measure.render(figures))
    return OK
