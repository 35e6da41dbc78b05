"""Tables that ship inside scikit-learn: wine, breast_cancer, diabetes, iris.

Cultivars of wine: Aeberhard, Forina, 1992; tumours: Wolberg, Mangasarian, Street, Street, 1995; patients:
Efron, Hastie, Johnstone, Tibshirani, "Least angle regression", 2004; flowers: Fisher, 1936.
"""

from functools import partial

import numpy as np

from ..sets import Data
from ..sources import Source
from .sheets import Cells, Sheet
from .tables import Missing, of_sheet


def built_in(
    name: str,
    *,
    label: str | None = None,
    missing: Missing = "keep",
    columns: str | None = None,
    given: str | None = None,
    drawn: str | None = None,
) -> Data:
    """One of the tables.

    Args:
        name: name of the table.
        label: column of the labels, such as target.
        missing: as for any table.
        columns: as for any table.
        given: as for any table.
        drawn: as for any table.
    """
    from sklearn import datasets  # takes half a second

    options = {"scaled": False} if name == "diabetes" else {}
    found = getattr(datasets, f"load_{name}")(**options)
    columns_ = [*np.asarray(found.data, dtype=np.float64).T]
    target = [found.target_names[k] for k in found.target] if "target_names" in found else None
    cells: list[Cells] = [_numbers(column) for column in columns_]
    cells.append([str(word) for word in target] if target else _numbers(found.target))
    sheet = Sheet([*map(str, found.feature_names), "target"], cells)
    return of_sheet(sheet, name, name, label, missing, columns, None, given, drawn)


def _numbers(column: np.ndarray) -> list[float]:
    """Numbers as they are in print; whole ones stay whole."""
    if bool((column == np.floor(column)).all()):
        return [int(value) for value in column]
    return [float(value) for value in column]


SETS = {
    name: Source(partial(built_in, name)) for name in ("wine", "breast_cancer", "diabetes", "iris")
}
