"""The CSV files that 'dvc plots' draws and compares."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.card.curves import det_table, reliability_table, roc_table
from pipeline.card.findings import Findings
from pipeline.files import written_whole
from pipeline.records import UNKNOWN


def write_tables(folder: Path, findings: Findings) -> None:
    """Write confusion.csv (actual, predicted; a row per test face), roc.csv, det.csv and reliability.csv."""
    answers, curve = findings.answers, findings.curve
    keys = np.array([*findings.model.members, UNKNOWN], object)
    predicted = keys[np.where(answers.believed, answers.named, answers.members)]
    _write(folder / "confusion.csv", pd.DataFrame({"actual": keys[answers.labels], "predicted": predicted}))
    _write(folder / "roc.csv", roc_table(curve))
    _write(folder / "det.csv", det_table(curve))
    _write(folder / "reliability.csv", reliability_table(findings.open_reliability))


def _write(path: Path, table: pd.DataFrame) -> None:
    with written_whole(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n", encoding="utf-8")
