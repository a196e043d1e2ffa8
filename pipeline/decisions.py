"""data/<group>/review.csv: what a person decided about faces, one line each; the last line on a face counts."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pandas as pd

from pipeline.errors import DatasetError
from pipeline.files import write_text

ACCEPT: Final = "accept"
REJECT: Final = "reject"
COLUMNS: Final = ("key", "decision", "member")


def decisions_path(data: Path) -> Path:
    """Where the decisions on the group in folder `data` stand."""
    return data / "review.csv"


def start_decisions(data: Path) -> None:
    """Make the file, without a decision, if it is not there."""
    if not decisions_path(data).exists():
        write_text(decisions_path(data), ",".join(COLUMNS) + "\n")


def read_decisions(data: Path) -> pd.DataFrame:
    """The last decision per face: key, decision (ACCEPT or REJECT), member ('' leaves an accepted face as it is).

    Raises DatasetError when the file is not such a table.
    """
    path = decisions_path(data)
    if not path.is_file():
        return pd.DataFrame(columns=list(COLUMNS), dtype=str)
    try:
        decisions = pd.read_csv(path, dtype=str, keep_default_na=False)
        if not isinstance(decisions.index, pd.RangeIndex):  # pandas takes what is too much for row names
            raise ValueError("a line has more fields than the first")
    except ValueError as error:
        raise DatasetError(f"{path} is not a table of decisions: {' '.join(str(error).split())}") from None
    if missing := [name for name in COLUMNS if name not in decisions.columns]:
        raise DatasetError(f"{path} lacks the columns {', '.join(missing)}")
    if strange := set(decisions["decision"]) - {ACCEPT, REJECT}:
        raise DatasetError(f"{path}: a decision is '{ACCEPT}' or '{REJECT}', not {sorted(strange)[0]!r}")
    return decisions.drop_duplicates("key", keep="last")
