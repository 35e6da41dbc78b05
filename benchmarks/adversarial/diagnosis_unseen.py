"""Verdicts on short games, as `diagnosis` has them, on seeds that set no threshold."""

from argparse import Namespace
from collections.abc import Iterator

from ..bench import Bench, Cell
from . import diagnosis

BENCH = Bench(
    __file__,
    "Verdicts on games: seeds that no threshold was set on",
    " | ".join(diagnosis.BENCH.columns),
    diagnosis.BENCH.protocol,
    """
    Found: of all seeds, how many runs the right finding was made in, at any look.

    Alarms that are wrong: looks of sound games at which anything was found, of all looks; of
    recipes, looks with a finding, right or not: nobody knows what is wrong with them.

    Figures are the range over seeds, at the last look; two samples of sound games are 1 apart.

    Examination: its share of the run's time, processor seconds.

    Thresholds were set on seeds 0 to 4 and not touched after these runs.
    """,
    weights="raw",
    options={"seeds": ([5, 6, 7, 8, 9], "of the games")},
)
BENCH.rows(diagnosis.rows)


@BENCH.cells
def cells(options: Namespace) -> Iterator[Cell]:
    for cell in diagnosis.cells(options):
        if cell.name in diagnosis.GAMES:
            yield cell


if __name__ == "__main__":
    BENCH.main()
