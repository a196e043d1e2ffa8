"""Which faces of a labelled video are drawn: everybody's, some members' only, or all but theirs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

import numpy as np
import pandas as pd

from pipeline.errors import LineupError
from pipeline.params import Render
from pipeline.records import UNKNOWN
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


def _held(faces: pd.DataFrame, frames: pd.DataFrame) -> pd.DataFrame:
    """With each track's first box also before it and its last box also after it, within its shot."""
    times_s = frames["time_s"].to_numpy()
    limits = frames.groupby("shot")["frame"].agg(["min", "max"])
    held = [faces]
    for _, rows in faces.sort_values("frame").groupby("track"):
        first, last = rows.iloc[[0]], rows.iloc[[-1]]
        start, end = int(first["frame"].iloc[0]), int(last["frame"].iloc[0])
        before = max(np.searchsorted(times_s, times_s[start] - HOLD_S), limits["min"][first["shot"].iloc[0]])
        after = min(
            np.searchsorted(times_s, times_s[end] + HOLD_S, side="right") - 1, limits["max"][last["shot"].iloc[0]]
        )
        held += [_repeated(first, range(before, start)), _repeated(last, range(end + 1, after + 1))]
    return pd.concat(held, ignore_index=True)


def _repeated(row: pd.DataFrame, frames: range) -> pd.DataFrame:
    return row.loc[row.index.repeat(len(frames))].assign(frame=list(frames))


def _member_key(roster: Roster, name: str) -> str:
    for alike in (_composed, lambda text: _composed(text).casefold()):
        found = {one.key for one in roster.members if alike(name) in (alike(one.key), alike(one.name))}
        if len(found) == 1:
            return found.pop()
    raise LineupError(f"{roster.group} has no one member {name!r} (there are: {', '.join(roster.keys)})")


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)
