"""A run and its data: what the run keeps of them, and they themselves where rows are wanted."""

from functools import cached_property
from pathlib import Path

from ...core import Model
from ...data import Data
from ...data import load as load_data
from ...data.arrays import arrays
from ...data.in_order.again import read_again
from ...data.meaning import Meaning, as_words
from ...data.sources import find
from ...data.tables.rows import rescaled
from ...data.tables.tables import table
from ...errors import Refused
from ...train.note import kept_meaning
from ..errors import say
from ..parser import learnt_from


class RunData:
    """The data of a run, which are read when they are needed.

    Args:
        folder: folder of the run.
        model: its model.
        given: name or path of other data in their place, from which rows are then taken.
    """

    def __init__(self, folder: Path, model: Model, given: str | None = None):
        self.folder, self.model, self.given = folder, model, given
        self.kept = kept_meaning(folder, model)
        self.changed = False  # is known once the data are read

    @cached_property
    def meaning(self) -> Meaning:
        """What the numbers of x stand for: as the run keeps it, else as its data say."""
        return self.kept or self.data.recorded()

    def _read(self, source: str) -> Data:
        """Data of this name or path; a table as the run has read its own."""
        path, kind, options = find(source)
        if self.kept is None or self.kept.columns is None or path is None:
            return load_data(source)
        if kind is not None and kind.read is arrays:
            found = load_data(source)
            same = found.columns is not None and found.space == self.kept.columns.space
            return rescaled(found, self.kept.columns) if same else found
        if kind is None or kind.read is not table:
            return load_data(source)
        found = read_again(path, self.kept, {**self.kept.options, **as_words(options)})
        for note in found.notes[1:] if self.given is None else found.notes:
            say(f"{path}: {note}")
        return found

    @cached_property
    def data(self) -> Data:
        """The data, as the model takes them. Where those of the run have changed, that is said."""
        if self.given is not None:
            return self._read(self.given).view_for(self.model)
        source = learnt_from(self.folder)
        try:
            data = self._read(source)
        except (Refused, FileNotFoundError) as error:
            raise Refused(
                f"{error}; {self.folder} has learnt from {source}: if the data lie elsewhere now, "
                f"name them with --data"
            ) from None
        data = data.view_for(self.model)
        if self.kept is not None and data.recorded().content != self.kept.content:
            self.changed = True
            say(f"{source} has changed since {self.folder} learnt from it")
        return data
