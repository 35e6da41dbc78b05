"""Rows by a model of SDV: run by `measure.tables` in an interpreter that has SDV.

    python table_peers.py GaussianCopula FOLDER

FOLDER/columns.json says what each column is, in SDV's words, and how many rows each fold wants. Of the
training rows FOLDER/train-0.csv, train-1.csv, ... come FOLDER/drawn-0.csv, drawn-1.csv, ...; what it prints
are the version of SDV and the minutes of the processor.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import pandas as pd
import sdv
import torch
from sdv.metadata import Metadata
from sdv.single_table import CTGANSynthesizer, GaussianCopulaSynthesizer

MODELS = {"GaussianCopula": GaussianCopulaSynthesizer, "CTGAN": CTGANSynthesizer}


def main(name: str, folder: Path) -> None:
    known = json.loads((folder / "columns.json").read_text("utf-8"))
    kinds = known["columns"]
    metadata = Metadata.load_from_dict({"tables": {"table": {"columns": kinds}}})
    words = {column: str for column, kind in kinds.items() if kind["sdtype"] != "numerical"}
    begun = time.process_time()
    for fold, n in enumerate(known["rows"]):
        torch.manual_seed(fold)
        train = pd.read_csv(folder / f"train-{fold}.csv", dtype=words)
        model = MODELS[name](metadata)
        model.fit({"table": train})
        model.sample(n)["table"].to_csv(folder / f"drawn-{fold}.csv", index=False)
    minutes = (time.process_time() - begun) / 60
    print(json.dumps({"version": sdv.__version__, "minutes": minutes}))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    main(sys.argv[1], Path(sys.argv[2]))
