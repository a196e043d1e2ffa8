"""Score: a labelled video against a truth table, face by face."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from pipeline.errors import DatasetError
from pipeline.models.geometry import iou_matrix
from pipeline.records import LABELLED_FACES, UNKNOWN, Float32
from pipeline.tables import read_table

MIN_IOU: Final = 0.3
BOX: Final = ["x0", "y0", "x1", "y1"]
TRUTH_COLUMNS: Final = ["frame", "member", *BOX]


@dataclass(frozen=True, slots=True)
class Score:
    """face_frames: truth faces that count. Shares in 0..1, None where there is nothing to count:
    found: of them detected; named: member faces given their right name; precision: given names that are right;
    false: outsider faces given any name. twice: frames with one name on two faces. switches: times a person's name
    changes from one frame on which it is named to the next, within a shot."""

    face_frames: int
    found: float | None
    named: float | None
    precision: float | None
    false: float | None
    outsider_frames: int
    twice: int
    switches: int


def score(out: Path, truth: Path) -> Score:
    """Score the folder `out` of a labelled video (or its faces.parquet) against a CSV of true faces.

    The truth has one row per face and frame: frame, member ('unknown' for an outsider), x0, y0, x1, y1 in pixels; rows
    whose column `recognisable` is false do not count. A truth face is matched to the predicted face it overlaps most
    (IoU at least 0.3). DatasetError when a file is missing or lacks a column.
    """
    labelled = out / "faces.parquet" if out.is_dir() else out
    if not labelled.is_file():
        raise DatasetError(f"{labelled} is not there: give the folder that 'lineup label' made for the video")
    faces = read_table(labelled, LABELLED_FACES)
    true = read_truth(truth)
    true["given"] = _given(true, faces)
    named = true["given"].notna() & (true["given"] != UNKNOWN)
    outsider = true["member"] == UNKNOWN
    right = (true["given"] == true["member"]) & ~outsider
    return Score(
        face_frames=len(true),
        found=_share(true["given"].notna().sum(), len(true)),
        named=_share(right.sum(), (~outsider).sum()),
        precision=_share(right.sum(), named.sum()),
        false=_share((named & outsider).sum(), outsider.sum()),
        outsider_frames=int(outsider.sum()),
        twice=int(_twice(faces)),
        switches=_switches(true[named]),
    )


def read_truth(path: Path) -> pd.DataFrame:
    """The rows of a truth table that count; DatasetError when it is missing or is not such a table."""
    if not path.is_file():
        raise DatasetError(f"{path} is not there: give the CSV of true faces")
    try:
        true = pd.read_csv(path, dtype=str, keep_default_na=False)
        if missing := [name for name in TRUTH_COLUMNS if name not in true.columns]:
            raise DatasetError(f"{path} lacks the columns {', '.join(missing)}")
        true = true.astype({"frame": int, **dict.fromkeys(BOX, float)})
    except ValueError as error:
        raise DatasetError(f"{path} is not a table of true faces: {' '.join(str(error).split())}") from None
    if "recognisable" in true.columns:
        true = true[true["recognisable"].str.lower() != "false"]
    return true.reset_index(drop=True)


def _given(true: pd.DataFrame, faces: pd.DataFrame) -> pd.Series:
    """The member given to each truth face, NaN for one that was not found."""
    given = pd.Series(np.nan, index=true.index, dtype=object)
    by_frame = dict(list(faces.groupby("frame")))
    for frame, rows in true.groupby("frame"):
        if frame not in by_frame:
            continue
        predicted = by_frame[frame]
        overlap = iou_matrix(_boxes(rows), _boxes(predicted))
        best = overlap.argmax(axis=1)
        found = overlap[np.arange(len(rows)), best] >= MIN_IOU
        members = predicted["member"].to_numpy(object)
        given.loc[rows.index[found]] = members[best[found]]
    return given


def _boxes(rows: pd.DataFrame) -> Float32:
    boxes: Float32 = rows[BOX].to_numpy(np.float32)
    return boxes


def _twice(faces: pd.DataFrame) -> int:
    named = faces[faces["member"] != UNKNOWN]
    return named[named.duplicated(["frame", "member"])]["frame"].nunique()


def _switches(named: pd.DataFrame) -> int:
    """Changes of the given name of one true person within one shot; outsiders of one shot count as one person."""
    keys = ["shot", "member"] if "shot" in named.columns else ["member"]
    changes = 0
    for _, rows in named.sort_values("frame").groupby(keys):
        given = rows["given"].to_numpy(object)
        changes += int((given[1:] != given[:-1]).sum())
    return changes


def _share(part: int, whole: int) -> float | None:
    return round(float(part) / float(whole), 4) if whole else None
