"""Truth: who is really where on the frames of a video, as a CSV table that a person or a program wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from pipeline.errors import DatasetError
from pipeline.records import BOX

NEEDED: Final = ["frame", "member", *BOX]
NUMBERS: Final = {"frame": int, **dict.fromkeys(BOX, float), "shot": int, "time_s": float}


def read_truth(path: Path) -> pd.DataFrame:
    """The rows of a truth table that count, in its order: one per face and frame.

    Columns: frame, member ('unknown' for an outsider), x0, y0, x1, y1 in pixels; perhaps shot and time_s; rows whose
    column `recognisable` is false do not count. DatasetError when it is missing, or is no such table of one video.
    """
    if not path.is_file():
        raise DatasetError(f"{path} is no file: give the CSV of true faces")
    try:
        true = pd.read_csv(path, dtype=str, keep_default_na=False)
        if missing := [name for name in NEEDED if name not in true.columns]:
            raise DatasetError(f"{path} lacks the columns {', '.join(missing)}: name them in its first line")
        true = true.astype({name: kind for name, kind in NUMBERS.items() if name in true.columns})
    except (ValueError, OverflowError) as error:
        raise DatasetError(f"{path} is not a table of true faces: {' '.join(str(error).split())}") from None
    if trouble := _trouble(true):
        raise DatasetError(f"{path} is not a table of true faces: {trouble}")
    if "recognisable" in true.columns:
        true = true[true["recognisable"].str.lower() != "false"]
    return true.reset_index(drop=True)


def _trouble(true: pd.DataFrame) -> str:
    """What the rows say that cannot be; '' when nothing."""
    if "video" in true.columns and true["video"].nunique() > 1:
        return "it holds several videos (column video): give each one's rows as a table of their own"
    times_s = true["time_s"] if "time_s" in true.columns else pd.Series(0.0, true.index)
    for wrong, what in (
        (true["frame"] < 0, "a frame below 0"),
        (true["member"].str.strip() == "", "no member: write 'unknown' for an outsider"),
        (~np.isfinite(true[BOX]).all(axis=1), "a side of the box that is no number"),
        ((true["x1"] <= true["x0"]) | (true["y1"] <= true["y0"]), "a box without area: x0 < x1 and y0 < y1 it must be"),
        (~np.isfinite(times_s), "a time_s that is no number"),
    ):
        if wrong.any():
            return f"row {int(wrong.to_numpy().argmax()) + 1} has {what}"
    return ""
