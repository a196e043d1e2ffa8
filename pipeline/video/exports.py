"""Who is on screen when, and for how long: appearances.csv and .json, screen_time.csv and .png."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from pipeline.files import write_json, write_text
from pipeline.records import UNKNOWN, Float64, Ints
from pipeline.roster import Member, Roster
from pipeline.video.plots import UNKNOWN_COLOUR, Lane, write_screen_time

MAX_GAP_S: Final = 0.5  # a face lost for less than this within a shot was there all the time
SINGLE_FRAME_S: Final = 0.04  # how long the only frame of a video is taken to be shown


@dataclass(frozen=True, slots=True)
class Appearance:
    """One member on screen without a break, in seconds of the video; end_s is when the last frame gives way."""

    member: str
    start_s: float
    end_s: float
    shots: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ScreenTime:
    """How long a member (or 'unknown') is seen: seconds and share (0..1) of the video; None when never."""

    member: str
    name: str
    seconds: float
    share: float
    appearances: int
    first_s: float | None
    last_s: float | None


def write_exports(folder: Path, faces: pd.DataFrame, frames: pd.DataFrame, roster: Roster) -> None:
    """Write the four files for faces (LABELLED_FACES) and frames (VIDEO_FRAMES) of one video into `folder`."""
    found = appearances(faces, frames, roster)
    named = [appearance for appearance in found if appearance.member != UNKNOWN]
    times = screen_times(faces, frames, roster)
    rows = [asdict(appearance) for appearance in named]
    write_json(folder / "appearances.json", [row | {"shots": list(row["shots"])} for row in rows])
    joined = [row | {"shots": ";".join(map(str, row["shots"]))} for row in rows]
    _write_csv(folder / "appearances.csv", ["member", "start_s", "end_s", "shots"], joined)
    columns = ["member", "name", "seconds", "share", "appearances", "first_s", "last_s"]
    _write_csv(folder / "screen_time.csv", columns, map(asdict, times))
    starts_s, ends_s = shown_s(frames)
    span_s = (starts_s[0], ends_s[-1]) if len(frames) else (0.0, 0.0)
    write_screen_time(folder / "screen_time.png", _lanes(times, found, roster), span_s)


def appearances(faces: pd.DataFrame, frames: pd.DataFrame, roster: Roster) -> list[Appearance]:
    """Every appearance of every member and of 'unknown', by start.

    Frames that follow each other belong together, also from one shot to the next; so do those around a gap shorter than
    MAX_GAP_S within one shot.
    """
    starts_s, ends_s = shown_s(frames)
    shots = frames["shot"].to_numpy()
    found = []
    for key, seen in _frames_seen(faces, frames, roster):
        after, before = seen[1:], seen[:-1]
        short_gap = (shots[after] == shots[before]) & (starts_s[after] - ends_s[before] < MAX_GAP_S)
        breaks = np.flatnonzero((after != before + 1) & ~short_gap) + 1
        found += [_appearance(key, run, starts_s, ends_s, shots) for run in np.split(seen, breaks) if len(run)]
    return sorted(found, key=lambda appearance: (appearance.start_s, appearance.member))


def screen_times(faces: pd.DataFrame, frames: pd.DataFrame, roster: Roster) -> list[ScreenTime]:
    """One row per member, also one never seen, longest first; 'unknown' last. Counted in time, not in frames."""
    starts_s, ends_s = shown_s(frames)
    length_s = float(ends_s[-1] - starts_s[0]) if len(frames) else 0.0
    found = appearances(faces, frames, roster)
    names = {member.key: member.name for member in roster.members} | {UNKNOWN: UNKNOWN}
    times = []
    for key, seen in _frames_seen(faces, frames, roster):
        seconds = float((ends_s[seen] - starts_s[seen]).sum())
        times.append(
            ScreenTime(
                member=key,
                name=names[key],
                seconds=round(seconds, 3),
                share=round(seconds / length_s, 4) if length_s else 0.0,
                appearances=sum(appearance.member == key for appearance in found),
                first_s=round(float(starts_s[seen[0]]), 3) if len(seen) else None,
                last_s=round(float(ends_s[seen[-1]]), 3) if len(seen) else None,
            )
        )
    return sorted(times, key=lambda time: (time.member == UNKNOWN, -time.seconds))


def shown_s(frames: pd.DataFrame) -> tuple[Float64, Float64]:
    """When each frame appears and gives way, in seconds; the last stays as long as the one before it."""
    starts_s = frames["time_s"].to_numpy(np.float64)
    if len(starts_s) < 2:
        return starts_s, starts_s + SINGLE_FRAME_S
    return starts_s, np.append(starts_s[1:], 2 * starts_s[-1] - starts_s[-2])


def _frames_seen(faces: pd.DataFrame, frames: pd.DataFrame, roster: Roster) -> list[tuple[str, Ints]]:
    """For each member and 'unknown', the places in `frames` at which it is seen, ascending."""
    places = pd.Index(frames["frame"]).get_indexer(faces["frame"])
    groups = pd.Series(places).groupby(faces["member"].to_numpy())
    of_member: dict[str, Ints] = {str(key): np.unique(group.to_numpy()) for key, group in groups}
    return [(key, of_member.get(key, np.empty(0, np.intp))) for key in (*roster.keys, UNKNOWN)]


def _appearance(key: str, run: Ints, starts_s: Float64, ends_s: Float64, shots: Ints) -> Appearance:
    start_s, end_s = (round(float(time_s), 3) for time_s in (starts_s[run[0]], ends_s[run[-1]]))
    return Appearance(key, start_s, end_s, tuple(int(shot) for shot in np.unique(shots[run])))


def _lanes(times: Sequence[ScreenTime], found: Sequence[Appearance], roster: Roster) -> list[Lane]:
    members = {member.key: member for member in roster.members} | {UNKNOWN: Member(UNKNOWN, UNKNOWN, UNKNOWN_COLOUR)}
    return [
        Lane(
            member=members[time.member],
            seconds=time.seconds,
            spans_s=tuple((one.start_s, one.end_s) for one in found if one.member == time.member),
        )
        for time in times
    ]


def _write_csv(path: Path, columns: list[str], rows: Iterable[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())
