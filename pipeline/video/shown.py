"""Which faces of a labelled video are drawn: everybody's, some members' only, or all but theirs."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from typing import Final

import numpy as np
import pandas as pd

from pipeline.drawing.draw import FaceLabels
from pipeline.errors import LineupError
from pipeline.params import Render
from pipeline.records import BOX, UNKNOWN, Ints
from pipeline.roster import Roster

HOLD_S: Final = 0.25  # a face is there before it is found and after it is lost, by up to a few frames


def member_keys(roster: Roster, names: Iterable[str]) -> frozenset[str]:
    """The keys of the members with these keys or shown names, in any case; LineupError unless each is one member's."""
    return frozenset(_member_key(roster, name) for name in names)


def drawn(faces: pd.DataFrame, frames: pd.DataFrame, params: Render, only: frozenset[str]) -> pd.DataFrame:
    """The rows of `faces` (LABELLED_FACES) to draw on the frames (VIDEO_FRAMES) of a video.

    With style blur all but the members `only`, each a moment longer than it was seen; else the members `only`, or if
    there are none everybody, the unknown if they are not hidden.
    """
    chosen = faces["member"].isin(only)
    if params.style == "blur":
        return _held(faces[~chosen], frames)
    if only:
        return faces[chosen]
    return faces if params.unknowns == "box" else faces[faces["member"] != UNKNOWN]


def labels_on(faces: pd.DataFrame) -> Callable[[int], FaceLabels | None]:
    """What to draw on a frame, by its number; None where no face is shown."""
    faces = faces.sort_values("frame", kind="stable")
    frames, members = faces["frame"].to_numpy(np.int64), faces["member"].to_numpy(object)
    boxes = faces[BOX].to_numpy(np.float32)

    def labels(frame: int) -> FaceLabels | None:
        first, end = np.searchsorted(frames, [frame, frame + 1])
        return FaceLabels(boxes[first:end], tuple(members[first:end])) if first < end else None

    return labels


def _held(faces: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """With each track's first box also before it, and its last box also after it, within its shot.

    Where a track has no box in between, its face may be anywhere from the box before to the one after: one around both.
    """
    faces = faces.sort_values(["track", "frame"], ignore_index=True)
    if faces.empty:
        return faces
    times_s = frames["time_s"].to_numpy()
    limits = frames.groupby("shot")["frame"].agg(["min", "max"]).loc[faces["shot"]].to_numpy()
    frame, goes_on = faces["frame"].to_numpy(np.int64), np.diff(faces["track"]) == 0
    first, last = (np.flatnonzero(ends) for ends in (np.append(True, ~goes_on), np.append(~goes_on, True)))
    before = np.searchsorted(times_s, times_s[frame[first]] - HOLD_S)
    after = np.searchsorted(times_s, times_s[frame[last]] + HOLD_S, side="right")
    gaps = np.flatnonzero(goes_on & (np.diff(frame) > 1))
    around = faces.loc[gaps].copy()
    around[["x0", "y0"]] = np.minimum(faces.loc[gaps, ["x0", "y0"]], faces.loc[gaps + 1, ["x0", "y0"]].to_numpy())
    around[["x1", "y1"]] = np.maximum(faces.loc[gaps, ["x1", "y1"]], faces.loc[gaps + 1, ["x1", "y1"]].to_numpy())
    held = [
        _repeated(faces.loc[first], np.maximum(before, limits[first, 0]), frame[first]),
        _repeated(faces.loc[last], frame[last] + 1, np.minimum(after, limits[last, 1] + 1)),
        _repeated(around, frame[gaps] + 1, frame[gaps + 1]),
    ]
    return pd.concat([faces, *held], ignore_index=True)


def _repeated(rows: pd.DataFrame, start: Ints, end: Ints) -> pd.DataFrame:
    """Each row on all frames from its `start` to before its `end`."""
    counts = end - start
    place = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    return rows.loc[rows.index.repeat(counts)].assign(frame=np.repeat(start, counts) + place)


def _member_key(roster: Roster, name: str) -> str:
    for alike in (_composed, lambda text: _composed(text).casefold()):
        found = {one.key for one in roster.members if alike(name) in (alike(one.key), alike(one.name))}
        if len(found) == 1:
            return found.pop()
    raise LineupError(f"{name!r} is not one member of {roster.group} (there are: {', '.join(roster.keys)})")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
