"""A model of a table and the meaning of its columns, together: rows are drawn and scored as they lie in files.

rows = genus.TableModel.load("runs/rows")
pandas.DataFrame(rows.sample(1000))
rows.score(frame)
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from .core import GenerativeModel, Model, Refused, sample
from .data import Data
from .data.in_order.listing import of_cells
from .data.meaning import Meaning
from .data.own.frames import is_frame
from .data.tables.beside import GivenRows
from .data.tables.sheets import Sheet, sheet
from .data.tables.sheets import of_frame as cells_of
from .data.tables.tables import as_read
from .measure.anomalies.scorer import Scorer
from .train.artifact import load
from .train.note import kept_meaning

BLOCK = 4096  # rows that are scored at once


class TableModel:
    """A model of the rows of a table.

    Args:
        model: model of its rows, or of their looser view.
        data: the table that it has learnt from, or what a run keeps of it.

    Raises:
        Refused: the data are no table, or not those of the model.
    """

    def __init__(self, model: Model, data: Data | Meaning):
        if isinstance(data, Data):
            data = data.view_for(model).meaning
        if data.columns is None:
            raise Refused(f"TableModel: {data.name} is no table; genus.sample draws its rows")
        self.model, self.meaning, self.columns = model, data, data.columns

    @classmethod
    def load(
        cls, folder: Path | str, *, average: bool = True, allow: Sequence[str] = ()
    ) -> "TableModel":
        """The model of a run, which keeps what its columns are.

        Args:
            folder: folder of the run.
            average: whether to take the average of its weights, where there is one.
            allow: names of code outside genus that may run, as in `genus.load`.
        """
        folder = Path(folder)
        model: Any = load(folder, average=average, allow=allow)
        if (kept := kept_meaning(folder, model)) is None:
            raise Refused(
                f"TableModel: {folder} keeps nothing of its data; give them with the model"
            )
        return cls(model, kept)

    def sample(
        self, n: int | None = None, given: Any = None, seed: int = 0, **how: Any
    ) -> dict[str, list[Any]]:
        """Rows in the columns of the table: the cells of each column, from which a data frame is made.

        Args:
            n: number of rows, by default 64; of a model that is given columns, draws for each row, by
                default 1.
            given: rows for such a model, as a data frame, a dict of columns or a path. Each comes back, n times, with what
                is drawn beside it; one that cannot be read comes back alone.
            seed: random seed.
            how: further arguments of `genus.sample`.

        Raises:
            Refused: the model is given columns, and they did not come, or the other way round.
        """
        if not isinstance(self.model, GenerativeModel):
            raise Refused(f"TableModel.sample: {type(self.model).__name__} cannot sample")
        needs = self.columns.given is not None
        if needs != (given is not None):
            wanted = ", ".join(self.columns.given.names) if self.columns.given else "nothing"
            raise Refused(
                f"TableModel.sample: given is {type(given).__name__}; the model is given {wanted}"
            )
        if given is None:
            x = sample(self.model, 64 if n is None else n, seed, **how)
            drawn = self.meaning.rows(x, as_numbers=True)
        else:
            n = 1 if n is None else n
            who = "TableModel.sample"
            rows = GivenRows.read(self._cells(given, who), self.columns, who)
            x = sample(self.model, None, seed, rows.contexts(n), **how)
            drawn = rows.beside(self.meaning.rows(x, as_numbers=True), n)
        return dict(zip(drawn.names, drawn.columns, strict=True))

    def score(self, rows: Any, *, draws: int = 16, seed: int = 0) -> NDArray[np.float64]:
        """log p of each row in the units of the table, nats, (n,): the higher, the likelier.

        It is what `genus score` writes: the logarithm of a density or probability, or a bound of it, or
        -energy. A row that cannot be read is not a number.

        Args:
            rows: data frame, dict of columns, or path of a table.
            draws: number of draws of a random score, for each row.
            seed: random seed.
        """
        who = "TableModel.score"
        scorer = Scorer(self.model, self.meaning, draws, seed)
        listing = of_cells(
            self._cells(rows, who), who, self.meaning, self.meaning.options.get("label")
        )
        found = [torch.empty(0, dtype=torch.float64)]
        for _, read in listing.blocks(BLOCK):
            value = torch.full((len(read.reasons),), torch.nan, dtype=torch.float64)
            if read.good:
                value[read.good] = scorer(read.x, read.context).value.cpu()
            found.append(value)
        return torch.cat(found).numpy()

    def _cells(self, rows: Any, who: str) -> Sheet:
        """The cells of a data frame, of columns or of a file."""
        if isinstance(rows, Mapping):
            columns = [list(cells) for cells in rows.values()]
            if len({len(cells) for cells in columns}) != 1:
                raise Refused(f"{who}: columns of one length are wanted")
            return Sheet([*map(str, rows)], columns)
        if is_frame(rows):
            return cells_of(rows, who)
        if isinstance(rows, str | Path):
            path = Path(rows)
            if not path.is_file():
                raise Refused(f"{who}: there is no file {path}")
            return sheet(path, ragged=True, **as_read(self.meaning.options))
        came = type(rows).__name__
        raise Refused(
            f"{who}: {came} came; a data frame, a dict of columns or the path of a table is wanted"
        )
