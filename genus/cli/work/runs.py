"""A run and its data: what the run keeps of them, and they themselves where rows are wanted."""

from functools import cached_property
from pathlib import Path

from ...core import Model, Reals
from ...data import Data
from ...data import load as load_data
from ...data.arrays import arrays
from ...data.in_order.again import read_again
from ...data.meaning import Meaning, as_words
from ...data.sources import find, with_options
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
        if self.kept is None or path is None or kind is None:
            return load_data(source)
        if kind.read is arrays:
            return self._vectors(source)
        if kind.read is table and self.kept.columns is None and isinstance(self.kept.space, Reals):
            raise Refused(
                f"{path}: {self.folder} has learnt numbers as they are, and those of a table are put on "
                f"scales; save its rows as a .npy file"
            )
        if self.kept.columns is None or kind.read is not table:
            return load_data(source)
        found = read_again(path, self.kept, {**self.kept.options, **as_words(options)})
        for note in found.notes[1:] if self.given is None else found.notes:
            say(f"{path}: {note}")
        return found

    def _vectors(self, source: str) -> Data:
        """An array file; its vectors on the scales of the run, or as they are if the run has none."""
        assert self.kept is not None
        columns = self.kept.columns
        found = load_data(with_options(source, {"standardise": str(columns is not None).lower()}))
        if columns is None or found.columns is None or found.space != columns.space:
            return found
        return rescaled(found, columns)

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
